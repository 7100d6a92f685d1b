"""The driver's watch tells a silent rank from one that died and from one that failed, and hears only its own."""

import json
import socket
import time

import pytest

from brazada.training.launch.watch import Watch


@pytest.fixture
def watch():
    ended, warned, epochs = [], [], []
    watch = Watch(warn_s=0.6, shutdown_s=1.2, end=lambda: ended.append(1), warn=warned.append, on_epoch=epochs.append)
    watch.ended, watch.warned, watch.epochs = ended, warned, epochs
    watch.post = watch.listen("127.0.0.1", "127.0.0.1")
    yield watch
    watch.close()


def speak(watch, rank, *words, token=None, host="elsewhere"):
    line = socket.create_connection((watch.post.host, watch.post.port))
    hello = {"rank": rank, "token": token or watch.post.token, "pid": 1, "host": host}
    for word in (hello, *words):
        line.sendall((json.dumps({"rank": rank} | word) + "\n").encode())
    return line


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def failure(watch, said=None):
    return str(watch.failure(RuntimeError("Horovod's own words"), said))


def test_a_silent_rank_is_warned_of_then_blamed_and_the_run_ended(watch):
    lines = [speak(watch, 0, {"done": True}), speak(watch, 1)]
    lines[0].close()
    until(lambda: watch.ended)
    assert "rank 1 (process 1 on elsewhere) has not answered" in watch.warned[0]
    assert "rank 1 (process 1 on elsewhere) stopped answering" in failure(watch)


def test_a_rank_gone_without_a_word_is_to_blame_and_not_the_one_it_left(watch):
    lost_peer = {"failed": "HorovodInternalError: gone", "lost_peer": True}
    for line in (speak(watch, 0, lost_peer), speak(watch, 1, {"epoch": {"epoch": 1}})):
        line.close()
    until(lambda: watch.epochs and all(member.ended for member in watch.members.values()))
    assert "rank 1 (process 1 on elsewhere) died without a word" in failure(watch)
    assert watch.epochs == [{"epoch": 1}]


def test_a_ranks_own_error_comes_first(watch):
    for line in (speak(watch, 0), speak(watch, 1, {"failed": "KeyError: 'x'", "lost_peer": False})):
        line.close()
    until(lambda: len(watch.members) == 2 and all(member.ended for member in watch.members.values()))
    assert "rank 1 failed with KeyError: 'x'" in failure(watch)


def test_strangers_are_not_heard_and_ranks_that_never_came_are_told_by_what_they_printed(watch):
    speak(watch, 0, {"done": True}, token="guess").close()
    time.sleep(0.2)
    assert watch.members == {}
    assert "all ranks to start; found ModuleNotFoundError: no lines" in failure(watch, "ModuleNotFoundError: no lines")
    assert "Horovod's own words" in failure(watch)
