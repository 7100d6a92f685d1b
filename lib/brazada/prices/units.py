"""Published units as base units: what one price buys, in kilos, litres or pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.errors import IllegalArgumentException
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from brazada.errors import SettingsError
from brazada.prices.settings import UnitRule

_READING = "struct<base:string,quantity:double>"


def check_patterns(spark: SparkSession, rules: Sequence[UnitRule]) -> None:
    """Raise SettingsError for a pattern that is none to Java, or another one than to Python, before it meets rows."""
    patterns: Any = spark._jvm.java.util.regex.Pattern  # type: ignore[union-attr]
    for rule in rules:
        try:
            groups = patterns.compile(rule.whole).matcher("").groupCount()
            fault = None if groups == rule.has_number else f"{groups} groups"
        except IllegalArgumentException as error:
            fault = str(error).partition(" near index")[0]
        if fault:
            raise SettingsError(
                "patterns in prices.units that Java reads as Python does, without (?P...), (?#...) or []",
                found=f"{rule.pattern} ({fault})",
                todo="write it in the syntax of java.util.regex",
            )


def base_units(unit: Column, rules: Sequence[UnitRule]) -> Column:
    """A struct of `base` (kg, l or piece) and `quantity` in it by the first rule that matches; null if none does."""
    reading = F.lit(None).cast(_READING)
    for rule in reversed(rules):
        reading = F.when(unit.rlike(rule.whole), _reading(unit, rule)).otherwise(reading)
    return F.when(reading["quantity"] > 0, reading)


def _reading(unit: Column, rule: UnitRule) -> Column:
    quantity = F.lit(rule.factor)
    if rule.has_number:
        number = F.regexp_extract(unit, rule.whole, 1)
        quantity = quantity * F.translate(number, ",", ".").cast("double")
    return F.struct(F.lit(rule.base).alias("base"), quantity.alias("quantity")).cast(_READING)
