"""The gateway as a process, before real servers: who gets in, what is forwarded, how requests are split."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from tests.support import http
from tests.support.gateway_api import ControlPlane, Replica
from tests.support.job_process import JobProcess
from tests.support.waiting import until
from tests.workers.runtime.gateway.conftest import Running, gateway_environment
from workers.contracts.exit_codes import PORT_IN_USE, USER_ERROR


def test_without_a_token_nobody_gets_in(gateway: Running) -> None:
    gateway.control_plane.add("p", "closed", (100, []))
    for headers in (
        {},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer " + "x" * 513},
    ):
        answer = gateway.client.post("/p/closed/predict", headers=headers, json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_hidden_and_missing_are_the_same(gateway: Running) -> None:
    with Replica("a") as replica:
        gateway.control_plane.add("p", "hidden", (100, [replica.address]), caller="owner")
        assert gateway.predict("p/hidden", "owner").status_code == 200
        answers = [gateway.predict(path, "stranger") for path in ("p/hidden", "p/missing")]
        assert len(replica.requests) == 1
    for answer in answers:
        document = answer.json()
        assert document.pop("request_id") == answer.headers["x-request-id"]
        assert document == {
            "type": "urn:bedplate:problem:not_found",
            "title": "Not Found",
            "status": 404,
            "code": "not_found",
            "detail": "there is no such endpoint, or you may not use it: POST /{project}/{endpoint}/predict",
            "retryable": False,
        }
        assert answer.headers["content-type"] == "application/problem+json"
    assert answers[0].headers.keys() == answers[1].headers.keys()


def test_a_request_is_forwarded_with_its_id_and_without_the_callers_token(gateway: Running) -> None:
    with Replica("a") as replica:
        gateway.control_plane.add("p", "forward", (0, ["127.0.0.1:1"]), (100, [replica.address]), caller="caller")
        headers = {"x-request-id": "mine-1", "cookie": "session=1", "traceparent": "00-1-2-03"}
        answer = gateway.predict("p/forward", headers=headers, json={"records": [{"ä": 1}]})
    (request,) = replica.requests
    assert (answer.status_code, answer.json()) == (200, {"replica": "a"})
    assert (answer.headers["x-bedplate-revision"], answer.headers["x-request-id"]) == ("2", "mine-1")
    assert (request["path"], request["body"]) == ("/predict", '{"records":[{"ä":1}]}')
    assert {name: request["headers"].get(name) for name in ("x-request-id", "traceparent", "content-type")} == {
        "x-request-id": "mine-1",
        "traceparent": "00-1-2-03",
        "content-type": "application/json",
    }
    assert not request["headers"].keys() & {"authorization", "cookie"}


def test_a_request_id_that_could_hurt_a_log_is_replaced(gateway: Running) -> None:
    answer = gateway.predict("p/missing", headers={"x-request-id": 'a" b' + "c" * 200})
    assert len(answer.headers["x-request-id"]) == 32


def test_what_a_replica_refuses_is_passed_on(gateway: Running) -> None:
    with Replica("a") as replica:
        replica.mood = "invalid"
        gateway.control_plane.add("p", "refused", (100, [replica.address]), caller="caller")
        answer = gateway.predict("p/refused")
    assert (answer.status_code, answer.json()) == (422, {"code": "invalid_record", "record": 3})


def test_the_split_is_exact(gateway: Running) -> None:
    with Replica("old-1") as one, Replica("old-2") as two, Replica("new") as new:
        addresses = [one.address, two.address]
        gateway.control_plane.add("p", "split", (90, addresses), (10, [new.address]), caller="caller")
        answers = [gateway.predict("p/split") for _ in range(100)]
    assert Counter(answer.headers["x-bedplate-revision"] for answer in answers) == {"1": 90, "2": 10}
    assert Counter(answer.json()["replica"] for answer in answers) == {"old-1": 45, "old-2": 45, "new": 10}
    assert gateway.metric("bedplate_gateway_requests_total", endpoint="split", revision="2", status="200") == 10
    assert gateway.metric("bedplate_gateway_request_duration_seconds_count", endpoint="split", revision="1") == 90


def test_other_paths_methods_and_bodies(gateway: Running) -> None:
    with Replica("a") as replica:
        gateway.control_plane.add("p", "other", (100, [replica.address]), caller="caller")
        for path in ("/", "/p/other", "/p//predict", "/p/other/predict/more"):
            assert gateway.client.post(path).json()["code"] == "not_found"
        assert gateway.client.get("/p/other/predict").status_code == 405
        for size in (4 << 20) + 1, 20 << 20:
            answer = gateway.predict("p/other", json=None, content=b"x" * size)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert replica.requests == []
        assert gateway.predict("p/other", json=None, content=b"x" * (4 << 20)).status_code == 200


def test_the_table_is_fetched_with_its_tag(gateway: Running) -> None:
    gateway.control_plane.add("p", "tag", (100, []))
    statuses = gateway.control_plane.route_statuses
    seen = len(statuses)
    until(lambda: len(statuses) >= seen + 3)
    assert statuses[seen : seen + 3] == [200, 304, 304]


def test_a_grant_is_remembered_for_as_long_as_the_control_plane_says(gateway: Running) -> None:
    control_plane = gateway.control_plane
    with Replica("a") as replica:
        endpoint_id = control_plane.add("p", "grants", (100, [replica.address]), caller="kept")
        control_plane.grants["fleeting"] = {endpoint_id}
        assert [gateway.predict("p/grants", "kept").status_code for _ in range(3)] == [200] * 3
        control_plane.ttl_seconds = 0.0
        assert gateway.predict("p/grants", "fleeting").status_code == 200
        control_plane.grants = {}
        statuses = [gateway.predict("p/grants", token).status_code for token in ("kept", "fleeting")]
        control_plane.ttl_seconds = 30.0
    assert statuses == [200, 404]
    assert [token for token, asked in control_plane.asked if asked == endpoint_id] == ["kept", "fleeting", "fleeting"]


def test_a_failed_request_is_logged_with_its_id(gateway: Running) -> None:
    with Replica("a") as replica:
        replica.mood = "breaks"
        gateway.control_plane.add("p", "logged", (100, [replica.address]), caller="caller")
        assert gateway.predict("p/logged", headers={"x-request-id": "find-me"}).status_code == 502

    def found() -> list[dict[str, object]]:
        return [line for line in gateway.process.lines if line.get("request_id") == "find-me"]

    until(found)
    line = found()[0]
    assert (line["level"], line["code"], line["status"]) == ("warning", "upstream_broken", 502)
    assert (line["project"], line["endpoint"], line["process"]) == ("p", "logged", "gateway")


def test_it_is_ready_when_the_control_plane_answered_and_leaves_with_nought() -> None:
    control_plane = ControlPlane()
    with control_plane:
        pass  # it has a port, and is away
    with JobProcess("workers.runtime.gateway", gateway_environment(control_plane)) as process:
        url = f"http://127.0.0.1:{process.said('listening')['port']}"
        with http.client(base_url=url) as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").json()["detail"] == "the control plane has not answered yet"
            early = client.post("/p/e/predict", headers={"authorization": "Bearer t"}, json={})
            assert (early.status_code, early.json()["code"], early.headers["retry-after"]) == (503, "not_ready", "1")
            with control_plane:
                until(lambda: client.get("/readyz").status_code == 200)
        process.terminate()
        assert process.ended() == 0


def test_a_port_in_use_and_a_missing_setting_end_it_with_a_reason() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {
            "BEDPLATE_JOB_API_URL": "http://127.0.0.1:1",
            "BEDPLATE_GATEWAY_TOKEN": "t",
            "BEDPLATE_GATEWAY_PORT": str(taken.getsockname()[1]),
        }
        with JobProcess("workers.runtime.gateway", environment) as process:
            assert process.ended() == PORT_IN_USE
    with JobProcess("workers.runtime.gateway", {}) as process:
        assert process.ended() == USER_ERROR
    assert process.other == [
        "the gateway cannot start: BEDPLATE_JOB_API_URL is not set; it takes the address of the control plane, "
        "such as http://127.0.0.1:8000\n"
    ]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_and_metrics_need_no_token(gateway: Running, path: str) -> None:
    assert gateway.client.get(path).status_code == 200
