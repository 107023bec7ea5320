"""A run's life on a real installation: start, figures, logs, failure, stop, and twice the same key."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import STOP_GRACE_SECONDS, Ground, ground_of, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until
from tests.workers.backends.jobs import alive

pytestmark = pytest.mark.xdist_group("stack")

LOGS_AND_METRICS = """
from workers.runtime.context import job_context
ctx = job_context()
print("hello from the job")
for step in range(5):
    ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
ctx.report({"answer": 42, "parameters": ctx.parameters})
"""


def test_a_run_succeeds_with_its_metrics_logs_and_result(demo: httpx.Client, ground: Ground) -> None:
    body = run_body(ground, "metrics", LOGS_AND_METRICS) | {"parameters": {"depth": 3}}
    run = finished(demo, f"/runs/{post(demo, '/runs', body)['id']}")

    assert (run["state"], run["result"]) == ("succeeded", {"answer": 42, "parameters": {"depth": 3}})
    series = demo.get(f"/runs/{run['id']}/metrics?keys=loss").json()["series"]["loss"]
    assert series["steps"] == [0, 1, 2, 3, 4]
    assert series["values"] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    assert (run["summary"]["loss"]["last"], run["summary"]["loss"]["max"]) == (0.2, 1.0)
    chunks = demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    assert "hello from the job\n" in "".join(chunk["text"] for chunk in chunks)
    story = [step["to_state"] for step in demo.get(f"/workloads/{run['workload']}/story").json()]
    # One that is over before anybody looked was never seen to run.
    assert [state for state in story if state != "running"] == ["admitted", "launching", "succeeded"]


def test_a_script_that_raises_fails_with_the_reason(demo: httpx.Client, ground: Ground) -> None:
    run = finished(demo, f"/runs/{post(demo, '/runs', run_body(ground, 'raises', 'raise ValueError(7)'))['id']}")
    assert (run["state"], run["state_reason"]) == ("failed", "exit_nonzero")
    text = "".join(chunk["text"] for chunk in demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"])
    assert "ValueError: 7" in text


def test_a_run_that_is_stopped_ends_cancelled(demo: httpx.Client, ground: Ground) -> None:
    forever = "import threading\nprint('up', flush=True)\nthreading.Event().wait()\n"
    run = post(demo, "/runs", run_body(ground, "forever", forever))
    until(lambda: demo.get(f"/runs/{run['id']}").json()["state"] == "running", timeout_seconds=30)
    assert demo.post(f"/runs/{run['id']}/stop").is_success
    done = finished(demo, f"/runs/{run['id']}")
    assert (done["state"], done["state_reason"]) == ("cancelled", "cancelled_by_user")


DEAF = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
print("deaf", flush=True)
while True:
    signal.pause()
"""


def test_a_job_that_ignores_being_told_to_stop_is_killed_and_gives_its_quota_back(
    stack: Stack, demo: httpx.Client
) -> None:
    ground = ground_of(demo, "deaf")
    (queue,) = demo.get(f"/queues?project={ground.project}").json()["results"]
    whole = {"cpu_millis": 300, "memory_bytes": 256 << 20, "gpus": 0}
    with stack.client("admin") as admin:
        quota = {"queue": queue["id"], "resource": "cpu_millis", "nominal": 300}
        admin.put("/quotas", json=quota).raise_for_status()
    run = post(demo, "/runs", run_body(ground, "deaf", DEAF) | {"resources": whole})
    until(lambda: "deaf" in output(demo, run), timeout_seconds=30, what="the job to ignore SIGTERM")
    (attempt,) = demo.get(f"/attempts?workload={run['workload']}").json()["results"]
    assert len(alive(attempt["id"])) == 3  # the wrapper, the command and its child
    after = post(demo, "/runs", run_body(ground, "after", "print('mine')") | {"resources": whole})
    until(
        lambda: demo.get(f"/workloads/{after['workload']}").json()["state_reason"] == "waiting_for_quota",
        what="the second run to wait",
    )

    began = time.monotonic()
    assert demo.post(f"/runs/{run['id']}/stop").is_success
    done = finished(demo, f"/runs/{run['id']}")
    assert time.monotonic() - began >= STOP_GRACE_SECONDS
    assert (done["state"], done["state_reason"]) == ("cancelled", "cancelled_by_user")
    assert alive(attempt["id"]) == []
    usage = demo.get(f"/usage-records?workload={run['workload']}").json()["results"]
    assert [bool(record["closed_at"]) for record in usage] == [True] * len(usage) != []
    assert finished(demo, f"/runs/{after['id']}")["state"] == "succeeded"
    assert output(demo, after) == "mine\n"


def output(client: httpx.Client, run: dict[str, Any]) -> str:
    chunks = client.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    return "".join(str(chunk["text"]) for chunk in chunks)


def test_one_key_makes_one_run(demo: httpx.Client, ground: Ground) -> None:
    body = run_body(ground, "once", "pass")
    first = post(demo, "/runs", body, **{"Idempotency-Key": "once-1"})
    again = post(demo, "/runs", body, **{"Idempotency-Key": "once-1"})
    assert again == first
    named = [
        run for run in demo.get(f"/runs?experiment={ground.experiment}").json()["results"] if run["name"] == "once"
    ]
    assert len(named) == 1
    other = demo.post("/runs", json=body | {"name": "other"}, headers={"Idempotency-Key": "once-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_more_than_the_machine_has_is_refused_in_words(demo: httpx.Client, ground: Ground) -> None:
    body = run_body(ground, "huge", "pass") | {"resources": {"cpu_millis": 200, "memory_bytes": 256 << 20, "gpus": 64}}
    run = finished(demo, f"/runs/{post(demo, '/runs', body)['id']}")
    assert run["state"] == "failed"
    assert run["state_reason"] in {"exceeds_quota", "no_matching_flavor"}
    assert "64" in run["state_detail"]
