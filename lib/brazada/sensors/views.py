"""SQL views for analysts over sensor series and what was told of them."""

from __future__ import annotations

from brazada.sensors.tables import LAPS
from brazada.tables import View

VIEWS = (
    View(
        name="sensors.lap_errors",
        comment="Lengths of every recording as a run tells them beside those of the labels, where all is labelled.",
        tables=(LAPS.name,),
        query=f"""
            WITH counted AS (
              SELECT told_by, swimmer, recording, any_value(split) AS split, count(*) AS lengths,
                     sum(seconds) AS seconds, avg(strokes_per_min) AS strokes_per_min
              FROM {LAPS.name} WHERE known_share = 1 GROUP BY told_by, swimmer, recording
            ), runs AS (SELECT DISTINCT told_by AS run FROM {LAPS.name} WHERE told_by != 'labels'),
            told AS (SELECT *, told_by AS run FROM counted WHERE told_by != 'labels'),
            truth AS (SELECT run, counted.* FROM runs CROSS JOIN counted WHERE told_by = 'labels')
            SELECT run, swimmer, recording, coalesce(truth.split, told.split) AS split,
                   coalesce(told.lengths, 0) AS lengths, coalesce(truth.lengths, 0) AS lengths_by_labels,
                   coalesce(told.lengths, 0) - coalesce(truth.lengths, 0) AS lengths_error,
                   told.seconds - truth.seconds AS seconds_error,
                   told.strokes_per_min - truth.strokes_per_min AS strokes_per_min_error
            FROM truth FULL OUTER JOIN told USING (run, swimmer, recording)
        """,  # noqa: S608 - constants
    ),
    View(
        name="sensors.swimmers",
        comment="Every swimmer by stroke: lengths, their mean time and stroke rate, as told by a run or by the labels.",
        tables=(LAPS.name,),
        query=f"""
            SELECT told_by, swimmer, any_value(split) AS split, stroke, count(*) AS lengths,
                   avg(seconds) AS seconds_per_length, avg(strokes_per_min) AS strokes_per_min,
                   stddev(strokes_per_min) AS strokes_per_min_spread
            FROM {LAPS.name} GROUP BY told_by, swimmer, stroke
        """,  # noqa: S608 - constants
    ),
)
