"""The page of prices: forecasts beside history, the backtest, coverage, what serves and why, what was refused."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from brazada.pages import Block, Grid, Missing, Page, Picture, Reader, bars, lines, percent

_HISTORY = 120  # steps shown before the origin
_SERIES = 300  # of a source, the first by name, for the size of the page
_WORST = 20


def page(reader: Reader) -> Page:
    """The page, from prices.forecasts, prices.series, prices.scores, prices.coverage and their like."""
    parts = (_forecasts, _scores, _coverage, _serving, _worst, _live, _quarantine)
    blocks = [block for part in parts for block in part(reader)]
    return Page("prices", "Prices", "Forecasts of food prices, and how far they can be trusted.", blocks)


def _forecasts(reader: Reader) -> list[Block]:
    if not reader.has("prices.latest_forecasts", "prices.series", "prices.observations"):
        return [Missing("Forecasts", "There are no forecasts yet: `brazada prices forecast` makes them.")]
    blocks: list[Block] = []
    ahead = reader.rows("SELECT * FROM prices.latest_forecasts ORDER BY source, series, horizon")
    past = reader.rows(f"""
        SELECT series.series, series.date, if(series.observed, series.price, NULL) AS price
        FROM prices.series AS series
          JOIN (SELECT source, max(step) AS newest FROM prices.series GROUP BY source) USING (source)
        WHERE step > newest - {_HISTORY} ORDER BY series.series, date
    """)  # noqa: S608 - constants
    priced = reader.rows("SELECT source, max(currency) AS currency FROM prices.observations GROUP BY source")
    currencies = {row["source"]: row["currency"] for row in priced}
    history = {name: list(rows) for name, rows in groupby(past, lambda row: row["series"])}
    for source, of_source in groupby(ahead, lambda row: row["source"]):
        series = {name: list(rows) for name, rows in groupby(of_source, lambda row: row["series"])}
        shown = dict(list(series.items())[:_SERIES])
        charts = {_short(name): _chart(history.get(name, []), rows, currencies[source]) for name, rows in shown.items()}
        origin = max(rows[0]["origin"] for rows in series.values())
        text = (
            f"{len(series):,} series of {source}; the newest price known is of {origin}. The line ends where the future"
            " begins: the price is meant to lie in the darker band four times of five, in the lighter one 19 of 20."
        )
        if stuck := sum(rows[0]["frozen"] for rows in series.values()):
            text += f" {stuck:,} of them stand on a frozen price, one that has not changed for long: is its feed stuck?"
        if len(series) > _SERIES:
            text += f" The first {_SERIES} by name are shown."
        blocks.append(Picture(f"Forecasts of {source}", text, charts, pick="Series"))
    return blocks


def _chart(past: list[dict[str, Any]], ahead: list[dict[str, Any]], currency: str) -> dict[str, Any]:
    first = ahead[0]
    dates = [first["origin"], *(row["target_date"] for row in ahead)]

    def values(name: str) -> list[float]:
        return [first["last_price"], *(row[name] for row in ahead)]

    bands = [
        {"name": f"{level} % of futures", "x": dates, "color": 1, "opacity": 0.15 if level == 95 else 0.3}
        | {"low": values(f"lower_{level}"), "high": values(f"upper_{level}")}
        for level in (95, 80)
        if first[f"lower_{level}"] is not None
    ]
    published = {"name": "price", "x": [row["date"] for row in past], "y": [row["price"] for row in past], "color": 0}
    frozen = ", of a frozen price" if first["frozen"] else ""
    told = {"name": f"forecast by {first['model']}{frozen}", "x": dates, "y": values("forecast"), "color": 1}
    return lines("date", f"{currency} per {first['unit_base']}", time=True, lines=[published, told], bands=bands)


def _scores(reader: Reader) -> list[Block]:
    if not reader.has("prices.scores"):
        return [Missing("Backtest", "No forecast was judged yet: `brazada prices backtest` does it.")]
    rows = reader.rows("SELECT * FROM prices.scores WHERE split = 'test' ORDER BY source, mae_ratio")
    charts, grid = {}, []
    for source, of_source in groupby(rows, lambda row: row["source"]):
        charts[source] = bars(
            "error over that of Naive; less is better",
            [
                {
                    "label": row["model"],
                    "bars": [
                        {"value": row["mae_ratio"], "low": row["mae_low"], "high": row["mae_high"]}
                        | {"color": 0 if row["model"] == "served" else 6}
                    ],
                }
                for row in of_source
            ],
            reference=1,
        )
    for row in rows:
        grid.append(
            {
                "source": row["source"], "model": row["model"], "forecasts": row["rows"],
                "error / Naive's": row["mae_ratio"],
                "MASE": row["mase"], "sMAPE, %": row["smape"], "pinball / Naive's": row["pinball_ratio"],
                "in the 80 % band": percent(row["coverage_80"]), "in the 95 % band": percent(row["coverage_95"]),
            }
        )  # fmt: skip
    return [
        Picture(
            "Backtest beside the baselines",
            "Forecasts at past dates that no model had seen. Left of the dashed line is better than Naive, which says"
            " that the price stays; the whisker holds 95 % of bootstrap samples. `served` is what each series gets.",
            charts,
            pick="Source",
        ),
        Grid("Errors of every model", "On the test dates, over all series of a source.", grid),
    ]


def _coverage(reader: Reader) -> list[Block]:
    if not reader.has("prices.coverage"):
        return []
    rows = reader.rows("SELECT * FROM prices.coverage ORDER BY source, model, horizon")
    charts = {}
    for (source, model), group in groupby(rows, lambda row: (row["source"], row["model"])):
        part = list(group)
        steps = [row["horizon"] for row in part]
        charts[f"{source}, {model}"] = lines(
            "steps ahead",
            "% of prices inside",
            lines=[
                *(
                    {"name": f"{level} % band", "x": steps, "y": [100 * row[f"coverage_{level}"] for row in part]}
                    | {"color": color}
                    for level, color in ((80, 0), (95, 1))
                ),
                *(
                    {"name": "as promised", "x": steps, "y": [level] * len(steps), "color": 6, "dash": "4 3"}
                    for level in (80, 95)
                ),
            ],
        )
    ordered = dict(sorted(charts.items(), key=lambda item: "served" not in item[0]))
    text = "How many of the prices on the test dates lay inside the bands; an honest band meets its dashed line."
    return [Picture("Coverage by level and horizon", text, ordered, pick="Source and model")] if ordered else []


def _serving(reader: Reader) -> list[Block]:
    if not reader.has("prices.serving"):
        return []
    rows = reader.rows("""
        SELECT source, model, count(*) AS series, avg(ratio) AS ratio, mode(reason) AS reason
        FROM prices.serving GROUP BY source, model ORDER BY source, series DESC
    """)
    grid = [
        {
            "source": row["source"], "model": row["model"], "series": row["series"],
            "mean error / Naive's": row["ratio"], "the commonest reason": row["reason"],
        }
        for row in rows
    ]  # fmt: skip
    text = "Which model serves how many series; it is chosen on the validation dates alone."
    return [Grid("What serves, and why", text, grid)]


def _worst(reader: Reader) -> list[Block]:
    if not reader.has("prices.worst_series"):
        return []
    rows = reader.rows(f"SELECT * FROM prices.worst_series ORDER BY mase DESC LIMIT {_WORST}")  # noqa: S608 - a constant
    grid = [
        {
            "series": _short(row["series"]), "source": row["source"], "served by": row["model"],
            "forecasts": row["rows"],
            "MASE": row["mase"], "error / Naive's": row["mae_ratio"], "in the 80 % band": percent(row["coverage_80"]),
        }
        for row in rows
    ]  # fmt: skip
    text = f"The {len(grid)} series forecast worst on the test dates. MASE is the error in mean steps of the price."
    return [Grid("Worst series", text, grid)]


def _live(reader: Reader) -> list[Block]:
    if not reader.has("prices.accuracy"):
        return []
    rows = reader.rows("""
        SELECT source, model, sum(rows) AS forecasts, sum(mae * rows) / sum(naive_mae * rows) AS ratio,
               sum(coverage_80 * rows) / sum(rows) AS coverage_80
        FROM prices.accuracy GROUP BY ALL ORDER BY ALL
    """)
    if not rows:
        text = "None of the dates forecast has come yet: ingest newer prices, and their forecasts are judged here."
        return [Missing("Live accuracy", text)]
    grid = [
        {
            "source": row["source"], "model": row["model"], "forecasts": row["forecasts"],
            "error / Naive's": row["ratio"], "in the 80 % band": percent(row["coverage_80"]),
        }
        for row in rows
    ]  # fmt: skip
    return [Grid("Live accuracy", "Forecasts that were made before their date, beside the price that came.", grid)]


def _quarantine(reader: Reader) -> list[Block]:
    if not reader.has("ops.quarantine"):
        return []
    rows = reader.rows("""
        SELECT reason, unit, count(*) AS rows, count(DISTINCT file) AS files,
               max_by(file, place) AS file, max(place) AS place
        FROM ops.quarantine WHERE job LIKE 'prices%' GROUP BY reason, unit ORDER BY rows DESC LIMIT 25
    """)
    grid = [
        {
            "reason": row["reason"], "refused": row["rows"], "files": row["files"],
            "for example": f"{row['file'].rpartition('/')[2]}, {row['unit']} {row['place'] or ''}".strip(),
        }
        for row in rows
    ]  # fmt: skip
    text = "What was refused from the files, by reason; ops.quarantine has every row as it stood in its file."
    return [Grid("Quarantine by reason", text, grid)]


def _short(series: str) -> str:
    return " · ".join(part for part in series.split("|")[1:] if part)
