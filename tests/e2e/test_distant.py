"""An installation whose jobs are given no folder of the store: everything comes by address and is sent back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import RECORDS, Away, Ground, ground_of, post, run_body, served_of
from tests.support import http
from tests.support.proxy import Proxy
from tests.support.stack import Stack, finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("away")


@pytest.fixture(scope="module")
def stack(away: Away) -> Stack:
    return away.stack


@pytest.fixture(scope="module")
def network(away: Away) -> Proxy:
    return away.network


@pytest.fixture(scope="module")
def demo(away: Away) -> httpx.Client:
    return away.demo


@pytest.fixture(scope="module")
def ground(demo: httpx.Client) -> Ground:
    return ground_of(demo, "distant")


def work_folder(stack: Stack, client: httpx.Client, run: dict[str, Any]) -> Path:
    """Where the last attempt of a run works."""
    attempts = client.get(f"/attempts?workload={run['workload']}").json()["results"]
    newest = max(attempts, key=lambda attempt: int(attempt["number"]))
    return stack.home / "jobs" / str(newest["id"]) / "member-0" / "work"


def test_rows_are_ingested_cleaned_trained_on_and_served(stack: Stack, demo: httpx.Client, ground: Ground) -> None:
    served = served_of(demo, ground)
    artifacts = demo.get(f"/artifacts?run={served.run['id']}").json()["results"]
    assert {artifact["kind"] for artifact in artifacts} >= {"model", "preprocessor"}
    with http.client(headers={"Authorization": demo.headers["Authorization"]}, timeout=30) as caller:
        answer = caller.post(served.endpoint["url"], json=RECORDS)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["predictions"]) == 3
    specs = [json.loads(path.read_text()) for path in (stack.home / "jobs").rglob("spec.json")]
    assert str(stack.home / "objects") not in json.dumps(specs)


RESUMES = """
import os
import signal
from pathlib import Path
from workers.runtime.context import job_context
ctx = job_context()
rows = ctx.input("data").files
assert rows and all(Path.cwd() in file.parents for file in rows), rows
start = ctx.latest_checkpoint()
if start is None:
    saved = ctx.save_checkpoint(lambda path: path.write_bytes(b"weights" * 100_000), step=7)
    assert saved.wait(60)
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
assert start.path.read_bytes() == b"weights" * 100_000
ctx.report({"resumed_from": start.step, "attempt": ctx.attempt_number})
"""


def test_the_next_attempt_fetches_the_checkpoint(demo: httpx.Client, ground: Ground) -> None:
    run = post(demo, "/runs", run_body(ground, "resumes", RESUMES))
    done: dict[str, Any] = finished(demo, f"/runs/{run['id']}", timeout_seconds=120)
    assert (done["state"], done["result"]) == ("succeeded", {"resumed_from": 7, "attempt": 2})


OPENS = """
from pathlib import Path
from workers.runtime.context import job_context
from workers.runtime.datasets import open_dataset
ctx = job_context()
data = open_dataset("bedplate://distant/people@latest", cache=Path("kept"))
ctx.report({"rows": data.to_arrow(["age"]).num_rows, "files": [str(file) for file in data.files()]})
"""


def test_a_job_opens_its_version_by_its_name(demo: httpx.Client, ground: Ground) -> None:
    run = post(demo, "/runs", run_body(ground, "opens", OPENS))
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=120)
    assert (done["state"], done["result"]["rows"]) == ("succeeded", 40)
    assert [file.startswith("kept/") for file in done["result"]["files"]] == [True]


AWAY = """
import threading
from pathlib import Path
from workers.runtime.context import job_context
ctx = job_context()
ctx.input("data")
ctx.output("artifacts")
print("ready", flush=True)
gate = Path("go")
while not gate.exists():
    threading.Event().wait(0.05)
Path("model.bin").write_bytes(b"m" * 3_000_000)
ctx.log_artifact("model", "model.bin")
print("stored", flush=True)
ctx.report({"done": True})
"""


def test_what_cannot_be_sent_waits_until_the_network_is_back(
    stack: Stack, demo: httpx.Client, ground: Ground, network: Proxy
) -> None:
    run = post(demo, "/runs", run_body(ground, "away", AWAY))

    def text() -> str:
        chunks = demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
        return "".join(str(chunk["text"]) for chunk in chunks)

    until(lambda: "ready" in text(), timeout_seconds=60, what="the job to be ready")
    work = work_folder(stack, demo, run)
    network.cut()
    (work / "go").touch()
    until(lambda: (work / "outputs" / "artifacts" / "model" / "model.bin").exists(), what="the artifact")
    network.mend()
    done = finished(demo, f"/runs/{run['id']}", timeout_seconds=120)
    assert (done["state"], done["result"]) == ("succeeded", {"done": True})
    (artifact,) = demo.get(f"/artifacts?run={run['id']}").json()["results"]
    assert artifact["size_bytes"] == 3_000_000
