"""Whether the job of an attempt sees the folder of the store, and where it finds an object then."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings

from apps.common.addresses import fetch_address
from apps.common.storage import store
from apps.quotas.models import Attempt
from workers.contracts.launch import CLUSTER_PREFIX


def is_distant(backend: str, declared: Collection[str] = ()) -> bool:
    """Whether jobs of a backend share no disk with the control plane. Pure.

    Args:
        backend: its name, as handles have it.
        declared: names of further such backends.
    """
    return f"{backend}/".startswith(CLUSTER_PREFIX) or backend in declared


def attempt_is_distant(attempt: Attempt) -> bool:
    """Of the backend that runs this attempt. No query."""
    return is_distant(str(attempt.handle.get("backend", "")), settings.BEDPLATE_DISTANT_BACKENDS)


def object_place(attempt: Attempt, path: str, sha256: str = "") -> dict[str, str | None]:
    """`path` of an object on the machine that the job shares with the store; else a short-lived `url`. One is None.

    Raises:
        NoDirectAddress: a remote store that cannot sign.
    """
    local = store().local_path(path)
    if local is not None and not attempt_is_distant(attempt):
        return {"path": str(local), "url": None}
    return {"path": None, "url": fetch_address(path, attempt_id=attempt.pk, sha256=sha256)}
