"""The price tables up to the training examples: observations, series, windows."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, array_of, column

_TEXT, _DATE, _DOUBLE, _INT = T.StringType(), T.DateType(), T.DoubleType(), T.IntegerType()

OBSERVATIONS = Table(
    name="prices.observations",
    written_by="prices ingest FILES",
    comment="One price as published, its unit normalised.",
    columns=T.StructType(
        [
            column("source", _TEXT, "Publisher, as under prices.sources in the settings"),
            column("date", _DATE, "Day, or first day of the week, that the price is of"),
            column("market", _TEXT, "Region / sector / kind of market; empty where the source has one market"),
            column("product", _TEXT, "Product as published"),
            column("variety", _TEXT, "Variety; empty where the layout has none"),
            column("quality", _TEXT, "Quality; empty where the layout has none"),
            column("unit", _TEXT, "Unit as published"),
            column("unit_base", _TEXT, "kg, l or piece"),
            column("unit_quantity", _DOUBLE, "Base units in one published unit"),
            column("price_min", _DOUBLE, "Lowest price per published unit"),
            column("price_max", _DOUBLE, "Highest price per published unit"),
            column("price_mean", _DOUBLE, "Average price per published unit, as published"),
            column("price_per_unit", _DOUBLE, "price_mean per base unit"),
            column("currency", _TEXT, "ISO 4217 code of the prices"),
            column("category", _TEXT, "Group of products, where the layout has one", required=False),
            column("batch", _TEXT, "What tells its file's content, see ops.ingested_files"),
        ]
    ),
    key=("source", "date", "market", "product", "variety", "quality", "unit"),
    constraints={
        "price_positive": "price_min > 0 AND price_max > 0 AND price_mean > 0 AND price_per_unit > 0",
        "price_ordered": "price_min <= price_max",
        "quantity_positive": "unit_quantity > 0",
        "unit_known": "unit_base IN ('kg', 'l', 'piece')",
        "product_named": "product <> ''",
    },
    partition_by=("source",),
)

CONFLICTS = Table(
    name="prices.conflicts",
    written_by="prices ingest FILES",
    comment="One price that another file's stands in place of, by the on_conflict of its source.",
    columns=T.StructType(
        [
            *[part for part in OBSERVATIONS.columns if part.name in OBSERVATIONS.key],
            column("price_min", _DOUBLE, "Lowest price per published unit"),
            column("price_max", _DOUBLE, "Highest price per published unit"),
            column("price_mean", _DOUBLE, "Average price per published unit"),
            column("batch", _TEXT, "What tells its file's content, see ops.ingested_files"),
        ]
    ),
    key=(*OBSERVATIONS.key, "batch"),
)

SERIES = Table(
    name="prices.series",
    written_by="prices series",
    comment="The mean price of one product, variety, quality and unit at every step of its source's calendar.",
    columns=T.StructType(
        [
            column("series", _TEXT, "source|product|variety|quality|unit"),
            column("source", _TEXT, "Publisher"),
            column("product", _TEXT, "Product as published"),
            column("variety", _TEXT, "Variety; empty where there is none"),
            column("quality", _TEXT, "Quality; empty where there is none"),
            column("unit", _TEXT, "Unit as published"),
            column("unit_base", _TEXT, "kg, l or piece"),
            column("date", _DATE, "Day of the calendar"),
            column("step", _INT, "Index of the day in the source's calendar, from 0"),
            column("price", _DOUBLE, "Mean price per base unit; filled forward over short gaps", required=False),
            column("observed", T.BooleanType(), "Whether a price was published for that day"),
            column("markets", _INT, "Markets in the mean; 0 where not observed"),
            column("frozen", T.BooleanType(), "Whether it is of a run of equal prices longer than the source's limit"),
        ]
    ),
    key=("series", "date"),
    constraints={
        "price_positive": "price IS NULL OR price > 0",
        "observed_has_price": "NOT observed OR (price IS NOT NULL AND markets > 0)",
        "step_counted": "step >= 0",
    },
    partition_by=("source",),
)

WINDOWS = Table(
    name="prices.windows",
    written_by="prices windows",
    comment="One training example: L prices up to an origin, H after it, and the series' statistics in training.",
    columns=T.StructType(
        [
            column("series", _TEXT, "Series, see prices.series"),
            column("source", _TEXT, "Publisher"),
            column("origin", _DATE, "Date of the last input price"),
            column("step", _INT, "Calendar step of the origin"),
            column("split", _TEXT, "train, validate or test by the date of the first target; live without a target"),
            column("shard", _INT, "Part of the split, equal to a row"),
            column("prices", array_of(_DOUBLE), "L prices per base unit, gaps filled"),
            column("observed", array_of(T.BooleanType()), "L flags: published, or filled"),
            column("market_change", array_of(_DOUBLE), "L means over the source's series of the change of log price"),
            column("window", array_of(T.FloatType()), "L x 5: min-max scaled price; sin, cos of month and of ISO week"),
            column("target", array_of(_DOUBLE), "H prices; null where not observed, frozen or past the split's end"),
            column("target_dates", array_of(_DATE), "H dates; past the calendar's end as it would go on"),
            column("target_calendar", array_of(T.FloatType()), "H x 4: season of the target dates, as in window"),
            column("target_drift", array_of(_DOUBLE), "H medians over series of (target - last price) / naive_error"),
            column("scale_min", _DOUBLE, "Lowest price of the series in training"),
            column("scale_max", _DOUBLE, "Highest price of the series in training"),
            column("naive_error", _DOUBLE, "Mean |change of price| from step to step in training; 0 if constant"),
            column("log_scale", _DOUBLE, "Mean |change of log price| in training"),
            column("log_mean", _DOUBLE, "Mean log price in training"),
            column("share_unchanged", _DOUBLE, "Share of steps in training at which the price stayed"),
        ]
    ),
    key=("series", "origin"),
    constraints={"split_known": "split IN ('train', 'validate', 'test', 'live')"},
    partition_by=("source", "split", "shard"),
)
