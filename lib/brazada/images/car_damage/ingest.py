"""Photographs to `images.photos`; their near-duplicates; and what is learned from, so divided that none leaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brazada.errors import InputError
from brazada.images.car_damage import duplicates, photos
from brazada.images.car_damage.tables import CAR_DAMAGE, DUPLICATES, PHOTOS, SEVERITIES
from brazada.images.settings import Images
from brazada.ingest.files import list_files
from brazada.ingest.texts import one_spelling
from brazada.ingest.whole import Format, ingest_files
from brazada.training.data.sharding import with_shards

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import Column, DataFrame

    from brazada.images.settings import CarDamage
    from brazada.report import Job

_COLUMNS = tuple(name for name in PHOTOS.columns.names if name != "batch")
_MANIFEST = "a manifest with columns path and label, and part where it is known"


def ingest(job: Job, paths: Sequence[str], again: bool = False, manifest: str | None = None) -> None:
    """Take in photographs, look for near-duplicates among all that are there, and divide them anew.

    Severity and part are those of the folders (`train/minor/...`) or those that a CSV `manifest` tells of its paths,
    which are relative to it. Raises InputError for paths without photographs and a faulty manifest.
    """
    told = None
    if manifest:
        told = _told(job, manifest)
        paths = [*paths, *told]
    files = Format("photographs", photos.SUFFIXES, _COLUMNS, partial(photos.read, told))
    ingest_files(job, PHOTOS, paths, files, again=again)
    if not job.store.exists(CAR_DAMAGE.name) or not _same(job):
        divide(job, job.settings.of(Images).car_damage)


def divide(job: Job, options: CarDamage) -> None:
    """Write `images.duplicates` and `images.car_damage` anew from all photographs.

    Near-duplicates stay together: parts val and test are for the test, and copies of their pictures in other parts are
    left out. Of the rest, groups are for validation, and where there is no val or test for that too, by a hash.
    """
    from pyspark.sql import functions as F

    found = duplicates.pairs(job.store.read(PHOTOS.name).frame).persist()
    try:
        pairs = found.select("id", "other").toPandas()
        of = duplicates.grouped(pairs)
        groups = job.spark.createDataFrame([*of.items()] or [("", "")], "id string, group string")
        linked = found.join(F.broadcast(groups), on="id", how="inner")
        job.store.replace(DUPLICATES, linked, "true")
    finally:
        found.unpersist()
    told = job.store.read(PHOTOS.name).frame.join(F.broadcast(groups), on="id", how="left")
    told = told.withColumn("group", F.coalesce("group", "id"))
    pictures = told.withColumn("picture", _squared(options.size)("content"))
    job.store.replace(CAR_DAMAGE, _divided(pictures, told, options), "true")
    left_out = job.store.read(CAR_DAMAGE.name).frame.where("split = 'left_out'").count()
    said = f"{len(pairs)} pairs of near-duplicates in {len(set(of.values()))} groups"
    job.note(f"{said}; {left_out} copies of test pictures are left out")


def _divided(pictures: DataFrame, told: DataFrame, options: CarDamage) -> DataFrame:
    """With split and shard of each picture; `told` are the same without the pictures."""
    from pyspark.sql import functions as F

    published = F.coalesce(F.col("part").isin("val", "test"), F.lit(False))
    tested = told.groupBy("group").agg(F.max(published).alias("tested"))
    place = F.pmod(F.xxhash64("group"), F.lit(10_000)) / 10_000
    has_test = told.where(published).limit(1).count() > 0
    share = 0.0 if has_test else options.test_share
    own: Column = F.when(place < share, "test").when(place < share + options.validation_share, "validate")
    split = F.when(published, "test").when(F.col("tested"), "left_out").otherwise(own.otherwise("train"))
    divided = pictures.join(F.broadcast(tested), on="group", how="inner").withColumn("split", split)
    return with_shards(divided, ("split",), ("id",), options.shards)


def _squared(side: int) -> Any:
    import pandas as pd
    from pyspark.sql.pandas.functions import pandas_udf

    def squared(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch.map(lambda content: photos.squared(content, side))

    squared.__annotations__ = {"batches": Iterator[pd.Series], "return": Iterator[pd.Series]}
    return pandas_udf(squared, "binary")  # type: ignore[call-overload]


def _same(job: Job) -> bool:
    """Whether what is learned from are the photographs that are there."""
    there, learned = (job.store.read(table.name).frame.select("id") for table in (PHOTOS, CAR_DAMAGE))
    return there.exceptAll(learned).isEmpty() and learned.exceptAll(there).isEmpty()


def _told(job: Job, manifest: str) -> Mapping[str, tuple[str, str | None]]:
    """Severity and part by URI of the photographs that a manifest names. Raises InputError."""
    import pandas as pd

    try:
        rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(_MANIFEST, found=f"{manifest}: {error}", todo="check --manifest") from error
    if missing := {"path", "label"} - set(rows):
        raise InputError(_MANIFEST, found=f"none named {', '.join(sorted(missing))}", todo="name its columns so")
    for column in {"label", "part"} & set(rows):
        rows[column] = rows[column].map(one_spelling)
    if unknown := sorted(set(rows["label"].str.lower()) - {*SEVERITIES}):
        expected = f"labels out of {', '.join(SEVERITIES)}"
        raise InputError(expected, found=", ".join(unknown), todo="correct the manifest")
    parts: Iterable[str] = rows["part"] if "part" in rows else [""] * len(rows)
    base = Path(manifest).resolve().parent.as_uri()
    uris = [path if "://" in path else f"{base}/{path}" for path in rows["path"]]
    known = {*list_files(job.spark, uris, photos.SUFFIXES)}
    if absent := [uri for uri in uris if uri not in known]:
        raise InputError("photographs that the manifest names", found=f"no {absent[0]}", todo="correct the manifest")
    return {
        uri: (label.lower(), part if part in photos.PARTS else None)
        for uri, label, part in zip(uris, rows["label"], parts, strict=True)
    }
