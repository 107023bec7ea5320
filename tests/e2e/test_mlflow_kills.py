"""Web process or database are killed while clients of MLflow log: what was acknowledged is there, and once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Ground
from tests.e2e.test_mlflow_clients import paths_of
from tests.support.concurrency import Thread
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")
SENDERS, REQUESTS, EACH = 3, 60, 5
AT = 1_772_443_800_000
API = "/api/2.0/mlflow"


class Sender(Thread):
    """Logs to a key of its own, every request again until it is acknowledged, as MLflow's clients do."""

    def __init__(self, client: httpx.Client, run: str, number: int) -> None:
        self.client, self.run_id, self.key = client, run, f"m{number}"
        self.acknowledged = self.repeated = 0
        super().__init__(self.log)

    def log(self) -> None:
        for number in range(REQUESTS):
            content = json.dumps(self.body(number)).encode()
            until(lambda: self.is_taken(content), 60, what=f"request {number} of {self.key}", every_seconds=0.05)  # noqa: B023
            self.acknowledged = number + 1

    def body(self, number: int) -> dict[str, Any]:
        metrics = [
            {"key": self.key, "value": step / 2, "timestamp": AT + step, "step": step}
            for step in range(number * EACH, (number + 1) * EACH)
        ]
        return {"run_id": self.run_id, "metrics": metrics, "tags": [{"key": self.key, "value": str(number)}]}

    def is_taken(self, content: bytes) -> bool:
        try:
            answer = self.client.post(f"{API}/runs/log-batch", content=content)
        except httpx.TransportError:
            self.repeated += 1
            return False
        if answer.status_code == 503:
            assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            self.repeated += 1
            return False
        assert answer.status_code == 200, answer.text
        return True


@pytest.mark.parametrize("name", ["web", "postgres"])
def test_what_was_acknowledged_is_there_once(stack: Stack, ground: Ground, name: str) -> None:
    token = stack.manage("token", "demo", "--name", f"kills-{name}", "--scopes", "read,write")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{stack.url}/mlflow/ground", headers=headers, timeout=20, trust_env=False) as client:
        experiment = client.post(f"{API}/experiments/create", json={"name": f"kill {name}"}).json()["experiment_id"]
        made = client.post(f"{API}/runs/create", json={"experiment_id": experiment}).json()
        run = made["run"]["info"]["run_id"]
        senders = [Sender(client, run, number) for number in range(SENDERS)]
        for share in (3, 2):
            until(lambda: all(one.acknowledged >= REQUESTS // share for one in senders), 60)  # noqa: B023
            old = stack.child(name)
            old.send_signal(signal.SIGKILL)
            until(lambda: _replaced(stack, name, old.pid), 30)  # noqa: B023
        for one in senders:
            assert one.join() is None
        assert sum(one.repeated for one in senders) > 0, "nobody noticed"

        for one in senders:
            asked = {"run_id": run, "metric_key": one.key}
            points = client.get(f"{API}/metrics/get-history", params=asked).json()["metrics"]
            found = [(point["step"], point["value"], point["timestamp"]) for point in points]
            assert found == [(step, step / 2, AT + step) for step in range(REQUESTS * EACH)]
        stored = client.get(f"{API}/runs/get", params={"run_id": run}).json()["run"]
        tags = {tag["key"]: tag["value"] for tag in stored["data"]["tags"]}
        assert {one.key: tags[one.key] for one in senders} == {one.key: str(REQUESTS - 1) for one in senders}
    shown = httpx.get(f"{stack.url}/api/v1/runs/{run}", headers=headers, trust_env=False, timeout=20).json()["summary"]
    assert {key: entry["count"] for key, entry in shown.items()} == {one.key: REQUESTS * EACH for one in senders}


CLIENT = """
import mlflow, sys
client = mlflow.MlflowClient()
run = client.create_run(client.create_experiment(sys.argv[1])).info.run_id
print(run, flush=True)
for step in range(POINTS):
    client.log_metric(run, "loss", step / 2, timestamp=AT + step, step=step)
    print(step, flush=True)
"""
POINTS = 120


@pytest.mark.parametrize("client", ["3", "2"])
def test_an_unmodified_client_goes_on_over_a_kill(
    stack: Stack, ground: Ground, demo: httpx.Client, client: str, tmp_path: Path
) -> None:
    """It repeats what was not answered, by itself: whether that was kept or not, it is there once."""
    token = stack.manage("token", "demo", "--name", f"over-a-kill-{client}", "--scopes", "read,write")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(paths_of(client)),
        "MLFLOW_TRACKING_URI": f"{stack.url}/mlflow/ground",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    script = CLIENT.replace("POINTS", str(POINTS)).replace("AT", str(AT))
    command = [sys.executable, "-W", "ignore", "-c", script, f"over a kill {client}"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run = process.stdout.readline().strip()
        for line in process.stdout:
            if int(line) == POINTS // 3:
                old = stack.child("web")
                old.send_signal(signal.SIGKILL)
    assert process.returncode == 0
    assert stack.child("web").pid != old.pid
    curve = demo.get(f"/runs/{run}/metrics?keys=loss&points={POINTS}").json()["series"]["loss"]
    assert curve["steps"] == list(range(POINTS))
    assert demo.get(f"/runs/{run}").json()["summary"]["loss"]["count"] == POINTS


def _replaced(stack: Stack, name: str, pid: int) -> bool:
    try:
        return stack.child(name).pid != pid
    except LookupError:
        return False
