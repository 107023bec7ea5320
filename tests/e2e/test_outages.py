"""What a job needs is gone for a while: the job goes on, and in the end nothing is missing and nothing is there twice.

Each outage lasts until the job has made a number of steps without it, a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Ground
from tests.e2e.outages import (
    EndlessRun,
    frozen,
    held_down,
    is_alive,
    is_ready,
    postgres_processes,
    readiness,
)
from tests.support import http
from tests.support.proxy import Proxy
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

STEPS = 100
"""Made during the outage: two seconds and more."""


@pytest.fixture
def run(demo: httpx.Client, ground: Ground, tmp_path: Path, request: pytest.FixtureRequest) -> EndlessRun:
    """A run that has made some steps."""
    made = EndlessRun(demo, ground, request.node.name, tmp_path)
    made.makes(10)
    return made


def test_postgres_is_killed_and_stays_down(run: EndlessRun, stack: Stack, demo: httpx.Client) -> None:
    with held_down(stack, "postgres"):
        status, checks, seconds = readiness(stack.url)
        assert (status, checks["database"], checks["redis"], checks["storage"]) == (503, False, True, True)
        assert seconds < 5
        assert is_alive(stack.url)
        refused = demo.get(f"/runs/{run.row['id']}")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert (refused.json()["code"], refused.json()["retryable"]) == ("unavailable", True)
        page = http.get(f"{stack.url}/runs", cookies={"bedplate_session": "x" * 32}, timeout=15)
        assert (page.status_code, page.json()["code"]) == (503, "unavailable")
        run.makes(STEPS)
    until(lambda: is_ready(stack.url), 30)
    run.catches_up()
    run.ends()


def test_postgres_stands_still(run: EndlessRun, stack: Stack) -> None:
    with frozen(*postgres_processes(stack)):
        status, checks, seconds = readiness(stack.url)
        assert (status, checks["database"]) == (503, False)
        assert seconds < 5
        assert is_alive(stack.url)
        run.makes(STEPS)
    until(lambda: is_ready(stack.url), 30)
    run.catches_up()
    run.ends()


def test_redis_is_killed_and_stays_down(run: EndlessRun, stack: Stack, demo: httpx.Client) -> None:
    with held_down(stack, "redis"):
        status, checks, seconds = readiness(stack.url)
        assert (status, checks["database"], checks["redis"], checks["storage"]) == (503, True, False, True)
        assert seconds < 5
        assert is_alive(stack.url)
        assert demo.get(f"/runs/{run.row['id']}").is_success
        run.makes(STEPS)
        run.catches_up()
    until(lambda: is_ready(stack.url), 30)
    run.ends()


@contextmanager
def cut(network: Proxy) -> Iterator[None]:
    network.cut()
    yield
    network.mend()


@contextmanager
def hung(network: Proxy) -> Iterator[None]:
    network.hang()
    yield
    network.reset()
    network.mend()


@contextmanager
def slow(network: Proxy) -> Iterator[None]:
    """What was sent arrives after all, when nobody waits for it any more."""
    network.hang()
    yield
    network.mend()


@pytest.mark.parametrize("outage", [cut, hung, slow])
def test_the_network_between_job_and_web_fails(
    run: EndlessRun, network: Proxy, outage: Callable[[Proxy], AbstractContextManager[None]]
) -> None:
    before = network.refused
    with outage(network):
        run.makes(STEPS)
        until(lambda: network.refused > before, 30, what="a call of the job that does not get through")
    run.catches_up()
    run.ends()


def test_connections_are_reset_now_and_then(run: EndlessRun, network: Proxy) -> None:
    for _ in range(5):
        network.reset()
        run.makes(20)
    run.ends()
