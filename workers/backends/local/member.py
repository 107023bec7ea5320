"""One member of a job, or one replica: a wrapper and all below it, as a child of the supervisor."""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH103, PTH108, PTH110, PTH118, PTH120, PTH123

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from typing import Any, NoReturn

from workers.backends.local import processes
from workers.backends.local.fence import Fence, group_for
from workers.backends.local.layout import JobFolder, read_json
from workers.contracts import environment as names
from workers.contracts.sentences import say

LAST_WORDS_SECONDS = 3.0
"""From the SIGKILL of the command to that of its wrapper, which says its last words in 1 s when hurried."""
SAMPLE_SECONDS = 0.5
OPEN_FILES = 65_536
OOM_SCORE = "500"  # the kernel, when short of memory, takes a job before a server
TOO_MANY = "too_many_processes"
OVER_LIMIT = ("out_of_memory", TOO_MANY)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)


class Member:
    """Start it, tell it to leave, hold it to its limits. All times are of the monotonic clock."""

    def __init__(self, folder: JobFolder, plan: dict[str, Any], index: int, temporary: str) -> None:
        self.index = index
        self.pid = 0
        self.phase = "pending"
        self.exit_code: int | None = None
        self.reason = ""
        self.detail = ""
        self.started_at = 0.0
        self.told_to_leave = False
        self._folder = folder.member(index)
        self._plan = plan
        self._temporary = os.path.join(temporary, str(index))
        self._kill_at = self._abandon_at = float("inf")
        self._sample_at = 0.0
        self._verdict = ""
        self._fence: Fence | None = None
        self._memory_kills = 0

    def start(self, extra: dict[str, str]) -> None:
        """Start the wrapper. Raises OSError."""
        for path in (self._folder.work, self._temporary):
            os.makedirs(path, mode=0o700, exist_ok=True)
        for name, text in self._plan["files"].items():
            path = os.path.join(self._folder.work, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with contextlib.suppress(FileNotFoundError):  # of an earlier start of this replica
            os.unlink(self._folder.report)
        self._kill_at = self._abandon_at = float("inf")
        self._verdict, self.exit_code, self.told_to_leave = "", None, False
        environment, parent = self._environment(extra), os.getpid()
        self._fence = Fence(self._fence_name(), self._plan["processes_most"])
        self._memory_kills = processes.memory_kills()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # one that comes early must find the child's own handlers
        self.pid = os.fork()
        if self.pid == 0:
            self._become(environment, parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self.phase, self.started_at = "running", time.monotonic()

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        devices = self._plan["devices"]
        return {
            "HOME": self._folder.work,
            "TMPDIR": self._temporary,
            **self._plan["environment"],
            "CUDA_VISIBLE_DEVICES": devices[self.index] if self.index < len(devices) else "",
            names.RANK: str(self.index),
            names.RESULT_FILE: self._folder.result,
            names.REPORT_FILE: self._folder.report,
            **extra,
        }

    def _become(self, environment: dict[str, str], parent: int) -> NoReturn:
        """In the child: turn into the wrapper."""
        try:
            processes.die_with(parent)
            os.setsid()
            os.setpriority(os.PRIO_PROCESS, 0, self._plan["niceness"])
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            output = os.open(self._folder.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
                os.dup2(source, target)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # not allowed here
                file.write(OOM_SCORE)
            if self._fence:
                self._fence.enter()
            os.chdir(self._folder.work)
            os.execve(self._plan["command"][0], self._plan["command"], environment)  # noqa: S606
        except OSError as error:
            os.write(2, f"bedplate: cannot start the wrapper: {error}\n".encode())
        finally:  # whatever happened, this process must not go on as a second supervisor
            os._exit(127)

    @property
    def alive(self) -> bool:
        return self.pid > 0

    @property
    def reported(self) -> bool:
        """The command has ended: what still lives is a wrapper that says its last words."""
        return os.path.exists(self._folder.report)

    def leave(self, grace_seconds: float, verdict: str = "") -> None:
        """Tell it to leave, and kill it after the grace; a shorter grace replaces a longer one."""
        if not self.alive:
            return
        if not self.told_to_leave:
            self.told_to_leave, self.phase, self._verdict = True, "stopping", verdict
            os.kill(self.pid, signal.SIGTERM)
        self._kill_at = min(self._kill_at, time.monotonic() + grace_seconds)

    def enforce(self, now: float) -> None:
        """Hold it to its memory, and to the end of its grace. Called twice a second, and when something happens."""
        if self.alive and now >= self._sample_at:
            self._sample_at = now + SAMPLE_SECONDS
            self._hold_to_limits(now)
        if self.alive and now >= self._kill_at:
            self._kill_at, self._abandon_at = float("inf"), min(self._abandon_at, now + LAST_WORDS_SECONDS)
            self.phase = "stopping"
            self.told_to_leave = True
            self._end_all()
            os.kill(self.pid, signal.SIGINT)  # be quick with the last words; a second SIGTERM may merge with the first
        if self.alive and now >= self._abandon_at:
            self._end_all()
            processes.kill_tree(self.pid, itself=True)

    def _end_all(self) -> None:
        """Kill everything below the wrapper."""
        if self._fence:
            self._fence.end(self.pid)

    def _clear(self, code: int) -> None:
        """The wrapper is gone: so must be all that it started. A fork bomb may have been its end too."""
        if self._fence:
            if code and self._verdict not in OVER_LIMIT and self._fence.is_hit(os.getpid()):
                self._say_too_many(self._fence.most)
            self._fence.clear()

    def _fence_name(self) -> str:
        return f"{self._plan['attempt_id']}-{self.index}"

    def remove_fence(self) -> None:
        """When every process is reaped."""
        if self._fence:
            self._fence.remove()

    def _say_too_many(self, most: int) -> None:
        self._verdict = TOO_MANY
        self.detail = say("member_processes", member=self.index, most=most)

    def _hold_to_limits(self, now: float) -> None:
        if self._verdict in OVER_LIMIT:
            return
        if self._fence and self._fence.is_hit(self.pid):
            self._kill_at = now
            self._say_too_many(self._fence.most)
            return
        limit = self._plan["memory_limit_bytes"]
        held = processes.held_bytes(processes.tree(self.pid), limit) if limit else 0
        if held > limit:
            self._verdict, self._kill_at = "out_of_memory", now
            self.detail = say("member_memory", member=self.index, held=held, limit=limit)

    def ended(self, code: int) -> None:
        """It was reaped with this exit code, negative for a signal: settle phase, reason, detail."""
        self.pid = 0
        self._clear(code)
        report = read_json(self._folder.report) or {}
        reported = report.get("exit_code")
        known = isinstance(reported, int)
        self.exit_code = reported if code < 0 and known else code if code >= 0 else 128 - code
        if code < 0 and not known and not self.told_to_leave and not self._verdict:
            # Somebody killed the wrapper, which is ours: what it would have said of its command nobody knows.
            self.phase = self.reason = "lost"
            self.detail = say("wrapper_killed", member=self.index, signal=signal_name(-code))
            return
        error = (report.get("result") or {}).get("error") or {}
        if self._verdict:
            reason, detail = "exit_nonzero" if self._verdict == TOO_MANY else self._verdict, self.detail
        elif report.get("reason") == "launch_error":
            reason, detail = "launch_error", str(error.get("detail", ""))
        elif self.exit_code == 137 and not self.told_to_leave and processes.memory_kills() > self._memory_kills:
            reason, detail = "out_of_memory", say("machine_memory", member=self.index)
        else:
            reason, detail = "exit_nonzero" if self.exit_code else "", ""
        self.phase, self.reason = ("failed", reason) if reason else ("succeeded", "completed")
        self.detail = detail or (_told(self.index, self.exit_code) if reason else "")

    def next_at(self) -> float:
        """When `enforce` has something to do at the latest."""
        return min(self._kill_at, self._abandon_at)

    def to_json(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "phase": self.phase,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "pid": self.pid,
            # Said before there is one: who finds this supervisor dead must know of it.
            "group": self._fence.group if self._fence else group_for(self._fence_name()),
        }


def signal_name(number: int) -> str:
    """`SIGKILL`; `signal 40` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _told(index: int, status: int | None) -> str:
    if status is not None and status > 128:
        return say("member_signal", member=index, signal=signal_name(status - 128), status=status)
    return say("member_exit", member=index, status=status)
