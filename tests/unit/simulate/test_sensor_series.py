"""Drawn series and recordings are as their truth says, and the same for the same seed."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest

from brazada.sensors.tables import STROKES
from brazada.simulate import strokes, surfaces


@pytest.mark.parametrize("simulate", [strokes.simulate, surfaces.simulate])
def test_the_same_seed_gives_the_same_bytes(simulate, tmp_path):
    one, same, other = (simulate(tmp_path / name, 2, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in same]
    assert [file.read_bytes() for file in one] != [file.read_bytes() for file in other]


def test_lengths_are_those_of_the_labels(tmp_path):
    *recordings, lengths = strokes.simulate(tmp_path, 4, 1)
    truth = pd.read_csv(lengths)
    assert len(recordings) == 8
    assert set(truth["stroke"]) == set(STROKES[1:5])
    for file in recordings:
        frame = pd.read_csv(io.BytesIO(gzip.decompress(file.read_bytes())))
        assert frame.shape[1] == 26
        np.testing.assert_allclose(np.diff(frame["timestamp"]), 1e9 / 30, rtol=1e-5)
        edges = np.flatnonzero(np.diff(frame["label"].between(1, 4), prepend=False, append=False))
        own = truth[(truth["recording"] == file.name.removesuffix(".csv.gz"))]
        assert own["start_s"].tolist() == pytest.approx(edges[::2] / 30, abs=1e-3)
        assert own["seconds"].tolist() == pytest.approx((edges[1::2] - edges[::2]) / 30, abs=1e-3)
        np.testing.assert_allclose(frame["ACC_012"], np.linalg.norm(frame[["ACC_0", "ACC_1", "ACC_2"]], axis=1), 1e-3)


def test_every_surface_has_its_recordings_and_orientations_are_of_length_one(tmp_path):
    series, labels = map(pd.read_csv, surfaces.simulate(tmp_path, 3, 1))
    assert labels.groupby("surface")["group_id"].nunique().tolist() == [3] * 9
    assert series.groupby("series_id").size().unique().tolist() == [128]
    norms = np.linalg.norm(series[[f"orientation_{axis}" for axis in "XYZW"]], axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)
