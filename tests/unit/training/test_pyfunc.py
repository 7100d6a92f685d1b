"""A stored model as MLflow loads it, without pickle."""

import shutil

import numpy as np
import pandas as pd
import pytest
from mlflow import pyfunc

from brazada import domains
from brazada.errors import UsageError
from brazada.settings import load
from brazada.training.registry import model as models
from brazada.training.registry.model import Model
from brazada.training.task import variant


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A network of Fashion-MNIST as it is built, and its folder."""
    folder, task = tmp_path_factory.mktemp("model"), variant(domains.tasks(load(variables={}).of), "fashion", "cnn")
    network = task.build(task.spec, 3)
    models.save(folder, Model(task, "fashion-1", network.get_weights(), {"inputs": [28, 28]}), {})
    rows = pd.DataFrame({"pixels": [bytes(784), bytes(range(196)) * 4], "class_number": np.array([0, 0], np.int32)})
    models.describe(folder, rows)
    return folder, network, rows


def test_it_predicts_rows_of_its_tables_columns(stored):
    folder, network, rows = stored
    found = pyfunc.load_model(str(folder)).predict(rows)
    pictures = np.frombuffer(b"".join(rows["pixels"]), np.uint8).reshape(-1, 28, 28)
    expected = network(pictures).numpy()
    assert np.allclose(np.array(found["probabilities"].tolist()), expected, atol=1e-5)
    assert found["probability"].tolist() == pytest.approx(expected.max(axis=1).tolist(), abs=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == ["MLmodel", "model.json", "weights.npz"]  # no pickle


def test_its_signature_and_its_task_are_held_to(stored, tmp_path):
    folder, _, rows = stored
    with pytest.raises(Exception, match="pixels"):
        pyfunc.load_model(str(folder)).predict(rows.drop(columns="pixels"))
    copy = shutil.copytree(folder, tmp_path / "copy")
    facts = copy / "model.json"
    facts.write_text(facts.read_text().replace("fashion", "planes"))
    with pytest.raises(UsageError, match="planes"):
        pyfunc.load_model(str(copy))
