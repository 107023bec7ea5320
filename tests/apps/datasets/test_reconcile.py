"""The tick finds what nobody told of; twins do the work once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.errors import StorageUnavailable
from apps.common.models import Event
from apps.common.storage import ObjectStore
from apps.datasets.models import DatasetVersion, Ingestion, LineageEdge, Profile
from apps.datasets.services import results
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.datasets.services.profiles import profile_create
from apps.datasets.services.reconcile import RECONCILERS, reconcile_due
from apps.datasets.states import JobReason, JobState
from apps.quotas.models import Workload
from apps.quotas.states import ENDED, WorkloadState
from tests.support.concurrency import Thread
from tests.support.factories.datasets import (
    TESTER,
    CleaningRunFactory,
    DatasetVersionFactory,
    IngestionFactory,
    ProfileFactory,
    dataset_result,
    fresh,
    pool_ready,
    running,
    succeeded,
    workload_to,
)

FILES = {"part-00000.parquet": b"PAR1"}


def test_every_reason_for_the_end_of_a_job_is_one_of_ours() -> None:
    own = {"bad_result", "too_many_rejected", "unchanged"}
    assert {str(reason) for reason in ENDED} | own == set(JobReason.values)


@pytest.mark.django_db
@pytest.mark.usefixtures("pool")
def test_the_tick_moves_on_whatever_is_behind_and_nothing_else() -> None:
    begun, ended, waiting = IngestionFactory.create(), IngestionFactory.create(), IngestionFactory.create()
    profile, run = ProfileFactory.create(state=JobState.QUEUED), CleaningRunFactory.create()
    running(begun)
    succeeded(ended, dataset_result(FILES), FILES)
    succeeded(profile, {"row_count": 2, "columns": []})
    workload_to(run.workload, WorkloadState.CANCELLED, reason="cancelled_by_user")

    assert reconcile_due() == 4
    assert [fresh(job).state for job in (begun, ended, waiting, profile, run)] == [
        "running", "succeeded", "queued", "succeeded", "cancelled",
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as queries:
        assert reconcile_due() == 0
    assert len(RECONCILERS) == 6
    assert len(queries) == len(RECONCILERS) + 1  # previews that nobody uses


@pytest.mark.django_db
@pytest.mark.usefixtures("pool")
def test_one_that_cannot_be_reconciled_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = IngestionFactory.create(), IngestionFactory.create()
    stuck_attempt = succeeded(stuck, dataset_result(FILES), FILES)
    succeeded(other, dataset_result(FILES), FILES)
    size = ObjectStore.size

    def sometimes(self: ObjectStore, path: str) -> int:
        if str(stuck_attempt.pk) in path:
            raise StorageUnavailable
        return size(self, path)

    monkeypatch.setattr(ObjectStore, "size", sometimes)
    assert reconcile_due() == 2
    assert (fresh(stuck).state, fresh(other).state) == ("running", "succeeded")
    assert f"could not reconcile the ingestion of workload {stuck.workload_id}" in caplog.text


def _together(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls in a thread each, begun at once; their answers or errors."""
    barrier = threading.Barrier(len(calls))

    def begin(call: Callable[[], Any]) -> Any:
        barrier.wait(10)
        return call()

    threads = [Thread(lambda call=call: begin(call)) for call in calls]  # type: ignore[misc]
    return [thread.join() for thread in threads]


@pytest.mark.django_db(transaction=True)
def test_two_reconciles_at_once_make_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    pool_ready()
    ingestion = IngestionFactory.create()
    succeeded(ingestion, dataset_result(FILES), FILES)
    both_checked = threading.Barrier(2)
    verify = results.files_verify

    def verify_together(*args: Any) -> None:
        verify(*args)
        both_checked.wait(10)  # both have read the state before either writes

    monkeypatch.setattr(results, "files_verify", verify_together)
    # Both begin in `running`: their first step would otherwise already tell them apart.
    Ingestion.objects.filter(pk=ingestion.pk).update(state=JobState.RUNNING)
    answers = _together(*[lambda: ingestion_reconcile(ingestion.workload_id)] * 2)

    assert answers == [None, None]
    assert (DatasetVersion.objects.count(), LineageEdge.objects.count()) == (1, 1)
    assert Event.objects.filter(kind="ingestion.succeeded").count() == 1
    assert fresh(ingestion).version.number == 1


@pytest.mark.django_db(transaction=True)
def test_versions_of_one_dataset_that_end_at_once_get_different_numbers(objects: Path) -> None:
    pool_ready()
    first = IngestionFactory.create()
    others = [IngestionFactory.create(project=first.project, source=first.source) for _ in range(3)]
    for ingestion in (first, *others):
        succeeded(ingestion, dataset_result(FILES), FILES)
    ids = [ingestion.workload_id for ingestion in (first, *others)]
    answers = _together(*[lambda workload_id=workload_id: ingestion_reconcile(workload_id) for workload_id in ids])
    assert answers == [None] * 4
    assert sorted(DatasetVersion.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_for_a_profile_at_once_get_the_same() -> None:
    pool_ready()
    version = DatasetVersionFactory.create()
    answers = _together(*[lambda: profile_create(version=version, requested_by=None, actor=TESTER)] * 2)
    assert sorted(made for _, made in answers) == [False, True]
    assert answers[0][0] == answers[1][0] == Profile.objects.get()
    assert Workload.objects.count() == 1
