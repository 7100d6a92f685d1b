"""Job: the lengths that swimmers swam, told from the classes of windows, into `sensors.laps`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import TrainingError
from brazada.sensors.strokes.tasks import SCALE
from brazada.sensors.tables import LAPS, STROKE_CHANNELS, STROKE_HZ, STROKE_SAMPLES, STROKE_WINDOWS, STROKES
from brazada.training.registry.runs import champion, run_row
from brazada.training.tables import PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

    from brazada.report import Job
    from brazada.sensors.settings import Laps
    from brazada.training.task import Array

LABELS = "labels"  # what `told_by` says of lengths by the labels of the samples
_STROKE_NUMBERS = tuple(number for number, name in enumerate(STROKES) if name not in ("null", "turn"))
_CYCLE_S = (0.8, 4.5)  # the shortest and the longest time of a stroke cycle
_PLAIN = 0.25  # autocorrelation of a movement that comes again
_AS_GOOD = 0.85  # of the highest peak, for a shorter cycle to be the one: of two cycles there is a peak too


@dataclass(frozen=True)
class Recording:
    """A swimmer's recording put together from its windows: what is told of each sample, for each piece without a gap.

    `samples` [n, 6], `labels` [n] (-1 where unknown), `swims` [n] the probability of a stroke, `strokes` [n, 4] those
    of the strokes. `first` is the number of the piece's first sample.
    """

    first: int
    samples: Array
    labels: Array
    swims: Array
    strokes: Array


def laps(job: Job, options: Laps, run: str | None = None) -> None:
    """Tell lengths from a run's predictions of sensors.strokes, by default the champion's, and from the labels.

    A length is swimming between two turns or rests. Lengths that the same run, or the labels, told before are replaced.
    Raises `ModelError` for an unknown run, `TrainingError` where the run has no predictions.
    """
    from pyspark.sql import functions as F

    row = run_row(job, run) if run else champion(job, "strokes")
    name = str(row["run"]) if row else ""
    told = job.store.read(PREDICTIONS.name).frame if job.store.exists(PREDICTIONS.name) else None
    if told is None or (told := told.where((F.col("run") == name) & (F.col("task") == "strokes"))).isEmpty():
        raise TrainingError(
            f"predictions of {f'run {name}' if name else 'a champion of strokes'} in {PREDICTIONS.name}",
            found="none",
            todo="train a model of strokes, and run `brazada predict strokes`",
        )
    probabilities = F.array(*(F.col("probabilities")[label] for label in STROKES)).alias("probabilities")
    windows = job.store.read(STROKE_WINDOWS.name).frame
    columns = ("swimmer", "recording", "split", "start", "samples", "labels", "probabilities")
    both = windows.join(told.select("id", probabilities), on="id", how="inner").select(*columns)
    found = both.groupBy("swimmer", "recording").applyInPandas(partial(of_recording, name, options), LAPS.columns)
    with job.store.exclusive(LAPS.name):
        job.store.replace(LAPS, found, f"told_by IN ('{LABELS}', '{name}')")
    counts = job.store.read(LAPS.name).frame.where(F.col("told_by").isin(LABELS, name))
    counted = {row[0]: row[1] for row in counts.groupBy("told_by").count().collect()}
    job.note(f"{counted.get(name, 0):,} lengths told by run {name}, {counted.get(LABELS, 0):,} by the labels")


def of_recording(run: str, options: Laps, windows: pd.DataFrame) -> pd.DataFrame:
    """The lengths of one recording, told by the run and by the labels, in the columns of sensors.laps."""
    import pandas as pd

    own = windows["swimmer"].iloc[0], windows["recording"].iloc[0]
    split = next((part for part in windows["split"] if part != "aside"), None)
    found = list(pieces(windows))
    known = float(np.mean(np.isin(np.concatenate([piece.labels for piece in found]), range(len(STROKES)))))
    rows: list[tuple[Any, ...]] = []
    for told_by in (run, LABELS):
        number = 0
        for piece in found:
            for first, after in _lengths(piece, told_by == LABELS, options):
                number += 1
                rows.append((told_by, *own, number, *_length(piece, told_by == LABELS, first, after), known, split))
    return pd.DataFrame(rows, columns=LAPS.columns.names)


def pieces(windows: pd.DataFrame) -> Iterator[Recording]:
    """The pieces of a recording that windows cover without a gap.

    A window tells what is in its middle; between the middles of two, probabilities go straight from one to the other.
    """
    windows = windows.sort_values("start")
    starts = windows["start"].to_numpy()
    gaps = np.flatnonzero(np.diff(starts) > STROKE_SAMPLES) + 1
    for places in np.split(np.arange(len(starts)), gaps):
        own = starts[places]
        count = int(own[-1] - own[0]) + STROKE_SAMPLES
        samples, labels = np.zeros((count, STROKE_CHANNELS), np.float32), np.full(count, -1, np.int8)
        for place, start in zip(places, own - own[0], strict=True):
            row, part = windows.iloc[place], slice(start, start + STROKE_SAMPLES)
            samples[part] = np.frombuffer(row["samples"], "<f4").reshape(-1, STROKE_CHANNELS)
            labels[part] = np.frombuffer(row["labels"], np.int8)
        middles = own - own[0] + STROKE_SAMPLES / 2
        told = np.stack(windows["probabilities"].iloc[places].tolist())
        strokes = np.stack(
            [np.interp(np.arange(count), middles, told[:, number]) for number in _STROKE_NUMBERS], axis=1
        )
        yield Recording(int(own[0]), samples, labels, strokes.sum(axis=1), strokes)


def _lengths(piece: Recording, by_labels: bool, options: Laps) -> Iterator[tuple[int, int]]:
    """Where swimming begins and where it ends: runs of samples that are long enough for a length."""
    swims = np.isin(piece.labels, _STROKE_NUMBERS) if by_labels else piece.swims >= options.swims_at
    edges = np.flatnonzero(np.diff(swims, prepend=False, append=False))
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if after - first >= options.shortest_s * STROKE_HZ:
            yield first, after


def _length(piece: Recording, by_labels: bool, first: int, after: int) -> tuple[Any, ...]:
    """Start and duration in seconds, stroke, stroke rate."""
    part = slice(first, after)
    votes = (
        [np.sum(piece.labels[part] == number) for number in _STROKE_NUMBERS]
        if by_labels
        else piece.strokes[part].sum(axis=0)
    )
    said = STROKES[_STROKE_NUMBERS[int(np.argmax(votes))]]
    start = (piece.first + first) / STROKE_HZ
    return start, (after - first) / STROKE_HZ, said, cycles_per_minute(piece.samples[part])


def cycles_per_minute(samples: Array) -> float | None:
    """How often a movement [n, 6] comes again; None where it does not plainly.

    By the autocorrelation of all channels together, which does not depend on how the watch is worn: the shortest lag
    of a peak that is about as high as the highest.
    """
    from scipy.signal import find_peaks

    signal = samples / SCALE
    signal = signal - signal.mean(axis=0)
    shortest, longest = (round(seconds * STROKE_HZ) for seconds in _CYCLE_S)
    if len(signal) < 2 * longest:
        return None
    size = 2 * len(signal)
    power = (np.abs(np.fft.rfft(signal, size, axis=0)) ** 2).sum(axis=1)
    correlation = np.fft.irfft(power)[: longest + 2]
    if correlation[0] <= 0:
        return None
    correlation = correlation / correlation[0] * len(signal) / (len(signal) - np.arange(longest + 2))
    peaks, _ = find_peaks(correlation)
    peaks = peaks[(peaks >= shortest) & (peaks <= longest) & (correlation[peaks] >= _PLAIN)]
    if not len(peaks):
        return None
    lag = peaks[correlation[peaks] >= _AS_GOOD * correlation[peaks].max()][0]
    before, here, behind = correlation[lag - 1 : lag + 2]
    between = (before - behind) / (2 * (before - 2 * here + behind))  # the top of the parabola through the three
    return float(60 * STROKE_HZ / (lag + between))
