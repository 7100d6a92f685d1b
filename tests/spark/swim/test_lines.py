"""Every line of a log becomes a reading, a duplicate or a line of quarantine, as the log's rules say."""

import hashlib
import os
import random
import re
import shutil

import pytest
from deltalake import DeltaTable
from pandas.testing import assert_frame_equal

from brazada.errors import InputError
from brazada.swim.ingest import ingest
from brazada.swim.sessions import sessions

from .conftest import START, hexed, line, log, readings, table, write
from .reference import told

GOOD = line()
ID, TIME, DRILL, TAG = GOOD.split(",")[:4]
SHORT = "f7a7e75c96d04e0678"
FIELDS = "not the seven fields _id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"
NO_ID = "_id is neither 18 or 24 hex digits nor ObjectId of them"
NO_TIME = "TimeStamp is no plausible time"
NO_DRILL = "DrillID is neither 18 or 24 hex digits nor ObjectId of them"
NO_TAG = "TagID is not 12 hex digits"
NO_LIST = "Position is not a quoted list"
NO_LISTS = "Position, Velocity and Acceleration are not three quoted lists to the line's end"
NO_NUMBERS = "Position has something else than three numbers"
FAR = "Position is further than 100 m from the centre"


def having(**fields):
    """The good line with some fields in other words."""
    whole = {"_id": ID, "ts": TIME, "drill": DRILL, "tag": TAG, "position": '"[1.0,2.0,0.2]"'}
    return ",".join([*{**whole, **fields}.values(), '"[0,0,0]","[0,0,0]"'])


def at_x(text):
    return having(position=f'"[{text},2.0,0.2]"')


REFUSED = {
    "   ": FIELDS,
    "x": FIELDS,
    GOOD[:60]: FIELDS,
    GOOD.replace(",", ";"): FIELDS,
    GOOD.replace(",", "\t"): FIELDS,
    "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration": NO_ID,
    **{having(_id=text): NO_ID for text in ("ObjectId(12)", "g" * 24, ID[:-1], ID[9:-1] + "0")},
    **{
        having(ts=text): NO_TIME
        for text in ("", "now", "158000000000", "15800000000000", "1580000000.00", "1.58000000e12", "4200000000000")
    },
    **{
        having(drill=text): NO_DRILL
        for text in ("", f"ObjectId({hexed(1)[:-1]}z)", hexed(1)[:-1], f'ObjectID("{SHORT})', f"ObjectID({SHORT[1:]})")
    },
    **{having(tag=text): NO_TAG for text in ("b827eb00000", "b827eb00000g", "b827eb0000001")},
    **{having(position=text): NO_LIST for text in ("'[1.0,2.0,0.2]'", "[1.0,2.0,0.2]", '""[1.0,2.0,0.2]""')},
    **{having(position=text): NO_LISTS for text in ('"[1.0,2.0,0.2"', '"[1.0,2.0,0.2]"]"', '"[1.0,2.0,0.2]x]"')},
    **dict.fromkeys((GOOD + ",more", GOOD[:-1], GOOD[:-3], GOOD[:-10]), NO_LISTS),
    **{
        at_x(text): NO_NUMBERS
        for text in ("NaN", "Infinity", "-inf", "1d", "1.5f", "0x1p3", "0X1P3", "0x10", "", "1 2", "one", "1_0", "--1")
    },
    **{having(position=f'"[{text}]"'): NO_NUMBERS for text in ("1.0,NaN,0.2", "1.0,2.0,nan", "1.0,2.0,0.2,0.3")},
    **{at_x(text): FAR for text in ("9" * 300, "1e400", "-100.5", "1e3", "0." + "0" * 70 + "1e99")},
}
FORMS = ["1", "-0.5", "+1.5", "1e1", "1.5E-3", ".5", "2.", " 3.0", "100", "0." + "0" * 70 + "1"]
ODD = {
    2: [line(t, x, drill=2) for t, x in ((0, 1.0), (40, 1.5), (80, 1.25))],
    4: [line(40 * i, x, drill=4) for i, x in enumerate(FORMS)],
    5: [
        having(drill=text, tag=tag, ts=str(START + 40 * number))
        for number, (text, tag) in enumerate(
            [
                (hexed(5), TAG),
                (f"ObjectId({hexed(5)})", TAG.upper()),
                (hexed(5).upper(), TAG),
                (f'ObjectID("{hexed(5)}")', TAG.title()),
                (f'"ObjectID(""{hexed(5).upper()}"")"', TAG),
            ]
        )
    ],
    6: [having(_id='ObjectID("000000000000000000")', drill=f'ObjectID("{SHORT.upper()}")')],
    21: [line(t, x, drill=21) for t, x in ((40, 5.0), (40, 4.0), (40, 5.0), (40, 4.0), (80, 4.5), (0, 4.0))],
    31: [line(drill=31)],
    32: [line(drill=32, x=x) for x in (3.0, -1.0, 2.0, -1.0, 3.0)],
    33: [line(t, x=t / 100, drill=33) for t in (1000, 1040, 1080, 0, 40, 80, 1060)],
    34: [line(t, z=0.2, drill=34, tag=9) for t in (0, 40)],
    35: [line(t, z=0.35, drill=35, tag=9) for t in (0, 40)],
    36: [line(t, x=t / 40, z=z, drill=36) for t, z in ((0, 0.2), (40, 0.35), (80, 0.2))],
    37: [line(t, x=t / 40 + 20 * tag, drill=37, tag=tag) for t in (0, 40, 80) for tag in (1, 2)],
}


def fuzzed(rows=10_000, seed=4):
    """A log of sound lines, half of them spoilt in every way that a log is spoilt."""
    chance, lines, times = random.Random(seed), [], [0] * 24
    ways = [
        lambda text: text[: chance.randrange(len(text))],
        lambda text: text[: (at := chance.randrange(len(text)))] + chance.randbytes(20) + text[at + 20 :],
        lambda _: chance.randbytes(chance.randrange(150)),
        lambda text: text.replace(b'"', chance.choice([b"'", b"", b'""', b"\xe2\x80\x9c"])),
        lambda text: text.replace(b",", chance.choice([b";", b"\t", b"|", b", "])),
        lambda text: re.sub(
            rb'"\[[^,]*', b'"[' + chance.choice([b"NaN", b"-Infinity", b"1d", b"0x1p3", b"0X1P3"]), text
        ),
        lambda text: re.sub(rb'"\[[^,]*', b'"[' + b"9" * chance.randrange(3, 400), text),
        lambda text: text + b"\r",
        lambda text: text + b"\n" + text,
        lambda text: re.sub(rb'"\[[^,]*', b'"[%d' % chance.randrange(9), text) + b"\n" + text,
        lambda text: text + b"\n\n\r\n",
        lambda _: HEADER,
    ]
    for _ in range(rows):
        drill = chance.randrange(24)
        times[drill] += chance.choice((40, 40, 41, 43, 0, -80))
        x, y = (round(chance.gauss(0, 4), 8) for _ in "xy")
        text = line(times[drill], x, y, drill=100 + drill % 8, tag=drill // 8).encode()
        lines.append(text if chance.random() < 0.5 else chance.choice(ways)(text))
    return log(*lines, last="")


HEADER = log(last="")
FILES = {
    "lines.csv": log(
        *[part for bad in REFUSED for part in (bad, "")], *[text for lines in ODD.values() for text in lines]
    ),
    "windows.csv.gz": log(
        *[text.replace(hexed(2), hexed(12)) for text in ODD[2]], "", "bad", HEADER, end="\r\n", last=""
    ),
    "packed.csv.zst": log(*[text.replace(hexed(2), hexed(13)) for text in ODD[2]], "bad"),
    "header_only.csv": HEADER,
    "fuzzed.csv": fuzzed(),
}
TOLD = {name: told(content) for name, content in FILES.items()}
ALL = told(*FILES.values())


@pytest.fixture(scope="module")
def job(at, tmp_path_factory, warehouse):
    """All of it in one ingest, one file lying there under two names."""
    folder = tmp_path_factory.mktemp("logs")
    for name, content in FILES.items():
        write(folder / name, content)
    write(folder / "deep" / "again.csv.gz", FILES["lines.csv"])
    write(folder / ".unfinished.csv", b"not a log")
    job = at(warehouse)
    ingest(job, [str(folder)])
    return job


@pytest.fixture(scope="module")
def found(job, warehouse):
    return readings(warehouse)


@pytest.fixture(scope="module")
def quarantine(job, warehouse):
    """Per file: line, what stood there, and what is said of it."""
    frame = table(warehouse, "ops.quarantine")
    frame["file"] = frame["file"].str.rpartition("/")[2].replace("again.csv.gz", "lines.csv")
    return {
        file: list(zip(rows["place"], rows["raw"], rows["reason"], strict=True)) for file, rows in frame.groupby("file")
    }


def drill(found, number):
    return found[found["drill"] == hexed(number)].drop(columns="drill").reset_index(drop=True)


def test_the_readings_are_those_that_the_rules_give(found):
    assert len(TOLD["fuzzed.csv"].readings) > 4000
    assert_frame_equal(found, ALL.readings)


def test_a_line_that_cannot_be_read_is_kept_verbatim_with_its_number_and_its_reason(quarantine, found):
    assert drill(found, 1).empty
    wanted = [(2 + 2 * number, raw, reason) for number, (raw, reason) in enumerate(REFUSED.items())]
    assert quarantine["lines.csv"][: len(REFUSED)] == wanted


def test_of_fuzzed_lines_each_is_refused_or_told_and_none_is_lost(quarantine):
    """Conflicts are not numbered by the rules: which of two equal lines is meant is open."""
    found = {(line, _legible(raw)) for line, raw, reason in quarantine["fuzzed.csv"] if "same tag" not in reason}
    told = {(line, _legible(raw.decode("utf-8", "replace"))) for (_, line), raw in TOLD["fuzzed.csv"].refused.items()}
    assert len(told) > 3000
    assert found == told
    conflicts = [raw for _, raw, reason in quarantine["fuzzed.csv"] if "same tag" in reason]
    assert len(conflicts) == len(set(conflicts)) == len(TOLD["fuzzed.csv"].conflicts) > 100


def _legible(text):
    """Decoders differ in how many signs they put for bytes that are no UTF-8."""
    return re.sub("\ufffd+", "\ufffd", text)


def test_windows_lines_and_packed_files_give_what_plain_ones_give(found, quarantine):
    assert len(drill(found, 2)) == 3
    for packed in (12, 13):
        assert_frame_equal(drill(found, packed), drill(found, 2))
    assert [(line, raw) for line, raw, _ in quarantine["windows.csv.gz"]] == [(6, "bad"), (7, HEADER.decode())]
    assert [(line, raw) for line, raw, _ in quarantine["packed.csv.zst"]] == [(5, "bad")]


def test_an_id_is_the_same_in_every_form_and_case(found):
    assert list(drill(found, 5)["dt_s"]) == [0.0, 0.04, 0.04, 0.04, 0.04]
    assert {*drill(found, 5)["tag"]} == {TAG}
    assert len(found[found["drill"] == SHORT]) == 1


def test_the_same_content_under_two_names_is_read_once(job, warehouse):
    assert job.report.notes[0] == f"1 of {len(FILES) + 1} files known already, skipped"
    noted = table(warehouse, "ops.ingested_files")
    digests = {hashlib.sha256(content).hexdigest(): len(content) for content in FILES.values()}
    assert dict(zip(noted["batch"], noted["size"], strict=True)) == digests
    assert len(noted) == len(FILES)
    assert set(table(warehouse, "swim.readings")["file_id"]) <= set(noted["number"])


def test_a_file_that_was_changed_is_read_again_though_it_be_as_long(at, tmp_path):
    good = write(tmp_path / "good.csv", log(GOOD))
    counts = []
    for x in (1.0, 7.0):
        write(tmp_path / "good.csv", log(line(x=x)))
        os.utime(good, (START / 1000, START / 1000))
        job = at(tmp_path / "warehouse")
        ingest(job, [good])
        counts.append((job.report.rows_good, job.report.rows_quarantined))
    assert counts == [(1, 0), (0, 1)]


def test_a_file_whose_note_was_deleted_is_noted_again_though_nothing_in_it_be_good(at, tmp_path):
    path, warehouse = write(tmp_path / "bad.csv", log("nothing good")), tmp_path / "warehouse"
    for _ in range(2):
        ingest(at(warehouse), [path])
        notes = DeltaTable(str(warehouse / "ops" / "ingested_files"))
        assert notes.to_pyarrow_table()["rows_quarantined"].to_pylist() == [1]
        notes.delete()


FIRST_LOG = [line(x=1.0), line(1000, x=150.0), line(2000, x=3.0), line(x=150.0, drill=2)]
SECOND_LOG = [line(500, x=2.0), line(3000, x=4.0), line(x=5.0, drill=3)]


def test_logs_judged_again_by_other_settings_give_what_they_give_at_first(at, tmp_path):
    paths = [write(tmp_path / f"{name}.csv", log(*lines)) for name, lines in (("far", FIRST_LOG), ("near", SECOND_LOG))]
    wide, once, many = "swim.max_position_m=200", tmp_path / "once", tmp_path / "many"
    ingest(at(once, wide), paths)
    for path in paths:
        ingest(at(many), [path])
    assert len(table(many, "ops.quarantine")) == 2
    sessions(at(many))
    job = at(many, wide)
    ingest(job, paths)
    assert "2 files judged again: the settings that judged them are others now" in job.report.notes
    assert readings(many).equals(readings(once))
    assert len(table(many, "ops.quarantine")) == 0
    narrow = at(many)
    ingest(narrow, paths[:1])
    assert narrow.report.rows_quarantined == 2
    assert hexed(2) not in set(table(many, "swim.readings")["drill"])
    later = at(many, wide)
    sessions(later)
    assert table(many, "swim.drills").set_index("drill")["readings"].to_dict()[hexed(1)] == 4


def test_logs_of_a_table_that_was_restored_or_deleted_are_not_known(at, tmp_path):
    paths = [write(tmp_path / f"{name}.csv", log(*lines)) for name, lines in (("far", FIRST_LOG), ("near", SECOND_LOG))]
    warehouse = tmp_path / "warehouse"
    for path in paths:
        ingest(at(warehouse), [path])
    whole = readings(warehouse)
    sessions(at(warehouse))
    delta = DeltaTable(str(warehouse / "swim" / "readings"))
    delta.restore(1)  # what the first log gave
    ingest(at(warehouse), paths)
    assert readings(warehouse).equals(whole)
    sessions(at(warehouse))
    assert table(warehouse, "swim.drills")["readings"].sum() == len(whole)
    shutil.rmtree(warehouse / "swim" / "readings")
    job = at(warehouse)
    ingest(job, paths)
    assert readings(warehouse).equals(whole)
    assert job.report.notes[0] == (
        "2 files were taken in and have no row in the table any more: name them to take them in"
    )


def test_of_one_time_the_least_position_is_kept_and_the_next_row_counts_from_it(found, quarantine):
    assert list(drill(found, 21)["x_m"]) == [4.0, 4.0, 4.5]
    assert list(drill(found, 21)["dx_m"]) == [0.0, 0.0, 0.5]
    refused = [row[1:] for row in quarantine["lines.csv"] if hexed(21) in row[1]]
    assert refused == [(ODD[21][0], "same tag, drill and time at another position, [4.0,2.0,0.2]")]


def test_all_rows_of_a_drill_at_one_time_leave_one(found, quarantine):
    assert drill(found, 32)[["x_m", "dx_m", "dt_s"]].to_numpy().tolist() == [[-1.0, 0.0, 0.0]]
    refused = [row[1] for row in quarantine["lines.csv"] if hexed(32) in row[1]]
    assert sorted(refused) == sorted([ODD[32][0], ODD[32][2]])


def test_a_clock_that_jumps_back_puts_the_rows_where_their_time_is(found):
    assert list(drill(found, 33)["dt_s"]) == [0.0, 0.04, 0.04, 0.92, 0.04, 0.02, 0.02]
    assert list(drill(found, 33)["x_m"]) == [0.0, 0.4, 0.8, 10.0, 10.4, 10.6, 10.8]


def test_a_tag_may_change_pools_in_a_drill_or_between_two(found):
    assert list(drill(found, 36)["z_m"]) == [0.2, 0.35, 0.2]
    assert [set(drill(found, number)["z_m"]) for number in (34, 35)] == [{0.2}, {0.35}]


def test_no_difference_crosses_drills_or_tags(found):
    firsts = found[found["dt_s"] == 0]
    assert len(firsts) == len(found.groupby(["tag", "drill"]))
    assert (firsts["dx_m"] == 0).all()
    assert list(drill(found, 37)["dx_m"]) == [0.0, 1.0, 1.0] * 2


@pytest.mark.parametrize("name", FILES)
def test_each_files_rows_are_good_duplicate_or_quarantined(warehouse, quarantine, name):
    noted = table(warehouse, "ops.ingested_files")
    stem = name.partition(".")[0]
    (row,) = noted[
        noted["file"].str.contains(f"/{stem}" if stem != "lines" else "/(?:lines|deep)", regex=True)
    ].itertuples()
    truth = TOLD[name]
    counts = row.rows_in, row.rows_good, row.rows_duplicate, row.rows_quarantined
    bad = len(truth.refused) + len(truth.conflicts)
    assert counts == (truth.rows, len(truth.readings), truth.duplicates, bad)
    assert len(quarantine.get(name, [])) == bad


def test_the_report_counts_all_rows_and_names_a_file_without_any(job):
    report = job.report
    assert report.rows_in == ALL.rows == report.rows_good + report.rows_duplicate + report.rows_quarantined
    assert report.rows_duplicate == ALL.duplicates > 100
    assert "header_only.csv: no row below its header" in " ".join(report.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty .*log.csv"),
        (b"id,price\n1,2\n", "_id,TimeStamp.*id,price"),
        (b"\n", "_id,TimeStamp"),
        (None, "files at"),
    ],
    ids=["empty", "another header", "a blank line", "no file"],
)
def test_what_is_no_log_is_refused_before_anything_is_written(at, tmp_path, content, words):
    good, bad = write(tmp_path / "good.csv", log(GOOD)), tmp_path / "log.csv"
    if content is not None:
        write(bad, content)
    job = at(tmp_path / "warehouse")
    with pytest.raises(InputError, match=words):
        ingest(job, [good, str(bad)])
    assert not (tmp_path / "warehouse" / "swim").exists()
