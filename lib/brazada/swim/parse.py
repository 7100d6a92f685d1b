"""Lines of a swim log as positions, and what is wrong with the lines that are none; all in Spark expressions."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from brazada.swim.settings import Swim

HEADER = "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"
POSITION = ("x_m", "y_m", "z_m")  # metres from the pool's centre
SAMPLE = ("tag", "drill", "millis", *POSITION)  # millis: milliseconds since 1970, UTC

_FIELDS = ("id", "time", "drill", "tag", "x", "y", "rest")  # of a line, split at its first six commas
_STANDING_STILL = ']","[0,0,0]","[0,0,0]"'  # how the published log ends a line after z
_LISTS = r'^([^\]"]*)\]","\[[^\]"]*\]","\[[^\]"]*\]"\z'  # how any line ends after y
_ID = r'^("?)ObjectI[dD]\(("*)([0-9A-Fa-f]{18}|[0-9A-Fa-f]{24})\2\)\1\z'  # as other exports write it than the published
_NUMBER = r"^[\x00-\x20\x7f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[\x00-\x20\x7f]*\z"


def positions(lines: DataFrame, settings: Swim) -> DataFrame:
    """The lines (`value`) that are positions: SAMPLE, beside the other columns of `lines`."""
    others = [name for name in lines.columns if name != "value"]
    return _of_lines(lines, settings, wanted=True, row=F.struct(*others, *SAMPLE))


def refused(lines: DataFrame, settings: Swim) -> DataFrame:
    """The lines (`value`) that are no positions: their columns, and `reason`, the first rule that one breaks."""
    numbers = _coordinates()
    rules = {
        f"not the seven fields {HEADER}": _field("rest").isNotNull(),
        "_id is neither 18 or 24 hex digits nor ObjectId of them": _is_id("id"),
        "TimeStamp is no plausible time": _is_time() & _time().between(*settings.millis),
        "DrillID is neither 18 or 24 hex digits nor ObjectId of them": _is_id("drill"),
        "TagID is not 12 hex digits": _is_tag(),
        "Position is not a quoted list": _is_list(),
        "Position, Velocity and Acceleration are not three quoted lists to the line's end": _are_lists(),
        "Position has something else than three numbers": _all(*[number.isNotNull() for number in numbers]),
        f"Position is further than {settings.max_position_m:g} m from the centre": _is_near(numbers, settings),
    }
    broken = [F.when(~F.coalesce(rule, F.lit(False)), F.lit(text)) for text, rule in rules.items()]
    return _of_lines(lines, settings, wanted=False, row=F.struct(*lines.columns, F.coalesce(*broken).alias("reason")))


def _of_lines(lines: DataFrame, settings: Swim, *, wanted: bool, row: Column) -> DataFrame:
    """A row for each line that is a position, or that is none."""
    columns = dict(
        zip(SAMPLE, [F.lower(_field("tag")), F.lower(_digits("drill")), _time(), *_coordinates()], strict=True)
    )
    in_form = _all(_is_id("id"), _is_time(), _is_id("drill"), _is_tag(), _is_list())
    parsed = lines.select("*", *[column.alias(name) for name, column in columns.items()], in_form.alias("in_form"))
    near = _is_near([F.col(name) for name in POSITION], settings)
    is_position = F.coalesce(_all("in_form", F.col("millis").between(*settings.millis), near), F.lit(False))
    # By a generator, for Spark would move a filter to below what it is about, and parse every line twice.
    return parsed.select(F.inline(F.when(is_position == wanted, F.array(row))))


def _all(*conditions: Column | str) -> Column:
    columns = [F.col(condition) if isinstance(condition, str) else condition for condition in conditions]
    return reduce(Column.__and__, columns)


def _field(name: str) -> Column:
    """A field of the line; null where it has fewer."""
    return F.get(F.split("value", ",", len(_FIELDS)), F.lit(_FIELDS.index(name)))


def _bytes(text: Column, start: int, length: Column) -> Column:
    """A part of a text by its bytes, from 1: Spark finds bytes at once, and letters by counting from the first."""
    return F.call_function("substring", text.cast("binary"), F.lit(start), length).cast("string")


def _digits(name: str) -> Column:
    """The 18 or 24 hexadecimal digits of an id, bare or as `ObjectId(...)`; another text where it has none.

    The published form and bare digits are cut by their place, which is faster than the pattern of all others.
    """
    text, size = _field(name), F.octet_length(_field(name))
    published = (size == 34) & text.startswith("ObjectId(") & text.endswith(")")
    cut = F.when(published, _bytes(text, 10, F.lit(24))).when(size.isin(18, 24), text)
    return cut.otherwise(F.regexp_extract(text, _ID, 3))


def _is_id(name: str) -> Column:
    return F.octet_length(_digits(name)).isin(18, 24) & F.unhex(_digits(name)).isNotNull()


def _is_tag() -> Column:
    return (F.octet_length(_field("tag")) == 12) & F.unhex(_field("tag")).isNotNull()


def _time() -> Column:
    return _field("time").cast("bigint")


def _is_time() -> Column:
    """Thirteen signs; within the bounds of the settings, which have 13 digits, they are digits all."""
    return F.octet_length(_field("time")) == 13


def _is_list() -> Column:
    return _field("x").startswith('"[')


def _are_lists() -> Column:
    return _field("rest").rlike(_LISTS)


def _is_near(coordinates: list[Column], settings: Swim) -> Column:
    """Within the farthest position; NaN is not, nor null."""
    return _all(*[F.abs(number) <= settings.max_position_m for number in coordinates])


def _coordinates() -> list[Column]:
    """The numbers of Position, x, y, z; null where one is no number."""
    x, rest = _field("x"), _field("rest")
    still = _bytes(rest, 1, F.octet_length(rest) - len(_STANDING_STILL))
    z = F.when(rest.endswith(_STANDING_STILL), still).otherwise(F.regexp_extract(rest, _LISTS, 1))
    return [_number(_bytes(x, 3, F.octet_length(x))), _number(_field("y")), _number(z)]


def _number(text: Column) -> Column:
    """A decimal number; null for any other text.

    Spark's cast takes more: 1d, 0x1p3, NaN; but none of these with an exponent behind it. What has one of its own, or
    blanks, is taken by its pattern.
    """
    plain = F.concat(text, F.lit("e0")).cast("double")
    return F.coalesce(plain, F.regexp_extract(text, _NUMBER, 1).cast("double")) + 0.0  # no -0.0
