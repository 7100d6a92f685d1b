"""The task of the end-to-end tests, sent to Spark's workers by value: they cannot import it."""

import lines
import pytest
from pyspark import cloudpickle

cloudpickle.register_pickle_by_value(lines)


@pytest.fixture
def points(job):
    """Write points into the table of lines: `points(rows=..., source=...)`."""

    def write(batch="points", **options):
        job.store.append_once(lines.TABLE, lines.points(job.spark, **options), batch)
        return job.store.version(lines.TABLE.name)

    return write
