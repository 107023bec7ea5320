"""How GPUs are and what they do, as NVIDIA's exporter on each node says it (dcgm-exporter, mostly of the GPU operator).

Its pods are read through the API server, some at a time; a node whose pod does not answer keeps no other waiting, and
nothing is concluded of it. Cores and memory are not read from the cluster: what runs in a pod always tells them itself.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workers.backends.base import (
    ECC,
    ROWS,
    UNSEEN,
    XID,
    BackendUnavailable,
    DeviceFault,
    GpuUse,
    MemberUse,
    Unsupported,
)
from workers.backends.kubernetes import names
from workers.backends.kubernetes.dcgm_text import Figures, figures_in
from workers.backends.kubernetes.operators.choice import OPERATORS
from workers.backends.kubernetes.operators.seen import ranked
from workers.backends.kubernetes.place import Place
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import NODES, PODS
from workers.backends.kubernetes.seen_objects import Meta, Part, Pod
from workers.backends.kubernetes.site import Dcgm
from workers.backends.xids import FATAL_XIDS

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
PAGE_BYTES_MOST: Final = 4 << 20
PAGE_SECONDS_MOST: Final = 3.0

Holder = tuple[str, str]
"""Namespace and name of a pod."""


class NamedNode(Part, frozen=True):
    """Of a node only which it is."""

    metadata: Meta = Meta()


@dataclass(frozen=True, slots=True)
class Page:
    """What the exporter of one node says."""

    node: str
    since: float
    """When that exporter started, in seconds since the epoch."""
    figures: tuple[Figures, ...]


def faults(place: Place) -> list[DeviceFault]:
    """What is wrong with whole devices, by the index that the driver of their node gives them.

    An XID is marked with the start of the exporter that tells it, because that is how long it is told: for all
    processes that look, now and later, it is one and the same until the exporter starts anew. Of parts of devices (MIG)
    nothing is said, since it is not known which of a node's are on which device.

    Raises:
        Unsupported: the options name no exporter.
        Refusal, Unreachable: nothing was seen.
    """
    option = _asked_for(place)
    nodes = {each.metadata.name for each in place.api.items(NODES, NamedNode)[0]}
    pages = _pages(place, option)
    heard = {page.node for page in pages}
    found = {
        (fault.node, fault.device, fault.kind): fault
        for page in pages
        if page.node in nodes
        for fault in faults_on(page.node, page)
    }
    return [*found.values(), *(DeviceFault(name, 0, UNSEEN) for name in sorted(nodes - heard))]


def faults_on(node: str, page: Page) -> Iterator[DeviceFault]:
    """What one page says is wrong. Pure."""
    for each in page.figures:
        if each.instance:
            continue
        if each.xid in FATAL_XIDS:
            yield DeviceFault(node, each.gpu, XID, page.since, (each.xid,))
        if each.uncorrected:
            yield DeviceFault(node, each.gpu, ECC, float(each.uncorrected))
        if each.rows_failed or each.rows_pending:
            yield DeviceFault(node, each.gpu, ROWS, 2.0 if each.rows_failed else 1.0)


def use(place: Place) -> list[MemberUse]:
    """How members of this installation use their GPUs, where it is known which pod holds which; not of servers.

    Raises:
        Unsupported: the options name no exporter.
        Refusal, Unreachable: nothing was seen.
    """
    held: defaultdict[Holder, list[Figures]] = defaultdict(list)
    for page in _pages(place, _asked_for(place)):
        for each in page.figures:
            if each.pod:
                held[each.namespace, each.pod].append(each)
    pods = _pods(place, sorted({namespace for namespace, _ in held}))
    return members(pods, held)


def members(pods: Iterable[Pod], held: dict[Holder, list[Figures]]) -> list[MemberUse]:
    """Whose figures they are, by labels of the pods and the rank that each has. Pure."""
    attempts: defaultdict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in pods:
        attempts[pod.metadata.label(names.ATTEMPT), pod.metadata.label(names.KIND)].append(pod)
    found: list[MemberUse] = []
    for (attempt_id, kind), some in sorted(attempts.items()):
        operator = OPERATORS.get(kind)
        if not attempt_id or (operator is not None and operator.serves):
            continue  # servers have no ranks on the cluster: each takes one when it starts
        for pod in some if operator is None else ranked(operator, some):
            figures = held.get((pod.metadata.namespace, pod.metadata.name), ())
            rank = pod.metadata.annotation(names.COMPLETION_INDEX)
            if figures and rank.isdigit() and pod.status.phase == "Running":
                found.append(MemberUse(attempt_id, int(rank), _in_order(figures)))
    return found


def _in_order(figures: Iterable[Figures]) -> tuple[GpuUse, ...]:
    order = sorted(figures, key=lambda each: (each.gpu, len(each.instance), each.instance))
    return tuple(GpuUse(each.utilisation_ratio, each.memory_bytes) for each in order)


def _asked_for(place: Place) -> Dcgm:
    if place.site.dcgm is None:
        raise Unsupported(f"The options of the cluster {place.site.cluster} name no exporter of GPU figures (dcgm).")
    return place.site.dcgm


def _pods(place: Place, namespaces: Iterable[str]) -> list[Pod]:
    """Ours in these namespaces; in some of them only others may look."""
    found: list[Pod] = []
    labels = names.installation_selector(place.site)
    for namespace in namespaces:
        try:
            found += place.api.items(PODS, Pod, namespace, labels=labels)[0]
        except Refusal as refusal:
            if not refusal.forbidden:
                raise
    return found


def _pages(place: Place, option: Dcgm) -> list[Page]:
    """Of all nodes whose exporter answers."""
    running = "status.phase=Running"
    pods = place.api.items(PODS, Pod, option.namespace, labels=option.labels, fields=running)[0]
    if not pods:
        log.warning("cluster %s: no pod of %s runs in %s", place.site.cluster, option.labels, option.namespace)
        return []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dcgm") as threads:
        found = list(threads.map(lambda pod: _page(place, option, pod), pods))
    return [page for page in found if page is not None]


def _page(place: Place, option: Dcgm, pod: Pod) -> Page | None:
    """None: it does not answer, tells nothing (yet), or nobody knows since when it runs.

    Raises:
        Refusal: this account may not ask.
    """
    since = _since(pod)
    if since is None or not pod.spec.node_name:
        return None
    path = PODS.path(option.namespace, f"{pod.metadata.name}:{option.port}", "proxy/metrics")
    try:
        content = place.api.transport.page(path, most_bytes=PAGE_BYTES_MOST, most_seconds=PAGE_SECONDS_MOST)
    except Refusal as refusal:
        if refusal.forbidden:
            raise
        log.warning("the exporter on node %s does not say how its GPUs are: %s", pod.spec.node_name, refusal)
        return None
    except BackendUnavailable as error:
        log.warning("the exporter on node %s does not say how its GPUs are: %s", pod.spec.node_name, error)
        return None
    figures = figures_in(content.decode(errors="replace"))
    return Page(pod.spec.node_name, since, tuple(figures)) if figures else None


def _since(pod: Pod) -> float | None:
    starts = [each.state.running.started_at for each in pod.status.container_statuses or () if each.state.running]
    try:
        return max((datetime.fromisoformat(at).timestamp() for at in starts if at), default=None)
    except ValueError:
        return None
