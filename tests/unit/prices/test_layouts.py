"""A file's layout is known by the names in its header, whatever their order, case, accents or quotes."""

from urllib.parse import unquote

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

WHOLESALE = (
    "Fecha,ID region,Region,Mercado,Subsector,Producto,Variedad / Tipo,Calidad,Unidad de comercializacion,Origen,"
    "Volumen,Precio minimo,Precio maximo,Precio promedio"
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
        ("odepa", b"\xef\xbb\xbf" + CONSUMER.replace(",", ";").encode(), "consumer_2023"),
        ("odepa", CONSUMER.replace(",", ";").encode("utf-16"), "consumer_2023"),
        ("odepa", b"\xfe\xff" + f"sep=;\r\n{CONSUMER.replace(',', ';')}\r\n".encode("utf-16-be"), "consumer_2023"),
        ("odepa", b'"sep=,"\r\n' + CONSUMER.encode(), "consumer"),
        ("odepa_wholesale", b"\xef\xbb\xbf" + quoted(WHOLESALE).encode(), "wholesale"),
        ("odepa_wholesale", f"{WHOLESALE} ponderado".encode(), "wholesale_weighted"),
        ("kalimati", b"Commodity,Date,Unit,Minimum,Maximum,Average", "website"),
        ("kalimati", b"date,product,unit,max price,min price,avg price", "by_date"),
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
        b"sep=,\nid,price",
        CONSUMER.replace(",", ";").encode("utf-16-le"),  # no mark tells what it is
    ],
    ids=["other", "one short", "one twice", "below a separator's line", "unmarked UTF-16"],
)
def test_unknown_headers_name_the_known_ones(sources, line):
    layouts = {**sources["kalimati"].layouts, **sources["odepa"].layouts}
    with pytest.raises(InputError, match=r"Min Price") as error:
        recognise(line, layouts, "a.csv")
    assert line.rpartition(b"\n")[2].decode().replace("\0", "\ufffd") in str(error.value)
    assert "brazada prices layout FILE" in str(error.value)
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


def test_a_files_encoding_and_its_headers_line_are_told(sources):
    layouts = sources["odepa"].layouts
    header = f"sep=;\r\n{CONSUMER.replace(',', ';')}\r\n"
    found = {
        (columns.encoding, columns.line)
        for head in (header.encode("latin-1"), header.encode("utf-16"), header.encode("utf-8-sig"))
        for columns in [recognise(head, layouts, "a.csv")]
    }
    assert found == {("ISO-8859-1", 2), ("UTF-16LE", 2), ("UTF-8", 2)}


NAMED = (
    "{header: [Ware, Low, High], date_format: yyyy-M-d, product: Ware, every_unit: kg, price_min: Low, price_max: High,"
    " price_mean: High}"
)


@pytest.mark.parametrize(
    ("file", "date"),
    [
        ("file:///a/2023-3-20.csv", "2023-3-20"),
        ("file:///2024-01-01/prices%202023-12-31%20final.csv.gz", "2023-12-31"),
        ("file:///a/prices.csv", None),
        ("file:///2023-3-20/prices.csv", None),
        ("file:///a/2023-3-20_2023-3-21.csv", None),
        ("file:///a/12023-3-201.csv", None),
    ],
)
def test_a_date_in_the_name_is_one_or_the_file_is_refused(file, date):
    layouts = load(overrides=[f"prices.sources.kalimati.layouts.daily={NAMED}"], variables={}).prices.sources[
        "kalimati"
    ]
    named = {"daily": layouts.layouts["daily"]}
    if date is None:
        with pytest.raises(InputError, match="yyyy-M-d"):
            recognise(b"ware , low , high", named, file)
    else:
        recognise(b"ware , low , high", named, file)
        assert named["daily"].date_in_name(unquote(file.rpartition("/")[2])) == date


def test_names_are_folded():
    assert fold('\ufeff " Región  ÑUBLE" ') == "region nuble"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("date_format=d/yyyy", "year, month and day"),
        ("date_format=MM-MM-yyyy dd", "year, month and day"),
        ("date_format=[yyyy-MM-dd, M/d/yyyy, d/M/yyyy]", "order of day and month"),
        ("date_format=[]", "date_format"),
        ("thousands='.'", "two different signs"),
        ("product=Name", "Name"),
        ("unit=null", "every_unit"),
        ("every_unit=kg", "every_unit"),
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
