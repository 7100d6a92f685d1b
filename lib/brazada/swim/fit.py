"""Job: clusters of drills, and a style for each, into `swim.models`, and levels of swimmers into `swim.swimmers`."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.report import Job
from brazada.swim import clusters as kmeans
from brazada.swim.laps import NO_POOL
from brazada.swim.methods import METHODS
from brazada.swim.settings import MethodName, Swim
from brazada.swim.tables import MODELS, READINGS, SWIMMERS

_CAUSES = 3  # that are told where too few drills can be clustered
_FEW_DRILLS = 10  # for a cluster, in the mean
_SMALL_AGREEMENT = 0.8  # adjusted Rand index between the styles of fits from other seeds


def fit(job: Job, method: MethodName | None = None) -> None:
    """Learn limits, scaling, centres and names from the whole log; `score` uses them unchanged until the next `fit`.

    Replaces the method's model; Delta keeps the ones before. Raises InputError where there are no more drills than
    clusters.
    """
    method = method or job.settings.of(Swim).method
    k = job.settings.of(Swim).clusters[method]
    every = METHODS[method].drills(job, relearn=True)
    known = every.where("unfit IS NULL").persist()
    try:
        if (found := known.count()) <= k:
            raise _too_few(every, found, k, method)
        given = METHODS[method].prepare(job, known)
        if given.rows.select(*given.scaling.features).distinct().limit(k).count() < k:
            raise InputError(f"{k} drills or more that differ", found="fewer", todo="ingest a log with real swimming")
        seed = job.settings.training.seed
        learned = kmeans.learn(given.rows, given.scaling, k, seed, given.name, typical=given.typical)
    finally:
        known.unpersist()
    clusters, names = learned.clusters, learned.names
    swimmers, warning = list(given.levels or ()), _warning(learned, found, k)
    row = {
        "model": kmeans.model_id(clusters, names.strokes, swimmers),
        "method": method,
        "readings_version": job.store.version(READINGS.name),
        "limits": given.limits,
        "features": list(clusters.scaling.features),
        "offset": list(clusters.scaling.offset),
        "scale": list(clusters.scaling.scale),
        "centroids": clusters.centroids.tolist(),
        "styles": list(names.styles),
        "strokes": list(names.strokes),
        "drills": found,
        "silhouette": learned.silhouette,
        "agreement": learned.agreement,
        "style_agreement": learned.style_agreement,
        "margin": names.margin,
        "warning": warning,
    }
    if swimmers:  # before the model, without which they say nothing; the last one's go when it has gone
        job.store.replace(SWIMMERS, [(row["model"], *swimmer) for swimmer in swimmers], f"model = '{row['model']}'")
    job.store.replace(MODELS, [tuple(row[name] for name in MODELS.columns.names)], f"method = '{method}'")
    if given.levels is not None:
        job.store.delete(SWIMMERS, f"model <> '{row['model']}'")
    job.note(
        f"{method} model {row['model']}: {k} clusters of {found:,} drills, silhouette {learned.silhouette:.2f}; fits of"
        f" {kmeans.SEEDS} seeds agree by {learned.agreement:.2f} (clusters) and {learned.style_agreement:.2f} (styles);"
        f" margin {names.margin:.1f} deviations"
    )
    if missing := [stroke for stroke in given.expected if stroke not in names.strokes]:
        job.note(f"no cluster is {' or '.join(missing)}")
    if warning:
        job.note(f"warning: {warning}")


def _too_few(drills: DataFrame, found: int, k: int, method: MethodName) -> InputError:
    """What is wrong with a log of so few drills that can be clustered: why the others cannot, if there are enough."""
    why = drills.where("unfit IS NOT NULL").groupBy("unfit").count().orderBy(F.desc("count"), "unfit").collect()
    unfit = sum(row["count"] for row in why)
    said = "; ".join(f"{row['count']}: {row['unfit']}" for row in why[:_CAUSES])
    todo = f"ingest more, or set swim.clusters.{method}"
    if found + unfit > k and why[0]["unfit"].startswith(NO_POOL):
        todo = "name their pool under swim.pools in a file for --conf, and run `swim laps --again`"
    return InputError(
        f"more than {k} drills that can be clustered",
        found=f"{found} of {found + unfit}" + (f" (of the others {said})" if why else ""),
        todo=todo,
    )


def _warning(learned: kmeans.Learned, drills: int, k: int) -> str | None:
    faults = [learned.names.warning] if learned.names.warning else []
    if drills < _FEW_DRILLS * k:
        faults.append(f"{drills} drills are few for {k} clusters: a rare stroke may have none")
    if learned.style_agreement < _SMALL_AGREEMENT:
        faults.append(f"the styles of fits of {kmeans.SEEDS} seeds agree by {learned.style_agreement:.2f} only")
    return "; ".join(faults) or None
