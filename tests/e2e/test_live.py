"""The reference client of the live socket against a whole installation, whose web process is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from apps.common.rights import SILENT_SECONDS
from tests.e2e.conftest import Ground, post, run_body
from tests.support.stack import ROOT, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

LINES = 60
SCRIPT = f"""
from pathlib import Path
import threading
from workers.runtime.context import job_context
ctx = job_context()
for step in range({LINES}):
    print(f"line {{step:03d}}", flush=True)
    ctx.log_metrics({{"loss": 1.0 / (step + 1)}}, step=step)
    threading.Event().wait(0.05)
"""


def test_the_client_shows_every_line_once_though_web_is_killed(
    stack: Stack, demo: httpx.Client, ground: Ground, tmp_path: Path
) -> None:
    run = post(demo, "/runs", run_body(ground, "followed", SCRIPT))
    shown = tmp_path / "shown"
    environment = os.environ | {
        "BEDPLATE_URL": stack.url,
        "BEDPLATE_TOKEN": demo.headers["Authorization"].removeprefix("Bearer "),
        "PYTHONUNBUFFERED": "1",
    }
    with shown.open("wb") as file:
        client = subprocess.Popen(
            [sys.executable, "examples/live.py", run["id"]], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    try:
        until(lambda: "line 005" in shown.read_text(), timeout_seconds=60, what="the first lines")
        stack.child("web").send_signal(signal.SIGKILL)
        assert client.wait(120) == 0, shown.read_text()
    finally:
        client.kill()
    text = shown.read_text()
    lines = [line for line in text.splitlines() if line.startswith("line ")]
    assert lines == [f"line {number:03d}" for number in range(LINES)]
    assert "── followed is succeeded" in text
    last = [line for line in text.splitlines() if line.lstrip().startswith("loss ")][-1]
    assert last.endswith(f" {1 / LINES:.5g}")


def test_it_says_what_it_does_not_find(stack: Stack, demo: httpx.Client) -> None:
    token = demo.headers["Authorization"].removeprefix("Bearer ")
    done = subprocess.run(
        [sys.executable, "examples/live.py", "01890000-0000-7000-8000-000000000000"],
        cwd=ROOT,
        env=os.environ | {"BEDPLATE_URL": stack.url, "BEDPLATE_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "01890000-0000-7000-8000-000000000000: Not found." in done.stderr


def test_a_revoked_token_ends_its_socket_though_the_publisher_hangs(
    stack: Stack, demo: httpx.Client, ground: Ground
) -> None:
    made = post(demo, "/tokens", {"name": "followed", "scopes": ["read"]})
    publisher = stack.child("publisher")
    address = stack.url.replace("http://", "ws://") + "/ws/v1/live/"
    with connect(address, additional_headers={"Authorization": f"Bearer {made['token']}"}, proxy=None) as link:
        link.send(json.dumps({"type": "subscribe", "subject": f"project.{ground.project}"}))
        assert json.loads(link.recv(10))["type"] == "subscribed"
        publisher.send_signal(signal.SIGSTOP)
        try:
            until(lambda: publisher.status() == psutil.STATUS_STOPPED, what="the publisher to hang")
            began = time.monotonic()
            demo.delete(f"/tokens/{made['id']}").raise_for_status()
            with pytest.raises(ConnectionClosed):
                deque(link, maxlen=0)  # what was said before it hung
            took = time.monotonic() - began
        finally:
            publisher.send_signal(signal.SIGCONT)
    assert link.close_code == 4401
    assert took < SILENT_SECONDS, took  # some 0.1 s; later, its silence would have been the reason
