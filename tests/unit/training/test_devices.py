"""Which GPU a rank uses, told by a made-up list: there is none on the machines that run the tests."""

import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from brazada.errors import TrainingError
from brazada.training.launch import devices

GPUS = ["GPU:0", "GPU:1", "GPU:2", "GPU:3"]


@pytest.mark.parametrize(
    ("gpus", "local_rank", "assigned", "own"),
    [
        (GPUS, 0, (), "GPU:0"),
        (GPUS, 3, (), "GPU:3"),
        (GPUS, 0, ("2",), "GPU:2"),  # Spark's word holds: its tasks of one machine need not be in order
        (GPUS, 1, ("3",), "GPU:3"),
        (["GPU:0"], 0, ("0",), "GPU:0"),
    ],
)
def test_a_rank_has_one_gpu_of_its_own(gpus, local_rank, assigned, own):
    assert devices.own_gpu(gpus, local_rank, assigned) == own


@pytest.mark.parametrize(("local_rank", "assigned"), [(4, ()), (0, ("7",))])
def test_more_ranks_than_gpus_are_refused(local_rank, assigned):
    with pytest.raises(TrainingError, match="a GPU for each rank"):
        devices.own_gpu(GPUS, local_rank, assigned)


def tensorflow(monkeypatch, gpus):
    """A TensorFlow with these GPUs, which notes what it is told."""
    config = Mock()
    config.list_physical_devices = lambda kind: gpus if kind == "GPU" else []
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config, get_logger=Mock()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return config


def test_tensorflow_sees_that_gpu_alone_and_grows_in_memory(monkeypatch):
    config = tensorflow(monkeypatch, GPUS)
    devices.configure_tensorflow(2, local_rank=1)
    config.set_visible_devices.assert_called_once_with(["GPU:1"], "GPU")
    config.experimental.set_memory_growth.assert_called_once_with("GPU:1", True)
    config.threading.set_intra_op_parallelism_threads.assert_called_once_with(2)


def test_one_task_of_many_leaves_the_gpus_to_the_ranks(monkeypatch):
    config = tensorflow(monkeypatch, GPUS)
    devices.configure_tensorflow(1)
    config.set_visible_devices.assert_called_once_with([], "GPU")


def test_without_a_gpu_nothing_is_said_of_one(monkeypatch):
    config = tensorflow(monkeypatch, [])
    devices.configure_tensorflow(2, local_rank=1)
    config.set_visible_devices.assert_not_called()
    config.threading.set_intra_op_parallelism_threads.assert_called_once_with(2)


def test_a_process_that_runs_tensorflow_already_keeps_its_set_up(monkeypatch):
    config = tensorflow(monkeypatch, GPUS)
    config.set_visible_devices.side_effect = RuntimeError("must be set before GPUs have been initialized")
    devices.configure_tensorflow(2, local_rank=0)
