"""The first start: an organisation, a team, and two accounts whose passwords are shown once."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from apps.access.models import Organisation, Team, User
from apps.access.services.projects import DEFAULT, organisation_create
from apps.access.services.users import user_create
from apps.common.audit import Actor

ACCOUNTS = {"admin": True, "demo": False}
"""Name → whether it administers the installation."""
ACTOR = Actor.system("bootstrap")
LOCK = 7_232_001
WIDTH = 68


class Command(BaseCommand):
    help = "Make the default organisation and team and the accounts admin and demo, unless they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:  # two at the same time would both print a password
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            organisation = Organisation.objects.filter(name=DEFAULT).first() or organisation_create(
                name=DEFAULT, actor=ACTOR
            )
            team = Team.objects.get(organisation=organisation, name=DEFAULT)
            passwords = {
                name: self._account(name, organisation, team, is_superuser)
                for name, is_superuser in ACCOUNTS.items()
                if not User.objects.filter(username=name).exists()
            }
        if passwords:
            self._show(passwords)

    def _account(self, name: str, organisation: Organisation, team: Team, is_superuser: bool) -> str:
        password = secrets.token_urlsafe(15)
        user_create(
            username=name,
            password=password,
            organisation=organisation,
            team=team,
            is_superuser=is_superuser,
            actor=ACTOR,
        )
        return password

    def _show(self, passwords: dict[str, str]) -> None:
        lines = ["New accounts. These passwords are not shown again:", ""]
        lines += [f"    {name:<8}{password}" for name, password in passwords.items()]
        lines += ["", "`python manage.py changepassword <name>` sets another one."]
        rule = "─" * WIDTH
        self.stdout.write(f"┌{rule}┐")
        for line in lines:
            self.stdout.write(f"│ {line:<{WIDTH - 1}}│")
        self.stdout.write(f"└{rule}┘")
