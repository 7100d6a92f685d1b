"""A content is told by the same digest wherever it lies and however it is packed."""

import gzip
import hashlib
import os

import pyarrow as pa
import pytest

from brazada.errors import InputError
from brazada.ingest import files


@pytest.mark.parametrize("length", [0, 1, 10, 20, 23])
def test_plain_and_packed_files_have_the_digest_of_their_pieces(spark_session, tmp_path, monkeypatch, length):
    monkeypatch.setattr(files, "CHUNK_BYTES", 10)
    content = bytes(range(length))
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content))
    with pa.CompressedOutputStream(str(tmp_path / "a.csv.zst"), "zstd") as file:
        file.write(content)
    hashes = [hashlib.sha256(content[at : at + 10]) for at in range(0, max(length, 1), 10)]
    of_hashes = hashlib.sha256(b"".join(piece.digest() for piece in hashes))
    found = files.inspect(spark_session, files.list_files(spark_session, [str(tmp_path)], ("",)))
    found.sort(key=lambda file: file.path)
    assert [file.path.rpartition("/")[2] for file in found] == ["a.csv", "a.csv.gz", "a.csv.zst"]
    assert {(file.size, file.batch) for file in found} == {
        (length, (of_hashes if length > 10 else hashes[0]).hexdigest())
    }
    assert len({file.number for file in found}) == 1


def test_a_name_that_hadoop_cannot_read_is_refused(spark_session, tmp_path):
    (tmp_path / "at 10:00.csv").write_text("a")
    with pytest.raises(InputError, match="without a colon"):
        files.list_files(spark_session, [str(tmp_path)], (".csv",))
    with pytest.raises(InputError, match="without a colon"):
        files.list_files(spark_session, ["10:00.csv"], (".csv",))


def test_a_pipe_is_refused_and_not_waited_for(spark_session, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="regular files"):
        files.list_files(spark_session, [str(tmp_path)], (".csv",))
