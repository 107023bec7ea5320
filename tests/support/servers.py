"""pytest plugin: a PostgreSQL and a Redis of the test run's own, started before Django reads its settings.

They live in `var/test-<process>/` and end with the run, however it ends. Workers of xdist share the servers of their
controller: each has its own database (pytest-django) and its own number in Redis.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from controlplane.embedded.home import Home, process_lives
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.processes import Program, spawn, stop, until
from controlplane.embedded.redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


class Servers:
    """The servers of one test run."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self) -> None:
        home = Home(self.place)
        home.ensure()
        self.postgres, self.redis = EmbeddedPostgres(home, durable=False), EmbeddedRedis(home)
        for program in (self.redis.program(), self.postgres.program()):
            with (home.logs / f"{program.name}.log").open("ab") as log:
                self.running.append((program, spawn(program, log)))
        for server in (self.postgres, self.redis):
            if not until(server.answers, START_SECONDS):
                raise pytest.UsageError(f"a test server did not start; see {home.logs}")

    def environment(self) -> dict[str, str]:
        return {
            "BEDPLATE_HOME": str(self.place),
            "BEDPLATE_DATABASE_URL": self.postgres.url,
            "BEDPLATE_REDIS_URL": self.redis.url,
            "BEDPLATE_ENV_FILE": "",
        }

    def stop(self) -> None:
        for program, process in reversed(self.running):
            stop(process, program.stop_signals)
        self.running.clear()
        shutil.rmtree(self.postgres.folder, ignore_errors=True)
        shutil.rmtree(self.place, ignore_errors=True)


_servers = Servers(ROOT / "var" / f"test-{os.getpid()}")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """A wrapper, so that it comes before pytest-django's own, which loads the settings."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        own = int(worker.removeprefix("gw")) % 15 + 1
        os.environ["BEDPLATE_REDIS_URL"] = os.environ["BEDPLATE_REDIS_URL"].removesuffix("/0") + f"/{own}"
    else:
        _sweep()
        _servers.start()
        for name in [name for name in os.environ if name.startswith("BEDPLATE_")]:
            del os.environ[name]  # a developer's own settings must not reach the tests
        os.environ.update(_servers.environment())
    yield


def pytest_unconfigure() -> None:
    if _servers.running:
        _servers.stop()


def _sweep() -> None:
    """Remove what runs that were killed left behind."""
    for place in (ROOT / "var").glob("test-*"):
        number = place.name.removeprefix("test-")
        if number.isdigit() and not process_lives(int(number)):
            shutil.rmtree(place, ignore_errors=True)
