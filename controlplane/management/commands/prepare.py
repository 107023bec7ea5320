"""Bring a database and a home up to date: before the first start, and after every upgrade."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from controlplane.health import unapplied_migrations
from controlplane.prepared import static_is_current, static_was_collected


class Command(BaseCommand):
    help = "Migrate, collect static files, make the first users, record what this machine has. Safe to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if unapplied_migrations():
            self.stdout.write("Preparing the database …")
            with connection.cursor() as cursor:  # a migration may take longer than a request
                cursor.execute("SET statement_timeout = 0")
            call_command("migrate", verbosity=0, interactive=False)
        if not static_is_current():
            call_command("collectstatic", verbosity=0, interactive=False)
            static_was_collected()
        call_command("bootstrap", stdout=self.stdout)
        call_command("discover", stdout=self.stdout)
