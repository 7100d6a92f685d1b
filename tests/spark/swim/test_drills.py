"""However a log is ordered and divided, a drill comes out the same; what a later file adds to is made again, alone."""

import random

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from brazada.errors import InputError
from brazada.plots import swim as plots
from brazada.settings import load
from brazada.simulate.swim import POOLS, simulate
from brazada.swim.ingest import ingest
from brazada.swim.laps import laps
from brazada.swim.motion import measure
from brazada.swim.path import of_drill
from brazada.swim.sessions import sessions

from . import reference
from .conftest import READING, log, table, write

# Which drills have rows in which files, by ingest.
SPREAD = [[{0, 1, 2, 3, 4}], [{0, 2}, {0, 1, 5}]]
BAD = ["no line", "1,2,3,4,5,6,7"]


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Six drills of 4,000 rows or so, one row in fifty twice, without any order."""
    (file,) = simulate(tmp_path_factory.mktemp("simulated"), 6 * 3741, seed=5).files
    lines = file.read_text().splitlines()[1:]
    lines += lines[::50]
    random.Random(5).shuffle(lines)
    return lines


@pytest.fixture(scope="module")
def told(lines):
    """What the rules give for all lines in one file."""
    return reference.told(log(*lines))


@pytest.fixture(scope="module")
def names(told):
    return sorted(told.readings["drill"].unique())


@pytest.fixture(scope="module")
def parts(lines, names):
    """The lines by ingest and file, as `SPREAD` has it."""
    chance = random.Random(6)
    parts = [[[] for _ in files] for files in SPREAD]
    places = [
        [part for of, files in zip(parts, SPREAD, strict=True) for part, has in zip(of, files, strict=True) if i in has]
        for i in range(6)
    ]
    for line in lines:
        chance.choice(places[names.index(line.split(",")[2][9:33])]).append(line)
    return parts


@pytest.fixture(scope="module")
def conflicting(parts):
    """Of rows of the first file copies at a lesser position."""
    rows = [line for line in parts[0][0] if '"[-' not in line][:40]
    return [line.replace('"[', '"[-', 1) for line in rows]


@pytest.fixture(scope="module")
def stood(at, parts, conflicting, tmp_path_factory):
    """What stood in the tables after each ingest; the last brings bad lines too, and ones that come too late."""
    folder = tmp_path_factory.mktemp("logs")
    job, stood = at(folder / "warehouse"), []
    for number, files in enumerate(parts):
        more = [[*BAD, *conflicting], []] if number == 1 else [[]]
        contents = [log(*lines, *extra) for lines, extra in zip(files, more, strict=True)]
        ingest(job, [write(folder / f"{number}{place}.csv", content) for place, content in enumerate(contents)])
        sessions(job)
        laps(job)
        stood.append(Stood(folder / "warehouse"))
    return stood


class Stood:
    """What was in the tables at one time."""

    def __init__(self, warehouse):
        self.readings, self.sessions, self.drills, self.motions, self.laps = (
            table(warehouse, f"swim.{name}") for name in ("readings", "sessions", "drills", "motions", "laps")
        )
        self.laps = self.laps.sort_values(["tag", "drill", "lap"], ignore_index=True)
        self.warehouse = warehouse


def of(frame, names):
    return frame[frame["drill"].isin(names)].reset_index(drop=True)


def test_a_log_in_several_files_and_any_order_gives_the_readings_of_one(stood, told):
    assert_frame_equal(stood[1].readings[READING], told.readings)


def test_rows_that_conflict_with_the_table_or_cannot_be_read_are_quarantined(stood, conflicting):
    assert sorted(table(stood[0].warehouse, "ops.quarantine")["raw"]) == sorted([*BAD, *conflicting])


def test_only_drills_with_rows_in_a_file_are_made_again(stood, names):
    touched = [names[drill] for drill in set().union(*SPREAD[1])]
    stays = [names[3], names[4]]
    # New drills first, those of the table after.
    assert set(of(stood[1].readings, [names[5]])["added_in"]) == {2}
    assert set(of(stood[1].readings, [name for name in touched if name != names[5]])["added_in"]) == {3}
    assert len(of(stood[1].readings, stays)) > 1000
    assert_frame_equal(of(stood[1].readings, stays), of(stood[0].readings, stays))


def test_sessions_and_laps_of_drills_that_nothing_came_to_are_untouched(stood, names):
    stays = [names[3], names[4]]
    for name in ("sessions", "drills", "motions", "laps"):
        before, after = (of(getattr(one, name), stays) for one in stood)
        assert len(before) > 1
        assert_frame_equal(after, before)


def test_sessions_and_laps_are_of_the_readings_that_there_are(stood):
    newest = stood[1].readings.groupby(["tag", "drill"])["added_in"].max()
    for made in (stood[1].drills, stood[1].motions):
        assert made.set_index(["tag", "drill"])["added_in"].sort_index().equals(newest)


def test_sessions_are_those_of_the_method_with_the_limits_of_the_first_ingest(stood):
    limits = reference.limits(stood[0].readings)
    for one in stood:
        wanted = reference.sessions(one.readings, limits)
        found = one.sessions.set_index(["tag", "drill"])
        assert len(wanted) > 2
        assert list(found.index) == list(wanted.index)
        assert (found["readings"] == wanted["readings"]).all()
        assert_frame_equal(found[wanted.columns], wanted, check_dtype=False, rtol=1e-9, atol=1e-12)


def test_drills_say_what_each_filter_leaves_and_why_one_has_no_session(stood):
    drills, limits = stood[1].drills.set_index(["tag", "drill"]), reference.limits(stood[0].readings)
    by = stood[1].readings.groupby(["tag", "drill"])
    assert (drills["readings"] == by.size()).all()
    within = reference.within_records(stood[1].readings)
    assert (drills["within_records"] == within.groupby(["tag", "drill"]).size()).all()
    assert (drills["within_deviations"] == reference.usual(within, limits).groupby(["tag", "drill"]).size()).all()
    assert set(drills.index[drills["dropped"].isna()]) == set(stood[1].sessions.set_index(["tag", "drill"]).index)


def test_motions_are_those_of_the_whole_drill(stood, told):
    settings = load(variables={}).swim.motion
    for row in stood[1].motions.to_dict("records"):
        drill = told.readings[(told.readings["drill"] == row["drill"]) & (told.readings["tag"] == row["tag"])]
        (pool,) = (pool for pool in POOLS if pool.z == drill["z_m"].iloc[0])
        seconds = ((drill["millis"] - drill["millis"].iloc[0]) / 1000).to_numpy()
        features, _ = measure(seconds, drill["x_m"].to_numpy(), pool.half, settings)
        found = np.array([row[name] for name in features if name in row])
        assert found == pytest.approx([features[name] for name in features if name in row], rel=1e-9, abs=1e-12)


def test_distances_of_laps_add_up(stood):
    motions, laps = stood[1].motions.set_index(["tag", "drill"]), stood[1].laps.groupby(["tag", "drill"])
    sums = pd.DataFrame(
        {"distance_m": laps["distance_m"].sum(), "swim_s": laps["duration_s"].sum(), "lengths": laps.size()}
    )
    swum = motions.loc[motions["lengths"] > 0, sums.columns]
    assert swum["distance_m"].sum() > 500
    assert_frame_equal(sums, swum.sort_index(), check_dtype=False, rtol=0, atol=1e-9)


def test_a_drill_is_chosen_by_its_lengths_and_drawn(at, stood, tmp_path):
    store, found = at(stood[1].warehouse).store, stood[1].laps
    readings, lengths = of_drill(store)
    per_drill = found.groupby(["tag", "drill"]).size()
    assert abs(len(lengths) - 10) == (per_drill - 10).abs().min()
    drill = per_drill.index[-1][1]
    readings, lengths = of_drill(store, drill=drill)
    assert set(readings["drill"]) == set(lengths["drill"]) == {drill}
    with pytest.raises(InputError, match="none of tag nobody"):
        of_drill(store, tag="nobody")
    for name in ("one.svg", "two.svg", "three.png"):
        plots.save(plots.path(readings, lengths), tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert text.count(" s</text>") == len(lengths)
    assert (tmp_path / "three.png").stat().st_size > 10_000


def test_drills_are_measured_again_by_other_pools_when_asked(at, stood):
    warehouse, before = stood[1].warehouse, stood[1].motions
    job = at(warehouse, "swim.pools=!replace [{name: metres, z_m: 0.2, length_m: 25.0}]")
    laps(job)
    assert_frame_equal(Stood(warehouse).motions, before)
    laps(job, again=True)
    after = Stood(warehouse)
    gone = before["pool"] == "yards"
    assert 0 < gone.sum() < len(before)
    assert_frame_equal(after.motions[~gone], before[~gone])
    assert after.motions[gone]["unfit"].str.startswith("no pool at a height of 0.35 m").all()
    assert set(after.laps["pool"]) == {"metres"}
