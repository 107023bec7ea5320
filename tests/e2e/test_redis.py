"""Redis emptied, hung or killed at any moment: it costs time, and no more."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from redis import Redis

from tests.e2e.conftest import Ground, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def redis(stack: Stack) -> Iterator[Redis]:
    published = json.loads((stack.home / "run" / "embedded.json").read_text())
    with Redis.from_url(published["redis_url"]) as found:
        yield found


def redis_process(stack: Stack) -> psutil.Process:
    children = psutil.Process(stack.process.pid).children()
    return next(child for child in children if "redis" in child.name())


def test_emptied_again_and_again_while_runs_come_nothing_is_lost(
    stack: Stack, demo: httpx.Client, ground: Ground, redis: Redis
) -> None:
    parts = {name: stack.child(name).pid for name in ("worker", "beat", "web")}
    runs = []
    for number in range(6):
        redis.flushall()
        runs.append(post(demo, "/runs", run_body(ground, f"emptied-{number}", "pass")))
        redis.flushall()
    for run in runs:
        seen: list[str] = []

        def over(run: dict[str, str] = run, seen: list[str] = seen) -> bool:
            redis.flushall()
            seen.append(demo.get(f"/runs/{run['id']}").json()["state"])
            return seen[-1] == "succeeded"

        until(over, 60, every_seconds=0.3, what="a run to succeed")
        assert len(demo.get(f"/attempts?workload={run['workload']}").json()["results"]) == 1
    assert {name: stack.child(name).pid for name in parts} == parts, "nobody had to be started again"


def test_while_it_hangs_a_request_is_answered_as_quickly_as_ever(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    process, took, runs = redis_process(stack), [], []
    process.send_signal(signal.SIGSTOP)
    try:
        for number in range(3):
            began = time.monotonic()
            runs.append(post(demo, "/runs", run_body(ground, f"hung-{number}", "pass")))
            took.append(time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGCONT)
    assert max(took) < 1, took
    for run in runs:
        assert finished(demo, f"/runs/{run['id']}")["state"] == "succeeded"


def test_killed_and_started_empty_it_is_found_again_by_all(
    stack: Stack, demo: httpx.Client, ground: Ground, redis: Redis
) -> None:
    parts = {name: stack.child(name).pid for name in ("worker", "beat", "web")}
    for number in range(2):
        redis_process(stack).send_signal(signal.SIGKILL)
        run = post(demo, "/runs", run_body(ground, f"killed-redis-{number}", "pass"))
        assert finished(demo, f"/runs/{run['id']}", timeout_seconds=40)["state"] == "succeeded"
    assert {name: stack.child(name).pid for name in parts} == parts
