"""Every line of a log becomes a reading, a duplicate or a line of quarantine, as the log's rules say."""

import pytest
from pandas.testing import assert_frame_equal

from brazada.swim.ingest import ingest

from .conftest import START, hexed, line, log, readings, table, tag_of, write
from .reference import told

GOOD = line()
ID, TIME, DRILL, TAG = GOOD.split(",")[:4]
REST = '"[0,0,0]","[0,0,0]"'
NUMBERS = "Position has something else than numbers"
FAR = "Position is further than 100 m from the centre"
LIST = "Position is not a quoted list of three"
FIELDS = "not the seven fields _id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"


def having(**fields):
    """The good line with some fields in other words."""
    whole = {"_id": ID, "ts": TIME, "drill": DRILL, "tag": TAG, "position": '"[1.0,2.0,0.2]"', "rest": REST}
    return ",".join({**whole, **fields}.values())


def at_x(text):
    return having(position=f'"[{text},2.0,0.2]"')


REFUSED = {
    "   ": FIELDS,
    "x": FIELDS,
    GOOD[:60]: FIELDS,
    GOOD + ",more": FIELDS,
    GOOD.replace(",", ";"): FIELDS,
    GOOD.replace(",", "\t"): FIELDS,
    "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration": FIELDS,
    having(_id="ObjectId(12)"): "_id is neither 24 hex digits nor ObjectId of them",
    having(_id="g" * 24): "_id is neither 24 hex digits nor ObjectId of them",
    having(_id=ID[:-1]): "_id is neither 24 hex digits nor ObjectId of them",
    **{
        having(ts=text): "TimeStamp is no plausible time"
        for text in ("", "now", "158000000000", "15800000000000", "1580000000.00", "1.58000000e12", "4200000000000")
    },
    having(drill=""): "DrillID is neither 24 hex digits nor ObjectId of them",
    having(drill=f"ObjectId({hexed(1)[:-1]}z)"): "DrillID is neither 24 hex digits nor ObjectId of them",
    having(drill=hexed(1)[:-1]): "DrillID is neither 24 hex digits nor ObjectId of them",
    having(tag="b827eb00000"): "TagID is not 12 hex digits",
    having(tag="b827eb00000g"): "TagID is not 12 hex digits",
    having(position="'[1.0,2.0,0.2]'"): LIST,
    having(position="[1.0,2.0,0.2]"): LIST,
    having(position='"1.0,2.0,0.2"'): LIST,
    having(position='""[1.0,2.0,0.2]""'): LIST,
    having(position='"[1.0,2.0,0.2]"]"'): NUMBERS,
    **{
        at_x(text): NUMBERS
        for text in ("NaN", "Infinity", "-inf", "1d", "1.5f", "0x1p3", "0X1P3", "0x10", "", "1 2", "one", "1_0", "--1")
    },
    having(position='"[1.0,NaN,0.2]"'): NUMBERS,
    having(position='"[1.0,2.0,nan]"'): NUMBERS,
    **{at_x(text): FAR for text in ("9" * 300, "1e400", "-100.5", "1e3", "0." + "0" * 70 + "1e99")},
    GOOD[:-1]: "the line ends before its last field",
    GOOD[:-3]: "the line ends before its last field",
}
FORMS = ["1", "-0.5", "+1.5", "1e1", "1.5E-3", ".5", "2.", " 3.0", "100", "0." + "0" * 70 + "1"]
ROUND = [(0, 1.0), (40, 1.5), (80, 1.25)]
SPECIAL = {
    "one row": [line(drill=31)],
    "all at one time": [line(drill=32, x=x) for x in (3.0, -1.0, 2.0, -1.0, 3.0)],
    "a clock that jumps back": [line(t, x=t / 100, drill=33) for t in (1000, 1040, 1080, 0, 40, 80, 1060)],
    "a tag in two pools, by drill": [line(t, z=z, drill=d, tag=9) for d, z in ((34, 0.2), (35, 0.35)) for t in (0, 40)],
    "a tag in two pools, in a drill": [line(t, x=t / 40, z=z, drill=36) for t, z in ((0, 0.2), (40, 0.35), (80, 0.2))],
    "drills and tags in turn": [
        line(t, x=t / 40 + 10 * d + 20 * tag, drill=37 + d, tag=tag) for t in (0, 40, 80) for d in (0, 1) for tag in (1, 2)
    ],
}
FILES = {
    "refused.csv": log(*[part for bad in REFUSED for part in (bad, "", line(40 * len(bad), drill=2))]),
    "windows.csv": log(line(drill=3), "bad", "", line(40, drill=3), end="\r\n", last=""),
    "forms.csv": log(
        *[line(40 * i, x=x, drill=4) for i, x in enumerate(FORMS)],
        having(_id=ID[9:33], drill=hexed(5), tag=tag_of(2)),
        having(drill=f"ObjectId({hexed(5)})", tag=tag_of(2), ts=str(START + 40), position='"[1.0, 2.0, 0.2]"'),
    ),
    "plain.csv": log(*[line(t, x, drill=11) for t, x in ROUND], "bad"),
    "packed.csv.gz": log(*[line(t, x, drill=12) for t, x in ROUND], "bad"),
    "packed.csv.zst": log(*[line(t, x, drill=13) for t, x in ROUND], "bad"),
    "header_only.csv": log(last=""),
    "special.csv": log(*[part for lines in SPECIAL.values() for part in lines]),
    "twice.csv": log(
        *[line(40, x, drill=21) for x in (5.0, 4.0, 5.0, 4.0)], line(80, 4.5, drill=21), line(0, 4.0, drill=21)
    ),
}
LISTED = {name: told(content) for name, content in FILES.items()}
ALL = told(*FILES.values())


@pytest.fixture(scope="module")
def job(at, tmp_path_factory, warehouse):
    """All of it in one ingest, one file lying there under two names."""
    folder = tmp_path_factory.mktemp("logs")
    for name, content in FILES.items():
        write(folder / name, content)
    write(folder / "deep" / "plain_again.csv.gz", FILES["plain.csv"])
    write(folder / ".unfinished.csv", b"not a log")
    job = at(warehouse)
    ingest(job, [str(folder)])
    return job


@pytest.fixture(scope="module")
def found(job, warehouse):
    return readings(warehouse)


@pytest.fixture(scope="module")
def quarantine(job, warehouse):
    frame = table(warehouse, "ops.quarantine")
    return frame.assign(file=frame["file"].str.rpartition("/")[2])


def drill(found, number):
    return found[found["drill"] == hexed(number)]


def test_the_readings_are_those_that_the_rules_give(found):
    assert_frame_equal(found, ALL.readings)


def test_a_line_that_cannot_be_read_is_kept_verbatim_with_its_number_and_its_reason(quarantine):
    refused = quarantine[quarantine["file"] == "refused.csv"]
    found = list(refused[["line", "raw", "reason"]].itertuples(index=False, name=None))
    assert found == [(2 + 3 * number, raw, reason) for number, (raw, reason) in enumerate(REFUSED.items())]


def test_windows_lines_blank_ones_and_no_newline_at_the_end(found, quarantine):
    assert list(quarantine[quarantine["file"] == "windows.csv"]["line"]) == [3]
    assert list(quarantine[quarantine["file"] == "windows.csv"]["raw"]) == ["bad"]
    assert list(drill(found, 3)["dt_s"]) == [0.0, 0.04]


def test_an_id_is_the_same_with_and_without_objectid(found):
    assert list(drill(found, 5)["dt_s"]) == [0.0, 0.04]


def test_packed_files_give_what_plain_ones_give(found, quarantine):
    plain, gz, zst = (drill(found, number).drop(columns="drill").reset_index(drop=True) for number in (11, 12, 13))
    assert len(plain) == 3
    assert_frame_equal(gz, plain)
    assert_frame_equal(zst, plain)
    packed = quarantine[quarantine["file"].str.startswith("p")]
    assert sorted(packed["line"]) == [5, 5, 5]


def test_the_same_content_under_two_names_is_read_once(job, warehouse):
    assert job.report.notes[0] == f"1 of {len(FILES) + 1} files known already, skipped"
    assert len(table(warehouse, "ops.ingested_files")) == len(FILES)


def test_of_one_time_the_least_position_is_kept_and_the_next_row_counts_from_it(found, quarantine):
    assert list(drill(found, 21)["x_m"]) == [4.0, 4.0, 4.5]
    assert list(drill(found, 21)["dx_m"]) == [0.0, 0.0, 0.5]
    (conflict,) = quarantine[quarantine["file"] == "twice.csv"].itertuples()
    assert (conflict.line, conflict.raw) == (2, line(40, 5.0, drill=21))
    assert conflict.reason == "same tag, drill and time at another position, [4.0,2.0,0.2]"


def test_odd_drills(found, quarantine):
    assert len(drill(found, 31)) == 1
    assert list(drill(found, 32)["x_m"]) == [-1.0]
    assert sorted(quarantine[quarantine["reason"].str.contains(r"\[-1.0,")]["raw"].str.extract(r'"\[(.*?),')[0]) == ["2.0", "3.0"]
    assert (drill(found, 33)["dt_s"].iloc[1:] > 0).all()
    assert list(drill(found, 36)["z_m"]) == [0.2, 0.35, 0.2]
    assert list(drill(found, 36)["dx_m"]) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("name", FILES)
def test_each_files_rows_are_good_duplicate_or_quarantined(job, warehouse, quarantine, name):
    noted = table(warehouse, "ops.ingested_files")
    (row,) = noted[noted["file"].str.endswith("/" + name)].itertuples()
    truth = LISTED[name]
    assert row.rows_in == truth.rows
    assert row.rows_good == len(truth.readings)
    assert row.rows_duplicate == truth.duplicates
    assert row.rows_quarantined == len(truth.refused) + len(truth.conflicts)
    assert (quarantine["file"] == name).sum() == row.rows_quarantined


def test_the_report_counts_all_of_them(job):
    report = job.report
    assert report.rows_in == ALL.rows == report.rows_good + report.rows_duplicate + report.rows_quarantined
    assert report.rows_duplicate == ALL.duplicates == 4
    assert f"{'header_only.csv'}: no row below its header" in " ".join(report.notes)
