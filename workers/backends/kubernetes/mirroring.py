"""Keeping what a cluster knows of quotas as they are: the fences of projects, and Kueue's objects where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.backends.kubernetes import names
from workers.backends.kubernetes.fences import fences
from workers.backends.kubernetes.operators import kueue_mirror
from workers.backends.kubernetes.place import Place
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import RESOURCE_QUOTAS
from workers.backends.kubernetes.seen_objects import Meta, Part
from workers.backends.kubernetes.submitting import fence_apply
from workers.backends.kubernetes.tenancy import fence_manifest
from workers.backends.shares import Share


class Named(Part, frozen=True):
    """Of an object only which it is."""

    metadata: Meta = Meta()


def mirror(place: Place, shares: Sequence[Share], flavors: Sequence[str]) -> None:
    """See `MirrorsQuotas.mirror`."""
    for tenant, fence in fences(shares, flavors, place.site):
        _fence(place, fence_manifest(tenant, place.site, fence))
    version = place.queue_version() if place.site.operators.queue else ""
    if not version:
        return
    made = kueue_mirror.mirrored(shares, flavors, place.site, version)
    kinds = {kind.kind: kind for kind in kueue_mirror.kinds(version)}
    for manifest in made:
        place.api.apply(kinds[manifest["kind"]], manifest, names.MANAGER)
    kept = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in made}
    labels = names.installation_selector(place.site)
    for kind in kinds.values():
        for found in place.api.items(kind, Named, labels=labels)[0]:
            if (kind.kind, found.metadata.name) not in kept:
                place.api.delete(kind, "", found.metadata.name, uid=found.metadata.uid)


def _fence(place: Place, manifest: dict[str, Any]) -> None:
    """In the namespaces that there are: that of a project is made with its first job. An account that may not make them
    is told so by the check of the cluster."""
    try:
        fence_apply(place, RESOURCE_QUOTAS, manifest)
    except Refusal as refusal:
        if not refusal.not_found and not refusal.terminating and not refusal.forbidden:
            raise
