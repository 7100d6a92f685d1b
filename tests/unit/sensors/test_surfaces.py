"""Series of a robot are whole or refused as such; what is learned of them does not know the heading."""

import numpy as np
import pandas as pd
import pytest

from brazada.errors import InputError
from brazada.ingest.whole import Refused
from brazada.sensors.surfaces import ingest
from brazada.sensors.surfaces.tasks import CHANNELS, decode, heading_free
from brazada.sensors.tables import SURFACES
from brazada.simulate.surfaces import _quaternion, simulate


@pytest.fixture
def files(tmp_path):
    """Series and labels as frames; and a function that gives the rows that are read of them."""
    simulate(tmp_path, 1, 3)
    series, labels = pd.read_csv(tmp_path / "X_train.csv"), pd.read_csv(tmp_path / "y_train.csv")

    def read(series=series, labels=labels):
        return list(ingest.read("/a/X_train.csv", series.to_csv(index=False).encode(), labels.to_csv().encode()))

    return series, labels, read


def test_series_are_read_whole_whatever_the_order_of_their_steps(files):
    series, labels, read = files
    rows = read()
    assert len(rows) == len(labels) == 4 * len(SURFACES)
    assert [row[2] for row in rows] == labels["surface"].tolist()
    assert all(SURFACES[row[3]] == row[2] for row in rows)
    first = np.frombuffer(rows[0][4], "<f4").reshape(128, 10)
    np.testing.assert_allclose(first, series.iloc[:128, 3:].to_numpy(), rtol=1e-5)
    mixed = series.sample(frac=1, random_state=1)
    assert {row[0]: row[4] for row in read(series=mixed)} == {row[0]: row[4] for row in rows}


def test_blanks_and_forms_of_unicode_make_no_other_recording_or_surface(files):
    _, labels, read = files
    spelt = labels.assign(
        surface=labels["surface"] + "\u00a0", group_id="\ufeffcafe\u0301 " + labels["group_id"].astype(str)
    )
    rows = read(labels=spelt)
    assert [row[2] for row in rows] == labels["surface"].tolist()
    assert [row[1] for row in rows] == [f"caf\u00e9 {group}" for group in labels["group_id"]]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda s, y: (s.drop(index=128 + 7), y), "1 of 128 steps are missing"),
        (lambda s, y: (pd.concat([s, s.iloc[[128 + 7]]]), y), "1 steps that are there twice"),
        (
            lambda s, y: (s.assign(orientation_X=s["orientation_X"].astype(str).where(s.index != 130, "x")), y),
            "no number",
        ),
        (lambda s, y: (s, y[y["series_id"] != 1]), "no label"),
        (lambda s, y: (s, pd.concat([y, y[y["series_id"] == 1]])), "2 labels"),
        (lambda s, y: (s, y.assign(surface=y["surface"].where(y["series_id"] != 1, "lava"))), "'lava'"),
        (lambda s, y: (s.assign(orientation_X=s["orientation_X"] * (1 + (s["series_id"] == 1))), y), "no quaternion"),
    ],
)
def test_a_series_that_is_not_whole_is_refused_alone(files, broken, reason):
    series, labels, read = files
    rows = read(*broken(series, labels))
    refused = [row for row in rows if isinstance(row, Refused)]
    assert len(refused) == 1
    assert refused[0].reason.startswith("series 1: ")
    assert reason in refused[0].reason
    assert refused[0].place == 2 + 128
    assert len(rows) == 4 * len(SURFACES)


def test_files_are_paired_or_refused_by_name():
    x, y = "file:/a/X_train.csv", "file:/a/y_train.csv.gz"
    assert ingest.pairs([x, y, "file:/a/y_more.csv"]) == [(x, y)]
    for wrong in ([x], [y], [x, y, "file:/a/X_test.csv"], [x, y, "file:/a/notes.csv"]):
        with pytest.raises(InputError, match=r"X_<name>\.csv and y_<name>\.csv"):
            ingest.pairs(wrong)


def test_turning_the_robot_about_the_vertical_changes_nothing_that_is_learned():
    rng = np.random.default_rng(5)
    tilt, rest = rng.normal(0, 0.5, (2, 128)), rng.normal(size=(128, 6))

    def stored(heading):
        quaternion = _quaternion(*tilt, heading * np.ones(128))
        return np.concatenate([quaternion, rest], axis=1).astype("<f4").tobytes()

    here, turned = (heading_free(np.array([stored(heading)], object)) for heading in (0.3, 2.9))
    np.testing.assert_allclose(here, turned, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(here[..., :3], axis=-1), 1, atol=1e-5)
    level = _quaternion(np.zeros(128), np.zeros(128), np.ones(128))
    up = heading_free(np.array([np.concatenate([level, rest], axis=1).astype("<f4").tobytes()], object))[0, 0, :3]
    np.testing.assert_allclose(up, [0, 0, 1], atol=1e-6)


def test_a_network_sees_the_channels_of_its_spec_scaled_by_what_was_learned(files):
    *_, read = files
    columns = {"samples": np.array([row[4] for row in read()], object), "class_number": np.arange(36)}
    whole = heading_free(columns["samples"])
    learned = {"mean": [0.5] * 9, "deviation": [2.0] * 9}
    inputs, targets, weights = decode(columns, {"channels": ["acceleration_z", "up_x"], "statistics": learned})
    chosen = [CHANNELS.index("acceleration_z"), CHANNELS.index("up_x")]
    np.testing.assert_allclose(inputs, (whole[..., chosen] - 0.5) / 2, rtol=1e-5)
    assert targets.tolist() == list(range(36))
    assert weights.sum() == 36
