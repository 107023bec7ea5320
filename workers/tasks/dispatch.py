"""Tasks of the queue `dispatch`: between the database and the backends."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.common import queues
from apps.datasets.selectors import sources_known
from apps.datasets.selectors.parts import parts_named
from apps.experiments.selectors.files import contents_named
from apps.experiments.selectors.keeping_bundles import archives_named
from workers.dispatch.batch import about
from workers.dispatch.clusters import cluster_check, clusters_check_due
from workers.dispatch.idle import idle_watch
from workers.dispatch.inventory import inventory_refresh
from workers.dispatch.launch import launch, launch_due
from workers.dispatch.objects import (
    bundles_sweep,
    contents_sweep,
    objects_sweep,
    parts_sweep,
    unfinished_sweep,
    uploads_sweep,
)
from workers.dispatch.observe import observe, observe_clusters_due, observe_due
from workers.dispatch.resize import resize, resize_due
from workers.dispatch.stop import stop, stop_due
from workers.dispatch.sweep import sweep
from workers.dispatch.watch import watch_due
from workers.tasks.owners import NAMERS
from workers.tasks.schedule import EVERY_SECONDS
from workers.tasks.single_flight import paced, single_flight


@shared_task(name=queues.LAUNCH)
def launch_task(workload_id: str) -> None:
    with about(UUID(workload_id)):
        launch(UUID(workload_id))


@shared_task(name=queues.OBSERVE)
def observe_task(workload_id: str) -> None:
    with about(UUID(workload_id)):
        observe(UUID(workload_id))


@shared_task(name=queues.STOP)
def stop_task(workload_id: str) -> None:
    with about(UUID(workload_id)):
        stop(UUID(workload_id))


@shared_task(name=queues.RESIZE)
def resize_task(workload_id: str) -> None:
    with about(UUID(workload_id)):
        resize(UUID(workload_id))


@shared_task(name=queues.CLUSTER_CHECK)
@paced(queues.CLUSTER_CHECK, rest_seconds=2.0)
def cluster_check_task(cluster_id: str) -> None:
    cluster_check(UUID(cluster_id))


@shared_task(name=queues.TICK_LAUNCH)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_LAUNCH])
def tick_launch() -> None:
    launch_due()
    resize_due()


@shared_task(name=queues.TICK_OBSERVE)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_OBSERVE])
def tick_observe() -> None:
    observe_due()


@shared_task(name=queues.TICK_OBSERVE_CLUSTERS)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_OBSERVE_CLUSTERS])
def tick_observe_clusters() -> None:
    observe_clusters_due()


@shared_task(name=queues.TICK_STOP)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_STOP])
def tick_stop() -> None:
    stop_due()


@shared_task(name=queues.TICK_LIVENESS)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_LIVENESS])
def tick_liveness() -> None:
    watch_due()


@shared_task(name=queues.TICK_IDLE)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_IDLE])
def tick_idle() -> None:
    idle_watch()


@shared_task(name=queues.TICK_INVENTORY)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_INVENTORY])
def tick_inventory() -> None:
    inventory_refresh()
    clusters_check_due()


@shared_task(name=queues.TICK_SWEEP)
@single_flight(every_seconds=EVERY_SECONDS[queues.TICK_SWEEP])
def tick_sweep() -> None:
    sweep()
    objects_sweep(NAMERS)
    uploads_sweep(sources_known)
    parts_sweep(parts_named)
    contents_sweep(contents_named)
    unfinished_sweep()
    bundles_sweep(archives_named)
