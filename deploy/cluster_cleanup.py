"""What `verify_cluster.py` takes away again: at its end, and first what an earlier run could not."""

from __future__ import annotations

import time
from contextlib import suppress

from cluster_trial import LOOK_SECONDS, Failed, Trial

from workers.backends.base import BackendError
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import NAMESPACES
from workers.contracts.launch import JobHandle
from workers.contracts.observation import ENDED, Observation, Phase


def leftovers(trial: Trial) -> str:
    """What a run that was killed has left: its namespace has the same name, and its jobs the same labels."""
    swept = trial.backend.sweep([], older_than_seconds=0)
    try:
        gone = namespace_remove(trial)
    except Failed:
        if swept or trial.handles:
            raise
        return "none, as far as this account may look"
    return f"one was ended before its clean-up: removed, and {len(swept)} of its jobs" if swept or gone else "none"


def cleanup(trial: Trial) -> str:
    """Stop and remove what was started, then the namespace. Raises Failed: something is left, and what."""
    for handle, seen in observed(trial):
        if seen.phase not in ENDED:
            with suppress(BackendError):
                trial.backend.stop(handle, 0)
    while True:
        trial.backend.sweep([], older_than_seconds=0)
        left = [handle for handle, seen in observed(trial) if seen.phase is not Phase.NOT_FOUND]
        if not left:
            return "nothing is left" if namespace_remove(trial) else "nothing was left"
        if time.monotonic() > trial.deadline:
            raise Failed(
                f"{len(left)} jobs are left in the namespace {trial.namespace}: see whether their nodes answer, then"
                f" kubectl delete namespace {trial.namespace}"
            )
        time.sleep(LOOK_SECONDS)


def observed(trial: Trial) -> list[tuple[JobHandle, Observation]]:
    return list(zip(trial.handles, trial.backend.observe(trial.handles), strict=True))


def namespace_remove(trial: Trial) -> bool:
    """Whether there was one. Bedplate itself never removes any, so an account with its rights only may not."""
    try:
        found = trial.api.find(NAMESPACES, "", trial.namespace)
        if found is None:
            return False
        trial.api.delete(NAMESPACES, "", trial.namespace, uid=found["metadata"]["uid"])
        while (found := trial.api.find(NAMESPACES, "", trial.namespace)) is not None:
            if time.monotonic() > trial.deadline:
                raise Failed(f"the namespace {trial.namespace} is still being deleted. {_holds(found)}".strip())
            time.sleep(LOOK_SECONDS)
    except Refusal as refusal:
        if not refusal.forbidden:
            raise
        words = "has no job any more and is left: this account may not delete it. As one who may:"
        raise Failed(f"the namespace {trial.namespace} {words} kubectl delete namespace {trial.namespace}") from refusal
    return True


def _holds(namespace: dict[str, object]) -> str:
    """What the cluster says keeps it."""
    status = namespace.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    said = [str(each.get("message") or "") for each in conditions or () if each.get("status") == "True"]
    return " ".join(filter(None, said))
