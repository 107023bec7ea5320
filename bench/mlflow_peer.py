"""The peer of the list figure: an MLflow tracking server on the same PostgreSQL, with as many runs.

MLflow lives in an environment of its own (`var/bench/mlflow`), made on first use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import psycopg

from tests.support.stack import ROOT, Stack, free_ports
from tests.support.waiting import until

VERSION = "3.17.2"
ENVIRONMENT = ROOT / "var" / "bench" / "mlflow"

FILL = """
import sys, time, uuid
from mlflow.store.tracking.dbmodels.models import SqlMetric, SqlLatestMetric, SqlParam, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
store = SqlAlchemyStore(sys.argv[1], sys.argv[2])
experiment = store.create_experiment("bench")
now = int(time.time() * 1000)
with store.ManagedSessionMaker() as session:
    for number in range(int(sys.argv[3])):
        run = uuid.uuid4().hex
        session.add(SqlRun(run_uuid=run, name=f"run-{number}", experiment_id=int(experiment), user_id="bench",
                           status="FINISHED", start_time=now + number, end_time=now + number, lifecycle_stage="active",
                           source_type="LOCAL", artifact_uri=f"{sys.argv[2]}/{run}"))
        session.add(SqlParam(run_uuid=run, key="learning_rate", value="0.001"))
        session.add(SqlLatestMetric(run_uuid=run, key="auc", value=0.8, timestamp=now, step=1, is_nan=False))
print(experiment)
"""


@dataclass(frozen=True)
class Peer:
    """What MLflow did: milliseconds of each search, resident megabytes of its worker."""

    milliseconds: list[float]
    rss_mb: float


def measure(stack: Stack, rows: int, reads: int) -> Peer:
    """Install if needed, fill a database of its own with `rows` runs, search `reads` times."""
    python = environment()
    database = _database(stack)
    artifacts = str(stack.home / "mlflow")
    done = subprocess.run(
        [python, "-c", FILL, database, artifacts, str(rows)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"MLflow could not be filled: {done.stderr[-2000:]}")
    with psycopg.connect(database.replace("+psycopg2", ""), autocommit=True) as connection:
        connection.execute("ANALYZE")  # as for ours
    (port,) = free_ports(1)
    server = subprocess.Popen(
        [
            python,
            "-m",
            "mlflow",
            "server",
            "--backend-store-uri",
            database,
            "--artifacts-destination",
            artifacts,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        return _search(server, f"http://127.0.0.1:{port}", done.stdout.split()[-1], reads)
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.terminate()
        server.wait(30)


def environment() -> str:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"installing mlflow {VERSION} into {ENVIRONMENT}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"mlflow=={VERSION}", "psycopg2-binary"], check=True)
    return str(python)


def _database(stack: Stack) -> str:
    """A database beside ours on the same server; returns its URL for SQLAlchemy."""
    own = json.loads((stack.home / "run" / "embedded.json").read_text())["database_url"]
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute("CREATE DATABASE mlflow")
    parts = urlsplit(own)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2", path="/mlflow"))


def _search(server: subprocess.Popen[bytes], url: str, experiment: str, reads: int) -> Peer:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        until(lambda: healthy(client), timeout_seconds=120)
        body = {"experiment_ids": [experiment], "max_results": 50, "order_by": ["attributes.start_time DESC"]}
        took = []
        for _ in range(reads + 5):
            start = time.perf_counter()
            answer = client.post("/api/2.0/mlflow/runs/search", json=body).raise_for_status().json()
            took.append((time.perf_counter() - start) * 1000)
            if len(answer["runs"]) != 50:
                raise RuntimeError("MLflow did not answer with 50 runs")
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        return Peer(took[5:], max(process.memory_info().rss for process in family) / 1e6)


def healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.HTTPError:
        return False
