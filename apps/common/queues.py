"""Names of background work, and the one way to ask for it.

A name is `<queue>.<what>`; the part before the dot is the Celery queue. Sending happens after the commit and may
be lost: every name has a tick that finds the same work in the stored state (ARCHITECTURE §4).
"""

from __future__ import annotations

from typing import Final

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.pools import producers

from apps.common.hints import Sender

ADMIT: Final = "control.admit"
"""(pool id) Decide what of the pool's waiting work may start."""
WORKLOAD_CHANGED: Final = "control.workload_changed"
"""(workload id) Its state or result moved: the owner should look."""
APPROVAL_DECIDED: Final = "control.approval_decided"
"""(approval id) The stored command should be applied or dropped."""
BUDGETS: Final = "control.budgets"
"""(organisation id) Its budgets were changed: what waits for them may not have to any more."""
LAUNCH: Final = "dispatch.launch"
"""(workload id) Admitted: give it to its backend."""
OBSERVE: Final = "dispatch.observe"
"""(workload id) Its job may have moved: look."""
STOP: Final = "dispatch.stop"
"""(workload id) Told to stop: tell the backend."""
RESIZE: Final = "dispatch.resize"
"""(workload id) Its granted count changed: tell the backend."""
CLUSTER_CHECK: Final = "dispatch.cluster_check"
"""(cluster id) Added or changed: see whether it answers, and allows what is needed."""
MODEL_VERSION: Final = "data.model_version"
"""(model version id) Registered, and too large to be read by the request; or a replica could not load it: read its
files."""
WHAT_IF: Final = "data.what_if"
"""(what-if id) Asked: work it out."""

TICK_ADMIT: Final = "control.tick_admit"
TICK_RECONCILE: Final = "control.tick_reconcile"
TICK_EXPIRE: Final = "control.tick_expire"
TICK_BUDGETS: Final = "control.tick_budgets"
"""Tell of thresholds, and let in what budgets have room for: also where a period has begun anew."""
TICK_LAUNCH: Final = "dispatch.tick_launch"
TICK_OBSERVE: Final = "dispatch.tick_observe"
TICK_OBSERVE_CLUSTERS: Final = "dispatch.tick_observe_clusters"
"""Look at all jobs on Kubernetes clusters; watches tell of most things before."""
TICK_STOP: Final = "dispatch.tick_stop"
TICK_LIVENESS: Final = "dispatch.tick_liveness"
TICK_SWEEP: Final = "dispatch.tick_sweep"
TICK_IDLE: Final = "dispatch.tick_idle"
"""Warn and stop what leaves its GPUs idle."""
TICK_INVENTORY: Final = "dispatch.tick_inventory"
"""Ask each backend which machines it has, and what of them is broken; clusters also how they are."""
TICK_COMPACT: Final = "data.tick_compact"
"""Merge old rows of metric points."""
TICK_FORGET: Final = "data.tick_forget"
"""Delete output of jobs that has been kept for long enough."""
TICK_ESTIMATES: Final = "data.tick_estimates"
"""Say when what waits will start; answer what-ifs whose hint was lost."""
TICK_FIGURES: Final = "data.tick_figures"

IMPATIENT: Final = {"max_retries": 0, "socket_timeout": 2, "socket_connect_timeout": 2}
"""Of the connection that sends: a broker that is down costs nothing, a silent one some seconds of its own thread."""
ONCE_MORE: Final = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""A connection of the pool may be older than a restart of the broker."""

QUEUES: Final = ("control", "dispatch", "data", "notify")


def queue_of(name: str) -> str:
    """The Celery queue that carries a name."""
    return name.split(".", 1)[0]


def send(name: str, *args: object, after_seconds: float = 0.0) -> None:
    """Ask for background work once the running transaction has committed. Never raises, never waits.

    Args:
        args: UUIDs and strings only; they travel as text.
        after_seconds: not sooner than that after the commit.
    """
    plain = [str(arg) for arg in args]
    if settings.BEDPLATE_HINTS:
        transaction.on_commit(lambda: _sender.put(name, plain, after_seconds=after_seconds))


def flush(seconds: float) -> bool:
    """Wait until all that was asked for has been sent, or given up; False: not within so many seconds."""
    return _sender.flush(seconds)


def _deliver(name: str, args: list[str]) -> None:
    # Celery's own pool of producers tries for seconds to connect, whatever `retry` says.
    connection = current_app.connection_for_write(transport_options=IMPATIENT)
    with producers[connection].acquire(block=True, timeout=1) as producer:
        current_app.send_task(
            name, args=args, queue=queue_of(name), producer=producer, retry=True, retry_policy=ONCE_MORE
        )


_sender = Sender(_deliver)
