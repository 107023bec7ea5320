"""An API token from the command line, for scripts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.access.models import User
from apps.access.services.tokens import token_create
from apps.access.states import TokenScope
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import Invalid

SCOPES = ",".join([TokenScope.READ, TokenScope.WRITE, TokenScope.INFER])


class Command(BaseCommand):
    help = "Make an API token of a user and print it, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="what it is for")
        parser.add_argument("--scopes", default=SCOPES, help=f"of {','.join(TokenScope.values)}; default {SCOPES}")
        parser.add_argument("--days", type=float, default=30, help="how long it is good; default 30")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']}.")
        try:
            _, text = token_create(
                user=user,
                name=options["name"],
                scopes=[scope.strip() for scope in options["scopes"].split(",") if scope.strip()],
                expires_at=clock.db_now() + timedelta(days=options["days"]),
                actor=Actor.system("command line"),
            )
        except Invalid as error:
            raise CommandError(error.detail) from error
        self.stdout.write(text)
