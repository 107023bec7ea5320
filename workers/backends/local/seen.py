"""From the files of a job to an `Observation`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workers.backends.local.layout import JobFolder, is_locked, read_json
from workers.backends.local.leftovers import bury
from workers.contracts.observation import ENDED, MemberObservation, Observation, Phase

REPORT_LIMIT_BYTES = 2 * 1024 * 1024
NOT_FOUND = Observation(Phase.NOT_FOUND)
SETTLED = frozenset(str(phase) for phase in ENDED)


def look_at(folder: JobFolder) -> Observation:
    """What the job is like now. Where its supervisor has died, this ends what is left of it.

    The order of the looks matters: a supervisor takes its lock, then looks for an order to stop, then writes its
    first state; and its last state before it lets go of the lock.
    """
    state = read_json(folder.state)
    if state is None:
        stopped = Path(folder.stop).exists()
        if is_locked(folder.lock):
            return Observation(Phase.STOPPING if stopped else Phase.PENDING)
        state = read_json(folder.state)
        if state is None:
            return Observation(Phase.PENDING) if Path(folder.path).exists() and not stopped else NOT_FOUND
    if state.get("phase") in SETTLED:
        return _settled(folder, state)
    if is_locked(folder.lock):
        return _living(folder, state)
    state = read_json(folder.state) or {}
    if state.get("phase") in SETTLED:
        return _settled(folder, state)
    try:
        last = bury(folder, state)
    except OSError as error:  # a full disk; other jobs must be seen all the same
        return Observation(Phase.STOPPING, detail=f"Its supervisor is dead, which cannot be written down: {error}")
    if last is None:
        return Observation(Phase.STOPPING, detail="Its supervisor is dead; what it left is being killed.")
    return _settled(folder, last)


def _living(folder: JobFolder, state: dict[str, Any]) -> Observation:
    phase = Phase.STOPPING if Path(folder.stop).exists() else Phase.RUNNING
    if phase is Phase.RUNNING and state.get("phase") in (Phase.PENDING, Phase.STOPPING):
        phase = Phase(state["phase"])
    return Observation(phase, str(state.get("reason", "")), str(state.get("detail", "")), _members(state))


def _settled(folder: JobFolder, state: dict[str, Any]) -> Observation:
    phase, reason, detail = Phase(state["phase"]), str(state.get("reason", "")), str(state.get("detail", ""))
    return Observation(phase, reason, detail, _members(state), _report(folder))


def _members(state: dict[str, Any]) -> tuple[MemberObservation, ...]:
    """None where the file was scribbled on: a job runs as the user that may write it, and harms itself only."""
    try:
        return tuple(
            MemberObservation(
                index=member["index"],
                phase=Phase(member["phase"]),
                ready=member.get("ready", False),
                address=member.get("address", ""),
                exit_code=member["exit_code"],
                reason=member["reason"],
                restarts=member.get("restarts", 0),
            )
            for member in state.get("members", [])
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()


def _report(folder: JobFolder) -> dict[str, Any] | None:
    path = folder.member(0).report
    try:
        size = os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return None
    return read_json(path) or None if size <= REPORT_LIMIT_BYTES else None
