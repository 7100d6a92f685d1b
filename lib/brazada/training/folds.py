"""A task's networks and models of other kinds, each scored on groups of rows that it did not learn from."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import TrainingError, UsageError
from brazada.training.data.columns import columns_of
from brazada.training.data.preflight import chosen
from brazada.training.data.reader import MemoryFeed, joined
from brazada.training.launch import devices
from brazada.training.loop.epochs import Feeds, fit
from brazada.training.loop.learner import Learner
from brazada.training.loop.ranks import SingleProcess
from brazada.training.metrics import Vectors, added, results, scored
from brazada.training.predict import output_of
from brazada.training.tables import FOLDS
from brazada.training.task import Array, Arrays, Decoded, Spec, Task

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from brazada.report import Job

BY_GROUP, AT_RANDOM = "by group", "at random"
_LARGEST = 2**30  # bytes of rows, which every fit has in memory
BASELINE = "baseline"


@dataclass(frozen=True)
class Part:
    """One fit: a model learns from the rows of all folds but one, and is scored on that one's."""

    model: str
    split: str
    repeat: int
    fold: int
    spec: Spec
    folds: Array  # of each row


Scores = Mapping[tuple[str, str], list[dict[str, float]]]


def evaluate_folds(
    job: Job, variants: Sequence[Task], folds: int, repeats: int, models: Sequence[str] = (), where: str = "true"
) -> Scores:
    """Figures of every model over left-out rows: by model and split, a mapping for each repeat.

    Models are the networks of the task, those that it is `compared` with, and the baseline; `models` names fewer.
    Groups of rows with equal `task.group` are dealt out anew for each repeat, and with split `at random`, once, single
    rows are: figures of it are too good where the rows of a group resemble each other. The figures of a repeat are
    those of all its rows together, each scored by the fit that left it out. Networks learn for all their epochs. Fits
    run as Spark tasks; all figures go to ml.folds. Raises `TrainingError` for fewer groups than folds.
    """
    task = variants[0]
    snapshot = job.store.read(task.table)
    frame = chosen(task, snapshot, task.within(where), (task.train, task.validate, task.test))
    rows, held = _rows(task, frame)
    networks, baseline = {one.network: one for one in variants}, [BASELINE] if callable(task.baseline) else []
    known = [*networks, *task.compared, *baseline]
    if unknown := [name for name in models if name not in known]:
        raise UsageError(f"models out of {', '.join(known)}", found=", ".join(unknown), todo="correct --model")
    seed = job.settings.training.seed
    assigned = _assigned(held[task.group].to_numpy(), folds, repeats, seed)
    parts = list(_parts(task, networks, frame, held, assigned, models or known))
    figures = {**task.figures, **task.test_metrics}
    shared = job.spark.sparkContext.broadcast(rows)

    def run(part: Part) -> tuple[Part, Vectors]:
        return replace(part, folds=np.zeros(0)), _scored(networks, task, part, shared.value, seed)

    sums: dict[tuple[str, str, int], Vectors] = {}
    found: list[tuple[str, str, int, int | None, dict[str, float]]] = []
    with job.progress(f"{task.name}: fits", total=len(parts)) as bar:
        # Model by model: `toLocalIterator` over all of them would run one fit at a time.
        for model in dict.fromkeys(part.model for part in parts):
            own = [part for part in parts if part.model == model]
            for part, vectors in job.spark.sparkContext.parallelize(own, len(own)).map(run).collect():
                place = (part.model, part.split, part.repeat)
                sums[place] = added(sums.get(place, []), vectors)
                found.append((*place, part.fold, results(figures, vectors)))
            bar.advance(len(own), model)
    found += [(*place, None, results(figures, vectors)) for place, vectors in sums.items()]
    named = (f"{task.name}-{uuid.uuid4().hex[:12]}", task.name)
    last = (task.table, snapshot.version, folds, dt.datetime.now(dt.UTC))
    job.store.append(
        FOLDS, [(*named, *place, name, value, *last) for *place, of in found for name, value in of.items()]
    )
    whole: dict[tuple[str, str], list[dict[str, float]]] = {}
    for model, split, _, fold, of in found:
        if fold is None:
            whole.setdefault((model, split), []).append(of)
    return whole


def _rows(task: Task, frame: DataFrame) -> tuple[Any, pd.DataFrame]:
    """The columns that the task decodes, as an Arrow batch; key and group of each row. In the order of the key."""
    import pyarrow as pa

    if task.group is None:
        raise TrainingError("a task with groups of rows", found=f"{task.name} without", todo="declare its `group`")
    names = list(dict.fromkeys([*task.columns, task.group, *task.key]))
    held = frame.select(*names).orderBy(*task.key).toPandas()
    batch = pa.RecordBatch.from_pandas(held[list(task.columns)], preserve_index=False)
    if batch.nbytes > _LARGEST:
        found = f"{batch.nbytes:,} bytes in {len(held):,} rows"
        raise TrainingError(f"rows of less than {_LARGEST:,} bytes", found=found, todo="narrow them by --where")
    return batch, held[[*dict.fromkeys([*task.key, task.group])]]


def _assigned(groups: Array, folds: int, repeats: int, seed: int) -> dict[tuple[str, int], Array]:
    """The fold of each row, by split and repeat."""
    names, of_row = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        raise TrainingError(f"at least {folds} groups", found=f"{len(names)}", todo="ask for fewer --folds")
    found = {}
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(len(names))
        of_group = np.empty(len(names), int)
        for fold, members in enumerate(np.array_split(order, folds)):
            of_group[members] = fold
        found[BY_GROUP, repeat] = of_group[of_row]
    found[AT_RANDOM, 0] = np.random.default_rng([seed]).permutation(np.arange(len(groups)) % folds)
    return found


def _parts(
    task: Task,
    networks: Mapping[str, Task],
    frame: DataFrame,
    held: pd.DataFrame,
    assigned: Mapping[tuple[str, int], Array],
    models: Sequence[str],
) -> Iterator[Part]:
    """The fits, with the spec of each: what statistics are learned, is learned from its training rows alone."""
    for (split, repeat), folds in assigned.items():
        for fold in range(int(folds.max()) + 1):
            learned: dict[str, Any] = {}
            if task.statistics:
                others = frame.sparkSession.createDataFrame(held.loc[folds != fold, list(task.key)])
                learned["statistics"] = task.statistics(frame.join(others, on=list(task.key), how="left_semi"))
            for model in models:
                spec = {**networks.get(model, task).spec, **learned}
                yield Part(model, split, repeat, fold, spec, folds)


def _scored(networks: Mapping[str, Task], task: Task, part: Part, batch: Any, seed: int) -> Vectors:
    """One fit: what its predictions of the rows that it left out add to the metrics."""
    devices.configure_tensorflow(1)
    task = replace(networks.get(part.model, task), spec=part.spec)
    left_out = part.folds == part.fold
    train, test = _decoded(task, batch, ~left_out), _decoded(task, batch, left_out)
    if part.model in networks:
        predicted = _by_network(task, train, test[0], seed)
    elif part.model == BASELINE and callable(task.baseline):
        predicted = task.baseline(test[0], task.spec)
    else:
        predicted = task.compared[part.model](train, test[0], task.spec, seed)
    return scored({**task.figures, **task.test_metrics}, test, predicted)


def _decoded(task: Task, batch: Any, wanted: Array) -> Decoded:
    """The wanted rows, decoded so many at once."""
    places = np.flatnonzero(wanted)
    chunks = [places[start : start + task.rows_per_chunk] for start in range(0, len(places), task.rows_per_chunk)]
    return joined([task.decode(columns_of(batch.take(chunk)), task.spec) for chunk in chunks])


def _by_network(task: Task, train: Decoded, inputs: Arrays, seed: int) -> Array:
    import tensorflow as tf

    tf.keras.backend.clear_session()  # the worker keeps its process: the graphs of the fit before are let go
    feed = MemoryFeed(task, train, int(task.spec["batch"]), seed)
    learner = Learner(task, SingleProcess(), seed, feed.steps)
    outcome = fit(learner, Feeds(feed, None))
    learner.model.set_weights(outcome.weights)
    return output_of(learner.model, (inputs, inputs, np.zeros(0)))
