"""What members had sent before `MetricSender` was there is known to it."""

from __future__ import annotations

import importlib

import pytest
from django.db import connection

from apps.experiments.models import MetricSender
from tests.support.factories.experiments import MetricBatchFactory, started

migration = importlib.import_module("apps.experiments.migrations.0002_metric_segments")


@pytest.mark.django_db
def test_numbers_of_stored_batches_become_ranges() -> None:
    attempt, other = started(), started()
    for sequence in (0, 1, 2, 5, 7, 8):
        for key in ("loss", "auc"):
            MetricBatchFactory.create(attempt=attempt, sequence=sequence, key=key)
    MetricBatchFactory.create(attempt=attempt, rank=3, sequence=4)
    MetricBatchFactory.create(attempt=other, sequence=0)
    with connection.cursor() as cursor:
        cursor.execute(migration.RECEIVED)
    found = {(row.attempt_id, row.rank): (row.received, row.loose_batches) for row in MetricSender.objects.all()}
    assert found == {
        (attempt.pk, 0): ([[0, 3], [5, 6], [7, 9]], 6),
        (attempt.pk, 3): ([[4, 5]], 1),
        (other.pk, 0): ([[0, 1]], 1),
    }
