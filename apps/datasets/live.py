"""Which of this app's objects a browser may follow: kind → rows, from which `.visible_to(user)` is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.datasets.models import (
    CleaningRun,
    DatasetVersion,
    Ingestion,
    Preview,
    Profile,
    ValidationRun,
    VersionComparison,
)

SUBJECTS: dict[str, Callable[[], Any]] = {
    "ingestion": Ingestion.objects.all,
    "profile": Profile.objects.all,
    "preview": Preview.objects.all,
    "validation_run": ValidationRun.objects.all,
    "version_comparison": VersionComparison.objects.all,
    "cleaning_run": CleaningRun.objects.all,
    "dataset_version": DatasetVersion.objects.all,
}
