"""Tables are created from their declarations; every write is safe to repeat."""

import datetime as dt
import math
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from pyspark.sql import types as T
from rich.console import Console

from brazada.errors import TableError, VersionError
from brazada.report import Job
from brazada.tables import Store, Table, View, array_of, column

FISH = Table(
    name="sea.fish",
    comment="One row per fish.",
    columns=T.StructType(
        [
            column("id", T.IntegerType(), "Number of the fish"),
            column("kind", T.StringType(), "Its kind"),
            column("weight_kg", T.DoubleType(), "Weight", required=False),
        ]
    ),
    key=("id",),
    constraints={"heavy": "weight_kg IS NULL OR weight_kg > 0"},
)


@pytest.fixture(params=["path", "catalog"])
def job(request, spark, settings):
    """A job on a warehouse at a path, and on one in a catalog."""
    if request.param == "catalog":
        by_name = settings.warehouse.model_copy(update={"path": None, "catalog": "spark_catalog"})
        settings = settings.model_copy(update={"warehouse": by_name})
    store = Store(spark, settings.warehouse, schemas=("sea",))
    return Job("test", "run-1", settings, spark, store, Console(file=sys.stderr, quiet=True))


def fish(spark, *rows):
    return spark.createDataFrame(rows, "id int, kind string, weight_kg double")


def content(store):
    return sorted(tuple(row) for row in store.read(FISH.name).frame.collect())


def test_declaration_reaches_the_table(job):
    job.store.ensure(FISH)
    job.store.attach()
    schema = job.spark.table("sea.fish").schema
    assert [(f.name, f.nullable, f.metadata["comment"]) for f in schema] == [
        ("id", False, "Number of the fish"),
        ("kind", False, "Its kind"),
        ("weight_kg", True, "Weight"),
    ]
    properties = job.store.detail("sea.fish")["properties"]
    assert properties["delta.constraints.heavy"] == "weight_kg IS NULL OR weight_kg > 0"
    assert properties["delta.enableDeletionVectors"] == "false"


@pytest.mark.parametrize("row", [(1, None, 2.0), (1, "cod", -2.0)], ids=["null", "constraint"])
def test_rows_against_the_declaration_are_refused(job, row):
    for rows in (fish(job.spark, row), [row]):
        with pytest.raises(TableError, match=r"NOT NULL id, kind; heavy: .*found .*(NOT_NULL|VIOLATE)"):
            job.store.append_once(FISH, rows, "b")
    assert content(job.store) == []


def test_a_batch_lands_once(job):
    batch = fish(job.spark, (1, "cod", 2.0))
    for _ in range(2):
        job.store.append_once(FISH, batch, "monday")
    job.store.append_once(FISH, fish(job.spark, (2, "eel", None)), "tuesday")
    assert content(job.store) == [(1, "cod", 2.0), (2, "eel", None)]


def test_two_writers_of_one_batch_land_once(job):
    """Two stores in two threads, as two jobs would be; the table does not exist yet."""
    faults = []

    def write():
        try:
            Store(job.spark, job.settings.warehouse).append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "monday")
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert content(job.store) == [(1, "cod", 2.0)]


def test_by_key(job):
    job.store.insert(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)))
    job.store.insert(FISH, fish(job.spark, (2, "eel", 9.0), (3, "ray", 3.0)))
    assert content(job.store) == [(1, "cod", 2.0), (2, "eel", 1.0), (3, "ray", 3.0)]
    job.store.merge(FISH, [(2, "the 'eel'", 9.0), (4, "cod", 4.0)])
    assert content(job.store) == [(1, "cod", 2.0), (2, "the 'eel'", 9.0), (3, "ray", 3.0), (4, "cod", 4.0)]


def test_replace_touches_its_slice_alone(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)), "b")
    for _ in range(2):
        job.store.replace(FISH, fish(job.spark, (3, "eel", 4.0)), "kind = 'eel'")
    assert content(job.store) == [(1, "cod", 2.0), (3, "eel", 4.0)]
    with pytest.raises(TableError, match="REPLACE_WHERE_MISMATCH"):
        job.store.replace(FISH, fish(job.spark, (4, "cod", 4.0)), "kind = 'eel'")


def test_a_pinned_version_stays_as_it_was(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "a")
    pinned = job.store.version(FISH.name)
    job.store.append_once(FISH, fish(job.spark, (2, "eel", 2.0)), "b")
    snapshot = job.store.read(FISH.name, pinned)
    assert [row.id for row in snapshot.frame.collect()] == [1]
    assert job.store.reads == {"sea.fish": pinned}
    assert set(snapshot.files()).isdisjoint(set(job.store.read(FISH.name).files()) - set(snapshot.files()))


@pytest.mark.parametrize("left", [0, 100])
def test_a_file_cut_short_is_named_and_not_read_as_fewer_rows(job, left):
    job.store.append(FISH, [(1, "cod", 2.0)])
    job.store.append(FISH, [(2, "eel", 2.0)])
    path = Path(job.store.read(FISH.name).files()[0].removeprefix("file:"))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(Exception, match=path.name):
        job.store.read(FISH.name).frame.collect()


def test_a_broken_log_is_named_with_its_table(spark, settings):
    store = Store(spark, settings.warehouse)
    store.append(FISH, fish(spark, (1, "cod", 2.0)))
    commit = Path(settings.warehouse.path, "sea/fish/_delta_log/00000000000000000001.json")
    commit.write_text("garbage{{{")
    commit.with_name(f".{commit.name}.crc").unlink(missing_ok=True)
    for checksum in commit.parent.glob("*.crc"):
        checksum.unlink()
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    with pytest.raises(TableError, match=rf"log of sea\.fish that Delta can read; found {commit}"):
        Store(spark, settings.warehouse).read(FISH.name)


def test_a_table_whose_log_is_gone_is_told_from_one_that_never_was(spark, settings):
    store = Store(spark, settings.warehouse)
    store.append(FISH, fish(spark, (1, "cod", 2.0)))
    shutil.rmtree(Path(settings.warehouse.path, "sea/fish/_delta_log"))
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    after = Store(spark, settings.warehouse)
    for attempt in (lambda: after.read(FISH.name), lambda: after.append(FISH, fish(spark, (2, "eel", 1.0)))):
        with pytest.raises(TableError, match=r"data files without their \S+/sea/fish/_delta_log"):
            attempt()


def test_missing_things_are_named(job):
    with pytest.raises(TableError, match=r"sea\.fish.*no table at all"):
        job.store.read("sea.fish")
    job.store.ensure(FISH)
    with pytest.raises(VersionError, match="version 7"):
        job.store.read("sea.fish", 7)


def test_a_frame_without_a_declared_column_is_refused(job):
    with pytest.raises(TableError, match="missing: weight_kg"):
        job.store.append_once(FISH, job.spark.createDataFrame([(1, "cod")], "id int, kind string"), "b")


def test_a_table_of_another_shape_is_refused(job):
    job.spark.sql("CREATE SCHEMA IF NOT EXISTS sea")
    place = f" LOCATION '{location}'" if (location := job.store.location(FISH.name)) else ""
    job.spark.sql(f"CREATE TABLE sea.fish (id BIGINT) USING delta{place}")
    with pytest.raises(TableError, match="differs"):
        job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "b")


def test_a_table_of_an_earlier_version_gets_new_columns_and_rules(job):
    columns = T.StructType([field for field in FISH.columns if field.name != "weight_kg"])
    job.store.append(replace(FISH, columns=columns, constraints={"heavy": "id < 5"}), [(1, "cod")])
    store = Store(job.spark, job.settings.warehouse)
    store.append(FISH, [(7, "eel", 2.0)])  # the new rule, not the old one
    version = store.version(FISH.name)
    Store(job.spark, job.settings.warehouse).ensure(FISH)
    assert store.version(FISH.name) == version  # nothing was left to change
    assert content(store) == [(1, "cod", None), (7, "eel", 2.0)]
    with pytest.raises(TableError, match="heavy"):
        store.append(FISH, [(8, "ray", -1.0)])


def test_views_are_attached_where_their_tables_are(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "b")
    views = (
        View("sea.heavy", "Heavy fish", ("sea.fish",), "SELECT id FROM sea.fish WHERE weight_kg > 1"),
        View("sea.wrecks", "Ships", ("sea.ships",), "SELECT * FROM sea.ships"),
    )
    assert job.store.attach(views) == ["sea.fish"]
    assert job.spark.sql("SELECT id FROM sea.heavy").collect()[0].id == 1
    assert not job.spark.catalog.tableExists("sea.wrecks")


@pytest.mark.parametrize(
    "faulty",
    [
        {"name": "fish"},
        {"key": ("nope",)},
        {"columns": T.StructType([T.StructField("id", T.IntegerType())])},
    ],
)
def test_a_faulty_declaration_is_refused(faulty):
    with pytest.raises(ValueError, match=r"fish|nope|comment"):
        Table(**{"name": "sea.fish", "comment": "", "columns": FISH.columns, "key": ("id",), **faulty})


def test_rows_at_hand_are_written_as_frames_are(job):
    rows = [(1, "cod", 2.0), (2, "eel", None)]
    assert job.store.append_once(FISH, rows, "monday")
    assert not job.store.append_once(FISH, fish(job.spark, *rows), "monday")
    assert job.store.append_once(FISH, fish(job.spark, (3, "ray", 1.0)), "tuesday")
    assert not job.store.append_once(FISH, [(3, "ray", 1.0)], "tuesday")
    job.store.merge(FISH, [(2, "eel", 9.0), (4, "cod", 4.0)])
    job.store.replace(FISH, [(5, "cod", 5.0)], "kind = 'cod'")
    assert content(job.store) == [(2, "eel", 9.0), (3, "ray", 1.0), (5, "cod", 5.0)]
    assert job.store.writes[FISH.name] == job.store.version(FISH.name)


def test_no_rows_at_hand_change_nothing(job):
    job.store.merge(FISH, [(1, "cod", 2.0)])
    before = job.store.version(FISH.name)
    job.store.merge(FISH, [])
    assert content(job.store) == [(1, "cod", 2.0)]
    assert job.store.version(FISH.name) == before


def test_rows_are_deleted(job):
    job.store.delete(FISH, "kind = 'cod'")  # of a table without rows, none
    job.store.append(FISH, [(1, "cod", 2.0), (2, "eel", None)])
    job.store.delete(FISH, "kind = 'cod'")
    assert content(job.store) == [(2, "eel", None)]
    assert job.store.writes[FISH.name] == job.store.version(FISH.name)


CATCH = Table(
    name="sea.catch",
    comment="One row per day and boat.",
    columns=T.StructType(
        [
            column("day", T.DateType(), "Day"),
            column("at", T.TimestampType(), "Time of the first haul, UTC"),
            column("boat", T.StringType(), "Its name"),
            column("hauls_kg", array_of(T.DoubleType()), "Weight of each haul"),
        ]
    ),
    key=("day", "at", "boat"),
)
MORNING = dt.datetime(2024, 1, 1, 6, tzinfo=dt.UTC)


def test_keys_may_be_dates_and_times_and_texts_with_quotes(job):
    """And weights what no number is: infinite ones have no place in Delta's statistics."""
    rows = [(MORNING.date(), MORNING, "Gull's", [1.0]), (MORNING.date(), MORNING, 'The "Tern"', [math.inf, None])]
    job.store.merge(CATCH, rows)
    job.store.merge(CATCH, [(MORNING.date(), MORNING, "Gull's", [2.0])])
    found = {row["boat"]: row["hauls_kg"] for row in job.store.read(CATCH.name).frame.collect()}
    assert found == {"Gull's": [2.0], 'The "Tern"': [math.inf, None]}


def test_an_array_may_be_declared_not_null(job):
    with pytest.raises(TableError, match=r"sea\.catch.*NOT NULL.*hauls_kg"):
        job.store.append(CATCH, [(MORNING.date(), MORNING, "Tern", None)])
    assert job.store.read(CATCH.name).frame.isEmpty()


def test_a_frame_that_was_read_stays_at_its_version(job):
    job.store.append(FISH, [(1, "cod", 2.0)])
    before = job.store.read(FISH.name).frame
    job.store.append(FISH, [(2, "eel", None)])
    assert before.count() == 1
    job.store.replace(FISH, before.withColumn("weight_kg", F.col("weight_kg") * 2), "true")
    assert content(job.store) == [(1, "cod", 4.0)]


def test_a_version_is_told_by_history_where_the_log_cannot_be_asked(job, monkeypatch):
    job.store.append(FISH, [(1, "cod", 2.0)])
    monkeypatch.setattr(Store, "_log", Mock(side_effect=TypeError("'JavaPackage' object is not callable")))
    assert job.store.version(FISH.name) == 1


def test_figures_are_those_of_the_newest_version(job, monkeypatch):
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    job.store.append(FISH, [(1, "cod", 2.0), (2, "eel", None)])
    job.store.append(FISH, [(3, "eel", 4.0)])
    job.store.delete(FISH, "id = 1")
    noted = job.store.figures(FISH.name)
    assert (noted.rows, noted.version, noted.comment) == (2, 3, "One row per fish.")
    assert before < noted.written < dt.datetime.now(dt.UTC)
    monkeypatch.setattr(Store, "_log", Mock(side_effect=TypeError("'JavaPackage' object is not callable")))
    counted = job.store.figures(FISH.name)
    assert (counted.rows, counted.size_bytes, counted.comment) == (noted.rows, noted.size_bytes, noted.comment)


def test_other_engines_read_the_tables(job):
    job.store.append(FISH, [(1, "cod", 2.0), (2, "eel", None)])
    job.store.replace(FISH, [(3, "eel", 4.0)], "kind = 'eel'")
    location = job.store.detail(FISH.name)["location"].removeprefix("file:")
    table = DeltaTable(location)
    assert sorted(table.to_pyarrow_table()["id"].to_pylist()) == [1, 3]
    files = table.file_uris()
    assert duckdb.sql(f"SELECT id FROM read_parquet({files}) ORDER BY id").fetchall() == [(1,), (3,)]


@pytest.mark.parametrize("name", ["w[h]", "50 %", "a%20b", "Größe", "\N{SWIMMER}"])
def test_a_warehouse_may_have_any_path(spark, settings, tmp_path, name):
    store = Store(spark, settings.warehouse.model_copy(update={"path": str(tmp_path / name)}))
    store.merge(FISH, [(1, "cod", 2.0)])
    store.append_once(FISH, fish(spark, (2, "eel", 1.0)), "first")
    assert content(store) == [(1, "cod", 2.0), (2, "eel", 1.0)]


def test_of_a_catalog_only_declared_schemas_are_listed(spark, settings):
    warehouse = settings.warehouse.model_copy(update={"path": None, "catalog": "spark_catalog"})
    store = Store(spark, warehouse, schemas=("sea", "select"))
    store.append(FISH, [(1, "cod", 2.0)])
    spark.sql("CREATE SCHEMA `select`")
    spark.sql("CREATE TABLE `select`.boats (name STRING) USING delta")
    spark.sql("CREATE SCHEMA land")
    spark.sql("CREATE TABLE land.cows (name STRING) USING delta")
    spark.sql("CREATE VIEW sea.heavy AS SELECT * FROM sea.fish WHERE weight_kg > 1")
    assert store.names() == ["sea.fish", "select.boats"]


@pytest.mark.parametrize(
    "left", [".00000000000000000000.json.1234.tmp", ".00000000000000000000.json.crc", "_commits/", None]
)
def test_a_table_whose_creation_was_killed_is_created_again(spark, settings, tmp_path, left):
    log = tmp_path / "killed" / "sea" / "fish" / "_delta_log"
    log.mkdir(parents=True)
    if left and left.endswith("/"):
        (log / left).mkdir()
    elif left:
        (log / left).write_text("{")
    store = Store(spark, settings.warehouse.model_copy(update={"path": str(tmp_path / "killed")}))
    assert not store.exists(FISH.name)
    store.append(FISH, fish(spark, (1, "cod", 2.0)))
    assert store.read(FISH.name).frame.count() == 1


def test_a_warehouse_at_a_url_lists_attaches_and_describes_its_tables(spark, settings):
    at_path = Store(spark, settings.warehouse, schemas=("sea",))
    at_path.append(FISH, [(1, "cod", 2.0)])
    Path(settings.warehouse.path, "sea", "no_table").mkdir()
    Path(settings.warehouse.path, "other").mkdir()
    url = settings.warehouse.model_copy(update={"path": f"file://{settings.warehouse.path}"})
    store = Store(spark, url, schemas=("ml", "sea"))
    assert store.names() == ["sea.fish"]
    assert store.attach() == ["sea.fish"]
    assert spark.sql("SELECT kind FROM sea.fish").collect() == [("cod",)]
    assert store.figures("sea.fish").rows == 1
