import pytest
from hypothesis import given
from hypothesis import strategies as st

from brazada.errors import SettingsError
from brazada.settings import dotted, load


def test_later_layers_win(tmp_path):
    conf = tmp_path / "mine.yaml"
    conf.write_text("training: {ranks: 3, seed: 3}\nspark: {config: {spark.driver.memory: 1g}}\n")
    variables = {"BRAZADA__TRAINING__SEED": "4", "BRAZADA_WAREHOUSE": "/somewhere"}
    settings = load(conf=conf, variables=variables, overrides=["spark.config.spark.driver.memory=2g"])
    assert settings.training.ranks == 3  # own file over base.yaml
    assert settings.training.seed == 4  # variable over own file
    assert settings.warehouse.path == "/somewhere"
    assert settings.spark.config["spark.driver.memory"] == "2g"  # --set over own file, dots in the key kept
    assert settings.spark.config["spark.ui.enabled"] == "false"  # local.yaml's sibling key survives


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("training.rank=2", "training.ranks"),
        ("trainin.ranks=2", "training"),
        ("warehouse.pth=x", "warehouse.path"),
    ],
)
def test_unknown_key_names_the_nearest(override, names):
    with pytest.raises(SettingsError, match=f"did you mean '{names}'|Did you mean '{names}'"):
        load(overrides=[override], variables={})


@pytest.mark.parametrize(
    "override", ["training.ranks=0", "training.ranks=two", "training=3", "training.feed=tape", "x", "warehouse.path="]
)
def test_bad_value_is_refused(override):
    with pytest.raises(SettingsError):
        load(overrides=[override], variables={})


def test_a_day_that_no_calendar_has_is_refused_by_its_key():
    with pytest.raises(SettingsError, match="train_until=2024-13-45"):
        load(overrides=["prices.sources.odepa.train_until=2024-13-45"], variables={})


def test_unknown_variable_is_refused():
    with pytest.raises(SettingsError, match=r"training\.ranks"):
        load(variables={"BRAZADA__TRAINING__RANK": "2"})


def test_unknown_environment_names_the_known():
    with pytest.raises(SettingsError, match="local, databricks, emr"):
        load(env="laptop")


@pytest.mark.parametrize("env", ["local", "databricks", "emr"])
def test_every_environment_validates(env):
    assert load(env, variables={}).env == env


def test_settings_are_frozen():
    settings = load(variables={})
    with pytest.raises(ValueError, match="frozen"):
        settings.training.ranks = 5  # type: ignore[misc]


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=8))
def test_secrets_are_never_printed(secret):
    secret = f"s3cr3t{secret}"
    overrides = [
        f"spark.config.spark.hadoop.fs.s3a.secret.key={secret}",
        f"spark.config.spark.hadoop.fs.s3a.access.key={secret}",
        f"spark.config.my.token={secret}",
        f"training.mlflow_uri=https://me:{secret}@server/x",
    ]
    printed = "\n".join(f"{key}={value}" for key, value in dotted(load(overrides=overrides, variables={})))
    assert secret not in printed
    assert "https://***@server/x" in printed


def test_an_error_shows_no_secret():
    secret = "spark.config.spark.hadoop.fs.s3a.secret.key=s3cr3t"
    for fault in (
        "warehouse={path: null, catalog: null}",
        "training.ranks=0",
        "spark.config.my.token=s3cr3t: [",
        "spark=[s3cr3t]",
    ):
        with pytest.raises(SettingsError) as error:
            load(overrides=[secret, fault], variables={})
        assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prices: {shards: 4}\nprices: {shards: 5}\n", "the key 'prices' twice"),
        ("spark: {config: &c {a: *c}}\n", "names itself"),
        ("[" * 3000, "goes too deep"),
    ],
)
def test_odd_yaml_is_a_plain_error(tmp_path, text, says):
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(SettingsError, match=says):
        load(conf=tmp_path / "odd.yaml", variables={})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("file:///there/w", "/there/w"),
        ("file:/there/w", "/there/w"),
        ("there/w/", "there/w"),
        ("s3a://bucket/w/", "s3a://bucket/w"),
        ("/", "/"),
    ],
)
def test_a_warehouse_is_the_same_however_its_path_is_written(path, found):
    assert load(overrides=[f"warehouse.path={path}"], variables={}).warehouse.path == found
