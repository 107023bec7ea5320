"""What makes way for other work on a real installation: told, left or killed, and gone on with from its checkpoint."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import STEPS, Ground, ground_of, post, run_body
from tests.support.stack import ROOT, Stack, finished
from tests.support.waiting import until
from tests.workers.backends.jobs import alive

pytestmark = pytest.mark.xdist_group("stack")
EPOCHS, STEPS_AN_EPOCH = 40, 27

PREEMPT = """
import os, signal
from apps.common import clock, queues
from apps.common.audit import Actor
from apps.quotas.models import Workload
from apps.quotas.services.preemption import Victim, workloads_preempt

print("ready", flush=True)
name, worker = input().split()
victims = [Victim(one, "reclaimed", "", None) for one in Workload.objects.filter(name=name, state="running")]
print(len(workloads_preempt(victims, actor=Actor.system("test"), at=clock.db_now())), flush=True)
if int(worker):
    os.kill(int(worker), signal.SIGKILL)
queues.flush(5)
"""


@contextmanager
def preempting(stack: Stack) -> Iterator[Callable[..., None]]:
    """Makes the running workload of a name give way, at once; and in the same moment kills the worker of a pid."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", PREEMPT],
        cwd=ROOT, env=stack.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def preempt(name: str, *, worker: int = 0) -> None:
            print(name, worker, file=process.stdin, flush=True)
            assert process.stdout is not None
            assert process.stdout.readline() == "1\n"

        try:
            yield preempt
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_training_run_makes_way_and_goes_on_with_its_next_step(stack: Stack, demo: httpx.Client) -> None:
    ground = ground_of(demo, "makes-way")
    recipe = post(demo, "/recipes", {"project": ground.project, "name": "people", "steps": STEPS})
    cleaning = post(demo, "/cleaning-runs", {"recipe": recipe["id"], "input_version": ground.version})
    cleaned = finished(demo, f"/cleaning-runs/{cleaning['id']}")
    body = run_body(ground, "yields", "", dataset_version=cleaned["output_version"], kind="tabular_classifier")
    body["parameters"] = {"epochs": EPOCHS, "batch_size": 1, "hidden": 8}
    body["resources"] = {"cpu_millis": 500, "memory_bytes": 1 << 30, "gpus": 0}
    with preempting(stack) as preempt:
        run = post(demo, "/runs", body)
        until(lambda: demo.get(f"/checkpoints?run={run['id']}").json()["results"], 60, what="a checkpoint that counts")
        preempt("yields")
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=120)
    assert done["state"] == "succeeded", done

    first, second = attempts_of(demo, run)
    assert (first["outcome"], first["exit_code"], second["outcome"]) == ("reclaimed", 83, "completed")
    steps = story(demo, run)
    assert ("stopping", "reclaimed", "") in steps
    (why,) = [detail for state, reason, detail in steps if (state, reason) == ("pending", "reclaimed")]
    assert why.startswith("It left in time, with its checkpoint of ")
    text = output(demo, run)
    assert "): the next attempt continues from the last checkpoint" in text
    kept = demo.get(f"/checkpoints?run={run['id']}&page_size=200").json()["results"]
    last = max(one["step"] for one in kept if one["attempt"] == first["id"])
    assert f"(step {last})\n" in text, "it goes on from where it left"
    assert 0 < last < EPOCHS * STEPS_AN_EPOCH
    series = demo.get(f"/runs/{run['id']}/metrics?keys=train/loss&points=5000").json()["series"]["train/loss"]
    assert series["steps"] == list(range(1, EPOCHS * STEPS_AN_EPOCH + 1)), "each step once, and none is missing"
    assert [alive(one["id"]) for one in (first, second)] == [[], []]


DEAF = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("attempt", os.environ["BEDPLATE_ATTEMPT_NUMBER"], flush=True)
if os.environ["BEDPLATE_ATTEMPT_NUMBER"] == "1":
    while True:
        signal.pause()
"""


def test_what_ignores_the_notice_is_killed_at_the_deadline_though_the_worker_died_with_it(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    """The job's own side holds it to its time; the next worker sees what came of it."""
    worker = stack.child("worker").pid
    with preempting(stack) as preempt:
        run = post(demo, "/runs", run_body(ground, "unmoved", DEAF))
        until(lambda: output(demo, run) and workload(demo, run)["state"] == "running", 60, what="the job to be deaf")
        preempt("unmoved", worker=worker)
    until(lambda: _is_another(stack, worker), timeout_seconds=30)
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=90)
    assert done["state"] == "succeeded", done
    first, second = attempts_of(demo, run)
    assert (first["outcome"], first["exit_code"], second["outcome"]) == ("reclaimed", 137, "completed")
    (why,) = [detail for state, _, detail in story(demo, run) if state == "pending"]
    assert why.startswith("It did not leave as agreed, has no checkpoint and starts anew: ")
    assert output(demo, run) == "attempt 1\nattempt 2\n"
    assert alive(first["id"]) == []


def attempts_of(client: httpx.Client, run: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/attempts?workload={run['workload']}").json()["results"]
    return sorted(rows, key=lambda one: int(one["number"]))


def workload(client: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/workloads/{run['workload']}").json()
    return found


def story(client: httpx.Client, run: dict[str, Any]) -> list[tuple[str, str, str]]:
    steps = client.get(f"/workloads/{run['workload']}/story").json()
    return [(step["to_state"], step["reason"], step["detail"]) for step in steps]


def output(client: httpx.Client, run: dict[str, Any]) -> str:
    chunks = client.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    return "".join(str(chunk["text"]) for chunk in chunks)


def _is_another(stack: Stack, pid: int) -> bool:
    try:
        return stack.child("worker").pid != pid
    except LookupError:
        return False
