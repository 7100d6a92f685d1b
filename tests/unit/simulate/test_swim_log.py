"""The simulated log against the published format and against what its own settings say."""

import csv
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from brazada.cli.simulate import simulate as command
from brazada.errors import UsageError
from brazada.simulate.swim import FAULTS, HEADER, POOLS, STROKES, TAGS, simulate

ROWS = 60_000
ID = r"ObjectId\([0-9a-f]{24}\)"
NUMBER = r"-?\d+\.\d{1,8}"
LINE = re.compile(rf'{ID},1\d{{12}},{ID},[0-9a-f]{{12}},"\[{NUMBER},{NUMBER},0\.(2|35)\]","\[0,0,0\]","\[0,0,0\]"')


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("made"), ROWS, seed=3)


@pytest.fixture(scope="module")
def lines(made):
    return made.files[0].read_text().splitlines()


@pytest.fixture(scope="module")
def drills(lines):
    """Per tag and drill, in the file's order: milliseconds, x, y, z."""
    found = {}
    for _, time, drill, tag, position, _, _ in csv.reader(lines[1:]):
        place = [float(number) for number in position.strip("[]").split(",")]
        found.setdefault((tag, drill[9:-1]), []).append((int(time), *place))
    return {key: np.array(rows) for key, rows in found.items()}


def test_every_line_has_the_published_format(made, lines):
    assert [file.name for file in made.files] == ["swim_2020-01-24.csv"]
    assert lines[0] + "\n" == HEADER
    assert all(map(LINE.fullmatch, lines[1:]))
    assert made.files[0].read_bytes().endswith(b'"\n')


def test_there_are_as_many_rows_as_asked_and_no_id_twice(made, lines):
    assert len(lines) - 1 == made.rows == ROWS
    assert len({line[:34] for line in lines[1:]}) == ROWS


@pytest.mark.parametrize("rows", [1, 2, 31, 7_483])
def test_few_rows(tmp_path, rows):
    made = simulate(tmp_path, rows)
    assert len(made.files[0].read_text().splitlines()) - 1 == rows


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path, made):
    again, other = simulate(tmp_path / "again", ROWS, seed=3), simulate(tmp_path / "other", ROWS, seed=4)
    assert again.files[0].read_bytes() == made.files[0].read_bytes() != other.files[0].read_bytes()
    assert again.truth.read_bytes() == made.truth.read_bytes() != other.truth.read_bytes()


def test_a_sample_every_40_ms_and_one_drill_of_a_tag_after_the_other(drills):
    for rows in drills.values():
        gaps = np.diff(rows[:, 0])
        assert ((gaps >= 37) & (gaps <= 43)).all()
    assert np.median(np.concatenate([np.diff(rows[:, 0]) for rows in drills.values()])) == 40
    spans = {}
    for (tag, _), rows in drills.items():
        spans.setdefault(tag, []).append((rows[0, 0], rows[-1, 0]))
    assert all(after[0] > before[1] for turns in spans.values() for before, after in pairwise(sorted(turns)))


def test_positions_refresh_six_times_a_second(drills):
    fresh = sum(int((np.diff(rows[:, 1]) != 0).sum()) for rows in drills.values())
    seconds = sum(float(rows[-1, 0] - rows[0, 0]) for rows in drills.values()) / 1000
    assert 6 < fresh / seconds < 6.5


def test_positions_between_fixes_lie_on_a_line_if_asked(tmp_path, made):
    lines = simulate(tmp_path, ROWS, seed=3, positions="interpolated").files[0].read_bytes().splitlines()[1:]
    held = made.files[0].read_bytes().splitlines()[1:]
    assert [line[:90].split(b'"')[0] for line in lines] == [line[:90].split(b'"')[0] for line in held]
    drill = lines[0].split(b",")[2]
    x, fixed = (
        np.array([float(line.split(b'"[')[1].split(b",")[0]) for line in log if drill in line]) for log in (lines, held)
    )
    fixes = np.flatnonzero(np.diff(fixed, prepend=np.nan))
    assert x == pytest.approx(np.interp(np.arange(len(x)), fixes, fixed[fixes]), abs=1e-7)
    assert len(np.unique(x)) > 3 * len(np.unique(fixed))


def test_positions_lie_in_one_pool_but_for_wild_ones(drills):
    halves = {pool.z: pool.half for pool in POOLS}
    outside = 0
    for rows in drills.values():
        (z,) = set(rows[:, 3])
        outside += int((np.abs(rows[:, 1]) > halves[z]).sum())
        assert np.abs(rows[:, 2]).max() < 6.25
    assert outside / ROWS < 0.002
    assert {z for rows in drills.values() for z in rows[:1, 3]} == set(halves)


def test_swimmers_swim_lengths_at_their_speed(drills):
    still = 0
    for rows in drills.values():
        centre = np.sign(rows[::25, 1])  # a second apart: no noise about the centre counts
        crossings = int((np.diff(centre) != 0).sum())
        still += len(rows) > 2500 and crossings == 0
        assert crossings <= len(rows) * 0.04 * 1.8 / 20 + 3
    assert still <= 3


def test_truth_covers_all_drills(made, drills):
    with made.truth.open() as file:
        truth = list(csv.DictReader(file))
    assert [row["DrillID"] for row in truth] == sorted({drill for _, drill in drills})
    assert len(truth) == made.drills
    assert {(row["stroke"], row["style"]) for row in truth} <= {(stroke.name, stroke.style) for stroke in STROKES}
    assert len({tag for tag, _ in drills}) <= TAGS


def test_days_follow_each_other_and_swim_the_same(tmp_path, made, lines):
    days = simulate(tmp_path, ROWS, seed=3, days=3)
    assert [file.name for file in days.files] == [f"swim_2020-01-{day}.csv" for day in (24, 25, 26)]
    contents = [file.read_text().splitlines()[1:] for file in days.files]
    times = [[int(line.split(",")[1]) for line in content] for content in contents]
    assert all(max(before) < min(after) for before, after in pairwise(times))
    assert all(drills_of(before).isdisjoint(drills_of(after)) for before, after in pairwise(contents))
    swum = Counter(line.split(",", 2)[2] for content in contents for line in content)
    assert swum == Counter(line.split(",", 2)[2] for line in lines[1:])
    assert days.truth.read_bytes() == made.truth.read_bytes()


def drills_of(content):
    return {line.split(",")[2] for line in content}


def test_the_asked_share_is_broken_in_every_way(tmp_path, lines):
    made = simulate(tmp_path, ROWS, seed=3, faults=0.02)
    found = made.files[0].read_bytes().split(b"\n")
    whole = [line.encode() for line in lines]
    assert len(found) == len(whole) + 1
    broken = [number for number, (is_, was) in enumerate(zip(found, whole, strict=False)) if is_ != was]
    assert len(broken) == sum(made.faults.values()) == pytest.approx(0.02 * ROWS, abs=5)
    assert set(made.faults) == set(FAULTS)
    assert sum(found[number] == found[number - 1] for number in broken) == made.faults["repeated"]
    same_key = [found[n].split(b",")[1:4] == found[n - 1].split(b",")[1:4] and found[n] != found[n - 1] for n in broken]
    assert sum(same_key) == made.faults["conflicting"]
    well_formed = sum(1 for line in found[1:-1] if LINE.fullmatch(line.decode("latin-1")))
    assert ROWS - well_formed == len(broken) - made.faults["repeated"] - made.faults["conflicting"]


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"rows": 5000, "days": 2}, {"seed": -1}, {"faults": 0.6}])
def test_what_cannot_be_is_refused(tmp_path, wrong):
    with pytest.raises(UsageError):
        simulate(tmp_path, **{"rows": 100, **wrong})


def test_the_command_says_what_it_wrote_and_starts_no_spark(tmp_path):
    words = ["swim", "--rows", "3e2", "--seed", "1", "--faults", "0.1", str(tmp_path)]
    script = (
        "import sys; from brazada.cli.simulate import simulate;"
        f"simulate({words!r}, standalone_mode=False); print('pyspark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "300 rows" in done.stdout
    assert "swim_2020-01-24.csv" in done.stdout


def test_half_a_row_is_no_number_of_rows(tmp_path):
    from click.testing import CliRunner

    assert CliRunner().invoke(command, ["swim", "--rows", "0.5", str(tmp_path)]).exit_code == 2


def test_a_share_of_tags_falls_silent_and_is_listed(tmp_path):
    made = simulate(tmp_path, ROWS, seed=3, silences=0.5)
    with made.files[0].open() as log:
        times = {}
        for line in csv.DictReader(log):
            times.setdefault((line["TagID"], line["DrillID"][9:-1]), []).append(int(line["TimeStamp"]))
    with made.silences.open() as file:
        listed = {
            (row["TagID"], row["DrillID"]): (int(row["TimeStamp"]), row["seconds"]) for row in csv.DictReader(file)
        }
    gaps = {key: [(a, (b - a) / 1000) for a, b in pairwise(row) if b - a > 10_000] for key, row in times.items()}
    assert {key: (found[0][0], str(found[0][1])) for key, found in gaps.items() if found} == listed
    assert all(len(found) <= 1 for found in gaps.values())
    assert 0.2 < len(listed) / len(times) < 0.8
