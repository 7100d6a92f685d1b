"""Texts in one spelling: what cannot be seen, forms of Unicode and digits of other scripts; in Spark and in Python."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

_BLANKS = r"[\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NO_WIDTH = r"[\u00ad\u200b-\u200d\u2060\ufeff]"
_MAY_COMPOSE = r"[\x{0300}-\x{10ffff}]"  # what stands before has one form
_DIGITS = {sign: str(unicodedata.decimal(sign)) for sign in map(chr, range(128, 0x10000)) if sign.isdecimal()}


def one_spelling(text: Column) -> Column:
    """A text whose blanks are plain, none of them at its ends, without zero-width signs."""
    from pyspark.sql import functions as F

    return F.trim(F.regexp_replace(F.regexp_replace(text, _NO_WIDTH, ""), _BLANKS, " "))


def composed(text: Column) -> Column:
    """A text in Unicode's form NFC: `Piña` of four signs and of five are one."""
    from pyspark.sql import functions as F

    compose = F.udf(lambda value: value and unicodedata.normalize("NFC", value), "string")
    return F.coalesce(compose(F.when(text.rlike(_MAY_COMPOSE), text)), text)


def plain_digits(text: Column) -> Column:
    """A text whose decimal digits are those of ASCII, whichever script they were of."""
    from pyspark.sql import functions as F

    return F.translate(text, "".join(_DIGITS), "".join(_DIGITS.values()))


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """A text at hand, read so: composed, without what cannot be seen, its digits those of ASCII."""
    seen = re.sub(_BLANKS, " ", re.sub(_NO_WIDTH, "", unicodedata.normalize("NFC", text))).strip(" ")
    return seen if seen.isascii() else "".join(_DIGITS.get(sign, sign) for sign in seen)
