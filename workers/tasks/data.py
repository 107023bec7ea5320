"""Tasks of the queue `data`: stored metrics and logs are kept small, and what will be is worked out."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings

from apps.common import queues
from apps.datasets.services.keeping import versions_collect
from apps.experiments.services.bundle_keeping import bundles_collect
from apps.experiments.services.compaction import metrics_compact
from apps.experiments.services.keeping import files_collect
from apps.experiments.services.verifying import model_version_look
from apps.quotas.services.estimates import estimates_forget, estimates_refresh, pools_estimated
from apps.quotas.services.log_retention import logs_forget
from apps.quotas.services.what_ifs import what_if_answer, what_ifs_due, what_ifs_forget
from workers.dispatch.batch import for_each
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
    files_collect()
    bundles_collect()
    estimates_forget()


@shared_task(name=queues.MODEL_VERSION)
def model_version_task(version_id: str) -> None:
    model_version_look(UUID(version_id))


@shared_task(name=queues.WHAT_IF)
def what_if_task(what_if_id: str) -> None:
    what_if_answer(UUID(what_if_id))


@shared_task(name=queues.TICK_ESTIMATES)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_ESTIMATES])
def tick_estimates() -> None:
    what_ifs_forget()  # who waits for an answer learns soon that its worker is gone
    for_each(pools_estimated(), estimates_refresh, what="pool")
    for_each(what_ifs_due(), what_if_answer, what="what-if")
