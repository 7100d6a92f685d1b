import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace

import pytest

from brazada import roles
from brazada.errors import PackageError
from brazada.settings import load

LIB = Path(__file__).resolve().parents[2] / "lib" / "brazada"
OF_THE_WHEEL = {"click", "jinja2", "markupsafe", "packaging", "pydantic", "rich", "yaml"}
OF_THE_CLUSTER = {"delta", "py4j", "pyspark"}


def imported(*folders):
    """The packages of others that the modules of these folders import, anywhere in them."""
    found = set()
    for path in (path for folder in folders for path in (LIB / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [node.module] if isinstance(node, ast.ImportFrom) else []
            named += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            found |= {name.split(".")[0] for name in named}
    return found - set(sys.stdlib_module_names) - {"__future__", "brazada"} - OF_THE_WHEEL - OF_THE_CLUSTER


@pytest.mark.parametrize(
    ("folders", "of"),
    [
        (("swim", "ingest", "tables"), ("swim",)),
        (("images", "prices", "sensors", "training", "ingest", "tables"), ("train", "driver")),
        (("plots", "pages", "swim", "images", "prices", "sensors"), ("swim", "train", "driver")),
    ],
)
def test_roles_name_all_that_their_jobs_import(folders, of):
    assert imported(*folders) <= {name for role in of for name in roles.MODULES[role]}


@pytest.mark.parametrize("role", roles.MODULES)
def test_the_extra_of_a_role_brings_its_modules(role):
    setup = (LIB.parents[1] / "setup.py").read_text(encoding="utf-8")
    scope = {"__file__": str(LIB.parents[1] / "setup.py")}
    exec(setup.partition("\nsetup(")[0], scope)
    extra = {line.split("==")[0].split(">=")[0].lower().replace("_", "-") for line in scope["ROLES"][role]}
    brought_by_others = {"fsspec"}  # by s3fs, of its own version
    packages = packages_distributions()
    for module in set(roles.MODULES[role]) - brought_by_others:
        assert {name.lower().replace("_", "-") for name in packages.get(module, [module])} & extra, module


@pytest.mark.parametrize(
    ("job", "of"),
    [
        ("swim fit", ("swim",)),
        ("prices series", ()),
        ("prices backtest", ("train", "driver")),
        ("train", ("train", "driver")),
        ("images ingest-fashion", ("train",)),
        ("sensors laps", ("train",)),
        ("maintain", ()),
    ],
)
def test_the_roles_of_a_job(job, of):
    assert roles.roles(job) == of


def without(monkeypatch, *names):
    real = roles.find_spec
    monkeypatch.setattr(roles, "find_spec", lambda name: None if name in names else real(name))


def test_a_missing_package_is_found_before_the_job(monkeypatch):
    without(monkeypatch, "sklearn")
    with pytest.raises(PackageError, match=r"no sklearn in this machine.*--roles swim"):
        roles.check_driver(["swim ingest", "swim fit"], load(variables={}))


def test_horovod_petastorm_and_s3_are_looked_for_where_settings_use_them(monkeypatch):
    without(monkeypatch, "horovod", "petastorm", "s3fs")
    plain = ["training.launch=process", "training.feed=tfdata"]
    roles.check_driver(["prices backtest"], load(variables={}, overrides=plain))
    for setting, name in (
        ("training.launch=horovod", "horovod"),
        ("training.feed=petastorm", "petastorm"),
        ("training.runs_path=s3://bucket/runs", "s3fs"),
    ):
        with pytest.raises(PackageError, match=f"no {name} in"):
            roles.check_driver(["prices backtest"], load(variables={}, overrides=[*plain, setting]))


class Context(SimpleNamespace):
    """A cluster whose workers are this process."""

    def parallelize(self, _, tasks):
        self.tasks = tasks
        return self

    def mapPartitions(self, function):  # noqa: N802 - Spark's name
        return SimpleNamespace(collect=lambda: list(function(iter(()))))


def test_workers_are_asked_but_not_for_what_the_driver_alone_needs(monkeypatch):
    context = Context(master="yarn", defaultParallelism=3)
    spark = SimpleNamespace(sparkContext=context)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("mlflow", "scipy") else name)
    with pytest.raises(PackageError, match=r"role train; found no scipy in the workers"):
        roles.check_workers(["train"], load(variables={}), spark)
    assert context.tasks == 3
    roles.check_workers(["swim fit"], load(variables={}), spark)


@pytest.mark.parametrize("master", ["local", "local[*]", "local[2]"])
def test_workers_of_one_process_are_not_asked(master):
    roles.check_workers(["train"], load(variables={}), SimpleNamespace(sparkContext=Context(master=master)))
