"""Brazada: Spark jobs from raw files to Delta tables, distributed training on them, and forecasts in SQL.

Importing this package starts neither Spark nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brazada.api import Warehouse

__version__ = "0.1.0"


def open(  # noqa: A001 - `brazada.open` reads as it should
    warehouse: str | Path | None = None,
    *,
    env: str = "local",
    conf: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Warehouse:
    """Open a warehouse, to read its tables: `brazada.open("warehouse/demo").table("prices.forecasts")`.

    `warehouse` is its folder or URL (default: as the command has it, `$BRAZADA_WAREHOUSE` or ./warehouse). `env`,
    `conf` and `overrides` (each `key=value`) are the command's `--env`, `--conf` and `--set`. It starts a Spark
    session, or takes the running one. Raises SettingsError for settings that do not fit.
    """
    import json

    from brazada.api import Warehouse
    from brazada.settings import load

    named = [f"warehouse.path={json.dumps(str(warehouse))}"] if warehouse else []
    return Warehouse(load(env, conf, [*named, *overrides]))
