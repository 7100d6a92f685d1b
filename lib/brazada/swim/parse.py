"""Lines of a swim log as positions, each with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from brazada.swim.settings import Swim

HEADER = "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"
POSITION = ("x_m", "y_m", "z_m")
# `_id,ts,drill,tag,"[x,y,z]","[0,0,0]","[0,0,0]"`: the commas inside the quotes split too.
_FIELDS = 13


def positions(lines: DataFrame, settings: Swim) -> DataFrame:
    """Lines (`value`) as tag, drill, millis (since 1970), x_m, y_m, z_m and `reason`: null where nothing is wrong.

    The other columns of `lines` are kept. One `split` and no regular expression: reading text is half of an ingest.
    """
    kept = [name for name in lines.columns if name != "value"]
    f = F.col("f")
    read = lines.select(*kept, F.split("value", ",").alias("f")).select(
        *kept,
        "f",
        f[3].alias("tag"),
        F.when(f[2].startswith("ObjectId("), F.substring(f[2], 10, 24)).otherwise(f[2]).alias("drill"),
        f[1].cast("long").alias("millis"),
        *[text.cast("double").alias(name) for name, text in zip(POSITION, _numbers(), strict=True)],
    )
    sound = all_of(condition for condition, _ in _tests(settings))
    reason = F.when(~F.coalesce(sound, F.lit(False)), _fault(settings))
    return read.select(*kept, "tag", "drill", "millis", *POSITION, reason.alias("reason"))


def all_of(conditions: Iterable[Column]) -> Column:
    """Whether all conditions hold."""
    return reduce(lambda one, other: one & other, conditions)


def _numbers() -> tuple[Column, Column, Column]:
    """The three numbers of the position, as text."""
    f = F.col("f")
    return F.substring(f[4], 3, 64), f[5], F.substring_index(f[6], ']"', 1)


def _tests(settings: Swim) -> list[tuple[Column, str]]:
    """What a line must pass, in turn, and what is said of one that does not."""
    f = F.col("f")
    return [
        (F.size("f") == _FIELDS, f"not the seven fields {HEADER}"),
        (_is_id(f[0]), "_id is neither 24 hex digits nor ObjectId of them"),
        # Of thirteen signs and above 10^12: all are digits.
        ((F.length(f[1]) == 13) & F.col("millis").between(*settings.millis), "TimeStamp is no plausible time"),
        (_is_id(f[2]), "DrillID is neither 24 hex digits nor ObjectId of them"),
        ((F.length("tag") == 12) & F.unhex("tag").isNotNull(), "TagID is not 12 hex digits"),
        (f[4].startswith('"[') & f[6].endswith(']"'), "Position is not a quoted list of three"),
        (all_of(map(_is_number, _numbers())), "Position has something else than numbers"),
        # NaN is greater than any number.
        (
            all_of(F.abs(name) <= settings.max_position_m for name in POSITION),
            f"Position is further than {settings.max_position_m:g} m from the centre",
        ),
        (f[12].endswith(']"'), "the line ends before its last field"),
    ]


def _fault(settings: Swim) -> Column:
    *others, (_, last) = _tests(settings)
    text = F.lit(last)
    for condition, words in reversed(others):
        text = F.when(~F.coalesce(condition, F.lit(False)), words).otherwise(text)
    return text


def _is_id(text: Column) -> Column:
    wrapped = (F.length(text) == 34) & text.startswith("ObjectId(") & text.endswith(")")
    digits = F.when(wrapped, F.substring(text, 10, 24)).otherwise(text)
    return (F.length(digits) == 24) & F.unhex(digits).isNotNull()


def _is_number(text: Column) -> Column:
    """Java also reads 1d, 1f and 0x1p3 as numbers, and Spark NaN and Infinity."""
    last = F.substring(F.rtrim(text), -1, 1)
    return text.cast("double").isNotNull() & last.between(".", "9") & (last != "/") & ~text.contains("p")
