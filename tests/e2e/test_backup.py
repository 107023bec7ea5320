"""A backup of an installation at work, restored into an empty home: everything is there, and what ran goes on."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import RECORDS, Ground, Served, post, run_body
from tests.e2e.kept_data import HALF, Kept, kept_data, seen_of, send
from tests.support import http
from tests.support.stack import ROOT, Stack, finished, running_stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

RESUMING = """
import pathlib, threading
from workers.runtime.context import job_context
ctx = job_context()
pathlib.Path("state").write_text("state")
found = ctx.latest_checkpoint()
for step in range(found.step + 1 if found else 0, 40 if found else 1_000_000):
    ctx.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
    if step == 20:
        ctx.save_checkpoint("state", step=step)
    if ctx.should_stop:
        raise SystemExit(1)
    threading.Event().wait(0.02)
ctx.report({"from": found and found.step})
"""
"""Trains until it is told to leave; the attempt that finds a checkpoint ends at step 39."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the account that runs PostgreSQL gets to."""
    with tempfile.TemporaryDirectory(prefix="bedplate-backup-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def last_step(client: httpx.Client, run: dict[str, Any]) -> int:
    summary = client.get(f"/runs/{run['id']}").json()["summary"]
    return int(summary["loss"]["last_step"]) if "loss" in summary else -1


def restored(stack: Stack, source: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = stack.environment | {"BEDPLATE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "manage.py", "restore", str(source)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def predicted(client: httpx.Client, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    with http.client(headers={"Authorization": client.headers["Authorization"]}) as caller:
        answer = caller.post(endpoint["url"], json=RECORDS, timeout=30)
    return list(answer.json()["predictions"]) if answer.status_code == 200 else []


def test_what_was_backed_up_at_work_is_all_there_and_goes_on(
    stack: Stack, demo: httpx.Client, ground: Ground, served: Served, folder: Path
) -> None:
    kept = served.run
    before = {
        "run": demo.get(f"/runs/{kept['id']}").json(),
        "curve": demo.get(f"/runs/{kept['id']}/metrics?keys=train/loss").json()["series"],
        "version": demo.get(f"/dataset-versions/{kept['dataset_version']}").json(),
        "artifacts": demo.get(f"/artifacts?run={kept['id']}").json()["results"],
        "predictions": predicted(demo, demo.get(f"/endpoints/{served.endpoint['id']}").json()),
    }
    assert len(before["predictions"]) == 3
    data = kept_data(demo)
    before["data"] = seen_of(demo, data)
    at_work = post(demo, "/runs", run_body(ground, "at-work", RESUMING))
    until(lambda: last_step(demo, at_work) > 25, timeout_seconds=30)
    stack.manage("backup", "--to", str(folder / "backup"))
    assert demo.post(f"/runs/{at_work['id']}/stop").is_success
    assert finished(demo, f"/runs/{at_work['id']}")["state"] == "cancelled"  # after the snapshot
    refused = restored(stack, folder / "backup", stack.home)
    assert (refused.returncode, f"{stack.home} is not empty" in refused.stderr) == (1, True)
    done = restored(stack, folder / "backup", folder / "home")
    assert done.returncode == 0, done.stderr

    with running_stack(BEDPLATE_HOME=str(folder / "home")) as second:
        headers = {"Authorization": demo.headers["Authorization"]}  # the token of the first life
        with http.client(base_url=f"{second.url}/api/v1", headers=headers, timeout=30) as client:
            _is_all_there(client, served, before)
            _data_is_all_there(client, data, before["data"])
            resumed = finished(client, f"/runs/{at_work['id']}")
            assert (resumed["state"], resumed["result"]) == ("succeeded", {"from": 20})
            curve = client.get(f"/runs/{at_work['id']}/metrics?keys=loss").json()["series"]["loss"]
            assert curve["steps"] == list(range(40))
            assert resumed["summary"]["loss"]["count"] == 40
        assert second.manage("verify", "--settle", "10").splitlines()[-1].endswith("all ok.")


def _is_all_there(client: httpx.Client, kept: Served, before: dict[str, Any]) -> None:
    run = kept.run["id"]
    assert client.get(f"/runs/{run}").json() == before["run"]
    assert client.get(f"/runs/{run}/metrics?keys=train/loss").json()["series"] == before["curve"]
    assert client.get(f"/dataset-versions/{kept.run['dataset_version']}").json() == before["version"]
    artifacts = client.get(f"/artifacts?run={run}").json()["results"]
    assert artifacts == before["artifacts"]
    for artifact in artifacts:
        content = client.get(f"/artifacts/{artifact['id']}/download").content
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
    endpoint = f"/endpoints/{kept.endpoint['id']}"
    until(lambda: predicted(client, client.get(endpoint).json()) == before["predictions"], timeout_seconds=60)


def _data_is_all_there(client: httpx.Client, kept: Kept, before: dict[str, Any]) -> None:
    """Rows that were left out, small pictures, parts of two versions; what had half come comes anew, in one go."""
    assert seen_of(client, kept) == before
    assert set(before["files"].values()) == {True}
    refused = send(client, kept.upload, len(HALF))
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (409, "offset_mismatch", True)
    assert [send(client, kept.upload, offset).status_code for offset in (0, len(HALF))] == [204, 204]
    assert finished(client, f"/uploads/{kept.upload}")["state"] == "completed"
