"""The server goes away and comes back, or only the line does: nothing is lost, and the page says where it stands."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground, post, run_body
from tests.support.stack import Stack, finished
from tests.support.waiting import until

PROVOKED = (r"Failed to load resource", r"WebSocket", r"net::ERR_")
"""What the browser itself writes to the console about a server that does not answer."""
STEPS = 120
SCRIPT = f"""
import threading
from workers.runtime.context import job_context
ctx = job_context()
for step in range({STEPS}):
    ctx.log_metrics({{"loss": 1.0 / (step + 1)}}, step=step)
    threading.Event().wait(0.1)
"""


def test_points_that_came_while_the_line_was_down_are_drawn(
    opened: Opens, stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    run = post(demo, "/runs", run_body(ground.experiment, ground.cleaned, f"follow-{secrets.randbelow(10**6)}", SCRIPT))
    followed = opened("demo", f"/runs/{run['id']}")
    followed.allow(*PROVOKED)
    page = followed.page
    page.evaluate("() => { window.neverLoadedAgain = true; }")
    expect(page.get_by_role("figure", name="loss").locator("canvas")).to_be_visible()

    before = _points(demo, run["id"])
    stack.child("web").send_signal(signal.SIGKILL)
    until(lambda: _points(demo, run["id"]) > before, timeout_seconds=60, what="points after the line was cut")

    finished(demo, f"/runs/{run['id']}", 120)
    expect(page.locator("main header").get_by_text("succeeded", exact=True)).to_be_visible()
    assert _points(demo, run["id"]) == STEPS
    expect(page.get_by_role("figure", name="loss")).to_contain_text(f"loss: {STEPS} points")
    assert page.evaluate("() => window.neverLoadedAgain")


def _points(client: httpx.Client, run: str) -> int:
    try:
        answer = client.get(f"/runs/{run}/metrics?keys=loss")
    except httpx.TransportError:
        return 0
    return len(answer.json()["series"]["loss"]["steps"]) if answer.is_success else 0


def test_a_server_that_is_away_is_told_of_until_it_is_back(opened: Opens, stack: Stack, ground: Ground) -> None:
    watched = opened("demo", "/datasets?project=ground")
    watched.allow(*PROVOKED)
    page = watched.page
    for path in ("/runs", "/datasets"):  # the code of both is here: what was never fetched wants a reload afterwards
        watched.move(f"{path}?project=ground")
    page.evaluate("() => { window.neverLoadedAgain = true; }")
    told = page.get_by_role("alert").filter(has_text="The server does not answer.")
    with nobody_restarts(stack):
        stack.child("web").send_signal(signal.SIGKILL)
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").click()
        expect(told).to_be_visible()
    expect(told).to_be_hidden()
    expect(page.locator("main tbody").get_by_role("link", name="curves-1", exact=True)).to_be_visible()
    assert page.evaluate("() => window.neverLoadedAgain")


@contextmanager
def nobody_restarts(stack: Stack) -> Iterator[None]:
    """The supervisor sleeps."""
    supervisor = psutil.Process(stack.process.pid)
    supervisor.suspend()
    try:
        yield
    finally:
        supervisor.resume()
