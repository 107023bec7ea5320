"""What the wrapper makes of the end of a command: see `wrapper.py`, which loads this file late.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""
# Plain paths, as in `wrapper.py`.
# ruff: noqa: PTH105, PTH123

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any

NOT_ITS_OWN = frozenset({0, 83, 84, 85, 128 + signal.SIGKILL})
"""Statuses that an error in the output does not explain: the agreed ones, and a kill from outside."""
RESULT_BYTES = 1024 * 1024
CLUSTER = "/dev/"
"""Where a cluster puts a file for the last words of a container: it can be written to, and not be replaced."""
CLUSTER_BYTES = 4096
"""So much of it is kept."""
MEMORY_EVENTS = "/sys/fs/cgroup/memory.events"


class Memory:
    """Whether the kernel killed for want of memory, in a container that is the command's alone."""

    def __init__(self, report_file: str) -> None:
        self.is_alone = report_file.startswith(CLUSTER)
        """The container is the command's."""
        self._before = self._kills()

    def ran_out(self, status: int) -> bool:
        return status == 128 + signal.SIGKILL and self._kills() > self._before

    def _kills(self) -> int:
        with contextlib.suppress(OSError, ValueError):  # an older kernel, or none of Linux
            with open(MEMORY_EVENTS, encoding="ascii") as file:
                words = dict(line.split() for line in file)
            return int(words.get("oom_kill", 0)) if self.is_alone else 0
        return 0


def read_result(path: str) -> dict[str, Any] | None:
    """The JSON object that the command left; None when there is none, or none that we would take."""
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:  # the user's file
        text = file.read(RESULT_BYTES + 1)
        value = json.loads(text) if len(text) <= RESULT_BYTES else None
        return value if isinstance(value, dict) else None
    return None


def write_report(path: str, report: dict[str, Any]) -> None:
    """Leave the report whole or not at all; without a path, nowhere. On a cluster without a result that is too long."""
    if not path:
        return
    if path.startswith(CLUSTER):
        text = json.dumps(report)
        text = text if len(text) <= CLUSTER_BYTES else json.dumps({**report, "result": _error_alone(report)})
        with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as file:  # nobody asked for it
            file.write(text[:CLUSTER_BYTES])
        return
    with contextlib.suppress(OSError):  # on a full disk the exit status is still right
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(report, file)
        os.replace(f"{path}.new", path)


def explained(result: dict[str, Any] | None, status: int, said: str) -> dict[str, Any] | None:
    """The result of a command that failed, with the error that its output told, unless it left one of its own."""
    if not said or status in NOT_ITS_OWN or (result is not None and "error" in result):
        return result
    return {**(result or {}), "error": {"code": "exit_nonzero", "detail": said}}


def _error_alone(report: dict[str, Any]) -> dict[str, Any] | None:
    """Of a result that is too long: why the job failed, if it says so in few words. The API has the rest."""
    error = (report.get("result") or {}).get("error")
    if not isinstance(error, dict):
        return None
    kept = {"error": {name: str(error.get(name, ""))[:500] for name in ("code", "detail")}}
    return kept if len(json.dumps(kept)) < CLUSTER_BYTES - 200 else None


def judged(
    report: dict[str, Any], status: int, said: str, result_file: str, memory: Memory, limit_seconds: float
) -> int:
    """Fill in what became of the command; its status, which is never that of success where it ran for too long.

    Args:
        said: the error that its output told.
        limit_seconds: how long it might have run, where it ran for longer; else 0.
    """
    report["result"] = explained(read_result(result_file), status, said)
    if limit_seconds:
        detail = f"The job ran for longer than its limit of {limit_seconds:.0f} s."
        report["reason"], error = "time_limit", {"code": "time_limit", "detail": detail}
        report["result"] = {**(report["result"] or {}), "error": error}
        return status if status not in (0, 83) else 128 + signal.SIGTERM
    if memory.ran_out(status):
        report["reason"] = "out_of_memory"
    return status
