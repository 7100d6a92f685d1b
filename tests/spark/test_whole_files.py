"""Files read as a whole: rows are good, duplicate or quarantined; a kill or a second run changes nothing."""

import gzip
import sys

import pytest
from pyspark import cloudpickle
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.errors import InputError
from brazada.ingest import whole
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.tables import Store, Table, column

cloudpickle.register_pickle_by_value(sys.modules[__name__])

WORDS = Table(
    name="tests.words",
    comment="A word.",
    columns=T.StructType(
        [
            column("id", T.IntegerType(), "Number"),
            column("word", T.StringType(), "Word"),
            column("length", T.IntegerType(), "Letters, added when the row is found good"),
            column("batch", T.StringType(), "File it came from"),
        ]
    ),
    key=("id",),
)


def read(path, content):
    """Lines `id word`; one without a word is refused, and a file with a line END is broken."""
    for number, line in enumerate(content.decode().splitlines(), 1):
        if line == "END":
            raise Refused("it ends too early")
        ident, _, word = line.partition(" ")
        yield (int(ident), word) if word else Refused("no word", "line", number, line.encode())


def with_length(rows):
    return rows.withColumn("length", F.length("word"))


@pytest.fixture(params=["path", "catalog"])
def job(job, request):
    if request.param == "catalog":
        job.store.warehouse = job.store.warehouse.model_copy(update={"path": None, "catalog": "spark_catalog"})
    return job


@pytest.fixture
def take(job, tmp_path):
    def run(read=read, together=None, name="", rules="", again=False):
        before = vars(job.report).copy()
        files = Format("words", (".txt", ".txt.gz"), ("id", "word"), read, together, rules=rules)
        ingest_files(job, WORDS, [str(tmp_path / "in" / name)], files, with_length, again)
        return tuple(
            getattr(job.report, f"rows_{name}") - before[f"rows_{name}"]
            for name in ("in", "good", "duplicate", "quarantined")
        )

    (tmp_path / "in").mkdir()
    return run


@pytest.fixture
def write(tmp_path):
    def into(name, *lines):
        (tmp_path / "in" / name).write_text("\n".join(lines))

    return into


def content(job):
    words = sorted(tuple(row) for row in job.store.read(WORDS.name).frame.select("id", "word", "length").collect())
    refused = job.store.read("ops.quarantine").frame.select("unit", "place", "reason", "content").collect()
    return words, sorted((unit, place, reason, content and bytes(content)) for unit, place, reason, content in refused)


def test_rows_are_good_duplicate_or_quarantined_with_their_place(job, take, write):
    write("a.txt", "1 one", "2 two", "2 two", "3", "1 uno")
    write("b.txt", "4 four", "END")
    write("c.txt", "x y")
    write("d.txt")
    assert take() == (7, 2, 1, 4)
    assert "1 files hold no row" in job.report.notes
    expected = (
        [(1, "one", 3), (2, "two", 3)],
        [
            ("file", None, "ValueError: invalid literal for int() with base 10: 'x'", b"x y"),
            ("file", None, "it ends too early", b"4 four\nEND"),
            ("line", 4, "no word", b"3"),
            ("row", 4, whole.CONFLICT, None),
        ],
    )
    assert content(job) == tuple(sorted(part, key=repr) for part in expected)
    assert take() == (0, 0, 0, 0)
    write("later.txt", "1 one", "2 dos", "5 five")
    assert take() == (3, 1, 1, 1)
    assert [word for _, word, _ in content(job)[0]] == ["one", "two", "five"]
    noted = job.store.read("ops.ingested_files").frame.groupBy().sum("rows_in", "rows_good").first()
    assert tuple(noted) == (10, 3)


@pytest.mark.parametrize("table", [WORDS.name, "ops.quarantine", "ops.ingested_files"])
def test_a_killed_ingest_run_again_is_as_if_it_ran_once(job, take, write, monkeypatch, table):
    write("a.txt", "1 one", "2", "3 three")
    append = Store.append

    def killed(store, declared, rows):
        append(store, declared, rows)
        if declared.name == table:
            raise KeyboardInterrupt

    if table == "ops.ingested_files":  # before that, not after: then all is done

        def killed(store, declared, rows):
            if declared.name == table:
                raise KeyboardInterrupt
            append(store, declared, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            take()
    job.report.rows_in = job.report.rows_good = job.report.rows_quarantined = 0
    assert take() == (3, 2, 0, 1)
    assert content(job) == ([(1, "one", 3), (3, "three", 5)], [("line", 2, "no word", b"2")])


def read_set(path, numbers, words):
    """Numbers in one file, their words in another."""
    if len(numbers.split()) != len(words.split()):
        raise Refused(f"{len(numbers.split())} numbers, {len(words.split())} words")
    return zip(map(int, numbers.split()), words.decode().split(), strict=True)


def with_words(uris):
    numbers = [uri for uri in uris if "numbers" in uri]
    if missing := {uri.replace("numbers", "words") for uri in numbers} - set(uris):
        raise InputError("words beside their numbers", found=f"no {sorted(missing)[0]}", todo="fetch it")
    return [(uri, uri.replace("numbers", "words")) for uri in numbers]


def test_files_that_belong_together_are_read_together(job, take, write, tmp_path):
    def take_sets():
        return take(read_set, with_words)

    write("a_numbers.txt", "1", "2")
    with pytest.raises(InputError, match=r"no file:.*a_words\.txt"):
        take_sets()
    write("a_words.txt", "one", "two")
    write("b_numbers.txt", "3")
    write("b_words.txt")
    assert take_sets() == (3, 2, 0, 1)
    expected = [("file", None, "1 numbers, 0 words", b"3")]
    assert content(job) == ([(1, "one", 3), (2, "two", 3)], expected)
    write("b_words.txt", "three")  # one file of a set is new: the set is
    (tmp_path / "in" / "c_numbers.txt.gz").write_bytes(gzip.compress(b"4"))
    (tmp_path / "in" / "c_words.txt.gz").write_bytes(gzip.compress(b"four"))
    assert take_sets() == (2, 2, 0, 0)
    assert take_sets() == (0, 0, 0, 0)
    assert "3 of 3 sets of files known already, skipped" in job.report.notes


def read_without_two(path, content):
    """As `read`, but a.txt may not have the number 2."""
    for row in read(path, content):
        two = path.endswith("a.txt") and not isinstance(row, Refused) and row[0] == 2
        yield Refused("no 2 here", "line", 2) if two else row


def test_files_are_judged_again_by_other_rules_and_give_what_they_had_as_duplicates(job, take, write):
    write("a.txt", "1 one", "2 two", "4")
    write("b.txt", "2 two", "3 three")
    assert take() == (5, 3, 1, 1)
    assert take(rules="", name="a.txt") == (0, 0, 0, 0)
    assert take(read_without_two, rules="other", name="a.txt") == (5, 3, 0, 2)  # b.txt too
    words, refused = content(job)
    assert [number for number, *_ in words] == [1, 2, 3]
    assert [reason for *_, reason, _ in refused] == ["no 2 here", "no word"]
    assert take(rules="other", again=True) == (5, 3, 1, 1)
    assert len(content(job)[1]) == 1
    job.store.delete(WORDS, "true")
    assert take(rules="other") == (5, 3, 1, 1)
    assert any(note.startswith("2 files were taken in and have no row") for note in job.report.notes)


def test_of_a_set_one_file_stands_for_all_to_be_judged_again(job, take, write):
    write("a_numbers.txt", "1")
    write("a_words.txt", "one")
    write("b_numbers.txt", "2")
    write("b_words.txt", "two")
    assert take(read_set, with_words) == (2, 2, 0, 0)
    assert take(read_set, with_words, name="b_numbers.txt", again=True) == (1, 1, 0, 0)
    assert [word for _, word, _ in content(job)[0]] == ["one", "two"]


def test_a_folder_of_many_small_files_is_a_few_files_of_the_table(job, take, write):
    for number in range(400):
        write(f"{number}.txt", f"{number} word")
    assert take() == (400, 400, 0, 0)
    assert len(job.store.read(WORDS.name).files()) <= 20
