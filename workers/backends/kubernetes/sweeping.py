"""Taking away what the database disowns, and everything when nothing is to be left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes import names, remains, stopping
from workers.backends.kubernetes.operators.choice import operators_of
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.resources import DEPLOYMENTS, JOBS, PODS
from workers.backends.kubernetes.seen_objects import Meta, Part
from workers.contracts.observation import ENDED, Observation

LOOK_EVERY_SECONDS: Final = 0.5
CLEARED_MOST: Final = 100
"""Deleted by somebody else, of which one sweep clears away what was left."""
CONTROLLER_SECONDS: Final = 30.0
"""What the cluster may take, beyond the grace, to say that pods are gone."""


class Named(Part, frozen=True):
    """Of an object only which it is."""

    metadata: Meta = Meta()


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something of an attempt."""

    where: Where
    uid: str
    """Empty for pods whose Job is gone."""
    age_seconds: float
    mark: bool = False
    """It stands for a Job or Deployment that is not there: see `names.NEVER`."""


def everything(place: Place) -> dict[str, Orphan]:
    """All attempts of the installation that have anything on the cluster, by id."""
    found: dict[str, Orphan] = {}
    for resource, kind in ((JOBS, "job"), (DEPLOYMENTS, "serving")):
        for main in place.all_of(resource, Named, ()):
            _add(place, found, main.metadata, kind, main.metadata.uid)
    for operator in operators_of(place.site):
        for main in place.all_of(operator.resource, Named, ()) if place.serves(operator.resource) else ():
            _add(place, found, main.metadata, operator.kind, main.metadata.uid)
    for pod in place.all_of(PODS, Named, ()):
        _add(place, found, pod.metadata, pod.metadata.label(names.KIND) or "job", "")
    return found


def sweep(
    place: Place,
    look: Callable[[Where], Observation],
    known: Collection[str],
    older_than_seconds: float,
) -> list[str]:
    """See `Backend.sweep`."""
    keep, removed = set(known), []
    there = everything(place)
    _clear_remains(place, there, keep)
    for attempt_id, orphan in there.items():
        if attempt_id in keep or orphan.age_seconds < older_than_seconds:
            continue
        where = orphan.where
        if look(where).phase not in ENDED:
            _stop(place, orphan)
            if look(where).phase not in ENDED:
                continue
        if not orphan.uid or orphan.mark:  # nobody owns what is left of it
            if not place.memory.cleared(attempt_id):
                remains.clear(place, where)
            for pod in place.pods(where):
                place.api.delete(PODS, where.namespace, pod.metadata.name, uid=pod.metadata.uid)
        if orphan.uid:
            place.api.delete(where.resource, where.namespace, where.name, uid=orphan.uid)
        place.memory.forget(attempt_id)
        removed.append(attempt_id)
    return removed


def _clear_remains(place: Place, there: dict[str, Orphan], keep: set[str]) -> None:
    """Clear away what was left of those that were seen here, are the caller's still, and were deleted by somebody. What
    has pods is cleared when these are over."""
    for attempt_id, orphan in there.items():
        if orphan.uid and not orphan.mark:
            place.memory.note(attempt_id, orphan.uid, orphan.where.namespace, orphan.where.kind)
    for attempt_id, namespace, kind in place.memory.missing(there.keys(), keep)[:CLEARED_MOST]:
        where = Where(attempt_id, namespace, kind)
        if place.main(where) is None and not place.pods(where):  # made since the lists were read
            remains.clear(place, where)


def stop_everything(place: Place, look: Callable[[Where], Observation], grace_seconds: float) -> None:
    """See `StopsEverything.stop_everything`."""
    deadline = time.monotonic() + grace_seconds + CONTROLLER_SECONDS
    living = list(everything(place).values())
    for orphan in living:
        _stop(place, orphan, grace_seconds)
    while living := [orphan for orphan in living if look(orphan.where).phase not in ENDED]:
        if time.monotonic() > deadline:
            raise BackendUnavailable(f"Still alive: {', '.join(orphan.where.attempt_id for orphan in living)}.")
        time.sleep(LOOK_EVERY_SECONDS)


def _stop(place: Place, orphan: Orphan, grace_seconds: float = 0) -> None:
    if orphan.uid:
        stopping.stop(place, orphan.where, grace_seconds)
    else:
        stopping.leave(place, orphan.where, place.pods(orphan.where), max(1, math.ceil(grace_seconds)))


def _add(place: Place, found: dict[str, Orphan], meta: Meta, kind: str, uid: str) -> None:
    """By its labels, where its name bears them out: what somebody labelled by hand is not ours."""
    attempt_id = meta.label(names.ATTEMPT)
    if not attempt_id or attempt_id in found:
        return
    if uid and names.attempt_of(meta.name) != attempt_id:
        return
    where = Where(attempt_id, meta.namespace, kind, meta.label(names.WORKLOAD))
    mark = bool(meta.annotation(names.NEVER))
    found[attempt_id] = Orphan(where, uid, place.api.clock.age(meta.creation_timestamp), mark)
