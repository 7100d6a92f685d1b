"""IDX files to `images.fashion`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from brazada.images.fashion import idx
from brazada.images.fashion.tables import CLASSES, FASHION, SIDE
from brazada.images.settings import Images
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.training.data.sharding import with_shards

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.report import Job


def read(path: str, pictures: bytes, labels: bytes) -> Iterator[tuple[Any, ...]]:
    """The rows of a file of pictures and of that of their labels."""
    levels, classes = idx.array(pictures, "pictures", 3), idx.array(labels, "labels", 1)
    if levels.shape[1:] != (SIDE, SIDE):
        raise Refused(f"pictures: expected {SIDE} x {SIDE}, found {levels.shape[1]} x {levels.shape[2]}")
    if len(levels) != len(classes):
        raise Refused(f"expected a label for each picture, found {len(classes):,} labels for {len(levels):,} pictures")
    if len(classes) and classes.max() >= len(CLASSES):
        raise Refused(f"labels: expected 0 to {len(CLASSES) - 1}, found {classes.max()}")
    part = idx.part(path)
    for number, (picture, label) in enumerate(zip(levels, classes.tolist(), strict=True)):
        yield f"{part}-{number:05d}", part, number, CLASSES[label], label, picture.tobytes()


FILES = Format(
    "Fashion-MNIST",
    idx.SUFFIXES,
    ("id", "part", "number", "label", "class_number", "pixels"),
    read,
    together=idx.pairs,
    strict=True,
)


def ingest(job: Job, paths: Sequence[str], again: bool = False) -> None:
    """Take in pairs of IDX files; of the training part a share is for validation, told by a hash of the id.

    Pictures that are there more than once, in either part, are kept as published, and counted in the report. Raises
    InputError for files that are no such pairs or disagree with their headers, before anything is written.
    """
    from pyspark.sql import functions as F

    options = job.settings.of(Images).fashion

    def prepare(rows: DataFrame) -> DataFrame:
        held_back = F.pmod(F.xxhash64("id"), F.lit(10_000)) < round(10_000 * options.validation_share)
        split = F.when(F.col("part") == "test", "test").when(held_back, "validate").otherwise("train")
        return with_shards(rows.withColumn("split", split), ("split",), ("id",), options.shards)

    ingest_files(job, FASHION, paths, FILES, prepare, again)
    if job.report.rows_good:
        copies = (
            job.store.read(FASHION.name)
            .frame.groupBy("pixels")
            .agg(F.count("*").alias("pictures"), F.count_distinct("part").alias("parts"))
        )
        found = copies.where("pictures > 1").agg(F.count("*"), F.coalesce(F.sum(F.col("parts") - 1), F.lit(0))).first()
        several, in_both = found or (0, 0)
        job.note(f"{several} pictures are there more than once, {in_both} of them in both parts")
