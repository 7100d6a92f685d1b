"""What cannot be trained on is refused before any rank starts, with the reason; what can is planned file by file."""

from pathlib import Path

import pytest
from lines import LINES, TABLE
from pyspark.sql import functions as F

from brazada.errors import TrainingError, VersionError
from brazada.training.data import preflight
from brazada.training.data.columns import arrow_columns
from brazada.training.data.sharding import with_shards
from brazada.training.launch.launcher import launcher, slots


@pytest.fixture
def check(job):
    def run(where="true", version=None, ranks=2, task=LINES):
        return preflight.check(task, job.store.read(TABLE.name, version), where, ranks=ranks)[1]

    return run


def of(path):
    return Path(path.removeprefix("file:"))


def test_shards_are_equal_to_a_row_and_the_same_whatever_the_partitioning(spark):
    frame = spark.range(0, 103).withColumn("source", F.when(F.col("id") < 50, "a").otherwise("b"))
    one = with_shards(frame.repartition(5), by=("source",), key=("id",), shards=4)
    other = with_shards(frame.coalesce(1), by=("source",), key=("id",), shards=4)
    assert sorted(one.collect()) == sorted(other.select(one.columns).collect())
    counts = [row["count"] for row in one.groupBy("source", "shard").count().orderBy("source", "shard").collect()]
    assert counts == [13, 13, 12, 12, 14, 13, 13, 13]


def test_the_rows_of_a_shard_lie_in_one_order_however_the_frame_was_cut(spark):
    def in_files(frame):
        rows = with_shards(frame, by=("source",), key=("id",), shards=4).collect()
        return {
            place: [row["id"] for row in rows if (row["source"], row["shard"]) == place]
            for place in {(row["source"], row["shard"]) for row in rows}
        }

    frame = spark.range(0, 500).withColumn("source", F.when(F.col("id") < 250, "a").otherwise("b"))
    assert in_files(frame.repartition(7)) == in_files(frame.coalesce(1)) == in_files(frame.orderBy(F.desc("id")))


def test_the_plan_holds_every_row_of_the_pinned_version_and_no_later_one(check, points):
    pinned = points(rows=80)
    points("more", rows=40, first=1000)
    plan, newest = check(version=pinned), check()
    assert (sum(s.rows for s in plan.train), sum(s.rows for s in plan.validate)) == (60, 20)
    assert (sum(s.rows for s in newest.train), sum(s.rows for s in newest.validate)) == (90, 30)
    read = [
        value
        for share in plan.train
        for url in share.files
        for columns in arrow_columns(url, ["id"], 100)
        for value in columns["id"].tolist()
    ]
    assert sorted(read) == [number for number in range(80) if number % 4]


def test_the_filter_takes_whole_files_or_is_refused(check, points):
    points(rows=40)
    points("b", rows=20, source="b")
    assert sum(share.rows for share in check("source = 'b'").train) == 15
    with pytest.raises(TrainingError, match="whole files"):
        check("id < 11")


def test_an_empty_split_or_filter_is_refused(check, points, job):
    points(rows=40)
    with pytest.raises(TrainingError, match=r"split = 'train'.*all sample weights are 0 where source = 'nowhere'"):
        check("source = 'nowhere'")
    job.store.replace(TABLE, job.store.read(TABLE.name).frame.where("split = 'train'"), "split = 'train'")
    job.store.attach()
    job.spark.sql(f"DELETE FROM {TABLE.name} WHERE split = 'validate'")
    with pytest.raises(TrainingError, match="split = 'validate'"):
        check()


def test_fewer_files_than_ranks_are_refused(check, points):
    points(rows=40, shards=2)
    with pytest.raises(TrainingError, match="3 ranks; found 2 files"):
        check(ranks=3)


def test_a_file_gone_by_vacuum_and_a_corrupt_one_are_named(check, points):
    points(rows=40)
    path = of(check().train[0].files[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))
    with pytest.raises(TrainingError, match=f"damaged.*{path.name}|{path.name}.*damaged"):
        check()
    path.unlink()
    with pytest.raises(VersionError, match=f"{path.name} gone, by VACUUM"):
        check()


def test_values_that_are_no_numbers_are_refused(check, points, job):
    points(rows=40)
    job.store.attach()
    job.spark.sql(f"UPDATE {TABLE.name} SET y = double('nan') WHERE id = 5")
    with pytest.raises(TrainingError, match=r"1 of .* rows of .*: targets hold NaN"):
        check()
    job.spark.sql(f"UPDATE {TABLE.name} SET y = 1, x = NULL WHERE id = 5")
    with pytest.raises(TrainingError, match="column 'x'"):
        check()


def test_more_ranks_than_slots_are_refused(job):
    assert slots(job.spark) == 2
    options = job.settings.training.model_copy(update={"launch": "horovod", "ranks": 3})
    with pytest.raises(TrainingError, match=r"3 tasks at once.*found 2 slots"):
        launcher(job.spark, options)
