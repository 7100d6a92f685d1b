"""Jobs that derive from readings, killed between their writes and run again, leave no drill out and none twice."""

import pytest

from brazada.swim import drills
from brazada.swim.ingest import ingest
from brazada.swim.laps import laps
from brazada.swim.sessions import sessions

from .conftest import hexed, line, log, table, write

OLD = [line(second * 1000, x=second / 10, drill=1) for second in range(0, 20, 2)]
LATE = [line(second * 1000, x=second / 10, drill=1) for second in range(1, 20, 2)]
NEW = [line(second * 1000, x=-second / 10, drill=7) for second in range(10)]


@pytest.fixture(scope="module")
def again(at, warehouse):
    """A job on the warehouse, after two ingests; what derived from the second was killed at every merge once."""
    ingest(at(warehouse), [write(warehouse.parent / "1.csv", log(*OLD))])
    sessions(at(warehouse))
    laps(at(warehouse))
    ingest(at(warehouse), [write(warehouse.parent / "2.csv", log(*LATE, *NEW[:3]))])
    put = drills.put
    for work, tables in ((sessions, ("swim.sessions", "swim.drills")), (laps, ("swim.laps", "swim.motions"))):
        for killed_at in tables:

            def dies(job, table, *rest, _at=killed_at):
                if table.name == _at:
                    raise KeyboardInterrupt
                put(job, table, *rest)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(drills, "put", dies)
                with pytest.raises(KeyboardInterrupt):
                    work(at(warehouse))
        work(at(warehouse))
    return at(warehouse)


def test_every_drill_is_derived_from_all_its_readings(again, warehouse):
    assert again.store.exists("swim.motions")
    found = {name: table(warehouse, name).set_index("drill") for name in ("swim.drills", "swim.motions")}
    assert found["swim.drills"]["readings"].to_dict() == {hexed(1): 20, hexed(7): 3}
    assert found["swim.motions"]["positions"].to_dict() == {hexed(1): 20, hexed(7): 3}


def test_rows_of_a_drill_that_was_derived_late_are_known(again, warehouse):
    ingest(again, [write(warehouse.parent / "3.csv", log(*NEW))])
    report = again.report
    assert (report.rows_in, report.rows_good, report.rows_duplicate) == (10, 7, 3)
    assert not table(warehouse, "swim.readings").duplicated(["tag", "drill", "ts"]).any()


def test_limits_are_learned_again_by_other_records(at, again, warehouse):
    sessions(at(warehouse, "swim.records.max_accel_m_s2=10"), relearn=True)
    limits = table(warehouse, "swim.limits").sort_values("limits")
    assert limits["max_accel_m_s2"].tolist() == [0.03, 10]
    assert set(table(warehouse, "swim.drills")["limits"]) == {2}
