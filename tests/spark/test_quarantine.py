"""What was refused can be listed, judged again and dismissed, whichever domain refused it."""

import json

import pytest

from brazada.errors import InputError, UsageError
from brazada.simulate.swim import HEADER

UNITS = "prices.units=[{pattern: kg, base: kg}, {pattern: muri, base: kg, factor: 70}]"
WIDE = "swim.max_position_m=200"


@pytest.fixture
def refused(brazada, tmp_path):
    """A warehouse in which rows of prices and of swimming were refused; what `quarantine list` says of it."""
    prices, log = tmp_path / "rice.csv", tmp_path / "log.csv"
    day = "9/23/2023"
    rows = [f"Rice,{day},Muri,Rs 40,Rs 50,Rs 45", f"Yam,{day},Stone,Rs 40,Rs 50,Rs 45", f"Tea,{day},KG,Rs 4,Rs 5,Rs 4"]
    prices.write_text("\n".join(["Commodity,Date,Unit,Minimum,Maximum,Average", *rows, ""]))
    at = '1580000000000,ObjectId(5e2a00000000000000000001),b827eb000001,"[150.0,2.0,0.2]","[0,0,0]","[0,0,0]"'
    log.write_text(f"{HEADER.strip()}\nObjectId(000000000000000000000001),{at}\n")
    brazada("prices", "ingest", str(prices))
    brazada("swim", "ingest", str(log))

    def listed(*words):
        said = brazada("quarantine", "list", "--json", *words)
        return json.JSONDecoder().raw_decode(said)[0]["rows"]

    return listed


def test_retried_rows_leave_the_quarantine_when_they_are_good(brazada, query, refused, tmp_path):
    assert [(row["job"], row["rows"], row["reason"]) for row in refused()] == [
        ("prices ingest", 1, "unknown unit 'Muri'"),
        ("prices ingest", 1, "unknown unit 'Stone'"),
        ("swim ingest", 1, "Position is further than 100 m from the centre"),
    ]
    (row,) = refused("--rows", "--reason", "Stone")
    assert (row["unit"], row["place"], row["raw"]) == ("line", 3, "Yam,9/23/2023,Stone,Rs 40,Rs 50,Rs 45")
    said = brazada("quarantine", "retry", settings=(UNITS, WIDE))
    assert "rows in 3 = good 2 + duplicate 0 + quarantined 1" in said
    assert "rows in 1 = good 1 + duplicate 0 + quarantined 0" in said
    assert [row["reason"] for row in refused()] == ["unknown unit 'Stone'"]
    found = query("SELECT product, unit_quantity FROM prices.observations ORDER BY product")
    assert found == [{"product": "Rice", "unit_quantity": 70}, {"product": "Tea", "unit_quantity": 1}]
    (tmp_path / "rice.csv").unlink()
    with pytest.raises(InputError, match="where it was"):
        brazada("quarantine", "retry")
    assert len(refused()) == 1


def test_dismissed_rows_are_gone_from_the_newest_version_alone(brazada, query, refused):
    with pytest.raises(UsageError, match="--all"):
        brazada("quarantine", "dismiss")
    said = brazada("quarantine", "dismiss", "--reason", "unknown unit")
    assert "2 refused rows dismissed; ops.quarantine has them up to version 2" in said
    assert [row["job"] for row in refused()] == ["swim ingest"]
    assert len(query("SELECT * FROM ops.quarantine VERSION AS OF 2")) == 3
    with pytest.raises(InputError, match="asked for"):
        brazada("quarantine", "dismiss", "--reason", "unknown unit")
    brazada("quarantine", "dismiss", "--all")
    assert refused() == []
