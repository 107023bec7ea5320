"""Ends what a supervisor left that was killed, and says that the job is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from workers.backends.local import processes
from workers.backends.local.fence import GROUPS, PREFIX, end_group, remove_group
from workers.backends.local.keeper import LOST, TEMPORARY_PREFIX
from workers.backends.local.layout import JobFolder, remove_tree, write_json
from workers.contracts import environment as names
from workers.contracts.sentences import say

DETAIL = say("supervisor_killed")
PATIENCE_SECONDS = 0.05


def bury(folder: JobFolder, state: dict[str, Any]) -> dict[str, Any] | None:
    """Kill every process of a job whose supervisor is dead. Returns its last state, or None when something still
    lives: call again.

    A member dies with its supervisor, and what it started is killed with it; what had freed itself from both is
    known by the attempt id in its environment. Raises OSError: the state cannot be written.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    members = [member for member in state.get("members", []) if isinstance(member, dict)]
    groups = [str(member.get("group", "")) for member in members]
    while sum(end_group(group) for group in groups if _is_own(group, folder)) + _kill(folder.attempt_id):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)
    folder.remove_secrets()
    temporary = Path(str(state.get("temporary", "")))
    if temporary.name.startswith(TEMPORARY_PREFIX):
        remove_tree(str(temporary))
    for group in groups:
        if _is_own(group, folder):
            remove_group(group)
    lost = [_lost(member) for member in members]
    last = {**state, "phase": LOST, "reason": LOST, "detail": DETAIL, "members": lost, "ended_at": time.time()}
    write_json(folder.state, last)
    return last


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
