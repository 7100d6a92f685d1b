"""Many small files into a table: seconds, and the memory of the driver (Python and Java).

    python tests/bench/files.py [--files N] [--bytes B]

So many files of so many random bytes are written in folders of a thousand, then taken in by `ingest_files` as pictures
are, and once more, when all of them are known. Local mode: driver and workers share the machine.
"""

import argparse
import hashlib
import os
import tempfile
import time
from pathlib import Path

import psutil
from pyspark.sql import types as T


def read(path, content):
    yield hashlib.sha256(content).hexdigest(), len(content)


def declared():
    from brazada.ingest.whole import Format
    from brazada.tables import Table, column

    columns = [
        column("id", T.StringType(), "SHA-256"),
        column("bytes", T.IntegerType(), "Size"),
        column("batch", T.StringType(), "File it came from"),
    ]
    table = Table(name="bench.files", comment="A file.", columns=T.StructType(columns), key=("id",))
    return table, Format("bytes", (".bin",), ("id", "bytes"), read)


def main():
    from brazada.ingest.whole import ingest_files
    from brazada.report import job
    from brazada.settings import load

    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.files):
            path = Path(folder, "in", f"{number // 1000:04d}", f"{number:07d}.bin")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(options.bytes))
        table, files = declared()
        settings = load(overrides=[f"warehouse.path={folder}/warehouse"], variables={})
        for what in ("new", "known"):
            with job("bench", settings, ()) as here:
                started = time.perf_counter()
                ingest_files(here, table, [f"{folder}/in"], files)
                seconds = time.perf_counter() - started
                print(f"{options.files:,} files of {options.bytes:,} bytes, {what}: {seconds:.1f} s; {memory()}")


def memory():
    own = psutil.Process()
    java = [child for child in own.children(recursive=True) if "java" in child.name()]
    python, of_java = own.memory_info().rss, sum(child.memory_info().rss for child in java)
    return f"driver {python / 1e9:.2f} GB, Java {of_java / 1e9:.2f} GB"


if __name__ == "__main__":
    main()
