"""A task trained in one process: registered, judged, loaded, used; and one model per group."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from lines import LINES, TABLE, mean_of_y
from mlflow import MlflowClient
from mlflow.models import Model
from pyspark.sql import functions as F

from brazada.errors import ModelError, SettingsError, TrainingError
from brazada.tables import Store
from brazada.training import files
from brazada.training.evaluate import evaluate
from brazada.training.metrics import root_mean_squared_error
from brazada.training.predict import predict
from brazada.training.registry.runs import group_models, load, newest_pair
from brazada.training.registry.tracking import location
from brazada.training.train import runs_folder, train


def test_a_run_is_registered_judged_loaded_and_used(job, points):
    version = points(rows=64)
    task = replace(LINES.with_spec(epochs=25, batch=8), statistics=mean_of_y)
    run = train(job, task)
    assert run.promoted
    assert job.report.notes[-1] == f"run {run.id}: promoted, {run.reason}"
    row = job.store.read("ml.runs").frame.first()
    assert (row["run"], row["version"], row["filter"], row["promoted"]) == (run.id, version, "true", True)
    train_mean = job.store.read(TABLE.name).frame.where("split = 'train'").agg(F.avg("y")).first()[0]
    assert json.loads(row["spec"])["statistics"]["mean"] == pytest.approx(train_mean)
    figures = {(f["name"], f["step"]): f["value"] for f in job.store.read("ml.metrics").frame.collect()}
    assert figures["val_loss", 25] == run.outcome.history[-1]["val_loss"]
    assert figures["baseline_loss", 0] == run.outcome.baseline["loss"]
    assert files.names(runs_folder(job)) == []

    model, snapshot = load(job, [LINES]), job.store.read(TABLE.name)
    assert predict(job, model, "id < 60") == 60
    assert predict(job, model) == 64  # in place of those before
    predicted = job.store.read("ml.predictions").frame.select("id", "run", "version", "values.prediction")
    pairs = predicted.join(snapshot.frame, "id", how="inner").select("prediction", "y", "run", "version").collect()
    assert len(pairs) == 64
    assert {(pair["run"], pair["version"]) for pair in pairs} == {(run.id, version)}
    assert np.mean([(p[0] - y) ** 2 for p, y, *_ in pairs]) < 0.5 * run.outcome.baseline["loss"]


def test_a_copied_warehouse_has_models_of_its_own(job, points, tmp_path):
    points(rows=16)
    task = LINES.with_spec(epochs=1)
    run = train(job, task).id
    original, copy = tmp_path / "warehouse", tmp_path / "moved" / "copy"
    shutil.copytree(original, copy)
    original.rename(tmp_path / "hidden")
    warehouse = job.settings.warehouse.model_copy(update={"path": str(copy)})
    settings = job.settings.model_copy(update={"warehouse": warehouse})
    moved = replace(job, settings=settings, store=Store(job.spark, warehouse))
    assert predict(moved, load(moved, [task], run)) == 16
    later = train(moved, task).id
    assert predict(moved, load(moved, [task], later)) == 16
    assert not original.exists()
    shutil.rmtree(copy / "mlflow" / "artifacts")
    with pytest.raises(ModelError, match="Train anew"):
        load(moved, [task], run)


def test_the_test_rows_are_scored_once_beside_the_baseline(job, points):
    points(rows=64)
    task = replace(LINES.with_spec(epochs=3), test_metrics={"rmse": root_mean_squared_error()})
    run = train(job, task)
    points("later", rows=8, first=100)  # not of the version that the run is of
    job.spark.sql(f"UPDATE delta.`{job.store.location(TABLE.name)}` SET split = 'test' WHERE id % 8 = 0")
    model, start = load(job, [task], run.id), run.start
    with pytest.raises(TrainingError, match="split = 'test'"):
        evaluate(job, model)
    held = replace(task, test="validate")  # of which the version has rows
    found = evaluate(job, replace(model, task=held))
    rows = job.store.read(TABLE.name, start.version).frame.where("split = 'validate'").toPandas()
    told = np.array(rows["x"].to_list()) @ model.weights[0][:, 0] + model.weights[1][0]
    mse = float(np.mean((told - rows["y"]) ** 2))
    assert found["model"]["loss"] == pytest.approx(mse, rel=1e-5)
    assert found["model"]["rmse"] == pytest.approx(mse**0.5, rel=1e-5)
    assert found["baseline"]["loss"] == pytest.approx(float(np.mean(rows["y"] ** 2)), rel=1e-5)
    stored = {f["name"]: f["value"] for f in job.store.read("ml.metrics").frame.where("step = 0").collect()}
    assert stored["test_rmse"] == found["model"]["rmse"]
    assert stored["test_baseline_loss"] == found["baseline"]["loss"]
    assert evaluate(job, replace(model, task=held)) == found
    assert "scored before" in job.report.notes[-1]


def test_a_refit_learns_from_both_parts_for_the_best_number_of_epochs(job, points):
    points(rows=64)
    run = train(job, replace(LINES.with_spec(epochs=6), refit=True))
    refit = run.refit
    assert (refit.promoted, refit.score) == (run.promoted, None)
    assert len(refit.outcome.history) == run.outcome.best_epoch
    assert not np.allclose(refit.outcome.weights[0], run.outcome.weights[0])
    rows = {row["run"]: row["refit_of"] for row in job.store.read("ml.runs").frame.collect()}
    assert rows == {run.id: None, refit.id: run.id}
    assert newest_pair(job, LINES, job.store.version(TABLE.name)) == (run.id, refit.id)
    assert load(job, [LINES], refit.id).weights[0].tolist() == refit.outcome.weights[0].tolist()
    registered = MlflowClient(location(job.settings)[0])
    champion = registered.get_model_version_by_alias("lines", "champion")
    assert registered.get_run(champion.run_id).data.tags["brazada.run"] == refit.id  # the one that serves
    tags = registered.get_run(champion.run_id).data.tags
    assert (tags["promoted"], tags["mlflow.note.content"]) == ("yes", refit.reason)
    assert len(registered.search_model_versions("name = 'lines'")) == 2
    assert Model.load(champion.source.removeprefix("file://")).get_input_schema().input_names() == list(LINES.columns)


def test_a_model_that_does_not_beat_its_baseline_is_not_promoted(job, points):
    points(rows=32)
    run = train(job, replace(LINES.with_spec(epochs=1), baseline=1e-9))
    assert not run.promoted
    assert "NOT promoted, validation loss" in job.report.notes[-1]
    with pytest.raises(ModelError, match="a champion of lines"):
        load(job, [LINES])
    with pytest.raises(TrainingError, match="an unfinished run nothing"):
        train(job, LINES, resume="nothing")


def test_one_model_per_group_resumes_and_survives_a_group_that_fails(job, points):
    pinned = 0
    for name in "abc":
        pinned = points(name, rows=40, source=name)
    job.store.attach()
    job.spark.sql(f"UPDATE {TABLE.name} SET y = double('inf') WHERE source = 'b' AND id = 7")
    task = replace(LINES.with_spec(epochs=3, batch=8), by=("source",))
    first = train(job, task)
    by_group = {fit.group["source"]: fit for fit in first.fits}
    assert {name: fit.status for name, fit in by_group.items()} == {"a": "done", "b": "failed", "c": "done"}
    assert "1 of 30 that do not: targets hold NaN or infinity" in by_group["b"].error
    assert by_group["a"].metrics["loss"] < by_group["a"].baseline["loss"]
    assert first.start.version == pinned + 1
    assert (first.promoted, first.failed) == (False, 1)

    job.spark.sql(f"UPDATE {TABLE.name} SET y = 1 WHERE source = 'b' AND id = 7")
    again = train(job, task, resume=first.id)
    # The version stays pinned: the group that failed fails again; the finished ones are taken as they stand.
    assert (again.id, again.start) == (first.id, first.start)
    assert {f.group["source"]: f.seconds for f in again.fits if f.status == "done"} == {
        name: by_group[name].seconds for name in "ac"
    }
    assert sorted(f.status for f in again.fits) == ["done", "done", "failed"]
    assert {fit["status"] for fit in job.store.read("ml.fits").frame.collect()} == {"done", "failed"}
    models = {group["source"]: model for group, model in group_models(job, task, again.id)}
    assert sorted(models) == ["a", "c"]
    assert models["a"].keras().count_params() == 4
    with pytest.raises(ModelError, match="of one for each source"):
        load(job, [task], again.id)
    with pytest.raises(ValueError, match="no statistics"):
        replace(task, statistics=mean_of_y)


def test_a_run_begins_with_the_weights_of_a_file(job, points, tmp_path):
    points(rows=64)
    model = LINES.build(LINES.spec, 3)
    model.set_weights([np.array([[1.0], [2.0], [3.0]]), np.array([1.0])])
    model.save_weights(tmp_path / "line.weights.h5")
    task = LINES.with_spec(epochs=1, learning_rate=1e-9)
    run = train(job, task, weights=str(tmp_path / "line.weights.h5"))
    assert run.outcome.metrics["loss"] < 1e-6
    assert train(job, task).outcome.metrics["loss"] > 0.1
    with pytest.raises(TrainingError, match="which is not there"):
        train(job, task, weights=str(tmp_path / "none.h5"))
    with pytest.raises(TrainingError, match="a task with one model"):
        train(job, replace(task, by=("source",)), weights=str(tmp_path / "line.weights.h5"))


def test_no_place_for_the_model_is_told_before_the_first_epoch(job):
    nowhere = job.settings.warehouse.model_copy(update={"path": None, "catalog": "spark_catalog"})
    cluster = replace(job, settings=job.settings.model_copy(update={"warehouse": nowhere}))
    with pytest.raises(SettingsError, match=r"training\.mlflow_uri"):
        train(cluster, LINES)
