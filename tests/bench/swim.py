"""How the swim jobs keep up: with DuckDB on the same log, with one more day, with scikit-learn's KMeans.

    python tests/bench/swim.py [--rows 18479898] [--log FILE] [--runs 3] [--only MEASURE...]

- `commands`: small jobs and queries, most of which is Spark's start and Delta's commits.
- `sessions`: a log to readings and sessions, `brazada swim run` and the opponent by turns. Both must find the same.
- `incremental`: five files of a day each; four, then the fifth on top of them, against the fifth alone.
- `styles`: logs of --rows rows and seeds 41 to 45 (or --log and --truth) to styles, kinematic, against the true ones.
- `kmeans`: rows shaped like sessions, 14 features, k = 3; `--kmeans-rows 1e8` is for MLlib alone.

Everything measured is a process of its own, from its start to its end, with all that it starts in turn; memory is the
sum of what each of these processes holds, taken five times a second (shared pages count in each). Run it on a machine
at rest, with room for three times the log in --scratch.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table as Grid

HERE = Path(__file__).resolve().parent
LIB = HERE.parents[1] / "lib"
ENGINES = ("spark", "duckdb")
# The opponent's name of a column, and the project's.
COLUMNS = {"x": "x_m", "dx": "dx_m", "dt": "dt_s", "speed": "speed_m_s", "accel": "accel_m_s2"}
FEATURES, CLUSTERS = 14, 3
STYLE_SEEDS = range(41, 46)
SKLEARN_ROWS = 20_000_000  # beyond, they are MLlib's alone: all must lie in memory


@dataclass(frozen=True)
class Run:
    """A process that has ended: its wall clock, the most memory it held with its children, and what it printed."""

    seconds: float
    peak_gb: float
    printed: str

    def value(self):
        return json.loads(self.printed.strip().splitlines()[-1])


def measured(folder, *words):
    """Run a command to its end in a folder of scratch."""
    words = [str(word) for word in words]
    environ = os.environ | {"PYTHONPATH": str(LIB)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        started, peak = time.perf_counter(), 0
        process = subprocess.Popen(words, stdout=out, stderr=log, cwd=folder, env=environ)
        while process.returncode is None:
            peak = max(peak, held(process.pid))
            try:
                process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
            except KeyboardInterrupt:
                process.terminate()
                raise
        seconds = time.perf_counter() - started
        for stream in (out, log):
            stream.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} exited {process.returncode}\n{log.read()[-4000:]}")
        return Run(seconds, peak / 1e9, out.read())


def held(pid):
    """Bytes in memory of a process and all below it; those that have just ended hold none."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def make_log(options, folder, rows, days=1):
    """Logs from the project's own generator, in order of time."""
    words = ("simulate", "swim", "--rows", rows, "--seed", options.seed, "--days", days, folder / "log")
    done = measured(folder, sys.executable, "-m", "brazada", *words)
    say(f"made {rows:,} rows in {done.seconds:.1f} s, {rows / done.seconds:,.0f} a second, {done.peak_gb:.2f} GB")
    return sorted((folder / "log").glob("swim_*.csv"))


def swim_run(folder, warehouse, *logs):
    words = ("swim", "run", *logs, "--steps", "ingest,sessions", "--warehouse", warehouse)
    return measured(folder, sys.executable, "-m", "brazada", *words)


def opponent(folder, out, *logs):
    return measured(folder, sys.executable, HERE / "swim_duckdb.py", *logs, out, "--threads", os.cpu_count())


def commands(options, folder):
    """What a user waits for on small data, each command a process of its own."""
    logs = make_log(options, folder, 300_000)
    sample = HERE.parent / "sample" / "prices"
    query = "SELECT method, style, count(*) AS drills FROM swim.styles GROUP BY ALL ORDER BY ALL"
    words = {
        "swim run, 300,000 rows, all jobs": (("swim", "run", *logs), "<= 55 s"),
        "prices run, shipped sample, ingest to windows": (
            ("prices", "run", sample, "--steps", "ingest,series,windows"),
            "<= 45 s",
        ),
        "sql, one statement": (("sql", query), "<= 12 s"),
        "tables": (("tables",), "<= 14 s"),
    }
    found = {name: [] for name in words}
    for _ in range(options.runs):
        shutil.rmtree(folder / "small", ignore_errors=True)
        for name, (command, _) in words.items():
            more = "--warehouse", folder / "small"
            found[name].append(measured(folder, sys.executable, "-m", "brazada", *command, *more))
            say(f"{name}: {found[name][-1].seconds:.1f} s")
    grid = Grid("command", "seconds", "of", "goal", "peak memory")
    for name, runs in found.items():
        each = sorted(run.seconds for run in runs)
        peak = f"{statistics.median(run.peak_gb for run in runs):.2f} GB"
        of = ", ".join(f"{run.seconds:.1f}" for run in runs)
        grid.add_row(name, f"{statistics.median(each):.1f}", of, words[name][1], peak)
    Console(width=140).print(grid)


def sessions(options, folder):
    """Both engines on one log, by turns; each into a folder of its own, which the next of its runs replaces."""
    logs = [options.log.resolve()] if options.log else make_log(options, folder, options.rows)
    work, found = {"spark": swim_run, "duckdb": opponent}, {engine: [] for engine in ENGINES}
    for turn in range(options.runs):
        for engine in ENGINES:
            shutil.rmtree(folder / engine, ignore_errors=True)
            done = work[engine](folder, folder / engine, *logs)
            found[engine].append(done)
            say(f"{engine} {turn + 1}: {done.seconds:.1f} s, {done.peak_gb:.2f} GB")
    same = compare(folder / "spark", folder / "duckdb" / "sessions.parquet")
    rows = found["duckdb"][-1].value()["rows"]
    grid = Grid("log to readings and sessions", "seconds", "of", "rows/s", "ratio", "goal", "peak memory")
    seconds = {engine: statistics.median(run.seconds for run in runs) for engine, runs in found.items()}
    for engine, runs in found.items():
        ratio = seconds[engine] / seconds["duckdb"]
        cells = (f"{ratio:.2f} x", f"<= {1.4 if rows > 1e8 else 2.5} x") if engine == "spark" else ("", "")
        each = ", ".join(f"{run.seconds:.1f}" for run in runs)
        peak = f"{statistics.median(run.peak_gb for run in runs):.2f} GB"
        grid.add_row(engine, f"{seconds[engine]:.1f}", each, f"{rows / seconds[engine]:,.0f}", *cells, peak)
    Console(width=140).print(grid)
    Console(width=140).print(f"{rows:,} rows; both find {same[0]:,} sessions over {same[1]:,} readings")


def compare(warehouse, parquet):
    """Sessions and readings, on which both engines must agree, with means within 1e-9; stops where they do not."""
    import duckdb
    from deltalake import DeltaTable

    ours = DeltaTable(str(warehouse / "swim" / "sessions")).file_uris()
    # Means of x may come near 0 by cancelling out: these are judged by the size of a pool.
    gaps = [
        f"abs(p.{project}_mean - o.{name}_mean) / greatest(abs(o.{name}_mean), {1 if name == 'x' else 1e-300})"
        for name, project in COLUMNS.items()
    ]
    gaps.append("abs(p.classifier - o.classifier) / greatest(abs(o.classifier), 1e-300)")
    query = f"""
        WITH p AS (FROM read_parquet({ours})), o AS (FROM '{parquet}')
        SELECT (SELECT (count(*), sum(readings)::BIGINT) FROM p), (SELECT (count(*), sum(readings)::BIGINT) FROM o),
               count(*), count(*) FILTER (p.readings <> o.readings), max(greatest({", ".join(gaps)}))
        FROM p JOIN o USING (tag, drill)
    """
    project, other, both, unequal, gap = duckdb.connect().execute(query).fetchone()
    if project != other or both != other[0] or unequal or (gap or 0) > 1e-9:
        what = f"{both} in both, {unequal} of them with unequal counts, means up to {gap} apart"
        raise SystemExit(f"the engines differ: sessions and readings {project} against {other}; {what}")
    return other


def incremental(options, folder):
    """What a day costs on top of four, and alone. Spark's start is in both."""
    *before, last = make_log(options, folder, options.rows, days=5)
    steps = {
        "four days": lambda: swim_run(folder, folder / "all", *before),
        "the fifth on top": lambda: swim_run(folder, folder / "all", last),
        "the fifth again (nothing to do)": lambda: swim_run(folder, folder / "all", last),
        "the fifth alone": lambda: swim_run(folder, folder / "alone", last),
    }
    found = {name: [] for name in steps}
    for _ in range(options.runs):
        for warehouse in ("all", "alone"):
            shutil.rmtree(folder / warehouse, ignore_errors=True)
        for name, step in steps.items():
            found[name].append(step())
            say(f"{name}: {found[name][-1].seconds:.1f} s")
    grid = Grid(f"{options.rows:,} rows in five days", "seconds", "against the fifth alone", "peak memory")
    alone = statistics.median(run.seconds for run in found["the fifth alone"])
    for name, runs in found.items():
        seconds = statistics.median(run.seconds for run in runs)
        peak = statistics.median(run.peak_gb for run in runs)
        grid.add_row(name, f"{seconds:.1f}", f"{seconds / alone:.2f} x", f"{peak:.2f} GB")
    Console(width=140).print(grid)


def styles(options, folder):
    """The adjusted Rand index of every drill's style, `unknown` being one, on logs that nothing was tuned on."""
    columns = ("log", "k", "drills", "unknown", "adjusted Rand index", "without unknown", "goal")
    grid = Grid(*columns, title="styles against the truth")
    warehouse = folder / "styled"

    def swim(steps, *words):
        words = ("swim", "run", "--steps", steps, "--method", "kinematic", "--warehouse", warehouse, *words)
        say(f"{steps}: {measured(folder, sys.executable, '-m', 'brazada', *words).seconds:.0f} s")

    for seed in STYLE_SEEDS if options.log is None else [None]:
        log, truth = options.log, options.truth
        if log is None:
            options.seed = seed
            (log,), truth = make_log(options, folder, options.rows), folder / "log" / "_truth.csv"
        swim("ingest,laps", log.resolve())
        for k in options.k:
            swim("fit,score", "--set", f"swim.clusters.kinematic={k}")
            drills, unknown, index, known = agreement(warehouse, truth)
            name = log.name if seed is None else f"seed {seed}"
            cells = (f"{drills:,}", f"{unknown:,}", f"{index:.3f}", f"{known:.3f}", ">= 0.55")
            grid.add_row(name, str(k), *cells)
        shutil.rmtree(warehouse)
        shutil.rmtree(folder / "log", ignore_errors=True)
    Console(width=140).print(grid)


def agreement(warehouse, truth):
    import duckdb
    from deltalake import DeltaTable
    from sklearn.metrics import adjusted_rand_score

    files = DeltaTable(str(warehouse / "swim" / "styles")).file_uris()
    query = f"""
        SELECT s.style AS found, t.style AS truly
        FROM read_parquet({files}) s JOIN read_csv('{truth}') t ON s.drill = t.DrillID
    """
    pairs = duckdb.connect().execute(query).df()
    known = pairs[pairs["found"] != "unknown"]
    both = [adjusted_rand_score(some["truly"], some["found"]) for some in (pairs, known)]
    return len(pairs), len(pairs) - len(known), *both


def kmeans(options, folder):
    """The same rows, k, iterations and centres to start from; seconds from Parquet to centres, and from rows in memory.

    In memory is what each needs them to be: objects of MLlib's, an array of numpy's. Neither's start-up counts.
    """
    rows = options.kmeans_rows
    words = ("--kmeans-rows", rows, "--seed", options.seed, "--heap", options.heap, "--iterations", options.iterations)

    def child(name):
        return measured(folder, sys.executable, Path(__file__).resolve(), "--child", name, *words)

    say(f"rows in {child('rows').seconds:.1f} s")
    middle = {}
    # One after the other and not by turns: whoever comes after Spark finds no memory that is warm.
    for name in ("mllib", "sklearn") if rows <= SKLEARN_ROWS else ("mllib",):
        runs = [(done, done.value()) for done in [child(name) for _ in range(options.runs)]]
        for done, value in runs:
            say(f"{name}: {value}, {done.peak_gb:.2f} GB")
        middle[name] = sorted(runs, key=lambda run: run[1]["seconds"])[len(runs) // 2]
    grid = Grid(f"KMeans, {rows:,} x {FEATURES}", "with reading", "from memory", "inertia", "iterations", "peak memory")
    for name, (done, value) in middle.items():
        seconds = f"{value['seconds']:.1f} s", f"{value['fit']:.1f} s"
        grid.add_row(name, *seconds, f"{value['inertia']:,.1f}", str(value["iterations"]), f"{done.peak_gb:.2f} GB")
    if len(middle) == 2:
        ours, theirs = (value for _, value in middle.values())
        grid.add_row(
            "ratio",
            *[f"{ours[name] / theirs[name]:.2f} x" for name in ("seconds", "fit")],
            f"{ours['inertia'] / theirs['inertia']:.4f} x",
        )
        grid.add_row("goal", "<= 4 x", "", "within 1 %")
    Console(width=140).print(grid)


def spark_session(options):
    from brazada import session
    from brazada.settings import load

    overrides = [f"warehouse.path={Path.cwd()}", f"spark.config.spark.driver.memory={options.heap}"]
    # Where blocks go that do not fit into memory: beside the rows, not into a small /tmp.
    overrides.append(f"spark.config.spark.local.dir={Path.cwd()}")
    return session.start(load(overrides=overrides, variables={}))


def kmeans_rows(options):
    """Three overlapping groups with the published shares of styles, every feature about 0 to 1, as Parquet."""
    from pyspark.sql import functions as F

    ids = spark_session(options).range(options.kmeans_rows, numPartitions=8)
    group = F.when(F.col("id") % 20 < 13, 0).when(F.col("id") % 20 < 18, 1).otherwise(2)
    # Groups overlap, so that neither is done before the last iteration.
    features = [
        (0.5 + 0.06 * F.sin(1.0 + index + 2.1 * group) + 0.1 * F.randn(options.seed + index)).cast("float")
        for index in range(FEATURES)
    ]
    named = [feature.alias(f"f{index}") for index, feature in enumerate(features)]
    ids.select(*named).write.mode("overwrite").parquet("rows")
    return {}


def kmeans_mllib(options):
    from brazada.swim.clusters import Points

    spark = spark_session(options)
    started = time.perf_counter()
    with Points(spark.read.parquet("rows")) as points:
        say(f"{points.count:,} rows are read")
        read = time.perf_counter()
        fit = points.fit(CLUSTERS, options.seed, options.iterations, 0.0)
        done = time.perf_counter()
        Path("start.json").write_text(json.dumps(points.start(CLUSTERS, options.seed).tolist()))
    return {"seconds": done - started, "fit": done - read, "inertia": fit.cost, "iterations": fit.iterations}


def kmeans_sklearn(options):
    import numpy as np
    import pyarrow.parquet as pq
    from sklearn.cluster import KMeans, kmeans_plusplus

    started = time.perf_counter()
    rows = pq.read_table("rows")
    matrix = np.column_stack([rows[name].to_numpy() for name in rows.column_names]).astype(np.float64)
    read = time.perf_counter()
    start = np.array(json.loads(Path("start.json").read_text()))
    kmeans_plusplus(matrix, CLUSTERS, random_state=options.seed)  # its own start; here its time alone counts
    model = KMeans(CLUSTERS, init=start, n_init=1, max_iter=options.iterations, tol=0.0).fit(matrix)
    done = time.perf_counter()
    return {
        "seconds": done - started,
        "fit": done - read,
        "inertia": float(model.inertia_),
        "iterations": int(model.n_iter_),
    }


def say(text):
    print(text, file=sys.stderr)


def number(text):
    return int(float(text))


MEASURES = {"commands": commands, "sessions": sessions, "incremental": incremental, "styles": styles, "kmeans": kmeans}
CHILDREN = {"rows": kmeans_rows, "mllib": kmeans_mllib, "sklearn": kmeans_sklearn}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=number, default=18_479_898)
    parser.add_argument("--log", type=Path, help="for sessions and styles, in place of simulated ones")
    parser.add_argument("--truth", type=Path, help="for styles, the true ones of --log: DrillID,style,stroke")
    parser.add_argument("--k", type=int, nargs="*", default=[8], help="clusters, for styles")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=["sessions"])
    parser.add_argument("--scratch", type=Path, help="where a temporary folder is made")
    parser.add_argument("--kmeans-rows", type=number, default=5_000_000)
    parser.add_argument("--iterations", type=int, default=20, help="of KMeans, at most")
    parser.add_argument("--heap", default="4g", help="of Spark, for kmeans")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options)))
        return
    for name in options.only:
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            MEASURES[name](options, Path(folder).resolve())


if __name__ == "__main__":
    main()
