"""Tasks of the queue `data` for the figures of endpoints."""

from __future__ import annotations

from celery import shared_task

from apps.common import queues
from apps.deployments.services.figure_minutes import figures_keep_up
from workers.tasks.schedule import EVERY_SECONDS
from workers.tasks.single_flight import single_flight


@shared_task(name=queues.TICK_FIGURES)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_FIGURES])
def tick_figures() -> None:
    figures_keep_up()
