"""Quotas from before pools were shared: what was the whole pool is free to use now, what was less stays a bound."""

from __future__ import annotations

from importlib import import_module

from django.db import connection

from apps.quotas.models import Queue, Quota, ResourcePool
from tests.support.factories.quotas import make_queue

FREE = import_module("apps.quotas.migrations.0012_free_queues").FREE


def limits(queue: Queue) -> dict[str, tuple[int, int | None]]:
    rows = Quota.objects.filter(queue=queue)
    return {row.resource: (row.nominal, row.borrowing_limit) for row in rows}


def test_only_a_quota_of_the_whole_pool_becomes_free(pool: ResourcePool) -> None:
    whole, bounded = make_queue(pool), make_queue(pool, cores=2)
    Quota.objects.update(borrowing_limit=0)
    memory = limits(whole)["memory_bytes"][0]
    Quota.objects.filter(queue=bounded, resource="memory_bytes").update(nominal=memory, lending_limit=0)
    with connection.cursor() as cursor:
        cursor.execute(FREE)
    assert limits(whole) == {"cpu_millis": (0, None), "memory_bytes": (0, None), "gpus": (0, None)}
    assert limits(bounded) == {"cpu_millis": (2000, 0), "memory_bytes": (memory, 0), "gpus": (0, None)}
