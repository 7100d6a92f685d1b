"""Texts in one spelling: what cannot be seen, forms of Unicode and digits of other scripts, in Spark's expressions."""

from __future__ import annotations

import unicodedata

from pyspark.sql import Column
from pyspark.sql import functions as F

_BLANKS = r"[\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NO_WIDTH = r"[\u00ad\u200b-\u200d\u2060\ufeff]"
_MAY_COMPOSE = r"[\x{0300}-\x{10ffff}]"  # what stands before has one form
_DIGITS = {sign: str(unicodedata.decimal(sign)) for sign in map(chr, range(128, 0x10000)) if sign.isdecimal()}


def one_spelling(text: Column) -> Column:
    """A text whose blanks are plain, none of them at its ends, without zero-width signs."""
    return F.trim(F.regexp_replace(F.regexp_replace(text, _NO_WIDTH, ""), _BLANKS, " "))


def composed(text: Column) -> Column:
    """A text in Unicode's form NFC: `Piña` of four signs and of five are one."""
    compose = F.udf(lambda value: value and unicodedata.normalize("NFC", value), "string")
    return F.coalesce(compose(F.when(text.rlike(_MAY_COMPOSE), text)), text)


def plain_digits(text: Column) -> Column:
    """A text whose decimal digits are those of ASCII, whichever script they were of."""
    return F.translate(text, "".join(_DIGITS), "".join(_DIGITS.values()))
