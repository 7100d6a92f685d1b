"""Keras's optimizers, made of the entries of a spec.

`learning_rate` (0.001) is constant, or the highest of a `schedule`: `cosine` falls to 0 at the end of the run, after it
rose for the share `warmup` of the steps (0); `steps` falls to a tenth every `decay_epochs`. `clipnorm` (none) clips the
norm of the gradient of all ranks. `weight_decay` (none), times the rate, is taken of the weights at each step, but not
of biases and of scales of a normalisation. With `ema` the model that is validated and kept has the moving average of
the weights, of which each step keeps so much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Spec = Mapping[str, Any]


def adam(spec: Spec) -> Any:
    """Adam."""
    import tensorflow as tf

    return _made(tf.keras.optimizers.Adam, spec)


def sgd(spec: Spec) -> Any:
    """Stochastic gradient descent; `momentum` (0), by Nesterov's formula with `nesterov` (false)."""
    import tensorflow as tf

    momentum, nesterov = spec.get("momentum", 0.0), spec.get("nesterov", False)
    return _made(tf.keras.optimizers.SGD, spec, momentum=momentum, nesterov=nesterov)


def rmsprop(spec: Spec) -> Any:
    """RMSprop."""
    import tensorflow as tf

    return _made(tf.keras.optimizers.RMSprop, spec)


def learning_rate(spec: Spec) -> Any:
    """A rate, or Keras's schedule of it over the `steps` of the run. Raises `ValueError` for an unknown schedule."""
    import tensorflow as tf

    highest, schedule = spec.get("learning_rate", 1e-3), spec.get("schedule", "constant")
    if schedule == "constant":
        return highest
    steps = spec["steps"]
    if schedule == "cosine":
        rising = int(steps * spec.get("warmup", 0))
        start, target = (0.0, highest) if rising else (highest, None)
        return tf.keras.optimizers.schedules.CosineDecay(
            start, max(1, steps - rising), warmup_target=target, warmup_steps=rising
        )
    if schedule == "steps":
        every = steps * spec["decay_epochs"] / spec["epochs"]
        return tf.keras.optimizers.schedules.ExponentialDecay(highest, every, 0.1, staircase=True)
    raise ValueError(f"schedule is constant, cosine or steps, not {schedule!r}")


def _made(kind: Any, spec: Spec, **own: Any) -> Any:
    average = {"use_ema": True, "ema_momentum": spec["ema"]} if spec.get("ema") else {}
    decay, clipnorm = spec.get("weight_decay"), spec.get("clipnorm")
    made = kind(learning_rate(spec), global_clipnorm=clipnorm, weight_decay=decay, **own, **average)
    if decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made
