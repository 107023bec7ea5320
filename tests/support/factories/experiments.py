"""Experiments, runs and what runs leave; runs whose workloads are moved by hand."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory

from apps.common import clock
from apps.common.storage import store
from apps.experiments.models import (
    Artifact,
    ArtifactUpload,
    Checkpoint,
    Experiment,
    FileHold,
    FileRule,
    LoggedModel,
    MetricBatch,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Run,
    RunInput,
    SavedView,
    SourceBundle,
)
from apps.experiments.models.packing import pack
from apps.experiments.states import ArtifactKind, ModelVersionState, RunState
from apps.quotas.models import Attempt, Workload
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.datasets import DatasetVersionFactory
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory

SHA256 = "0" * 64
RESULT = {
    "metrics": {"test_auc": 0.84},
    "evaluation": {"auc": 0.84, "accuracy": 0.8, "confusion_matrix": [[5, 1], [1, 3]], "rows": 10},
    "model": {"artifact": "model"},
}


class ExperimentFactory(DjangoModelFactory[Experiment]):
    class Meta:
        model = Experiment

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"experiment-{n}")


class RunFactory(DjangoModelFactory[Run]):
    """A draft without a workload; `started` gives it one."""

    class Meta:
        model = Run

    project = factory.SubFactory(ProjectFactory)
    experiment = factory.SubFactory(ExperimentFactory, project=factory.SelfAttribute("..project"))
    name = factory.Sequence(lambda n: f"run-{n}")
    script = "print('hello')\n"
    dataset_version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))
    time_limit_seconds = 60


class RunInputFactory(DjangoModelFactory[RunInput]):
    class Meta:
        model = RunInput

    project = factory.SubFactory(ProjectFactory)
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    name = factory.Sequence(lambda n: f"input-{n}")
    dataset_version = factory.SubFactory(DatasetVersionFactory, project=factory.SelfAttribute("..project"))


class SourceBundleFactory(DjangoModelFactory[SourceBundle]):
    """Its archive is not in the store."""

    class Meta:
        model = SourceBundle

    project = factory.SubFactory(ProjectFactory)
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    path = factory.LazyAttribute(lambda row: f"bundles/{row.project.pk}/{row.sha256}.zip")
    archive_sha256 = SHA256
    size_bytes = 22


class MetricBatchFactory(DjangoModelFactory[MetricBatch]):
    """The points (1, 0.5) and (2, 0.25); say `points=[(step, value), …]` for others."""

    class Meta:
        model = MetricBatch

    class Params:
        points = ((1, 0.5), (2, 0.25))

    attempt = factory.SubFactory(AttemptFactory)
    run = factory.LazyAttribute(lambda made: Run.objects.get(workload=made.attempt.workload_id))
    rank = 0
    sequence = factory.Sequence(lambda n: n)
    key = "loss"
    first_step = factory.LazyAttribute(lambda made: min(step for step, _ in made.points))
    last_step = factory.LazyAttribute(lambda made: max(step for step, _ in made.points))
    count = factory.LazyAttribute(lambda made: len(made.points))
    steps = factory.LazyAttribute(lambda made: pack("q", [step for step, _ in made.points]))
    values = factory.LazyAttribute(lambda made: pack("d", [value for _, value in made.points]))
    times = factory.LazyAttribute(lambda made: pack("d", [1000.0 + step for step, _ in made.points]))


class _StoredFileFactory(DjangoModelFactory[Any]):
    """Base: a row whose file is not in the store; `with_object` writes the file too."""

    class Meta:
        abstract = True

    project = factory.SubFactory(ProjectFactory)
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    attempt = factory.SubFactory(AttemptFactory, project=factory.SelfAttribute("..project"))
    sha256 = SHA256
    size_bytes = 3

    @classmethod
    def with_object(cls, content: bytes, **kwargs: Any) -> Any:
        made = cls.create(**kwargs, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
        store().put(made.path, [content])
        return made


ONNX = b"\x08\x08\x12\x00"
"""A model of ONNX, in which is nothing."""


class ArtifactFactory(_StoredFileFactory):
    class Meta:
        model = Artifact

    name = "model"
    kind = ArtifactKind.MODEL
    path = factory.LazyAttributeSequence(lambda made, n: f"attempts/{made.attempt.pk}/artifacts/{n}/model.onnx")


class CheckpointFactory(_StoredFileFactory):
    class Meta:
        model = Checkpoint

    step = 1
    path = factory.LazyAttribute(lambda made: f"attempts/{made.attempt.pk}/checkpoints/step-{made.step}.pt")
    acknowledged_at = factory.LazyFunction(clock.now)


class RegisteredModelFactory(DjangoModelFactory[RegisteredModel]):
    class Meta:
        model = RegisteredModel

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"model-{n}")


class ModelVersionFactory(DjangoModelFactory[ModelVersion]):
    """A ready version with a preprocessor; its files are not in the store."""

    class Meta:
        model = ModelVersion

    project = factory.SubFactory(ProjectFactory)
    model = factory.SubFactory(RegisteredModelFactory, project=factory.SelfAttribute("..project"))
    number = 1
    state = ModelVersionState.READY
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    artifact = factory.SubFactory(
        ArtifactFactory, project=factory.SelfAttribute("..project"), run=factory.SelfAttribute("..run")
    )
    preprocessor = factory.SubFactory(
        ArtifactFactory,
        project=factory.SelfAttribute("..project"),
        run=factory.SelfAttribute("..run"),
        name="preprocessor",
        kind=ArtifactKind.PREPROCESSOR,
        path=factory.LazyAttributeSequence(
            lambda made, n: f"attempts/{made.attempt.pk}/artifacts/{n}/preprocessor.json"
        ),
    )
    digest = f"sha256:{SHA256}"


class ModelAliasFactory(DjangoModelFactory[ModelAlias]):
    class Meta:
        model = ModelAlias

    project = factory.SubFactory(ProjectFactory)
    version = factory.SubFactory(ModelVersionFactory, project=factory.SelfAttribute("..project"))
    model = factory.SelfAttribute("version.model")
    name = factory.Sequence(lambda n: f"alias-{n}")


class SavedViewFactory(DjangoModelFactory[SavedView]):
    class Meta:
        model = SavedView

    project = factory.SubFactory(ProjectFactory)
    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"view-{n}")
    document = factory.LazyFunction(lambda: {"sort": "-metrics.auc"})


class LoggedModelFactory(DjangoModelFactory[LoggedModel]):
    """Of a run, without files."""

    class Meta:
        model = LoggedModel

    project = factory.SubFactory(ProjectFactory)
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    experiment = factory.SelfAttribute("run.experiment")
    name = factory.Sequence(lambda n: f"logged-{n}")


class ArtifactUploadFactory(DjangoModelFactory[ArtifactUpload]):
    """Of two parts, of which none has come."""

    class Meta:
        model = ArtifactUpload

    project = factory.SubFactory(ProjectFactory)
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    name = factory.Sequence(lambda n: f"folder/{n}.bin")
    kind = ArtifactKind.FILE
    parts = 2
    expires_at = factory.LazyFunction(lambda: clock.now() + timedelta(hours=1))


class FileRuleFactory(DjangoModelFactory[FileRule]):
    class Meta:
        model = FileRule
        django_get_or_create = ("project",)

    project = factory.SubFactory(ProjectFactory)
    changed_at = factory.LazyFunction(clock.now)


class FileHoldFactory(DjangoModelFactory[FileHold]):
    class Meta:
        model = FileHold

    project = factory.SubFactory(ProjectFactory)
    run = factory.SubFactory(RunFactory, project=factory.SelfAttribute("..project"))
    reason = "audit"


# Runs moved by hand ---------------------------------------------------------------------------------------------


def started(run: Run | None = None, **kwargs: Any) -> Attempt:
    """Let a run (a new one by default) be running; returns its open attempt."""
    run = run or RunFactory.create(**kwargs)
    workload: Workload = WorkloadFactory.create(
        project=run.project, state="running", owner_id=run.pk, started_at=clock.now()
    )
    Run.objects.filter(pk=run.pk).update(workload=workload, state=RunState.RUNNING)
    run.refresh_from_db()
    return workload.attempts.get()


def next_attempt(attempt: Attempt) -> Attempt:
    """End an attempt and open the next one of the same workload."""
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=clock.now())
    Workload.objects.filter(pk=attempt.workload_id).update(attempts_made=attempt.number + 1)
    found: Attempt = AttemptFactory.create(workload=attempt.workload, number=attempt.number + 1)
    return found


def run_of(attempt: Attempt) -> Run:
    """The run as it is in the database now."""
    found: Run = Run.objects.get(workload=attempt.workload_id)
    return found


def succeeded_run(*, model: bytes = ONNX, preprocessor: bytes | None = b"{}", **kwargs: Any) -> Run:
    """A run that has succeeded and left a model, and a preprocessor unless that is None."""
    attempt = started(**kwargs)
    run = run_of(attempt)
    own = {"run": run, "project": run.project, "attempt": attempt}
    ArtifactFactory.with_object(model, **own)
    if preprocessor is not None:
        path = f"attempts/{attempt.pk}/artifacts/preprocessor/preprocessor.json"
        kind = ArtifactKind.PREPROCESSOR
        ArtifactFactory.with_object(preprocessor, **own, name="preprocessor", kind=kind, path=path)
    ended = {"state": RunState.SUCCEEDED, "result": RESULT, "ended_at": clock.now()}
    Run.objects.filter(pk=run.pk).update(**ended)
    return run_of(attempt)
