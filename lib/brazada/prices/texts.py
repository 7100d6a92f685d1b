"""Texts without what cannot be seen: blanks and zero-width signs of Unicode, in Spark's own expressions."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_BLANKS = r"[\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NO_WIDTH = r"[\u00ad\u200b-\u200d\u2060\ufeff]"


def one_spelling(text: Column) -> Column:
    """A text whose blanks are plain, none of them at its ends, without zero-width signs."""
    return F.trim(F.regexp_replace(F.regexp_replace(text, _NO_WIDTH, ""), _BLANKS, " "))
