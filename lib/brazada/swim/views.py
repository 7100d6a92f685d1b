"""SQL views for analysts over the swim tables."""

from __future__ import annotations

from brazada.swim.motion import FEATURES, SMALLEST
from brazada.swim.published import FEATURES as PUBLISHED_FEATURES
from brazada.tables import View

# The thesis's figures. It names no style beside 2,884, 1,159 and 402; these have the order of their shares.
_STEPS = f"""
  SELECT 0 AS step, 'rows in the log' AS name, sum(rows_in) AS readings, (SELECT count(*) FROM swim.drills) AS drills,
         18479898 AS published_readings, 4940 AS published_drills
  FROM ops.ingested_files WHERE job = 'swim ingest'
  UNION ALL
  SELECT stack(3,
    1, 'readable, in order, each once', sum(readings), count(*), {(none := "CAST(NULL AS INT)")}, {none},
    3, 'within the record speed and acceleration', sum(within_records), count_if(within_records > 0), 14287443, {none},
    4, 'within the deviations of the means', sum(within_deviations), count_if(within_deviations > 0), {none}, {none})
  FROM swim.drills
  UNION ALL
  SELECT 5, 'sessions: passed the centre', sum(readings), count(*), NULL, 4457 FROM swim.sessions
"""  # noqa: S608 - constants of this module
_CLUSTERED = """
  SELECT style, sum(readings) AS readings, count(*) AS drills
  FROM swim.styles JOIN swim.sessions USING (tag, drill)
  WHERE method = 'published' AND cluster IS NOT NULL GROUP BY style
"""
# Of a drill that both methods scored, what the kinematic one says.
_TOLD = """
  SELECT tag, drill, max_by(struct(method, style, stroke, confidence), method = 'kinematic') AS told
  FROM swim.styles GROUP BY tag, drill
"""
_FIGURES = " UNION ALL ".join(
    f"SELECT '{method}' AS method, tag, drill, map({', '.join(parts)}) AS figures FROM {table}"  # noqa: S608
    for method, table, parts in (
        ("published", "swim.sessions", [f"'{name}', {name}" for name in PUBLISHED_FEATURES]),
        (
            "kinematic",
            "swim.motions",
            [f"'log_{n}', ln(greatest({n}, {least}D))" for n, least in zip(FEATURES, SMALLEST, strict=True)],
        ),
    )
)
_FILES = "(SELECT * FROM ops.ingested_files WHERE job = 'swim ingest')"
_PROGRESS = (
    "What each step of the published method leaves, beside the thesis's figures; a drill is one of one tag."
    " Steps 2 and 6 drop nothing. Of its sessions the thesis clustered 12 fewer, and does not say why."
)

# Of a name that comes twice the second has more to say, and needs more tables.
VIEWS = (
    View(
        name="swim.steps",
        comment=_PROGRESS,
        tables=("ops.ingested_files", "swim.drills", "swim.sessions"),
        query=_STEPS,
    ),
    View(
        name="swim.steps",
        comment=_PROGRESS,
        tables=("ops.ingested_files", "swim.drills", "swim.sessions", "swim.styles"),
        query=f"""
            WITH clustered AS ({_CLUSTERED}), thesis AS (
              SELECT * FROM VALUES ('front_crawl', 2884), ('others', 1159), ('breaststroke', 402) AS (style, drills)
            )
            {_STEPS}
            UNION ALL
            SELECT 7, 'clustered', sum(readings), sum(drills), NULL, 4445 FROM clustered
            UNION ALL
            SELECT 7, thesis.style, clustered.readings, clustered.drills, NULL, thesis.drills
            FROM thesis LEFT JOIN clustered ON clustered.style = thesis.style
            ORDER BY step, published_drills DESC
        """,  # noqa: S608 - constants of this module
    ),
    View(
        name="swim.file_quality",
        comment="What became of the rows of every ingested file, and how many were refused for which reason.",
        tables=("ops.ingested_files", "ops.quarantine"),
        query=f"""
            WITH reasons AS (
              SELECT batch, substring_index(reason, ', [', 1) AS reason, count(*) AS rows
              FROM ops.quarantine WHERE job = 'swim ingest' GROUP BY ALL
            )
            SELECT file, batch, rows_in, rows_good, rows_duplicate, rows_quarantined, refused.reasons
            FROM {_FILES} LEFT JOIN (
              SELECT batch, map_from_entries(collect_list(struct(reason, rows))) AS reasons FROM reasons GROUP BY batch
            ) AS refused USING (batch)
        """,  # noqa: S608 - constants of this module
    ),
    View(
        name="swim.drill_laps",
        comment="The lengths of every drill of a tag taken together: distance, pace, best full lap.",
        tables=("swim.laps",),
        query="""
            SELECT tag, drill, pool, min(start_ts) AS start_ts, count(*) AS lengths, count_if(full) AS full_laps,
                   count_if(ended = 'turn') AS turns, sum(distance_m) AS distance_m, sum(duration_s) AS swim_s,
                   100 * sum(duration_s) / sum(distance_m) AS pace_100m_s,
                   min(CASE WHEN full THEN duration_s END) AS best_lap_s
            FROM swim.laps GROUP BY tag, drill, pool
        """,
    ),
    View(
        name="swim.styles_per_day",
        comment="Drills by style for each day (UTC, of a drill's first reading), pool and method.",
        tables=("swim.styles", "swim.drills", "swim.motions"),
        query="""
            SELECT *, drills / sum(drills) OVER (PARTITION BY day, pool, method) AS share
            FROM (
              SELECT to_date(drills.first_ts) AS day, motions.pool, styles.method, styles.style, count(*) AS drills
              FROM swim.styles LEFT JOIN swim.drills USING (tag, drill) LEFT JOIN swim.motions USING (tag, drill)
              GROUP BY ALL
            )
        """,
    ),
    View(
        name="swim.swimmer_history",
        comment="Every drill of a tag: its style (by both methods: the kinematic), distance, pace, best lap, rest.",
        tables=("swim.motions", "swim.drills", "swim.laps", "swim.styles"),
        query=f"""
            SELECT motions.tag, motions.drill, to_date(drills.first_ts) AS day, motions.pool, told.method, told.style,
                   told.stroke, told.confidence, motions.distance_m, motions.lengths, laps.pace_100m_s,
                   laps.best_lap_s, motions.rest_share
            FROM swim.motions LEFT JOIN swim.drills USING (tag, drill) LEFT JOIN ({_TOLD}) USING (tag, drill)
              LEFT JOIN swim.drill_laps AS laps USING (tag, drill)
        """,  # noqa: S608 - constants of this module
    ),
    View(
        name="swim.leaderboard",
        comment="Every tag's best full lap by pool and stroke, fastest first: by speed, for full is 90 % of the pool.",
        tables=("swim.laps", "swim.styles"),
        query=f"""
            WITH laps AS (
              SELECT laps.*, told.stroke,
                     row_number() OVER (PARTITION BY pool, told.stroke, tag ORDER BY speed_m_s DESC, start_ts) AS place
              FROM swim.laps JOIN ({_TOLD}) USING (tag, drill) WHERE full AND told.stroke <> 'unknown'
            )
            SELECT pool, stroke, rank() OVER (PARTITION BY pool, stroke ORDER BY speed_m_s DESC) AS rank,
                   tag, drill, lap, start_ts, duration_s, distance_m, speed_m_s
            FROM laps WHERE place = 1 ORDER BY pool, stroke, rank
        """,  # noqa: S608 - constants of this module
    ),
    View(
        name="swim.filtered_readings",
        comment="Readings with the last step of the published method that they pass: 1, 3 or 4. Filter it, it is long.",
        tables=("swim.readings", "swim.drills", "swim.limits"),
        query="""
            SELECT tag, drill, ts, x_m, dx_m, dt_s, speed_m_s, accel_m_s2,
                   CASE WHEN speed_m_s > max_speed_m_s OR accel_m_s2 > max_accel_m_s2 THEN 1
                        WHEN abs(dx_m - dx_m_mean) >= deviations * dx_m_std
                          OR abs(dt_s - dt_s_mean) >= deviations * dt_s_std
                          OR abs(speed_m_s - speed_m_s_mean) >= deviations * speed_m_s_std
                          OR abs(accel_m_s2 - accel_m_s2_mean) >= deviations * accel_m_s2_std THEN 3
                        ELSE 4 END AS passed
            FROM (
              SELECT tag, drill, ts, x_m, dx_m, dt_s, if(dt_s > 0, dx_m / dt_s, 0) AS speed_m_s,
                     if(dt_s > 0, dx_m / (dt_s * dt_s), 0) AS accel_m_s2
              FROM swim.readings
            ) JOIN (SELECT tag, drill, limits FROM swim.drills) USING (tag, drill) JOIN swim.limits USING (limits)
        """,
    ),
    View(
        name="swim.points",
        comment=(
            "Where every clustered drill lies: `point` has the model's features in their order (swim.models), less the"
            " swimmer's level (swim.swimmers), less `offset`, over `scale`."
        ),
        tables=("swim.styles", "swim.models", "swim.swimmers", "swim.sessions", "swim.motions"),
        query=f"""
            SELECT method, tag, drill, style, stroke, cluster, confidence,
                   transform(features, (name, i) -> (figures[name] - coalesce(levels[name], 0) - offset[i]) / scale[i])
                     AS point
            FROM swim.styles JOIN (SELECT model, features, offset, scale FROM swim.models) USING (model)
              JOIN ({_FIGURES}) USING (method, tag, drill)
              LEFT JOIN (
                SELECT model, tag, map('log_speed_m_s', ln(speed), 'log_stroke_rate_hz', ln(stroke_rate)) AS levels
                FROM swim.swimmers
              ) USING (model, tag)
            WHERE cluster IS NOT NULL
        """,  # noqa: S608 - constants of this module
    ),
)
