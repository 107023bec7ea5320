"""Estimates in the database: made for what waits, renewed when they move, judged at admission, learnt from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.common.models import Event
from apps.quotas.models import EstimateLevel, Queue, StartEstimate, UsageRecord, Workload
from apps.quotas.scheduling.estimate import Estimate
from apps.quotas.scheduling.estimate_durations import Kind
from apps.quotas.scheduling.snapshot import Ask
from apps.quotas.selectors.estimate_sql import calibration_of, durations_of
from apps.quotas.selectors.estimates import accuracy_of
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.estimates import estimates_forget, estimates_refresh, is_due, pools_estimated
from tests.support.factories.quotas import (
    GIB,
    AttemptFactory,
    StartEstimateFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)
from tests.support.jobs import Sent, fresh

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def full(sent: Sent) -> Queue:
    """One device, held by a workload that runs for an hour at most."""
    queue = make_queue(make_pool(H200=1), gpus=1)
    wants(queue)
    pool_admit(queue.pool_id)
    return queue


def wants(queue: Queue, **kwargs: Any) -> Workload:
    made: Workload = WorkloadFactory.create(
        queue=queue,
        spec_object=job_spec(gpus=1, flavor="H200", time_limit_seconds=3600),
        time_limit_seconds=3600,
        **kwargs,
    )
    return made


def test_what_waits_gets_an_estimate_and_no_other_until_it_moves(full: Queue) -> None:
    waiting = wants(full)
    assert estimates_refresh(full.pool_id) == 1
    assert estimates_refresh(full.pool_id) == 0
    made = StartEstimate.objects.get(workload=waiting)
    told = Event.objects.filter(kind="pool.estimated").values_list("subject", flat=True)
    assert list(told) == [f"pool.{full.pool_id}"]
    assert (made.is_first, made.started_at, made.queue_id, made.project_id) == (True, None, full.pk, full.project_id)
    assert made.made_at <= made.low_at <= made.start_at <= made.high_at
    assert made.start_at > made.made_at
    StartEstimate.objects.update(start_at=made.made_at - HOUR, low_at=made.made_at - 2 * HOUR)
    assert estimates_refresh(full.pool_id) == 1
    assert list(StartEstimate.objects.order_by("made_at").values_list("is_first", flat=True)) == [True, False]


def test_who_is_further_back_in_the_line_starts_later(full: Queue) -> None:
    first, second = wants(full), wants(full)
    estimates_refresh(full.pool_id)
    starts = dict(StartEstimate.objects.values_list("workload", "start_at"))
    assert starts[first.pk] < starts[second.pk]


def test_what_is_held_back_has_none(full: Queue) -> None:
    wants(full, is_held=True)
    assert estimates_refresh(full.pool_id) == 0


def test_it_takes_as_many_statements_for_many_as_for_few(full: Queue) -> None:
    wants(full)
    with CaptureQueriesContext(connection) as few:
        estimates_refresh(full.pool_id)
    for _ in range(20):
        wants(full)
    with CaptureQueriesContext(connection) as many:
        assert estimates_refresh(full.pool_id) == 20
    assert len(many) == len(few)


def test_an_estimate_is_judged_when_its_workload_is_admitted(full: Queue) -> None:
    waiting = wants(full)
    estimates_refresh(full.pool_id)
    Workload.objects.filter(queue=full).exclude(pk=waiting.pk).update(state="succeeded", ended_at=clock.db_now())
    UsageRecord.objects.update(closed_at=clock.db_now())
    assert pool_admit(full.pool_id) == 1
    made = StartEstimate.objects.get(workload=waiting)
    estimates_refresh(full.pool_id)
    judged = StartEstimate.objects.get(workload=waiting)
    assert judged.started_at == fresh(waiting).admitted_at
    assert judged.error_seconds == pytest.approx((judged.started_at - made.start_at).total_seconds())
    assert (judged.error_seconds or 0) < 0
    assert judged.inside == (made.low_at <= judged.started_at <= made.high_at)
    level = EstimateLevel.objects.get(pool=full.pool_id)
    assert (level.bucket, level.count) == (made.bucket, 1)
    assert pools_estimated() == []


def test_a_band_that_has_passed_is_a_miss_at_once_and_only_once(full: Queue) -> None:
    waiting = wants(full)
    now = clock.db_now()
    past = {"made_at": now - 3 * HOUR, "low_at": now - 3 * HOUR, "start_at": now - 2 * HOUR, "high_at": now - HOUR}
    StartEstimateFactory.create(workload=waiting, **past)
    for _ in range(2):
        estimates_refresh(full.pool_id)
    level = EstimateLevel.objects.get(pool=full.pool_id)
    assert level.count == 1
    assert level.high > 0.9
    assert StartEstimate.objects.get(workload=waiting, is_first=True).missed_at is not None


def test_estimates_of_what_ends_without_having_started_go(full: Queue) -> None:
    waiting = wants(full)
    estimates_refresh(full.pool_id)
    Workload.objects.filter(pk=waiting.pk).update(state="cancelled", ended_at=clock.db_now())
    estimates_refresh(full.pool_id)
    assert not StartEstimate.objects.exists()
    assert not EstimateLevel.objects.exists()


def test_old_estimates_are_forgotten(full: Queue) -> None:
    old, new = (StartEstimateFactory.create() for _ in range(2))
    StartEstimate.objects.filter(pk=old.pk).update(made_at=clock.db_now() - timedelta(days=31))
    assert estimates_forget() == 1
    assert StartEstimate.objects.get().pk == new.pk


def test_running_times_are_learnt_from_attempts_that_ended_by_themselves(full: Queue) -> None:
    now = clock.db_now()
    for outcome, minutes in (("completed", 15), ("exit_nonzero", 15), ("preempted", 1), ("cancelled_by_user", 1)):
        workload = wants(full)
        began = now - timedelta(minutes=minutes)
        AttemptFactory.create(workload=workload, started_at=began, ended_at=now, outcome=outcome)
    known = durations_of(full.pool_id, now)
    assert known.count == 2
    asked = Ask(1000, GIB, 1, "H200")
    chances = np.array([0.5])
    left = known.left([Kind(full.pk, asked, 1)], np.array([3600.0]), np.array([0.0]), chances)
    assert left[0] == pytest.approx(900, rel=0.15)


def test_past_errors_are_read_per_bucket_and_for_all_together(full: Queue) -> None:
    now = clock.db_now()
    for bucket, minutes in (("1s", 5), ("1s", 1), ("2g", 10)):
        made = StartEstimateFactory.create(workload=wants(full), bucket=bucket, forecast_seconds=280.0)
        times = {"made_at": now - HOUR, "low_at": now - HOUR, "start_at": now - HOUR, "high_at": now}
        settled = {
            "started_at": now - HOUR + timedelta(minutes=minutes),
            "error_seconds": 60.0 * minutes,
            "inside": True,
        }
        StartEstimate.objects.filter(pk=made.pk).update(**times, **settled)
    EstimateLevel.objects.create(pool_id=full.pool_id, bucket="1s", low=0.05, high=0.95)
    found = calibration_of(full.pool_id, now)
    assert {bucket: len(errors) for bucket, errors in found.errors.items()} == {"1s": 2, "2g": 1, "": 3}
    assert list(found.errors["1s"]) == sorted(found.errors["1s"])
    assert found.errors["1s"][1] == pytest.approx(0.0645, abs=1e-3)
    assert found.levels["1s"].low == 0.05
    accuracy = accuracy_of(full.pk, now - HOUR)
    assert (accuracy.count, accuracy.median_error_seconds, accuracy.coverage_ratio) == (3, 300.0, 1.0)


def test_a_start_that_moves_little_is_not_written_again() -> None:
    now = clock.db_now()
    at = now.timestamp()

    def due(old: float, new: float) -> bool:
        estimate = Estimate(WorkloadFactory.build().pk, at, at + new, at, at + 2 * new, "1s", new)
        return is_due(estimate, now + timedelta(seconds=old))

    assert [due(600, 610), due(600, 700), due(600, 1200), due(36000, 38000)] == [False, False, True, False]
