"""What is lost runs again as a new attempt, from the last checkpoint that was acknowledged; nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Ground, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until
from tests.workers.backends.jobs import alive

pytestmark = pytest.mark.xdist_group("stack")

SCRIPT = """
import threading
from workers.runtime.context import job_context
ctx = job_context()
found = ctx.latest_checkpoint()
first = int(found.path.read_text()) if found else 0
for step in range(first, 6):
    ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
    state = ctx.work_dir / f"step-{step}"
    state.write_text(str(step + 1))
    ctx.save_checkpoint(state, step=step)
    if step == 2 and not found:
        print("waits to be killed", flush=True)
        threading.Event().wait()
ctx.report({"resumed_from": first})
"""


@pytest.mark.parametrize("victim", ["supervisor", "wrapper"])
def test_a_run_whose_keeper_or_wrapper_is_killed_goes_on_from_its_last_checkpoint(
    stack: Stack, demo: httpx.Client, ground: Ground, victim: str
) -> None:
    run = post(demo, "/runs", run_body(ground, f"lost-{victim}", SCRIPT))
    until(lambda: "waits to be killed" in _logs(demo, run), 30)
    (attempt,) = _attempts(demo, run)
    state = json.loads((stack.home / "jobs" / attempt["id"] / "state.json").read_text())
    os.kill(state["supervisor"]["pid"] if victim == "supervisor" else state["members"][0]["pid"], signal.SIGKILL)
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=60)
    assert (done["state"], done["result"]) == ("succeeded", {"resumed_from": 3}), done
    first, second = sorted(_attempts(demo, run), key=lambda one: int(one["number"]))
    assert (first["outcome"], second["outcome"], second["number"]) == ("lost", "completed", 2)
    series = demo.get(f"/runs/{run['id']}/metrics?keys=loss").json()["series"]["loss"]
    assert series["steps"] == [0, 1, 2, 3, 4, 5]
    assert [alive(one["id"]) for one in (first, second)] == [[], []]
    _nothing_is_held(demo, run)


def test_a_command_that_is_killed_is_the_users_and_says_the_signal(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    script = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    run = finished(demo, f"/runs/{post(demo, '/runs', run_body(ground, 'killed', script))['id']}")
    assert (run["state"], run["state_reason"]) == ("failed", "exit_nonzero")
    assert "SIGKILL" in run["state_detail"]
    assert len(_attempts(demo, run)) == 1


def test_a_fork_bomb_fails_says_so_and_the_installation_answers(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    script = (
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        continue\n"
    )
    body = run_body(ground, "bomb", script)
    body["resources"] = {"cpu_millis": 200, "memory_bytes": 2 << 30, "gpus": 0}
    run = finished(demo, f"/runs/{post(demo, '/runs', body)['id']}", timeout_seconds=60)
    assert (run["state"], run["state_reason"]) == ("failed", "exit_nonzero")
    assert "processes and threads at once" in run["state_detail"]
    (attempt,) = _attempts(demo, run)
    until(lambda: alive(attempt["id"]) == [])
    _nothing_is_held(demo, run)
    after = finished(demo, f"/runs/{post(demo, '/runs', run_body(ground, 'after-bomb', 'pass'))['id']}")
    assert after["state"] == "succeeded"


def _attempts(client: httpx.Client, run: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/attempts?workload={run['workload']}").json()["results"]
    return rows


def _logs(client: httpx.Client, run: dict[str, Any]) -> str:
    chunks = client.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    return "".join(str(chunk["text"]) for chunk in chunks)


def _nothing_is_held(client: httpx.Client, run: dict[str, Any]) -> None:
    usage = client.get(f"/usage-records?workload={run['workload']}").json()["results"]
    assert all(one["closed_at"] for one in usage)
    assert client.get(f"/workloads/{run['workload']}").json()["liveness"] is None
