"""Keeping Kueue's objects as the quotas are, where a cluster admits through it."""

from __future__ import annotations

from collections.abc import Sequence

from workers.backends.kubernetes import names
from workers.backends.kubernetes.operators import kueue_mirror
from workers.backends.kubernetes.place import Place
from workers.backends.kubernetes.seen_objects import Meta, Part
from workers.backends.shares import Share


class Named(Part, frozen=True):
    """Of an object only which it is."""

    metadata: Meta = Meta()


def mirror(place: Place, shares: Sequence[Share], flavors: Sequence[str]) -> None:
    """See `MirrorsQuotas.mirror`."""
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
