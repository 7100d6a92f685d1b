"""The task of the end-to-end tests serves here too."""

import numpy as np
import pytest


@pytest.fixture
def line_rows():
    """Decoded rows of the line (inputs, targets, weights), by number of rows and seed."""

    def rows(count, seed=0):
        x = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
        y = x @ np.array([1, 2, 3], np.float32) + 1
        return x, y, np.ones(count, np.float32)

    return rows
