"""CustomResourceDefinitions: a kind is served from when its definition is stored."""

from __future__ import annotations

from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.kinds import CRDS, Kind
from tests.support.kubernetes.store import Change, Object


class CustomKinds:
    """Adds and removes kinds at once; says `Established` a moment later."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on_change(self, change: Change) -> None:
        if change.kind is not CRDS:
            return
        for kind in kinds_of(change.obj):
            if change.type == "DELETED":
                self._cluster.kinds.remove(kind)
            else:
                self._cluster.kinds.add(kind)
        if change.type == "ADDED":
            self._cluster.loop.soon(self._established, change.name[1])

    def _established(self, name: str) -> None:
        now = self._cluster.clock.stamp()

        def change(definition: Object) -> None:
            names = {"plural": definition["spec"]["names"]["plural"], "kind": definition["spec"]["names"]["kind"]}
            conditions = [
                {"type": type_, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
                for type_, reason, message in (
                    ("NamesAccepted", "NoConflicts", "no conflicts found"),
                    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
                )
            ]
            stored = [each["name"] for each in definition["spec"]["versions"]]
            definition["status"] = {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}

        self._cluster.change(CRDS, name, "", change)


def kinds_of(definition: Object) -> list[Kind]:
    """One for each version that is served."""
    spec = definition["spec"]
    return [
        Kind(
            spec["group"],
            version["name"],
            spec["names"]["plural"],
            spec["names"]["kind"],
            namespaced=spec["scope"] == "Namespaced",
            subresources=tuple(version.get("subresources") or {}),
            custom=True,
        )
        for version in spec["versions"]
        if version.get("served", True)
    ]
