"""Job: clusters of drills, and a style for each, into `swim.models`, and levels of swimmers into `swim.swimmers`."""

from __future__ import annotations

from functools import partial

from brazada.errors import InputError
from brazada.report import Job
from brazada.swim import clusters as kmeans
from brazada.swim import kinematic, published
from brazada.swim.laps import laps
from brazada.swim.naming import STROKES
from brazada.swim.sessions import sessions
from brazada.swim.settings import Method, Swim
from brazada.swim.tables import LIMITS, MODELS, READINGS, SWIMMERS

_FEW_DRILLS = 10  # for a cluster, in the mean
_SMALL_AGREEMENT = 0.8  # adjusted Rand index between the styles of fits from other seeds


def fit(job: Job, method: Method | None = None) -> None:
    """Learn limits, scaling, centres and names from the whole log; `score` uses them unchanged until the next `fit`.

    Replaces the method's model; Delta keeps the ones before. Raises InputError where there are no more drills than
    clusters.
    """
    method = method or job.settings.of(Swim).method
    k = job.settings.of(Swim).clusters[method]
    if method == "published":
        sessions(job, relearn=True)
        every = published.drills(job)
    else:
        laps(job)
        every = kinematic.drills(job)
    known = every.where("unfit IS NULL").persist()
    try:
        if (found := known.count()) <= k:
            raise InputError(
                f"more than {k} drills that can be clustered",
                found=f"{found} of {every.count()}",
                todo=f"ingest more, or set swim.clusters.{method}",
            )
        swimmers: list[kinematic.Level] = []
        if method == "published":
            rows, scaling, name = known, kmeans.min_max(known, published.FEATURES), published.name
        else:
            swimming, swimmers = kinematic.learn(known, job.settings.of(Swim).compare_swimmers)
            rows = kinematic.own(known, job.spark.createDataFrame(swimmers, kinematic.LEVEL))
            scaling, name = kinematic.SCALING, partial(kinematic.name, swimming)
        if rows.select(*scaling.features).distinct().limit(k).count() < k:
            raise InputError(f"{k} drills or more that differ", found="fewer", todo="ingest a log with real swimming")
        learned = kmeans.learn(rows, scaling, k, job.settings.training.seed, name, typical=method == "kinematic")
    finally:
        known.unpersist()
    clusters, names = learned.clusters, learned.names
    warning = _warning(learned, found, k)
    limits = None
    if method == "published":
        limits = int(job.store.read(LIMITS.name).frame.agg({"limits": "max"}).collect()[0][0])
    row = {
        "model": kmeans.model_id(clusters, names.strokes, swimmers),
        "method": method,
        "readings_version": job.store.version(READINGS.name),
        "limits": limits,
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
    if method == "kinematic":
        job.store.delete(SWIMMERS, f"model <> '{row['model']}'")
    job.note(
        f"{method} model {row['model']}: {k} clusters of {found:,} drills, silhouette {learned.silhouette:.2f}; fits of"
        f" {kmeans.SEEDS} seeds agree by {learned.agreement:.2f} (clusters) and {learned.style_agreement:.2f} (styles);"
        f" margin {names.margin:.1f} deviations"
    )
    if method == "kinematic" and (missing := [stroke for stroke in STROKES if stroke not in names.strokes]):
        job.note(f"no cluster is {' or '.join(missing)}")
    if warning:
        job.note(f"warning: {warning}")


def _warning(learned: kmeans.Learned, drills: int, k: int) -> str | None:
    faults = [learned.names.warning] if learned.names.warning else []
    if drills < _FEW_DRILLS * k:
        faults.append(f"{drills} drills are few for {k} clusters: a rare stroke may have none")
    if learned.style_agreement < _SMALL_AGREEMENT:
        faults.append(f"the styles of fits of {kmeans.SEEDS} seeds agree by {learned.style_agreement:.2f} only")
    return "; ".join(faults) or None
