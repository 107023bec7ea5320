"""`manage.py backup`: the whole installation into one folder, while everything runs."""

from __future__ import annotations

import signal
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane import env
from controlplane.backups.folder import BackupRefused
from controlplane.backups.take import backup_take
from controlplane.embedded.postgres_files import PostgresMissing


class Command(BaseCommand):
    help = (
        "Back up database, object store and keys into a new folder, consistent while everything runs. The folder holds "
        "the keys: keep it as safe as they are, and somewhere else than the installation."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, help="the folder to make; by default below backups/ in the home")
        parser.add_argument(
            "--without-damaged", action="store_true", help="go without files that are missing or damaged already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        environment, began = env.current(), time.monotonic()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was begun is cleared up
        name = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        place = (options["to"] or environment.home / "backups" / name).expanduser().absolute()
        try:
            made = backup_take(place, environment, without_damaged=options["without_damaged"])
        except (BackupRefused, PostgresMissing) as error:
            raise CommandError(str(error)) from error
        for what in made.damaged:
            self.stderr.write(f"left out: {what}")
        self.stdout.write(
            f"{place}: {sum(made.tables.values())} rows, {made.object_count} objects of {made.object_bytes} bytes, "
            f"in {time.monotonic() - began:.1f} s"
        )
