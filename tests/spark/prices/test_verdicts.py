"""The same price again is a duplicate; another price for the same key is refused."""

from collections import Counter

import pytest

from .conftest import price, write

CLASH = "key twice in the file with different prices"


def outcomes(judged):
    """Outcome and reason by line, the header left out."""
    rows = judged.where("place > 0").collect()
    return Counter((row["raw"], row["outcome"], row["reason"]) for row in rows)


def test_equal_rows_of_a_file_are_duplicates_and_clashing_ones_all_refused(judge, tmp_path):
    rice, tofu, dear = price(product="Rice"), price(), price(mean=49)
    path = write(tmp_path / "a.csv", rice, tofu, rice, dear, tofu, rice)
    assert outcomes(judge("kalimati", path)) == {
        (rice, "good", None): 1,
        (rice, "duplicate", None): 2,
        (tofu, "quarantined", CLASH): 2,
        (dear, "quarantined", CLASH): 1,
    }


def test_an_unreadable_row_clashes_with_none(judge, tmp_path):
    bad = price(low=99)
    path = write(tmp_path / "a.csv", price(), bad, bad)
    assert Counter(row["outcome"] for row in judge("kalimati", path).where("place > 0").collect()) == {
        "good": 1,
        "quarantined": 2,
    }


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
def test_of_two_files_the_first_by_name_counts(judge, tmp_path, names):
    early, late = price(mean=45), price(mean=46)
    content = dict(zip(names, ((early, price("Yam")), (late, price("Yam"))), strict=True))
    for name, lines in content.items():
        write(tmp_path / name, *lines)
    judged = judge("kalimati", str(tmp_path)).where("reason IS NULL OR reason NOT LIKE '%fields%'")
    rows = {(row["raw"], row["outcome"]) for row in judged.where("product <> 'Commodity'").collect()}
    first, second = content["a.csv"][0], content["b.csv"][0]
    assert rows == {(first, "good"), (second, "quarantined"), (price("Yam"), "good"), (price("Yam"), "duplicate")}


def test_the_table_counts_before_any_file(judge, tmp_path):
    known = judge("kalimati", write(tmp_path / "old" / "old.csv", price(mean=45), price("Yam"))).where(
        "outcome = 'good'"
    )
    new = write(tmp_path / "new" / "new.csv", price(mean=46), price("Yam"), price("Rice"))
    assert outcomes(judge("kalimati", new, known=known)) == {
        (price(mean=46), "quarantined", "key known already with other prices: 40.0, 50.0, 45.0"): 1,
        (price("Yam"), "duplicate", None): 1,
        (price("Rice"), "good", None): 1,
    }


def test_a_row_twice_in_a_later_file_is_two_duplicates(judge, tmp_path):
    write(tmp_path / "a.csv", price())
    write(tmp_path / "b.csv", price(), price())
    judged = judge("kalimati", str(tmp_path)).where("product = 'Tofu'")
    assert Counter(row["outcome"] for row in judged.collect()) == {"good": 1, "duplicate": 2}
