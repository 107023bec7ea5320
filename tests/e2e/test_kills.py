"""What is killed comes back, and nothing runs twice."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.e2e.conftest import Ground, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


@pytest.mark.parametrize("name", ["worker", "beat", "web", "gateway"])
def test_a_killed_part_comes_back_and_a_run_goes_through(
    stack: Stack, demo: httpx.Client, ground: Ground, name: str
) -> None:
    body = run_body(ground, f"after-{name}", "print('once')")
    run = post(demo, "/runs", body)
    old = stack.child(name)
    old.send_signal(signal.SIGKILL)
    until(lambda: _replaced(stack, name, old.pid), timeout_seconds=30)
    until(lambda: _up(demo), timeout_seconds=30)
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=90)

    assert done["state"] == "succeeded", done
    attempts = demo.get(f"/attempts?workload={run['workload']}").json()["results"]
    assert len(attempts) == 1
    text = "".join(chunk["text"] for chunk in demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"])
    assert text == "once\n"


def _replaced(stack: Stack, name: str, pid: int) -> bool:
    try:
        return stack.child(name).pid != pid
    except LookupError:
        return False


def _up(client: httpx.Client) -> bool:
    try:
        return client.get("/users/me").is_success
    except httpx.HTTPError:
        return False
