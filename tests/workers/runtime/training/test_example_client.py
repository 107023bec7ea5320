"""`examples/credit_risk/run.py` stands alone, and says in words why it cannot go on."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.gateway_api import Server, reply

RUN = Path(__file__).resolve().parents[4] / "examples" / "credit_risk" / "run.py"


def _run(url: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CREDIT_RISK_URL": url, "CREDIT_RISK_TOKEN": url and "token"}
    return subprocess.run(
        [sys.executable, str(RUN)], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_it_needs_python_and_httpx_only() -> None:
    names = set()
    for node in ast.walk(ast.parse(RUN.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names - sys.stdlib_module_names == {"httpx"}
    assert len(RUN.read_text(encoding="utf-8").splitlines()) <= 300


def test_it_says_what_is_not_set() -> None:
    done = _run("")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("set CREDIT_RISK_URL (http://127.0.0.1:8000) and CREDIT_RISK_TOKEN (an API token)\n")


class _Refuses(Server):
    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        said = {"code": "unauthenticated", "detail": "This token has expired.", "request_id": "r-1"}
        reply(request, 401, said, **{"Content-Type": "application/problem+json"})


def test_it_passes_on_what_the_server_says() -> None:
    with _Refuses() as server:
        done = _run(f"http://{server.address}")
    assert done.returncode == 1
    assert done.stderr == "\nfailed: GET /projects: 401 unauthenticated: This token has expired. (request r-1)\n"
    gone = _run(f"http://{server.address}")
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"\nfailed: no answer from http://{server.address}: ")
