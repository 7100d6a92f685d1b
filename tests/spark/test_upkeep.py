"""Upkeep leaves rows as they are and removes what no version reads; what ran can be listed."""

import json

import pytest
from pyspark.sql import types as T

from brazada.errors import TableError
from brazada.tables import Store, Table, column
from brazada.tables.upkeep import maintain
from brazada.training.registry.runs import champion_versions
from brazada.training.tables import RUNS

TABLE = Table("prices.fish", "Fish.", T.StructType([column("id", T.LongType(), "Number")]), key=("id",))


@pytest.fixture
def store(spark, settings):
    """A table of twenty small files, and two versions that overwrite it."""
    store = Store(spark, settings.warehouse)
    store.append(TABLE, spark.range(100).repartition(20))
    for version in range(2):
        store.replace(TABLE, spark.range(version, version + 100).repartition(20), "id >= 0")
    return store


def test_small_files_are_joined_and_nothing_young_is_removed(store):
    done = maintain(store, TABLE.name)
    assert (done.files_before, done.files) == (20, 1)
    assert done.size_bytes > done.size_bytes_before  # the joined file came to it
    assert store.read(TABLE.name).frame.count() == 100
    assert store.read(TABLE.name, 1).frame.count() == 100


@pytest.fixture
def _at_once(spark):
    """Versions are old as soon as they are replaced."""
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    yield
    spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")


@pytest.mark.usefixtures("_at_once")
def test_old_versions_go(store):
    maintain(store, TABLE.name, days=0)
    assert sorted(row.id for row in store.read(TABLE.name).frame.collect()) == list(range(1, 101))
    with pytest.raises(Exception, match=r"does not exist"):
        store.read(TABLE.name, 2).frame.collect()


@pytest.mark.usefixtures("_at_once")
def test_a_version_that_a_champion_learned_from_stays(store):
    assert maintain(store, TABLE.name, days=0, keep=[2, 3]).kept == (2, 3)
    assert sorted(row.id for row in store.read(TABLE.name, 2).frame.collect()) == list(range(100))


def test_versions_of_champions_are_those_of_the_runs_promoted_last(spark, settings):
    store = Store(spark, settings.warehouse)
    assert champion_versions(store) == {}
    empty = dict.fromkeys(RUNS.columns.names)

    def run(name, task, version, day, promoted=True):
        text = {field.name: "x" for field in RUNS.columns if isinstance(field.dataType, T.StringType)}
        numbers = dict.fromkeys(("seed", "ranks", "epochs", "best_epoch"), 1)
        told = {"run": name, "task": task, "table": f"t.{task}", "version": version, "promoted": promoted}
        at = {"finished_at": f"2026-01-{day:02d}", "packages": {}, "refit_of": None}
        return tuple({**empty, **text, **numbers, **told, **at}.values())

    rows = [run("a", "one", 3, 1), run("b", "one", 5, 2), run("c", "one", 7, 3, promoted=False), run("d", "two", 2, 1)]
    names = ", ".join(
        f"{f.name} {'STRING' if f.name == 'finished_at' else f.dataType.simpleString()}" for f in RUNS.columns
    )
    store.append(RUNS, spark.createDataFrame(rows, names))
    assert champion_versions(store) == {"t.one": {5}, "t.two": {2}}


def test_what_ran_is_listed_with_its_status_and_error(brazada):
    with pytest.raises(TableError):
        brazada("prices", "series")
    brazada("maintain")
    listed = brazada("jobs")
    for part in ("prices series", "failed", "maintain", "done"):
        assert part in listed
    only = json.loads(brazada("jobs", "--failed", "--json").splitlines()[-1])["rows"]
    assert [row["job"] for row in only] == ["prices series"]


def test_a_table_that_is_not_there_is_told(brazada):
    with pytest.raises(TableError, match=r"view prices\.nothing"):
        brazada("maintain", "prices.nothing")
