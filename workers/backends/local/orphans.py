"""What jobs left on this machine that are over: processes, secrets, temporary folders, control groups.

Of this home only: whatever is of another installation on the same machine is not touched.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workers.backends.local import processes
from workers.backends.local.fence import PREFIX, end_group, groups_here, remove_group
from workers.backends.local.layout import JobFolder, is_locked, read_json, remove_tree
from workers.backends.local.seen import SETTLED
from workers.contracts import environment as names

log = logging.getLogger(__name__)


def clear_up(folders: Iterable[JobFolder], jobs: Path, temporary: Path, prefix: str, *, written_before: float) -> None:
    """End and remove what belongs to no living job. May be done at any time, by several at once.

    Args:
        jobs: where the folders of all jobs of this home are.
        temporary, prefix: where their temporary folders are, and how their names begin.
        written_before: time of the file systems; a temporary folder that is younger is left alone. Raises OSError.
    """
    states = {folder.attempt_id: (folder, read_json(folder.state) or {}) for folder in folders}
    living = {name for name, (folder, state) in states.items() if not _is_over(folder, state)}
    for name, (folder, _) in states.items():
        if name not in living:
            folder.remove_secrets()
            _remove_drafts(folder)
    _end_processes(jobs, living)
    end_groups([group for group in groups_here() if _attempt_of(group) in states and _attempt_of(group) not in living])
    used = {str(state.get("temporary", "")) for folder, state in states.values() if folder.attempt_id in living}
    for path in temporary.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # its job removed it meanwhile
            if str(path) not in used and path.stat().st_mtime < written_before:
                remove_tree(str(path))


def _is_over(folder: JobFolder, state: dict[str, Any]) -> bool:
    """Whether it can have no process any more, nor get one: it has ended, or was stopped before it began."""
    if is_locked(folder.lock):
        return False
    return state.get("phase") in SETTLED or (not state and Path(folder.stop).exists())


def _remove_drafts(folder: JobFolder) -> None:
    """Files that somebody was killed over while writing them; a draft of the token is as good as the token."""
    for path in Path(folder.path).glob("*.new"):
        path.unlink(missing_ok=True)


def _end_processes(jobs: Path, living: set[str]) -> None:
    """Kill what carries the id of an attempt of this home that does not live."""
    for pid, descriptor, values in processes.with_variables(names.ATTEMPT_ID, names.TOKEN_FILE):
        attempt_id, token = values
        if Path(token).parent == jobs / attempt_id and attempt_id not in living and not _begins(jobs / attempt_id):
            log.warning("process %d of attempt %s, which is over, is killed", pid, attempt_id)
            with suppress(ProcessLookupError):  # it ended by itself
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


def _begins(path: Path) -> bool:
    """Whether the job lives after all: it may have begun since the folders were listed."""
    folder = JobFolder(str(path))
    return path.exists() and not _is_over(folder, read_json(folder.state) or {})


def end_groups(groups: Iterable[str]) -> bool:
    """End what is in control groups of attempts that are over, and remove them. Returns whether none is left."""
    left = False
    for group in groups:
        end_group(group)
        left = not remove_group(group) or left
    return not left


def _attempt_of(group: str) -> str:
    return Path(group).name.removeprefix(PREFIX).rpartition("-")[0]
