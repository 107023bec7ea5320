"""Whether a cluster has the kinds that others' operators add. A request each, which needs no right of its own."""

from __future__ import annotations

from typing import Any

import msgspec

from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.operators.crds import KUEUE_GROUP, KUEUE_VERSIONS
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import Resource


def is_served(api: Api, resource: Resource) -> bool:
    """Whether a cluster has a kind, in that version."""
    try:
        found: dict[str, Any] = msgspec.json.decode(api.get(f"/apis/{resource.group}/{resource.version}"))
    except Refusal as refusal:
        if refusal.not_found:
            return False
        raise
    return any(each.get("name") == resource.name for each in found.get("resources") or ())


def kueue_version(api: Api) -> str:
    """The newest version of Kueue's API that the cluster has and that is known here; empty: none."""
    try:
        found: dict[str, Any] = msgspec.json.decode(api.get(f"/apis/{KUEUE_GROUP}"))
    except Refusal as refusal:
        if refusal.not_found:
            return ""
        raise
    there = {each.get("version") for each in found.get("versions") or ()}
    return next((version for version in KUEUE_VERSIONS if version in there), "")
