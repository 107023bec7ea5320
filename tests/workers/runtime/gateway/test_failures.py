"""Replicas and a control plane that refuse, die, hang up and come back, and what a caller sees of it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gateway_api import TOKEN, ControlPlane, Replica
from tests.support.waiting import until
from tests.workers.runtime.gateway.conftest import Running
from workers.runtime.gateway.control_plane import ControlPlane as Client
from workers.runtime.gateway.forwarding import EndpointGone, Forwarder, NoReadyReplica
from workers.runtime.gateway.routes import RouteTable
from workers.runtime.gateway.upstream import Upstream


def test_a_dead_replica_is_not_noticed(gateway: Running) -> None:
    with Replica("alive") as alive, Replica("dead") as dead:
        gateway.control_plane.add("p", "dead", (100, [dead.address, alive.address]), caller="caller")
        dead.stop()
        answers = [gateway.predict("p/dead") for _ in range(10)]
    assert [answer.json()["replica"] for answer in answers] == ["alive"] * 10
    assert gateway.metric("bedplate_gateway_retries_total", endpoint="dead", reason="unreachable") >= 1


def test_a_replica_that_is_not_ready_passes_its_request_on(gateway: Running) -> None:
    with Replica("ready") as ready, Replica("loading") as loading:
        loading.mood = "not ready"
        gateway.control_plane.add("p", "loading", (100, [loading.address, ready.address]), caller="caller")
        answers = [gateway.predict("p/loading") for _ in range(4)]
    assert [answer.json()["replica"] for answer in answers] == ["ready"] * 4
    assert gateway.metric("bedplate_gateway_retries_total", endpoint="loading", reason="not_ready") >= 1


def test_a_replica_that_dies_at_work_has_its_request_done_by_another(gateway: Running) -> None:
    with Replica("alive") as alive, Replica("dies") as dies:
        dies.mood = "dies"
        gateway.control_plane.add("p", "dies", (100, [dies.address, alive.address]), caller="caller")
        answers = [gateway.predict("p/dies") for _ in range(2)]
    assert [answer.json()["replica"] for answer in answers] == ["alive"] * 2
    assert dies.requests


def test_an_answer_that_began_is_not_asked_for_again(gateway: Running) -> None:
    with Replica("breaks") as breaks, Replica("other") as other:
        breaks.mood = "breaks"
        gateway.control_plane.add("p", "breaks", (100, [breaks.address, other.address]), caller="caller")
        answer = gateway.predict("p/breaks")
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_broken")
    assert (len(breaks.requests), len(other.requests)) == (1, 0)
    assert gateway.metric("bedplate_gateway_errors_total", endpoint="breaks", code="upstream_broken") == 1


def test_a_restart_of_the_only_replica_is_not_noticed(gateway: Running) -> None:
    with Replica("only") as replica, ThreadPoolExecutor(1) as pool:
        gateway.control_plane.add("p", "restart", (100, [replica.address]), caller="caller")
        assert gateway.predict("p/restart").status_code == 200
        replica.stop()
        waiting = pool.submit(gateway.predict, "p/restart")
        until(lambda: gateway.metric("bedplate_gateway_retries_total", endpoint="restart") >= 2)
        replica.start()
        assert waiting.result().json() == {"replica": "only"}


def test_a_replica_that_comes_back_elsewhere_is_found(gateway: Running) -> None:
    with Replica("old") as old, Replica("new") as new, ThreadPoolExecutor(1) as pool:
        gateway.control_plane.add("p", "moved", (100, [old.address]), caller="caller")
        assert gateway.predict("p/moved").json() == {"replica": "old"}
        old.stop()
        waiting = pool.submit(gateway.predict, "p/moved")
        until(lambda: gateway.metric("bedplate_gateway_retries_total", endpoint="moved") >= 1)
        gateway.control_plane.add("p", "moved", (100, [new.address]))
        assert waiting.result().json() == {"replica": "new"}


def test_kept_connections_that_a_replica_closed_are_not_a_failure(gateway: Running) -> None:
    with Replica("again") as replica:
        gateway.control_plane.add("p", "kept", (100, [replica.address]), caller="caller")
        assert gateway.predict("p/kept").status_code == 200
        replica.stop()
        replica.start()
        assert gateway.predict("p/kept").status_code == 200
    assert gateway.metric("bedplate_gateway_retries_total", endpoint="kept") == 0


def test_it_serves_by_the_last_table_while_the_control_plane_is_away(gateway: Running) -> None:
    control_plane = gateway.control_plane
    with Replica("a") as replica:
        control_plane.add("p", "away", (100, [replica.address]), caller="known")
        assert gateway.predict("p/away", "known").status_code == 200
        control_plane.stop()
        try:
            gateway.process.said("the control plane is away: serving by the last table")
            assert gateway.predict("p/away", "known").status_code == 200
            for path in ("p/away", "p/missing"):
                answer = gateway.predict(path, "new")
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert gateway.client.get("/readyz").status_code == 200
        finally:
            control_plane.start()
        gateway.process.said("the control plane is back")
        assert gateway.predict("p/away", "new").status_code == 404


def _forward(control_plane: ControlPlane, patience_seconds: float) -> float:
    """One request to p/e, tried for so long; returns the seconds it took to fail by raising what it raised."""

    async def attempt() -> None:
        client, upstream = Client(control_plane.url, TOKEN), Upstream()
        table = RouteTable(client.routes, lambda _: None)
        await table.newer_than(time.monotonic())
        route = table.find("p", "e")
        assert route is not None
        retries: list[str] = []
        forwarder = Forwarder(
            table, upstream, lambda *about: retries.append(about[2]), patience_seconds=patience_seconds
        )
        try:
            if patience_seconds > 1:
                control_plane.endpoints.clear()
            await forwarder.post(route, "/predict", {}, b"{}")
        finally:
            upstream.close()
            await client.close()

    started = time.monotonic()
    asyncio.run(attempt())
    return time.monotonic() - started


def test_patience_ends() -> None:
    with ControlPlane() as control_plane:
        control_plane.add("p", "e", (100, []))
        with pytest.raises(NoReadyReplica):
            _forward(control_plane, 0.3)
        control_plane.add("p", "e", (100, ["127.0.0.1:1"]))
        with pytest.raises(NoReadyReplica):
            _forward(control_plane, 0.3)
        control_plane.add("p", "e", (0, ["127.0.0.1:1"]))
        with pytest.raises(NoReadyReplica):
            _forward(control_plane, 0.3)


def test_an_endpoint_that_is_removed_meanwhile_is_gone_at_once() -> None:
    with ControlPlane() as control_plane:
        control_plane.add("p", "e", (100, []))
        with pytest.raises(EndpointGone):
            _forward(control_plane, 60.0)
