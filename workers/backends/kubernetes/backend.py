"""The backend of a Kubernetes cluster: one instance per cluster, named `kubernetes/<cluster>`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from workers.backends.base import (
    LOG_SLICE_BYTES,
    SWEEP_AGE_SECONDS,
    Backend,
    BackendUnavailable,
    DeviceFault,
    DiscoversNodes,
    LogSlice,
    MeasuresUse,
    MemberUse,
    NodeFacts,
    ReportsFaults,
    StopsEverything,
    Unsupported,
)
from workers.backends.kubernetes import (
    dcgm,
    inventory,
    looking,
    mirroring,
    names,
    orders,
    stopping,
    submitting,
    sweeping,
)
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import ClusterConnection
from workers.backends.kubernetes.manifests import handle_data
from workers.backends.kubernetes.output import Output
from workers.backends.kubernetes.place import Place, Where, away
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.seen_objects import Deployment
from workers.backends.kubernetes.site import ClusterSite
from workers.backends.shares import MirrorsQuotas, Share
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import Observation
from workers.contracts.specs import Spec

VERB_SECONDS: Final = 12.0
MORE_SECONDS: Final = 8.0
"""For a look at many, a sweep, an inventory. A task has 30."""
USE_SECONDS: Final = 8.0
"""For a look at what GPUs do: the task has other things to do as well."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What it takes to make the backend of a cluster."""

    connection: ClusterConnection
    site: ClusterSite


class KubernetesBackend(Backend, DiscoversNodes, ReportsFaults, MeasuresUse, StopsEverything, MirrorsQuotas):
    """Runs jobs on a cluster. Safe to use from several threads; several processes may look after one cluster.

    Args:
        name: `kubernetes/<cluster>`.
        connection: how its API server is reached; nothing is asked before the first verb.
        site: what manifests need to know.
        patience_seconds: how long a verb may take at most, with all that it repeats; looks at many may take longer.
    """

    def __init__(
        self,
        name: str,
        connection: ClusterConnection,
        site: ClusterSite,
        *,
        patience_seconds: float = VERB_SECONDS,
    ) -> None:
        self.name = name
        self.connection = connection
        self.site = site
        self._patience = patience_seconds
        self._place = Place(name, Api.of(connection), site)
        self._output = Output()

    def close(self) -> None:
        """Close connections that are idle. The instance can still be used."""
        self._place.api.transport.close()

    def handle_for(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        return JobHandle(self.name, handle_data(spec, launch, self.site))

    def submit(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        handle = self.handle_for(spec, launch)
        submitting.submit(self._place.within(self._patience), self._place.where(handle), spec, launch)
        return handle

    def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
        wheres = [self._place.where(handle) for handle in handles]
        place = self._place.within(self._patience + MORE_SECONDS)
        try:
            if not wheres:  # does it answer at all?
                place.api.get("/version")
            return looking.Look(place, self._output, wheres).observations()
        except Refusal as refusal:
            raise away(refusal) from refusal

    def resize(self, handle: JobHandle, count: int) -> None:
        where, place = self._place.where(handle), self._place.within(self._patience)
        try:
            main = place.main(where)
            if main is None:
                return
            if not isinstance(main, Deployment) or count < 0:
                raise Unsupported(f"A job of kind {where.kind} cannot have {count} members from now on.")
            if not (main.metadata.annotation(names.STOP) or main.metadata.annotation(names.NEVER)):
                place.api.merge(where.resource, where.namespace, where.name, orders.resized(where.kind, count))
        except Refusal as refusal:
            raise away(refusal) from refusal

    def stop(self, handle: JobHandle, grace_seconds: float) -> None:
        where, place = self._place.where(handle), self._place.within(self._patience)
        try:
            noted = stopping.stop(place, where, grace_seconds)
        except Refusal as refusal:
            raise away(refusal) from refusal
        if not noted:
            raise BackendUnavailable("Somebody is deleting the job; it is told to stop once more when it is gone.")

    def logs(
        self, handle: JobHandle, after: int = 0, *, member: int = 0, limit_bytes: int = LOG_SLICE_BYTES
    ) -> LogSlice:
        where, place = self._place.where(handle), self._place.within(self._patience)
        try:
            return self._output.read(place, where, member, after, limit_bytes)
        except Refusal as refusal:
            raise away(refusal) from refusal

    def sweep(self, known_attempt_ids: Collection[str], *, older_than_seconds: float = SWEEP_AGE_SECONDS) -> list[str]:
        place = self._place.within(self._patience + MORE_SECONDS)
        try:
            return sweeping.sweep(place, lambda where: self._look(place, where), known_attempt_ids, older_than_seconds)
        except Refusal as refusal:
            raise away(refusal) from refusal

    def discover(self) -> list[NodeFacts]:
        try:
            return inventory.nodes(self._place.within(self._patience + MORE_SECONDS))
        except Refusal as refusal:
            raise away(refusal) from refusal

    def faults(self) -> list[DeviceFault]:
        try:
            return dcgm.faults(self._place.within(self._patience))
        except Refusal as refusal:
            raise away(refusal) from refusal

    def use(self) -> list[MemberUse]:
        try:
            return dcgm.use(self._place.within(min(self._patience, USE_SECONDS)))
        except Refusal as refusal:
            raise away(refusal) from refusal

    def mirror(self, shares: Sequence[Share], flavors: Sequence[str]) -> None:
        try:
            mirroring.mirror(self._place.within(self._patience + MORE_SECONDS), shares, flavors)
        except Refusal as refusal:
            raise away(refusal) from refusal

    def stop_everything(self, grace_seconds: float) -> None:
        try:
            sweeping.stop_everything(self._place, lambda where: self._look(self._place, where), grace_seconds)
        except Refusal as refusal:
            raise away(refusal) from refusal

    def _look(self, place: Place, where: Where) -> Observation:
        return looking.Look(place, self._output, [where]).observations()[0]
