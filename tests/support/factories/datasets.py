"""Datasets and what belongs to them; jobs whose workloads are moved by hand."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import factory
from django.conf import settings
from factory.django import DjangoModelFactory
from uuid6 import uuid7

from apps.common import clock
from apps.common.audit import Actor
from apps.common.states import transition
from apps.common.storage import store
from apps.datasets.models import (
    AllowedOrigin,
    CleaningRun,
    DataJob,
    Dataset,
    DatasetVersion,
    Expectation,
    Ingestion,
    IngestionSchedule,
    KeepRule,
    LineageEdge,
    Preview,
    Profile,
    QualityHold,
    QualityOverride,
    Recipe,
    Source,
    Upload,
    ValidationRun,
    VersionAlias,
    VersionComparison,
)
from apps.datasets.states import JobState, Relation, VersionState
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import OCCUPYING, WorkloadState
from tests.support.factories.access import ApprovalRequestFactory, ProjectFactory
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory, make_pool
from workers.contracts import recipes

TESTER = Actor.system("test")
DIGEST = "sha256:" + "0" * 64
SCHEMA = [
    {"name": "age", "type": "int64", "nullable": False},
    {"name": "status", "type": "string", "nullable": True},
]
STEPS = [{"kind": "missing_values"}, {"kind": "split"}, {"kind": "impute"}]


def pool_ready() -> None:
    """The pool in which work of every project waits: without it nothing can be submitted."""
    make_pool(backend=settings.BEDPLATE_BACKEND)


def _workload_of(owner_kind: str) -> Any:
    """A pending workload in the project of the job that is made."""
    return factory.SubFactory(
        WorkloadFactory, queue__project=factory.SelfAttribute("...project"), owner_kind=owner_kind
    )


class DatasetFactory(DjangoModelFactory[Dataset]):
    class Meta:
        model = Dataset

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"dataset-{n}")


class SourceFactory(DjangoModelFactory[Source]):
    """The row of an uploaded file; `with_object` writes the file too."""

    class Meta:
        model = Source

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    name = "people.csv"
    file_format = "csv"
    path = factory.Sequence(lambda n: f"sources/test-{n}/people.csv")
    sha256 = "0" * 64
    size_bytes = 3

    @classmethod
    def with_object(cls, content: bytes, **kwargs: Any) -> Source:
        source = cls.build(**kwargs)
        stored = store().put(f"sources/{source.pk}/people.csv", [content])
        measured = {"path": stored.path, "sha256": stored.sha256, "size_bytes": stored.size_bytes}
        return cls.create(id=source.pk, **{**measured, **kwargs})


class UploadFactory(DjangoModelFactory[Upload]):
    """One of three bytes, of which none has come."""

    class Meta:
        model = Upload

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    name = "people.csv"
    size_bytes = 3
    expires_at = factory.LazyFunction(lambda: clock.now() + timedelta(days=1))


class AllowedOriginFactory(DjangoModelFactory[AllowedOrigin]):
    class Meta:
        model = AllowedOrigin

    project = factory.SubFactory(ProjectFactory)
    pattern = factory.Sequence(lambda n: f"data-{n}.example.org")


class IngestionScheduleFactory(DjangoModelFactory[IngestionSchedule]):
    """Every hour, in nobody's name; the first time is long ahead."""

    class Meta:
        model = IngestionSchedule

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    origin = factory.LazyFunction(lambda: {"kind": "url", "url": "https://data.example.org/people.csv"})
    every_seconds = 3600
    next_at = factory.LazyFunction(lambda: clock.now() + timedelta(days=1))


class DatasetVersionFactory(DjangoModelFactory[DatasetVersion]):
    """A published version without an origin; its file is not in the store."""

    class Meta:
        model = DatasetVersion

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    number = 1
    state = VersionState.PUBLISHED
    digest = DIGEST
    schema = factory.LazyFunction(lambda: [dict(column) for column in SCHEMA])
    row_count = 2
    size_bytes = 4
    manifest = factory.LazyFunction(
        lambda: {
            "prefix": f"attempts/{uuid7()}/dataset/",
            "files": [{"name": "part-00000.parquet", "rows": 2, "size_bytes": 4, "sha256": "0" * 64}],
        }
    )

    @classmethod
    def with_objects(cls, files: dict[str, bytes], **kwargs: Any) -> DatasetVersion:
        """One whose files are in the store."""
        prefix = f"attempts/{uuid7()}/dataset/"
        manifest = {"prefix": prefix, "files": [described(name, content) for name, content in files.items()]}
        for name, content in files.items():
            store().put(prefix + name, [content])
        return cls.create(manifest=manifest, row_count=2 * len(files), **kwargs)


class VersionAliasFactory(DjangoModelFactory[VersionAlias]):
    class Meta:
        model = VersionAlias

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    dataset = factory.SelfAttribute("version.dataset")
    name = "gold"
    moved_at = factory.LazyFunction(clock.now)


class KeepRuleFactory(DjangoModelFactory[KeepRule]):
    """Of a dataset; say `dataset=None` for the project's."""

    class Meta:
        model = KeepRule

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    keep_last = 1
    changed_at = factory.LazyFunction(clock.now)


class VersionComparisonFactory(DjangoModelFactory[VersionComparison]):
    """A failed comparison, of which a pair may have many; say `state` for one that counts."""

    class Meta:
        model = VersionComparison

    project = factory.SubFactory(ProjectFactory)
    before = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    after = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    key_digest = "0" * 64
    workload = _workload_of("version_comparison")
    state = JobState.FAILED


class IngestionFactory(DjangoModelFactory[Ingestion]):
    """A queued ingestion with a pending workload."""

    class Meta:
        model = Ingestion

    project = factory.SubFactory(ProjectFactory)
    source = factory.SubFactory(SourceFactory, project=factory.SelfAttribute("..project"))
    dataset = factory.SelfAttribute("source.dataset")
    workload = _workload_of("ingestion")


class PreviewFactory(DjangoModelFactory[Preview]):
    """A queued preview with a pending workload."""

    class Meta:
        model = Preview

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    workload = _workload_of("preview")
    used_at = factory.LazyFunction(clock.now)


class ClosingPreviewFactory(PreviewFactory):
    """One whose end was asked for: of these a project may have many."""

    is_closing = True


class ProfileFactory(DjangoModelFactory[Profile]):
    """A failed profile, of which a version may have many; say `state` for one that counts."""

    class Meta:
        model = Profile

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    workload = _workload_of("profile")
    state = JobState.FAILED


class RecipeFactory(DjangoModelFactory[Recipe]):
    class Meta:
        model = Recipe

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"recipe-{n}")
    number = 1
    steps = factory.LazyFunction(lambda: recipes.normalised(STEPS))
    digest = factory.LazyAttribute(lambda made: recipes.digest(made.steps))


class CleaningRunFactory(DjangoModelFactory[CleaningRun]):
    """A queued cleaning run with a pending workload."""

    class Meta:
        model = CleaningRun

    project = factory.SubFactory(ProjectFactory)
    recipe = factory.SubFactory(RecipeFactory, project=factory.SelfAttribute("..project"))
    input_version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    output_dataset = factory.SelfAttribute("input_version.dataset")
    workload = _workload_of("cleaning_run")


class LineageEdgeFactory(DjangoModelFactory[LineageEdge]):
    class Meta:
        model = LineageEdge

    project = factory.SubFactory(ProjectFactory)
    from_kind = "dataset_version"
    from_id = factory.LazyFunction(uuid7)
    relation = Relation.CLEANED_FROM
    to_kind = "dataset_version"
    to_id = factory.LazyFunction(uuid7)


class ExpectationFactory(DjangoModelFactory[Expectation]):
    """That no age is missing; blocking. Of the dataset's project where one is given."""

    class Meta:
        model = Expectation

    project = factory.SubFactory(ProjectFactory)
    dataset = factory.SubFactory(DatasetFactory, project=factory.SelfAttribute("..project"))
    kind = "not_null"
    parameters = factory.LazyFunction(lambda: {"column": "age", "mostly": 1})
    changed_at = factory.LazyFunction(clock.now)

    @classmethod
    def create(cls, **kwargs: Any) -> Expectation:
        of = {"project": kwargs["dataset"].project} if "dataset" in kwargs else {}
        made: Expectation = super().create(**{**of, **kwargs})
        return made


class ValidationRunFactory(DjangoModelFactory[ValidationRun]):
    """A failed one, of which a version may have many; say `state` for another."""

    class Meta:
        model = ValidationRun

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(
        DatasetVersionFactory, project=factory.SelfAttribute("..project"), state=VersionState.VALIDATING
    )
    workload = _workload_of("validation_run")
    state = JobState.FAILED


class QualityHoldFactory(DjangoModelFactory[QualityHold]):
    """A workload that is held back for a version that is validating."""

    class Meta:
        model = QualityHold

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(
        DatasetVersionFactory, project=factory.SelfAttribute("..project"), state=VersionState.VALIDATING
    )
    workload = factory.SubFactory(
        WorkloadFactory, queue__project=factory.SelfAttribute("...project"), owner_kind="run", is_held=True
    )


class QualityOverrideFactory(DjangoModelFactory[QualityOverride]):
    class Meta:
        model = QualityOverride

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    approval = factory.SubFactory(
        ApprovalRequestFactory, project=factory.SelfAttribute("..project"), command="dataset_version.publish"
    )


# Jobs moved by hand ---------------------------------------------------------------------------------------------


def described(name: str, content: bytes, rows: int = 2) -> dict[str, Any]:
    """A data file as a job's result and a manifest have it."""
    return {"name": name, "rows": rows, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def part_of(version: DatasetVersion, name: str, content: bytes) -> dict[str, Any]:
    """A data file as the manifest of a version that services made has it; its content is in the store."""
    file = described(name, content)
    path = f"parts/{version.project_id}/{file['sha256'][:2]}/{file['sha256']}{PurePosixPath(name).suffix}"
    with store().open(path) as opened:
        assert opened.read() == content
    return {**file, "path": path}


def dataset_result(contents: dict[str, bytes], /, **changes: Any) -> dict[str, Any]:
    """A good result of `ingest` or `clean`, two rows a file."""
    parts = [described(name, content) for name, content in contents.items()]
    good = {"schema": SCHEMA, "row_count": 2 * len(parts), "files": parts, "digest": DIGEST}
    return {**good, **changes}


def attempt_of(
    workload: Workload, result: dict[str, Any] | None = None, files: dict[str, bytes] | None = None
) -> Attempt:
    """The next attempt of a workload, with what it left: a result, and files in its output `dataset`."""
    number = workload.attempts_made + 1
    Workload.objects.filter(pk=workload.pk).update(attempts_made=number)
    workload.attempts_made = number
    workload.attempts.filter(ended_at=None).update(ended_at=clock.now())
    attempt = AttemptFactory.create(workload=workload, number=number, result=result)
    for name, content in (files or {}).items():
        store().put(f"attempts/{attempt.pk}/dataset/{name}", [content])
    return attempt


def workload_to(workload: Workload, *states: str, reason: str = "", detail: str = "") -> None:
    """Move a workload along its table, past every service; reason and detail are of the last step."""
    for state in states:
        last = state == states[-1]
        changes: dict[str, Any] = {"count_granted": 1 if state in OCCUPYING else 0}
        if state == WorkloadState.RUNNING:
            changes["started_at"] = clock.now()
        transition(
            workload, state, actor=TESTER, reason=reason if last else "", detail=detail if last else "", **changes
        )


def running(job: DataJob) -> Workload:
    """The job's workload, now running."""
    workload_to(job.workload, WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)
    return job.workload


def succeeded(job: DataJob, result: dict[str, Any] | None, files: dict[str, bytes] | None = None) -> Attempt:
    """Let the job's workload end well with that result and those files."""
    attempt = attempt_of(running(job), result, files)
    workload_to(job.workload, WorkloadState.SUCCEEDED, reason="completed")
    return attempt


def fresh(job: Any) -> Any:
    """The job as it is in the database now."""
    return type(job)._default_manager.select_related("workload").get(pk=job.pk)
