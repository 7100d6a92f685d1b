"""Lines of a swim log as positions, each with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from brazada.swim.settings import Swim

HEADER = "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"
POSITION = ("x_m", "y_m", "z_m")
# `_id,ts,drill,tag,"[x,y,z]","[0,0,0]","[0,0,0]"`, split at its first commas: what follows y is one piece.
_PIECES = 7
_AFTER_Z = ']","[0,0,0]","[0,0,0]"'
_AFTER_Z_PATTERN = r'^[^]"]*\]","\[[^]"]*\]","\[[^]"]*\]"$'


def positions(lines: DataFrame, settings: Swim) -> DataFrame:
    """Lines (`value`) as tag, drill, millis (since 1970), x_m, y_m, z_m and `sound`: false where something is wrong.

    The other columns of `lines` are kept. One short `split`, and tests that are all cheap for a sound line: reading
    text is half of an ingest.
    """
    sound = all_of(condition for condition, _ in _tests(settings))
    return _read(lines, (F.coalesce(sound, F.lit(False)) & _stays()).alias("sound"))


def reasons(lines: DataFrame, settings: Swim) -> DataFrame:
    """Lines as `positions` reads them, with `reason`, what is wrong, in place of `sound`: null where nothing is."""
    text = F.lit(None).cast("string")
    for condition, words in reversed(_tests(settings)):
        text = F.when(~F.coalesce(condition, F.lit(False)), words).otherwise(text)
    return _read(lines, F.when(_stays(), text).alias("reason"))


def all_of(conditions: Iterable[Column]) -> Column:
    """Whether all conditions hold."""
    return reduce(lambda one, other: one & other, conditions)


def _read(lines: DataFrame, judgement: Column) -> DataFrame:
    kept = [name for name in lines.columns if name != "value"]
    f = F.col("f")
    pieces = lines.select(*kept, F.split("value", ",", _PIECES).alias("f"))
    named = pieces.select(
        *kept,
        "f",
        f[3].alias("tag"),
        _digits(f[0]).alias("id"),
        _digits(f[2]).alias("drill"),
        f[1].cast("long").alias("millis"),
        *[text.cast("double").alias(name) for name, text in zip(POSITION, _numbers(), strict=True)],
    )
    return named.select(*kept, "tag", "drill", "millis", *POSITION, judgement)


def _stays() -> Column:
    """True, yet left to chance: what hangs on that is not moved, else a filter would split each line once per test."""
    return F.rand(0) != 2  # `rand() < 2` the optimizer would see through


def _numbers() -> tuple[Column, Column, Column]:
    """The three numbers of the position, as text."""
    f = F.col("f")
    return F.substring(f[4], 3, 2**30), f[5], F.substring_index(f[6], "]", 1)


def _tests(settings: Swim) -> list[tuple[Column, str]]:
    """What a line must pass, in turn, and what is said of one that does not."""
    f = F.col("f")
    as_always = f[6].endswith(_AFTER_Z) & (F.octet_length(_numbers()[2]) + len(_AFTER_Z) == F.octet_length(f[6]))
    ends_well = as_always | f[6].rlike(_AFTER_Z_PATTERN)
    return [
        (F.size("f") == _PIECES, f"not the seven fields {HEADER}"),
        (_is_id(f[0], "id"), "_id is neither 24 hex digits nor ObjectId of them"),
        # Of thirteen signs and above 10^12: all are digits.
        ((F.octet_length(f[1]) == 13) & F.col("millis").between(*settings.millis), "TimeStamp is no plausible time"),
        (_is_id(f[2], "drill"), "DrillID is neither 24 hex digits nor ObjectId of them"),
        ((F.octet_length("tag") == 12) & F.unhex("tag").isNotNull(), "TagID is not 12 hex digits"),
        (f[4].startswith('"['), "Position is not a quoted list"),
        (ends_well, "Position, Velocity and Acceleration are not three quoted lists to the line's end"),
        (
            all_of(_is_number(text, F.col(name)) for name, text in zip(POSITION, _numbers(), strict=True)),
            "Position has something else than three numbers",
        ),
        # NaN is greater than any number.
        (
            all_of(F.abs(name) <= settings.max_position_m for name in POSITION),
            f"Position is further than {settings.max_position_m:g} m from the centre",
        ),
    ]


def _digits(text: Column) -> Column:
    """The 24 digits of `ObjectId(...)`, or the text as it is."""
    return F.when(text.startswith("ObjectId("), F.substring(text, 10, 24)).otherwise(text)


def _is_id(text: Column, digits: str) -> Column:
    wrapped = (F.octet_length(text) == 34) & text.startswith("ObjectId(") & text.endswith(")")
    return (wrapped | (F.octet_length(text) == 24)) & (F.octet_length(digits) == 24) & F.unhex(digits).isNotNull()


def _is_number(text: Column, number: Column) -> Column:
    """Java also reads 1d, 1f, 0x1p3, 0X1P3, NaN and Infinity."""
    return number.isNotNull() & all_of(~text.contains(letter) for letter in "dDfFpPnN")
