"""Windows as arrays: the origins that models forecast from, and the rows they learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.prices.features import Batch, Doubles, change_scale, scaled_changes
from brazada.tables import Snapshot

_KEYS = ["series", "origin", "step", "split", "target_dates"]


@dataclass(frozen=True)
class Origins:
    """n windows in order of origin and series: `keys` names them, `batch` holds their columns as arrays."""

    keys: pd.DataFrame
    batch: Batch

    @property
    def last(self) -> Doubles:
        """The last price of each window, (n, 1): what Naive forecasts."""
        return np.asarray(self.batch["prices"], dtype=np.float64)[:, -1:]

    @property
    def changes(self) -> Doubles:
        """Scaled changes to the targets, (n, H); NaN where not observed."""
        return scaled_changes(self.batch)

    def scaled(self, prices: Doubles) -> Doubles:
        """Prices (n, H) as scaled changes from the last price."""
        return np.asarray((prices - self.last) / change_scale(self.batch), dtype=np.float64)

    def rows(self, split: str) -> slice:
        """Where the windows of a split stand; they follow one another, for splits are by date."""
        places = np.flatnonzero(self.keys["split"] == split)
        return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def origins(windows: DataFrame) -> Origins:
    """The rows of prices.windows as arrays. They are brought to the driver: give it those of one source."""
    frame = windows.toPandas().sort_values(["step", "series"], ignore_index=True)
    batch = {name: _array(frame[name]) for name in frame.columns if name not in [*_KEYS, "source", "shard"]}
    return Origins(frame[_KEYS], batch)


@dataclass(frozen=True)
class ForecastRequest:
    """The origins of one source at which forecasts are wanted, and the windows that there are to learn from."""

    source: str
    windows: Snapshot
    at: Origins

    def rows(self, *splits: str) -> DataFrame:
        """The source's windows of some splits."""
        return rows_of(self.windows, self.source, *splits)


def forecast_request(windows: Snapshot, source: str, *splits: str) -> ForecastRequest:
    """Ask for forecasts at all origins of these splits."""
    return ForecastRequest(source, windows, origins(rows_of(windows, source, *splits)))


def rows_of(windows: Snapshot, source: str, *splits: str) -> DataFrame:
    """A source's windows of some splits."""
    return windows.frame.where((F.col("source") == source) & F.col("split").isin(*splits))


def _array(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Numbers [n], or lists of one length [n, length] in which a null is NaN."""
    if column.dtype != object:
        return column.to_numpy()
    return np.array([np.asarray(value, dtype=np.float64) for value in column])
