"""`manage.py restore FOLDER`: a backup into an empty home."""

from __future__ import annotations

import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane import env
from controlplane.backups.folder import BackupRefused, plain_settings
from controlplane.backups.restore import Restored, backup_restore
from controlplane.backups.target import Target
from controlplane.embedded.account import NoAccount
from controlplane.embedded.home import HomeInUse
from controlplane.embedded.postgres import PostgresRefused
from controlplane.embedded.postgres_files import PostgresMissing, PostgresUnreachable

FOR_PEOPLE = (BackupRefused, HomeInUse, NoAccount, PostgresMissing, PostgresRefused, PostgresUnreachable)


class Command(BaseCommand):
    help = "Restore a backup into an empty home, wholly or not at all; `make up` then starts it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder that `manage.py backup` made")
        parser.add_argument("--home", type=Path, help="the home to restore into; BEDPLATE_HOME by default")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was begun is cleared up
        home: Path | None = options["home"]
        environment = env.current_in(home.expanduser().absolute()) if home else env.current()
        try:
            restored = backup_restore(options["folder"].expanduser().absolute(), environment, self.stdout.write)
        except FOR_PEOPLE as error:
            Target(environment).forget_new_keys()
            raise CommandError(str(error)) from error
        self._tell(restored, environment)
        self.stdout.write(f"Restored into {environment.home} in {time.monotonic() - began:.1f} s; `make up` starts it.")

    def _tell(self, restored: Restored, environment: env.Environment) -> None:
        made = restored.manifest
        self.stdout.write(f"{restored.rows} rows and {made.object_count} objects, as they were at {made.made_at}.")
        now = plain_settings(environment)
        for name, text in made.settings.items():
            if now.get(name) != text and not text.startswith("file://"):
                self.stdout.write(f"{name} was {text}, and is {now.get(name, 'unset')} here.")
        for what in made.damaged:
            self.stdout.write(f"The backup went without: {what}")
