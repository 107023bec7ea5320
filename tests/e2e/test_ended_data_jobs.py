"""Every kind of data job, cancelled or killed in the middle of its work: nothing is published, nothing stays of it, and
the same is asked for again and done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.conftest import post
from tests.support.stack import ROOT, Stack, finished
from tests.support.waiting import until
from tests.workers.backends.jobs import alive

pytestmark = pytest.mark.xdist_group("stack")

ROWS = 400_000
STEPS = [{"kind": "drop_duplicates", "columns": ["id"]}, {"kind": "outliers", "method": "iqr", "columns": ["a"]}]


@cache  # by the worker that sends it, not by each that collects this test
def csv() -> bytes:
    rows = (b"%d,%d.5,word%d,%d\n" % (n, n * 7919 % 1009, n % 97, n % 2) for n in range(ROWS))
    return b"id,a,b,c\n" + b"".join(rows)


class _Half:
    """A host that sends half of a file and then nothing, until it is told to go on."""

    def __init__(self) -> None:
        self.goes_on, self.has_sent_half = threading.Event(), threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(csv())))
                self.end_headers()
                self.wfile.write(csv()[: len(csv()) // 2])
                self.wfile.flush()
                outer.has_sent_half.set()
                outer.goes_on.wait(60)
                self.wfile.write(csv()[len(csv()) // 2 :])

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclass
class Data:
    """A project with two versions of many rows, and a host that sends slowly."""

    client: httpx.Client
    dataset: str
    source: str
    versions: tuple[str, str]
    recipe: str
    host: _Half
    sweeper: _Sweeper


@pytest.fixture(scope="module")
def data(stack: Stack, demo: httpx.Client) -> Iterator[Data]:
    project = post(demo, "/projects", {"name": "ended", "title": "Ended"})["id"]
    dataset = post(demo, "/datasets", {"project": project, "name": "many"})["id"]
    sent = demo.post("/sources", data={"dataset": dataset}, files={"file": ("many.csv", csv(), "text/csv")})
    assert sent.status_code == 201, sent.text
    asked = {"dataset": dataset, "source": sent.json()["id"]}
    made = [finished(demo, f"/ingestions/{post(demo, '/ingestions', asked)['id']}")["version"] for _ in range(2)]
    post(demo, "/expectations", {"dataset": dataset, "kind": "unique", "parameters": {"columns": ["id"]}})
    recipe = post(demo, "/recipes", {"project": project, "name": "many", "steps": STEPS})["id"]
    host = _Half()
    with stack.client("admin") as admin:
        post(admin, "/allowed-origins", {"project": project, "pattern": host.place, "is_private": True})
    with closing(_Sweeper(stack)) as sweeper:
        yield Data(demo, dataset, asked["source"], (made[0], made[1]), recipe, host, sweeper)
    host.goes_on.set()
    host.server.shutdown()
    host.server.server_close()


@dataclass(frozen=True)
class Verb:
    """How a job is asked for, and where it is then."""

    path: str
    body: Callable[[Data, str], dict[str, Any]]
    """By data and fate: another one for each, where one that succeeded is not made anew."""
    module: str = "workers.runtime.cleaning"

    def ask(self, data: Data, fate: str) -> dict[str, Any]:
        if self.path == "validation-runs":
            found: dict[str, Any] = post(data.client, f"/dataset-versions/{data.versions[0]}/validate", {})["under_way"]
            return found
        return post(data.client, f"/{self.path}", self.body(data, fate))


def _origin(data: Data) -> dict[str, str]:
    return {"kind": "url", "url": f"http://{data.host.place}/many.csv"}


VERBS = {
    "ingest": Verb("ingestions", lambda data, _: {"dataset": data.dataset, "source": data.source}),
    "collect": Verb("ingestions", lambda data, _: {"dataset": data.dataset, "origin": _origin(data)}),
    "clean": Verb("cleaning-runs", lambda data, _: {"recipe": data.recipe, "input_version": data.versions[0]}),
    "profile": Verb(
        "profiles", lambda data, fate: {"version": data.versions[0], "target": {"killed": "b", "cancelled": "c"}[fate]}
    ),
    "validate": Verb("validation-runs", lambda *_: {}),
    "compare": Verb(
        "version-comparisons",
        lambda data, fate: {
            "before": data.versions[0], "after": data.versions[1], "key": {"killed": ["id"], "cancelled": []}[fate],
        },
    ),
    "preview": Verb("previews", lambda data, _: {"version": data.versions[0]}, "workers.runtime.preview"),
}  # fmt: skip


CASES = [(name, fate) for name in VERBS for fate in ("cancelled", "killed") if (name, fate) != ("preview", "killed")]


@pytest.mark.parametrize(("name", "fate"), CASES)
def test_a_job_that_is_ended_in_the_middle_leaves_nothing_and_can_be_asked_for_again(
    stack: Stack, data: Data, name: str, fate: str
) -> None:
    verb, client = VERBS[name], data.client
    data.host.goes_on.clear()
    data.host.has_sent_half.clear()
    before = _published(stack, data)
    job = verb.ask(data, fate)
    attempt, process = _caught(data, verb, name, job)
    if fate == "killed":
        os.kill(process.pid, signal.SIGKILL)
    else:
        client.post(f"/{verb.path}/{job['id']}/cancel").raise_for_status()
        os.kill(process.pid, signal.SIGCONT)
    done = finished(client, f"/{verb.path}/{job['id']}")
    assert done["state"] == {"killed": "failed", "cancelled": "cancelled"}[fate], done
    assert fate == "cancelled" or "SIGKILL" in done["state_detail"], done
    assert _published(stack, data) == before
    until(lambda: alive(attempt) == [], timeout_seconds=30)
    assert data.sweeper.left_of(attempt) == 0, "what it had written goes, since nothing names it"

    data.host.goes_on.set()
    again = verb.ask(data, fate)
    assert again["id"] != job["id"]
    if name == "preview":
        until(lambda: client.get(f"/previews/{again['id']}").json()["is_ready"], timeout_seconds=60)
        client.post(f"/previews/{again['id']}/cancel").raise_for_status()
    else:
        assert finished(client, f"/{verb.path}/{again['id']}")["state"] == "succeeded"


def test_a_preview_whose_process_is_killed_is_there_again(stack: Stack, data: Data) -> None:
    before, verb = _published(stack, data), VERBS["preview"]
    preview = verb.ask(data, "killed")
    attempt, process = _caught(data, verb, "preview", preview)
    process.kill()
    until(lambda: data.client.get(f"/previews/{preview['id']}").json()["is_ready"], timeout_seconds=60)
    assert process.pid not in {one.pid for one in alive(attempt)}
    shown = post(data.client, f"/previews/{preview['id']}/apply", {"steps": STEPS})
    assert (shown["row_count"], shown["error"]) == (ROWS, None)
    data.client.post(f"/previews/{preview['id']}/cancel").raise_for_status()
    assert finished(data.client, f"/previews/{preview['id']}")["state"] == "cancelled"
    assert _published(stack, data) == before


def test_everything_is_as_it_should_be_after_all_that(stack: Stack, data: Data) -> None:
    assert stack.manage("verify", "--settle", "10").splitlines()[-1].endswith("all ok.")


def _caught(data: Data, verb: Verb, name: str, job: dict[str, Any]) -> tuple[str, psutil.Process]:
    """The job's attempt and process, which stands still with its input open."""
    found: list[tuple[str, psutil.Process]] = []

    def is_there() -> bool:
        attempts = data.client.get(f"/attempts?workload={job['workload']}").json()["results"]
        for process in alive(attempts[0]["id"]) if attempts else []:
            with suppress(psutil.Error):
                if verb.module in process.cmdline()[:4]:
                    found.append((attempts[0]["id"], process))
        return bool(found)

    until(is_there, timeout_seconds=60)
    until(lambda: _has_begun(data, name, found[0][1]), timeout_seconds=30, every_seconds=0.001)
    found[0][1].suspend()
    return found[0]


def _has_begun(data: Data, name: str, process: psutil.Process) -> bool:
    if name == "collect":
        return data.host.has_sent_half.is_set()
    try:
        return any(file.path.endswith((".parquet", ".csv")) for file in process.open_files())
    except psutil.NoSuchProcess as gone:
        raise AssertionError("it was done before it was caught: give it more rows") from gone


def _published(stack: Stack, data: Data) -> tuple[int, int, int]:
    """How many versions, sources and parts there are."""
    counts = [
        len(data.client.get(f"/{path}?dataset={data.dataset}&limit=100").json()["results"])
        for path in ("dataset-versions", "sources")
    ]
    parts = sum(1 for path in (stack.home / "objects" / "parts").rglob("*") if path.is_file())
    return counts[0], counts[1], parts


SWEEPS = """
import sys
from datetime import timedelta
from apps.common.storage import store
from workers.dispatch import objects
from workers.tasks.dispatch import NAMERS
objects.KEEP = timedelta(0)
for attempt in map(str.strip, sys.stdin):
    while objects.objects_sweep(NAMERS):
        pass
    print(sum(1 for _ in store().listing(f"attempts/{attempt}")), flush=True)
"""
"""What happens a day after the end of an attempt, now; for every attempt that it is told."""


class _Sweeper:
    """One process for all tests: to start takes it longer than a sweep does."""

    def __init__(self, stack: Stack) -> None:
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", SWEEPS]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=stack.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def left_of(self, attempt: str) -> int:
        """How many files are below the attempt once the sweep of a day later has been."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{attempt}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)
