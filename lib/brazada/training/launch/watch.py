"""The driver's watch over ranks: hears their heartbeats, ends a run that cannot go on, says which rank is to blame."""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from brazada.errors import TrainingError
from brazada.training.launch.rank import DriverAddress
from brazada.training.loop.epochs import OnEpoch

_GRACE_S = 5.0  # for the others to end by themselves, once one rank is gone
_PAUSE_S = 0.5


@dataclass
class RankState:
    """A rank as it made itself known; times are of the monotonic clock."""

    pid: int
    host: str
    heard: float
    ended: float | None = None
    done: bool = False
    failed: str | None = None
    lost_peer: bool = False

    def __str__(self) -> str:
        """Its process, for messages."""
        return f"process {self.pid} on {self.host}"


class Watch:
    """Listens while the ranks run. `end` is called, once, when they cannot go on; `warn` says what looks wrong."""

    def __init__(
        self,
        *,
        warn_s: float,
        shutdown_s: float,
        end: Callable[[], None],
        warn: Callable[[str], None],
        on_epoch: OnEpoch,
    ) -> None:
        self._warn_s, self._shutdown_s = warn_s, shutdown_s
        self._end, self._warn, self._on_epoch = end, warn, on_epoch
        self._token = secrets.token_hex(16)
        self._over = threading.Event()
        self.members: dict[int, RankState] = {}
        self.blamed: dict[int, str] = {}

    def listen(self, host: str, bind: str) -> DriverAddress:
        """Open the socket that ranks report to, and begin to watch."""
        watch = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                watch._handle(self.rfile)

        self._server = socketserver.ThreadingTCPServer((bind, 0), Handler)
        self._server.daemon_threads = True
        for target in (self._server.serve_forever, self._monitor):
            threading.Thread(target=target, daemon=True).start()
        return DriverAddress(host, self._server.server_address[1], self._token)

    def close(self) -> None:
        """Stop listening, and kill what is left of the ranks on this host: a stopped process ignores a polite end."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._kill_here()

    def failure(self, error: BaseException, said: str | None) -> TrainingError:
        """What the run failed of, naming the rank; `said` is the last error that a rank printed, if any."""
        own = {r: m.failed for r, m in sorted(self.members.items()) if m.failed and not m.lost_peer}
        rank, what = next(iter((own or self.blamed or self._vanished()).items()), (None, str(error).strip()))
        if rank is None:
            todo = "mend that" if said else "free cores for them, or raise training.start_timeout_s"
            return TrainingError("all ranks to start", found=said or what, todo=todo)
        if rank in own:
            return TrainingError(
                "every rank to finish", found=f"rank {rank} failed with {what}", todo="mend that and resume"
            )
        return TrainingError(
            "every rank to go on",
            found=f"rank {rank} ({self.members[rank]}) {what}",
            todo="see that host's memory and load, then resume",
        )

    def _handle(self, lines: Any) -> None:
        """One rank's connection, from its first word to its end, orderly or not."""
        hello = json.loads(lines.readline() or b"{}")
        if not hmac.compare_digest(str(hello.get("token")), self._token):
            return
        state = self.members[hello["rank"]] = RankState(hello["pid"], hello["host"], time.monotonic())
        try:
            for line in lines:
                facts = json.loads(line)
                state.heard = time.monotonic()
                state.done = facts.get("done", state.done)
                if "failed" in facts:
                    state.failed, state.lost_peer = facts["failed"], facts["lost_peer"]
                if "epoch" in facts:
                    self._on_epoch(facts["epoch"])
        except (OSError, ValueError):  # a connection cut off, perhaps within a line, is what is noted next
            pass
        state.ended = time.monotonic()

    def _monitor(self) -> None:
        """Look at the ranks until the run is over or ended."""
        warned: set[int] = set()
        while not self._over.wait(_PAUSE_S):
            now, members = time.monotonic(), dict(self.members)  # ranks go on making themselves known
            silent = {r: now - m.heard for r, m in members.items() if m.ended is None}
            for rank, seconds in silent.items():
                if seconds > self._warn_s and rank not in warned:
                    warned.add(rank)
                    self._warn(f"rank {rank} ({members[rank]}) has not answered for {seconds:.0f} s")
            self.blamed = {
                rank: f"stopped answering {seconds:.0f} s ago"
                for rank, seconds in silent.items()
                if seconds > self._shutdown_s
            }
            first = min((m.ended for m in members.values() if m.ended and not m.done), default=now)
            if self.blamed or now - first > _GRACE_S:
                self.blamed = self.blamed or self._vanished()
                # Horovod's own way of ending is slower and leaves tracebacks of its pipes: it is for other hosts.
                self._kill_here()
                if any(state.host != socket.gethostname() for state in members.values()):
                    self._end()
                return

    def _kill_here(self) -> None:
        for state in list(self.members.values()):
            if state.host == socket.gethostname():
                _kill_rank(state.pid)

    def _vanished(self) -> dict[int, str]:
        """Ranks that ended without a word, or else those that others waited for in vain."""
        dead = {
            r: "died without a word (killed, perhaps for want of memory)"
            for r, m in self.members.items()
            if m.ended and not m.done and not m.failed
        }
        waited_for = {
            r: "lives but took no part in a step that the others waited for"
            for r, m in self.members.items()
            if not m.ended and not m.done
        }
        return dead or waited_for


def _kill_rank(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        if any("horovod.spark.task" in word for word in process.cmdline()):
            process.kill()
            process.wait(timeout=5)
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        return
