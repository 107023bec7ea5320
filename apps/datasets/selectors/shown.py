"""Rows as lists and pages show them: names beside ids and what stands beside a dataset, in one query."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, F, Func, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, JSONObject

from apps.datasets.models import (
    CleaningRun,
    DataJob,
    Dataset,
    DatasetVersion,
    Ingestion,
    IngestionSchedule,
    KeepRule,
    Preview,
    Profile,
    Recipe,
    Source,
    VersionAlias,
    VersionComparison,
)
from apps.datasets.states import PROFILE, VersionState

Job = TypeVar("Job", bound=DataJob)
NOT_SHOWN = ("workload__spec", "workload__assignments")
"""Of a workload: large, and not for lists."""


def datasets_shown() -> QuerySet[Dataset]:
    """Datasets with `version_count`, figures of the `latest` published version, and the newest job of each kind.

    `latest` is None or `{"id", "number", "column_count", "sensitivity"}`; `row_count`, `size_bytes` and `published_at`
    are columns, so that a list can be ordered by them. `newest_ingestion`, `newest_cleaning_run` and `newest_profile`
    are None or `{"kind", "id", "state", "state_reason", "state_detail", "state_at", "created_at"}`.
    """
    own = DatasetVersion.objects.filter(dataset=OuterRef("pk"))
    latest = own.filter(state=VersionState.PUBLISHED).order_by("-number")
    counted = own.order_by().values("dataset").annotate(found=Count("pk")).values("found")
    columns = Func(F("schema"), function="jsonb_array_length", output_field=IntegerField())
    shown = JSONObject(id="id", number="number", sensitivity="sensitivity", column_count=columns)
    return (
        Dataset.objects.annotate(created_by_name=F("created_by__username"), project_name=F("project__name"))
        .annotate(version_count=Coalesce(Subquery(counted), 0, output_field=IntegerField()))
        .annotate(latest=Subquery(latest.values(found=shown)[:1]))
        .annotate(**{name: Subquery(latest.values(name)[:1]) for name in ("row_count", "size_bytes")})
        .annotate(published_at=Subquery(latest.values("state_at")[:1]))
        .annotate(newest_ingestion=_newest(Ingestion, dataset=OuterRef("pk")))
        .annotate(newest_cleaning_run=_newest(CleaningRun, output_dataset=OuterRef("pk")))
        .annotate(newest_profile=_newest(Profile, version__dataset=OuterRef("pk"), workload__owner_kind=PROFILE.noun))
    )


def _newest(model: type[DataJob], **of: Any) -> Subquery:
    jobs: Any = model._default_manager
    names = ("id", "state", "state_reason", "state_detail", "state_at", "created_at")
    found = JSONObject(kind=Value(model.machine.noun), **{name: name for name in names})
    return Subquery(jobs.filter(**of).order_by("-id").values(found=found)[:1])


def newest_job(dataset: Any) -> dict[str, Any] | None:
    """Of the newest jobs of a row of `datasets_shown()` the one that was asked for last."""
    found = [dataset.newest_ingestion, dataset.newest_cleaning_run, dataset.newest_profile]
    return max((job for job in found if job), key=lambda job: str(job["id"]), default=None)  # ids sort by time


def sources_shown() -> QuerySet[Source]:
    return Source.objects.annotate(
        project_name=F("project__name"),
        dataset_name=F("dataset__name"),
        uploaded_by_name=F("uploaded_by__username"),
    )


def versions_shown() -> QuerySet[DatasetVersion]:
    """Versions with the names around them, and who asked for the job that made them."""
    requested = Coalesce(F("ingestion__requested_by"), F("cleaning_run__requested_by"))
    named = Coalesce(F("ingestion__requested_by__username"), F("cleaning_run__requested_by__username"))
    profile = Profile.objects.filter(version=OuterRef("pk")).order_by("-id")
    aliases = VersionAlias.objects.filter(version=OuterRef("pk")).order_by("name")
    return DatasetVersion.objects.annotate(
        dataset_name=F("dataset__name"),
        dataset_title=F("dataset__title"),
        project_name=F("project__name"),
        parent_number=F("parent__number"),
        parent_dataset=F("parent__dataset"),
        parent_dataset_name=F("parent__dataset__name"),
        source=F("ingestion__source"),
        source_name=F("ingestion__source__name"),
        recipe=F("cleaning_run__recipe"),
        recipe_name=F("cleaning_run__recipe__name"),
        recipe_number=F("cleaning_run__recipe__number"),
        created_by=requested,
        created_by_name=named,
        newest_profile=Subquery(profile.values(found=JSONObject(id="id", state="state"))[:1]),
        alias_names=ArraySubquery(aliases.values("name")),
    )


def jobs_shown(model: type[Job], **more: Any) -> QuerySet[Job]:
    """Jobs of a kind with their workloads and the names around them.

    Args:
        more: what else is shown of this kind.
    """
    jobs: Any = model._default_manager.select_related("workload").defer(*NOT_SHOWN)
    named = {"project_name": F("project__name"), "requested_by_name": F("requested_by__username")}
    found: QuerySet[Job] = jobs.annotate(**named, **more)
    return found


OF_VERSION: dict[str, Any] = {
    "dataset": F("version__dataset"),
    "dataset_name": F("version__dataset__name"),
    "version_number": F("version__number"),
}
"""Of a job about one version."""


def comparisons_shown() -> QuerySet[VersionComparison]:
    return jobs_shown(
        VersionComparison,
        before_number=F("before__number"),
        before_dataset=F("before__dataset"),
        before_dataset_name=F("before__dataset__name"),
        after_number=F("after__number"),
        after_dataset=F("after__dataset"),
        after_dataset_name=F("after__dataset__name"),
    )


def keep_rules_shown() -> QuerySet[KeepRule]:
    return KeepRule.objects.annotate(
        project_name=F("project__name"),
        dataset_name=F("dataset__name"),
        changed_by_name=F("changed_by__username"),
    )


def aliases_shown() -> QuerySet[VersionAlias]:
    return VersionAlias.objects.annotate(
        project_name=F("project__name"),
        dataset_name=F("dataset__name"),
        number=F("version__number"),
        version_state=F("version__state"),
        moved_by_name=F("moved_by__username"),
    )


def schedules_shown() -> QuerySet[IngestionSchedule]:
    """Schedules with their newest ingestion, `{"id", "state", "state_reason", "created_at"}` or None."""
    newest = Ingestion.objects.filter(schedule=OuterRef("pk")).order_by("-id")
    shown = JSONObject(**{name: name for name in ("id", "state", "state_reason", "created_at")})
    return IngestionSchedule.objects.annotate(
        project_name=F("project__name"),
        dataset_name=F("dataset__name"),
        created_by_name=F("created_by__username"),
        newest_ingestion=Subquery(newest.values(found=shown)[:1]),
    )


def recipes_shown() -> QuerySet[Recipe]:
    return Recipe.objects.annotate(created_by_name=F("created_by__username"), project_name=F("project__name"))


def ingestions_shown() -> QuerySet[Ingestion]:
    return jobs_shown(
        Ingestion,
        dataset_name=F("dataset__name"),
        source_name=F("source__name"),
        append_to_number=F("append_to__number"),
        version_id=F("version__pk"),
        version_number=F("version__number"),
    )


def profiles_shown() -> QuerySet[Profile]:
    return jobs_shown(Profile, **OF_VERSION)


def previews_shown() -> QuerySet[Preview]:
    return jobs_shown(
        Preview,
        is_ready=Case(When(address="", then=Value(value=False)), default=Value(value=True)),
        **OF_VERSION,
    )


def cleaning_runs_shown() -> QuerySet[CleaningRun]:
    return jobs_shown(
        CleaningRun,
        recipe_name=F("recipe__name"),
        recipe_number=F("recipe__number"),
        input_dataset=F("input_version__dataset"),
        input_dataset_name=F("input_version__dataset__name"),
        input_version_number=F("input_version__number"),
        output_dataset_name=F("output_dataset__name"),
        output_version_id=F("output_version__pk"),
        output_version_number=F("output_version__number"),
        report=F("output_version__report"),
    )
