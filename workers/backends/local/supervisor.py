"""How a supervisor starts: in the background, once per attempt, never for an attempt that has begun or was stopped.

`LocalBackend` runs `launch` in a process of its own (see `command_line`), which ends as soon as it is known what
became of the start; the supervisor itself is then nobody's child and outlives whoever launched it.
"""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH110

from __future__ import annotations

import os

from workers.backends.local.gang import Gang
from workers.backends.local.keeper import Keeper
from workers.backends.local.layout import JobFolder, read_json, take_lock
from workers.backends.local.replicas import Replicas

BEGUN, FAILED, STOPPED = 0, 1, 3
"""Exit statuses of `launch`: the attempt runs or has run; nobody knows; it was ordered never to start."""

KEEPERS: dict[str, type[Keeper]] = {"job": Gang, "serving": Replicas}
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from workers.backends.local.supervisor import launch; launch(sys.argv[2])"
)


def command_line(interpreter: str, project_root: str, folder: str) -> list[str]:
    """What launches the supervisor of a job. Isolated and without `site`: that is half of its start."""
    return [interpreter, "-I", "-S", "-c", _CODE, project_root, folder]


def launch(path: str) -> None:
    """Become a supervisor in the background, and exit with what became of it."""
    answer, answer_end = os.pipe()
    if os.fork():
        os.close(answer_end)
        word = os.read(answer, 1)  # nothing: it died
        os._exit(word[0] if word else FAILED)
    os.close(answer)
    os.setsid()
    folder = JobFolder(path)
    status, lock = _enter(folder)
    keeper = _claim(folder) if lock is not None else None
    os.write(answer_end, bytes([status]))
    os.close(answer_end)
    if keeper:
        keeper.run()


def _enter(folder: JobFolder) -> tuple[int, int | None]:
    """Who holds the lock decides, and only while no earlier holder began: the claim is written under it."""
    lock = take_lock(folder.lock)
    if lock is None or os.path.exists(folder.state):
        return BEGUN, None
    if os.path.exists(folder.stop):
        return STOPPED, None
    return BEGUN, lock


def _claim(folder: JobFolder) -> Keeper:
    """Raises OSError, KeyError: the plan cannot be read, the claim cannot be written; nothing has begun."""
    plan = read_json(folder.launch) or {}
    keeper = KEEPERS[plan["kind"]](folder, plan)
    keeper.claim()
    return keeper
