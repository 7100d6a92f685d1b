"""Lines of every layout become rows by that layout's rules; a line that cannot is refused with all its reasons."""
# ruff: noqa: RUF001 - digits of other scripts are what is tested

import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from brazada.errors import SettingsError
from brazada.prices.forms import date_of, number_of
from brazada.prices.settings import Layout, UnitRule
from brazada.prices.texts import plain
from brazada.prices.units import base_units, check_patterns
from brazada.settings import load

from .conftest import CONSUMER, price, write

BY_VARIETY = (
    "Semana,Fecha inicio,Fecha término,Región,Tipo punto monitoreo,Producto,Variedad,Calidad,Unidad,Precio mínimo,"
    "Precio máximo,Precio promedio,Tipo producto"
)
WHOLESALE = (
    "Fecha,ID region,Region,Mercado,Subsector,Producto,Variedad / Tipo,Calidad,Unidad de comercializacion,Origen,"
    "Volumen,Precio minimo,Precio maximo,Precio promedio"
)
READ = ("date", "market", "product", "variety", "quality", "unit", "unit_base", "unit_quantity")
PRICES = ("price_min", "price_max", "price_mean", "price_per_unit", "currency", "category")
DAY = dt.date(2023, 3, 6)
MARKET = "Región de Ñuble / Itata / Panadería"

LAYOUTS = {
    "consumer_2023": (
        "odepa",
        {"header": CONSUMER.replace(",", ";"), "encoding": "latin-1", "end": "\r\n"},
        "2023;3;10;06/03/2023;10/03/2023;16;Región de Ñuble;Itata;Panadería;Pan;Piña;$/bolsa 800 grs;1600;2400;2000,5",
        (DAY, MARKET, "Piña", "", "", "$/bolsa 800 grs", "kg", 0.8, 1600, 2400, 2000.5, 2500.625, "CLP", "Pan"),
    ),
    "consumer": (
        "odepa",
        {"header": '"' + CONSUMER.replace(",", '","') + '"', "encoding": "utf-8-sig", "end": "\r\n"},
        '"2023","3","10","2023-03-06","2023-03-10","16","Región de Ñuble","Itata","Panadería","Pan","Piña|""A""",'
        '"$/caja 180 unidades","18000","36000","27000,000000"',
        (DAY, MARKET, 'Piña|"A"', "", "", "$/caja 180 unidades", "piece", 180, 18000, 36000, 27000, 150, "CLP", "Pan"),
    ),
    "by_variety": (
        "odepa",
        {"header": BY_VARIETY},
        "10,06-03-2023 0:00:00,10-03-2023 0:00:00,Ñuble,Feria,Tomate,Larga vida,Primera,$/kilo,900,1100.5,1000,Fruta",
        (
            DAY,
            "Ñuble / Feria",
            "Tomate",
            "Larga vida",
            "Primera",
            "$/kilo",
            "kg",
            1,
            900,
            1100.5,
            1000,
            1000,
            "CLP",
            "Fruta",
        ),
    ),
    "website": (
        "kalimati",
        {"last": ""},
        'Tomato Big(Nepali),3/6/2023,Per Dozen,"Rs 1,100.00","Rs 1,300.00","Rs 1,200.00"',
        (DAY, "", "Tomato Big(Nepali)", "", "", "Per Dozen", "piece", 12, 1100, 1300, 1200, 100, "NPR", None),
    ),
    "open_data": (
        "kalimati",
        {"header": "Date,Commodity,Unit,Min Price,Max Price,Avg Price,Trend"},
        "2023-03-06,Tofu,Kg,40,50.0,45,up",
        (DAY, "", "Tofu", "", "", "Kg", "kg", 1, 40, 50, 45, 45, "NPR", None),
    ),
    "wholesale": (
        "odepa_wholesale",
        {"header": WHOLESALE, "encoding": "utf-8-sig"},
        '"2023-03-06","16","Ñuble","Vega","Frutas","Palta","Hass","Primera","$/bins (400 kilos)",'
        '"Maule","9","39999,9","48000","44000"',
        (
            DAY,
            "Ñuble / Vega / Maule",
            "Palta",
            "Hass",
            "Primera",
            "$/bins (400 kilos)",
            *("kg", 400, 39999.9, 48000, 44000, 110, "CLP", "Frutas"),
        ),
    ),
    "by_date": (
        "kalimati",
        {"header": "date,product,unit,max price,min price,avg price"},
        '२०२३-०३-०६,आलु रातो,के\u200d.जी.,"१,०९०.००",८०.००,८५.००',
        (DAY, "", "आलु रातो", "", "", "के.जी.", "kg", 1, 80, 1090, 85, 85, "NPR", None),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_reads_by_its_own_rules(judge, tmp_path, layout):
    source, form, line, expected = LAYOUTS[layout]
    path = write(tmp_path / "a.csv", line, **form)
    (row,) = judge(source, path).where("outcome = 'good'").select(*READ, *PRICES).collect()
    assert tuple(row) == expected


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8", "latin-1"])
def test_a_mark_tells_the_encoding_and_a_separators_line_is_no_row(judge, tmp_path, encoding):
    mark = "" if encoding == "latin-1" else "\ufeff"
    header = f"{mark}sep=;\r\n" + CONSUMER.replace(",", ";")
    line = "2023;3;10;06/03/2023;10/03/2023;16;Ñuble;Itata;Feria;Pan;Čaj ਊ;$/kilo;1;3;2"
    line = line.replace("Čaj ਊ", "Piña") if encoding == "latin-1" else line
    path = write(tmp_path / "a.csv", line, "x", header=header, encoding=encoding, end="\r\n")
    outcomes = [tuple(row) for row in judge("odepa", path).orderBy("place").select("raw", "outcome").collect()]
    assert outcomes[0][1] == "blank"
    assert outcomes[2:] == [(line, "good"), ("x", "quarantined")]


def test_forms_of_unicode_make_no_difference(judge, tmp_path):
    names = ["Piña", "Pin\u0303a", "\u212bngstrom", "Ångstrom", "क़लम", "क\u093cलम"]
    lines = [price(name, f"9/{day}/2023") for day, name in enumerate(names, 1)]
    judged = judge("kalimati", write(tmp_path / "a.csv", *lines))
    found = judged.where("outcome = 'good'").orderBy("place").select("product", "raw").collect()
    assert [row["raw"] for row in found] == lines
    assert len({row["product"] for row in found}) == len(names) / 2


def test_a_date_in_the_files_name_is_that_of_its_rows(judge, tmp_path, settings):
    layout = {
        "header": ("name", "min price", "max price", "avg price"),
        **{"date_format": "yyyy-M-d", "thousands": ",", "prefix": ("Rs", "Rs."), "product": "name", "every_unit": "KG"},
        **{"price_min": "min price", "price_max": "max price", "price_mean": "avg price"},
    }
    settings.prices.sources["kalimati"].layouts["named"] = Layout(**layout)
    lines = ["गोलभेडा , ५८.०० , ६८.०० , ६३.००", "Tea,Rs.50.00,Rs. 60.00,Rs 55.00", "Rice,Run 31.00,Rs 40,Rs 35"]
    form = {"header": "name , min price , max price , avg price"}
    names = "2023-3-20", "2024-12-01", "2024-2-30"
    paths = [write(tmp_path / name / f"{name}+1 a.csv", *lines, **form) for name in names]
    judged = judge("kalimati", *paths)
    good = judged.where("outcome = 'good'").select("date", "product", "unit", "price_mean").collect()
    days = dt.date(2023, 3, 20), dt.date(2024, 12, 1)
    assert sorted(map(tuple, good)) == [
        (day, *rest) for day in days for rest in (("Tea", "KG", 55.0), ("गोलभेडा", "KG", 63.0))
    ]
    reasons = {row["reason"] for row in judged.where("outcome = 'quarantined' AND raw LIKE 'Rice%'").collect()}
    no_number = "unreadable price_min 'Run 31.00'"
    assert reasons == {no_number, f"unreadable date '2024-2-30'; {no_number}"}


REFUSED = {
    "Tofu,9/23/2023,KG,Rs 40.00,Rs 50.00": "not 6 fields, or quotes that do not match",
    price() + ",more": "not 6 fields, or quotes that do not match",
    '"Tofu,9/23/2023,KG,Rs 40.00,Rs 50.00,Rs 45.00': "not 6 fields, or quotes that do not match",
    '"To"fu,9/23/2023,KG,Rs 40.00,Rs 50.00,Rs 45.00': "not 6 fields, or quotes that do not match",
    price(date="23.9.2023"): "unreadable date '23.9.2023'",
    price(date="2/30/2024"): "unreadable date '2/30/2024'",
    price(date="13/1/2024"): "unreadable date '13/1/2024'",
    price(date="3/5/0202"): "date not from 1990-01-01 to 2060-12-31: '3/5/0202'",
    price(date="12/31/9999"): "date not from 1990-01-01 to 2060-12-31: '12/31/9999'",
    price(product="  "): "no product",
    price(unit="crate"): "unknown unit 'crate'",
    "Tofu,9/23/2023,KG,Rs 40.00,Rs 5O.00,Rs 45.00": "unreadable price_max 'Rs 5O.00'",
    'Tofu,9/23/2023,KG,"Rs 4,0.00",Rs 50.00,Rs 45.00': "unreadable price_min 'Rs 4,0.00'",
    'Tofu,9/23/2023,KG,"40,00",Rs 50.00,1e3': "unreadable price_min '40,00'; unreadable price_mean '1e3'",
    price(low=0): "price not above 0",
    price(low=-40): "price not above 0",
    price(low=60, mean=55): "minimum above maximum; average outside minimum and maximum",
    price(mean=50.5): "average outside minimum and maximum",
    price(date="2023-02-30"): "unreadable date '2023-02-30'",
    "No data available in table,,3/3/2024,,,": "unreadable date ''; unknown unit '3/3/2024'; unreadable price_min '';"
    " unreadable price_max ''; unreadable price_mean ''",
}


def test_each_fault_is_named_beside_the_line_as_it_stood(judge, tmp_path):
    path = write(tmp_path / "a.csv", *REFUSED, price(), price("Rice", "2023-09-23", mean=50.004), "", last="\n\n")
    judged = judge("kalimati", path).collect()
    refused = {row["raw"]: row["reason"] for row in judged if row["outcome"] == "quarantined" and row["place"] > 0}
    assert refused == REFUSED
    assert sorted(row["product"] for row in judged if row["outcome"] == "good") == ["Rice", "Tofu"]


def test_text_of_another_encoding_is_refused(judge, tmp_path):
    header = CONSUMER.replace(",", ";")
    line = "2023;3;10;06/03/2023;10/03/2023;16;Ñuble;Itata;Feria;Pan;Pan;$/kilo;1;3;2"
    latin = write(tmp_path / "a" / "a.csv", line, header=header, encoding="latin-1")
    utf8 = write(tmp_path / "b" / "b.csv", line, header=header)
    also_latin = write(tmp_path / "c" / "c.csv", price(product="Piñón"), encoding="latin-1")
    assert judge("odepa", latin).where("outcome = 'good'").count() == 1
    assert judge("odepa", utf8).where("place > 0").first()["reason"] == "text that is not ISO-8859-1"
    assert judge("kalimati", also_latin).where("place > 0").first()["reason"] == "text that is not UTF-8"


UNITS = {
    "$/kilo": ("kg", 1.0),
    "$/kilo (en saco de 25 kilos)": ("kg", 1.0),
    "$/kilo (en envase de 1 kilo)": ("kg", 1.0),
    "$/envase 1 kilo": ("kg", 1.0),
    "$/bolsa 800 grs": ("kg", 0.8),
    "$/pan de 250 gramos": ("kg", 0.25),
    "$/bolsa 1,5 kilos": ("kg", 1.5),
    "$/botella 900 ml": ("l", 0.9),
    "$/Caja de 1 Litro": ("l", 1.0),
    "$/litro": ("l", 1.0),
    "$/unidad": ("piece", 1.0),
    "$/bandeja 30 unidades": ("piece", 30.0),
    "$/caja 180 unidades": ("piece", 180.0),
    "Per Dozen": ("piece", 12.0),
    "Doz": ("piece", 12.0),
    "Per Piece": ("piece", 1.0),
    "1 Pc": ("piece", 1.0),
    "KG": ("kg", 1.0),
    "Kg": ("kg", 1.0),
    "$/bins (400 kilos)": ("kg", 400.0),
    "$/caja 18 kilos granel": ("kg", 18.0),
    "$/bandeja 10 kilos empedrada": ("kg", 10.0),
    "$/cajón 20 kilos": ("kg", 20.0),
    "$/docena de atados": ("piece", 12.0),
    "$/docena de matas": ("piece", 12.0),
    "$/paquete 10 atados": ("piece", 10.0),
    "$/caja 10 docenas": ("piece", 120.0),
    "$/cien": ("piece", 100.0),
    "$/atado": ("piece", 1.0),
    "के.जी.": ("kg", 1.0),
    "के. जी.": ("kg", 1.0),
    "केजी": ("kg", 1.0),
    "के जी": ("kg", 1.0),
    "दर्जन": ("piece", 12.0),
    "प्रति दर्जन": ("piece", 12.0),
    "प्रति गोटा": ("piece", 1.0),
    "$/docena de atados (3 kilos)": None,  # of the dozen, or of each
    "$/bandeja 12 canastillos 125 gramos": None,
    "$/atado 0,5 a 1 kilo": None,
    "$/caja 18 kilos o más": None,
    "$/saco": None,
    "$/bolsa 1.000 gramos": None,
    "$/bandeja 0 unidades": None,
    "$/kilo o unidad": None,
    "10": None,
    "": None,
}


def test_units_are_read_or_refused_never_guessed(spark, settings):
    frame = spark.createDataFrame([(unit,) for unit in UNITS], "unit string")
    read = frame.select("unit", base_units(frame["unit"], settings.prices.units).alias("read")).collect()
    found = {row["unit"]: row["read"] and tuple(row["read"]) for row in read}
    assert found == {unit: reading and pytest.approx(reading) for unit, reading in UNITS.items()}


def test_a_look_at_a_file_reads_numbers_and_dates_as_the_ingest_does(judge, tmp_path, settings):
    numbers = [
        "1",
        "1.5",
        "1,170.00",
        "1,17",
        "Rs 5",
        "Rs5",
        "Rs. 5",
        "-3",
        "1e3",
        "9" * 16,
        "1.",
        ".5",
        "५.५",
        "1.170,00",
    ]
    dates = ["9/3/2023", "09/03/2023", "13/1/2023", "2/30/2023", "2023-02-03", "2023-2-3", "9/3/23", "९/३/२०२३"]
    lines = [f'{place},{dates[0]},KG,"{text}",Rs 50,Rs 45' for place, text in enumerate(numbers)]
    lines += [f"{place},{text},KG,Rs 1,Rs 50,Rs 45" for place, text in enumerate(dates, len(numbers))]
    layout = settings.prices.sources["kalimati"].layouts["website"]
    read = judge("kalimati", write(tmp_path / "a.csv", *lines)).where("product RLIKE '[0-9]'").collect()
    found = {int(row["product"]): row for row in read}
    values = [number_of(plain(text), layout) for text in numbers]
    assert [found[place]["price_min"] for place in range(len(numbers))] == values
    days = [date_of(plain(text), layout) for text in dates]
    assert [found[len(numbers) + place]["date"] for place in range(len(dates))] == days
    assert None in values
    assert None in days


FIELDS = st.sampled_from(
    ["Tofu", "Yam", "", "9/23/2023", "9/24/2023", "x", "KG", "Rs 40.00", "Rs 50.00", '"', '"Rs 45.00"']
)
MANGLED = st.one_of(
    st.builds(price, product=st.sampled_from(["Tofu", "Yam"]), mean=st.sampled_from([44, 45])),
    st.lists(FIELDS, min_size=1, max_size=8).map(",".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30),
)


@given(lines=st.lists(MANGLED, max_size=40))
@effort(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_has_one_outcome_and_none_is_lost(judge, tmp_path, lines):
    path = write(tmp_path / "a.csv", *lines)
    judged = judge("kalimati", path).select("place", "raw", "outcome", "reason").collect()
    assert [row["raw"] for row in sorted(judged, key=lambda row: row["place"])][1:] == lines
    for row in judged:
        assert (row["outcome"] == "blank") == (not row["raw"].strip(" "))
        assert (row["reason"] is None) == (row["outcome"] in {"good", "duplicate"})


@pytest.mark.parametrize("pattern", [r"(?P<n>\d+) kg", "(?#crates) kg", "kg(?(1)a|b)", "(kg", "a{,3}"])
def test_a_pattern_of_a_unit_that_java_reads_otherwise_is_refused(spark_session, pattern):
    rule = UnitRule.model_construct(pattern=pattern, base="kg", factor=1.0)
    check_patterns(spark_session, load(variables={}).prices.units)
    with pytest.raises(SettingsError, match="that Java reads"):
        check_patterns(spark_session, [rule])
