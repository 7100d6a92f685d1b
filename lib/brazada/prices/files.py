"""Price files as rows: read line by line, parsed by their layout, each with what speaks against it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from brazada.ingest.files import read_path
from brazada.prices.layouts import Columns
from brazada.prices.settings import DATE_PARTS, DATE_TOKENS, Layout, Prices
from brazada.prices.texts import one_spelling
from brazada.prices.units import base_units

PRICES = ("price_min", "price_max", "price_mean")
_TEXTS = ("date", "product", "variety", "quality", "unit", "category", *PRICES)


def lines(spark: SparkSession, uris: Sequence[str], encoding: str) -> DataFrame:
    """The lines of files: file, block (offset of the part one task read), place (grows in a block), day, raw, misread.

    Blank lines and headers are among them: a line's number needs them. `misread` marks text of another encoding,
    `day` is that of the file.
    """
    text = F.decode(F.col("value").cast("binary"), encoding)
    utf8 = F.decode(F.col("value").cast("binary"), "UTF-8").contains("\ufffd")
    return spark.read.text([read_path(uri) for uri in uris]).select(
        F.regexp_replace("_metadata.file_path", "^file:/+", "file:///").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("place"),
        F.to_date("_metadata.file_modification_time").alias("day"),
        text.alias("raw"),
        (utf8 if encoding == "UTF-8" else ~utf8 & text.rlike(r"[^\x00-\x7f]")).alias("misread"),
    )


def rows(lines: DataFrame, columns: Columns, source: str, settings: Prices) -> DataFrame:
    """Lines as observations of a source, unreadable parts null, and `reason`: all that speaks against one, or null."""
    layout = columns.layout
    sound = lines.select("*", _fields(columns).alias("fields")).select("*", *_texts(columns))
    read = sound.select(
        *lines.columns,
        *[F.col(name).alias(f"{name}_text") for name in ("date", "unit", *PRICES)],
        _date(F.col("date"), layout).alias("date"),
        _market(columns).alias("market"),
        *["product", "variety", "quality", "unit"],
        base_units(F.col("unit"), settings.units).alias("base_units"),
        *[_number(F.col(name), layout).alias(name) for name in PRICES],
        F.when(F.col("category") != "", F.col("category")).alias("category"),
    )
    return read.select(
        *["file", "block", "place", "raw"],
        F.lit(source).alias("source"),
        *["date", "market", "product", "variety", "quality", "unit"],
        F.col("base_units.base").alias("unit_base"),
        F.col("base_units.quantity").alias("unit_quantity"),
        *PRICES,
        (F.col("price_mean") / F.col("base_units.quantity")).alias("price_per_unit"),
        F.lit(settings.sources[source].currency).alias("currency"),
        "category",
        _reason(columns, settings).alias("reason"),
    )


def _fields(columns: Columns) -> Column:
    schema = ", ".join(f"f{place} STRING" for place in range(len(columns.names)))
    return F.from_csv("raw", schema, {"sep": columns.layout.separator, "quote": '"', "escape": '"'})


def _texts(columns: Columns) -> list[Column]:
    named = {name: getattr(columns.layout, name) for name in _TEXTS}
    return [(_text(columns, column) if column else F.lit("")).alias(name) for name, column in named.items()]


def _text(columns: Columns, column: str) -> Column:
    return one_spelling(F.coalesce(F.col(f"fields.f{columns.place(column)}"), F.lit("")))


def _market(columns: Columns) -> Column:
    parts = [_text(columns, column) for column in columns.layout.market]
    return F.concat_ws(" / ", *[F.when(part != "", part) for part in parts])


def _date(text: Column, layout: Layout) -> Column:
    """A date by the layout's form alone; null for any other text and for days that no calendar has."""
    pattern, order = "", []
    for piece in re.split(f"({DATE_TOKENS.pattern})", layout.date_format):
        pattern += DATE_PARTS.get(piece, re.escape(piece))
        order += [piece[0]] if piece and piece in DATE_PARTS and piece[0] in "yMd" else []
    iso = "-".join(f"${order.index(letter) + 1}" for letter in "yMd")
    whole = f"^{pattern}$"
    return F.when(text.rlike(whole), F.regexp_replace(text, whole, iso).cast("date"))


def _number(text: Column, layout: Layout) -> Column:
    """A number by the layout's signs alone; null for any other text."""
    decimal, thousands = re.escape(layout.decimal), re.escape(layout.thousands)
    grouped = rf"|\d{{1,3}}(?:{thousands}\d{{3}}){{1,4}}" if thousands else ""
    bare = F.regexp_replace(text, rf"^{re.escape(layout.prefix)}\s*", "") if layout.prefix else text
    plain = F.translate(bare, layout.decimal + layout.thousands, ".")
    return F.when(bare.rlike(rf"^-?(?:\d{{1,15}}{grouped})(?:{decimal}\d+)?$"), plain.cast("double"))


def _reason(columns: Columns, settings: Prices) -> Column:
    """What speaks against a row, the most basic first, in one text; null for a sound row."""
    low, high, mean = (F.col(name) for name in PRICES)
    tolerance, first, last = settings.mean_tolerance, settings.first_date, settings.last_date
    faults = [
        (F.col("misread"), F.lit(f"text that is not {columns.layout.encoding}")),
        (F.col("date").isNull(), _quoting("unreadable date", "date_text")),
        (~F.col("date").between(F.lit(first), F.lit(last)), _quoting(f"date not from {first} to {last}:", "date_text")),
        (
            F.col("date").between(F.lit(first), F.lit(last)) & _after(F.col("date"), first),
            F.concat(_quoting("date", "date_text"), F.lit(" after the file's day "), F.col("day")),
        ),
        (F.col("product") == "", F.lit("no product")),
        (F.col("base_units").isNull(), _quoting("unknown unit", "unit_text")),
        *[(F.col(name).isNull(), _quoting(f"unreadable {name}", f"{name}_text")) for name in PRICES],
        (F.least(*PRICES) <= 0, F.lit("price not above 0")),
        (low > high, F.lit("minimum above maximum")),
        ((mean < low - tolerance) | (mean > high + tolerance), F.lit("average outside minimum and maximum")),
    ]
    found = F.concat_ws("; ", *[F.when(fault, text) for fault, text in faults])
    broken = F.lit(f"not {len(columns.names)} fields, or quotes that do not match")
    return F.when(~F.col("raw").rlike(_shape(columns)), broken).when(found != "", found)


def _after(date: Column, first: dt.date) -> Column:
    """Whether a date is after the file's day, time zones aside; a file dated before any price tells no day."""
    return (F.col("day") >= F.lit(first)) & (date > F.date_add("day", 1))


def _quoting(what: str, column: str) -> Column:
    return F.concat(F.lit(f"{what} '"), F.col(column), F.lit("'"))


def _shape(columns: Columns) -> str:
    """A line of as many fields as the header, each quoted as a whole or not at all."""
    separator = re.escape(columns.layout.separator)
    field = rf'(?:"(?:[^"]++|"")*+"|[^"{separator}]*+)'
    return rf"^{field}(?:{separator}{field}){{{len(columns.names) - 1}}}$"
