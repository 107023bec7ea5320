"""One web process as `manage.py up` starts it, with embedded servers in their durable defaults; also a publisher."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from controlplane import env
from controlplane.embedded.home import Addresses, Home
from controlplane.embedded.postgres import EmbeddedPostgres
from controlplane.embedded.processes import Program, spawn, stop
from controlplane.embedded.programs import Programs
from controlplane.embedded.redis import EmbeddedRedis
from tests.support.stack import ROOT, environment_for
from tests.support.waiting import until


@dataclass
class WebAlone:
    """Where it is, and how to ask its database."""

    url: str
    home: Path
    environment: dict[str, str]
    database_url: str
    pid: int

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)

    def python(self, module: str, *words: str) -> Any:
        """What a module prints as JSON, run against this installation."""
        argv = [sys.executable, "-m", module, *words]
        done = subprocess.run(argv, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


@contextmanager
def web_alone(*, publisher: bool = False, pages: bool = False) -> Iterator[WebAlone]:
    """Yields once it answers; stops everything at the end.

    Args:
        publisher: news reach its sockets.
        pages: prepared as for people, with an organisation and the files of the dashboard; else the tables alone.
    """
    with tempfile.TemporaryDirectory(prefix="bedplate-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        home = Home(Path(folder) / "home")
        home.ensure()
        postgres, redis = EmbeddedPostgres(home), EmbeddedRedis(home)
        for server in (postgres, redis):
            _started(stack, home, server.program())
            until(server.answers, 60, what="a server")
        environment = environment_for(home.path) | {
            "BEDPLATE_DATABASE_URL": postgres.url,
            "BEDPLATE_REDIS_URL": redis.url,
            "DJANGO_SETTINGS_MODULE": "controlplane.settings.dev",
        }
        command = ["prepare"] if pages else ["migrate", "-v0"]
        argv = [sys.executable, "manage.py", *command]
        subprocess.run(argv, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        programs = Programs(env.read(environment), Addresses(postgres.url, redis.url))
        pid = _started(stack, home, programs.web())
        if publisher:
            _started(stack, home, programs.publisher())
        url = f"http://127.0.0.1:{environment['BEDPLATE_PORT']}"
        until(lambda: _answers(url), 60, what="the web process")
        yield WebAlone(url, home.path, environment, postgres.url, pid)


def _started(stack: ExitStack, home: Home, program: Program) -> int:
    with (home.logs / f"{program.name}.log").open("ab") as log:
        process = spawn(program, log)
    stack.callback(stop, process, program.stop_signals)
    return process.pid


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
