"""What `manage.py verify` says of runs, curves, files and the registry: nothing while all is well, else by name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from apps.common.audit import Actor
from apps.common.storage import store
from apps.experiments.invariants import CHECKS, stored_files
from apps.experiments.models import Artifact, Checkpoint, MetricBatch, MetricSender, ModelVersion, RegisteredModel, Run
from apps.experiments.models.packing import columns_of
from apps.experiments.services.experiments import experiment_create
from apps.experiments.services.files import artifact_register, checkpoint_register, checkpoint_resume
from apps.experiments.services.metric_batches import Batch, batches_store
from apps.experiments.services.metric_rows import series_of
from apps.experiments.services.registering import model_version_create
from apps.experiments.services.registry import model_alias_set, model_create
from apps.experiments.services.runs import run_reconcile, run_submit
from apps.experiments.services.segments import rows_merge
from apps.experiments.services.verifying import model_version_verify
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.attempts import attempt_observed
from tests.apps.quotas.driving import LOST, RUNNING, SUCCEEDED, begun
from tests.support.damage import everything, found, warnings, wrong
from tests.support.factories.access import ProjectFactory
from tests.support.factories.datasets import DatasetVersionFactory
from tests.support.factories.quotas import make_pool
from tests.support.jobs import admit, fresh

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("test")


def record(attempt: Attempt, sequence: int, *pairs: tuple[int, float]) -> None:
    """One batch of the metric `loss`, as the ingest app stores it."""
    columns = columns_of([step for step, _ in pairs], [value for _, value in pairs], [0.0] * len(pairs))
    batch = Batch(0, sequence, [series_of("loss", columns)], len(pairs))
    where = connection.settings_dict
    address = {"host": where["HOST"], "port": where["PORT"], "user": where["USER"], "password": where["PASSWORD"]}

    async def store_it() -> None:
        made = await psycopg.AsyncConnection.connect(**address, dbname=where["NAME"], autocommit=True)
        async with made:
            assert await batches_store(made, attempt.pk, [batch]) == [None]

    asyncio.run(store_it())


class World:
    """A run that was lost, went on from its checkpoint, succeeded, and became a model; made by services only."""

    def __init__(self, settings: Any) -> None:
        settings.BEDPLATE_BACKEND = "fake"
        make_pool()
        project = ProjectFactory.create()
        self.experiment = experiment_create(project=project, name="e", actor=ACTOR)
        version = DatasetVersionFactory.create(project=project)
        self.run: Run = run_submit(
            experiment=self.experiment, name="r", script="pass", dataset_version=version, actor=ACTOR, requested_by=None
        )
        self.first = self.attempt()
        record(self.first, 0, (1, 0.9), (2, 0.8))
        self.checkpoint: Checkpoint = checkpoint_register(step=2, **self.file(self.first, "step-2.pt"))
        record(self.first, 1, (3, 99.0))
        attempt_observed(self.first.pk, LOST)
        self.second = self.attempt()
        checkpoint_resume(attempt=self.second)
        record(self.second, 0, (3, 0.7), (4, 0.1))
        model = self.file(self.second, "model.json")
        self.artifact: Artifact = artifact_register(name="model", kind="model", **model)
        Attempt.objects.filter(pk=self.second.pk).update(result={"metrics": {"auc": 0.8}})
        attempt_observed(self.second.pk, SUCCEEDED)
        run_reconcile(self.workload.pk)
        self.model: RegisteredModel = model_create(project=project, name="m", actor=ACTOR)
        self.run.refresh_from_db()
        made = model_version_create(model=self.model, run=self.run, actor=ACTOR, registered_by=None)
        self.version: ModelVersion = model_version_verify(made.pk)
        self.alias = model_alias_set(model=self.model, name="champion", version=self.version, actor=ACTOR)

    @property
    def workload(self) -> Workload:
        return Workload.objects.get(pk=self.run.workload_id)

    def attempt(self) -> Attempt:
        Workload.objects.filter(pk=self.run.workload_id).update(not_before=None)
        attempt = begun(admit(fresh(self.workload)))
        Attempt.objects.filter(pk=attempt.pk).update(submitted_at=attempt.created_at)
        attempt_observed(attempt.pk, RUNNING)
        run_reconcile(self.workload.pk)
        return attempt

    def file(self, attempt: Attempt, name: str) -> dict[str, Any]:
        stored = store().put(f"attempts/{attempt.pk}/out/{name}", [name.encode()])
        about = {"uri": f"bedplate://{stored.path}", "sha256": stored.sha256, "size_bytes": stored.size_bytes}
        return {"attempt": Attempt.objects.get(pk=attempt.pk), "metadata": {}, **about}


@pytest.fixture
def world(settings: Any) -> World:
    return World(settings)


def test_a_run_that_went_through_the_services_is_well(world: World) -> None:
    assert world.run.summary["loss"]["max"] == 0.9
    assert everything(CHECKS) == []
    assert sorted(one.path for one in stored_files()) == sorted([world.artifact.path, world.checkpoint.path])


def test_a_run_that_did_not_follow_is_named_once_it_had_the_time(world: World) -> None:
    Run.objects.update(state="running")
    assert [one.text for one in found(CHECKS, "run.workload")] == []
    (finding,) = found(CHECKS, "run.workload", settled=timedelta())
    assert finding.text == (
        f"run {world.run.pk} is running, and its workload {world.workload.pk} is succeeded "
        f"since {world.workload.state_at}"
    )


def test_a_run_that_ended_before_its_workload_is_named_at_once(world: World) -> None:
    Workload.objects.update(state="running")
    assert wrong(CHECKS, "run.workload") == [
        f"run {world.run.pk} is succeeded, and its workload {world.workload.pk} is running "
        f"since {world.workload.state_at}"
    ]


def test_a_result_that_got_lost_is_named(world: World) -> None:
    Run.objects.update(result=None)
    (finding,) = found(CHECKS, "run.workload", settled=timedelta())
    assert finding.text == f"run {world.run.pk} ended without the result that its last attempt {world.second.pk} left"


def test_a_summary_that_is_not_that_of_its_points_is_named(world: World) -> None:
    MetricBatch.objects.filter(attempt=world.second).delete()
    (text,) = wrong(CHECKS, "run.summary")
    assert text.startswith(f"run {world.run.pk}: the summary of loss is not that of its points: ")
    Run.objects.update(summary={})
    (text,) = wrong(CHECKS, "run.summary")
    assert ": None, not {" in text


def test_points_of_an_attempt_that_the_run_does_not_know_are_named(world: World) -> None:
    Run.objects.update(attempt_starts={"1": None})
    assert wrong(CHECKS, "run.starts") == [
        f"run {world.run.pk} has points of attempt 2, of which it does not know where it began"
    ]


def test_a_torn_batch_is_named_and_a_gap_is_told(world: World) -> None:
    batch = MetricBatch.objects.get(attempt=world.second)
    MetricBatch.objects.filter(pk=batch.pk).update(times=b"12345678")
    assert wrong(CHECKS, "metric_batch.packed") == [
        f"row {batch.pk} of run {world.run.pk} and attempt {world.second.pk} says 2 points; "
        "packed are 16, 16 and 8 bytes"
    ]
    MetricSender.objects.filter(attempt=world.first).update(received=[[0, 1], [4, 6]])
    assert warnings(CHECKS, "metric_batch.gaps") == [
        f"of the points of member 0 of attempt {world.first.pk} these batches came and none between: [[0, 1], [4, 6]]"
    ]
    (lost,) = MetricBatch.objects.filter(attempt=world.first, sequence=1)
    assert wrong(CHECKS, "metric_batch.received") == [
        f"row {lost.pk} of member 0 of attempt {world.first.pk} is of batch 1, which is not known to have come"
    ]


def test_a_row_that_was_packed_and_cannot_be_read_is_named(world: World) -> None:
    first, last = MetricBatch.objects.filter(attempt=world.first).order_by("id")
    rows_merge([first.pk, last.pk])
    assert wrong(CHECKS, "metric_batch.compact") == []
    MetricBatch.objects.filter(pk=last.pk).update(last_step=9)
    assert wrong(CHECKS, "metric_batch.compact") == [
        f"row {last.pk} of metric points goes from 1 to 3, and says otherwise"
    ]
    MetricBatch.objects.filter(pk=last.pk).update(values=b"\x01torn")
    (said,) = wrong(CHECKS, "metric_batch.compact")
    assert said.startswith(f"row {last.pk} of metric points cannot be read: not deflated")


def test_merged_points_are_well_and_a_row_that_should_be_gone_is_named(world: World) -> None:
    first, last = MetricBatch.objects.filter(attempt=world.first).order_by("id")
    assert rows_merge([first.pk, last.pk]) == 1
    assert everything(CHECKS) == []
    first.save(force_insert=True)
    assert wrong(CHECKS, "metric_batch.merged") == [
        f"row {last.pk} holds points of loss from row {first.pk} on, and row {first.pk} is kept beside it"
    ]
    (text,) = wrong(CHECKS, "run.summary")
    assert text.startswith(f"run {world.run.pk}: the summary of loss is not that of its points: ")


def test_a_file_of_another_attempt_is_named(world: World) -> None:
    Checkpoint.objects.update(path="attempts/elsewhere/step-2.pt")
    assert wrong(CHECKS, "checkpoint.attempt") == [
        f"checkpoint {world.checkpoint.pk} of run {world.run.pk} is of attempt {world.first.pk} "
        "at attempts/elsewhere/step-2.pt"
    ]


def test_a_model_version_of_another_file_is_named(world: World) -> None:
    Artifact.objects.update(sha256="f" * 64)
    assert wrong(CHECKS, "model_version.origin") == [
        f"version {world.version.pk} with the digest {world.version.digest} is of run {world.run.pk}, which is "
        f"succeeded, and of an artifact of run {world.run.pk} with SHA-256 {'f' * 64}"
    ]
    Artifact.objects.update(sha256=world.artifact.sha256)
    RegisteredModel.objects.update(versions_made=2)
    assert wrong(CHECKS, "model_version.origin") == [
        f"model {world.model.pk} made 2 versions; it has 1, the last one number 1"
    ]


def test_an_alias_of_a_version_that_is_not_ready_is_named(world: World) -> None:
    ModelVersion.objects.update(state="archived")
    model, version = world.model.pk, world.version.pk
    assert wrong(CHECKS, "model_alias.target") == [
        f"alias champion of model {model} points at version {version} of model {model}, which is archived"
    ]


@pytest.mark.parametrize("noun", ["run.submitted", "model_alias.set", "experiment.created"])
def test_what_is_not_in_the_audit_trail_is_named(world: World, noun: str) -> None:
    kind, verb = noun.split(".")
    row: Any = {"run": world.run, "model_alias": world.alias, "experiment": world.experiment}[kind]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = 'replica'")
        cursor.execute("DELETE FROM common_auditevent WHERE action = %s", [noun])
        cursor.execute("SET session_replication_role = 'origin'")
    assert wrong(CHECKS, f"{kind}.audited.{verb}") == [f"{kind} {row.pk} has no audit row {noun}"]
