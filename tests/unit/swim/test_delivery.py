"""Receivers of alerts: what they get, what counts as taken, and how patiently they are asked again."""

import hmac
import json
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from rich.console import Console

from brazada.errors import DeliveryError
from brazada.settings import dotted, load
from brazada.swim.delivery import AlertFile, Outbox, Webhook
from brazada.swim.settings import Delivery, Swim

ALERT = {"id": "a1", "kind": "silence", "tag": "t"}


@pytest.fixture
def server(monkeypatch):
    """A server that answers with `status` and keeps what it got: (body, headers)."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers))
            self.send_response(here.status)
            if here.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    got = []
    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        here = SimpleNamespace(url=f"http://127.0.0.1:{http.server_port}/hook", got=got, status=200)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield here
        http.shutdown()


@pytest.mark.parametrize("secret", [None, "s3cret"])
def test_a_webhook_gets_json_signed_where_there_is_a_secret(server, secret):
    Webhook(server.url, 5, secret).send(ALERT)
    ((body, headers),) = server.got
    assert json.loads(body) == ALERT
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "a1"
    expected = secret and "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    assert headers["X-Brazada-Signature"] == expected
    assert "s3cret" not in str(headers)


@pytest.mark.parametrize("status", [302, 400, 500])
def test_any_other_answer_is_no_delivery(server, status):
    server.status = status
    with pytest.raises(OSError, match=str(status)):
        Webhook(server.url, 5, None).send(ALERT)
    assert len(server.got) == 1  # no redirect was followed


def test_a_file_has_each_alert_once_whatever_was_cut_short(tmp_path):
    path = tmp_path / "new" / "alerts.jsonl"
    for _ in range(2):
        AlertFile(str(path)).send(ALERT)
    path.write_bytes(path.read_bytes() + b'{"id": "a2", "ki')
    AlertFile(str(path)).send(ALERT | {"id": "a2"})
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a1", "a2"]


def box(monkeypatch, answers, **settings):
    """An outbox of one receiver that answers so, one after the other; an answer is a number taken or a fault."""

    def hand_over(self, turn):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        turn.taken += answer

    monkeypatch.setattr(Outbox, "_hand_over", hand_over)
    notes = []
    store = SimpleNamespace(ensure=lambda _: None, is_empty=lambda _: False)
    job = SimpleNamespace(store=store, console=Console(quiet=True), note=notes.append)
    return Outbox(job, Delivery(webhook="http://h/secret-path", wait_s=0.001, **settings)), notes


def test_a_receiver_that_is_down_for_a_while_gets_everything(monkeypatch):
    outbox, notes = box(monkeypatch, [OSError("down"), OSError("down"), 3])
    outbox.finish()
    assert len(notes) == 1
    assert notes[0].startswith("3 alerts delivered to webhook h ")
    assert "secret-path" not in notes[0]


def test_one_that_stays_down_fails_the_job_which_says_that_alerts_wait(monkeypatch):
    answers = [OSError("down")] * 9
    outbox, _ = box(monkeypatch, answers, retries=2)
    with pytest.raises(DeliveryError, match=r"down.*they wait in swim\.alerts"):
        outbox.finish()
    assert len(answers) == 6  # asked once, and twice again


def test_one_that_is_down_for_days_is_asked_again_within_a_minute(monkeypatch):
    outbox, _ = box(monkeypatch, [OSError("down"), 1])
    (turn,) = outbox._turns
    turn.failures = 5000
    outbox.deliver()
    assert 0 < turn.due - time.monotonic() <= 60


def test_what_comes_while_alerts_are_handed_over_is_delivered_next(monkeypatch):
    outbox, _ = box(monkeypatch, [1, 1])
    outbox.deliver()
    outbox.deliver()  # nothing waits
    outbox.wake()
    outbox.finish()
    assert outbox._turns[0].taken == 2


def test_an_address_is_not_shown_and_has_to_be_one():
    settings = load(overrides=["swim.delivery.webhook=https://h/secret-path"], variables={})
    assert "secret-path" not in str(dict(dotted(settings))) + repr(settings)
    assert settings.of(Swim).delivery.webhook.get_secret_value() == "https://h/secret-path"
    with pytest.raises(ValueError, match="begins with http"):
        Delivery(webhook="ftp://h")
