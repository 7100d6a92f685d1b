"""What is told of a price file by looking at it is right, what may be two things is left open, and the YAML loads."""
# ruff: noqa: RUF001 - digits of other scripts are what is tested

import bz2
import datetime as dt
import gzip
import subprocess
import sys

import pytest
import yaml

from brazada.cli import cli
from brazada.errors import InputError, UsageError
from brazada.prices.forms import date_format, date_of, number_of, signs
from brazada.prices.guess import guess, look
from brazada.prices.new_source import layout_yaml, slug, source_yaml
from brazada.prices.settings import Layout
from brazada.settings import load

UNITS = load(variables={}).prices.units
PRICES = {"price_min": "Min Price", "price_max": "Max Price", "price_mean": "Modal Price"}


def looked(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return look(path)


def told(path, text, encoding="utf-8"):
    return guess(looked(path, text, encoding), UNITS)


def market(days=60, products=("Onion", "Potato"), form="%d/%m/%Y", every=1):
    """A file of a market that is new: rows of day and product."""
    lines = ["State,Market,Commodity,Variety,Arrival_Date,Unit,Min Price,Max Price,Modal Price,Trend"]
    for day in range(0, days * every, every):
        date = (dt.date(2024, 1, 1) + dt.timedelta(days=day)).strftime(form)
        for place, name in enumerate(products):
            price = 30 if name == "Potato" else 1000 + day
            low, high, mean = (f'"₹{price + more:,}.50"' for more in (0, 2, 1))
            lines.append(f"Goa,Margao,{name},Local,{date},Kg,{low},{high},{mean},{place}")
    return "\n".join(lines) + "\n"


def test_an_indian_markets_file_is_told_whole(tmp_path):
    found = told(tmp_path / "goa.csv", market())
    assert found.untold == []
    expected = {
        **{"separator": ",", "date": "Arrival_Date", "date_format": "dd/MM/yyyy", "decimal": ".", "thousands": ","},
        **{"prefix": "₹", "market": ["Market", "State"], "product": "Commodity", "variety": "Variety", "unit": "Unit"},
    }
    header = market().partition("\n")[0].split(",")
    assert {**found.settings, "market": sorted(found.settings["market"])} == {"header": header, **expected, **PRICES}
    assert found.remarks == ["not used: Trend"]


@pytest.mark.parametrize(
    ("encoding", "first", "separator", "told_as"),
    [
        ("utf-16", "sep=;\r\n", ";", None),
        ("utf-8-sig", "", "\t", None),
        ("latin-1", '"sep=|"\r\n', "|", "ISO-8859-1"),
    ],
)
def test_encoding_and_separator_are_told(tmp_path, encoding, first, separator, told_as):
    header = ["Fecha", "Producto", "Unidad", "Precio mínimo", "Precio máximo", "Precio promedio", ""]
    rows = [[f"{day}-1-2024", "Piña", "kilo", "1,5", "2,5", "2", ""] for day in (3, 30)]
    found = told(tmp_path / "a.csv", first + "\r\n".join(map(separator.join, [header, *rows])), encoding)
    assert found.untold == []
    assert (found.settings["separator"], found.settings.get("encoding")) == (separator, told_as)
    assert (found.settings["decimal"], found.settings["date_format"]) == (",", "d-M-yyyy")
    assert found.settings["header"] == header[:-1]  # a column without a name can be of no layout


def test_packed_files_are_looked_into(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(market().encode()))
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(market().encode()))
    assert look(tmp_path / "a.csv.gz").rows == look(tmp_path / "a.csv.bz2").rows != []


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2024-01-31", "2024-02-01"], "yyyy-MM-dd"),
        (["2024/1/31"], "yyyy/M/d"),
        (["31.12.2024"], "d.M.yyyy"),
        (["01.02.2024", "31.12.2024"], "dd.MM.yyyy"),
        (["1/31/2024", "2/1/2024"], "M/d/yyyy"),
        (["06-03-2023 0:00:00", "13-03-2023 0:00:00"], "dd-MM-yyyy H:mm:ss"),
        (["2024-01-31T06:30"], "yyyy-MM-ddTHH:mm"),
        (["20240131"], "yyyyMMdd"),
        (["2024-01-31", "2024-02-01", "soon"], "yyyy-MM-dd"),
        (["01/02/2024", "03/04/2024"], None),
        (["13/13/2024"], None),
        (["31/01/24"], None),
        (["Jan 3"], None),
        ([""], None),
    ],
)
def test_a_form_of_dates_is_told_or_left_open(texts, form):
    assert date_format(texts)[0] == form
    if form:
        layout = layout_of(date_format=form)
        assert [text for text in texts if date_of(text, layout) is None] == [text for text in texts if text == "soon"]


@pytest.mark.parametrize(
    ("texts", "decimal", "thousands", "values"),
    [
        (["40.00", "1,170.50"], ".", ",", [40, 1170.5]),
        (["40,5", "1.170,25"], ",", ".", [40.5, 1170.25]),
        (["1.234.567", "12"], ",", ".", [1234567, 12]),
        (["1 234,5"], ",", " ", [1234.5]),
        (["1'234.5"], ".", "'", [1234.5]),
        (["1.500", "0.250"], ".", "", [1.5, 0.25]),
        (["1500.125"], ".", "", [1500.125]),
        (["12"], ".", "", [12]),
        (["1.500"], None, "", []),
        (["1,500", "2,750"], None, "", []),
        (["1.5", "1,5"], None, "", []),
        (["none"], None, "", []),
    ],
)
def test_the_signs_of_numbers_are_told_or_left_open(texts, decimal, thousands, values):
    found = signs(texts)
    assert (found.decimal, found.thousands) == (decimal, thousands)
    if decimal:
        assert [number_of(text, layout_of(decimal=decimal, thousands=thousands)) for text in texts] == values


def test_what_stands_before_numbers_is_a_currency_or_most_common():
    found = signs(["Rs.50.00", "Rs 40.00", "Run 31.00", "NRs 2.00", "The 1.50", "no price"])
    assert found.prefixes == ("Rs", "Rs.")
    assert found.odd == ("Run 31.00", "NRs 2.00", "The 1.50", "no price")


def layout_of(**settings):
    columns = {"date": "d", "product": "p", "every_unit": "kg", "price_min": "x", "price_max": "x", "price_mean": "x"}
    return Layout(**{"header": ["d", "p", "x"], "date_format": "yyyy-M-d", **columns, **settings})


def test_a_date_in_the_name_and_an_unknown_unit_are_said(tmp_path):
    found = told(tmp_path / "2023-3-20.csv", "name , min price , max price , avg price\nआलु,५८.००,६८.००,६३.००\n")
    assert (found.settings["date"], found.settings["date_format"]) == (None, "yyyy-M-d")
    assert found.untold == ["unit"]
    assert "write KG" in found.why["every_unit"]
    found = told(tmp_path / "a.csv", "Item,Day,Unit,Price\nRice,2024-01-02,Muri,120.5\nTea,2024-01-02,kg,12.5\n")
    assert found.untold == []
    assert {found.settings[name] for name in PRICES} == {"Price"}
    assert any("Muri (1 rows)" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("column", "value", "date", "form"),
    [
        ("Fecha", "20240131", "Fecha", "yyyyMMdd"),
        ("Fecha", "31 enero 2024", "Fecha", None),
        ("When", "31.1.2024", "When", "d.M.yyyy"),
        ("When", "31 enero 2024", None, "d-M-yyyy"),
    ],
)
def test_the_date_is_told_by_a_columns_name_or_values_or_the_files_name(tmp_path, column, value, date, form):
    found = told(tmp_path / "prices 31-1-2024.csv", f"Item,{column},Unit,Price\nRice,{value},kg,120.5\n")
    assert (found.settings["date"], found.settings["date_format"]) == (date, form)


def test_what_cannot_be_told_is_null_with_its_reason(tmp_path):
    found = told(tmp_path / "a.csv", "A,B,C,D\nRice,2,1,1.500\nTea,3,2,2.500\n")
    assert found.untold == ["product", "price_min", "price_max", "price_mean", "date_format", "decimal", "unit"]
    text = layout_yaml(look(tmp_path / "a.csv"), found, "a", None)
    assert yaml.safe_load(text)["a"]["product"] is None
    assert "columns with text are A" in text


@pytest.mark.parametrize("content", ["", "\n\n", "one column\n1\n", "a,b\n1,2\n", "%PDF-1.4\x00\x01"])
def test_what_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match=r"a\.csv"):
        look(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("every", "days", "calendar", "window", "horizon"),
    [(1, 120, "daily", 30, 7), (7, 60, "weekly", 12, 4), (1, 20, "daily", 7, 2)],
)
def test_the_settings_of_a_source_load_and_say_why(tmp_path, every, days, calendar, window, horizon):
    sample = looked(tmp_path / "goa.csv", market(days, every=every))
    text = source_yaml(sample, guess(sample, UNITS), "goa", "INR")
    (tmp_path / "goa.yaml").write_text(text, encoding="utf-8")
    source = load(conf=tmp_path / "goa.yaml", variables={}).prices.sources["goa"]
    assert (source.currency, source.calendar, source.window, source.horizon) == ("INR", calendar, window, horizon)
    assert source.min_observed_share == 0.96
    assert source.layouts["first"].date_format == ("dd/MM/yyyy",)
    assert f"{days} dates from 2024-01-01" in text
    assert f"the longest in the file is {days}, of Potato" in text


def test_the_commands_print_and_write_without_spark(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "goa prices.csv").write_text(market(), encoding="utf-8")
    script = """
import sys
from brazada.cli import cli
cli.main(["prices", "layout", "goa prices.csv"], standalone_mode=False)
cli.main(["prices", "source", "new", "goa", "goa prices.csv", "--currency", "INR"], standalone_mode=False)
print([name for name in ("pyspark", "tensorflow", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    layout, _, said = done.stdout.partition("goa prices.csv: not used")
    assert yaml.safe_load(layout)["goa_prices"]["product"] == "Commodity"
    assert "brazada prices run 'goa prices.csv' --source goa --conf goa.yaml" in said
    assert said.rstrip().endswith("[]")
    assert "goa" in load(conf="goa.yaml", variables={}).prices.sources
    for words, wrong in {("goa", "goa prices.csv"): "goa.yaml", ("kalimati", "goa prices.csv"): "kalimati"}.items():
        with pytest.raises(UsageError, match=wrong):
            cli.main(["prices", "source", "new", *words], standalone_mode=False)
    (tmp_path / "known.csv").write_text("Commodity,Date,Unit,Minimum,Maximum,Average\nTofu,1/2/2024,KG,1,3,2\n")
    cli.main(["prices", "layout", "known.csv"], standalone_mode=False)
    assert "Known already: kalimati/website" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"known_2\.yaml written with date_format not told"):
        cli.main(["prices", "source", "new", "known_2", "known.csv"], standalone_mode=False)
    assert "d/M/yyyy or M/d/yyyy" in (tmp_path / "known_2.yaml").read_text()


def test_names_are_made_of_files_names():
    assert [slug(text) for text in ("Goa prices", "2023-3-20", "Ñuble", "आलु")] == [
        *("goa_prices", "layout_2023_3_20", "uble", "layout"),
    ]
