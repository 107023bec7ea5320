"""Runs of a version that is not published yet: they wait, out of everybody's way, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from apps.datasets.models import Dataset, DatasetVersion, QualityHold
from apps.datasets.services.gate import locked_version, version_decide, version_reject, version_tell
from apps.datasets.services.holds import holds_settle
from apps.datasets.services.validation_asking import changes_of
from apps.datasets.services.validation_runs import holds_reconcile, validate
from apps.experiments.models import Run
from apps.experiments.services.runs import run_reconcile, run_stop
from apps.quotas.models import Workload
from apps.quotas.services.admission import pool_admit
from tests.apps.experiments.test_runs import submit
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.datasets import (
    TESTER,
    DatasetVersionFactory,
    ExpectationFactory,
    ValidationRunFactory,
    pool_ready,
)
from tests.support.factories.experiments import ExperimentFactory


@pytest.fixture
def version(db: None) -> DatasetVersion:
    pool_ready()
    rule = ExpectationFactory.create()
    made: DatasetVersion = DatasetVersionFactory.create(
        dataset=rule.dataset, project=rule.project, state="validating", number=3
    )
    return made


def submitted(version: DatasetVersion, name: str = "first") -> Run:
    experiment = ExperimentFactory.create(project=version.project, name=f"of-{name}")
    # As a request has it: the version was read before, whatever happened since.
    return submit(dataset_version=version, experiment=experiment, name=name)


def publish(version: DatasetVersion) -> None:
    with transaction.atomic():
        locked = locked_version(version)
        Dataset.objects.get(pk=locked.dataset_id).expectations.update(is_active=False)
        assert version_decide(locked, [], actor=TESTER)


def fresh(run: Run) -> tuple[Run, Workload]:
    return Run.objects.get(pk=run.pk), Workload.objects.get(pk=run.workload_id)


def test_it_waits_says_why_and_starts_by_itself(version: DatasetVersion) -> None:
    run = submitted(version)
    run, workload = fresh(run)
    sentence = (
        f"Waiting: version 3 of {version.dataset.name} has no results of its expectations."
        " Validate it again, or ask for an override."
    )
    assert (run.state, run.state_reason, run.state_detail) == ("queued", "quality_blocked", sentence)
    assert (workload.state, workload.is_held, workload.state_detail) == ("pending", True, sentence)
    assert pool_admit(workload.pool_id) == 0
    other = submit(name="other")
    assert pool_admit(workload.pool_id) == 1
    assert fresh(other)[1].state == "admitted"

    validate(version, requested_by=None, actor=TESTER)
    run_reconcile(workload.pk)
    assert "are being evaluated" in fresh(run)[0].state_detail

    publish(version)
    run_reconcile(workload.pk)
    run, workload = fresh(run)
    assert (run.state_reason, workload.is_held) == ("", False)
    pool_admit(workload.pool_id)
    assert fresh(run)[1].state == "admitted"
    assert QualityHold.objects.get().settled_at is not None


def test_it_ends_with_the_version_it_waited_for(version: DatasetVersion) -> None:
    run = submitted(version)
    version_reject(version, actor=TESTER)
    run_reconcile(run.workload_id)
    run, workload = fresh(run)
    assert (run.state, run.state_reason) == ("cancelled", "input_rejected")
    assert run.state_detail == f"Version 3 of {version.dataset.name} was rejected and will not be published."
    assert workload.is_held is False


def test_somebody_may_give_up_waiting(version: DatasetVersion) -> None:
    run = submitted(version)
    run_stop(run=run, actor=TESTER)
    assert fresh(run)[0].state == "cancelled"
    publish(version)
    assert fresh(run)[0].state == "cancelled"


def test_what_failed_is_named(version: DatasetVersion) -> None:
    rule = version.dataset.expectations.get()
    result = {
        "expectation": str(rule.pk), "revision": 1, "severity": "block", "outcome": "failed", "label": "not_null(age)",
    }  # fmt: skip
    ValidationRunFactory.create(version=version, project=version.project, state="succeeded", **changes_of([result]))
    run = submitted(version)
    assert fresh(run)[0].state_detail == (
        f"Waiting: version 3 of {version.dataset.name} fails expectations: not_null(age)."
        " Mend the data or the expectations and validate it again, or ask for an override."
    )


@pytest.mark.parametrize("end", ["published", "rejected"])
def test_with_every_hint_lost_the_tick_finds_it(
    version: DatasetVersion, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(version)
    with monkeypatch.context() as lost:
        lost.setattr("apps.datasets.services.gate.holds_settle", lambda _version: 0)
        publish(version) if end == "published" else version_reject(version, actor=TESTER)
    assert fresh(run)[1].is_held
    assert holds_reconcile() == 1
    assert fresh(run)[1].state == ("pending" if end == "published" else "cancelled")
    assert not fresh(run)[1].is_held
    assert holds_reconcile() == 0


Deed = Callable[[DatasetVersion], Any]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["published", "rejected"])
@pytest.mark.parametrize("first", ["submit", "end"])
def test_whoever_is_first_nothing_is_blocked_for_ever(first: str, end: str) -> None:
    pool_ready()
    version = DatasetVersionFactory.create(state="validating", number=3)
    stale = DatasetVersion.objects.select_related("dataset", "project").get(pk=version.pk)
    ending: Deed = publish if end == "published" else lambda one: version_reject(one, actor=TESTER)
    deeds: list[Callable[[], Any]] = [lambda: submitted(stale), lambda: ending(version)]
    if first == "end":
        deeds.reverse()
    with transaction.atomic():
        deeds[0]()
        second = Thread(deeds[1])
        wait_until_blocked()
    outcome = second.join()
    version.refresh_from_db()
    assert version.state == end
    assert not Workload.objects.filter(is_held=True).exists()
    assert not QualityHold.objects.filter(settled_at=None).exists()
    runs = [workload.state for workload in Workload.objects.all()]
    if first == "end" and end == "rejected":
        assert type(outcome).__name__ == "Conflict"
        assert runs == []
    else:
        assert runs == ["pending" if end == "published" else "cancelled"]


def test_nothing_happens_to_what_waits_while_it_validates(version: DatasetVersion) -> None:
    run = submitted(version)
    assert holds_settle(version) == 0
    version_tell(version)
    assert fresh(run)[1].is_held
