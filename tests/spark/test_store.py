"""Tables are created from their declarations; every write is safe to repeat."""

import threading

import pytest
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
    with pytest.raises(Exception, match=r"NOT_NULL|VIOLATE_CONSTRAINT"):
        job.store.append_once(FISH, fish(job.spark, row), "b")
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


def test_merge_by_key(job):
    job.store.merge(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)))
    job.store.merge(FISH, fish(job.spark, (2, "eel", 9.0), (3, "ray", 3.0)), update=False)
    assert content(job.store) == [(1, "cod", 2.0), (2, "eel", 1.0), (3, "ray", 3.0)]
    job.store.merge(FISH, fish(job.spark, (2, "eel", 9.0)))
    assert content(job.store) == [(1, "cod", 2.0), (2, "eel", 9.0), (3, "ray", 3.0)]


def test_replace_touches_its_slice_alone(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0), (2, "eel", 1.0)), "b")
    for _ in range(2):
        job.store.replace(FISH, fish(job.spark, (3, "eel", 4.0)), "kind = 'eel'")
    assert content(job.store) == [(1, "cod", 2.0), (3, "eel", 4.0)]
    with pytest.raises(Exception, match="DELTA_REPLACE_WHERE_MISMATCH"):
        job.store.replace(FISH, fish(job.spark, (4, "cod", 4.0)), "kind = 'eel'")


def test_a_pinned_version_stays_as_it_was(job):
    job.store.append_once(FISH, fish(job.spark, (1, "cod", 2.0)), "a")
    pinned = job.store.version(FISH.name)
    job.store.append_once(FISH, fish(job.spark, (2, "eel", 2.0)), "b")
    snapshot = job.store.read(FISH.name, pinned)
    assert [row.id for row in snapshot.frame.collect()] == [1]
    assert job.store.reads == {"sea.fish": pinned}
    assert set(snapshot.files()).isdisjoint(set(job.store.read(FISH.name).files()) - set(snapshot.files()))


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
