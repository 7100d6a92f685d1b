"""SQL views for analysts over the price tables."""

from __future__ import annotations

from brazada.tables import View

_QUANTILES = (("lower_95", 0.025), ("lower_80", 0.1), ("forecast", 0.5), ("upper_80", 0.9), ("upper_95", 0.975))


def _pinball(column: str, level: float) -> str:
    """Scaled pinball loss of one quantile (Koenker and Bassett 1978)."""
    return f"greatest({level} * (actual - {column}), ({level} - 1) * (actual - {column})) / naive_error"


_SCORES = f"""
  count(*) AS rows,
  avg(abs(forecast - actual)) AS mae,
  sqrt(avg(power(forecast - actual, 2))) AS rmse,
  avg(CASE WHEN forecast + actual > 0 THEN 200 * abs(forecast - actual) / (forecast + actual) ELSE 0 END) AS smape,
  avg(scaled_error) AS mase,
  sqrt(avg(power(scaled_error, 2))) AS rmsse,
  avg(({" + ".join(_pinball(*quantile) for quantile in _QUANTILES)}) / {len(_QUANTILES)}) AS pinball,
  avg(CASE WHEN lower_80 IS NOT NULL THEN cast(actual BETWEEN lower_80 AND upper_80 AS int) END) AS coverage_80,
  avg(CASE WHEN lower_95 IS NOT NULL THEN cast(actual BETWEEN lower_95 AND upper_95 AS int) END) AS coverage_95
"""

_MONEY = ("last_price", "forecast", "lower_80", "upper_80", "lower_95", "upper_95")
_ERRORS = dict.fromkeys(("mae", "rmse", "naive_mae"), "{currency} per base unit")

VIEWS = (
    View(
        name="prices.corrections",
        comment="Every price that gave way to another file's, beside the one that stands; files as they were named.",
        tables=("prices.conflicts", "prices.observations", "ops.ingested_files"),
        query="""
            WITH files AS (SELECT batch, max(file) AS file FROM ops.ingested_files GROUP BY batch)
            SELECT gave.source, gave.date, gave.market, gave.product, gave.variety, gave.quality, gave.unit,
                   gave.price_min, gave.price_max, gave.price_mean, gave_in.file,
                   stands.price_min AS standing_min, stands.price_max AS standing_max,
                   stands.price_mean AS standing_mean, stands_in.file AS standing_file
            FROM prices.conflicts AS gave
            LEFT JOIN prices.observations AS stands USING (source, date, market, product, variety, quality, unit)
            LEFT JOIN files AS gave_in ON gave_in.batch = gave.batch
            LEFT JOIN files AS stands_in ON stands_in.batch = stands.batch
        """,
    ),
    View(
        name="prices.latest_forecasts",
        comment="The newest forecast of every series, with its bounds and the model that serves it.",
        tables=("prices.forecasts",),
        query="""
            SELECT source, product, series, unit_base, origin, target_date, horizon, last_price, frozen,
                   forecast, lower_80, upper_80, lower_95, upper_95, model, bounds, run,
                   data_version
            FROM (SELECT *, max(origin) OVER (PARTITION BY series) AS newest FROM prices.forecasts)
            WHERE origin = newest
        """,
        units=dict.fromkeys(_MONEY, "{currency}/{unit_base}"),
    ),
    View(
        name="prices.series_scores",
        comment="Errors of every model on every series, and their ratio to Naive's.",
        tables=("prices.backtest",),
        query=f"""
            WITH scores AS (
              SELECT source, split, series, model, {_SCORES}
              FROM prices.backtest WHERE observed GROUP BY source, split, series, model
            )
            SELECT scores.*, scores.mase / nullif(naive.mase, 0) AS mae_ratio,
                   scores.pinball / nullif(naive.pinball, 0) AS pinball_ratio
            FROM scores LEFT JOIN scores AS naive
              ON naive.model = 'naive' AND naive.series = scores.series AND naive.split = scores.split
        """,  # noqa: S608 - constants of this module
        units=_ERRORS,
    ),
    View(
        name="prices.worst_series",
        comment="Series whose served forecasts were worst on the test dates, worst first.",
        tables=("prices.backtest", "prices.serving"),
        query="""
            SELECT scores.source, scores.series, serving.model, scores.rows, scores.mase, scores.mae_ratio,
                   scores.pinball_ratio, scores.coverage_80, serving.reason
            FROM prices.series_scores AS scores JOIN prices.serving AS serving ON serving.series = scores.series
            WHERE scores.split = 'test' AND scores.model = 'served'
            ORDER BY scores.mase DESC
        """,
    ),
    View(
        name="prices.coverage",
        comment="Share of observed prices inside the 80 % and 95 % bands, per model and horizon, on the test dates.",
        tables=("prices.backtest",),
        query="""
            SELECT source, model, horizon, count(*) AS rows,
                   avg(cast(actual BETWEEN lower_80 AND upper_80 AS int)) AS coverage_80,
                   avg(cast(actual BETWEEN lower_95 AND upper_95 AS int)) AS coverage_95,
                   avg((upper_80 - lower_80) / naive_error) AS scaled_width_80
            FROM prices.backtest WHERE observed AND split = 'test' AND lower_80 IS NOT NULL
            GROUP BY source, model, horizon
        """,
    ),
    View(
        name="prices.accuracy",
        comment="Forecasts whose dates have come, by the week of the date: error beside Naive's, share in the bands.",
        tables=("prices.forecasts", "prices.series"),
        query="""
            SELECT source, series, unit_base, model, horizon, week, rows, mae, naive_mae,
                   mae / nullif(naive_mae, 0) AS mae_ratio, coverage_80, coverage_95
            FROM (
              SELECT made.source, made.series, made.unit_base, made.model, made.horizon,
                     cast(date_trunc('week', made.target_date) AS date) AS week, count(*) AS rows,
                     avg(abs(made.forecast - came.price)) AS mae, avg(abs(made.last_price - came.price)) AS naive_mae,
                     avg(cast(came.price BETWEEN made.lower_80 AND made.upper_80 AS int)) AS coverage_80,
                     avg(cast(came.price BETWEEN made.lower_95 AND made.upper_95 AS int)) AS coverage_95
              FROM prices.forecasts AS made JOIN prices.series AS came
                ON came.series = made.series AND came.date = made.target_date AND came.observed
                   AND NOT came.frozen
              GROUP BY ALL
            )
        """,
        units=dict.fromkeys(("mae", "naive_mae"), "{currency}/{unit_base}"),
    ),
    View(
        name="prices.fits",
        comment="The newest fit of each network to one series alone, failed fits included.",
        tables=("ml.runs", "ml.fits"),
        query="""
            SELECT source, series, network, run, status, seconds, best_epoch, mae, naive_mae, error, data_version
            FROM (
              SELECT replace(task, 'prices_local_', '') AS source, fits.group_key['series'] AS series, network, run,
                     status, seconds, fits.best_epoch, fits.metrics['mae'] AS mae, fits.baseline['mae'] AS naive_mae,
                     error, version AS data_version,
                     row_number() OVER (
                       PARTITION BY fits.group_key['series'], network ORDER BY finished_at DESC
                     ) AS newest
              FROM ml.fits AS fits JOIN ml.runs USING (run)
              WHERE task LIKE 'prices_local_%'
            )
            WHERE newest = 1
        """,
        units=_ERRORS,
    ),
)
