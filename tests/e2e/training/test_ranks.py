"""Two ranks learn what one learns; one that is killed or stopped ends the job by name; the runs resume."""

import signal
import time

import numpy as np
import pytest
from rig import Program, wait_for

# All rows in one step; clipped and regularised, which must act on the gradient of the whole batch.
STEP = {"epochs": 1, "batch": 1024, "learning_rate": 0.1, "clipnorm": 0.5, "shrink": 0.01}
LONG = {"epochs": 30, "batch": 64}
FAST = ["training.stall_warn_s=2", "training.stall_shutdown_s=6"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def checkpoints(place):
    return place / "warehouse" / ".training"


@pytest.fixture(scope="module")
def lost(place, checkpoints):
    """The last line, exit code, seconds to the end and run folder of a job one of whose ranks gets a signal."""

    def lose(sent, rank):
        before = set(checkpoints.glob("*"))
        running = Program(place / "warehouse", place / f"{sent}.log", {"runs": [{"spec": LONG}], "set": FAST}, 0.2)
        try:
            wait_for(lambda: [c for c in checkpoints.glob("*/checkpoint.npz") if c.parent not in before], 150)
            clock = time.monotonic()
            running.rank(rank).send_signal(sent)
            code = running.process.wait(60)
            seconds = time.monotonic() - clock
            wait_for(lambda: not running.ours(), 5)
        finally:
            running.kill()
        (folder,) = set(checkpoints.glob("*")) - before
        return running.log.read_text().strip().splitlines()[-1], code, seconds, folder

    return {"killed": lose(signal.SIGKILL, 1), "stopped": lose(signal.SIGSTOP, 0)}


@pytest.fixture(scope="module")
def results(place, lost):
    """One step by one process and by two ranks; the runs that lost a rank, resumed; one that fails on its ranks."""
    resumed = [{"spec": LONG, "resume": folder.name} for *_, folder in lost.values()]
    steps = [{"launch": name, "spec": STEP} for name in ("process", "horovod")]
    broken = {"spec": {"epochs": 1, "batch": 64, "broken": True}, "fails": True}
    program = Program(place / "warehouse", place / "results.log", {"runs": [*steps, *resumed, broken]})
    try:
        return program.result()
    finally:
        program.kill()


@pytest.mark.parametrize(
    ("name", "rank", "says"), [("killed", 1, "died without a word"), ("stopped", 0, "stopped answering")]
)
def test_a_lost_rank_ends_the_job_and_is_named(lost, name, rank, says):
    message, code, seconds, _ = lost[name]
    assert code == 1
    assert seconds < 60
    assert f"rank {rank} (process" in message
    assert says in message


def test_one_step_on_two_ranks_equals_one_step_on_one(results):
    one, two, *_ = results
    for name in ("loss", "val_loss", "val_mae"):
        assert one["history"][0][name] == pytest.approx(two["history"][0][name], rel=1e-5)
    for alone, joined in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(alone, joined, rtol=0, atol=1e-5)


def test_runs_that_lost_a_rank_resume_and_leave_nothing(results, lost):
    _, _, *resumed, _ = results
    for run, (*_, folder) in zip(resumed, lost.values(), strict=True):
        assert run["run"] == folder.name
        assert [entry["epoch"] for entry in run["history"]] == list(range(1, 31))
    # Cut at different epochs, they end alike.
    for one, other in zip(resumed[0]["weights"], resumed[1]["weights"], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    assert not any(folder.exists() for *_, folder in lost.values())


def test_what_a_rank_raises_reaches_the_driver_in_one_line(results):
    message = results[-1]["error"]
    assert "failed with KeyError: 'no such layer'" in message
    assert "\n" not in message
