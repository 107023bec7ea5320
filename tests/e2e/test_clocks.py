"""One process whose clock is wrong by an hour: everything goes as it went before."""

from __future__ import annotations

import signal
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

from tests.e2e.conftest import CSV, Ground, post, run_body
from tests.support.stack import ROOT, Stack, finished, running_stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

HOUR = 3600
MARKERS = {
    "web": "controlplane.asgi",
    "worker": "controlplane.celery worker",
    "beat": "controlplane.celery beat",
    "publisher": "manage.py publish",
}
SCRIPT = """
from workers.runtime.context import job_context
ctx = job_context()
for step in range(3):
    ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
(ctx.work_dir / "state").write_text("3")
ctx.save_checkpoint(ctx.work_dir / "state", step=3)
ctx.report({"answer": 42})
"""


@dataclass
class Skewed:
    """A stack in which each part lives at the time of day that a file says."""

    stack: Stack
    client: httpx.Client
    browser: httpx.Client
    ground: Ground
    table: Path

    def set(self, part: str, seconds: int) -> None:
        """Let one part be wrong by so much, and all others right, from a start of theirs on."""
        wrong_before = self.table.read_text()
        self.table.write_text(f"{seconds} {MARKERS[part]}\n")
        again = {part} | {name for name, marker in MARKERS.items() if marker in wrong_before}
        for name in sorted(again):
            old = self.stack.child(name).pid
            self.stack.child(name).send_signal(signal.SIGKILL)
            until(lambda name=name, old=old: self._is_new(name, old), 30, what=f"a new {name}")  # type: ignore[misc]
        until(self._answers, 30)

    def _is_new(self, name: str, old: int) -> bool:
        try:
            return self.stack.child(name).pid != old
        except LookupError:
            return False

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.stack.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Skewed]:
    folder = tmp_path_factory.mktemp("skew")
    shim, table = folder / "skewed_clock.so", folder / "table"
    source = ROOT / "tests" / "support" / "skewed_clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"], check=True)
    table.write_text("")
    with (
        running_stack(LD_PRELOAD=str(shim), SKEW_FILE=str(table)) as stack,
        stack.client() as client,
        closing(_signed_in(stack)) as browser,
    ):
        yield Skewed(stack, client, browser, _ground(client), table)


def _ground(client: httpx.Client) -> Ground:
    project = post(client, "/projects", {"name": "clocks", "title": "Clocks"})["id"]
    dataset = post(client, "/datasets", {"project": project, "name": "people"})["id"]
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": ("people.csv", CSV, "text/csv")})
    source = sent.raise_for_status().json()["id"]
    asked = post(client, "/ingestions", {"dataset": dataset, "source": source, "options": {"format": "csv"}})
    done = finished(client, f"/ingestions/{asked['id']}")
    experiment = post(client, "/experiments", {"project": project, "name": "first"})["id"]
    return Ground(project, dataset, source, done["id"], done["version"], experiment)


def _signed_in(stack: Stack) -> httpx.Client:
    code = (
        "from apps.access.models import User; u = User.objects.get(username='demo');"
        "u.set_password('a-long-password'); u.save()"
    )
    stack.manage("shell", "-v", "0", "-c", code)
    browser = httpx.Client(base_url=stack.url, timeout=30, trust_env=False, follow_redirects=True)
    browser.get("/login")
    form = {"username": "demo", "password": "a-long-password", "csrfmiddlewaretoken": browser.cookies["bedplate_csrf"]}
    assert browser.post("/login", data=form).status_code == 200
    return browser


def test_the_shim_moves_the_clock_of_whom_it_is_told_to(skewed: Skewed) -> None:
    environment = skewed.stack.environment | {"PYTHONPATH": ""}
    skewed.table.write_text(f"{HOUR} the-marker\n")
    for words, wrong in ((["the-marker"], HOUR), (["another"], 0)):
        for code in (
            "import time; print(time.time())",
            "import datetime as d; print(d.datetime.now(d.UTC).timestamp())",
        ):
            command = [sys.executable, "-c", code, *words]
            said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            assert abs(float(said) - time.time() - wrong) < 10
    skewed.table.write_text("")


@pytest.mark.parametrize("part", ["worker", "beat", "web", "publisher"])
@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_run_goes_through_as_ever(skewed: Skewed, part: str, seconds: int) -> None:
    skewed.set(part, seconds)
    if part == "web":
        shown = parsedate_to_datetime(skewed.client.get("/users/me").headers["Date"])
        assert abs((shown - datetime.now(UTC)).total_seconds() - seconds) < 10, "it is wrong indeed"
    began = datetime.now(UTC)
    run = post(skewed.client, "/runs", run_body(skewed.ground, f"{part}{seconds}", SCRIPT))
    done = finished(skewed.client, f"/runs/{run['id']}")
    over = datetime.now(UTC)
    assert (done["state"], done["result"]) == ("succeeded", {"answer": 42}), done
    _whole(skewed.client, run["workload"], began, over)
    assert (over - began).total_seconds() < 15
    series = skewed.client.get(f"/runs/{run['id']}/metrics?keys=loss").json()["series"]["loss"]
    assert series["steps"] == [0, 1, 2]
    assert skewed.browser.get("/runs").url.path == "/runs", "whoever had signed in still is"
    _others_are_unharmed(skewed.client)


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


def _others_are_unharmed(client: httpx.Client) -> None:
    rows: list[dict[str, Any]] = client.get("/workloads?page_size=100").json()["results"]
    assert {row["state"] for row in rows} == {"succeeded"}
    assert {row["attempts_made"] for row in rows} == {1}
