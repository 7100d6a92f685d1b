"""Models of series that are no networks, to compare networks with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from brazada.training.task import Array, Arrays, Decoded, Spec

_TREES = 300
_PENALTIES = np.logspace(-2, 4, 13)
_AT_ONCE = 1000  # series that MiniRocket transforms at once


def forest(train: Decoded, inputs: Arrays, spec: Spec, seed: int) -> Array:
    """A random forest on statistics of the series (Breiman 2001)."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(_TREES, class_weight="balanced_subsample", random_state=seed, n_jobs=1)
    model.fit(window_statistics(train[0]), np.asarray(train[1]))
    return _of_all(model.predict_proba(window_statistics(inputs)), model.classes_, spec)


def extra_trees(train: Decoded, inputs: Arrays, spec: Spec, seed: int) -> Array:
    """Extremely randomised trees on statistics of the series (Geurts, Ernst and Wehenkel 2006)."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(500, random_state=seed, n_jobs=1)
    model.fit(window_statistics(train[0]), np.asarray(train[1]))
    return _of_all(model.predict_proba(window_statistics(inputs)), model.classes_, spec)


def minirocket(worn: Callable[[Array], Array] | None, train: Decoded, inputs: Arrays, spec: Spec, seed: int) -> Array:
    """MiniRocket's features with a ridge classifier (Dempster 2021); `worn` gives more rows to learn from."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sktime.transformations.panel.rocket import MiniRocketMultivariate

    series, numbers = np.asarray(train[0], np.float32), np.asarray(train[1])
    if worn:
        series, numbers = np.concatenate([series, worn(series)]), np.concatenate([numbers, numbers])
    rocket = MiniRocketMultivariate(num_kernels=spec["kernels"], random_state=seed, n_jobs=1)
    rocket.fit(np.moveaxis(series, 1, 2).astype(np.float64))

    def features(of: Array) -> Array:
        parts = (np.moveaxis(of[start : start + _AT_ONCE], 1, 2) for start in range(0, len(of), _AT_ONCE))
        return np.concatenate([rocket.transform(part.astype(np.float64)).to_numpy(np.float32) for part in parts])

    model = make_pipeline(StandardScaler(), RidgeClassifierCV(_PENALTIES, class_weight="balanced"))
    model.fit(features(series), numbers)
    margins = np.atleast_2d(model.decision_function(features(np.asarray(inputs, np.float32))))
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    return _of_all(odds / odds.sum(axis=1, keepdims=True), model[-1].classes_, spec)


def window_statistics(inputs: Arrays) -> Array:
    """Numbers [n, 14 * channels] that sum up series [n, steps, channels]: level, spread, range, quantiles, rhythm."""
    series = np.asarray(inputs, np.float32)
    centred = series - series.mean(axis=1, keepdims=True)
    change = np.diff(series, axis=1)
    spectrum = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    power = spectrum / np.maximum(spectrum.sum(axis=1, keepdims=True), 1e-12)
    places = np.arange(spectrum.shape[1])[None, :, None]
    crossings = (np.diff(np.signbit(centred), axis=1)).mean(axis=1)
    quantiles = np.quantile(series, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    parts = [
        series.mean(axis=1),
        series.std(axis=1),
        np.abs(change).mean(axis=1),
        change.std(axis=1),
        np.ptp(series, axis=1),
        *quantiles,
        crossings,
        power.argmax(axis=1),
        (power * places).sum(axis=1),
        -(power * np.log(power + 1e-12)).sum(axis=1),
    ]
    found: Array = np.concatenate(parts, axis=1).astype(np.float32)
    return found


def _of_all(probabilities: Array, known: Array, spec: Spec) -> Array:
    """Probabilities [n, classes] of all classes: 0 for those that the training rows had none of."""
    found = np.zeros((len(probabilities), len(spec["classes"])), np.float32)
    found[:, known] = probabilities
    return found
