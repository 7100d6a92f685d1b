"""Each job after the ingests, killed at any moment and run again, gives the tables of a run that nothing disturbed."""

import shutil
import time

import pytest

from brazada.simulate.swim import simulate

from .conftest import CHAOS_ASKED, CHAOS_RUNS, QUICK, SAMPLE

JUDGED = ("prices.backtest", "prices.scores", "prices.serving")
STEPS = {
    "prices": {
        "ingest": (),
        "series": ("prices.series",),
        "windows": ("prices.windows",),
        "train": (),
        "backtest": JUDGED,
        "forecast": ("prices.forecasts", "prices.serving"),
    },
    "swim": {
        "ingest": (),
        "sessions": ("swim.sessions", "swim.drills", "swim.limits"),
        "laps": ("swim.laps", "swim.motions"),
        "fit": ("swim.models", "swim.swimmers"),
        "score": ("swim.styles",),
    },
}
JOBS = [(group, step) for group, steps in STEPS.items() for step, tables in steps.items() if tables]


@pytest.fixture(scope="module")
def stages(brazada, tmp_path_factory):
    """`stages(group, step)`: the words of the step, the warehouse before it, the one after it, and its seconds."""
    folder, done = tmp_path_factory.mktemp("stages"), {}
    log = simulate(folder / "log", 60_000, seed=11).files[0]
    told = {"prices": (str(SAMPLE), *QUICK), "swim": (str(log),)}

    def upto(group, wanted):
        before = folder / f"{group}-empty"
        before.mkdir(exist_ok=True)
        for step in STEPS[group]:
            words, after = (group, "run", *told[group], "--steps", step), folder / f"{group}-{step}"
            if (group, step) not in done:
                shutil.copytree(before, after)
                clock = time.monotonic()
                brazada(*words, "--warehouse", str(after))
                done[group, step] = words, before, after, time.monotonic() - clock
            if step == wanted:
                return done[group, step]
            before = after
        raise KeyError(wanted)

    return upto


@pytest.mark.parametrize(("group", "step"), JOBS)
def test_chaos_a_job_killed_and_run_again(killed, content, stages, group, step):
    if not CHAOS_ASKED and step != "series":
        pytest.skip("make chaos kills every job")
    words, before, after, seconds = stages(group, step)
    expected = {table: content(after, table) for table in STEPS[group][step]}
    for warehouse, moment in killed(*words, seconds=seconds, base=before, runs=CHAOS_RUNS if CHAOS_ASKED else 1):
        assert {table: content(warehouse, table) for table in expected} == expected, moment
