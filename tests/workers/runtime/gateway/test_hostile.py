"""A gateway before callers and replicas that mean no good: the others go on being answered."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import http
from tests.support.gateway_api import Replica
from tests.support.waiting import until
from tests.workers.runtime.gateway.conftest import Running

MIB = 1 << 20


@pytest.fixture
def replica(gateway: Running) -> Iterator[Replica]:
    with Replica("a") as made:
        gateway.control_plane.add("p", "hostile", (100, [made.address]), caller="caller")
        assert gateway.predict("p/hostile").status_code == 200
        yield made


def connect(gateway: Running, *lines: str) -> socket.socket:
    """A connection on which the head of a request for the endpoint was sent."""
    head = ["POST /p/hostile/predict HTTP/1.1", "host: a", "authorization: Bearer caller", *lines, "", ""]
    connection = socket.create_connection(("127.0.0.1", gateway.client.base_url.port or 0), timeout=10)
    connection.sendall("\r\n".join(head).encode())
    return connection


def in_flight(gateway: Running) -> float:
    return gateway.metric("bedplate_gateway_requests_in_flight")


def test_bodies_that_come_slowly_cost_the_others_nothing(gateway: Running, replica: Replica) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(connect(gateway, "content-length: 1000")) for _ in range(100)]
        for connection in slow:
            connection.sendall(b"x")
        until(lambda: in_flight(gateway) == 100)
        started = time.monotonic()
        assert [gateway.predict("p/hostile").status_code for _ in range(20)] == [200] * 20
        assert time.monotonic() - started < 5
    until(lambda: in_flight(gateway) == 0)
    assert len(replica.requests) == 21


def test_callers_that_leave_in_the_middle_are_counted_and_forgotten(gateway: Running, replica: Replica) -> None:
    before = gateway.metric("bedplate_gateway_requests_total", endpoint="hostile", status="499")
    for _ in range(10):
        with connect(gateway, "content-length: 1000") as connection:
            connection.sendall(b"x" * 500)
    until(lambda: gateway.metric("bedplate_gateway_requests_total", endpoint="hostile", status="499") == before + 10)
    assert in_flight(gateway) == 0
    assert len(replica.requests) == 1


def test_what_is_no_http_is_refused(gateway: Running, replica: Replica) -> None:
    for rubbish in (b"\x16\x03\x01\x02\x00\x01", b"\x00" * 1000, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", gateway.client.base_url.port or 0), timeout=10) as connection:
            connection.sendall(rubbish)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert gateway.predict("p/hostile").status_code == 200


@pytest.mark.parametrize("framing", ["content-length: 5\r\ntransfer-encoding: chunked", "content-length: x"])
def test_a_body_whose_length_is_in_doubt_reaches_no_replica(gateway: Running, replica: Replica, framing: str) -> None:
    with connect(gateway, *framing.split("\r\n")) as connection:
        connection.sendall(b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert len(replica.requests) == 1


@pytest.mark.parametrize("size", [4 * MIB + 1, 10 * MIB])
def test_bodies_of_ten_megabytes_are_refused_however_they_are_framed(
    gateway: Running, replica: Replica, size: int
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(size // MIB):
            yield b"x" * MIB
        yield b"x" * (size % MIB + 1)

    for content in (b"x" * size, chunks()):
        answer = gateway.predict("p/hostile", json=None, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert len(replica.requests) == 1


def test_a_caller_without_a_token_is_answered_before_its_body(gateway: Running, replica: Replica) -> None:
    lines = ["POST /p/hostile/predict HTTP/1.1", "host: a", "content-length: 10000000000", "", ""]
    with socket.create_connection(("127.0.0.1", gateway.client.base_url.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


def test_a_replica_that_takes_requests_and_never_answers_holds_up_nobody_else(
    gateway: Running, replica: Replica
) -> None:
    replica.mood = "waits"
    with Replica("other") as other, ExitStack() as held:
        gateway.control_plane.add("p", "well", (100, [other.address]), caller="caller")
        stuck = [held.enter_context(connect(gateway, "content-length: 2")) for _ in range(50)]
        for connection in stuck:
            connection.sendall(b"{}")
        until(lambda: len(replica.requests) == 51)
        assert [gateway.predict("p/well").status_code for _ in range(10)] == [200] * 10
        replica.stop()  # killed: whoever waited is sent to the next start of it
        replica.mood = "well"
        replica.start()
        for connection in stuck:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_predictions_go_on_while_nothing_of_the_control_plane_answers(gateway: Running, replica: Replica) -> None:
    """It is away for as long as it takes to be asked several times for everything."""
    control_plane = gateway.control_plane
    control_plane.stop()
    try:
        started, made = time.monotonic(), 0
        while time.monotonic() - started < 3:
            answer = gateway.predict("p/hostile")
            assert answer.status_code == 200
            assert answer.elapsed.total_seconds() < 3
            made += 1
    finally:
        control_plane.start()
    endpoint_id = control_plane.add("p", "hostile", (100, [replica.address]))
    until(lambda: control_plane.figures_of(endpoint_id)["requests"] >= made, timeout_seconds=20)
    assert made > 20


def test_a_kept_connection_may_ask_many_times(gateway: Running, replica: Replica) -> None:
    with http.client(base_url=gateway.client.base_url) as client:
        headers = {"authorization": "Bearer caller"}
        statuses = {client.post("/p/hostile/predict", json={}, headers=headers).status_code for _ in range(200)}
    assert statuses == {200}
