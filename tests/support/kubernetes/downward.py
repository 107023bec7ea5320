"""Fields of a pod as its own containers read them."""

from __future__ import annotations

import re
from typing import Any

from tests.support.kubernetes.store import Object


def field_value(pod: Object, path: str, ip: str) -> str:
    """Of the downward API."""
    if keyed := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    if path in {"status.podIP", "status.podIPs"}:
        return ip
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)
