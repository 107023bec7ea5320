"""The peer of the ingest figure: MLflow's log-batch, on a database of its own in the same PostgreSQL."""

from __future__ import annotations

import time

import httpx

from bench.mlflow_server import is_installed, mlflow_server
from bench.web_alone import WebAlone

SECONDS = 5.0
BATCH = 1000
"""What it takes at most."""


def points_per_second(web: WebAlone, *, install: bool) -> float | None:
    """Points that one worker stored, sent by one client; None where MLflow is not installed and may not be."""
    if not install and not is_installed():
        return None
    with mlflow_server(web) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        return _measured(client)


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
