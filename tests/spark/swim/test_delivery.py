"""Alerts from logs to receivers: nothing is lost while one is down, and nothing comes twice."""

import json

import pytest

from brazada.errors import DeliveryError
from brazada.swim.alerts import alerts
from brazada.swim.delivery import AlertFile, Webhook

from .conftest import START, hexed, line, log, table, tag_of, write


def test_alerts_wait_for_a_receiver_that_is_down_and_come_once(at, tmp_path, monkeypatch):
    got, down = [], [True]

    def send(self, alert):
        if down[0] and len(got) == 1:
            raise ConnectionRefusedError("nobody there")
        got.append(alert)

    monkeypatch.setattr(Webhook, "send", send)
    seconds = {1: [0, 60], 2: [0], 3: [5]}
    lines = [line(s * 1000, x=float(tag), tag=tag) for tag, times in seconds.items() for s in times]
    path, file = write(tmp_path / "a.csv", log(*lines)), tmp_path / "alerts.jsonl"
    options = "swim.delivery.webhook=http://h/x", f"swim.delivery.file={file}"
    warehouse = tmp_path / "warehouse"

    def run():
        job = at(warehouse, *options, "swim.delivery.retries=1", "swim.delivery.wait_s=0.01")
        alerts(job, [path])
        return [note for note in job.report.notes if "delivered" in note]

    with pytest.raises(DeliveryError, match=r"nobody there.*they wait"):
        run()
    assert len(table(warehouse, "swim.alerts")) == 3
    assert len(got) == 1
    down[0] = False
    (note,) = run()  # no new line; the file had all of them before
    assert note.startswith("2 alerts delivered to webhook h ")
    assert run() == []
    # Tag 1 is silent from the first second to the last, tag 2 from the same moment on, tag 3 later.
    assert [(alert["tag"], alert["x_m"]) for alert in got] == [(tag_of(tag), float(tag)) for tag in (1, 2, 3)]
    assert got[0]["drill"] == hexed(1)
    assert got[0]["last_seen"] == "2020-01-26T00:53:20.000Z"
    assert START == 1_580_000_000_000
    assert [json.loads(row) for row in file.read_text().splitlines()] == got
    assert len({alert["id"] for alert in got}) == 3
    noted = table(warehouse, "swim.deliveries")
    assert noted.groupby("receiver").size().tolist() == [3, 3]
    assert set(noted["receiver"]) == {AlertFile(str(file)).name, Webhook("http://h/x", 1, None).name}
