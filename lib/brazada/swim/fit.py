"""Job: clusters of drills, and a style for each, into `swim.models`."""

from __future__ import annotations

from brazada.errors import InputError
from brazada.report import Job
from brazada.swim import clusters as kmeans
from brazada.swim import kinematic, published
from brazada.swim.laps import laps
from brazada.swim.sessions import sessions
from brazada.swim.settings import Method
from brazada.swim.tables import LIMITS, MODELS, READINGS

_SMALL_AGREEMENT = 0.8  # of the labels of fits from other seeds


def fit(job: Job, method: Method | None = None) -> None:
    """Learn limits, scaling, centres and names from the whole log; `score` uses them unchanged until the next `fit`.

    Replaces the method's model; Delta keeps the ones before. Raises InputError where there are no more drills than
    clusters.
    """
    method = method or job.settings.swim.method
    k = job.settings.swim.clusters[method]
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
        scaling = kmeans.min_max(known, published.FEATURES) if method == "published" else kinematic.SCALING
        learned = kmeans.learn(known, scaling, k, job.settings.training.seed)
    finally:
        known.unpersist()
    names = published.name(learned) if method == "published" else kinematic.name(learned)
    warning = _warning(learned, names)
    limits = None
    if method == "published":
        limits = int(job.store.read(LIMITS.name).frame.agg({"limits": "max"}).collect()[0][0])
    row = {
        "model": kmeans.model_id(learned, names.strokes),
        "method": method,
        "readings_version": job.store.version(READINGS.name),
        "limits": limits,
        "features": list(learned.scaling.features),
        "offset": list(learned.scaling.offset),
        "scale": list(learned.scaling.scale),
        "centroids": learned.centroids.tolist(),
        "styles": list(names.styles),
        "strokes": list(names.strokes),
        "drills": found,
        "silhouette": learned.silhouette,
        "agreement": learned.agreement,
        "margin": names.margin,
        "warning": warning,
    }
    frame = job.spark.createDataFrame([tuple(row[name] for name in MODELS.columns.names)], MODELS.columns)
    job.store.replace(MODELS, frame, f"method = '{method}'")
    job.note(
        f"{method} model {row['model']}: {k} clusters of {found:,} drills, silhouette {learned.silhouette:.2f},"
        f" agreement of {kmeans.SEEDS} seeds {learned.agreement:.2f}, margin {names.margin:.1f} deviations"
    )
    if warning:
        job.note(f"warning: {warning}")


def _warning(learned: kmeans.Clusters, names: kmeans.Names) -> str | None:
    faults = [names.warning] if names.warning else []
    if learned.agreement < _SMALL_AGREEMENT:
        faults.append(f"fits of {kmeans.SEEDS} seeds agree by {learned.agreement:.2f} only")
    return "; ".join(faults) or None
