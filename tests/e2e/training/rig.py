"""Running `program.py` as a user would, and finding every process it started."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RANK = ["-m", "horovod.spark.task.gloo_exec_fn"]


class Program:
    """`program.py` on a warehouse; all its processes, however deep, carry a mark in their environment."""

    def __init__(self, warehouse: Path, log: Path, request: dict, slow_s: float = 0.0):
        self.mark, self.log = uuid.uuid4().hex, log
        paths = os.pathsep.join([str(ROOT / "lib"), str(HERE)])
        marks = {"BRAZADA_TEST_MARK": self.mark, "BRAZADA_TEST_SLOW_S": str(slow_s), "PYTHONPATH": paths}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "program.py"), str(warehouse), json.dumps(request)],
            cwd=log.parent,
            env=os.environ | marks,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def ours(self) -> list[psutil.Process]:
        """Its processes that are alive."""
        return [
            process for process in psutil.process_iter() if self._environ(process).get("BRAZADA_TEST_MARK") == self.mark
        ]

    def rank(self, number: int) -> psutil.Process | None:
        """The process of a rank."""
        mine = [p for p in self.ours() if self._environ(p).get("HOROVOD_RANK") == str(number)]
        return next((process for process in mine if process.cmdline()[1:3] == RANK), None)

    def result(self) -> list[dict]:
        """What it printed, once it ended well."""
        out, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, self.log.read_text()[-4000:]
        return json.loads(out.strip().splitlines()[-1])

    def kill(self) -> None:
        for process in self.ours():
            process.kill()
        self.process.communicate()

    @staticmethod
    def _environ(process: psutil.Process) -> dict[str, str]:
        try:
            return process.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            return {}


def wait_for(condition, seconds: float):
    """What the condition gives, as soon as it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")
