"""Jobs: a style for every drill by the models as they are, into `swim.styles`; and these as the published CSV."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import Column
from pyspark.sql import functions as F

from brazada.errors import InputError, TableError
from brazada.output import command
from brazada.report import Job
from brazada.swim.clusters import Scaling, nearest
from brazada.swim.methods import METHODS
from brazada.swim.settings import MethodName, Swim
from brazada.swim.tables import MODELS, STYLES, SWIMMERS

UNKNOWN = "unknown"
_NO_STROKE = "the drills of its cluster are like no stroke"
_PUBLISHED_NAMES = {
    "front_crawl": "Front Crawl/Freestyle",
    "breaststroke": "Breaststroke",
    "others": "Others",
    UNKNOWN: "Unknown",
}


def score(job: Job, method: MethodName | None = None) -> None:
    """Give every drill the style of the centre next to it, by the stored model of a method; nothing is learned.

    A drill that the method drops, or whose cluster has no name, is `unknown`, with the reason. Raises TableError where
    `fit` has not been run.
    """
    method = method or job.settings.of(Swim).method
    drills = METHODS[method].drills(job)
    job.store.ensure(MODELS)
    job.store.ensure(SWIMMERS)
    models = job.store.read(MODELS.name).frame.where(F.col("method") == method).collect()
    if not models:
        first = command("swim", "fit", "--method", method, warehouse=job.settings.warehouse.path)
        raise TableError(f"a {method} model in swim.models", found="none", todo=f"run `{first}`")
    model = models[0]
    every = METHODS[method].as_learned(job, drills, model)
    scaling = Scaling(tuple(model["features"]), tuple(model["offset"]), tuple(model["scale"]))
    fit = F.col("unfit").isNull()
    scored = every.select("tag", "drill", "added_in", "unfit", *nearest(scaling, model["centroids"], model["styles"]))

    def named(names: list[str]) -> Column:
        return F.when(fit, F.get(F.array(*map(F.lit, names)), F.col("cluster"))).otherwise(UNKNOWN)

    rows = scored.select(
        "tag",
        "drill",
        F.lit(method).alias("method"),
        F.lit(model["model"]).alias("model"),
        named(model["styles"]).alias("style"),
        named(model["strokes"]).alias("stroke"),
        F.when(fit, F.col("cluster")).alias("cluster"),
        F.when(fit, F.col("confidence")).otherwise(0.0).alias("confidence"),
        F.when(named(model["styles"]) == UNKNOWN, F.coalesce("unfit", F.lit(_NO_STROKE))).alias("reason"),
        "added_in",
    )
    job.store.replace(STYLES, rows, f"method = '{method}'")
    counts = job.store.read(STYLES.name).frame.where(F.col("method") == method).groupBy("style").count().collect()
    job.note("drills by style: " + ", ".join(f"{row['style']} {row['count']:,}" for row in sorted(counts)))
    if model["warning"]:
        job.note(f"warning of the model: {model['warning']}")


def export(job: Job, target: Path, method: MethodName | None = None) -> None:
    """Write the styles of a method as the published CSV, `TagID,DrillID,Predicted_Style`, sorted by both.

    Streams row by row. Raises InputError where there are none.
    """
    method = method or job.settings.of(Swim).method
    job.store.ensure(STYLES)
    rows = job.store.read(STYLES.name).frame.where(F.col("method") == method).orderBy("tag", "drill")
    written = 0
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
    except OSError as error:
        raise InputError("a file that can be written", found=str(error), todo="name another") from error
    with partial.open("w", encoding="utf-8") as file:
        file.write("TagID,DrillID,Predicted_Style\n")
        for row in rows.select("tag", "drill", "style").toLocalIterator():
            file.write(f"{row['tag']},{row['drill']},{_PUBLISHED_NAMES[row['style']]}\n")
            written += 1
    if not written:
        partial.unlink()
        first = command("swim", "score", "--method", method, warehouse=job.settings.warehouse.path)
        raise InputError(f"styles by the {method} method", found="none", todo=f"run `{first}`")
    partial.replace(target)
    job.note(f"{written:,} drills to {target}")
