"""Ending a job: its pods are told with the grace that they have, and it is written down that they were."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from workers.backends.kubernetes import names, orders
from workers.backends.kubernetes.manifests import never_started
from workers.backends.kubernetes.operators import crds, kueue
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import DEPLOYMENTS, JOBS, NAMESPACES, PODS, resource_of
from workers.backends.kubernetes.seen_jobs import Order, job_seen, order_of
from workers.backends.kubernetes.seen_objects import Deployment, Job, Pod
from workers.backends.kubernetes.seen_pods import member_of
from workers.contracts.observation import ENDED


def stop(place: Place, where: Where, grace_seconds: float) -> bool:
    """See `Backend.stop`. False when its pods were told, and it could not be noted that it must not start again: what
    it would be noted on is just being deleted by somebody."""
    main = place.main(where) or never(place, where)
    pods = place.pods(where)
    if main is None or main.metadata.annotation(names.NEVER):  # what is there all the same somebody left without a Job
        leave(place, where, pods, max(1, math.ceil(grace_seconds)))
        return True
    if isinstance(main, Job) and _has_ended(place, where, main, pods):
        return True
    before = order_of(main.metadata.annotation(names.STOP)) or Order()
    grace = max(1, math.ceil(grace_seconds))
    if before.grace_seconds is not None:
        grace = min(grace, before.grace_seconds)
    order(place, where, replace(before, grace_seconds=grace), pods)
    return main.metadata.deletion_timestamp is None


def order(place: Place, where: Where, what: Order, pods: Iterable[Pod]) -> Any:
    """Write an order on a job and tell its pods; returns the object as it is then, None when it is gone.

    Pods of a Job come first: what the cluster ends by itself, once the order is written, has the grace of its spec.
    """
    told = hurry(place, where, what, pods)
    if place.site.operators.queue and where.resource is JOBS:
        _leave_queue(place, where)
    patched = place.api.merge(where.resource, where.namespace, where.name, orders.stopped(where.kind, what.text()))
    if patched is not None:  # and pods that were made between the look and the order
        hurry(place, where, what, [pod for pod in place.pods(where) if pod.metadata.uid not in told])
    return patched


def _leave_queue(place: Place, where: Where) -> None:
    """What is in a queue of the cluster is let go again, unless the queue is told to forget it."""
    main = place.main(where)
    for workload in place.queued(where.namespace).get(main.metadata.uid, ()) if main is not None else ():
        kind = crds.workloads(place.queue_version())
        place.api.merge(kind, where.namespace, workload.metadata.name, kueue.deactivated())


def hurry(place: Place, where: Where, what: Order, pods: Iterable[Pod]) -> set[str]:
    """Hold pods to the grace of an order; returns the uids of those that needed no word any more, or have it now.

    A Deployment makes others for pods that we delete before it has heard that it is to have none. So its pods are only
    hurried, once it has told them: the next look does the rest.
    """
    mine = list(pods)
    if where.resource is DEPLOYMENTS or (where.operator is not None and where.operator.serves):
        mine = [pod for pod in mine if pod.metadata.deletion_timestamp is not None]
    return leave(place, where, mine, what.grace_seconds)


def leave(place: Place, where: Where, pods: Iterable[Pod], grace_seconds: int | None) -> set[str]:
    """Tell those pods that are not over yet; returns the uids of all. Without a grace they have that of their spec."""
    told: set[str] = set()
    for pod in pods:
        meta = pod.metadata
        told.add(meta.uid)
        has = meta.deletion_grace_period_seconds if meta.deletion_timestamp is not None else None
        shorter = has is None or (grace_seconds is not None and grace_seconds < has)
        if shorter and not member_of(pod, number=0).over:
            place.api.delete(PODS, where.namespace, meta.name, uid=meta.uid, grace_seconds=grace_seconds)
    return told


def _has_ended(place: Place, where: Where, job: Job, pods: list[Pod]) -> bool:
    gone = place.memory.note_pods(where.attempt_id, job.metadata.uid, pods)
    return job_seen(job, pods, vanished=gone).phase in ENDED


def never(place: Place, where: Where, why: str = "true") -> Job | Deployment | None:
    """Note that an attempt must never start (again); returns what is there instead, if anything is by now.

    Where there is no namespace, and it is not ours to make, nothing can be noted.
    """
    mark = never_started(asdict(where), place.site, why)
    try:
        found, made = place.api.create(resource_of(mark), mark)
    except Refusal as refusal:
        if not refusal.not_found or not place.site.makes_namespaces:
            if refusal.not_found or refusal.terminating:
                return None
            raise
        place.api.create(NAMESPACES, _namespace(place, where.namespace))
        found, made = place.api.create(resource_of(mark), mark)
    return None if made else place.ours(found, where)


def _namespace(place: Place, name: str) -> dict[str, Any]:
    """For a mark only: a submit that comes brings the fences."""
    labels = {names.MANAGED_BY: names.MANAGER, names.INSTALLATION: names.label_value(place.site.installation)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
