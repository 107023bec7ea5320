"""Which of this app's objects a browser may follow: kind → rows, from which `.visible_to(user)` is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.experiments.models import ModelVersion, Run

SUBJECTS: dict[str, Callable[[], Any]] = {"run": Run.objects.all, "model_version": ModelVersion.objects.all}
