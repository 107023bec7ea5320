"""Models and versions as lists show them: with the names of what belongs to them, in a constant number of queries."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Prefetch, Value
from django.db.models.functions import Coalesce

from apps.experiments.models import ModelAlias, ModelVersion

HEAVY = ("files", "inspection", "signature")
"""Columns of a version that only its own pages show."""


def with_latest(models: Any) -> Any:
    """Models with `latest` (a list of the newest version, or of none) and their aliases. Two more queries."""
    newest = ModelVersion.objects.filter(number=F("model__versions_made")).select_related("run", "registered_by")
    newest = newest.defer(
        "evaluation",
        "files",
        "inspection",
        "signature",
        "run__script",
        "run__result",
        "run__summary",
        "run__parameters",
    )
    aliases = ModelAlias.objects.select_related("version").defer("version__evaluation").order_by("name")
    return models.select_related("project").prefetch_related(
        Prefetch("versions", queryset=newest, to_attr="latest"), Prefetch("aliases", queryset=aliases)
    )


def with_names(versions: Any) -> Any:
    """Versions with the names of their model, run, dataset and people, and of their aliases. No further query."""
    aliases = ModelAlias.objects.filter(version=OuterRef("pk")).order_by("name").values_list("name", flat=True)
    return versions.annotate(
        project_name=F("project__name"),
        model_name=F("model__name"),
        run_name=F("run__name"),
        experiment_name=F("run__experiment__name"),
        dataset_version_id=F("run__dataset_version_id"),
        dataset_name=F("run__dataset_version__dataset__name"),
        dataset_version_number=F("run__dataset_version__number"),
        registered_by_name=Coalesce(F("registered_by__username"), Value("")),
        alias_names=ArraySubquery(aliases),
    )
