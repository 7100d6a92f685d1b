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


def test_a_key_twice_in_one_override_is_an_error():
    with pytest.raises(SettingsError, match="the key 'shards' twice"):
        load(overrides=["prices={shards: 4, shards: 5}"], variables={})


def test_lists_of_mappings_are_added_to(tmp_path):
    shipped = load(variables={})
    conf = tmp_path / "mine.yaml"
    conf.write_text(
        "prices: {units: [{pattern: muri, base: kg, factor: 4}]}\n"
        "swim: {pools: [{name: olympic, z_m: 0.5, length_m: 50.0}, {name: yards, z_m: 0.7, length_m: 22.86}]}\n"
    )
    settings = load(conf=conf, variables={})
    assert [unit.pattern for unit in settings.prices.units] == [
        "muri",
        *(unit.pattern for unit in shipped.prices.units),
    ]
    assert {pool.name: pool.z_m for pool in settings.swim.pools} == {"olympic": 0.5, "yards": 0.7, "metres": 0.2}
    conf.write_text("swim: {pools: !replace [{name: olympic, z_m: 0.5, length_m: 50.0}]}\n")
    assert [pool.name for pool in load(conf=conf, variables={}).swim.pools] == ["olympic"]
    alone = "swim.pools=!replace [{name: short, z_m: 0.5, length_m: 16.6}]"
    assert [pool.name for pool in load(conf=conf, overrides=[alone], variables={}).swim.pools] == ["short"]


def test_lists_of_texts_are_replaced():
    load_with = {"variables": {}, "overrides": ["prices.sources.kalimati.layouts.website.market=[Unit]"]}
    assert load(**load_with).prices.sources["kalimati"].layouts["website"].market == ("Unit",)


@pytest.mark.parametrize(
    "override",
    [
        "prices={first_date: 2030-01-01, last_date: 2020-01-01}",
        "swim={first_date: 2030-01-01, last_date: 2020-01-01}",
        "prices.sources.odepa={train_until: 2024-01-01, validate_until: 2023-01-01}",
        "swim.motion={slowest_stroke_hz: 3}",
        "swim.motion={pause_s: 5}",
        "swim.pools=!replace [{name: a, z_m: 0.2, length_m: 25}, {name: a, z_m: 0.9, length_m: 50}]",
        "images.car_damage={validation_share: 0.5, test_share: 0.5}",
    ],
)
def test_what_does_not_go_together_is_refused(override):
    with pytest.raises(SettingsError, match="valid value"):
        load(overrides=[override], variables={})


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
