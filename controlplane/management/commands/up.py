"""`make up` and `make demo`: everything on one machine, under one supervisor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controlplane import env
from controlplane.embedded.account import NoAccount
from controlplane.embedded.home import Addresses, HomeInUse, HomeUnusable
from controlplane.embedded.postgres import PostgresRefused
from controlplane.embedded.postgres_files import PostgresMissing, PostgresUnreachable
from controlplane.embedded.redis import RedisMissing
from controlplane.embedded.stack import PortTaken, SettingUnusable, Stack
from controlplane.embedded.supervisor import DidNotStart, StopRequested
from controlplane.prepared import clusters_exist, migrations_applied, static_is_current
from workers.backends.base import BackendUnavailable
from workers.backends.local.backend import LocalBackend

EXAMPLE = env.ROOT / "examples" / "credit_risk" / "run.py"
FOR_PEOPLE = (
    BackendUnavailable,
    DidNotStart,
    HomeInUse,
    HomeUnusable,
    NoAccount,
    PortTaken,
    PostgresMissing,
    PostgresRefused,
    PostgresUnreachable,
    RedisMissing,
    SettingUnusable,
)
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Start PostgreSQL, Redis, web, worker, beat and gateway on this machine, and keep them alive until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--example", action="store_true", help="run examples/credit_risk once everything is up")
        parser.add_argument("--exit", action="store_true", help="stop after the example; its exit status is ours")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = env.current()
        stack = Stack(environment, is_prepared, lambda grace: stop_jobs(environment.home, grace), needs_watcher)
        try:
            status = self._run(stack, example=options["example"], leave=options["exit"])
        except FOR_PEOPLE as error:
            self.stderr.write(f"bedplate: {error}")
            status = 1
        except StopRequested:
            status = INTERRUPTED
        sys.exit(status)

    def _run(self, stack: Stack, *, example: bool, leave: bool) -> int:
        with stack.running() as programs:
            status = stack.run_example(programs, EXAMPLE) if example else 0
            if leave:
                return status
            if status:
                self.stderr.write(f"The example ended with exit status {status}; Bedplate keeps running.")
            self.stdout.write("Ctrl-C stops everything.")
            stack.serve()
        return 0


def is_prepared(addresses: Addresses) -> bool:
    return static_is_current() and migrations_applied(addresses.database_url)


def needs_watcher(addresses: Addresses) -> bool:
    return clusters_exist(addresses.database_url)


def stop_jobs(home: Path, grace_seconds: float) -> None:
    LocalBackend(home).stop_everything(grace_seconds)
