"""The oldest client that the backend works with: what it promises, run once more with that one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / ".venv" / "kubernetes-35"
"""Made by `make test` from requirements/kubernetes-35.lock."""
CORE = (
    "tests/workers/backends/test_conformance.py",
    "tests/workers/kubernetes/test_connection.py",
    "tests/workers/kubernetes/test_reflector.py",
)
CHECK = "import kubernetes; print(kubernetes.__version__, kubernetes.__file__)"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_backend_keeps_its_promises_with_client_35() -> None:
    assert CLIENT.is_dir(), "it is not installed: run `make test`, or the line of the Makefile that makes it"
    version, place = run("-c", CHECK).stdout.split()
    assert version.startswith("35.")
    assert Path(place).is_relative_to(CLIENT)
    done = run("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "kubernetes", *CORE)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
