"""Orders to what is on a cluster, as merge patches. Pure."""

from __future__ import annotations

from typing import Any

from workers.backends.kubernetes import names, seen_serving
from workers.backends.kubernetes.operators.choice import OPERATORS


def stopped(kind: str, mark: str = "true") -> dict[str, Any]:
    """Stop a job, or a server, and remember that it was told to; `mark` is what the annotation says. What it was
    stays on the cluster as the record of it, without pods."""
    marked = {names.STOP: mark}
    if kind in OPERATORS:
        patch = OPERATORS[kind].stopped()
        annotations = patch.get("metadata", {}).get("annotations", {})
        return {**patch, "metadata": {"annotations": {**annotations, **marked}}}
    return {
        "metadata": {"annotations": marked},
        "spec": {"replicas": 0} if kind == "serving" else {"suspend": True},
    }


def resized(kind: str, count: int) -> dict[str, Any]:
    """Let a server have so many replicas."""
    patch = seen_serving.resized(count)
    return {**patch, **OPERATORS[kind].resized(count)} if kind in OPERATORS else patch
