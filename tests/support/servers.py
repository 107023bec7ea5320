"""pytest plugin: a PostgreSQL and a Redis of the test run's own, started before Django reads its settings.

They live in `var/test-<process>/` and end with the run, however it ends. Workers of xdist share the servers of their
controller: each has its own database (pytest-django) and its own number in Redis. Theirs are copies of one that is
migrated while they collect.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from controlplane.embedded.home import Home, process_lives
from controlplane.embedded.postgres import DATABASE, EmbeddedPostgres
from controlplane.embedded.processes import Program, spawn, stop, until
from controlplane.embedded.redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
MIGRATE_SECONDS = 120
TEMPLATE = "TEST_DATABASE_TEMPLATE"
"""Names the file that is there once the database of the server's address can be copied."""


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

    def make_template(self) -> None:
        """Begin to migrate the server's own database; the file that `TEMPLATE` names is there once that is done."""
        done = self.place / "template-is-made"
        command = f"{shlex.quote(sys.executable)} -m tests.support.template && touch {shlex.quote(str(done))}"
        settings = {"DJANGO_SETTINGS_MODULE": "controlplane.settings.test"}
        program = Program("template", ("/bin/sh", "-c", command), os.environ | settings, ROOT)
        with (self.place / "logs" / "template.log").open("ab") as log:
            self.running.append((program, spawn(program, log)))
        os.environ[TEMPLATE] = str(done)

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
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
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
        os.environ["OMP_NUM_THREADS"] = "1"  # threads of one computation spin where others have the cores
        if getattr(early_config.known_args_namespace, "numprocesses", None):
            _servers.make_template()
    yield


def use_template() -> None:
    """Let this process's database be a copy of the migrated one, which takes a small part of what migrating takes."""
    if TEMPLATE not in os.environ:  # alone, and until now no test has asked for a database
        _servers.make_template()
    made = os.environ[TEMPLATE]
    if not until(Path(made).exists, MIGRATE_SECONDS):
        raise pytest.UsageError(f"the tests' database was not migrated; see {Path(made).parent / 'logs'}")
    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = DATABASE


def database_of_its_own(name: str) -> str:
    """The address of a new database, a copy of the migrated one."""
    use_template()
    url = os.environ["BEDPLATE_DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{url}/postgres", autocommit=True) as server:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(DATABASE))
        server.execute(copy)
    return f"{url}/{name}"


def pytest_unconfigure() -> None:
    if _servers.running:
        _servers.stop()


def _sweep() -> None:
    """Remove what runs that were killed left behind."""
    for place in (ROOT / "var").glob("test-*"):
        number = place.name.removeprefix("test-")
        if number.isdigit() and not process_lives(int(number)):
            shutil.rmtree(place, ignore_errors=True)
