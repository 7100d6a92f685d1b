"""Pages to files: one HTML each, with style, script and data in it, and an index."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from brazada.pages.blocks import Page


def write(pages: Sequence[Page], folder: Path) -> list[Path]:
    """Write each page, and an index of them. Returns the files, the index first."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("brazada.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["data"] = _data
    environment.filters["prose"] = _prose
    environment.globals["inline"] = lambda name: Markup(environment.get_template(name).render())  # noqa: S704 - ours
    template = environment.get_template("page.html")
    files = []
    for page in pages:
        files.append(folder / f"{page.name}.html")
        files[-1].write_text(template.render(page=page, pages=pages), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(environment.get_template("index.html").render(pages=pages), encoding="utf-8")
    return [index, *files]


def _prose(text: str) -> Markup:
    """A sentence, what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _data(value: Any) -> Markup:
    """A value as JSON that may stand in a script element."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))  # noqa: S704 - escaped
