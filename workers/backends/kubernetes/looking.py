"""Looking at jobs: what is asked of the cluster to say how they are, and what is mended on the way.

A few handles are asked for one by one. Many are read from lists of all that the installation has: a Job that says of
itself that all its members run needs nothing else, so a tick over ten thousand is some twenty requests. Only once must
its pods be seen to run: they say which images they are of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workers.backends.kubernetes import asking, names, orders, remains, stopping
from workers.backends.kubernetes.operators import kueue
from workers.backends.kubernetes.output import Output
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.resources import DEPLOYMENTS
from workers.backends.kubernetes.seen_jobs import (
    DELETED,
    LOST,
    NOT_FOUND,
    Order,
    job_seen,
    needed,
    order_of,
    runs_whole,
    unproven,
    whole,
)
from workers.backends.kubernetes.seen_objects import Deployment, Event, Job, Pod
from workers.backends.kubernetes.seen_pods import NODE_LOST, member_of
from workers.backends.kubernetes.seen_serving import replicas_needed, serving_needed, serving_seen
from workers.contracts.observation import ENDED, MemberObservation, Observation, Phase
from workers.contracts.sentences import say

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ClusterQueues:
    """What Kueue says of Jobs that it holds back, asked once per namespace and look."""

    place: Place
    _asked: dict[str, dict[str, list[kueue.Workload]]] = field(default_factory=dict)
    """By namespace and uid of the Job."""

    def workloads_of(self, job: Job) -> list[kueue.Workload]:
        namespace = job.metadata.namespace
        if namespace not in self._asked:
            self._asked[namespace] = self.place.queued(namespace)
        return self._asked[namespace].get(job.metadata.uid, [])

    def taken_back(self, job: Job, pods: Sequence[Pod]) -> Order | None:
        """Kueue holds a job back that it had let go: it is over as a whole, and another attempt may wait again."""
        if not held_back(job) or job.condition("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"):
            return None
        said = kueue.evicted(self.workloads_of(job))
        if not said and not pods:
            return None
        return Order(kueue.EVICTED, said or say("cluster_job_changed"))


def held_back(job: Job) -> bool:
    """Whether Kueue has not let it go, or has taken it back."""
    queued = job.metadata.label(kueue.QUEUE_NAME) and not job.metadata.annotation(names.STOP)
    return bool(job.spec.suspend) and bool(queued)


@dataclass(slots=True)
class Look:
    """One look at some jobs."""

    place: Place
    output: Output
    handles: Sequence[Where]
    queues: ClusterQueues = field(init=False)
    clearing: int = 0
    """Of how many it has cleared away what was left."""

    def __post_init__(self) -> None:
        self.queues = ClusterQueues(self.place)

    def observations(self) -> list[Observation]:
        """In the order of the handles."""
        mains = asking.mains(self.place, self.handles)
        settled: dict[str, Observation] = {}
        for where in self.handles:
            seen = self._settled(where, mains)
            if seen is not None:
                settled[where.attempt_id] = seen
        open_ones = [where for where in self.handles if where.attempt_id not in settled]
        pods = asking.pods(self.place, open_ones)
        events = asking.events(self.place, open_ones, mains, pods)
        for where in open_ones:
            found = mains.get(where.attempt_id)
            mine = pods.get(where.attempt_id, [])
            settled[where.attempt_id] = self._one(where, found, mine, events.get(where.namespace, ()))
        return [settled[where.attempt_id] for where in self.handles]

    def _settled(self, where: Where, mains: dict[str, Job | Deployment]) -> Observation | None:
        """Of what needs no look at pods: what runs as a whole, and what was seen to end."""
        main = mains.get(where.attempt_id)
        if main is None:
            return None
        if main.metadata.annotation(names.NEVER):
            return None
        memory, uid = self.place.memory, main.metadata.uid
        memory.note(where.attempt_id, uid, where.namespace, where.kind)
        if not isinstance(main, Job):
            return None
        images = memory.images(where.attempt_id, uid)
        if images is not None and runs_whole(main):
            return whole(main, images)
        ended = memory.ended(where.attempt_id, uid)
        return ended if ended is not None and needed(main, ()) is None else None

    def _one(
        self, where: Where, main: Job | Deployment | None, pods: list[Pod], events: Sequence[Event]
    ) -> Observation:
        if main is None:
            return self._gone(where, pods)
        if main.metadata.annotation(names.NEVER):
            return self._marked(where, main, pods)
        if isinstance(main, Deployment):
            return self._server(where, main, pods)
        return self._job(where, main, pods, events)

    def _job(self, where: Where, job: Job, pods: list[Pod], events: Sequence[Event]) -> Observation:
        memory, uid = self.place.memory, job.metadata.uid
        gone = memory.note_pods(where.attempt_id, uid, pods)
        self._last_words(pods)
        order = needed(job, pods, gone)
        if order is not None and order.reason == LOST:  # unless another thread has seen what began after our look
            pods = self.place.pods(where)
            gone = memory.note_pods(where.attempt_id, uid, pods)
            order = needed(job, pods, gone)
        if order is None or order.reason == LOST:  # who took its place away took its members with it
            order = self.queues.taken_back(job, [*pods, *gone]) or order
        if order is not None:
            log.warning("a job is stopped: %s %s %s", where.name, order.reason, order.detail)
            patched = stopping.order(self.place, where, order, pods)
            seen = self.place.ours(patched, where) if patched is not None else None
            if not isinstance(seen, Job):
                return self._gone(where, pods)
            job = seen
        else:
            self._hurry(where, job, pods)
        found = self._proven(job_seen(job, pods, vanished=gone, events=events), gone)
        if found.phase is Phase.PENDING and held_back(job):
            reason, detail = kueue.waiting(self.queues.workloads_of(job))
            found = replace(found, reason=reason or found.reason, detail=detail or found.detail)
        if found.phase is Phase.RUNNING:
            memory.note_images(where.attempt_id, uid, {member.index: member.image for member in found.members})
        if found.phase in ENDED:
            memory.end(where.attempt_id, uid, found)
        return found

    def _server(self, where: Where, server: Deployment, pods: list[Pod]) -> Observation:
        self.place.memory.note_pods(where.attempt_id, server.metadata.uid, pods)
        order, count = serving_needed(server, pods), replicas_needed(server)
        patched = None
        if order is not None:
            log.warning("a server is stopped: %s %s %s", where.name, order.reason, order.detail)
            patched = stopping.order(self.place, where, order, pods)
        elif count is not None:
            log.warning("a server is told its size again: %s", where.name)
            patched = self.place.api.merge(
                where.resource, where.namespace, where.name, orders.resized(where.kind, count)
            )
        if patched is not None:
            seen = self.place.ours(patched, where)
            server = seen if isinstance(seen, Deployment) else server
        else:
            self._hurry(where, server, pods)
        return serving_seen(server, pods, self.place.site.serve_port)

    def _hurry(self, where: Where, main: Job | Deployment, pods: Sequence[Pod]) -> None:
        """Hold what is told to leave to its grace: the cluster gives what it tells by itself that of the spec."""
        order = order_of(main.metadata.annotation(names.STOP))
        if order is not None:
            stopping.hurry(self.place, where, order, pods)

    def _marked(self, where: Where, main: Job | Deployment, pods: Sequence[Pod]) -> Observation:
        """It must never start. Pods that are there are of a Job that was deleted before it was told to stop."""
        if main.metadata.annotation(names.NEVER) == names.DELETED:
            return self._deleted(where, pods)
        members = [member_of(pod) for pod in pods]
        if all(member.over for member in members):
            return NOT_FOUND
        stopping.leave(self.place, where, pods, None)
        observed = tuple(member.observed() for member in members)
        return Observation(Phase.STOPPING, DELETED, say("cluster_job_deleted"), observed)

    def _gone(self, where: Where, pods: Sequence[Pod]) -> Observation:
        """There is no Job of it, or no Deployment (any more)."""
        living = any(not member_of(pod).over for pod in pods)
        if not living and not self.place.memory.knows(where.attempt_id):
            return self._unseen(where)
        main = self.place.main(where)  # it may have been made since the lists were read
        if main is not None:
            return self._one(where, main, self.place.pods(where), ())
        if living and where.resource is DEPLOYMENTS:  # what would make pods anew has no owner to end it any more
            stopping.never(self.place, where, names.DELETED)
        return self._deleted(where, pods)

    def _unseen(self, where: Where) -> Observation:
        """Nothing is there, and nobody here has seen anything: it was never submitted, or its Job was deleted alone
        while no process looked."""
        if self.clearing < asking.FEW and self.place.memory.is_news(where.attempt_id):
            self.clearing += 1
            remains.clear(self.place, where)
        return NOT_FOUND

    def _deleted(self, where: Where, pods: Sequence[Pod]) -> Observation:
        """Somebody deleted its Job or Deployment: its pods leave, and then what else was left of it goes."""
        seen_before = self.place.memory.ended(where.attempt_id)
        gone = self.place.memory.note_pods(where.attempt_id, "", pods)
        members = [member_of(pod) for pod in pods] + [member_of(pod, vanished=True) for pod in gone]
        observed = tuple(member.observed() for member in sorted(members, key=lambda member: member.index))
        if any(not member.over for member in members):
            stopping.leave(self.place, where, pods, None)
            return Observation(Phase.STOPPING, DELETED, say("cluster_job_deleted"), observed)
        ended = Observation(Phase.FAILED, DELETED, say("cluster_job_deleted"), observed)
        found = seen_before or self._proven(ended, gone)
        if found.phase in ENDED and self.clearing < asking.FEW and not self.place.memory.cleared(where.attempt_id):
            self.clearing += 1  # of many at once, the others are cleared away by the next sweep
            remains.clear(self.place, where)
        return found

    def _proven(self, seen: Observation, gone: Iterable[Pod]) -> Observation:
        """An end is one only where nobody fell silent who could say otherwise."""
        if seen.phase not in ENDED:
            return seen
        for node in sorted(unproven(gone)):
            if self.place.silent(node):
                members = tuple(_unknown(member) for member in seen.members)
                detail = next(
                    say("cluster_node_silent", node=node, member=member_of(pod).index)
                    for pod in gone
                    if pod.spec.node_name == node
                )
                return Observation(Phase.STOPPING, NODE_LOST, detail, members)
        return seen

    def _last_words(self, pods: Iterable[Pod]) -> None:
        """Read what a member said, before its pod is gone; of several that cannot be read only one is waited for."""
        if len(self.handles) <= asking.FEW:
            leaving = (pod for pod in pods if pod.metadata.deletion_timestamp is not None and member_of(pod).over)
            all(self.output.keep(self.place, pod) for pod in leaving)


def _unknown(member: MemberObservation) -> MemberObservation:
    return replace(member, phase=Phase.STOPPING) if member.phase in ENDED else member
