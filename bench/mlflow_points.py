"""The peer of the ingest figure: MLflow's log-batch, on a database of its own in the same PostgreSQL."""

from __future__ import annotations

import subprocess
import time
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil

from bench import mlflow_peer
from bench.web_alone import WebAlone
from tests.support.stack import free_ports
from tests.support.waiting import until

SECONDS = 5.0
BATCH = 1000
"""What it takes at most."""


def points_per_second(web: WebAlone, *, install: bool) -> float | None:
    """Points that one worker stored, sent by one client; None where MLflow is not installed and may not be."""
    if not install and not (mlflow_peer.ENVIRONMENT / "bin" / "python").exists():
        return None
    python = mlflow_peer.environment()
    with web.database() as database:
        database.execute("CREATE DATABASE mlflow")
    parts = urlsplit(web.database_url)
    own = urlunsplit(parts._replace(scheme="postgresql+psycopg2", path="/mlflow"))
    (port,) = free_ports(1)
    words = ["--backend-store-uri", own, "--artifacts-destination", str(web.home / "mlflow"), "--workers", "1"]
    server = subprocess.Popen(
        [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**web.environment, "PYTHONWARNINGS": "ignore"},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            until(lambda: mlflow_peer.healthy(client), timeout_seconds=120)
            return _measured(client)
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.terminate()
        server.wait(30)


def _measured(client: httpx.Client) -> float:
    experiment = client.post("/api/2.0/mlflow/experiments/create", json={"name": "bench"}).raise_for_status().json()
    made = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": experiment["experiment_id"]})
    run = made.raise_for_status().json()["run"]["info"]["run_id"]
    now, sent = int(time.time() * 1000), 0
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        metrics = [
            {"key": f"m{number % 10}", "value": number / 7, "timestamp": now, "step": sent + number}
            for number in range(BATCH)
        ]
        body = {"run_id": run, "metrics": metrics}
        client.post("/api/2.0/mlflow/runs/log-batch", json=body).raise_for_status()
        sent += BATCH
    return sent / (time.monotonic() - began)
