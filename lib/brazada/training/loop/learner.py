"""A task's model at work: one step that is the same however many ranks share the batch, and exact scores."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from brazada.errors import ModelError
from brazada.training.loop.ranks import Communicator
from brazada.training.metrics import Vectors, updates
from brazada.training.task import Array, Decoded, Task, each, flat

File = tuple[str, bytes]  # name and content


class Learner:
    """Model, optimizer and compiled step of a task on one rank. Model and optimizer start equal on every rank."""

    def __init__(self, task: Task, ranks: Communicator, seed: int, steps: int, weights: File | None = None) -> None:
        """Build the model, in the spec's `precision`, and an optimizer for its epochs of so many steps each.

        `weights`, name and content of a file that Keras wrote, are those to begin with. Raises `ModelError` where they
        are not of this model.
        """
        import tensorflow as tf

        tf.keras.utils.set_random_seed(seed)
        self.task, self.ranks = task, ranks
        with _precision(task.spec.get("precision", "float32")):
            self.model = task.build(task.spec, seed)
        if weights:
            _begin_with(self.model, *weights)
        self.optimizer = task.optimizer({**task.spec, "steps": steps * int(task.spec["epochs"])})
        self.optimizer.build(self.model.trainable_variables)
        self.shapes: dict[str, list[int | None]] = {}
        ranks.broadcast(self.state())
        self._start = [variable.numpy() for variable in self.state()]
        # From here on a rank's own: what is drawn for dropout is to differ between ranks.
        tf.random.set_seed(seed + 1 + ranks.rank)
        self._step: Any = None
        self._measure: Any = None

    def state(self) -> list[Any]:
        """All variables that a step changes: the model's, then the optimizer's."""
        return [*self.model.variables, *self.optimizer.variables]

    def step(self, batch: Decoded) -> tuple[float, float]:
        """Learn from a batch shared by all ranks; its summed loss and weights over all of them.

        The gradient is that of the summed loss, reduced over ranks and divided by the summed weights, plus that of
        the regularisation losses, once; clipping by the optimizer acts on this.
        """
        if self._step is None:
            self._compile(batch)
        loss, weight = self._step(*batch)
        return float(loss), float(weight)

    def score(self, batch: Decoded) -> Vectors:
        """What this rank's batch adds to the loss and the metrics of the model."""
        if self._measure is None:
            self._compile(batch)
        return [vector.numpy() for vector in self._measure(*batch)]

    def average_statistics(self) -> None:
        """Set moving statistics (of batch normalisation) to their mean over ranks."""
        moving = [variable for variable in self.model.non_trainable_variables if variable.dtype.is_floating]
        for index, variable in enumerate(moving):
            variable.assign(self.ranks.allreduce_sum_array(f"statistics.{index}", variable.numpy()) / self.ranks.size)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the model use the moving average of its weights, where the optimizer keeps one (Keras's `use_ema`)."""
        if not getattr(self.optimizer, "use_ema", False):
            yield
            return
        variables = self.model.trainable_variables
        last = [variable.numpy() for variable in variables]
        self.optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            for variable, value in zip(variables, last, strict=True):
                variable.assign(value)

    def weights(self) -> list[Array]:
        """The model's weights, in Keras's order."""
        with self.averaged():
            return list(self.model.get_weights())

    def restore(self, arrays: list[Array]) -> None:
        """Set what `state` names. Raises `ModelError` where the number or a shape differs."""
        here = [tuple(variable.shape) for variable in self.state()]
        if [array.shape for array in arrays] != here:
            raise ModelError(
                f"{len(here)} arrays of a checkpoint of this model",
                found=f"{len(arrays)} arrays, of other shapes or number",
                todo="resume with the code and spec that the run was started with",
            )
        for variable, array in zip(self.state(), arrays, strict=True):
            variable.assign(array)

    def restart(self) -> None:
        """Set everything to what it was before the first step; what is compiled stays."""
        self.restore(self._start)

    def _compile(self, batch: Decoded) -> None:
        """Compile for any number of rows, so that the last, shorter batch needs no second graph."""
        import tensorflow as tf

        def any_rows(array: Array) -> Any:
            return tf.TensorSpec([None, *np.shape(array)[1:]], np.asarray(array).dtype)

        inputs, targets, weights = (each(any_rows, part) for part in batch)
        self.shapes = {name: list(array.shape[1:]) for name, array in flat(batch[0], "inputs").items()}
        self._step = tf.function(self._step_graph, input_signature=[inputs, targets, weights])
        self._measure = tf.function(self._measure_graph, input_signature=[inputs, targets, weights])

    def _step_graph(self, inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        variables = self.model.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            predictions = _exact(self.model(inputs, training=True))
            loss, weight = self.task.loss(targets, predictions, weights)
            penalty = tf.add_n(self.model.losses) if self.model.losses else None
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        *dense, loss, weight = self.ranks.allreduce_sum(
            [*dense, tf.cast(loss, tf.float32), tf.cast(weight, tf.float32)]
        )
        scale = tf.math.divide_no_nan(1.0, weight)
        gradients = [gradient * tf.cast(scale, gradient.dtype) for gradient in dense]
        if penalty is not None:
            extra = tape.gradient(penalty, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            gradients = [gradient + more for gradient, more in zip(gradients, extra, strict=True)]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, weight

    def _measure_graph(self, inputs: Any, targets: Any, weights: Any) -> Any:
        return updates(self.task.figures, targets, _exact(self.model(inputs, training=False)), weights)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Have the layers that are made compute by a policy of Keras; their weights are of 32 bits whatever it is."""
    from tensorflow.keras import mixed_precision

    before = mixed_precision.global_policy()
    mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        mixed_precision.set_global_policy(before)


def _exact(predictions: Any) -> Any:
    """Predictions, or each of a mapping of them, as numbers of 32 bits."""
    import tensorflow as tf

    return tf.nest.map_structure(lambda array: tf.cast(array, tf.float32), predictions)


def _begin_with(model: Any, name: str, content: bytes) -> None:
    """Give a model the weights of a file. Nothing in it is run: Keras reads arrays by the layers of our model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, Path(name).name)
        file.write_bytes(content)
        try:
            model.load_weights(file)
        except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
            layers = ", ".join(f"{layer.name} {[tuple(w.shape) for w in layer.weights]}" for layer in model.layers)
            raise ModelError(
                f"weights of all layers: {layers}",
                found=f"{name}: {str(error).splitlines()[0]}",
                todo="name a .keras, .weights.h5 or .h5 file that Keras wrote of this network",
            ) from error
