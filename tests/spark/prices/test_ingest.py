"""Whole ingests: whatever comes twice, late, cut up, killed or at once, the tables hold each row once."""

import datetime as dt
import os
import random
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from brazada.errors import InputError, UsageError
from brazada.prices.ingest import ingest
from brazada.prices.settings import Layout, UnitRule
from brazada.prices.tables import OBSERVATIONS
from brazada.prices.views import VIEWS
from brazada.tables import Store

from .conftest import CONSUMER, KALIMATI, price, write

LINES = [price(product, f"9/{day}/2023", mean=41 + day) for product in ("Tofu", "Yam") for day in range(1, 9)]
JUNK = "No data available in table,,3/3/2024,,,"


def table(job):
    """What is in the table, whichever file it came from."""
    return sorted(map(tuple, job.store.read("prices.observations").frame.drop("batch").collect()), key=repr)


def quarantine(job):
    return sorted((row["place"], row["raw"]) for row in job.store.read("ops.quarantine").frame.collect())


def counts(job):
    report = job.report
    assert report.rows_in == report.rows_good + report.rows_duplicate + report.rows_quarantined
    return report.rows_good, report.rows_duplicate, report.rows_quarantined


def test_the_same_content_is_read_once_under_any_name(job, another, tmp_path):
    ingest(job, "kalimati", [write(tmp_path / "a.csv", *LINES, JUNK)])
    assert counts(job) == (16, 0, 1)
    assert quarantine(job) == [(18, JUNK)]
    before = table(job)
    write(tmp_path / "renamed.csv", *LINES, JUNK)
    write(tmp_path / "packed.csv.gz", *LINES, JUNK)
    again = another(2)
    ingest(again, "kalimati", [str(tmp_path), str(tmp_path / "a*.csv")])
    assert counts(again) == (0, 0, 0)
    assert again.report.notes == ["3 of 3 files known already, skipped"]
    assert again.store.writes == {}
    assert table(job) == before


def test_files_of_any_source_say_theirs_by_their_header(job, tmp_path):
    bread = "2024,1,1,2024-01-01,2024-01-05,16,Maule,Talca,Feria,Pan,Hallulla,$/kilo,900,1100,1000"
    write(tmp_path / "a.csv", *LINES)
    write(tmp_path / "b.csv", bread, JUNK, header=CONSUMER)
    ingest(job, None, [str(tmp_path)])
    assert counts(job) == (17, 0, 1)
    job.store.attach()
    found = job.spark.sql("SELECT source, count(*) AS rows FROM prices.observations GROUP BY source").collect()
    assert dict(map(tuple, found)) == {"kalimati": 16, "odepa": 1}
    noted = job.store.read("ops.ingested_files").frame.select("layout", "rows_in").collect()
    assert {tuple(row) for row in noted} == {("website", 16), ("consumer", 2)}


def test_one_day_files_of_one_content_are_as_many_days_in_one_commit(job, another, tmp_path):
    layout = Layout(
        **{"header": ["Ware", "Low", "High"], "date_format": "yyyy-M-d", "product": "Ware", "every_unit": "kg"},
        **{"price_min": "Low", "price_max": "High", "price_mean": "High"},
    )
    job.settings.prices.sources["kalimati"].layouts["named"] = layout
    for day in range(1, 31):
        write(tmp_path / "days" / f"2023-9-{day}.csv", "Tofu,40,50", header="Ware,Low,High")
    ingest(job, None, [str(tmp_path / "days")])
    assert counts(job) == (30, 0, 0)
    assert job.store.writes == {"prices.observations": 1, "ops.ingested_files": 1}
    again = another(2)
    ingest(again, None, [str(tmp_path / "days")])
    assert again.report.notes == ["30 of 30 files known already, skipped"]
    write(tmp_path / "days" / "undated.csv", "Tofu,40,50", header="Ware,Low,High")
    with pytest.raises(InputError, match=r"one date as yyyy-M-d in the name .* found .*undated\.csv"):
        ingest(again, None, [str(tmp_path / "days")])


def test_lines_are_numbered_as_they_stand_below_a_separators_line(job, tmp_path):
    path = write(tmp_path / "a.csv", price(), "", JUNK, header=f"sep=,\n{KALIMATI}", encoding="utf-16", end="\r\n")
    ingest(job, None, [path])
    assert counts(job) == (1, 0, 1)
    assert quarantine(job) == [(5, JUNK)]


def test_order_and_division_into_files_make_no_difference(job, another, tmp_path):
    ingest(job, "kalimati", [write(tmp_path / "one" / "a.csv", *LINES)])
    whole = table(job)
    job.store.attach()
    job.spark.sql("DELETE FROM prices.observations")
    shuffled = random.Random(7).sample(LINES, len(LINES))
    write(tmp_path / "many" / "b.csv", *shuffled[:9])
    write(tmp_path / "many" / "deep" / "c.csv.gz", *shuffled[6:])  # three lines are in both
    write(tmp_path / "many" / "LICENSE", "not data")
    write(tmp_path / "many" / ".hidden" / "d.csv", price("Rice"))
    cut = another(2)
    ingest(cut, "kalimati", [str(tmp_path / "many")])
    assert counts(cut) == (16, 3, 0)
    assert table(job) == whole


def test_a_killed_ingest_run_again_is_as_if_it_ran_once(job, another, tmp_path, monkeypatch):
    path = write(tmp_path / "a.csv", *LINES, LINES[0], JUNK)
    for number, step in enumerate(("prices.observations", "ops.quarantine", "ops.ingested_files"), 2):
        killed = another(number)
        with monkeypatch.context() as patch:
            _kill_at(patch, step)
            with pytest.raises(KeyboardInterrupt):
                ingest(killed, "kalimati", [path])
    ingest(job, "kalimati", [path])
    assert counts(job) == (16, 1, 1)
    assert len(table(job)) == 16
    assert quarantine(job) == [(19, JUNK)]
    row = job.store.read("ops.ingested_files").frame.select("rows_in", "rows_good", "layout").collect()
    assert [tuple(r) for r in row] == [(18, 16, "website")]


def test_what_a_killed_ingest_left_gives_way_to_a_file_that_joined(job, another, tmp_path, monkeypatch):
    write(tmp_path / "b.csv", price("Rice", mean=45), price("Tea", mean=45))
    with monkeypatch.context() as patch:
        _kill_at(patch, "ops.ingested_files")
        with pytest.raises(KeyboardInterrupt):
            ingest(another(2), "kalimati", [str(tmp_path)])
    write(tmp_path / "a.csv", price("Rice", mean=46), price("Tea", mean=45))
    ingest(job, "kalimati", [str(tmp_path)])
    assert counts(job) == (2, 1, 1)
    rows = job.store.read("prices.observations").frame.select("product", "price_mean").collect()
    assert sorted(tuple(row) for row in rows) == [("Rice", 46.0), ("Tea", 45.0)]


def test_a_file_whose_note_was_deleted_is_read_and_noted_again(job, another, tmp_path):
    path = write(tmp_path / "a.csv", *LINES)
    ingest(job, "kalimati", [path])
    DeltaTable(job.store.location("ops.ingested_files")).delete()
    again = another(2)
    ingest(again, "kalimati", [path])
    assert counts(again) == counts(job) == (16, 0, 0)
    assert again.store.read("ops.ingested_files").frame.count() == 1


def _kill_at(patch, name):
    """Die where the table of that name would be written."""
    write = Store._write

    def dying(store, table, *rest, **options):
        if table.name == name:
            raise KeyboardInterrupt
        return write(store, table, *rest, **options)

    patch.setattr(Store, "_write", dying)


def test_two_ingests_at_once_write_each_row_once(another, tmp_path):
    path = write(tmp_path / "a.csv", *LINES)
    jobs = [another(1), another(2)]
    threads = [threading.Thread(target=ingest, args=(run, "kalimati", [path])) for run in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.report.rows_good for run in jobs) == [0, 16]
    assert len(table(jobs[0])) == 16


def test_lines_are_numbered_across_the_parts_of_a_large_file(job, tmp_path):
    bad = [f"bad {number}" for number in range(80)]
    lines = [
        line
        for number in range(80)
        for line in ("", bad[number], price(date=f"1/{1 + number % 28}/{2000 + number // 28}"))
    ]
    path = write(tmp_path / "a.csv", *lines, end="\r\n", last="")
    job.spark.conf.set("spark.sql.files.maxPartitionBytes", "1kb")
    try:
        ingest(job, "kalimati", [path])
    finally:
        job.spark.conf.unset("spark.sql.files.maxPartitionBytes")
    assert counts(job) == (80, 0, 80)
    assert quarantine(job) == [(3 + 3 * number, raw) for number, raw in enumerate(bad)]


def test_a_header_alone_is_a_file_without_rows_and_a_second_header_is_a_row(job, tmp_path):
    alone = write(tmp_path / "a.csv", last="")
    twice = write(tmp_path / "b.csv", price(), "Commodity,Date,Unit,Minimum,Maximum,Average")
    ingest(job, "kalimati", [alone, twice])
    assert counts(job) == (1, 0, 1)
    assert [line for line, _ in quarantine(job)] == [3]
    assert job.store.read("ops.ingested_files").frame.count() == 2


def test_what_cannot_be_taken_in_is_refused_before_anything_is_written(job, tmp_path):
    good = write(tmp_path / "good.csv", *LINES)
    strange = write(tmp_path / "strange.csv", "1,2", header="id,price")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08 not gzip at all")
    for paths, words in [
        ([good, strange], "Commodity,Date,Unit.*id,price"),
        ([good, str(tmp_path / "empty.csv")], "empty"),
        ([str(tmp_path / "broken.csv.gz")], "broken.csv.gz"),
        ([str(tmp_path / "none*.csv")], "files at"),
    ]:
        with pytest.raises(InputError, match=words):
            ingest(job, "kalimati", paths)
    with pytest.raises(UsageError, match="kalimati, odepa"):
        ingest(job, "mercado", [good])
    assert not job.store.exists(OBSERVATIONS.name)


def reasons(job):
    return sorted(row["reason"] for row in job.store.read("ops.quarantine").frame.collect())


def test_a_misprinted_year_is_quarantined_and_a_year_of_many_rows_is_not(job, another, tmp_path):
    early, late = price("Kale", "9/1/1994"), price("Kale", "9/1/2059")
    ingest(job, "kalimati", [write(tmp_path / "a.csv", *LINES, early, late)])
    assert counts(job) == (16, 0, 2)
    first, second = reasons(job)
    assert first.startswith("date '9/1/2059' after the file's day ")
    assert second == "suspect date 1994-09-01: more than 366 days from others"
    older = [price("Kale", f"9/{day}/2010") for day in range(1, 9)]
    more = another(2)
    ingest(more, "kalimati", [write(tmp_path / "b.csv", *older)])
    assert counts(more) == (8, 0, 0)


def by_rules(job, **changes):
    """The job with other settings of prices."""
    return replace(
        job, settings=job.settings.model_copy(update={"prices": job.settings.prices.model_copy(update=changes)})
    )


def on_conflict(job, rule):
    kalimati = job.settings.prices.sources["kalimati"].model_copy(update={"on_conflict": rule})
    return by_rules(job, sources=job.settings.prices.sources | {"kalimati": kalimati})


def prices_of(job):
    return {row["product"]: row["price_mean"] for row in job.store.read(OBSERVATIONS.name).frame.collect()}


@pytest.mark.parametrize("asked", [False, True])
def test_a_known_file_is_judged_anew_by_other_rules_or_where_that_is_asked(job, another, tmp_path, asked):
    path = write(tmp_path / "a.csv", *LINES, price("Rice", unit="Muri"))
    ingest(job, "kalimati", [path])
    assert counts(job) == (16, 0, 1)
    units = (*job.settings.prices.units, UnitRule(pattern="muri", base="kg", factor=70))
    again = by_rules(another(2), units=units)
    ingest(again, "kalimati", [path], again=asked)
    assert counts(again) == (17, 0, 0)
    assert asked or again.report.notes == ["1 files judged again: the settings that judged them are others now"]
    assert len(table(job)) == 17
    assert quarantine(job) == []
    assert job.store.read("ops.ingested_files").frame.count() == 1
    third = by_rules(another(3), units=units)
    ingest(third, "kalimati", [path])
    assert third.report.notes == ["1 of 1 files known already, skipped"]


def test_files_of_a_table_that_was_deleted_or_restored_are_not_known(job, another, tmp_path):
    paths = [write(tmp_path / "a.csv", *LINES[:9]), write(tmp_path / "b.csv", *LINES[8:])]
    for number, path in enumerate(paths, 2):
        ingest(another(number), "kalimati", [path])
    whole, table_ = table(job), DeltaTable(job.store.location(OBSERVATIONS.name))
    assert len(whole) == 16
    table_.restore(table_.version() - 1)
    restored = another(4)
    ingest(restored, "kalimati", paths)
    assert table(job) == whole
    assert restored.report.notes[0] == (
        "1 files were taken in and have no row in the table any more: name them to take them in"
    )
    shutil.rmtree(job.store.location(OBSERVATIONS.name))
    deleted = another(5)
    ingest(deleted, "kalimati", paths)
    assert table(job) == whole
    assert deleted.store.read("ops.ingested_files").frame.count() == 2


def test_a_row_that_is_dropped_comes_from_the_file_that_had_it_as_a_duplicate(job, another, tmp_path):
    one, other = (write(tmp_path / name, price(), price(name)) for name in ("a.csv", "b.csv"))
    ingest(job, "kalimati", [one, other])
    assert counts(job) == (3, 1, 0)
    os.utime(one, (dt.datetime(2023, 9, 1, tzinfo=dt.UTC).timestamp(),) * 2)  # before the prices in it
    again = another(2)
    ingest(again, "kalimati", [one], again=True)
    assert sorted(prices_of(job)) == ["Tofu", "b.csv"]
    assert [row["unit"] for row in again.store.read("ops.quarantine").frame.collect()] == ["line"] * 2
    assert any("1 other files judged again" in note for note in again.report.notes)
    Path(other).unlink()
    os.utime(one)
    ingest(another(3), "kalimati", [one], again=True)
    assert sorted(prices_of(job)) == ["Tofu", "a.csv", "b.csv"]


@pytest.mark.parametrize("rule", ["quarantine", "keep_first", "keep_last"])
def test_which_of_two_prices_stands_is_for_the_source(job, another, tmp_path, rule):
    old = write(tmp_path / "old.csv", price("Rice", mean=45), price("Tea", mean=45), price("Yam", mean=45))
    new = write(tmp_path / "new.csv", price("Rice", mean=46), price("Tea", mean=45), price("Leek", mean=46))
    ingest(on_conflict(job, rule), "kalimati", [old])
    second = on_conflict(another(2), rule)
    ingest(second, "kalimati", [new])
    first = 46 if rule == "keep_last" else 45
    expected = {"Rice": first, "Tea": 45, "Yam": 45, "Leek": 46}
    assert prices_of(job) == expected
    of = {"quarantine": (1, 1, 1), "keep_first": (1, 2, 0), "keep_last": (2, 1, 0)}
    assert counts(second) == of[rule]
    for number, path in enumerate((old, new), 3):  # judged again, neither comes later than it did
        ingest(on_conflict(another(number), rule), "kalimati", [path], again=True)
        assert prices_of(job) == expected
    if rule == "quarantine":
        assert not job.store.exists("prices.conflicts")
        return
    job.store.attach(VIEWS)
    (row,) = job.spark.table("prices.corrections").collect()
    assert (row["product"], row["price_mean"], row["standing_mean"]) == ("Rice", 91 - first, first)
    assert [row[name].rpartition("/")[2] for name in ("file", "standing_file")] == (
        ["old.csv", "new.csv"] if rule == "keep_last" else ["new.csv", "old.csv"]
    )


def test_a_correction_that_is_refused_later_gives_the_price_before_back(job, another, tmp_path):
    old, new = (write(tmp_path / name, price(mean=mean)) for name, mean in (("a.csv", 45), ("b.csv", 46)))
    for number, path in enumerate((old, new), 2):
        ingest(on_conflict(another(number), "keep_last"), "kalimati", [path])
    assert prices_of(job) == {"Tofu": 46}
    os.utime(new, (dt.datetime(2023, 9, 1, tzinfo=dt.UTC).timestamp(),) * 2)
    ingest(on_conflict(job, "keep_last"), "kalimati", [new], again=True)
    assert prices_of(job) == {"Tofu": 45}


def test_blanks_and_zero_width_signs_make_no_other_product(job, tmp_path):
    names = ["Onion\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}Onion", "\N{NO-BREAK SPACE}"]
    ingest(job, "kalimati", [write(tmp_path / "a.csv", *map(price, names))])
    assert counts(job) == (1, 1, 1)
    assert [row["product"] for row in job.store.read("prices.observations").frame.collect()] == ["Onion"]
    assert reasons(job) == ["no product"]


def test_a_maximum_may_stand_before_the_minimum(job, tmp_path):
    header = "Date,Product,Unit,Max Price,Min Price,Avg Price"
    ingest(job, None, [write(tmp_path / "a.csv", "2025-03-01,Tomato,KG,60.00,50.00,55.00", header=header)])
    (row,) = job.store.read("prices.observations").frame.collect()
    assert (row["price_min"], row["price_max"], row["price_mean"]) == (50, 60, 55)
