"""The quotas of a pool as Kueue's own objects, so that what others admit there keeps to the same bounds. Pure.

    pool, cohort ─> Cohort          queue  ─> ClusterQueue, and a LocalQueue in the project's namespace
                                    flavor ─> ResourceFlavor

In a ClusterQueue each kind of resource belongs to one group, and each flavor too: cores and memory are of one flavor,
devices of that which names them. A Cohort of Kueue has what it guarantees besides its children; ours includes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workers.backends.kubernetes import names
from workers.backends.kubernetes.flavors import device_resource
from workers.backends.kubernetes.operators.crds import KUEUE_GROUP, kueue
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.backends.shares import ANY_FLAVOR, CPU, MEMORY, POOL, QUEUE, Amount, Share

COMPUTE: Final = (CPU, MEMORY)


def mirrored(shares: Sequence[Share], flavors: Sequence[str], site: ClusterSite, version: str) -> list[dict[str, Any]]:
    """Kueue's objects for a pool that are in no namespace, in the order in which they are made.

    Args:
        version: of Kueue's API.
    """
    made = [_made(version, "ResourceFlavor", _name(site, "compute"), site, {})]
    for flavor in flavors:
        known = {"nodeLabels": dict(site.flavor(flavor).node_labels)} if site.flavor(flavor).node_labels else {}
        made.append(_made(version, "ResourceFlavor", _name(site, "flavor", flavor), site, known))
    for share in shares:
        spec = {"resourceGroups": _groups(share, shares, flavors, site), "fairSharing": _weight(share)}
        if share.kind == QUEUE:
            of = "cohortName" if version == "v1beta2" else "cohort"
            labels = {names.PROJECT: names.label_value(share.name), names.INSTALLATION: _installation(site)}
            spec |= {
                of: _name(site, *(share.parent or (POOL, ""))),
                "namespaceSelector": {"matchLabels": labels},
                "queueingStrategy": "BestEffortFIFO",
                "preemption": {"withinClusterQueue": "Never", "reclaimWithinCohort": "Never"},
            }
        elif share.parent is not None:
            spec |= {"parentName": _name(site, *share.parent)}
        kind = "ClusterQueue" if share.kind == QUEUE else "Cohort"
        made.append(_made(version, kind, _name(site, *share.key), site, spec))
    return made


def local_queue(tenant: Tenant, site: ClusterSite, version: str) -> dict[str, Any]:
    """What jobs of a project name: the way from its namespace to its queue."""
    spec = {"clusterQueue": _name(site, QUEUE, tenant.project)}
    made = _made(version, "LocalQueue", site.operators.queue, site, spec)
    made["metadata"] |= {"namespace": names.namespace_of(tenant, site), "labels": names.owner_labels(tenant, site)}
    return made


def kinds(version: str) -> tuple[Resource, ...]:
    """Those of `mirrored`, so that what is not among it any more is found: what refers to others comes first."""
    plural = {"ClusterQueue": "clusterqueues", "Cohort": "cohorts", "ResourceFlavor": "resourceflavors"}
    return tuple(kueue(name, kind, version) for kind, name in plural.items())


def local_queues(version: str) -> Resource:
    return kueue("localqueues", "LocalQueue", version, namespaced=True)


def _groups(share: Share, shares: Sequence[Share], flavors: Sequence[str], site: ClusterSite) -> list[dict[str, Any]]:
    below = [each for each in shares if each.parent == share.key]
    compute = [
        _quota(name, share.compute.get(name), [each.compute.get(name) for each in below], share) for name in COMPUTE
    ]
    groups = [{"coveredResources": list(COMPUTE), "flavors": [{"name": _name(site, "compute"), "resources": compute}]}]
    by_resource: dict[str, list[dict[str, Any]]] = {}
    for flavor in flavors:
        resource = device_resource(flavor, site)
        inside = [_of_flavor(each.devices, flavor, flavors) for each in below]
        quota = _quota(resource, _of_flavor(share.devices, flavor, flavors), inside, share)
        by_resource.setdefault(resource, []).append({"name": _name(site, "flavor", flavor), "resources": [quota]})
    groups += [{"coveredResources": [resource], "flavors": found} for resource, found in by_resource.items()]
    return groups


def _of_flavor(devices: Mapping[str, Amount], flavor: str, flavors: Sequence[str]) -> Amount | None:
    """Kueue has no quota for devices of whatever kind: where there are several, what it guarantees is borrowed."""
    own, whichever = devices.get(flavor), devices.get(ANY_FLAVOR)
    if own is not None or whichever is None:
        return own
    if len(flavors) == 1:
        return whichever
    more = whichever.borrowing_limit
    return Amount(0, None if more is None else whichever.nominal + more, None)


def _quota(resource: str, amount: Amount | None, below: Sequence[Amount | None], share: Share) -> dict[str, Any]:
    """Only what is below something may borrow from it or lend to it. A cohort without a quota limits nothing; a queue
    without one may not use the resource."""
    if amount is None:
        amount = Amount(0, 0, 0) if share.kind == QUEUE else Amount()
    besides = max(0, amount.nominal - sum(each.nominal for each in below if each is not None))
    limits = {"borrowingLimit": amount.borrowing_limit, "lendingLimit": amount.lending_limit}
    said = {name: limit for name, limit in limits.items() if limit is not None and share.parent is not None}
    return {
        "name": resource,
        "nominalQuota": _quantity(resource, besides),
        **{name: _quantity(resource, limit) for name, limit in said.items()},
    }


def _quantity(resource: str, amount: int) -> str:
    return f"{amount}m" if resource == CPU else str(amount)


def _weight(share: Share) -> dict[str, str]:
    return {"weight": f"{round(share.weight * 1000)}m"}


def _name(site: ClusterSite, *words: str) -> str:
    """Kueue's objects are of several installations: the prefix tells them apart."""
    return names.dns_name(site.namespace_prefix, *words)


def _installation(site: ClusterSite) -> str:
    return names.label_value(site.installation)


def _made(version: str, kind: str, name: str, site: ClusterSite, spec: dict[str, Any]) -> dict[str, Any]:
    labels = {names.MANAGED_BY: names.MANAGER, names.INSTALLATION: _installation(site)}
    return {
        "apiVersion": f"{KUEUE_GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }
