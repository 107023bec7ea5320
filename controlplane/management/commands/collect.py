"""`manage.py collect`: what nothing keeps any more, and why; and let it go now rather than at the next tick."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.access.models import Project
from apps.experiments.models import FileRule
from apps.experiments.models.retention import GRACE_DAYS
from apps.experiments.selectors.keeping_report import files_report
from apps.experiments.services.bundle_keeping import bundles_collect
from apps.experiments.services.keeping import files_collect
from workers.runtime import environments


class Command(BaseCommand):
    help = (
        "Collect artifacts, checkpoints and source bundles that nothing keeps, and environments of packages that no job"
        " of this machine uses. The worker does the same by itself; a file goes when its grace is over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go and why, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        for project in Project.objects.order_by("name", "pk"):
            self._project(project)
        self._environments(dry=options["dry_run"])
        if not options["dry_run"]:
            files, bundles = files_collect(), bundles_collect()
            self.stdout.write(f"Gone now: {files} files, {bundles} source bundles.")

    def _project(self, project: Project) -> None:
        found = files_report(project.pk)
        bundles = found["source_bundles"]
        grace = FileRule.objects.filter(project=project).values_list("grace_days", flat=True).first() or GRACE_DAYS
        for one in found["unkept"]:
            since = f"since {one['tombstoned_at']:%Y-%m-%d}" if one["tombstoned_at"] else "at the next look"
            self._say(
                project, one["kind"], f"{one['name']} {one['id']}", one["size_bytes"], f"grace of {grace} d {since}"
            )
        for one in bundles["unkept"]:
            why = f"no run, sent {one['sent_at']:%Y-%m-%d}"
            self._say(project, "source_bundle", f"{one['sha256'][:12]} {one['id']}", one["size_bytes"], why)
        more = found["unkept_files"] - len(found["unkept"]) + bundles["unkept_files"] - len(bundles["unkept"])
        if more:
            self.stdout.write(f"{project.name}: and {more} more")
        if not found["is_all"]:
            self.stdout.write(f"{project.name}: there are more files than the {found['looked_at']} that were looked at")

    def _say(self, project: Project, kind: str, name: str, size: int, why: str) -> None:
        self.stdout.write(f"{project.name}: {kind} {name}, {size} bytes: nothing keeps it ({why})")

    def _environments(self, *, dry: bool) -> None:
        place = Path(settings.BEDPLATE_HOME) / "environments"
        goes = environments.is_free if dry else None
        for key, why in environments.sweep(place, environments.BYTES_DEFAULT, goes=goes):
            self.stdout.write(f"environment {key}: {why}")
