"""What a replica tells of its requests: its own time, with its attempt's token."""

from __future__ import annotations

import base64
import socket
import time
from typing import Any

from tests.support.waiting import until
from tests.workers.runtime.serving.conftest import Serving
from tests.workers.runtime.serving.test_life import BODY
from workers.contracts.latencies import add_packed, seconds_of

HEADERS = {"content-type": "application/json"}


def figures(serving: Serving) -> list[dict[str, Any]]:
    return [
        figure
        for call in list(serving.api.figures)
        for second in call["seconds"]
        for figure in second["figures"]
        if figure["requests"]
    ]


def counts(serving: Serving) -> tuple[int, int, int]:
    found = figures(serving)
    return (
        sum(one["requests"] for one in found),
        sum(one["caller_errors"] for one in found),
        sum(one["server_errors"] for one in found),
    )


def test_requests_are_told_and_nobodys_health_checks(serving: Serving) -> None:
    with serving.start() as process, serving.client() as client:
        process.said("ready")
        for _ in range(5):
            assert client.post("/predict", content=BODY, headers=HEADERS).status_code == 200
            client.get("/readyz")
        assert client.post("/predict", content=b"{", headers=HEADERS).status_code == 400
        assert client.post("/train", content=b"{", headers=HEADERS).status_code == 404
        until(lambda: counts(serving)[0] == 6)
    assert counts(serving) == (6, 1, 0)
    sent = serving.api.figures[0]
    assert (sent["rank"], abs(sent["sent_at"] - time.time()) < 30) == (0, True)
    assert "endpoint" not in figures(serving)[0]


def test_the_time_that_a_caller_takes_to_send_is_not_the_replicas(serving: Serving) -> None:
    with serving.start(drain_seconds=0) as process:
        process.said("ready")
        with (
            socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection,
            serving.client() as client,
        ):
            head = ["POST /predict HTTP/1.1", "host: a", "content-type: application/json"]
            head += [f"content-length: {len(BODY)}", "", ""]
            connection.sendall("\r\n".join(head).encode() + BODY[:10])
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 1 and "in_flight 1.0" in client.get("/metrics").text)
            connection.sendall(BODY[10:])
            assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: counts(serving)[0] == 1)
    seen: dict[int, int] = {}
    add_packed(seen, base64.b64decode(figures(serving)[0]["latencies"]))
    assert seconds_of(max(seen)) < 0.5


def test_the_last_second_is_sent_on_leaving(serving: Serving) -> None:
    with serving.start(drain_seconds=0) as process, serving.client() as client:
        process.said("ready")
        assert client.post("/predict", content=BODY, headers=HEADERS).status_code == 200
        process.terminate()
        assert process.ended() == 0
    assert counts(serving)[0] == 1


def test_a_control_plane_that_is_away_keeps_no_replica_from_answering_or_leaving(serving: Serving) -> None:
    serving.api.fail("/attempts/self/figures", 503, times=1_000_000)
    with serving.start(drain_seconds=0) as process, serving.client() as client:
        process.said("ready")
        assert client.post("/predict", content=BODY, headers=HEADERS).status_code == 200
        process.said("the figures wait: the control plane is away")
        assert client.post("/predict", content=BODY, headers=HEADERS).status_code == 200
        process.terminate()
        assert process.ended() == 0
    assert counts(serving) == (0, 0, 0)
