"""Input files of this machine are found without Spark as Hadoop finds them with it."""

import gzip
import os
from pathlib import Path

import pytest

from brazada.errors import InputError
from brazada.ingest.files import check_local, first_line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (
        "in/a.csv",
        "in/B.CSV",
        "in/c.txt",
        "in/deep/d.csv",
        "in/.hidden.csv",
        "in/_x/e.csv",
        "in/f.csv.gz",
        "in/z.csv.zst",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    (tmp_path / "in [1] {x}").mkdir()
    (tmp_path / "in [1] {x}" / "g h.csv").write_text("a")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("in", ["B.CSV", "a.csv", "d.csv", "f.csv.gz"]),
        ("in/", ["B.CSV", "a.csv", "d.csv", "f.csv.gz"]),
        ("in/c.txt", ["c.txt"]),
        ("in/*.{txt,CSV}", ["B.CSV", "c.txt"]),
        ("in/[^aBzf].*", ["c.txt"]),
        ("{in,empty}", ["B.CSV", "a.csv", "d.csv", "f.csv.gz"]),
        ("in/f.csv.gz", ["f.csv.gz"]),
        ("in/z.csv.zst", []),  # is there; what it holds is looked at with Spark
        ("in [1] {x}", ["g%20h.csv"]),
        ("s3a://bucket/none", []),
        ("hdfs:/none", []),
    ],
)
def test_paths_folders_and_globs_name_files(folder, path, names):
    assert sorted(uri.rpartition("/")[2] for uri in check_local([path], (".csv", ".csv.gz"))) == names


def test_a_file_url_is_a_path(folder):
    assert check_local([(folder / "in [1] {x}").as_uri()], (".csv",)) == [(folder / "in [1] {x}/g h.csv").as_uri()]


@pytest.mark.parametrize("path", ["none", "empty", "in/*.parquet", "in/{x,y}.csv", "file:///none", "in/a.csv/deep"])
def test_a_path_without_a_file_is_refused(folder, path):
    with pytest.raises(InputError, match="files at"):
        check_local(["in", path], (".csv",))


def test_a_folder_that_holds_itself_is_refused_and_another_link_is_not(folder):
    (folder / "linked").symlink_to(folder / "in")
    assert len(check_local(["linked"], (".csv",))) == 3
    Path("in/deep/again").symlink_to(folder / "in")
    with pytest.raises(InputError, match="hold themselves; found the link in/deep/again"):
        check_local(["in"], (".csv",))


@pytest.mark.parametrize("content", [gzip.compress(b"a,b\n1,2\n"), b"a,b\n1,2\n"[:4]])
def test_the_first_line_of_a_packed_file_is_read_without_spark(folder, content):
    (folder / "p q.csv.gz").write_bytes(content)
    uri = (folder / "p q.csv.gz").as_uri()
    if content[:2] == b"\x1f\x8b":
        assert first_line(None, uri) == b"a,b"
    else:
        with pytest.raises(InputError, match="readable file or folder"):
            first_line(None, uri)


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo("pipe.csv")
    assert check_local(["pipe.csv"], (".csv",)) == []
