"""Published units as base units: what one price buys, in kilos, litres or pieces."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from brazada.prices.settings import UnitRule

_READING = "struct<base:string,quantity:double>"


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
