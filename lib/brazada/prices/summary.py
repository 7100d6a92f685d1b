"""What a newcomer wants to see after a run, from the tables alone."""

from __future__ import annotations

from brazada.output import command, show, stdout
from brazada.prices.results import FORECASTS, SCORES
from brazada.prices.views import VIEWS
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
    SELECT product, concat(currency, '/', unit_base), model, last_price, target_date, forecast, lower_80, upper_80
    FROM (
      SELECT *, row_number() OVER (ORDER BY horizon DESC, (upper_80 - lower_80) / forecast DESC, series) AS place
      FROM (SELECT *, max(horizon) OVER (PARTITION BY source) AS furthest FROM prices.latest_forecasts)
      WHERE horizon = furthest AND forecast > 0
    ) JOIN (SELECT source, max(currency) AS currency FROM prices.observations GROUP BY source) USING (source)
    WHERE place <= 3 ORDER BY place
"""


def show_summary(store: Store) -> None:
    """Print rows in, good, quarantined; the test backtest with its baselines; three forecasts; a query to try."""
    for table in (INGESTED_FILES, SCORES, FORECASTS):
        store.version(table.name)  # what is missing is named before anything is printed
    store.attach(VIEWS)
    files = [(row["file"].rpartition("/")[2], *row[1:]) for row in store.spark.sql(_FILES).collect()]
    show(("file", "layout", "rows in", "good", "duplicate", "quarantined"), files, "Files taken in")
    heads = ("source", "model", "forecasts", "MAE ratio", "95 % from", "to", "MASE", "pinball ratio", "in 80 % band")
    title = "Backtest on the test dates: error over Naive's (below 1 is better), bootstrap over series"
    show(heads, store.spark.sql(_SCORES).collect(), title)
    columns = ("product", "prices in", "served by", "last price", "date", "forecast", "80 % from", "to")
    show(columns, store.spark.sql(_FORECASTS).collect(), "Three forecasts")
    console = stdout()
    console.print("Try next:", style="bold")
    console.print(command("sql", TRY_NEXT, warehouse=store.warehouse.path), markup=False, soft_wrap=True)
