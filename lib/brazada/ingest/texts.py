"""Texts that name things, in one spelling of Unicode."""

from __future__ import annotations

import unicodedata

_NO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def one_spelling(text: str) -> str:
    """A text with composed letters (NFC), single plain blanks, none of them at its ends, without zero-width signs."""
    return " ".join(unicodedata.normalize("NFC", text.translate(_NO_WIDTH)).split())
