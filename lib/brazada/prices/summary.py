"""What a newcomer wants to see after a run, from the tables alone."""

from __future__ import annotations

from rich.table import Table as Grid

from brazada.prices.results import FORECASTS, SCORES
from brazada.prices.views import VIEWS
from brazada.report import stdout
from brazada.tables import Store
from brazada.tables.ops import INGESTED_FILES

TRY_NEXT = (
    "SELECT product, target_date, round(forecast, 1) AS forecast, round(lower_80, 1) AS low,"
    " round(upper_80, 1) AS high, model FROM prices.latest_forecasts"
    " WHERE horizon = 1 ORDER BY (upper_80 - lower_80) / forecast DESC LIMIT 10"
)
_FILES = """
    SELECT file, layout, rows_in, rows_good, rows_duplicate, rows_quarantined
    FROM ops.ingested_files WHERE job = 'prices ingest' ORDER BY file
"""
_SCORES = """
    SELECT source, model, rows, mae_ratio, mae_low, mae_high, mase, pinball_ratio, coverage_80
    FROM prices.scores WHERE split = 'test' ORDER BY source, mae_ratio
"""
_FORECASTS = """
    SELECT product, unit_base, model, last_price, target_date, forecast, lower_80, upper_80
    FROM (
      SELECT *, row_number() OVER (ORDER BY horizon DESC, (upper_80 - lower_80) / forecast DESC, series) AS place
      FROM (SELECT *, max(horizon) OVER (PARTITION BY source) AS furthest FROM prices.latest_forecasts)
      WHERE horizon = furthest AND forecast > 0
    ) WHERE place <= 3
"""


def show(store: Store) -> None:
    """Print rows in, good, quarantined; the test backtest with its baselines; three forecasts; a query to try."""
    console = stdout()
    for table in (INGESTED_FILES, SCORES, FORECASTS):
        store.version(table.name)  # what is missing is named before anything is printed
    store.attach(VIEWS)
    grid = Grid("file", "layout", "rows in", "good", "duplicate", "quarantined", title="Files taken in")
    for row in store.spark.sql(_FILES).collect():
        counts = (f"{row[name]:,}" for name in ("rows_in", "rows_good", "rows_duplicate", "rows_quarantined"))
        grid.add_row(row["file"].rpartition("/")[2], row["layout"], *counts)
    console.print(grid)
    title = "Backtest on the test dates: error over Naive's (below 1 is better), bootstrap over series"
    grid = Grid(
        "source",
        "model",
        "forecasts",
        "MAE ratio",
        "95 % interval",
        "MASE",
        "pinball ratio",
        "in 80 % band",
        title=title,
    )
    for row in store.spark.sql(_SCORES).collect():
        interval = f"{row['mae_low']:.3f} to {row['mae_high']:.3f}"
        bounds = ("-" if row[name] is None else f"{row[name]:.3f}" for name in ("pinball_ratio", "coverage_80"))
        style = "bold" if row["model"] == "served" else ""
        cells = (
            row["source"],
            row["model"],
            f"{row['rows']:,}",
            f"{row['mae_ratio']:.3f}",
            interval,
            f"{row['mase']:.2f}",
        )
        grid.add_row(*cells, *bounds, style=style)
    console.print(grid)
    grid = Grid(
        "product", "price per", "served by", "last price", "date", "forecast", "80 % band", title="Three forecasts"
    )
    for row in store.spark.sql(_FORECASTS).collect():
        band = f"{row['lower_80']:,.1f} to {row['upper_80']:,.1f}"
        prices = f"{row['last_price']:,.1f}", str(row["target_date"]), f"{row['forecast']:,.1f}"
        grid.add_row(row["product"], row["unit_base"], row["model"], *prices, band)
    console.print(grid)
    console.print("Try next:", style="bold")
    where = f" --warehouse {store.warehouse.path}" if store.warehouse.path != "./warehouse" else ""
    console.print(f'brazada sql{where} "{TRY_NEXT}"', markup=False, soft_wrap=True)
