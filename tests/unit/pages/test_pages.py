"""Pages hold all they need, say what is missing, and work in a real browser."""

import datetime as dt
import html
import json
import os
import re
import shutil
import subprocess

import pytest

from brazada import domains
from brazada.pages import Grid, Matrix, Missing, Page, Picture, bars, lines, percent
from brazada.pages.write import write

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DAYS = [dt.date(2024, 1, day) for day in (1, 8, 15)]

# What a reader does: look at each picture, pick another choice by its select, look again.
READER = """<script>
const paths = () => [...document.querySelectorAll(".chart")].map((box) => box.innerHTML);
setTimeout(() => {
  const before = paths();
  for (const select of document.querySelectorAll("select")) {
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("input"));
  }
  const marks = document.querySelectorAll("path[d^=M], rect, circle, polygon").length;
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  document.body.dataset.found = JSON.stringify({ before, after: paths(), marks, wide, faults });
}, 300);
</script>"""
LISTEN = '<script>window.faults = [];addEventListener("error", (e) => faults.push(e.message));</script>'


@pytest.fixture
def page():
    price = {"name": "price", "x": DAYS, "y": [1.0, None, float("nan")]}
    band = {"name": "80 %", "x": DAYS, "low": [1, 1, 1], "high": [2, 2, 2]}
    charts = {
        "Tomate </script>": lines("date", "CLP per kg", time=True, lines=[price], bands=[band]),
        "Uva": bars("error", [{"label": "naive", "bars": [{"value": 1.0, "low": 0.9, "high": 1.1}]}], reference=1),
    }
    return Page(
        "prices",
        "Prices & more",
        "What one sees.",
        [
            Picture("Forecasts", "Each series.", charts, pick="Series"),
            Grid("Errors", "All of them.", [{"model": "a_very_long_name" * 5, "rows": 1234567, "MASE": 0.123456}]),
            Grid("Nothing", "None of them.", []),
            Matrix("Taken", "For whom.", ["a", "b"], ["a", "b"], {("a", "a"): 3, ("a", "b"): 1}),
            Missing("Alerts", "`brazada swim alerts` makes them."),
        ],
    )


def test_a_page_is_one_file_that_asks_for_nothing_else(page, tmp_path):
    index, file = write([page], tmp_path)
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#|index\.html|prices\.html)""", text)
    assert "Prices &amp; more" in text
    assert "<code>brazada swim alerts</code> makes them." in text
    assert 'href="prices.html"' in index.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text


def test_data_in_a_page_is_json_that_cannot_end_its_element(page, tmp_path):
    text = write([page], tmp_path)[1].read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    chart, _ = json.loads(data)
    assert chart["lines"][0]["y"] == [1.0, None, None]
    assert chart["lines"][0]["x"][1] - chart["lines"][0]["x"][0] == 7 * 24 * 3600 * 1000


def test_tables_show_figures_that_can_be_read():
    rows = [
        {"model": "naive", "rows": 1234567, "MASE": 0.123456, "share": percent(None)},
        {"model": None, "rows": 2, "MASE": None, "share": percent(0.5)},
    ]
    first, second = Grid("", "", rows).cells
    assert first == [("naive", False), ("1,234,567", True), ("0.123", True), ("\N{EN DASH}", True)]
    assert second[0] == ("\N{EN DASH}", False)
    assert second[3] == ("50.0 %", True)


def test_a_matrix_is_shaded_by_the_share_of_its_row():
    matrix = Matrix("", "", ["a", "b"], ["a", "b"], {("a", "a"): 3, ("a", "b"): 1})
    assert matrix.cells == [[("3", 75), ("1", 25)], [("0", 0), ("0", 0)]]


@pytest.mark.parametrize("name", domains.reports())
def test_a_page_of_an_empty_warehouse_says_which_job_makes_its_tables(name):
    class Empty:
        views = ()
        store = type("Store", (), {"names": lambda _: [], "present": lambda *_: []})()

        def has(self, *_):
            return False

    missing = [block for block in domains.report(name)(Empty()).blocks if isinstance(block, Missing)]
    assert missing
    assert all(block.text.endswith(".") for block in missing)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
@pytest.mark.parametrize("width", [1280, 500])
def test_in_a_browser_pictures_have_data_and_the_picker_changes_them(page, tmp_path, width):
    _, file = write([page], tmp_path)
    text = file.read_text(encoding="utf-8")
    tried = tmp_path / "tried.html"
    tried.write_text(text.replace("<body>", f"<body>{LISTEN}").replace("</body>", f"{READER}</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom", tried.as_uri()]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    (found,) = re.findall(r'data-found="(.*?)"', done.stdout)
    seen = json.loads(html.unescape(found))
    assert seen["faults"] == []
    assert seen["marks"] > 0
    assert all("<svg" in picture for picture in seen["before"])
    assert seen["before"] != seen["after"]
    assert "naive" in seen["after"][0]
    assert seen["wide"] == 0
