"""The stream of alerts over files that come in turn."""

import os
import time
from pathlib import Path

import pytest

from brazada.errors import InputError
from brazada.swim.alerts import alerts
from brazada.swim.ingest import ingest

from .conftest import START, hexed, line, log, table, tag_of, write

SECOND = 1000
CLOCK_OF_2090 = 2_200_000_000_000


def drill(**seconds):
    """Lines of drill 1: per tag (t1, t2, ...) at which seconds."""
    return [line(s * SECOND, x=float(s), drill=1, tag=int(tag[1:])) for tag, times in seconds.items() for s in times]


@pytest.fixture(scope="module")
def raised(at, tmp_path_factory):
    """The table after each of three runs, the last with nothing new, and what these reported."""
    folder = tmp_path_factory.mktemp("incoming")
    came = [
        {
            "1.csv": log(*drill(t1=range(0, 21, 2), t2=[0, 5], t3=[0, 8, 15]), "no line"),
            "other.csv.gz": log(*[line(s * SECOND, drill=2, tag=4) for s in (0, 3)], "", line(CLOCK_OF_2090, drill=9)),
        },
        {"later/2.csv": log(*drill(t1=range(22, 41, 2), t2=[30, 33]), line(60 * SECOND, drill=3, tag=5))},
        {},
    ]
    found = []
    for files in came:
        for name, content in files.items():
            write(folder / name, content)
        job = at(folder.parent / "warehouse_of_alerts")
        alerts(job, [str(folder)])
        found.append((table(folder.parent / "warehouse_of_alerts", "swim.alerts"), job.report.notes))
    return found


def keys(frame):
    return [(row.tag, row.drill, (row.millis - START) / SECOND, row.silent_s, row.x_m) for row in frame.itertuples()]


def test_a_run_raises_what_is_new_and_only_that(raised):
    first = (tag_of(2), hexed(1), 5, 15.0, 5.0)
    assert keys(raised[0][0]) == [first]
    assert keys(raised[1][0])[0] == first
    assert [row[:3] for row in keys(raised[1][0])[1:]] == [(tag_of(3), hexed(1), 15)]
    # Neither headers nor blank lines are lines; of the first files one has no position.
    unread = "1 lines not watched: no positions; `swim ingest` says why"
    ahead = "1 lines not watched: dated more than a day after their file was written"
    assert [notes for _, notes in raised] == [
        ["1 alerts raised; 20 new lines read", unread, ahead],
        ["1 alerts raised; 13 new lines read"],
        ["0 alerts raised; 0 new lines read"],
    ]
    assert raised[2][0].equals(raised[1][0])


def test_the_delay_of_an_alert_is_measured_from_the_files_arrival(raised):
    rows = raised[1][0]
    assert rows["delay_s"].between(0, 600).all()
    assert rows["raised_at"].is_monotonic_increasing


def test_files_are_found_by_any_name_or_refused(at, tmp_path):
    content = log(*drill(t1=[0, 30]))
    job = at(tmp_path / "warehouse")
    write(tmp_path / "in" / "logs [1]*{a,b}" / "A.CSV", content)
    alerts(job, [write(tmp_path / "a [1]{2}.csv", content), str(tmp_path / "in" / "logs [1]*{a,b}")])
    assert job.report.notes == ["1 alerts raised; 4 new lines read"]
    for name, content_of, said in (("b.csv.zst", content, "text or .gz"), ("none/*.csv", None, "nothing")):
        path = write(tmp_path / name, content_of) if content_of else str(tmp_path / name)
        with pytest.raises(InputError, match=said):
            alerts(at(tmp_path / "warehouse"), [path])


def test_a_file_that_breaks_off_is_refused_with_its_cause(at, tmp_path):
    path = Path(write(tmp_path / "a.csv.gz", log(*drill(t1=range(500)))))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"to their end.*EOFException"):
        alerts(at(tmp_path / "warehouse"), [str(path)])


def test_what_is_no_log_of_positions_is_no_quiet_pool(at, tmp_path):
    path = write(tmp_path / "a.csv", b"date;price\n1;2\n")
    with pytest.raises(InputError, match="lines of a swim log; found none among 2 new ones"):
        alerts(at(tmp_path / "warehouse"), [path])


def test_every_file_is_read_once_or_told(at, tmp_path):
    """Whatever their ages, and however the folder is written."""
    folder, warehouse = tmp_path / "in", tmp_path / "warehouse"
    path = Path(write(folder / "1.csv", log(*drill(t1=[0, 30]))))
    write(folder / "2.csv", log(line(CLOCK_OF_2090, drill=7)))
    first = at(warehouse)
    alerts(first, [str(folder)])
    ahead = "1 lines not watched: dated more than a day after their file was written"
    assert first.report.notes == ["1 alerts raised; 3 new lines read", ahead]
    os.utime(path, (time.time() + 5, time.time() + 5))
    path.write_bytes(path.read_bytes() + line(99 * SECOND, drill=1).encode() + b"\n")
    for name, days in (("old.csv", 30), ("older.csv", 90)):
        old = time.time() - days * 86_400
        os.utime(write(folder / name, log(*drill(t2=[days]))), (old, old))
    second = at(warehouse)
    alerts(second, [f"{folder}/"])
    grown = f"1 files not watched, as {path.as_uri()}: changed after it was read, and what was added is not"
    assert second.report.notes[0] == "2 alerts raised; 2 new lines read"
    assert [note.partition(";")[0] for note in second.report.notes[1:]] == [grown]


def test_a_folder_that_holds_itself_is_refused(at, tmp_path):
    write(tmp_path / "in" / "deep" / "1.csv", log(*drill(t1=[0, 30])))
    (tmp_path / "in" / "deep" / "again").symlink_to(tmp_path / "in")
    for job in (alerts, ingest):
        with pytest.raises(InputError, match=r"hold themselves; found the link .*/in/deep/again"):
            job(at(tmp_path / "warehouse"), [str(tmp_path / "in")])
