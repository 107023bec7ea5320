"""A whole Bedplate of its own: `manage.py up` in a fresh home on free ports, for end-to-end tests and benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support import http
from tests.support.waiting import until
from workers.backends.local.replicas import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
PART_MARKS = {
    "web": "controlplane.asgi:application",
    "worker": "controlplane.celery worker",
    "beat": "controlplane.celery beat",
    "publisher": "manage.py publish",
    "gateway": "workers.runtime.gateway",
    "redis": "redis-server",
    "postgres": "bin/postgres -D",
}
"""What is in the command line of each part and server, and of no other."""


@dataclass
class Stack:
    """A running installation: where it is, and how to ask it."""

    home: Path
    url: str
    gateway_url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def manage(self, *args: str) -> str:
        """Run one management command against it and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(args)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def client(self, username: str = "demo", scopes: str = "read,write,infer,admin") -> httpx.Client:
        """An API client with a fresh token of the user."""
        token = self.manage("token", username, "--name", "test", "--scopes", scopes)
        return http.client(base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def child(self, name: str) -> psutil.Process:
        """The process of one part or server: a name of `PART_MARKS`."""
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it ended meanwhile
                if PART_MARKS[name] in " ".join(process.cmdline()):
                    return process
        raise LookupError(f"{name} is not running")

    def logs(self) -> str:
        """The end of every log, for a failed test's message."""
        parts = [
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted((self.home / "logs").glob("*.log"))
        ]
        return "\n".join(parts)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment, all different, and that nobody is given who asks for any port.

    So what polls the port of a server that still starts never asks the server of another test instead.
    """
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port("127.0.0.1"))
    return list(found)


def environment_for(home: Path) -> dict[str, str]:
    """This process's environment without anything of Bedplate, but for a home and free ports.

    Containers often forbid to keep compiled code: then every process of it would compile ours anew.
    """
    not_own = ("BEDPLATE_", "DJANGO_", "PYTHONDONTWRITEBYTECODE")
    own = {name: value for name, value in os.environ.items() if not name.startswith(not_own)}
    names = ("BEDPLATE_PORT", "BEDPLATE_GATEWAY_PORT", "BEDPLATE_WORKER_METRICS_PORT")
    ports = dict(zip(names, map(str, free_ports(3)), strict=True))
    return own | {"BEDPLATE_HOME": str(home)} | ports


@contextmanager
def running_stack(*, below: Sequence[str] = (), **overrides: str) -> Iterator[Stack]:
    """Start everything, yield once `/readyz` says so, stop it and check that no process stays.

    Args:
        below: a command that runs the command which follows it, in its own place.

    Raises:
        RuntimeError: it did not start; the text has its output.
    """
    with tempfile.TemporaryDirectory(prefix="bedplate-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o755)
        environment = environment_for(home) | overrides
        output = Path(folder) / "up.log"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*below, sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        web, gateway = (f"http://127.0.0.1:{environment[name]}" for name in ("BEDPLATE_PORT", "BEDPLATE_GATEWAY_PORT"))
        stack = Stack(home, web, gateway, environment, process)
        try:
            until(lambda: _ready(stack, output), timeout_seconds=START_SECONDS)
            yield stack
        finally:
            _stop(stack)


def _ready(stack: Stack, output: Path) -> bool:
    if stack.process.poll() is not None:
        raise RuntimeError(f"`manage.py up` ended:\n{output.read_text()[-4000:]}")
    worker = f"http://127.0.0.1:{stack.environment['BEDPLATE_WORKER_METRICS_PORT']}"
    return all(_answers(f"{url}/readyz") for url in (stack.url, stack.gateway_url, worker))


def _answers(url: str) -> bool:
    try:
        return http.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _stop(stack: Stack) -> None:
    stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(stack.process.pid, signal.SIGKILL)
        raise
    left = processes_of(stack.home)
    if left:
        for process in left:
            process.kill()
        raise RuntimeError(f"left behind: {[' '.join(process.cmdline()) for process in left]}")


def processes_of(home: Path) -> list[psutil.Process]:
    """Every live process that has the home in its command line, working folder or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join([*process.cmdline(), process.cwd(), process.environ().get("BEDPLATE_HOME", "")])
        except psutil.Error:
            continue
        if str(home) in text and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def finished(client: httpx.Client, path: str, timeout_seconds: float = 60) -> dict[str, Any]:
    """Wait until the object at `path` is in a state that ends, and return it."""
    ends = {"succeeded", "failed", "cancelled", "ready", "retired", "completed"}
    seen: dict[str, Any] = {}

    def over() -> bool:
        seen.update(client.get(path).raise_for_status().json())
        return seen["state"] in ends

    until(over, timeout_seconds=timeout_seconds)
    return seen
