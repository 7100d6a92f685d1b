"""Every job on a warehouse in a catalog, by table names, gives what it gives on one at a path."""

import few_prices
import pytest

from brazada import session
from brazada.errors import SettingsError
from brazada.settings import load
from brazada.simulate import car_damage, fashion, strokes, surfaces
from brazada.simulate.swim import simulate
from brazada.swim import clusters
from brazada.tables import Store

SMALL = (*few_prices.SETTINGS, "training.launch=process", "training.ranks=1")
OF_A_RUN = {"run_id", "started_at", "seconds", "raised_at", "delay_s", "model", "data_version", "error"}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """By name the settings that choose a warehouse."""
    monkeypatch.chdir(tmp_path)  # where MLflow puts artifacts beside a tracking file
    named = ("warehouse.path=null", "warehouse.catalog=spark_catalog", f"warehouse.scratch={tmp_path / 'work'}")
    named = (*named, f"training.runs_path={tmp_path / 'runs'}")
    tracked = f"training.mlflow_uri=sqlite:///{tmp_path / 'mlflow.db'}"
    return {"path": (f"warehouse.path={tmp_path / 'warehouse'}",), "catalog": (*named, tracked)}


def content(spark, settings):
    """The rows of all tables, but for what differs from run to run."""
    whole = load(overrides=[*settings], variables={})
    store = Store(spark, whole.warehouse, schemas=whole.schemas)
    found = {}
    for name in store.names():
        frame = store.read(name).frame
        kept = [column for column in frame.columns if column not in OF_A_RUN]
        found[name] = sorted(map(str, frame.select(*kept).collect()))
    return found


def test_swim_jobs(brazada, spark, places, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "SEEDS", 2)
    logs = simulate(tmp_path / "logs", 100_000, seed=3, days=2, faults=0.01, silences=0.2).files
    found = {}
    for name, settings in places.items():
        for log, more in zip(logs, ("fit", "alerts"), strict=True):  # the second adds to tables that have rows
            steps = f"ingest,sessions,laps,score,{more}"
            brazada("swim", "run", str(log), "--steps", steps, "--method", "kinematic", settings=settings)
        brazada("swim", "export", str(tmp_path / f"{name}.csv"), settings=settings)
        found[name] = content(spark, settings)
    assert found["catalog"]["ops.quarantine"]
    assert found["catalog"]["swim.styles"]
    assert found["catalog"] == found["path"]
    assert (tmp_path / "catalog.csv").read_text() == (tmp_path / "path.csv").read_text()


def test_price_jobs(brazada, spark, places, tmp_path):
    (tmp_path / "prices.csv").write_text(few_prices.text())
    found = {}
    for name, settings in places.items():
        for _ in range(2):
            brazada(
                *("prices", "run", str(tmp_path / "prices.csv"), "--source", "kalimati"),
                *("--steps", "ingest,series,windows"),
                settings=(*SMALL, *settings),
            )
        found[name] = content(spark, settings)
    assert len(found["catalog"]["prices.observations"]) == 59 * 4
    assert found["catalog"] == found["path"]
    settings = (*SMALL, *places["catalog"])
    words = ("--network", "lstm", "--where", "series LIKE 'kalimati|Good 0%'")
    brazada("train", "prices_local_kalimati", *words, settings=settings)
    brazada("prices", "run", "--source", "kalimati", "--steps", "train,backtest,forecast", settings=settings)
    learned = content(spark, places["catalog"])
    for table in ("ml.runs", "ml.metrics", "prices.backtest", "prices.scores", "prices.serving", "prices.forecasts"):
        assert learned[table], table
    assert len(learned["ml.fits"]) == 1
    run = spark.sql("SELECT run FROM ml.runs WHERE task = 'prices_global_kalimati' AND refit_of IS NULL").first()["run"]
    brazada("predict", "prices_global_kalimati", "--run", run, settings=settings)
    brazada("evaluate", run, settings=settings)
    brazada("tasks", settings=settings)
    assert run in brazada("runs", settings=settings)
    assert len(content(spark, places["catalog"])["ml.predictions"]) == len(learned["prices.windows"])


def test_jobs_on_pictures_and_series(brazada, spark, places, tmp_path):
    for domain, job, made in (
        ("images", "fashion", fashion.simulate(tmp_path / "fashion", 60, 7)),
        ("images", "car-damage", car_damage.simulate(tmp_path / "car-damage", 20, 7, copies=0.2, broken=0.1)),
        ("sensors", "surfaces", surfaces.simulate(tmp_path / "surfaces", 4, 7)),
        ("sensors", "strokes", strokes.simulate(tmp_path / "strokes", 2, 7)),
    ):
        assert made, job
        for settings in places.values():
            words = domain, f"ingest-{job}", str(tmp_path / job)
            brazada(*words, settings=("images.car_damage.size=32", *settings))
    found = {name: content(spark, settings) for name, settings in places.items()}
    for table in ("images.fashion", "images.duplicates", "images.car_damage", "sensors.surfaces", "sensors.strokes"):
        assert found["catalog"][table], table
    assert found["catalog"] == found["path"]
    words = "evaluate", "surfaces", "--folds", "2", "--model", "baseline"
    assert "by group" in brazada(*words, settings=places["catalog"])


@pytest.mark.usefixtures("spark")
def test_a_catalog_that_would_be_gone_with_the_session_is_refused_on_a_cluster():
    with pytest.raises(SettingsError, match="a catalog that outlives the session"):
        session.start(load("emr", overrides=["spark.config={}"], variables={}))
