"""The commands that README and docs show, as they stand there."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("brazada", "make", "python", ".venv/bin/python", "brazada-", "spark-submit")


def commands():
    """Words of every command, and whether it stands in a block, not between backticks where it may be cut short."""
    for file in FILES:
        for line, block in _lines(file.read_text(encoding="utf-8")):
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words and words[0] in PROGRAMS:
                yield [word.rstrip("…") for word in words], block


def _lines(text):
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                yield line[2:].removesuffix(" &").partition(" > ")[0], True
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from ((line, True) for line in re.findall(r"^    ((?:brazada|make|python) .*)$", prose, re.MULTILINE))
    yield from ((line, False) for line in re.findall(r"`((?:brazada|make|python) [^`|]*)`", prose))
