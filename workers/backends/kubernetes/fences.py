"""What a project may hold on a cluster at most, as a second fence behind the quotas of the control plane. Pure.

It lets through all that its quotas ever can, so it only stops what nobody admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workers.backends.kubernetes.flavors import device_resource
from workers.backends.kubernetes.site import ClusterSite, Fence, Tenant
from workers.backends.shares import ANY_FLAVOR, CPU, MEMORY, POOL, QUEUE, Amount, Share


def fences(shares: Sequence[Share], flavors: Sequence[str], site: ClusterSite) -> list[tuple[Tenant, Fence]]:
    """One for each project that has a queue."""
    pool = next((share for share in shares if share.kind == POOL), Share(POOL, ""))
    found = []
    for share in shares:
        if share.kind == QUEUE and share.labels:
            tenant = Tenant(share.labels["organisation"], share.labels["team"], share.labels["project"])
            found.append((tenant, _fence(share, pool, flavors, site)))
    return found


def _fence(share: Share, pool: Share, flavors: Sequence[str], site: ClusterSite) -> Fence:
    by_resource: dict[str, list[str]] = {}
    for flavor in flavors:
        by_resource.setdefault(device_resource(flavor, site), []).append(flavor)
    devices = {resource: _devices(share, pool, among) for resource, among in by_resource.items()}
    if site.operators.gangs == "mpi":  # launchers come on top of what was admitted
        return Fence(devices=devices)
    cpu = _most(share.compute.get(CPU), pool.compute.get(CPU))
    memory = _most(share.compute.get(MEMORY), pool.compute.get(MEMORY))
    return Fence(cpu_millis=cpu, memory_bytes=memory, devices=devices)


def _devices(share: Share, pool: Share, flavors: Iterable[str]) -> int:
    """Every quota that matches holds: of a kind, and of all kinds together."""
    there = {flavor: pool.devices.get(flavor, Amount()).nominal for flavor in flavors}
    total = Amount(sum(there.values()))
    each = [_most(share.devices.get(flavor), Amount(count)) for flavor, count in there.items()]
    whichever = share.devices.get(ANY_FLAVOR)
    if whichever is None:
        return sum(each)
    bound = _most(whichever, total)
    named = all(flavor in share.devices for flavor in there)
    return min(bound, sum(each)) if named else bound


def _most(amount: Amount | None, there: Amount | None) -> int:
    """What may be held at most; without a quota nothing."""
    if amount is None:
        return 0
    if amount.borrowing_limit is None:
        return max(amount.nominal, there.nominal if there else 0)
    return amount.nominal + amount.borrowing_limit
