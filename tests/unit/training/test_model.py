"""A stored model is data that fits its task or is refused; promotion needs a beaten baseline; files appear whole."""

import json
from dataclasses import replace

import numpy as np
import pytest
from lines import LINES

from brazada.errors import ModelError
from brazada.training import files
from brazada.training.loop.epochs import Outcome
from brazada.training.metrics import mean_of
from brazada.training.registry import model as models
from brazada.training.registry.model import Model
from brazada.training.registry.runs import Start, code_version, judge

WEIGHTS = [np.array([[1.0], [2.0], [3.0]], np.float32), np.ones(1, np.float32)]
START = Start("lines-1", "lines", "network", "tests.lines", 3, "true", 7, dict(LINES.spec))


@pytest.fixture
def stored(tmp_path):
    models.save(tmp_path, Model(LINES.with_spec(width=5), "lines-1", WEIGHTS, {"inputs": [3]}), {"version": 3})
    return tmp_path


def test_a_stored_model_computes_as_before_by_the_stored_spec(stored):
    model = models.load(stored, LINES)
    assert model.task.spec["width"] == 5
    assert model.keras()(np.array([[1.0, 0.0, 1.0]])).numpy().tolist() == [[5.0]]
    assert json.loads((stored / "model.json").read_text())["version"] == 3


def test_no_pickle_is_ever_read(stored):
    np.savez(stored / "weights.npz", **{"meta": np.array("{}"), "weight.00000": np.array([object()], dtype=object)})
    with pytest.raises(ModelError, match=r"weights.npz"):
        models.load(stored, LINES)


def test_a_model_of_another_task_or_shape_or_with_files_missing_is_refused(stored):
    with pytest.raises(ModelError, match="a model of the task planes, network network; found one of lines"):
        models.load(stored, replace(LINES, name="planes"))
    other = models.load(stored, LINES)
    with pytest.raises(ModelError, match=r"2 weights .* found 6 weights"):
        replace(other, task=LINES.with_spec(norm=True)).keras()
    with pytest.raises(ModelError, match="inputs"):
        other.check((np.zeros((2, 4)), np.zeros(2), np.zeros(2)))
    (stored / "model.json").unlink()
    with pytest.raises(ModelError, match=r"expected weights.npz and model.json"):
        models.load(stored, LINES)


@pytest.mark.parametrize(
    ("score", "baseline", "promoted", "reason"),
    [
        (0.5, {"loss": 0.6}, True, "beats the baseline"),
        (0.6, {"loss": 0.6}, False, "does not beat"),
        (float("nan"), {"loss": 0.6}, False, "does not beat"),
        (0.5, {}, False, "no baseline"),
    ],
)
def test_only_a_beaten_baseline_promotes(score, baseline, promoted, reason):
    run = judge(LINES, START, Outcome([], [], 1, {"loss": score}, baseline, {}, "done"), None)
    assert run.promoted is promoted
    assert reason in run.reason


@pytest.mark.parametrize(("score", "promoted"), [(0.9, True), (0.7, False), (0.5, False)])
def test_where_more_is_better_more_than_the_baseline_promotes(score, promoted):
    task = replace(LINES, monitor="share", metrics={"share": mean_of(LINES.loss, greater_is_better=True)})
    run = judge(task, START, Outcome([], [], 1, {"share": score}, {"share": 0.7}, {}, "done"), None)
    assert run.promoted is promoted


def test_a_champion_on_the_same_rows_is_to_be_beaten_too():
    champion = {"run": "old", "monitor": "loss", "table": "tests.lines", "version": 3, "filter": "true", "score": 0.4}

    def promoted(before):
        return judge(LINES, START, Outcome([], [], 1, {"loss": 0.5}, {"loss": 0.6}, {}, "done"), before).promoted

    assert not promoted(champion)
    assert promoted(champion | {"score": 0.55})
    assert promoted(champion | {"version": 2})  # other rows: no comparison


def test_a_refit_is_promoted_as_the_run_it_refits():
    again = Outcome([], [], 4, {}, {}, {}, "done")
    runs = [
        judge(LINES, START, Outcome([], [], 4, {"loss": loss}, {"loss": 1.0}, {}, "done", again), None)
        for loss in (0.5, 2.0)
    ]
    assert [run.refit.promoted for run in runs] == [True, False]
    assert {run.refit.start.spec["epochs"] for run in runs} == {4}


def test_a_write_that_fails_leaves_the_file_before(tmp_path, monkeypatch):
    url = str(tmp_path / "deep" / "file")
    files.write(url, b"one")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write(url, b"two")
    assert files.read(url) == b"one"
    assert files.names(str(tmp_path / "deep")) == ["file"]


def test_files_live_at_a_cloud_url_too():
    files.write("memory://run/a.npz", files.pack({"x.0": np.arange(3)}, {"epoch": 2}))
    arrays, meta = files.unpack(files.read("memory://run/a.npz"))
    assert arrays["x.0"].tolist() == [0, 1, 2]
    assert meta == {"epoch": 2}
    files.remove("memory://run")
    assert files.names("memory://run") == []
    assert files.read("memory://run/a.npz") is None


def test_the_code_version_names_a_commit():
    assert len(code_version().split("+")[0]) == 40
