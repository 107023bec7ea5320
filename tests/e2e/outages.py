"""A run that goes on for as long as a test wants it to, and what must be stored of it in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.e2e.conftest import Ground, post, run_body
from tests.support import http
from tests.support.stack import Stack, finished
from tests.support.waiting import until

SCRIPT = """
import os
import threading
from pathlib import Path
from workers.runtime.context import job_context

ctx = job_context()
gate, pause, step = Path(ctx.parameters["gate"]), threading.Event(), 0
while not (gate / "stop").exists():
    os.write(1, b"line %d\\n" % step)  # at once: what is said to stderr meanwhile comes before it or after it
    ctx.log_metrics({"x": step / 2}, step=step)
    step += 1
    (gate / "new").write_text(str(step))
    (gate / "new").replace(gate / "steps")
    pause.wait(0.02)
ctx.report({"steps": step})
"""
"""Logs a point and a line some fifty times a second, and writes down how many, until it finds a file `stop`."""


class EndlessRun:
    """A run of that script."""

    def __init__(self, client: httpx.Client, ground: Ground, name: str, gate: Path) -> None:
        self._client, self._gate = client, gate
        self.row = post(client, "/runs", run_body(ground, name, SCRIPT, parameters={"gate": str(gate)}))

    @property
    def steps(self) -> int:
        """How many the job has made."""
        try:
            return int((self._gate / "steps").read_text())
        except FileNotFoundError:
            return 0

    def makes(self, steps: int) -> None:
        """Wait until it has made so many more."""
        wanted = self.steps + steps
        until(lambda: self.steps >= wanted, 60, what=f"step {wanted} of {self.row['name']}")

    def shown(self) -> list[int]:
        """Steps that the control plane shows."""
        answer = self._client.get(f"/runs/{self.row['id']}/metrics", params={"keys": "x", "points": 10_000})
        series = answer.json()["series"]["x"] if answer.is_success else {"steps": [], "values": []}
        assert series["values"] == [step / 2 for step in series["steps"]]
        return list(series["steps"])

    def catches_up(self) -> None:
        """Wait until what it has made by now is shown."""
        wanted = self.steps
        until(lambda: len(self.shown()) >= wanted, 60, what=f"{wanted} points shown", every_seconds=0.2)

    def ends(self) -> dict[str, Any]:
        """Let it end, and check that every point and every line is there, once, and that it ran once."""
        (self._gate / "stop").touch()
        done = finished(self._client, f"/runs/{self.row['id']}", timeout_seconds=90)
        assert (done["state"], done["result"]) == ("succeeded", {"steps": self.steps}), done
        until(lambda: len(self.shown()) >= self.steps, 30, what="every point shown")
        assert self.shown() == list(range(self.steps))
        assert self.lines() == [f"line {step}" for step in range(self.steps)]
        assert len(self._client.get(f"/attempts?workload={self.row['workload']}").json()["results"]) == 1
        return done

    def lines(self) -> list[str]:
        """What it printed, as stored, whatever the job's side of Bedplate says of the outage between."""
        text, after = "", 0
        path = f"/workloads/{self.row['workload']}/logs"
        while (page := self._client.get(path, params={"after": after}).json())["chunks"]:
            text += "".join(chunk["text"] for chunk in page["chunks"])
            after = page["next_after"]
        return re.findall(r"line \d+(?=\n)", text)


@contextmanager
def frozen(*processes: psutil.Process) -> Iterator[None]:
    """Stop them for the block, as a machine does that swaps, or a disk that hangs."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def held_down(stack: Stack, name: str) -> Iterator[None]:
    """Kill a server with -9 and let nobody start it again for the length of the block."""
    old = stack.child(name)
    with frozen(psutil.Process(stack.process.pid)):
        os.kill(old.pid, signal.SIGKILL)
        yield
    until(lambda: _replaced(stack, name, old.pid), 30, what=f"{name} again")


def _replaced(stack: Stack, name: str, pid: int) -> bool:
    try:
        return stack.child(name).pid != pid
    except LookupError:
        return False


def postgres_processes(stack: Stack) -> list[psutil.Process]:
    """The server and everything below it."""
    server = stack.child("postgres")
    return [server, *server.children(recursive=True)]


def readiness(url: str) -> tuple[int, dict[str, bool], float]:
    """Status of `/readyz`, outcome of each check, and the seconds that it took."""
    began = time.monotonic()
    answer = http.get(f"{url}/readyz", timeout=10)
    checks = json.loads(answer.text).get("checks", {})
    return answer.status_code, {name: check["ok"] for name, check in checks.items()}, time.monotonic() - began


def is_alive(url: str) -> bool:
    return http.get(f"{url}/livez", timeout=2).status_code == 200


def is_ready(url: str) -> bool:
    try:
        return http.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False
