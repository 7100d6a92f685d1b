"""What ranks do together: add up, average, broadcast. One process alone does it without Horovod."""

from __future__ import annotations

from typing import Any, Protocol

from brazada.training.task import Array


class Communicator(Protocol):
    """The ranks of one training as one of them sees it. All of them make the same calls in the same order."""

    rank: int
    size: int

    def allreduce_sum(self, tensors: list[Any]) -> list[Any]:
        """Sums of tensors over ranks, in one fused reduction; callable inside a tf.function."""

    def allreduce_sum_array(self, name: str, array: Array) -> Array:
        """The sum of an array over ranks."""

    def broadcast(self, variables: list[Any]) -> None:
        """Set variables to what they are on rank 0."""

    def broadcast_object(self, value: Any) -> Any:
        """The value that rank 0 passes."""


class SingleProcess:
    """One process."""

    rank = 0
    size = 1

    def allreduce_sum(self, tensors: list[Any]) -> list[Any]:
        """The tensors themselves."""
        return tensors

    def allreduce_sum_array(self, name: str, array: Array) -> Array:  # noqa: ARG002 - the protocol's
        """The array itself."""
        return array

    def broadcast(self, variables: list[Any]) -> None:
        """Nothing to do."""

    def broadcast_object(self, value: Any) -> Any:
        """The value itself."""
        return value


class Horovod:
    """Processes joined by `hvd.init()`."""

    def __init__(self) -> None:
        import horovod.tensorflow as hvd

        hvd.init()
        self._hvd = hvd
        self.rank = int(hvd.rank())
        self.size = int(hvd.size())
        self.local_rank = int(hvd.local_rank())

    def allreduce_sum(self, tensors: list[Any]) -> list[Any]:
        """Sums by one grouped allreduce."""
        return list(self._hvd.grouped_allreduce(tensors, op=self._hvd.Sum))

    def allreduce_sum_array(self, name: str, array: Array) -> Array:
        """The sum by one allreduce of that name."""
        import tensorflow as tf

        return self._hvd.allreduce(tf.constant(array), op=self._hvd.Sum, name=name).numpy()  # type: ignore[no-any-return]

    def broadcast(self, variables: list[Any]) -> None:
        """Take rank 0's values."""
        self._hvd.broadcast_variables(variables, root_rank=0)

    def broadcast_object(self, value: Any) -> Any:
        """The value of rank 0."""
        return self._hvd.broadcast_object(value, root_rank=0)
