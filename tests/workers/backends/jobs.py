"""Specs and launches for tests of backends, and what of a job is alive."""

from __future__ import annotations

import uuid
from typing import Any

import psutil

from workers.contracts import environment as names
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Resources, ServingSpec

SMALL = Resources(cpu_millis=1000, memory_bytes=512 << 20)

SERVER = """
import os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind((os.environ["BEDPLATE_SERVE_HOST"], int(os.environ["BEDPLATE_SERVE_PORT"])))
except OSError:
    sys.exit(84)
listener.listen()
while True:
    peer, _ = listener.accept()
    asked = peer.recv(4096).split()[1].decode()
    status = "200 OK" if asked in ("/pid", "/readyz") and not os.path.exists("sick") else "503 Sick"
    peer.sendall(f"HTTP/1.0 {status}\\r\\n\\r\\n{os.getpid()}".encode())
    peer.close()
"""


def make_launch(**changes: Any) -> LaunchContext:
    """A launch of a new attempt; without an address of a control plane its wrapper reports nothing."""
    values: dict[str, Any] = {
        "workload_id": str(uuid.uuid4()),
        "attempt_id": str(uuid.uuid4()),
        "attempt_number": 1,
        "count": 1,
        "api_url": "",
        "token": "secret-token",
        "labels": {"organisation": "acme", "team": "risk", "project": "credit-risk"},
    }
    return LaunchContext(**{**values, **changes})


def shell(script: str, **changes: Any) -> JobSpec:
    """A job that runs a shell script."""
    return JobSpec(**{"command": ("sh", "-c", script), "resources": SMALL, **changes})


def python(script: str, **changes: Any) -> JobSpec:
    """A job that runs a Python script, started as fast as Python can."""
    return JobSpec(**{"command": ("python", "-I", "-S", "-c", script), "resources": SMALL, **changes})


def server(script: str = SERVER, **changes: Any) -> ServingSpec:
    """A server that answers with its pid."""
    values = {"command": ("python", "-I", "-S", "server.py"), "resources": SMALL, "files": {"server.py": script}}
    return ServingSpec(**{**values, **changes})


def alive(attempt_id: str) -> list[psutil.Process]:
    """Every process that has the attempt in its environment: wrappers, commands, and whatever they started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(names.ATTEMPT_ID) == attempt_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
