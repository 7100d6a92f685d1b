"""Batches out of data files: read by Petastorm or tf.data, decoded, shuffled in memory, counted out exactly."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from brazada.training.data.columns import arrow_columns, local_files
from brazada.training.task import Array, Decoded, Task, each, flat, rows_of

if TYPE_CHECKING:
    from brazada.training.data.sharding import Share


class Feed(Protocol):
    """A rank's own rows, pass after pass."""

    def batches(self, epoch: int) -> Iterator[Decoded]:
        """The batches of one pass."""


@dataclass(frozen=True)
class MemoryFeed:
    """Decoded rows that are in memory already: in order or, for training (`seed` given), shuffled and augmented."""

    task: Task
    rows: Decoded
    batch: int
    seed: int | None = None
    rank: int = 0

    @property
    def steps(self) -> int:
        """Number of batches of one pass."""
        return math.ceil(rows_of(self.rows) / self.batch)

    def batches(self, epoch: int) -> Iterator[Decoded]:
        """Every row once."""
        if self.seed is None:
            yield from _cut(self.rows, self.batch, None)
            return
        cut = _cut(self.rows, self.batch, np.random.default_rng([self.seed, epoch, self.rank]))
        yield from _augmented(self.task, cut, (self.seed, epoch, self.rank))


class FileFeed:
    """A rank's files, read pass after pass in the same order; to be closed by `close()`.

    Training (`steps` given) shuffles within blocks of `shuffle_mb`, augments, both by (seed, epoch, rank), and yields
    exactly `steps` batches per pass: every row once, then, where a rank has no rows left, a row of weight 0.
    Evaluation (`steps` None) yields every row once, in order.
    """

    def __init__(
        self,
        task: Task,
        share: Share,
        batch: int,
        *,
        library: str = "petastorm",
        steps: int | None = None,
        seed: int = 0,
        rank: int = 0,
        shuffle_mb: float = 256,
    ) -> None:
        self._task, self._share, self._batch, self._steps = task, share, batch, steps
        self._seed, self._rank, self._shuffle_mb = seed, rank, shuffle_mb
        self._chunks = decoded_chunks(task, share.files, library)

    def batches(self, epoch: int) -> Iterator[Decoded]:
        """The batches of one pass."""
        if self._steps is None:
            yield from self._pass(None)
            return
        left, key = self._steps, (self._seed, epoch, self._rank)
        for inputs, targets, weights in _augmented(self._task, self._pass(np.random.default_rng(key)), key):
            yield inputs, targets, weights
            left -= 1
        for _ in range(left):
            yield each(_first, inputs), each(_first, targets), np.zeros_like(weights[:1])

    def close(self) -> None:
        """Stop the reader and its thread."""
        self._chunks.close()

    def _pass(self, order: np.random.Generator | None) -> Iterator[Decoded]:
        left, held, size = self._share.rows, list[Decoded](), 1
        while left:
            while sum(map(rows_of, held)) < min(size, left):
                held.append(next(self._chunks))
                # Full batches, as many as fit in the memory allowed.
                per_row = sum(array.nbytes for array in _arrays(held[0])) / rows_of(held[0])
                size = max(1, int(self._shuffle_mb * 2**20 / per_row / self._batch)) * self._batch
            block, rows = joined(held), min(size, left)
            held = [_rows(block, slice(rows, None))] if rows < rows_of(block) else []
            left -= rows
            yield from _cut(_rows(block, slice(0, rows)), self._batch, order)


def decoded_chunks(task: Task, files: Sequence[str], library: str) -> Generator[Decoded, None, None]:
    """Decoded chunks of the files in their order, again and again. Close it when done."""
    return (_petastorm if library == "petastorm" else _tfdata)(task, files)


def _petastorm(task: Task, files: Sequence[str]) -> Generator[Decoded, None, None]:
    from petastorm import make_batch_reader

    # pyarrow 14 announces the end of the interfaces that Petastorm's last release is built on, at every call.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"petastorm\.")
    with local_files(files) as urls:
        reader = make_batch_reader(
            urls,
            schema_fields=[f"^{re.escape(name)}$" for name in task.columns],
            reader_pool_type="thread",
            workers_count=1,  # with two, row groups of this pass and the next overtake each other
            results_queue_size=4,
            shuffle_row_groups=False,
            num_epochs=None,  # a reader that is to end may take the last row group for read before it was
        )
        try:
            for group in reader:
                columns = group._asdict()
                for start in range(0, len(columns[task.columns[0]]), task.rows_per_chunk):
                    chunk = {name: column[start : start + task.rows_per_chunk] for name, column in columns.items()}
                    yield task.decode(chunk, task.spec)
        finally:
            reader.stop()
            reader.join()


def _tfdata(task: Task, files: Sequence[str]) -> Generator[Decoded, None, None]:
    import tensorflow as tf

    def read() -> Iterator[Decoded]:
        for url in files:
            for columns in arrow_columns(url, task.columns, task.rows_per_chunk):
                yield task.decode(columns, task.spec)

    def spec(array: Array) -> Any:
        return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

    first = next(read())
    dataset = tf.data.Dataset.from_generator(read, output_signature=tuple(each(spec, part) for part in first))
    yield from dataset.repeat().prefetch(2).as_numpy_iterator()


def _augmented(task: Task, batches: Iterator[Decoded], key: tuple[int, int, int]) -> Iterator[Decoded]:
    """Training batches: inputs changed as the task says, by a generator of its own, and rows weighed for the loss."""
    rng = np.random.default_rng([*key, 1])
    for inputs, targets, weights in batches:
        changed = inputs if task.augment is None else task.augment(inputs, task.spec, rng)
        yield changed, targets, weights if task.loss_weight is None else weights * task.loss_weight(targets, task.spec)


def _cut(block: Decoded, batch: int, order: np.random.Generator | None) -> Iterator[Decoded]:
    rows = rows_of(block)
    index = np.arange(rows) if order is None else order.permutation(rows)
    for start in range(0, rows, batch):
        yield _rows(block, slice(start, start + batch) if order is None else index[start : start + batch])


def _rows(decoded: Decoded, chosen: Any) -> Decoded:
    inputs, targets, weights = decoded
    return each(lambda a: a[chosen], inputs), each(lambda a: a[chosen], targets), weights[chosen]


def joined(parts: Sequence[Decoded]) -> Decoded:
    """Decoded batches as one."""
    if len(parts) == 1:
        return parts[0]

    def join(arrays: Sequence[Any]) -> Any:
        if isinstance(arrays[0], Mapping):
            return {key: np.concatenate([part[key] for part in arrays]) for key in arrays[0]}
        return np.concatenate(arrays)

    return join([p[0] for p in parts]), join([p[1] for p in parts]), np.concatenate([p[2] for p in parts])


def _first(array: Array) -> Array:
    return array[:1]


def _arrays(decoded: Decoded) -> list[Array]:
    return [*flat(decoded[0], "inputs").values(), *flat(decoded[1], "targets").values(), decoded[2]]
