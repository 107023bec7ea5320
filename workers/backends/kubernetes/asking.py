"""What is asked of a cluster to say how some jobs are: a few one by one, many in lists of all that there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from workers.backends.kubernetes import names
from workers.backends.kubernetes.operators.base import Operated
from workers.backends.kubernetes.operators.seen import as_own, ranked
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.resources import DEPLOYMENTS, EVENTS, JOBS, PODS
from workers.backends.kubernetes.seen_jobs import job_seen
from workers.backends.kubernetes.seen_objects import Deployment, Event, Job, Pod
from workers.backends.kubernetes.seen_pods import member_of
from workers.contracts.observation import Phase

FEW: Final = 12
"""So many objects are asked for one by one; of more, all are listed."""
PATIENT_SECONDS: Final = 2
"""What is younger than this and waits is not asked about yet: it is starting."""


def mains(place: Place, handles: Sequence[Where]) -> dict[str, Job | Deployment]:
    if len(handles) <= FEW:
        found = {where.attempt_id: place.main(where) for where in handles}
        return {attempt_id: main for attempt_id, main in found.items() if main is not None}
    namespaces = {where.namespace for where in handles}
    asked = {where.resource for where in handles}
    jobs = place.all_of(JOBS, Job, namespaces) if JOBS in asked else []
    servers = place.all_of(DEPLOYMENTS, Deployment, namespaces) if DEPLOYMENTS in asked else []
    listed: list[Job | Deployment] = [*jobs, *servers]
    for operator in {where.kind: where.operator for where in handles if where.operator}.values():
        listed += [as_own(operator, each) for each in place.all_of(operator.resource, Operated, namespaces)]
    there = {(main.metadata.namespace, main.metadata.name): main for main in listed}
    found_of: dict[str, Job | Deployment] = {}
    for where in handles:
        main = there.get((where.namespace, where.name))
        if main is not None and main.metadata.label(names.ATTEMPT) == where.attempt_id:
            found_of[where.attempt_id] = main
    return found_of


def pods(place: Place, wheres: Sequence[Where]) -> dict[str, list[Pod]]:
    if len(wheres) <= FEW:
        return {where.attempt_id: place.pods(where) for where in wheres}
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in place.all_of(PODS, Pod, {where.namespace for where in wheres}):
        found[pod.metadata.label(names.ATTEMPT)].append(pod)
    for where in wheres:
        if where.operator is not None:
            found[where.attempt_id] = ranked(where.operator, found[where.attempt_id])
    return found


def events(
    place: Place,
    wheres: Sequence[Where],
    mains: dict[str, Job | Deployment],
    pods: dict[str, list[Pod]],
) -> dict[str, list[Event]]:
    """What was noted, of the namespaces where something waits for a reason that no object says."""
    asked = {
        where.namespace
        for where in wheres
        if isinstance(job := mains.get(where.attempt_id), Job)
        and _waits_silently(place, job, pods.get(where.attempt_id, []))
    }
    return {namespace: place.api.items(EVENTS, Event, namespace)[0] for namespace in asked}


def _waits_silently(place: Place, job: Job, pods: Sequence[Pod]) -> bool:
    seen = job_seen(job, pods)
    waits = seen.phase is Phase.PENDING and (not seen.reason or any(member_of(pod).unexplained for pod in pods))
    return waits and place.api.clock.age(job.metadata.creation_timestamp) >= PATIENT_SECONDS
