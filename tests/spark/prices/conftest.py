"""Price files as each source publishes them, made line by line."""

import gzip
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from brazada.ingest.files import head, list_files
from brazada.prices import files
from brazada.prices.classify import KEY, PRICES, classify_rows
from brazada.prices.layouts import recognise
from brazada.report import Job
from brazada.tables import Store

KALIMATI = "Commodity,Date,Unit,Minimum,Maximum,Average"
CONSUMER = (
    "Anio,Mes,Semana,Fecha inicio,Fecha termino,ID region,Region,Sector,Tipo de punto monitoreo,Grupo,Producto,Unidad,"
    "Precio minimo,Precio maximo,Precio promedio"
)


def price(product="Tofu", date="9/23/2023", unit="KG", low=40, high=50, mean=45):
    """A line of Kalimati's website."""
    return f"{product},{date},{unit},Rs {low:.2f},Rs {high:.2f},Rs {mean:.2f}"


def write(path: Path, *lines: str, header: str = KALIMATI, encoding: str = "utf-8", end: str = "\n", last: str = "\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = (end.join([header, *lines]) + last).encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


@pytest.fixture
def judge(spark, settings):
    """Rows of files with their outcome, without a table: `judge(source, *paths)`."""

    def judged(source: str, *paths: str, known: DataFrame | None = None) -> DataFrame:
        layouts = settings.prices.sources[source].layouts
        frames = []
        for uri in list_files(spark, paths, (".csv",)):
            columns = recognise(head(spark, uri), layouts, uri)
            lines = files.lines(spark, [uri], columns.encoding)
            frames.append(files.rows(lines, columns, source, settings.prices))
        rows = reduce(DataFrame.unionByName, frames)
        return classify_rows(rows, rows.limit(0).select(*KEY, *PRICES) if known is None else known)

    return judged


@pytest.fixture
def another(spark, settings):
    """Another run of a job on the same tables."""

    def run(number: int) -> Job:
        from rich.console import Console

        return Job("test", f"run-{number}", settings, spark, Store(spark, settings.warehouse), Console(quiet=True))

    return run
