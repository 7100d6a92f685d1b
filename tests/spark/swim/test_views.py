"""The views over a simulated log of two days with broken lines, its drills' styles made up by both methods."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from brazada import session
from brazada.cli import main
from brazada.errors import InputError, TableError
from brazada.simulate.swim import simulate
from brazada.swim import kinematic, published, summary
from brazada.swim.ingest import ingest
from brazada.swim.laps import laps
from brazada.swim.sessions import sessions
from brazada.swim.tables import MODELS, STYLES, SWIMMERS
from brazada.swim.views import VIEWS

from .conftest import hexed, line, log, tag_of, write

FEATURES = {"published": published.FEATURES, "kinematic": kinematic.FEATURES}
MADE_UP = ("front_crawl", "others", "breaststroke")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("logs"), rows=60_000, seed=3, days=2, faults=0.002)


@pytest.fixture(scope="module")
def store(at, warehouse, simulated):
    job = at(warehouse, name="swim ingest")
    ingest(job, [str(file) for file in simulated.files])
    sessions(job)
    laps(job)
    for method in ("published", "kinematic"):
        add_styles(job, method)
    job.store.attach(VIEWS)
    return job.store


def add_styles(job, method):
    """A model and styles as if `score` had run: by turns, unknown where the method dropped the drill."""
    every = (published if method == "published" else kinematic).drills(job).select("tag", "drill", "unfit").toPandas()
    every = every.sort_values(["drill", "tag"], ignore_index=True)
    rows = []
    for number, (tag, drill, unfit) in enumerate(every.itertuples(index=False)):
        cluster = None if unfit else (number + (method == "kinematic")) % 3
        style = MADE_UP[cluster] if cluster is not None else "unknown"
        rows.append((tag, drill, method, method, style, style, cluster, 0.5, unfit, 1))
    job.store.merge(STYLES, rows)
    names = FEATURES[method]
    model = {field.name: 0.5 for field in MODELS.columns} | {
        "model": method,
        "method": method,
        "readings_version": 1,
        "limits": None,
        "features": list(names),
        "offset": [1.0 + number for number in range(len(names))],
        "scale": [2.0] * len(names),
        "centroids": [[0.0] * len(names)] * 3,
        "styles": list(MADE_UP),
        "strokes": list(MADE_UP),
        "drills": len(rows),
        "warning": "made up" if method == "published" else None,
    }
    job.store.merge(MODELS, [tuple(model[name] for name in MODELS.columns.names)])
    job.store.merge(SWIMMERS, [("kinematic", every["tag"][0], 1.25, 0.8)])


def read(store, name):
    return store.spark.table(name).toPandas()


def test_steps_count_what_the_filters_leave_reading_by_reading(store, simulated):
    steps = read(store, "swim.steps").set_index("name")
    passed = read(store, "swim.filtered_readings")["passed"].to_numpy()
    assert steps["step"].tolist() == [0, 1, 3, 4, 5, 7, 7, 7, 7]
    assert steps.loc["rows in the log", "readings"] == simulated.rows
    assert steps["readings"].tolist()[1:4] == [len(passed), (passed >= 3).sum(), (passed >= 4).sum()]
    drills = read(store, "swim.drills").set_index(["tag", "drill"])
    by_drill = read(store, "swim.filtered_readings").groupby(["tag", "drill"])["passed"]
    for column, step in (("readings", 1), ("within_records", 3), ("within_deviations", 4)):
        pd.testing.assert_series_equal(
            by_drill.apply(lambda some, step=step: (some >= step).sum()).sort_index(),
            drills[column].sort_index(),
            check_names=False,
        )
    kept = read(store, "swim.sessions")
    assert steps["readings"].tolist()[4:6] == [kept["readings"].sum()] * 2
    styles = read(store, "swim.styles").query("method == 'published' and style != 'unknown'")
    for style, count in styles["style"].value_counts().items():
        assert steps.loc[style, "drills"] == count
    assert steps.loc["clustered", "drills"] == len(styles) == len(kept)


def test_published_figures_stand_in_their_steps(store):
    steps = read(store, "swim.steps")
    figures = {name: (rows, drills) for name, rows, drills in steps.iloc[:, [1, 4, 5]].itertuples(index=False)}
    assert figures["rows in the log"] == (18_479_898, 4_940)
    assert figures["within the record speed and acceleration"][0] == 14_287_443
    assert figures["sessions: passed the centre"][1] == 4_457
    assert sum(figures[style][1] for style in MADE_UP) == figures["clustered"][1] == 4_445


def test_every_refused_row_of_a_file_has_a_reason(store, simulated):
    files = read(store, "swim.file_quality")
    assert len(files) == 2
    assert files["rows_in"].sum() == simulated.rows
    assert (files["rows_good"] + files["rows_duplicate"] + files["rows_quarantined"] == files["rows_in"]).all()
    assert (files["rows_quarantined"] > 0).all()
    for row in files.itertuples():
        assert sum(row.reasons.values()) == row.rows_quarantined
    conflicts = sum(row.get("same tag, drill and time at another position", 0) for row in files["reasons"])
    assert conflicts == simulated.faults["conflicting"]


def test_a_history_has_a_row_for_each_drill_of_a_tag(store):
    history = read(store, "swim.swimmer_history").sort_values(["tag", "drill"], ignore_index=True)
    motions = read(store, "swim.motions").sort_values(["tag", "drill"], ignore_index=True)
    assert history[["tag", "drill"]].equals(motions[["tag", "drill"]])
    assert set(history["method"]) == {"kinematic"}
    swum = history["lengths"] > 0
    np.testing.assert_allclose(
        history["pace_100m_s"][swum].astype(float), (100 * motions["swim_s"] / motions["distance_m"])[swum]
    )
    full = read(store, "swim.laps").query("full").groupby(["tag", "drill"])["duration_s"].min()
    best = history.dropna(subset="best_lap_s").set_index(["tag", "drill"])["best_lap_s"].astype(float)
    pd.testing.assert_series_equal(best.sort_index(), full.sort_index(), check_names=False)
    first = store.spark.sql("SELECT drill, CAST(min(ts) AS DATE) AS day FROM swim.readings GROUP BY drill").toPandas()
    days = history.merge(first, on="drill", suffixes=("", "_read"))
    assert (days["day"] == days["day_read"]).all()
    assert history["day"].nunique() == 2


def test_a_drills_laps_add_up(store):
    drills = read(store, "swim.drill_laps").set_index(["tag", "drill"]).sort_index()
    every = read(store, "swim.laps").groupby(["tag", "drill"])
    assert drills["lengths"].tolist() == every.size().tolist()
    np.testing.assert_allclose(drills["distance_m"], every["distance_m"].sum(), rtol=1e-9)


def test_the_leaderboard_has_every_tags_best_full_length_once(store):
    board = read(store, "swim.leaderboard")
    told = read(store, "swim.styles").query("method == 'kinematic' and stroke != 'unknown'")
    full = read(store, "swim.laps").query("full").merge(told, on=["tag", "drill"])
    best = full.groupby(["pool", "stroke", "tag"])["speed_m_s"].max()
    pd.testing.assert_series_equal(
        board.set_index(["pool", "stroke", "tag"])["speed_m_s"].sort_index(), best.sort_index(), check_names=False
    )
    for _, group in board.groupby(["pool", "stroke"]):
        assert group.sort_values("rank")["speed_m_s"].is_monotonic_decreasing
        assert sorted(group["rank"]) == list(range(1, len(group) + 1))


def test_shares_of_a_day_and_pool_add_up(store):
    per_day = read(store, "swim.styles_per_day")
    shares = per_day.fillna("none").groupby(["day", "pool", "method"])["share"].sum()
    np.testing.assert_allclose(shares, 1)
    assert per_day.groupby("method")["drills"].sum().eq(len(read(store, "swim.drills"))).all()


@pytest.mark.parametrize("method", FEATURES)
def test_points_are_what_score_measures_distances_between(store, method):
    figures = {"published": "swim.sessions", "kinematic": "swim.motions"}[method]
    rows = read(store, figures).set_index(["tag", "drill"])
    points = store.spark.table("swim.points").where(f"method = '{method}'").toPandas().set_index(["tag", "drill"])
    names = [name.removeprefix("log_") for name in FEATURES[method]]
    raw = rows.loc[points.index, names].to_numpy()
    if method == "kinematic":
        assert (raw > 0.005).all()
        raw = np.log(raw)
        (tag,) = read(store, "swim.swimmers")["tag"]
        known = points.index.get_level_values("tag") == tag
        assert 0 < known.sum() < len(known)
        raw[known] -= np.log([1.25, 0.8, 1])
    np.testing.assert_allclose(np.array(points["point"].tolist()), (raw - 1 - np.arange(len(names))) / 2, rtol=1e-9)


def test_a_view_is_described_as_one(store, warehouse, monkeypatch, capsys):
    monkeypatch.setattr(session, "start", lambda *_: store.spark)
    main(["tables", "swim.points", "--warehouse", str(warehouse)])
    said = capsys.readouterr().out
    for part in ("swim.points, a view", "point", "array<double>"):
        assert part in said


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=2))
def test_adjusted_rand_is_sklearns(pairs):
    ones, others = zip(*pairs, strict=True)
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    assert summary.adjusted_rand(counts) == pytest.approx(adjusted_rand_score(ones, others))


def test_the_summary_says_what_the_tables_and_the_truth_say(store, simulated, capsys):
    summary.show_summary(store, simulated.truth)
    said = capsys.readouterr().out
    for part in ("Logs taken in", "60,000", "Drills by method", "made up", "Three best lengths", "brazada sql"):
        assert part in said
    styles = read(store, "swim.styles").merge(pd.read_csv(simulated.truth), left_on="drill", right_on="DrillID")
    for method, rows in styles[styles["style_x"] != "unknown"].groupby("method"):
        index = adjusted_rand_score(rows["style_y"], rows["style_x"])
        assert f"{method} against the truth: adjusted Rand index of the styles {index:.2f}" in said
    store.spark.sql(summary.TRY_NEXT).collect()


def test_a_truth_of_another_log_is_refused(store, tmp_path):
    other = tmp_path / "truth.csv"
    other.write_text("DrillID,style,stroke\nffff,others,back\n")
    with pytest.raises(InputError, match="none"):
        summary.show_summary(store, other)
    other.write_text("drill,style\nffff,others\n")
    with pytest.raises(InputError, match="DrillID"):
        summary.show_summary(store, other)


def test_views_come_with_their_tables(at, tmp_path):
    # The last test here: from now on the session knows this warehouse's tables and no others.
    clean = write(tmp_path / "clean.csv", log(*[line(40 * k, x=0.04 * k - 4) for k in range(200)]))
    job = at(tmp_path / "warehouse", name="swim ingest")
    job.store.attach(VIEWS)
    ingest(job, [clean])
    job.store.attach(VIEWS)
    (row,) = read(job.store, "swim.file_quality").itertuples()
    assert (row.rows_good, row.reasons) == (200, None)
    sessions(job)
    job.store.attach(VIEWS)
    assert read(job.store, "swim.steps")["step"].tolist() == [0, 1, 3, 4, 5]
    laps(job)
    job.store.attach(VIEWS)
    (row,) = read(job.store, "swim.drill_laps").itertuples()
    assert (row.tag, row.drill, row.lengths) == (tag_of(1), hexed(1), 1)
    with pytest.raises(TableError, match=r"swim\.models"):
        summary.show_summary(job.store)
