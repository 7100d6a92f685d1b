"""The tasks `surfaces` and `strokes`."""

from __future__ import annotations

from functools import partial

from brazada.sensors import classic, features, networks
from brazada.sensors.settings import Sensors, Strokes, Surfaces
from brazada.sensors.tables import STROKE_LABELS, STROKES, SURFACE_STEPS, SURFACES, SURFACES_KNOWN, WINDOW
from brazada.training import classes
from brazada.training.metrics import cross_entropy, f1, regrouped
from brazada.training.task import Task

_FIVE = (0, 1, 2, 3, 4, 0)  # what is no stroke as one, as published
_STROKES_ALONE = (None, 0, 1, 2, 3, None)


def tasks(options: Sensors) -> list[Task]:
    """All of them, by the settings of the domain."""
    return [*_surfaces(options.surfaces), *_strokes(options.strokes)]


def _surfaces(options: Surfaces) -> list[Task]:
    kinds = {"lstm": networks.lstm, "cnn": networks.cnn}
    return [
        Task(
            name="surfaces",
            network=name,
            table=SURFACES.name,
            columns=("signal", "class_number"),
            decode=features.decode_surfaces,
            build=partial(networks.build, kinds[name], (SURFACE_STEPS, len(features.ROBOT))),
            loss=cross_entropy,
            loss_weight=partial(classes.balancing, 0.5),
            metrics=classes.metrics(SURFACES_KNOWN),
            test_metrics=classes.report_metrics(SURFACES_KNOWN),
            monitor="accuracy",
            baseline=classes.commonest,
            statistics=features.learned_of_surfaces,
            group="recording",
            compared={
                "forest": classic.forest,
                "extra_trees": classic.extra_trees,
                "minirocket": partial(classic.minirocket, None),
            },
            output=classes.output,
            spec={"classes": list(SURFACES_KNOWN), "channels": list(options.channels), **recipe.spec},
        )
        for name, recipe in options.networks.items()
    ]


def _strokes(options: Strokes) -> list[Task]:
    kinds = {"cnn": networks.cnn, "bilstm": networks.bilstm, "cnn_bilstm": networks.cnn_bilstm}
    figures = {"f1_five": regrouped(f1(5), _FIVE), "f1_strokes": regrouped(f1(4), _STROKES_ALONE)}
    return [
        Task(
            name="strokes",
            network=name,
            table=STROKES.name,
            columns=("signal", "class_number"),
            decode=features.decode_strokes,
            augment=features.otherwise_worn,
            build=partial(networks.build, kinds[name], (WINDOW, 6)),
            loss=cross_entropy,
            loss_weight=partial(classes.balancing, 0.5),
            metrics={**classes.metrics(STROKE_LABELS), **figures},
            test_metrics=classes.report_metrics(STROKE_LABELS),
            monitor="f1_five",
            baseline=classes.commonest,
            statistics=partial(classes.shares, "class_number", len(STROKE_LABELS)),
            group="swimmer",
            compared={"forest": classic.forest, "minirocket": partial(classic.minirocket, features.on_other_wrist)},
            output=classes.output,
            spec={"classes": list(STROKE_LABELS), **recipe.spec},
        )
        for name, recipe in options.networks.items()
    ]
