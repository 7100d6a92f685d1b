"""Sixty days of four goods as Kalimati publishes prices, and settings by which all is learned from them in seconds."""

import math

_KALIMATI = "prices.sources.kalimati"
SETTINGS = (
    *(f"{_KALIMATI}.{setting}" for setting in ("window=6", "horizon=2", "epochs=1", "season=5")),
    "prices.networks.global_model={members: 1, units: 4, dense: 4, batch: 64}",
    "prices.networks.local_models={units: [4, 3], epochs: 1, batch: 64}",
    "prices.trees={rounds: 5, leaves: 4, rows_per_leaf: 5}",
    "prices.judging={bootstrap: 20, prior_origins: 5, refit_every: 100}",
    "prices.shards=2",
)


def text():
    """The content of the file; the unit of the first day is known to nobody."""
    lines = ["Commodity,Date,Unit,Minimum,Maximum,Average"]
    for day in range(60):
        for good in range(4):
            price = 50 + 10 * good + 5 * math.sin(day * (good + 1))
            numbers = f"Rs {price - 1:.2f},Rs {price + 1:.2f},Rs {price:.2f}"
            lines.append(f"Good {good},{1 + day // 28}/{1 + day % 28}/2024,{'KG' if day else 'sack'},{numbers}")
    return "\n".join(lines) + "\n"
