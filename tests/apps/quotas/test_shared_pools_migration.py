"""What was there before pools were shared keeps its meaning."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.db import connection

from apps.quotas.models import PriorityClass, Quota, UsageRecord, Workload
from tests.support.factories.quotas import (
    PriorityClassFactory,
    QuotaFactory,
    UsageRecordFactory,
    WorkloadFactory,
    job_spec,
    serving_spec,
)
from tests.support.ledger import triggers_asleep

migration = importlib.import_module("apps.quotas.migrations.0007_shared_pools")

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_quotas_that_were_there_are_hard_caps() -> None:
    old, limited = QuotaFactory.create(borrowing_limit=None), QuotaFactory.create(borrowing_limit=5)
    run(migration.HARD_CAPS)
    assert dict(Quota.objects.values_list("id", "borrowing_limit")) == {old.pk: 0, limited.pk: 5}


def test_devices_that_were_held_were_whole_ones() -> None:
    record = UsageRecordFactory.create(gpus=3_000_000, gpu_millis=0)
    with triggers_asleep():
        run(migration.WHOLE_GPUS)
    assert UsageRecord.objects.get(pk=record.pk).gpu_millis == 3_000_000_000


def test_shapes_and_limits_of_what_was_submitted_are_those_that_a_submit_computes() -> None:
    made = [
        WorkloadFactory.create(spec_object=job_spec(1.5, 2, gpus=4, flavor="H200", time_limit_seconds=90), count_max=8),
        WorkloadFactory.create(spec_object=job_spec()),
        WorkloadFactory.create(spec_object=serving_spec(), count_min=2, count_max=3),
    ]
    fresh = {row.pk: (row.shape, row.time_limit_seconds) for row in made}
    assert sorted(limit for _, limit in fresh.values()) == [0, 0, 90]
    assert len({shape for shape, _ in fresh.values()}) == 3
    Workload.objects.update(shape="", time_limit_seconds=0)
    run(migration.TIME_LIMITS)
    run(migration.SHAPES)
    assert {row.pk: (row.shape, row.time_limit_seconds) for row in Workload.objects.all()} == fresh


def test_a_limit_that_no_column_holds_is_the_longest_that_one_does() -> None:
    long = WorkloadFactory.create(time_limit_seconds=0)
    Workload.objects.filter(pk=long.pk).update(spec={**long.spec, "time_limit_seconds": 1 << 40})
    run(migration.TIME_LIMITS)
    assert Workload.objects.get(pk=long.pk).time_limit_seconds == (1 << 31) - 1


def test_names_of_priorities_that_are_taken_keep_their_meaning() -> None:
    PriorityClass.objects.all().delete()
    PriorityClassFactory.create(name="high", value=7)
    migration.priorities_name(apps, None)
    named = PriorityClass.objects.order_by("value").values_list("name", "value", "preemption")
    assert list(named) == [("low", -100, "never"), ("normal", 0, "never"), ("high", 7, "never")]
