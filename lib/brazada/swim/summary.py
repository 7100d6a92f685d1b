"""What a newcomer wants to see after a run, from the tables alone; with the truth of a simulated log beside it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyspark.sql import Row
from pyspark.sql import functions as F
from rich.console import Console

from brazada.errors import InputError
from brazada.output import command, show, stdout
from brazada.swim.tables import LAPS, MODELS, MOTIONS, SESSIONS, STYLES
from brazada.swim.views import VIEWS
from brazada.tables import Store
from brazada.tables.ops import INGESTED_FILES

TRY_NEXT = (
    "SELECT tag, count(*) AS drills, round(sum(distance_m)) AS metres, round(avg(pace_100m_s), 1) AS pace,"
    " round(min(best_lap_s), 1) AS best_lap FROM swim.swimmer_history WHERE stroke = 'front_crawl'"
    " GROUP BY tag ORDER BY pace LIMIT 10"
)
STROKES = ("front_crawl", "breaststroke", "backstroke", "butterfly", "others", "unknown")
_TRUTH = ("DrillID", "style", "stroke")
_COUNTS = ("rows_in", "rows_good", "rows_duplicate", "rows_quarantined")
_CLUSTERED = 7  # the step of the published method that clusters
_MOST_FILES = 10
_SIZES = """
    SELECT * FROM (SELECT count(DISTINCT tag) AS tags, count(*) AS drills FROM swim.drills),
      (SELECT count(*) AS sessions FROM swim.sessions),
      (SELECT count(*) AS laps, round(sum(distance_m) / 1000, 1) AS km FROM swim.laps)
"""
_STYLES = """
    SELECT method, stroke, count(*) AS drills FROM swim.styles GROUP BY method, stroke ORDER BY method
"""
_MODELS = "SELECT method, size(styles) AS clusters, * FROM swim.models ORDER BY method"
_LAPS = "SELECT * FROM swim.leaderboard WHERE rank = 1 ORDER BY speed_m_s DESC, pool, stroke LIMIT 3"

Confusion = Mapping[tuple[str, str], int]


def show_summary(store: Store, truth: Path | None = None) -> None:
    """Print rows in, steps, styles by method, best laps and a query to try; with a truth also how well it is met.

    `truth` is a CSV file `DrillID,style,stroke`. Raises TableError where a job has not run, InputError for a truth of
    another form or of other drills.
    """
    for table in (INGESTED_FILES, SESSIONS, MOTIONS, LAPS, MODELS, STYLES):
        store.version(table.name)  # what is missing is named before anything is printed
    store.attach(VIEWS)
    known = _matched(store, truth) if truth else []
    console = stdout()
    _print_files(console, store)
    _print_steps(console, store)
    _print_styles(console, store)
    for method in dict.fromkeys(row["method"] for row in known):
        _print_truth(console, method, [row for row in known if row["method"] == method])
    _print_laps(store)
    console.print("Try next:", style="bold")
    console.print(command("sql", TRY_NEXT, warehouse=store.warehouse.path), markup=False, soft_wrap=True)


def adjusted_rand(counts: Confusion) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985) of two labellings, from how often each pair of labels occurs."""
    rows, columns = Counter[str](), Counter[str]()
    for (one, other), count in counts.items():
        rows[one] += count
        columns[other] += count
    both, first, second = (_pairs(sizes.values()) for sizes in (counts, rows, columns))
    chance = first * second / max(_pairs([rows.total()]), 1)
    most = (first + second) / 2
    return (both - chance) / (most - chance) if most != chance else 1.0


def _pairs(sizes: Iterable[int]) -> float:
    return sum(size * (size - 1) / 2 for size in sizes)


def _matched(store: Store, path: Path) -> list[Row]:
    """Drills of the log by method, true style and stroke, and those that were told."""
    styles = store.spark.table(STYLES.name).select("drill", "method", "style", "stroke")
    columns = ["drill", "true_style", "true_stroke"]
    # A file whose name begins with _, as the simulated one's, Spark would take for none.
    truth = store.spark.createDataFrame(_truth(path), ", ".join(f"{name} string" for name in columns))
    truth = truth.withColumn("drill", F.lower("drill"))
    both = truth.join(styles, on="drill", how="inner")
    rows = both.groupBy("method", "true_style", "true_stroke", "style", "stroke").count().orderBy("method").collect()
    if not rows:
        raise InputError(f"drills of swim.styles in {path}", found="none", todo="name the truth of this log")
    return rows


def _truth(path: Path) -> list[tuple[str, ...]]:
    todo = "name the _truth.csv beside a simulated log"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if missing := set(_TRUTH) - set(lines.fieldnames or ()):
                raise InputError(f"columns {', '.join(_TRUTH)} in {path}", found=f"no {', '.join(missing)}", todo=todo)
            rows = [tuple(line[name] for name in _TRUTH) for line in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("a CSV file in UTF-8", found=f"{path}: {error}", todo=todo) from error
    if short := [number for number, row in enumerate(rows, 2) if not all(row)]:
        raise InputError(f"{', '.join(_TRUTH)} in every row of {path}", found=f"less in row {short[0]}", todo=todo)
    return rows


def _print_files(console: Console, store: Store) -> None:
    files = store.spark.table("swim.file_quality").orderBy("file").collect()
    shown = sorted(files, key=lambda row: -int(row["rows_quarantined"]))[:_MOST_FILES]
    title = f"Logs taken in ({len(shown)} of {len(files)}, those with most refused rows first)"
    rows = [(row["file"].rpartition("/")[2], *(row[name] for name in _COUNTS)) for row in shown]
    if len(files) > 1:
        rows.append(("all", *(sum(row[name] for row in files) for name in _COUNTS)))
    show(("log", "rows in", "good", "duplicate", "quarantined"), rows, title)
    reasons = Counter[str]()
    for row in files:
        reasons.update(row["reasons"] or {})
    for reason, count in reasons.most_common():
        console.print(f"  {count:,} {reason}", markup=False)
    sizes = store.spark.sql(_SIZES).collect()[0]
    console.print(
        f"{sizes['drills']:,} drills of {sizes['tags']:,} tags; {sizes['sessions']:,} sessions that the published"
        f" method keeps; {sizes['laps']:,} lengths of the pool, {sizes['km'] or 0:,} km"
    )


def _print_steps(console: Console, store: Store) -> None:
    title = "The published method step by step, beside the thesis"
    steps = store.spark.table("swim.steps").collect()
    fitted = any(row["step"] == _CLUSTERED and row["drills"] for row in steps)
    columns = ("step", "name", "readings", "drills", "published_readings", "published_drills")
    rows = [[row[name] for name in columns] for row in steps if fitted or row["step"] != _CLUSTERED]
    show(("step", "what is left", "readings", "drills", "readings, thesis", "drills, thesis"), rows, title)
    if not fitted:
        words = ("swim", "run", "--steps", "fit,score", "--method", "published")
        console.print(
            f"  its clusters: {command(*words, warehouse=store.warehouse.path)}", markup=False, soft_wrap=True
        )


def _print_styles(console: Console, store: Store) -> None:
    rows = store.spark.sql(_STYLES).collect()
    total = Counter[str]()
    for row in rows:
        total[row["method"]] += row["drills"]
    ordered = sorted(rows, key=lambda row: (row["method"], STROKES.index(row["stroke"])))
    table = [(*row, 100 * row["drills"] / total[row["method"]]) for row in ordered]
    show(("method", "stroke", "drills", "share, %"), table, "Drills by method and stroke")
    models = store.spark.sql(_MODELS).collect()
    measures = ("method", "clusters", "silhouette", "agreement", "style_agreement", "margin")
    heads = ("method", "clusters", "silhouette", "clusters agree", "styles agree", "margin")
    title = "How far apart the clusters are, and how alike fits of ten seeds"
    show(heads, [[row[name] for name in measures] for row in models], title)
    for row in models:
        if row["warning"]:
            console.print(f"  warning, {row['method']}: {row['warning']}", markup=False)


def _print_truth(console: Console, method: str, rows: list[Row]) -> None:
    told = [row for row in rows if row["style"] != "unknown"]
    known, every = (adjusted_rand(_table(some, "true_style", "style")) for some in (told, rows))
    unknown = sum(row["count"] for row in rows) - sum(row["count"] for row in told)
    said = f"{method} against the truth: adjusted Rand index of the styles {known:.2f}"
    console.print(said + (f"; {every:.2f} with the {unknown:,} unknown as a style of their own" if unknown else ""))
    strokes = _table(rows, "true_stroke", "stroke")
    found = [name for name in STROKES if any(name == stroke for _, stroke in strokes)]
    true = sorted({stroke for stroke, _ in strokes})
    rows_by_stroke = [(stroke, *(strokes.get((stroke, name), 0) for name in found)) for stroke in true]
    show(("true stroke", *(f"told {name}" for name in found)), rows_by_stroke)


def _table(rows: list[Row], one: str, other: str) -> Confusion:
    counts = Counter[tuple[str, str]]()
    for row in rows:
        counts[row[one], row[other]] += row["count"]
    return counts


def _print_laps(store: Store) -> None:
    columns = ("pool", "stroke", "tag", "start_ts", "duration_s", "distance_m", "speed_m_s")
    rows = [[row[name] for name in columns] for row in store.spark.sql(_LAPS).collect()]
    show(("pool", "stroke", "tag", "start, UTC", "seconds", "metres", "m/s"), rows, "Three best lengths")
