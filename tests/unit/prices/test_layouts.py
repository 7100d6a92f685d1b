"""A file's layout is known by the names in its header, whatever their order, case, accents or quotes."""

import pytest

from brazada.errors import InputError, SettingsError
from brazada.prices.layouts import fold, recognise
from brazada.settings import load

CONSUMER = (
    "Anio,Mes,Semana,Fecha inicio,Fecha termino,ID region,Region,Sector,Tipo de punto monitoreo,Grupo,Producto,Unidad,"
    "Precio minimo,Precio maximo,Precio promedio"
)
BY_VARIETY = (
    "Semana,Fecha inicio,Fecha término,Región,Tipo punto monitoreo,Producto,Variedad,Calidad,Unidad,Precio mínimo,"
    "Precio máximo,Precio promedio,Tipo producto"
)


@pytest.fixture(scope="module")
def sources():
    return load(variables={}).prices.sources


def quoted(line):
    return ",".join(f'"{name}"' for name in line.split(","))


@pytest.mark.parametrize(
    ("source", "line", "layout"),
    [
        ("odepa", CONSUMER.encode(), "consumer"),
        ("odepa", b"\xef\xbb\xbf" + quoted(CONSUMER).encode() + b"\r", "consumer"),
        ("odepa", CONSUMER.replace(",", ";").encode("latin-1"), "consumer_2023"),
        ("odepa", BY_VARIETY.encode(), "by_variety"),
        ("odepa", BY_VARIETY.upper().encode(), "by_variety"),
        ("odepa", ",".join(reversed(CONSUMER.split(","))).encode(), "consumer"),
        ("odepa", CONSUMER.replace("Region", " Región ").encode() + b",Nota", "consumer"),
        ("kalimati", b"Commodity,Date,Unit,Minimum,Maximum,Average", "website"),
        ("kalimati", b"Commodity,Date,Unit,Min Price,Max Price,Avg Price,Trend", "open_data"),
    ],
)
def test_known_headers(sources, source, line, layout):
    assert recognise(line, sources[source].layouts, "a.csv").name == layout


def test_a_header_of_more_columns_than_spark_can_read_is_refused(sources):
    header = "Commodity,Date,Unit,Min Price,Max Price,Avg Price," + ",".join(f"c{number}" for number in range(2994))
    with pytest.raises(
        InputError, match=r"at most 200 columns; found 3,000 in a\.csv\. Keep the columns Commodity, Date"
    ):
        recognise(header.encode(), sources["kalimati"].layouts, "a.csv")


def test_columns_are_found_where_the_header_has_them(sources):
    columns = recognise(b"Average,Note,Unit,Date,Commodity,Maximum,Minimum", sources["kalimati"].layouts, "a.csv")
    assert [columns.place(name) for name in ("Commodity", "Minimum", "Average")] == [4, 6, 0]


@pytest.mark.parametrize(
    "line",
    [
        b"id,price",
        b"Commodity,Date,Unit,Minimum,Maximum",
        b"Commodity,Date,Date,Unit,Minimum,Maximum,Average",
        b"\xef\xbb\xbf" + CONSUMER.replace(",", ";").encode(),  # UTF-8 by its mark, in a layout that is Latin-1
    ],
    ids=["other", "one short", "one twice", "other encoding"],
)
def test_unknown_headers_name_the_known_ones(sources, line):
    layouts = {**sources["kalimati"].layouts, **sources["odepa"].layouts}
    with pytest.raises(InputError, match=r"Min Price") as error:
        recognise(line, layouts, "a.csv")
    assert line.decode("utf-8-sig") in str(error.value)
    assert "a.csv" in str(error.value)


def test_the_most_specific_layout_wins(sources):
    plain = sources["kalimati"].layouts["website"]
    wider = plain.model_copy(update={"header": (*plain.header, "Trend")})
    layouts = {"plain": plain, "wider": wider}
    assert recognise(b"Commodity,Date,Unit,Minimum,Maximum,Average,Trend", layouts, "a.csv").name == "wider"
    assert recognise(b"Commodity,Date,Unit,Minimum,Maximum,Average", layouts, "a.csv").name == "plain"


def test_two_layouts_that_fit_equally_are_refused(sources):
    plain = sources["kalimati"].layouts["website"]
    with pytest.raises(InputError, match="one and two"):
        recognise(b"Commodity,Date,Unit,Minimum,Maximum,Average", {"one": plain, "two": plain}, "a.csv")


def test_names_are_folded():
    assert fold('\ufeff " Región  ÑUBLE" ') == "region nuble"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("date_format=d/yyyy", "year, month and day"),
        ("date_format=MM-MM-yyyy dd", "year, month and day"),
        ("thousands='.'", "two different signs"),
        ("product=Name", "Name"),
    ],
)
def test_faulty_layouts_are_refused_when_settings_are_read(change, words):
    with pytest.raises(SettingsError, match=words):
        load(overrides=[f"prices.sources.kalimati.layouts.website.{change}"], variables={})


def test_a_new_layout_is_an_entry_in_the_settings():
    text = (
        "{header: [Ware, Day, Per, Low, High, Mean], date_format: d.M.yyyy, date: Day, product: Ware, unit: Per,"
        " price_min: Low, price_max: High, price_mean: Mean}"
    )
    layouts = load(overrides=[f"prices.sources.kalimati.layouts.fourth={text}"], variables={}).prices.sources[
        "kalimati"
    ]
    assert recognise(b"Day,Ware,Per,Mean,Low,High", layouts.layouts, "a.csv").name == "fourth"
