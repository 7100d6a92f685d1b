"""The tables that training and judging write: backtests, scores, who serves, forecasts."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, array_of, column

SERVED = "served"  # in backtests and scores: whatever model serves the series

_TEXT, _DAY, _INT, _LONG, _REAL = T.StringType(), T.DateType(), T.IntegerType(), T.LongType(), T.DoubleType()
_BOUNDS = [
    column("lower_80", _REAL, "Lower bound of the 80 % band, price per base unit", required=False),
    column("upper_80", _REAL, "Upper bound of the 80 % band", required=False),
    column("lower_95", _REAL, "Lower bound of the 95 % band", required=False),
    column("upper_95", _REAL, "Upper bound of the 95 % band", required=False),
]
_ORDERED_BOUNDS = {
    "bounds_ordered": "lower_80 IS NULL OR"
    " (lower_95 <= lower_80 AND lower_80 <= forecast AND forecast <= upper_80 AND upper_80 <= upper_95)"
}

BACKTEST = Table(
    name="prices.backtest",
    written_by="prices backtest",
    comment="One row per forecast made at a past origin, by every model, baselines too.",
    columns=T.StructType(
        [
            column("source", _TEXT, "Who published the prices"),
            column("series", _TEXT, "Series forecast"),
            column("origin", _DAY, "Date of the last price the forecast knew"),
            column("horizon", _INT, "Steps ahead, from 1"),
            column("target_date", _DAY, "Date forecast"),
            column("model", _TEXT, "Model; `served` is whichever serves the series"),
            column("split", _TEXT, "validate or test, by the date of the origin's first target"),
            column("forecast", _REAL, "Forecast price per base unit"),
            column("actual", _REAL, "Price observed, null where none was", required=False),
            column("observed", T.BooleanType(), "Whether a price was observed: only those are scored"),
            column("naive_error", _REAL, "Mean absolute one-step change in training: the scale of the errors"),
            column(
                "scaled_error", _REAL, "Absolute error over naive_error (MASE's), null if unobserved", required=False
            ),
            *_BOUNDS,
            column("run", _TEXT, "Training run of the model, null for baselines", required=False),
            column("data_version", _LONG, "Version of prices.windows it was made from"),
        ]
    ),
    key=("series", "origin", "horizon", "model"),
    constraints={
        "split_known": "split IN ('validate', 'test')",
        "horizon_positive": "horizon > 0",
        "scale_positive": "naive_error > 0",
    }
    | _ORDERED_BOUNDS,
)

SCORES = Table(
    name="prices.scores",
    written_by="prices backtest",
    comment="One row per source, split and model: its errors over all series, beside Naive's.",
    columns=T.StructType(
        [
            column("source", _TEXT, "Who published the prices"),
            column("split", _TEXT, "validate or test"),
            column("model", _TEXT, "Model"),
            column("rows", _LONG, "Forecasts scored"),
            column("mae", _REAL, "Mean absolute error, price per base unit"),
            column("rmse", _REAL, "Root mean squared error"),
            column("smape", _REAL, "Symmetric mean absolute percentage error"),
            column("mase", _REAL, "Mean absolute scaled error"),
            column("rmsse", _REAL, "Root mean squared scaled error"),
            column("pinball", _REAL, "Scaled pinball loss over five quantiles", required=False),
            column("coverage_80", _REAL, "Share of prices inside the 80 % band", required=False),
            column("coverage_95", _REAL, "Share of prices inside the 95 % band", required=False),
            column("mae_ratio", _REAL, "Scaled absolute error over Naive's on the same rows"),
            column("mae_low", _REAL, "2.5 % point of that ratio, bootstrap over series"),
            column("mae_high", _REAL, "97.5 % point of that ratio"),
            column("pinball_ratio", _REAL, "Pinball loss over Naive's with empirical quantiles", required=False),
            column("pinball_low", _REAL, "2.5 % point of that ratio", required=False),
            column("pinball_high", _REAL, "97.5 % point of that ratio", required=False),
            column("data_version", _LONG, "Version of prices.windows it was made from"),
        ]
    ),
    key=("source", "split", "model"),
)

SERVING = Table(
    name="prices.serving",
    written_by="prices backtest",
    comment="One row per series: the model that serves it, chosen on validation or after that one stopped, and why.",
    columns=T.StructType(
        [
            column("source", _TEXT, "Who published the prices"),
            column("series", _TEXT, "Series served"),
            column("model", _TEXT, "Model that serves it"),
            column(
                "bounds", _TEXT, "conformal: from its validation errors; else the model whose quantiles are its bounds"
            ),
            column("calibration", _TEXT, "JSON: offsets (H x 5) of conformal bounds, or widths (5) of quantiles"),
            column(
                "ratio",
                _REAL,
                "Its scaled absolute error over Naive's on validation, null if none seen",
                required=False,
            ),
            column("expected_ratio", _REAL, "That ratio, shrunk towards the model's over all series", required=False),
            column("reason", _TEXT, "Why this model"),
            column("run", _TEXT, "Training run, null for baselines", required=False),
            column("data_version", _LONG, "Version of prices.windows it was chosen on"),
        ]
    ),
    key=("series",),
)

FORECASTS = Table(
    name="prices.forecasts",
    written_by="prices forecast",
    comment="One row per series, origin and date forecast, by the model that serves the series.",
    columns=T.StructType(
        [
            column("source", _TEXT, "Who published the prices"),
            column("series", _TEXT, "Series forecast"),
            column("product", _TEXT, "Product"),
            column("unit_base", _TEXT, "What the price is of: kg, l or piece"),
            column("origin", _DAY, "Date of the last price known"),
            column("horizon", _INT, "Steps ahead, from 1"),
            column("target_date", _DAY, "Date forecast"),
            column("model", _TEXT, "Model that serves the series"),
            column("last_price", _REAL, "Price at the origin: Naive's forecast"),
            column("frozen", T.BooleanType(), "Whether that price has not changed for longer than the source's limit"),
            column("forecast", _REAL, "Forecast price per base unit"),
            *_BOUNDS,
            column("bounds", _TEXT, "conformal, or the model whose quantiles are the bounds"),
            column("attention", array_of(_REAL), "Weight of each step of the window, oldest first", required=False),
            column("run", _TEXT, "Training run of the model, null for baselines", required=False),
            column("data_version", _LONG, "Version of prices.windows it was made from"),
        ]
    ),
    key=("series", "origin", "target_date", "model"),
    constraints={"horizon_positive": "horizon > 0", **_ORDERED_BOUNDS},
)
