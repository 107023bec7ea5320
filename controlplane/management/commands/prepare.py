"""Bring a database and a home up to date: before the first start, and after every upgrade."""

from __future__ import annotations

from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from apps.quotas.models import Cluster
from controlplane.health import unapplied_migrations, unknown_migrations
from controlplane.migrating import migrate
from controlplane.prepared import static_is_current, static_was_collected
from controlplane.settings.database import OFFLINE
from workers.backends.kubernetes.connection import SERVICE_ACCOUNT_FOLDER
from workers.contracts.launch import CLUSTER_PREFIX


class Command(BaseCommand):
    help = "Migrate, collect static files, make the first users, record what this machine has. Safe to repeat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-machines", action="store_true", help="leave it to others to say what jobs run on")

    def handle(self, *args: Any, **options: Any) -> None:
        servers_answer()
        refuse_later_database()
        if unapplied_migrations():
            self.stdout.write("Preparing the database …")
            with connection.cursor() as cursor:  # a migration may take longer than a request
                cursor.execute("SET statement_timeout = 0")
            migrate()
        if not static_is_current():
            call_command("collectstatic", verbosity=0, interactive=False)
            static_was_collected()
        call_command("bootstrap", stdout=self.stdout)
        if options["no_machines"]:
            return
        if settings.BEDPLATE_BACKEND.startswith(CLUSTER_PREFIX):
            self._own_cluster(settings.BEDPLATE_BACKEND.removeprefix(CLUSTER_PREFIX))
        else:
            call_command("discover", stdout=self.stdout)

    def _own_cluster(self, name: str) -> None:
        """The cluster of the installation: known from the start where this is a pod of it; elsewhere somebody has to
        say how to connect. One that does not answer now is asked again by the worker."""
        if not Cluster.objects.filter(name=name).exists() and not (SERVICE_ACCOUNT_FOLDER / "token").exists():
            raise CommandError(
                f"BEDPLATE_BACKEND is {CLUSTER_PREFIX}{name}, and there is no cluster {name} yet:"
                f" python manage.py cluster add {name} --kubeconfig FILE"
            )
        call_command("cluster", "add", name, "--in-cluster", "--keep", stdout=self.stdout)


def refuse_later_database() -> None:
    """Raises CommandError: the database was made by a later version, which knows what this one does not."""
    unknown = unknown_migrations()
    if unknown:
        shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        raise CommandError(
            f"The database was made by a later version of Bedplate: it has {shown}. "
            "Install that version again, or set BEDPLATE_HOME or BEDPLATE_DATABASE_URL to another one."
        )


def servers_answer() -> None:
    """Try both servers once, without their pools, which hide why nobody answers.

    Raises:
        CommandError: one does not; says which setting names it, where it is and what it said.
    """
    where = connection.settings_dict
    if where["ENGINE"] == OFFLINE["ENGINE"]:
        connection.ensure_connection()  # says how the embedded servers are started
    options = {name: value for name, value in where["OPTIONS"].items() if name != "pool"}
    try:
        psycopg.connect(
            host=where["HOST"],
            port=where["PORT"],
            user=where["USER"],
            password=where["PASSWORD"],
            dbname=where["NAME"],
            **options,
        ).close()
    except psycopg.OperationalError as error:
        place = f"{where['HOST']}:{where['PORT']}"
        raise CommandError(f"PostgreSQL at {place} (BEDPLATE_DATABASE_URL) cannot be used: {error}".strip()) from error
    server = redis.Redis.from_url(settings.BEDPLATE_REDIS_URL, socket_connect_timeout=5, socket_timeout=5)
    try:
        server.ping()
    except redis.RedisError as error:
        raise CommandError(f"Redis (BEDPLATE_REDIS_URL) cannot be used: {error}") from error
    finally:
        server.close()
