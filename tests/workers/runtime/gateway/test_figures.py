"""What a gateway process tells of its requests, whatever its control plane does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support import http
from tests.support.gateway_api import ControlPlane, Replica
from tests.support.job_process import JobProcess
from tests.support.waiting import until
from tests.workers.runtime.gateway.conftest import Running, gateway_environment
from workers.runtime.web.publishing import TIMEOUT


@pytest.fixture(autouse=True)
def well(gateway: Running) -> Iterator[None]:
    yield
    gateway.control_plane.figures_mood = "well"


def seen(gateway: Running, endpoint_id: str, requests: int) -> dict[str, object]:
    """The figures of an endpoint once so many requests are in them."""
    control_plane = gateway.control_plane
    until(lambda: control_plane.figures_of(endpoint_id)["requests"] >= requests, what=f"{requests} requests")
    return control_plane.figures_of(endpoint_id)


def test_requests_and_errors_are_told_by_revision(gateway: Running) -> None:
    with Replica("old") as old, Replica("new") as new:
        endpoint_id = gateway.control_plane.add(
            "p", "figures", (50, [old.address]), (50, [new.address]), caller="caller"
        )
        new.mood = "invalid"
        assert sorted(gateway.predict("p/figures").status_code for _ in range(10)) == [200] * 5 + [422] * 5
        old.mood = new.mood = "breaks"
        assert [gateway.predict("p/figures").status_code for _ in range(2)] == [502, 502]
        found = seen(gateway, endpoint_id, 12)
    assert found == {
        "requests": 12,
        "caller_errors": 5,
        "server_errors": 2,
        "revisions": {f"{endpoint_id}-1": 6, f"{endpoint_id}-2": 6},
    }


def test_what_no_replica_got_has_no_revision_and_strangers_are_no_traffic(gateway: Running) -> None:
    endpoint_id = gateway.control_plane.add("p", "empty", (100, []), caller="caller")
    assert gateway.predict("p/empty", "stranger").status_code == 404
    assert gateway.predict("p/empty").status_code == 503
    assert gateway.predict("p/empty", json=None, content=b"x" * (5 << 20)).status_code == 413
    assert seen(gateway, endpoint_id, 2) == {
        "requests": 2,
        "caller_errors": 1,
        "server_errors": 1,
        "revisions": {"": 2},
    }


def test_a_second_is_sent_in_one_request_soon_after_it_ended(gateway: Running) -> None:
    with Replica("a") as replica:
        endpoint_id = gateway.control_plane.add("p", "soon", (100, [replica.address]), caller="caller")
        gateway.predict("p/soon")
        asked_at = time.time()
        seen(gateway, endpoint_id, 1)
        assert time.time() - asked_at < 8
    numbers = [number for mood, numbers in gateway.control_plane.figures_sent for number in numbers]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("mood", ["away", "slow", "silent"])
def test_a_control_plane_that_takes_no_figures_costs_callers_nothing_and_loses_none(
    gateway: Running, mood: str
) -> None:
    control_plane = gateway.control_plane
    with Replica("a") as replica:
        endpoint_id = control_plane.add("p", f"mood-{mood}", (100, [replica.address]), caller="caller")
        gateway.predict(f"p/mood-{mood}")
        control_plane.figures_mood, sent = mood, len(control_plane.figures_sent)
        made, slowest = 0, 0.0

        def asked_twice() -> bool:
            nonlocal made, slowest
            started = time.monotonic()
            assert gateway.predict(f"p/mood-{mood}").status_code == 200
            made, slowest = made + 1, max(slowest, time.monotonic() - started)
            return len(control_plane.figures_sent) >= sent + 2

        until(asked_twice, timeout_seconds=20)
        control_plane.ended.set()  # the slow one answers
        control_plane.figures_mood = "well"
        found = seen(gateway, endpoint_id, made + 1)
        control_plane.ended.clear()
    assert (found["requests"], found["server_errors"]) == (made + 1, 0)
    assert slowest < (TIMEOUT.read or 0), "nobody waited for it"


def test_figures_that_are_refused_are_given_up_and_later_ones_come(gateway: Running) -> None:
    control_plane = gateway.control_plane
    with Replica("a") as replica:
        endpoint_id = control_plane.add("p", "refused-figures", (100, [replica.address]), caller="caller")
        control_plane.figures_mood = "refuses"
        gateway.predict("p/refused-figures")
        line = gateway.process.said("figures were given up")
        assert "seconds[0]: no" in str(line["reason"])
        control_plane.figures_mood = "well"

        def comes() -> bool:
            gateway.predict("p/refused-figures")
            return bool(control_plane.figures_of(endpoint_id)["requests"])

        until(comes)


def test_the_last_second_is_sent_on_leaving() -> None:
    with ControlPlane() as control_plane, Replica("a") as replica:
        endpoint_id = control_plane.add("p", "last", (100, [replica.address]), caller="caller")
        with JobProcess("workers.runtime.gateway", gateway_environment(control_plane)) as process:
            url = f"http://127.0.0.1:{process.said('listening')['port']}"
            with http.client(base_url=url, headers={"authorization": "Bearer caller"}) as client:
                until(lambda: client.post("/p/last/predict", json={}).status_code == 200)
                for _ in range(20):
                    client.post("/p/last/predict", json={})
                process.terminate()
                assert process.ended() == 0
        found = control_plane.figures_of(endpoint_id)
    assert found["requests"] == len(replica.requests)
