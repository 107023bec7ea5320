"""The peer of everything that MLflow's clients send: its own server with one worker, on the same PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil

from bench import mlflow_peer
from bench.web_alone import WebAlone
from tests.support.stack import free_ports
from tests.support.waiting import until


def is_installed() -> bool:
    return (mlflow_peer.ENVIRONMENT / "bin" / "python").exists()


@contextmanager
def mlflow_server(web: WebAlone) -> Iterator[str]:
    """Its address, once it answers; it has a database of its own, `mlflow`. Installed when it is not."""
    python = mlflow_peer.environment()
    with web.database() as database:
        database.execute("CREATE DATABASE mlflow")
    (port,) = free_ports(1)
    words = ["--backend-store-uri", store_of(web), "--artifacts-destination", str(web.home / "mlflow")]
    server = subprocess.Popen(
        [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**web.environment, "PYTHONWARNINGS": "ignore"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            until(lambda: mlflow_peer.healthy(client), timeout_seconds=120)
        yield url
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]:
            process.terminate()
        server.wait(30)


def store_of(web: WebAlone) -> str:
    """The address of its database, as SQLAlchemy wants it."""
    return urlunsplit(urlsplit(web.database_url)._replace(scheme="postgresql+psycopg2", path="/mlflow"))
