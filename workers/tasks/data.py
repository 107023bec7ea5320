"""Tasks of the queue `data`: stored metrics and logs are kept small."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from apps.common import queues
from apps.datasets.services.keeping import versions_collect
from apps.experiments.services.compaction import metrics_compact
from apps.quotas.services.log_retention import logs_forget
from workers.tasks.schedule import EVERY_SECONDS
from workers.tasks.single_flight import single_flight


@shared_task(name=queues.TICK_COMPACT)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_COMPACT])
def tick_compact() -> None:
    metrics_compact()


@shared_task(name=queues.TICK_FORGET)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_FORGET])
def tick_forget() -> None:
    logs_forget(days=settings.BEDPLATE_LOG_RETENTION_DAYS)
    versions_collect()
