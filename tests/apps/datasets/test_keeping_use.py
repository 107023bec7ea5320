"""Whatever reads a version keeps its data from the asking to its end, losses on the way and all.

What has a tombstone is read by nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.common.errors import Conflict
from apps.datasets.models import DatasetVersion, Expectation, IngestionSchedule
from apps.datasets.services.cleaning import cleaning_run_create
from apps.datasets.services.comparisons import comparison_create
from apps.datasets.services.ingestions import ingestion_create
from apps.datasets.services.keeping import versions_collect
from apps.datasets.services.previews import preview_open
from apps.datasets.services.profiles import profile_create
from apps.datasets.services.reconcile import reconcile_due
from apps.datasets.services.validation_runs import validate
from apps.datasets.states import VersionState
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState
from tests.support.factories.datasets import (
    TESTER,
    DatasetFactory,
    DatasetVersionFactory,
    ExpectationFactory,
    IngestionFactory,
    IngestionScheduleFactory,
    KeepRuleFactory,
    RecipeFactory,
    SourceFactory,
    VersionAliasFactory,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
BY: dict[str, Any] = {"requested_by": None, "actor": TESTER}
RUNNING = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)
STEPS = [{"kind": "drop_columns", "columns": ["status"]}]


def _cleaned(version: DatasetVersion) -> None:
    recipe = RecipeFactory.create(project=version.project, steps=STEPS)
    cleaning_run_create(recipe=recipe, input_version=version, **BY)


def _validated(version: DatasetVersion) -> None:
    ExpectationFactory.create(dataset=version.dataset)
    validate(version, **BY)


def _appended(version: DatasetVersion) -> None:
    source = SourceFactory.create(dataset=version.dataset, project=version.project)
    ingestion_create(dataset=version.dataset, source=source, options={}, append_to=version, **BY)


def _other(version: DatasetVersion) -> DatasetVersion:
    found: DatasetVersion = DatasetVersion.objects.get(dataset=version.dataset, number=2)
    return found


READERS: dict[str, Callable[[DatasetVersion], Any]] = {
    "profile": lambda version: profile_create(version=version, **BY),
    "cleaning run": _cleaned,
    "validation run": _validated,
    "preview": lambda version: preview_open(version=version, **BY),
    "comparison, the earlier": lambda version: comparison_create(before=version, after=_other(version), key=(), **BY),
    "comparison, the later": lambda version: comparison_create(before=_other(version), after=version, key=(), **BY),
    "ingestion that appends": _appended,
}


@pytest.fixture
def old() -> DatasetVersion:
    """A version that no rule keeps, behind one that is kept."""
    plain: dict[str, Any] = DatasetVersionFactory.build().manifest
    manifest = {**plain, "rows_hash": "0" * 64, "next_ordinal": 2}
    made: DatasetVersion = DatasetVersionFactory.create(manifest=manifest)
    DatasetVersionFactory.create(project=made.project, dataset=made.dataset, number=2)
    KeepRuleFactory.create(dataset=made.dataset, project=made.project)
    return made


def _is_kept(version: DatasetVersion) -> bool:
    versions_collect()
    version.refresh_from_db()
    return version.data_tombstoned_at is None


@pytest.mark.parametrize("reader", READERS)
def test_a_job_keeps_what_it_reads_from_the_asking_to_its_end(reader: str, old: DatasetVersion) -> None:
    READERS[reader](old)
    workload = Workload.objects.get()
    for states in ((), RUNNING, (WorkloadState.PENDING,), RUNNING):
        workload_to(workload, *states)
        reconcile_due()
        assert _is_kept(old), f"{reader}: {workload.state}"
    workload_to(workload, WorkloadState.FAILED, reason="out_of_memory")
    reconcile_due()
    assert not _is_kept(old), "nothing came of it"


@pytest.mark.parametrize("reader", READERS)
def test_what_is_to_be_deleted_is_read_by_no_new_job(reader: str, old: DatasetVersion) -> None:
    assert not _is_kept(old)
    with pytest.raises(Conflict, match="the data of version 1 is to be deleted"):
        READERS[reader](old)
    assert Workload.objects.count() == 0


@pytest.mark.parametrize("at", ["1", "gold", "latest"])
@pytest.mark.parametrize("own", [True, False])
def test_what_an_expectation_holds_others_against_is_kept_while_it_counts(
    at: str, own: bool, old: DatasetVersion
) -> None:
    if at == "gold":
        VersionAliasFactory.create(version=old, project=old.project)
        old.dataset.keep_rules.update(keep_named=False)
    elif at == "latest":
        DatasetVersion.objects.filter(number=2).update(state=VersionState.DEPRECATED)
    dataset = old.dataset if own else DatasetFactory.create(project=old.project)
    named = {"dataset": None if own else str(old.dataset_id), "at": at}
    shift = {"columns": None, "psi_most": 0.25, "ks_most": None, **named}
    rule = ExpectationFactory.create(dataset=dataset, kind="distribution", parameters=shift)
    assert _is_kept(old)
    Expectation.objects.filter(pk=rule.pk).update(is_active=False)
    assert not _is_kept(old)


def test_what_a_schedule_will_append_to_is_kept_until_it_is_retired(old: DatasetVersion) -> None:
    ingestion = IngestionFactory.create(project=old.project, source__dataset=old.dataset)
    DatasetVersion.objects.filter(number=1).update(manifest=old.manifest)
    collected = DatasetVersionFactory.create(
        project=old.project, dataset=old.dataset, number=3, ingestion=ingestion, manifest=old.manifest
    )
    DatasetVersionFactory.create(project=old.project, dataset=old.dataset, number=4)
    schedule = IngestionScheduleFactory.create(project=old.project, dataset=old.dataset, mode="append")
    assert _is_kept(collected)
    assert not _is_kept(old)
    schedule.mode = "replace"
    schedule.save()
    assert not _is_kept(collected)
    schedule.mode = "append"
    schedule.save()
    assert _is_kept(collected)
    IngestionSchedule.objects.update(state="retired", next_at=None)
    assert not _is_kept(collected)
