"""Redis emptied at any moment: what was queued is found again by the ticks, what runs goes on."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.e2e.conftest import Ground, post, run_body
from tests.e2e.outages import EndlessRun, frozen
from tests.support.stack import Stack, finished

pytestmark = pytest.mark.xdist_group("stack")


def empty(stack: Stack) -> int:
    """Remove everything; returns how many keys there were."""
    with Redis.from_url(json.loads((stack.home / "run" / "embedded.json").read_text())["redis_url"]) as redis:
        count = int(redis.dbsize())
        redis.flushall()
    return count


def test_in_the_middle_of_a_run(stack: Stack, demo: httpx.Client, ground: Ground, tmp_path: Path) -> None:
    run = EndlessRun(demo, ground, "emptied", tmp_path)
    run.makes(10)
    assert empty(stack) > 0
    run.makes(50)
    run.catches_up()
    run.ends()


def test_with_work_in_the_queue(stack: Stack, demo: httpx.Client, ground: Ground) -> None:
    with frozen(stack.child("worker")):
        queued = [post(demo, "/runs", run_body(ground, f"queued-{number}", "print('once')")) for number in range(3)]
        assert empty(stack) > 0
    for run in queued:
        done = finished(demo, f"/runs/{run['id']}", timeout_seconds=60)
        assert done["state"] == "succeeded", done
        assert len(demo.get(f"/attempts?workload={run['workload']}").json()["results"]) == 1
        chunks = demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
        assert "".join(chunk["text"] for chunk in chunks) == "once\n"
