"""Recordings are cut into windows that cross no gap; how a watch is worn changes what it measures, and nothing else."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest

from brazada.ingest.whole import Refused
from brazada.sensors.settings import Laps, Strokes
from brazada.sensors.strokes import ingest, laps
from brazada.sensors.strokes.tasks import MOUNTINGS, augment, decode, rotations
from brazada.sensors.tables import LAPS, STROKES
from brazada.simulate.strokes import simulate

PATH = "file:/a/12/Freestyle_1.csv.gz"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    file = simulate(tmp_path_factory.mktemp("strokes"), 1, 7)[0]
    return pd.read_csv(io.BytesIO(gzip.decompress(file.read_bytes())))


def read(frame, **options):
    return list(ingest.read(Strokes(**options), PATH, frame.to_csv(index=False).encode()))


def test_windows_are_cut_and_labelled_by_the_majority(recording):
    rows = read(recording)
    assert len(rows) == (len(recording) - 180) // 60 + 1
    for ident, swimmer, name, start, label, number, share, ambiguous, samples, labels in rows:
        part = recording.iloc[start : start + 180]
        assert (ident, swimmer, name) == (f"12/Freestyle_1/{start}", "12", "Freestyle_1")
        counts = part["label"].value_counts()
        assert share == counts.max() / 180
        assert counts[number] == counts.max()
        assert (label, ambiguous) == (STROKES[number], share < 0.75)
        assert np.frombuffer(labels, np.int8).tolist() == part["label"].astype(int).tolist()
        signals = part[list(ingest.SIGNALS)].to_numpy()
        np.testing.assert_allclose(np.frombuffer(samples, "<f4").reshape(180, 6), signals, rtol=1e-6)


@pytest.mark.parametrize(
    "folder", ["Mar%C3%ADa%20B", "Mari%CC%81a%20B", "%20Mar%C3%ADa%C2%A0B", "Mar%C3%ADa%E2%80%8B%20B"]
)
def test_a_swimmer_is_one_however_the_folder_is_spelt(recording, folder):
    rows = ingest.read(Strokes(), f"file:///a/{folder}/Freestyle_1.csv", recording.to_csv(index=False).encode())
    assert {row[1] for row in rows} == {"Mar\u00eda B"}


def test_no_window_crosses_a_gap_in_time(recording):
    gap = recording.copy()
    gap.loc[300:, "timestamp"] += 1e9
    starts = [row[3] for row in read(gap)]
    assert starts[:4] == [0, 60, 120, 300]
    assert not any(start < 300 < start + 180 for start in starts)


def test_labels_that_are_no_class_are_set_aside_not_lost(recording):
    odd = recording.assign(label=recording["label"].where(recording["label"] != 1, 6))
    rows, others = read(odd), read(recording)
    assert len(rows) == len(others)
    assert all(
        (row[4], row[5]) == ((None, -1) if other[5] == 1 else other[4:6])
        for row, other in zip(rows, others, strict=True)
    )
    assert {row[5] for row in read(recording.drop(columns="label"))} == {-1}
    columns = {"samples": np.array([row[8] for row in rows], object), "class_number": np.array([r[5] for r in rows])}
    inputs, targets, weights = decode(columns, {})
    assert inputs.shape == (len(rows), 180, 6)
    assert weights.tolist() == [float(row[5] >= 0) for row in rows]
    assert targets.min() == 0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda f: f.drop(columns="GYRO_1"), "no column GYRO_1"),
        (
            lambda f: f.assign(ACC_0=f["ACC_0"].astype(str).where(f.index != 9, "x")),
            "1 of .* samples that are no numbers",
        ),
        (lambda f: f.iloc[::-1], "not later than the one before"),
        (lambda f: f.assign(timestamp=f["timestamp"] / 2), "60 samples per second, not 30"),
    ],
)
def test_a_recording_that_is_none_is_refused(recording, broken, reason):
    with pytest.raises(Refused, match=reason):
        read(broken(recording))


def test_a_watch_worn_otherwise_measures_the_same_movement():
    for signs in MOUNTINGS:
        # A mirror or a turn of the axes; rotations are pseudo-vectors, which a mirror turns once more.
        turn = np.diag(signs[:3])
        np.testing.assert_array_equal(np.diag(signs[3:]), np.linalg.det(turn) * turn)
    rng = np.random.default_rng(3)
    axis = rng.normal(size=(50, 3))
    matrices = rotations(axis / np.linalg.norm(axis, axis=1, keepdims=True), rng.uniform(0, 3, 50))
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1)

    windows = rng.normal(size=(400, 180, 6)).astype(np.float32)
    worn = augment(windows, {"rotation_degrees": 20}, np.random.default_rng(1))
    assert worn.dtype == np.float32
    for part in (slice(0, 3), slice(3, 6)):
        lengths = np.linalg.norm(windows[..., part], axis=-1), np.linalg.norm(worn[..., part], axis=-1)
        np.testing.assert_allclose(*lengths, rtol=1e-4)
    np.testing.assert_array_equal(worn, augment(windows, {"rotation_degrees": 20}, np.random.default_rng(1)))
    only = augment(windows, {"rotation_degrees": 0}, np.random.default_rng(1))
    signs = only[:, 0] / windows[:, 0]
    assert {tuple(np.round(row).astype(int)) for row in signs} == {tuple(row.astype(int)) for row in MOUNTINGS}


@pytest.mark.parametrize("cycle_s", [1.1, 1.9, 3.2])
def test_the_stroke_rate_is_that_of_the_movement_however_the_watch_is_worn(cycle_s):
    rng, time = np.random.default_rng(2), np.arange(900) / 30
    phase = 2 * np.pi * time[:, None] / cycle_s + np.arange(6)
    samples = 3 * np.sin(phase) + 5 * np.sin(2 * phase) + rng.normal(size=(900, 6))
    for signs in MOUNTINGS:
        assert laps.cycles_per_minute(samples * signs) == pytest.approx(60 / cycle_s, rel=0.01)
    assert laps.cycles_per_minute(rng.normal(size=(900, 6))) is None
    assert laps.cycles_per_minute(samples[:200]) is None


def test_lengths_lie_between_turns_as_predictions_and_as_labels_say(recording):
    """What knows the label of each window tells as many lengths as there are, about as long."""
    rows = read(recording)
    names = ["id", "swimmer", "recording", "start", "label", "class_number", "share", "ambiguous", "samples", "labels"]
    windows = pd.DataFrame(rows, columns=names).assign(split="test").sample(frac=1, random_state=1)
    windows["probabilities"] = [np.eye(6)[number].tolist() for number in windows["class_number"]]
    found = laps.of_recording("run-1", Laps(), windows)
    assert found.columns.tolist() == LAPS.columns.names
    told, truth = (found[found["told_by"] == name].set_index("lap") for name in ("run-1", laps.LABELS))
    edges = np.flatnonzero(np.diff(recording["label"] == 1, prepend=False, append=False))
    assert truth["start_s"].tolist() == pytest.approx(edges[::2] / 30)
    assert truth["seconds"].tolist() == pytest.approx((edges[1::2] - edges[::2]) / 30)
    assert len(told) == len(truth)
    assert (told["start_s"] - truth["start_s"]).abs().max() < 3
    assert set(told["stroke"]) == {"freestyle"}
    assert (told["strokes_per_min"] / truth["strokes_per_min"] - 1).abs().max() < 0.02
    assert set(found["known_share"]) == {1.0}
