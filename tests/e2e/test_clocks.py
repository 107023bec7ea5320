"""One process whose clock is wrong by an hour: everything goes as it went before."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Ground, ground_of, post, run_body
from tests.e2e.odd_stack import Clocks, Odd
from tests.support import http
from tests.support.stack import Stack, finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("odd")

HOUR = 3600
SCRIPT = """
import threading
from pathlib import Path
from workers.runtime.context import job_context
ctx = job_context()
while not Path(ctx.parameters["gate"]).exists():
    threading.Event().wait(0.02)
for step in range(3):
    ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
(ctx.work_dir / "state").write_text("3")
ctx.save_checkpoint(ctx.work_dir / "state", step=3)
ctx.report({"answer": 42})
"""


@dataclass
class Skewed:
    """An installation whose clocks can be set, and two who use it."""

    stack: Stack
    clocks: Clocks
    client: httpx.Client
    browser: httpx.Client
    ground: Ground


@pytest.fixture(scope="module")
def skewed(odd: Odd) -> Iterator[Skewed]:
    with odd.stack.client() as client, closing(_signed_in(odd.stack)) as browser:
        yield Skewed(odd.stack, odd.clocks, client, browser, ground_of(client, "clocks"))


def _signed_in(stack: Stack) -> httpx.Client:
    code = (
        "from apps.access.models import User; u = User.objects.get(username='demo');"
        "u.set_password('a-long-password'); u.save()"
    )
    stack.manage("shell", "-v", "0", "-c", code)
    browser = http.client(base_url=stack.url, timeout=30, follow_redirects=True)
    browser.get("/login")
    form = {"username": "demo", "password": "a-long-password", "csrfmiddlewaretoken": browser.cookies["bedplate_csrf"]}
    assert browser.post("/login", data=form).status_code == 200
    return browser


def test_the_shim_moves_the_clock_of_whom_it_is_told_to(skewed: Skewed) -> None:
    environment = skewed.stack.environment | {"PYTHONPATH": ""}
    skewed.clocks.table.write_text(f"{HOUR} the-marker\n")
    for words, wrong in ((["the-marker"], HOUR), (["another"], 0)):
        for code in (
            "import time; print(time.time())",
            "import datetime as d; print(d.datetime.now(d.UTC).timestamp())",
        ):
            command = [sys.executable, "-c", code, *words]
            said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            assert abs(float(said) - time.time() - wrong) < 10
    skewed.clocks.table.write_text("")


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
@pytest.mark.parametrize("part", ["worker", "beat", "web", "publisher"])
def test_a_run_goes_through_as_ever(skewed: Skewed, part: str, seconds: int, tmp_path: Path) -> None:
    skewed.clocks.set(part, seconds)
    if part == "web":
        shown = parsedate_to_datetime(skewed.client.get("/users/me").headers["Date"])
        assert abs((shown - datetime.now(UTC)).total_seconds() - seconds) < 10, "it is wrong indeed"
    began = datetime.now(UTC)
    gate = tmp_path / "seen"
    body = run_body(skewed.ground, f"{part}{seconds}", SCRIPT, parameters={"gate": str(gate)})
    run = post(skewed.client, "/runs", body)
    until(lambda: skewed.client.get(f"/runs/{run['id']}").json()["state"] == "running", 60, what="the run to be seen")
    gate.touch()
    done = finished(skewed.client, f"/runs/{run['id']}")
    over = datetime.now(UTC)
    assert (done["state"], done["result"]) == ("succeeded", {"answer": 42}), done
    _whole(skewed.client, run["workload"], began, over)
    series = skewed.client.get(f"/runs/{run['id']}/metrics?keys=loss").json()["series"]["loss"]
    assert series["steps"] == [0, 1, 2]
    assert skewed.browser.get("/runs").url.path == "/runs", "whoever had signed in still is"
    _others_are_unharmed(skewed.client, skewed.ground)


def _whole(client: httpx.Client, workload: str, began: datetime, over: datetime) -> None:
    """One attempt; every time of its story is one between the two."""
    (attempt,) = client.get(f"/attempts?workload={workload}").json()["results"]
    assert (attempt["number"], attempt["outcome"]) == (1, "completed")
    story = client.get(f"/workloads/{workload}/story").json()
    assert [step["to_state"] for step in story] == ["admitted", "launching", "running", "succeeded"]
    (usage,) = client.get(f"/usage-records?workload={workload}").json()["results"]
    found = client.get(f"/workloads/{workload}").json()
    times = [
        found["created_at"],
        found["admitted_at"],
        usage["reserved_at"],
        attempt["submitted_at"],
        attempt["started_at"],
        usage["used_at"],
        usage["closed_at"],
        attempt["ended_at"],
        found["ended_at"],
        *(step["at"] for step in story),
    ]
    second = timedelta(seconds=1)
    assert [at for at in times if not began - second <= datetime.fromisoformat(at) <= over + second] == []
    assert usage["reserved_at"] <= usage["used_at"] <= usage["closed_at"]


def _others_are_unharmed(client: httpx.Client, ground: Ground) -> None:
    rows: list[dict[str, Any]] = client.get(f"/workloads?project={ground.project}&page_size=100").json()["results"]
    assert {row["state"] for row in rows} == {"succeeded"}
    assert {row["attempts_made"] for row in rows} == {1}
