"""Price files as rows: read line by line, parsed by their layout, each with what speaks against it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from brazada.ingest.files import read_path
from brazada.prices.layouts import SEPARATOR_LINE, Columns
from brazada.prices.settings import Layout, Prices
from brazada.prices.texts import composed, one_spelling, plain_digits
from brazada.prices.units import base_units

PRICES = ("price_min", "price_max", "price_mean")
_TEXTS = ("date", "product", "variety", "quality", "unit", "category", *PRICES)
_LINE_ENDS = {"UTF-16LE": "\n\0", "UTF-16BE": "\0\n"}  # as bytes; of the other encodings Spark knows them


def lines(spark: SparkSession, uris: Sequence[str], encoding: str) -> DataFrame:
    """The lines of files: file, block (offset of the part one task read), place (grows in a block), day, raw, misread.

    Blank lines and headers are among them: a line's number needs them; a line `sep=;`, Excel's, is as a blank one.
    `misread` marks text of another encoding, `day` is that of the file.
    """
    text = F.regexp_replace(F.decode(F.col("value").cast("binary"), encoding), f"\r$|{SEPARATOR_LINE}", "")
    utf8 = F.decode(F.col("value").cast("binary"), "UTF-8").contains("\ufffd")
    latin = ~utf8 & text.rlike(r"[^\x00-\x7f]")
    return spark.read.text([read_path(uri) for uri in uris], lineSep=_LINE_ENDS.get(encoding)).select(
        F.regexp_replace("_metadata.file_path", "^file:/+", "file:///").alias("file"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("place"),
        F.to_date("_metadata.file_modification_time").alias("day"),
        text.alias("raw"),
        (latin if encoding == "ISO-8859-1" else text.contains("\ufffd")).alias("misread"),
    )


def rows(lines: DataFrame, columns: Columns, source: str, settings: Prices) -> DataFrame:
    """Lines as observations of a source, unreadable parts null, and `reason`: all that speaks against one, or null."""
    layout, rules = columns.layout, (*settings.sources[source].units, *settings.units)
    sound = lines.select("*", _fields(columns).alias("fields")).select("*", *_texts(columns))
    read = sound.select(
        *lines.columns,
        *[F.col(name).alias(f"{name}_text") for name in ("date", "unit", *PRICES)],
        _date(F.col("date"), layout).alias("date"),
        _market(columns).alias("market"),
        *["product", "variety", "quality", "unit"],
        base_units(plain_digits(F.col("unit")), rules).alias("base_units"),
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
    line = F.col("raw") if columns.encoding == "ISO-8859-1" else composed(F.col("raw"))
    return F.from_csv(line, schema, {"sep": columns.layout.separator, "quote": '"', "escape": '"'})


def _texts(columns: Columns) -> list[Column]:
    layout = columns.layout
    elsewhere = {"date": _name_date(layout), "unit": F.lit(layout.every_unit)}
    named = {name: getattr(layout, name) for name in _TEXTS}
    return [
        (_text(columns, column) if column else elsewhere.get(name, F.lit(""))).alias(name)
        for name, column in named.items()
    ]


def _name_date(layout: Layout) -> Column:
    """The date in the file's name, which has one where the layout has no column for it."""
    return F.regexp_extract(F.url_decode("file"), f"{layout.name_date}(?=[^/]*$)", 0)


def _text(columns: Columns, column: str) -> Column:
    return one_spelling(F.coalesce(F.col(f"fields.f{columns.place(column)}"), F.lit("")))


def _market(columns: Columns) -> Column:
    parts = [_text(columns, column) for column in columns.layout.market]
    return F.concat_ws(" / ", *[F.when(part != "", part) for part in parts])


def _date(text: Column, layout: Layout) -> Column:
    """A date by the layout's forms alone; null for any other text and for days that no calendar has."""
    plain, read = plain_digits(text), F.lit(None).cast("date")
    for pattern, order in layout.date_patterns():
        iso = "-".join(f"${order.index(letter) + 1}" for letter in "yMd")
        whole = f"^{pattern}$"
        read = F.when(plain.rlike(whole), F.regexp_replace(plain, whole, iso).cast("date")).otherwise(read)
    return read


def _number(text: Column, layout: Layout) -> Column:
    """A number by the layout's signs alone; null for any other text."""
    decimal, thousands = re.escape(layout.decimal), re.escape(layout.thousands)
    grouped = rf"|\d{{1,3}}(?:{thousands}\d{{3}}){{1,4}}" if thousands else ""
    prefixes = "|".join(map(re.escape, layout.prefixes))
    bare = F.regexp_replace(plain_digits(text), rf"^(?:{prefixes})\s*", "")
    plain = F.translate(bare, layout.decimal + layout.thousands, ".")
    return F.when(bare.rlike(rf"^-?(?:\d{{1,15}}{grouped})(?:{decimal}\d+)?$"), plain.cast("double"))


def _reason(columns: Columns, settings: Prices) -> Column:
    """What speaks against a row, the most basic first, in one text; null for a sound row."""
    low, high, mean = (F.col(name) for name in PRICES)
    tolerance, first, last = settings.mean_tolerance, settings.first_date, settings.last_date
    faults = [
        (F.col("misread"), F.lit(f"text that is not {columns.encoding}")),
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
