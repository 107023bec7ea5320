"""Ends what a supervisor left that was killed, and says that the job is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from workers.backends.local import processes
from workers.backends.local.fence import GROUPS, PREFIX, end_group, groups_here, remove_group
from workers.backends.local.keeper import LOST, TEMPORARY_PREFIX
from workers.backends.local.layout import JobFolder, remove_tree, write_json
from workers.contracts import environment as names
from workers.contracts.sentences import say

DETAIL = say("supervisor_killed")
PATIENCE_SECONDS = 0.05
BUSY_SECONDS = 10.0
"""For so long a job is not lost yet of which only a control group is left that cannot be removed. Somebody dies in it
whom it does not list any more; or it is in use by what is not of this job: then a sweep may find it free one day."""
_busy_since: dict[str, float] = {}
"""By attempt, while that lasts; monotonic."""


def bury(folder: JobFolder, state: dict[str, Any]) -> dict[str, Any] | None:
    """Kill every process of a job whose supervisor is dead. Returns its last state, or None when something still
    lives: call again.

    A member dies with its supervisor, and what it started is killed with it; what had freed itself from both is
    known by the attempt id in its environment, and what changed that by its control group. Raises OSError: the state
    cannot be written.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    members = [member for member in state.get("members", []) if isinstance(member, dict)]
    groups = _groups(members, folder)
    while sum(end_group(group) for group in groups) + _kill(folder.attempt_id):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)
    folder.remove_secrets()
    temporary = Path(str(state.get("temporary", "")))
    if temporary.name.startswith(TEMPORARY_PREFIX):
        remove_tree(str(temporary))
    busy = [group for group in groups if not remove_group(group)]
    if busy and _may_wait(folder.attempt_id):
        return None
    _busy_since.pop(folder.attempt_id, None)
    lost = [_lost(member) for member in members]
    last = {**state, "phase": LOST, "reason": LOST, "detail": DETAIL, "members": lost, "ended_at": time.time()}
    write_json(folder.state, last)
    return last


def _groups(members: list[dict[str, Any]], folder: JobFolder) -> set[str]:
    """Its control groups. The supervisor may have been killed before it could say that there is one more."""
    said = {str(member.get("group", "")) for member in members}
    return {group for group in said if _is_own(group, folder)} | set(groups_here(folder.attempt_id))


def _may_wait(attempt_id: str) -> bool:
    """Whether a group that lists nobody may still be busy with somebody who dies."""
    return time.monotonic() < _busy_since.setdefault(attempt_id, time.monotonic()) + BUSY_SECONDS


def _is_own(group: str, folder: JobFolder) -> bool:
    """The state is a file that the job could write: only what can be its own group is believed."""
    return group.startswith(GROUPS) and Path(group).name.startswith(f"{PREFIX}{folder.attempt_id}-")


def _kill(attempt_id: str) -> int:
    """SIGKILL to what carries this attempt id; returns how many there were."""
    found = 0
    for pid, descriptor in processes.with_variable(names.ATTEMPT_ID, attempt_id):
        if pid != os.getpid():
            found += 1
            with suppress(ProcessLookupError):  # it ended by itself
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
    return found


def _lost(member: dict[str, Any]) -> dict[str, Any]:
    alive = member.get("phase") not in ("succeeded", "failed")
    return {**member, "pid": 0, "ready": False, **({"phase": LOST, "reason": LOST} if alive else {})}
