"""`python -m controlplane.serve PART`, as a container starts it: the part in our place, the worker under an eye."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from controlplane import env, serve
from controlplane.embedded.programs import Programs
from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch, shell
from workers.backends.local.backend import LocalBackend
from workers.contracts.observation import Phase

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import sys
from controlplane import env, serve
from controlplane.embedded.processes import Program

environment = env.current()
code = "import os, pathlib, signal; pathlib.Path('lives').open('a').write(f'{os.getpid()} '); signal.pause()"
sys.exit(serve.serve_worker(environment, Program("worker", (sys.executable, "-c", code), {}, environment.home)))
"""


def settings(home: Path, **variables: str) -> dict[str, str]:
    plain = {name: text for name, text in os.environ.items() if not name.startswith("BEDPLATE_")}
    return plain | {"BEDPLATE_ENV_FILE": "", "BEDPLATE_HOME": str(home), **variables}


def test_a_part_takes_the_place_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = env.read(settings(tmp_path, BEDPLATE_PORT="9000", BEDPLATE_DATABASE_URL="postgresql://u@elsewhere/d"))
    monkeypatch.setattr(env, "current", lambda: given)
    monkeypatch.chdir(tmp_path)
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda path, argv, environment: became.append((path, argv, environment)))
    serve.main(["web"])
    path, argv, environment = became.pop()
    assert path == argv[0] == sys.executable
    assert argv[1:4] == ["-m", "uvicorn", "controlplane.asgi:application"]
    assert argv[argv.index("--port") + 1] == "9000"
    assert environment["BEDPLATE_DATABASE_URL"] == "postgresql://u@elsewhere/d"
    assert Path.cwd() == ROOT


def test_a_worker_is_started_for_its_queues(tmp_path: Path) -> None:
    given = env.read(settings(tmp_path, BEDPLATE_WORKER_QUEUES="dispatch,data"))
    argv = Programs(given).worker().argv
    assert argv[argv.index("--queues") + 1] == "dispatch,data"
    assert dict(Programs(given).worker().environment)["BEDPLATE_WORKER_QUEUES"] == "dispatch,data"


def test_the_gateway_needs_no_key_and_makes_none(tmp_path: Path) -> None:
    """It ends because nobody can listen at this address, and by then it has read all its settings."""
    variables = settings(
        tmp_path / "home",
        BEDPLATE_GATEWAY_TOKEN="t" * 32,
        BEDPLATE_JOB_API_URL="http://web:8000",
        BEDPLATE_HOST="203.0.113.7",
    )
    done = run("gateway", variables)
    assert "Cannot assign requested address" in done.stderr
    assert not (tmp_path / "home").exists()


def run(part: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "controlplane.serve", part],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_setting_and_an_unknown_part_are_refused_by_name(tmp_path: Path) -> None:
    done = run("web", settings(tmp_path, BEDPLATE_PORT="80x"))
    assert (done.returncode, done.stderr) == (
        2,
        "bedplate: BEDPLATE_PORT is '80x'; it takes a port, 1 to 65535\n",
    )
    done = run("database", settings(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        "usage: python -m controlplane.serve web|worker|beat|publisher|watcher|gateway\n",
    )


@contextmanager
def worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    home.mkdir()
    variables = settings(home, BEDPLATE_STOP_GRACE_SECONDS="10")
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lives(home: Path) -> list[int]:
    """Process ids of the worker's lives so far."""
    path = home / "lives"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_a_worker_that_dies_starts_again_beside_its_jobs_and_the_end_is_the_end_of_both(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with worker(home) as process:
        until(lambda: len(lives(home)) == 1)
        backend = LocalBackend(home)
        handle = backend.submit(
            shell("trap 'echo bye > ../../goodbye; exit 83' TERM; sleep 1000 & wait"), make_launch()
        )
        until(lambda: backend.observe([handle])[0].phase is Phase.RUNNING)
        os.kill(lives(home)[0], signal.SIGKILL)
        until(lambda: len(lives(home)) == 2, 15)
        assert backend.observe([handle])[0].phase is Phase.RUNNING
        process.terminate()
        assert process.wait(20) == 0
        seen = backend.observe([handle])[0]
        assert (seen.phase, seen.reason) == (Phase.FAILED, "evicted")
        assert [pid for pid in lives(home) if psutil.pid_exists(pid)] == []
