"""A served model: behind one address that outlives its replicas, raw records in, hidden from strangers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.conftest import RECORDS, Served, post
from tests.support import http
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def endpoint(served: Served) -> dict[str, Any]:
    return served.endpoint


@pytest.fixture
def caller(demo: httpx.Client) -> Iterator[httpx.Client]:
    with http.client(headers={"Authorization": demo.headers["Authorization"]}, timeout=30) as client:
        yield client


def test_raw_records_go_in_and_predictions_come_out(endpoint: dict[str, Any], caller: httpx.Client) -> None:
    answer = caller.post(endpoint["url"], json=RECORDS)
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    assert len(predictions) == 3
    assert all(0 <= one["score"] <= 1 and one["label"] in {"good", "bad"} for one in predictions)


def test_its_figures_are_seen_from_both_sides(
    endpoint: dict[str, Any], caller: httpx.Client, demo: httpx.Client
) -> None:
    (revision,) = [one for one in endpoint["revisions"] if one["state"] == "ready"]

    def counted(seen_by: str) -> tuple[float, float]:
        """Requests of the last hour, and errors of callers among them."""
        found = demo.get(f"/endpoints/{endpoint['id']}/figures").json()
        mine = [one for one in found[seen_by]["revisions"] if one["revision"] == revision["id"]]
        requests = sum(sum(one["requests_per_second"]) for one in mine) * found["step_seconds"]
        return requests, sum(sum(one["errors_per_second"]["caller"]) for one in mine) * found["step_seconds"]

    before = {seen_by: counted(seen_by) for seen_by in ("gateway", "replicas")}
    for _ in range(6):
        assert caller.post(endpoint["url"], json=RECORDS).status_code == 200
    assert caller.post(endpoint["url"], json={"records": [{"age": "old"}]}).status_code == 422

    def all_there() -> bool:
        after = {seen_by: counted(seen_by) for seen_by in before}
        return all(after[one][0] >= before[one][0] + 7 and after[one][1] >= before[one][1] + 1 for one in before)

    until(all_there, timeout_seconds=20)


def test_a_bad_record_is_refused_by_place(endpoint: dict[str, Any], caller: httpx.Client) -> None:
    answer = caller.post(endpoint["url"], json={"records": [{"age": 30, "income": 1}, {"age": "old", "income": 1}]})
    assert answer.status_code == 422
    assert "record 1" in answer.json()["detail"].lower()
    assert "age" in answer.json()["detail"]


def test_the_address_survives_its_replica(endpoint: dict[str, Any], caller: httpx.Client, stack: Stack) -> None:
    before = caller.post(endpoint["url"], json=RECORDS).json()["predictions"]
    (replica,) = replicas(stack, endpoint)
    replica.kill()
    psutil.wait_procs([replica], timeout=10)
    until(lambda: caller.post(endpoint["url"], json=RECORDS).status_code == 200, timeout_seconds=30)
    assert caller.post(endpoint["url"], json=RECORDS).json()["predictions"] == before
    (again,) = replicas(stack, endpoint)
    assert again.pid != replica.pid


def replicas(stack: Stack, endpoint: dict[str, Any]) -> list[psutil.Process]:
    """The processes that serve the endpoint's ready revision, without the wrappers above them."""
    jobs = str(stack.home / "jobs")
    ready = {revision["workload"] for revision in endpoint["revisions"] if revision["state"] == "ready"}
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            serves = words[1:3] == ["-m", "workers.runtime.serving"] and process.cwd().startswith(jobs)
            if serves and process.environ()["BEDPLATE_WORKLOAD_ID"] in ready:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_stranger_finds_nothing_at_the_address(
    endpoint: dict[str, Any], stranger: httpx.Client, stack: Stack
) -> None:
    with http.client(headers={"Authorization": stranger.headers["Authorization"]}) as client:
        hidden = client.post(endpoint["url"], json=RECORDS)
        missing = client.post(f"{stack.gateway_url}/ground/nothing/predict", json=RECORDS)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json() | {"request_id": ""} == missing.json() | {"request_id": ""}
    assert stranger.get(f"/endpoints/{endpoint['id']}").status_code == 404


def test_metrics_and_probes_answer_everywhere(endpoint: dict[str, Any], stack: Stack, demo: httpx.Client) -> None:
    (revision,) = [one for one in endpoint["revisions"] if one["state"] == "ready"]
    (attempt,) = demo.get(f"/attempts?workload={revision['workload']}").json()["results"]
    (replica,) = [member["address"] for member in attempt["members"]]
    worker = f"http://127.0.0.1:{stack.environment['BEDPLATE_WORKER_METRICS_PORT']}"
    for base in (stack.url, stack.gateway_url, worker, f"http://{replica}"):
        for path in ("/livez", "/readyz", "/metrics"):
            assert http.get(base + path).status_code == 200, f"{base}{path}"
    assert "bedplate_" in http.get(f"{stack.gateway_url}/metrics").text


def test_a_damaged_model_is_told_at_its_revision_while_the_one_before_goes_on(
    endpoint: dict[str, Any], caller: httpx.Client, demo: httpx.Client, stack: Stack
) -> None:
    (serving,) = [one for one in endpoint["revisions"] if one["state"] == "ready"]
    version = demo.get(f"/model-versions/{serving['model_version']}").json()
    artifact = demo.get(f"/artifacts/{version['artifact']}").json()
    (file,) = [path for path in stack.home.rglob("*.onnx") if str(path).endswith(artifact["uri"].split("//", 1)[1])]
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    try:
        body = {"endpoint": endpoint["id"], "model_version": version["id"]}
        revision = post(demo, "/revisions", body)
        until(lambda: "The model cannot be loaded" in state_of(demo, revision)["state_detail"], timeout_seconds=60)
        told = state_of(demo, revision)
        assert told["state"] == "loading"
        assert told["state_detail"].startswith("Replica 0 ended with an error and is started again")
        assert caller.post(endpoint["url"], json=RECORDS).headers["x-bedplate-revision"] == "1"
    finally:
        file.write_bytes(content)
    until(lambda: state_of(demo, revision)["weight"] == 100, timeout_seconds=60)
    assert state_of(demo, revision)["state_detail"] == ""
    until(lambda: caller.post(endpoint["url"], json=RECORDS).headers["x-bedplate-revision"] == "2", timeout_seconds=10)


def state_of(demo: httpx.Client, revision: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = demo.get(f"/revisions/{revision['id']}").json()
    return found
