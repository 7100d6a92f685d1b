"""Every row reaches exactly one rank, once per epoch, in equally many steps on all of them."""

import itertools
import math
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines import LINES
from pyarrow import fs

from brazada.errors import TrainingError
from brazada.training.data import columns, reader
from brazada.training.data.reader import FileFeed, MemoryFeed
from brazada.training.data.sharding import Share, assign, plan

sizes = st.lists(st.integers(1, 500), min_size=1, max_size=40)


def files(rows):
    return {f"file:///t/shard={number}/part.parquet": count for number, count in enumerate(rows)}


@given(sizes, st.integers(1, 8))
def test_shares_are_disjoint_complete_and_balanced(rows, ranks):
    shares = assign(files(rows), ranks)
    taken = [url for share in shares for url in share.files]
    assert sorted(taken) == sorted(files(rows))
    assert [share.rows for share in shares] == [sum(files(rows)[url] for url in share.files) for share in shares]
    assert max(s.rows for s in shares) - min(s.rows for s in shares) <= max(rows)


@given(st.integers(1, 10_000), st.integers(1, 8), st.integers(1, 5), st.integers(1, 512))
def test_equal_shards_need_no_more_steps_than_one_rank_does(rows, ranks, each, batch):
    shards = [len(range(shard, rows, ranks * each)) for shard in range(ranks * each)]
    if min(shards) == 0:
        return
    planned = plan(files(shards), {}, ranks=ranks, batch=batch)
    assert all(math.ceil(share.rows / planned.batch) <= planned.steps for share in planned.train)
    assert planned.steps == math.ceil(max(share.rows for share in planned.train) / planned.batch)
    # Equal shards: a rank has at most one row per file more than another.
    assert (planned.steps - 1) * planned.batch * ranks < rows + ranks * each


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=6),
    st.integers(1, 40),
    st.integers(0, 3),
    st.floats(1e-5, 1e-2),
)
def test_every_pass_holds_every_row_once_in_the_steps_agreed(chunks, batch, more, shuffle_mb):
    rows, edges = sum(chunks), np.cumsum([0, *chunks])
    number = np.arange(rows, dtype=np.float32)
    pieces = [(number[a:b, None], number[a:b], np.ones(b - a, np.float32)) for a, b in itertools.pairwise(edges)]

    def source(*_):
        while True:
            yield from pieces

    steps = math.ceil(rows / batch) + more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "decoded_chunks", source)
        feed = FileFeed(LINES, Share(("one",), rows), batch, steps=steps, seed=3, shuffle_mb=shuffle_mb)
        passes = [list(feed.batches(epoch)) for epoch in (1, 2)]
        feed.close()
    for batches in passes:
        assert len(batches) == steps
        weighed = np.concatenate([targets[weights > 0] for _, targets, weights in batches])
        assert sorted(weighed) == number.tolist()
        assert all(len(weights) <= batch for _, _, weights in batches)


def test_order_differs_between_epochs_and_ranks_and_repeats_with_the_seed(line_rows):
    def order(seed, epoch, rank):
        return np.concatenate([b[1] for b in MemoryFeed(LINES, line_rows(50), 8, seed, rank).batches(epoch)]).tolist()

    assert order(7, 1, 0) == order(7, 1, 0)
    assert len({tuple(order(*key)) for key in ((7, 1, 0), (7, 2, 0), (7, 1, 1), (8, 1, 0))}) == 4


@pytest.fixture
def parquet(tmp_path):
    """Three files of the line, in a folder whose name needs escaping; row groups of 7 rows."""
    urls = []
    for number in range(3):
        x = np.random.default_rng(number).normal(size=(20, 3)).astype(np.float32)
        table = pa.table({"x": list(x), "y": x.sum(axis=1), "id": np.arange(20)})
        path = tmp_path / "source=a b%c" / f"{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path, row_group_size=7)
        urls.append(f"file:{path}")
    return tuple(urls)


def test_petastorm_and_tfdata_give_the_same_batches(parquet):
    feeds = [
        FileFeed(LINES, Share(parquet, 60), 16, library=name, steps=4, seed=1, shuffle_mb=0.0003)
        for name in ("petastorm", "tfdata")
    ]
    for epoch in (1, 2, 3):
        for one, other in zip(*(feed.batches(epoch) for feed in feeds), strict=True):
            for a, b in zip(one, other, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b)
    for feed in feeds:
        feed.close()


@pytest.mark.parametrize("library", ["petastorm", "tfdata"])
def test_evaluation_reads_every_row_once_in_order_each_time(parquet, library):
    feed = FileFeed(LINES, Share(parquet, 60), 16, library=library)
    passes = [np.concatenate([batch[1] for batch in feed.batches(0)]) for _ in range(3)]
    feed.close()
    expected = np.concatenate([c["y"] for url in parquet for c in columns.arrow_columns(url, ["y"], 9)])
    for values in passes:
        np.testing.assert_array_equal(values, expected)


def test_lists_of_different_lengths_are_refused_by_column():
    with pytest.raises(TrainingError, match="'x'"):
        columns.columns_of(pa.RecordBatch.from_pydict({"x": [[1.0], [1.0, 2.0]]}))


def test_lists_of_lists_keep_their_shape_and_structs_are_refused():
    nested = pa.RecordBatch.from_pydict({"x": [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]] * 2})
    assert columns.columns_of(nested.slice(1))["x"].tolist() == [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]
    with pytest.raises(TrainingError, match=r"'x'; found lengths \[1, 2\]"):
        columns.columns_of(pa.RecordBatch.from_pydict({"x": [[[1.0], [2.0, 3.0]]]}))
    with pytest.raises(TrainingError, match="in column 's'; found struct"):
        columns.columns_of(pa.RecordBatch.from_pydict({"s": [{"a": 1}]}))


@pytest.mark.parametrize("library", ["petastorm", "tfdata"])
def test_no_more_rows_are_decoded_at_once_than_the_task_allows(parquet, library):
    seen = []

    def decode(found, spec):
        seen.append(len(found["y"]))
        return LINES.decode(found, spec)

    feed = FileFeed(replace(LINES, decode=decode, rows_per_chunk=3), Share(parquet, 60), 16, library=library)
    assert sum(len(batch[2]) for batch in feed.batches(0)) == 60
    feed.close()
    assert max(seen) == 3


@pytest.fixture
def remote(parquet, monkeypatch, tmp_path):
    """The same files in a bucket, which pyarrow reads and Petastorm does not; and where copies of them would lie."""
    here = [url.removeprefix("file:") for url in parquet]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{scratch},/elsewhere")
    monkeypatch.delenv("LOCAL_DIRS", raising=False)
    monkeypatch.setattr(columns, "filesystem", lambda uri: (fs.LocalFileSystem(), here[int(uri[-1])]))
    return tuple(f"s3a://bucket/{number}" for number in range(3)), scratch


def test_petastorm_reads_copies_of_what_lies_in_a_bucket_and_leaves_none(parquet, remote):
    urls, scratch = remote
    feeds = [FileFeed(LINES, Share(urls, 60), 16), FileFeed(LINES, Share(parquet, 60), 16)]
    for _ in range(2):
        copied, local = (np.concatenate([batch[1] for batch in feed.batches(0)]) for feed in feeds)
        np.testing.assert_array_equal(copied, local)
    assert len(list(scratch.glob("*/*.parquet"))) == 3
    for feed in feeds:
        feed.close()
    assert not list(scratch.iterdir())


def test_a_disk_too_small_for_the_copies_is_said_before_they_begin(remote, monkeypatch):
    urls, scratch = remote
    monkeypatch.setattr(columns.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(TrainingError, match=r"GiB of free disk in .*scratch .*set training.feed=tfdata"):
        next(FileFeed(LINES, Share(urls, 60), 16).batches(0))
    assert not list(scratch.iterdir())


def test_what_pyarrow_has_no_library_for_is_not_called_damaged(monkeypatch):
    monkeypatch.setenv("ARROW_LIBHDFS_DIR", "/nowhere")
    with pytest.raises(TrainingError, match=r"a library for hdfs://.*ARROW_LIBHDFS_DIR"):
        columns.open_file("hdfs://127.0.0.1:1/file")


def test_fewer_files_than_ranks_and_an_empty_split_are_refused():
    with pytest.raises(TrainingError, match="2 ranks; found 1 file"):
        plan(files([10]), {}, ranks=2, batch=4)
    with pytest.raises(TrainingError, match="rows to train on"):
        plan({}, {}, ranks=1, batch=4)


def test_threads_may_open_files_on_s3_at_once():
    """In a process of its own: pyarrow 14 ends it by SIGSEGV where several threads set its S3 up."""
    program = """
from concurrent.futures import ThreadPoolExecutor
from brazada.training.data.columns import filesystem
with ThreadPoolExecutor(8) as pool:
    print(len(list(pool.map(filesystem, ["s3://bucket/key?region=us-east-1"] * 32))))
"""
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | keys, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "32"), done.stderr
