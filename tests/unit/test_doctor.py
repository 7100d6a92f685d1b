from brazada import doctor
from brazada.settings import load


def findings(*overrides, env="local"):
    return {check.name: check for check in doctor.examine(load(env, overrides=overrides, variables={}))}


def test_this_machine_passes_for_one_rank():
    failed = [c for c in findings("training.ranks=1").values() if c.needed and not c.passed]
    assert failed == []


def test_more_ranks_than_slots_says_what_to_set():
    check = findings("training.ranks=9", "spark.master=local[3]")["Slots for ranks"]
    assert not check.passed
    assert "training.ranks=3" in check.todo


def test_horovod_is_not_needed_without_ranks(monkeypatch):
    monkeypatch.setattr(doctor.importlib, "import_module", _without("horovod"))
    assert not findings("training.launch=horovod")["Horovod with Gloo"].passed
    assert not findings("training.launch=process")["Horovod with Gloo"].needed


def test_a_version_that_breaks_the_stack_fails(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "17.0.0" if name == "pyarrow" else "0")
    check = findings()["pyarrow"]
    assert not check.passed
    assert "below 15" in check.todo


def test_a_warehouse_that_is_a_file_fails(tmp_path):
    (tmp_path / "w").write_text("")
    assert not findings(f"warehouse.path={tmp_path}/w/deep")["Free disk"].passed
    assert findings(f"warehouse.path={tmp_path}/v/deep")["Free disk"].passed


def test_missing_java_names_the_package(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    check = findings()["Java"]
    assert not check.passed
    assert "openjdk-17" in check.todo


def _without(package):
    real = doctor.importlib.import_module

    def load_module(name):
        if name.startswith(package):
            raise ImportError(f"no {name}")
        return real(name)

    return load_module
