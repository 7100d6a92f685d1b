"""Tables are created from their declarations; every write is safe to repeat."""

import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from pyspark.sql import types as T

from brazada.errors import TableError, VersionError
from brazada.tables import Store, Table, View, column

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
        with pytest.raises(TableError, match=r"NOT NULL id, kind; heavy: .*1 rows failed"):
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
    assert DeltaTable(job.store.location(FISH.name)).to_pyarrow_table().num_rows == 4


def test_replace_touches_its_slice_alone(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)), "b")
    for _ in range(2):
        job.store.replace(FISH, fish(job.spark, (3, "eel", 4.0)), "kind = 'eel'")
    assert content(job.store) == [(1, "cod", 2.0), (3, "eel", 4.0)]
    with pytest.raises(Exception, match=r"kind = 'eel'; found .*failed"):
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
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "a")
    job.store.append_once(FISH, fish(job.spark, (2, "eel", 2.0)), "b")
    path = next(Path(job.store.location(FISH.name)).glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(VersionError, match=f"{path.name} damaged: {left} bytes"):
        job.store.read(FISH.name)


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
    location = job.store.location("sea.fish")
    job.spark.range(1).write.format("delta").save(location)
    with pytest.raises(TableError, match="differs"):
        job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "b")


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
    assert not job.store.append_once(FISH, fish(job.spark, *rows), "monday")  # landed, by whichever engine
    assert job.store.append_once(FISH, fish(job.spark, (3, "ray", 1.0)), "tuesday")
    assert not job.store.append_once(FISH, [(3, "ray", 1.0)], "tuesday")
    job.store.merge(FISH, [(2, "eel", 9.0), (4, "cod", 4.0)])
    job.store.replace(FISH, [(5, "cod", 5.0)], "kind = 'cod'")
    assert content(job.store) == [(2, "eel", 9.0), (3, "ray", 1.0), (5, "cod", 5.0)]
    assert job.store.writes[FISH.name] == job.store.version(FISH.name)


PENS = Table(
    name="sea.pens",
    comment="One row per pen, without constraints.",
    columns=T.StructType([column("id", T.LongType(), "Number"), column("kind", T.StringType(), "Of fish in it")]),
    key=("id",),
    stats_on=("id",),
)


@pytest.mark.parametrize(
    ("constraints", "least"), [({}, [0, 20, 40, 60, 200]), ({"numbered": "id >= 0"}, [0, 200])], ids=["tasks", "driver"]
)
def test_what_tasks_make_is_appended_once(job, constraints, least):
    """Without constraints the tasks write the files themselves, one each; either way a table of Delta comes of it."""
    table = replace(PENS, constraints=constraints)

    def make(batches):
        for batch in batches:
            ids = pc.multiply(batch["id"], 2)
            yield pa.record_batch([ids, pa.array(["cod"] * len(ids))], ["id", "kind"])

    numbers = job.spark.range(0, 40, 1, 4)
    assert job.store.append_made(table, numbers, make, "monday")
    assert not job.store.append_made(table, numbers, make, "monday")
    assert job.store.append_made(table, job.spark.range(100, 101, 1, 2), make, "tuesday")
    rows = job.store.read(PENS.name)
    assert sorted(row["id"] for row in rows.frame.collect()) == [*range(0, 80, 2), 200]
    noted = DeltaTable(job.store.location(PENS.name)).get_add_actions(flatten=True)
    assert sorted(noted["min.id"].to_pylist()) == least


def test_a_null_that_a_task_makes_is_refused(job):
    def make(batches):
        for batch in batches:
            yield pa.record_batch([batch["id"], pa.nulls(len(batch), pa.string())], ["id", "kind"])

    with pytest.raises(TableError, match=r"sea\.pens.*null in kind"):
        job.store.append_made(PENS, job.spark.range(3), make, "b")
    assert job.store.read(PENS.name).frame.isEmpty()


def test_a_task_that_fails_leaves_nothing(job):
    def make(batches):
        for batch in batches:
            yield pa.record_batch([batch["id"], pa.array(["cod"] * len(batch))], ["id", "kind"])
            raise ValueError("a hole in the net")

    with pytest.raises(Exception, match="a hole in the net"):
        job.store.append_made(PENS, job.spark.range(3), make, "b")
    assert list(Path(job.store.location(PENS.name)).glob("*.parquet")) == []


def test_a_table_that_was_given_deletion_vectors_is_sparks(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)), "b")
    table = f"delta.`{job.store.location(FISH.name)}`"
    job.spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableDeletionVectors' = true)")
    job.spark.sql(f"DELETE FROM {table} WHERE id = 1")
    job.store.insert(FISH, fish(job.spark, (2, "eel", 9.0), (3, "ray", 3.0)))
    job.store.merge(FISH, [(3, "ray", 4.0)])
    assert content(job.store) == [(2, "eel", 1.0), (3, "ray", 4.0)]


def test_no_rows_at_hand_change_nothing(job):
    job.store.merge(FISH, [(1, "cod", 2.0)])
    job.store.merge(FISH, [])
    assert content(job.store) == [(1, "cod", 2.0)]


@pytest.mark.parametrize("name", ["w[h]", "50 %", "a%20b"])
def test_a_warehouse_whose_path_delta_rs_misreads_is_sparks(spark, settings, tmp_path, name):
    store = Store(spark, settings.warehouse.model_copy(update={"path": str(tmp_path / name)}))
    store.merge(FISH, [(1, "cod", 2.0)])
    store.append_once(FISH, fish(spark, (2, "eel", 1.0)), "first")
    assert content(store) == [(1, "cod", 2.0), (2, "eel", 1.0)]
