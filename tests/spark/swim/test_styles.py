"""Models learned from the first day of a log, and the styles they give to both days' drills."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from brazada.errors import InputError, TableError
from brazada.simulate.swim import simulate
from brazada.swim import clusters, kinematic, published
from brazada.swim.fit import fit
from brazada.swim.ingest import ingest
from brazada.swim.score import export, score
from brazada.swim.sessions import sessions
from brazada.tables import Store

from . import reference
from .conftest import data_files, line, log, readings, table

ROWS, SEED = 240_000, 2
METHODS = ("published", "kinematic")
NAMES = {
    "front_crawl": "Front Crawl/Freestyle",
    "breaststroke": "Breaststroke",
    "others": "Others",
    "unknown": "Unknown",
}


class Stood:
    """What was in the tables at one time."""

    def __init__(self, warehouse):
        self.models, self.swimmers, self.styles, self.sessions, self.drills, self.motions = (
            table(warehouse, f"swim.{name}")
            for name in ("models", "swimmers", "styles", "sessions", "drills", "motions")
        )
        self.models = self.models.set_index("method")
        self.styles = self.styles.sort_values(["method", "tag", "drill"], ignore_index=True)
        self.readings, self.files = readings(warehouse), data_files(warehouse, "swim.readings")

    def of(self, method):
        return self.styles[self.styles["method"] == method].drop(columns="method").reset_index(drop=True)


def killed_before_the_model(store, table, rows, where, write=Store.replace):
    """In the place of `Store.replace`."""
    if table.name == "swim.models":
        raise KeyboardInterrupt
    write(store, table, rows, where)


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("days"), ROWS, seed=SEED, days=2)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="module")
def first(at, days, warehouse):
    """After the first day: both methods fitted, one of them after it was killed, and scored; exported."""
    job = at(warehouse)
    ingest(job, [str(days.files[0])])
    with pytest.raises(TableError, match="a kinematic model in"):
        score(job)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "SEEDS", 3)  # of ten: enough for what is said here
        with pytest.MonkeyPatch.context() as killing:
            killing.setattr(Store, "replace", killed_before_the_model)
            with pytest.raises(KeyboardInterrupt):
                fit(job, "kinematic")
        for method in METHODS:
            fit(job, method)
    for method in METHODS:
        score(job, method)
    export(job, warehouse / "export" / "styles.csv")
    return Stood(warehouse)


@pytest.fixture(scope="module")
def second(at, days, warehouse, first):
    """After the second day: scored, nothing fitted; with other partitions."""
    job = at(warehouse)
    ingest(job, [str(days.files[1])])
    partitions = job.spark.conf.get("spark.sql.shuffle.partitions")
    job.spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        for method in METHODS:
            score(job, method)
    finally:
        job.spark.conf.set("spark.sql.shuffle.partitions", partitions)
    return Stood(warehouse)


@pytest.fixture(scope="module")
def third(at, warehouse, second):
    """Limits learned again from both days, by a run that was killed when it had them, and by one that was not."""
    job = at(warehouse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "replace", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sessions(job, relearn=True)
    sessions(job, relearn=True)
    return Stood(warehouse)


@pytest.fixture(scope="module")
def truth(days):
    return pd.read_csv(days.truth).set_index("DrillID")["style"]


def agreement(stood, method, truth):
    """Adjusted Rand index between styles and truth, over the drills of 600 readings and more."""
    long = stood.drills[stood.drills["readings"] >= 600][["tag", "drill"]]
    found = stood.of(method).merge(long)
    return adjusted_rand_score(truth.loc[found["drill"]], found["style"])


def test_the_kinematic_method_tells_styles_and_the_published_one_does_not(second, truth):
    """0 is chance and 1 the truth. The published filters leave rows that stand still: its clusters are of nothing.

    Of 64 drills, two a swimmer, little is known of a swimmer's level: of draws of 64 of longer logs three of four are
    above 0.3, of logs of 400 drills all are above 0.55.
    """
    assert agreement(second, "kinematic", truth) > 0.3
    assert abs(agreement(second, "published", truth)) < 0.15


@pytest.mark.parametrize("method", METHODS)
def test_every_drill_of_the_log_has_a_style_or_a_reason(second, method):
    drills = second.readings[["tag", "drill"]].drop_duplicates(ignore_index=True)
    found = second.of(method).sort_values(["tag", "drill"], ignore_index=True)
    assert_frame_equal(found[["tag", "drill"]], drills.sort_values(["tag", "drill"], ignore_index=True))
    unknown = found["style"] == "unknown"
    assert 0 < unknown.sum() < len(found) / 5
    assert found.loc[unknown, "reason"].str.len().gt(10).all()
    assert found.loc[~unknown, "reason"].isna().all()
    assert found.loc[~unknown, "cluster"].notna().all()
    assert found["confidence"].between(0, 1).all()
    dropped = {"published": second.drills["dropped"], "kinematic": second.motions["unfit"]}[method].notna()
    assert found.loc[dropped, "cluster"].isna().all()


@pytest.mark.parametrize("method", METHODS)
def test_a_later_log_and_other_partitions_change_no_style(first, second, method):
    before, after = first.of(method), second.of(method)
    assert len(after) > len(before)
    assert_frame_equal(after.merge(before[["tag", "drill"]]), before)
    assert second.models.equals(first.models)
    assert set(after["model"]) == {first.models.loc[method, "model"]}


def test_a_later_log_writes_beside_what_there_was(first, second):
    assert first.files < second.files


def test_the_same_log_gives_the_same_model_again(warehouse, first):
    """What the fit that was killed had written is of the model of the one after it."""
    killed = table(warehouse, "swim.swimmers", 1)
    assert len(killed) == len(first.swimmers)
    assert set(killed["model"]) == {first.models.loc["kinematic", "model"]}


def test_centres_are_those_of_scikit_learn(first):
    model = first.models.loc["published"]
    features = first.sessions[list(published.FEATURES)]
    assert list(model["features"]) == list(published.FEATURES)
    span = (features.max() - features.min()).replace(0, 1)
    points = ((features - features.min()) / span).to_numpy()
    centres = np.stack(list(model["centroids"]))
    there = KMeans(3, init=centres, n_init=1, tol=0, max_iter=1000).fit(points)
    assert np.abs(there.cluster_centers_ - centres).max() < 1e-6
    best = KMeans(3, n_init=50, tol=0, random_state=0).fit(points).inertia_
    assert there.inertia_ <= 1.01 * best


@pytest.mark.usefixtures("first")
def test_swimmers_are_compared_only_if_asked(at, warehouse):
    known = kinematic.drills(at(warehouse)).where("unfit IS NULL")
    swimming, levels = kinematic.learn(known, compare=False)
    assert levels == []
    assert not swimming.levels.any()
    _, levels = kinematic.learn(known, compare=True)
    assert sorted(tag for tag, *_ in levels) == sorted(row["tag"] for row in known.select("tag").distinct().collect())


def test_published_names_go_by_the_centres_in_the_classifier(first):
    model = first.models.loc["published"]
    order = np.argsort([centre[-1] for centre in model["centroids"]])
    assert published.FEATURES[-1] == "classifier"
    assert [model["styles"][place] for place in order] == ["breaststroke", "others", "front_crawl"]


@pytest.mark.parametrize("method", METHODS)
def test_a_drill_has_the_style_of_the_centre_next_to_it(second, method):
    model, found = second.models.loc[method], second.of(method).dropna(subset="cluster")
    assert not second.swimmers.duplicated("tag").any()
    figures = second.sessions if method == "published" else second.motions
    figures = figures.merge(found, on=["tag", "drill"]).merge(second.swimmers, on=["model", "tag"], how="left")
    names = [name.removeprefix("log_") for name in model["features"]]
    values = figures[names].to_numpy()
    if method == "kinematic":
        # Of a tag that came with the second day nothing is known.
        assert figures["speed"].isna().any()
        levels = figures[["speed", "stroke_rate"]].fillna(1).assign(swing=1).to_numpy()
        assert np.ptp(levels[:, 0]) > 0.01
        values = np.log(values / levels)
    points = (values - np.array(model["offset"])) / np.array(model["scale"])
    distances = np.linalg.norm(points[:, None] - np.stack(list(model["centroids"])), axis=2)
    assert (distances.argmin(axis=1) == figures["cluster"]).all()
    assert list(np.array(model["styles"])[distances.argmin(axis=1)]) == list(figures["style"])


def test_limits_are_those_of_the_first_day_until_they_are_learned_again(first, second, third):
    old, new = reference.limits(first.readings), reference.limits(third.readings)
    for stood, limits in ((second, old), (third, new)):
        wanted = reference.sessions(stood.readings, limits)
        found = stood.sessions.set_index(["tag", "drill"]).sort_index()
        assert list(found.index) == list(wanted.index)
        assert (found["readings"] == wanted["readings"]).all()
        assert_frame_equal(found[wanted.columns], wanted, check_dtype=False, rtol=1e-9, atol=1e-12)


def test_the_export_is_the_published_csv(first, warehouse):
    lines = (warehouse / "export" / "styles.csv").read_text().splitlines()
    found = first.of("kinematic").sort_values(["tag", "drill"])
    told = [f"{row.tag},{row.drill},{NAMES[row.style]}" for row in found.itertuples()]
    assert lines == ["TagID,DrillID,Predicted_Style", *told]


@pytest.mark.usefixtures("first")
def test_too_few_drills_are_not_clustered(at, warehouse):
    job = at(warehouse, "swim.clusters={kinematic: 500, published: 3}")
    with pytest.raises(InputError, match="more than 500 drills that can be clustered"):
        fit(job, "kinematic")


def test_of_a_log_of_an_unknown_pool_the_pool_is_told(at, tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(log(*[line(40 * n, x=n / 20, z=0.9, drill=n % 20) for n in range(400)]))
    ingest(at(tmp_path / "warehouse"), [str(path)])
    said = r"found 0 of 20 \(of the others 20: no pool at a height of 0\.9 m; swim\.pools knows .*Name their pool under"
    with pytest.raises(InputError, match=said):
        fit(at(tmp_path / "warehouse"), "kinematic")


def test_no_styles_are_no_export(at, tmp_path):
    with pytest.raises(InputError, match="styles by the published method"):
        export(at(tmp_path / "warehouse"), tmp_path / "styles.csv", "published")
    assert not list(tmp_path.glob("styles*"))
