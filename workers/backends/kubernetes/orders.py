"""Orders to what is on a cluster, as merge patches. Pure."""

from __future__ import annotations

from typing import Any

from workers.backends.kubernetes import names


def stopped(kind: str, mark: str = "true") -> dict[str, Any]:
    """Stop a job, or a server, and remember that it was told to; `mark` is what the annotation says. What it was
    stays on the cluster as the record of it, without pods."""
    return {
        "metadata": {"annotations": {names.STOP: mark}},
        "spec": {"replicas": 0} if kind == "serving" else {"suspend": True},
    }


def resized(count: int) -> dict[str, Any]:
    """Let a server have so many replicas."""
    return {"spec": {"replicas": count}}
