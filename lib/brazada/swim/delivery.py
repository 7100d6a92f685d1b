"""Alerts to those who act on them, by a webhook and into a file. What was not taken is sent again, also later."""

from __future__ import annotations

import datetime as dt
import hmac
import http.client
import json
import os
import threading
import time
import urllib.request
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pyspark.sql import functions as F

from brazada.errors import DeliveryError
from brazada.report import Job
from brazada.swim.settings import Delivery
from brazada.swim.tables import ALERTS, DELIVERIES

SECRET = "BRAZADA_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable that holds it
_LONGEST_WAIT_S = 60.0
_NOTED_AT_ONCE = 100  # deliveries; after a kill no more come twice


class Receiver(Protocol):
    """Who takes alerts. `name` stands in swim.deliveries."""

    name: str

    def send(self, alert: Mapping[str, Any]) -> None:
        """Hand over one alert. Raises OSError or HTTPException where it was not taken."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: a POST would become a GET."""


class Webhook:
    """An address that takes an alert as JSON by POST, signed where there is a secret."""

    def __init__(self, url: str, timeout_s: float, secret: str | None) -> None:
        # An address may hold a secret: in tables it is known by its host and a digest.
        self.name = f"webhook {urlsplit(url).hostname} {sha256(url.encode()).hexdigest()[:12]}"
        self._url, self._timeout_s, self._secret = url, timeout_s, secret
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, alert: Mapping[str, Any]) -> None:
        """POST it. Raises OSError or HTTPException for no answer, and for one that is not 200 to 299."""
        body = json.dumps(alert).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": alert["id"]}
        if self._secret:
            signature = hmac.new(self._secret.encode(), body, sha256).hexdigest()
            headers["X-Brazada-Signature"] = f"sha256={signature}"
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - http or https
        with self._opener.open(request, timeout=self._timeout_s):
            pass


class AlertFile:
    """A file with a JSON object a line, each alert once."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).resolve()
        self.name = f"file {self._path}"

    def send(self, alert: Mapping[str, Any]) -> None:
        """Append it, unless it is there. Raises OSError where that cannot be done."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            file.seek(0)
            lines = file.read().splitlines(keepends=True)
            if lines and not lines[-1].endswith(b"\n"):  # of a job that was killed
                file.truncate(sum(map(len, lines[:-1])))
            mark = json.dumps({"id": alert["id"]})[:-1].encode()
            if not any(line.startswith(mark) and line.endswith(b"\n") for line in lines):
                file.write(json.dumps(alert).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())


class Outbox:
    """Hands what stands in swim.alerts to each receiver, in order, and notes in swim.deliveries what was taken.

    `writing` is held while it notes: who writes tables beside it in this process holds it too.
    """

    def __init__(self, job: Job, settings: Delivery) -> None:
        self.writing = threading.Lock()
        self._job, self._settings = job, settings
        receivers: list[Receiver] = []
        if settings.webhook:
            url = settings.webhook.get_secret_value()
            receivers.append(Webhook(url, settings.timeout_s, os.environ.get(SECRET)))
        if settings.file:
            receivers.append(AlertFile(settings.file))
        self._turns = [_Turn(receiver) for receiver in receivers]
        if receivers:
            job.store.ensure(DELIVERIES)
            if not job.store.is_empty(ALERTS.name):
                self.wake()

    def wake(self) -> None:
        """There may be alerts to deliver."""
        for turn in self._turns:
            turn.waiting = True

    def deliver(self) -> None:
        """Try once to deliver what waits, to each receiver that is due."""
        for turn in self._turns:
            if turn.waiting and time.monotonic() >= turn.due:
                turn.waiting = False  # before the table is read: what comes meanwhile wakes it again
                try:
                    self._hand_over(turn)
                    turn.failures = 0
                except (OSError, http.client.HTTPException) as error:
                    wait = min(self._settings.wait_s * 2 ** min(turn.failures, 10), _LONGEST_WAIT_S)
                    turn.waiting, turn.failures, turn.due = True, turn.failures + 1, time.monotonic() + wait
                    turn.fault = f"{type(error).__name__}: {error}"
                    said = f"  {turn.receiver.name} takes no alerts ({turn.fault}); again in {wait:g} s"
                    self._job.console.print(said, markup=False)

    def finish(self) -> None:
        """Deliver what waits, with retries. Raises DeliveryError for what was not taken even so."""
        while any(turn.waiting and turn.failures <= self._settings.retries for turn in self._turns):
            pause = min(turn.due for turn in self._turns if turn.waiting) - time.monotonic()
            time.sleep(max(0.0, pause))
            self.deliver()
        for turn in self._turns:
            if turn.taken:
                self._job.note(f"{turn.taken} alerts delivered to {turn.receiver.name}")
        if missed := [turn for turn in self._turns if turn.waiting]:
            raise DeliveryError(
                f"{' and '.join(turn.receiver.name for turn in missed)} to take alerts",
                found="; ".join(turn.fault for turn in missed),
                todo=f"run swim alerts again when it answers: they wait in {ALERTS.name} and are sent then",
            )

    def _hand_over(self, turn: _Turn) -> None:
        """Send what this receiver has not taken yet, the first raised first."""
        store, name = self._job.store, turn.receiver.name
        with store.exclusive(DELIVERIES.name):
            noted = store.read(DELIVERIES.name).frame.where(F.col("receiver") == name)
            alerts = store.read(ALERTS.name).frame.join(noted, on=list(ALERTS.key), how="left_anti")
            # In microseconds since 1970: Python would have times in the zone of this machine, of which some come twice.
            places = F.unix_micros("ts").alias("seen_us"), F.unix_micros("raised_at").alias("raised_us")
            rows = alerts.select("*", *places).orderBy("raised_at", "ts", "tag", "drill").collect()
            for first in range(0, len(rows), _NOTED_AT_ONCE):
                done: list[tuple[Any, ...]] = []
                try:
                    for row in rows[first : first + _NOTED_AT_ONCE]:
                        turn.receiver.send(_message(row))
                        done.append((row["tag"], row["drill"], _time(row["seen_us"]), name, dt.datetime.now(dt.UTC)))
                finally:
                    turn.taken += len(done)
                    with self.writing:
                        store.merge(DELIVERIES, done)


class _Turn:
    """Where a receiver stands: whether something waits for it, and when it is to be tried again."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.waiting, self.failures, self.due, self.taken, self.fault = False, 0, 0.0, 0, ""


def _message(row: Any) -> dict[str, Any]:
    """An alert as receivers get it; `id` is the same whenever it is sent."""
    key = f"{row['tag']} {row['drill']} {row['seen_us']}"
    return {
        "id": sha256(key.encode()).hexdigest()[:32],
        "kind": "silence",
        "tag": row["tag"],
        "drill": row["drill"],
        "last_seen": _iso(row["seen_us"]),
        **{name: row[name] for name in ("silent_s", "x_m", "y_m", "z_m")},
        "raised_at": _iso(row["raised_us"]),
    }


def _time(micros: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def _iso(micros: int) -> str:
    return _time(micros).isoformat(timespec="milliseconds").replace("+00:00", "Z")
