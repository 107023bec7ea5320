"""The loop of a supervisor: what a gang of members and a set of replicas have in common.

One thread, no waiting anywhere but in `_wait`: it sleeps until a child ends, an order comes, a health check gets
its answer, or half a second is over.
"""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH102, PTH110, PTH118

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from workers.backends.local import processes
from workers.backends.local.alarm import Alarm
from workers.backends.local.layout import JobFolder, read_json, remove_tree, write_json
from workers.backends.local.member import Member
from workers.contracts.sentences import say

TICK_SECONDS = 0.5
LEAVE_SECONDS = 10.0
"""Grace where nobody ordered one: a peer failed, the time is over, the set shrinks, the machine shuts down."""
AHEAD = 10
"""Priority over its job: whoever ends a fork bomb must get to run beside it."""
TEMPORARY_PREFIX = "bedplate-"
LOST = "lost"
EVICTED = "evicted"
"""Ended by us and not by its own fault: it runs again, however often that happens."""
NEVER = float("inf")


class Keeper(ABC):
    """Keeps the members of one job; `Gang` and `Replicas` say what happens when one ends."""

    def __init__(self, folder: JobFolder, plan: dict[str, Any]) -> None:
        self.folder = folder
        self.plan = plan
        self.stopping = False
        self.cause: tuple[str, str] | None = None
        """Why it fails, reason and detail, once that is certain; the first cause counts."""
        self.temporary = os.path.join(plan["temporary"], f"{plan['temporary_prefix']}{os.urandom(4).hex()}")
        self._grace_seconds = NEVER
        self._terminated = False
        self._phase = "pending"
        self._started_at = time.time()
        self._identity = {"pid": os.getpid(), "start": processes.start_of(os.getpid())}
        self._saved: dict[str, Any] = {}

    # What kinds differ in ---------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def members(self) -> Sequence[Member]:
        """All of them, in order of their index."""

    @abstractmethod
    def start(self) -> None:
        """Start the first members. May raise OSError."""

    @abstractmethod
    def member_ended(self, member: Member) -> None:
        """A member was reaped and settled."""

    @abstractmethod
    def advance(self, now: float) -> None:
        """Do what the time, or an event that was waited for, brings."""

    @abstractmethod
    def resize(self, count: int) -> None:
        """Have so many members from now on."""

    @abstractmethod
    def is_over(self) -> bool:
        """True when no member lives and none will be started."""

    def next_at(self) -> float:
        """When `advance` has something to do at the latest."""
        return NEVER

    def watched(self) -> dict[int, int]:
        """Descriptors whose events wake the loop, and the events."""
        return {}

    # The loop ---------------------------------------------------------------------------------------------------

    def claim(self) -> None:
        """From here on this attempt has begun, whatever happens to this process. Raises OSError: it has not."""
        os.mkdir(self.temporary, 0o700)
        self._alarm = Alarm(self.folder.control)
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.adopt_orphans()
        with contextlib.suppress(PermissionError):  # not root: it competes with its job as an equal
            os.setpriority(os.PRIO_PROCESS, 0, self.plan["niceness"] - AHEAD)
        write_json(self.folder.state, self._state())

    def run(self) -> None:
        """Start the job and stay until nothing of it is left."""
        try:
            self.start()
            self._phase = "running"
        except OSError as error:  # no process, no disk: not the user's fault
            self.fail(LOST, say("job_not_started", error=error))
        self._look()
        while not self.is_over():
            self._wait()
            self._look()
        self._finish()

    def _on_terminate(self, *_: object) -> None:
        self._terminated = True

    def _wait(self) -> None:
        """Sleep until something happens, half a second at most."""
        now = time.monotonic()
        due = min([self.next_at(), now + TICK_SECONDS, *(member.next_at() for member in self.members)])
        self._alarm.wait(due - now, self.watched())

    def _look(self) -> None:
        """One turn: who ended, what is ordered, what is due; then write down what is."""
        self._reap()
        self._obey()
        now = time.monotonic()
        for member in self.members:
            member.enforce(now)
        self.advance(now)
        if not self.is_over():
            self._save(self._state())

    def _reap(self) -> None:
        ended: list[Member] = []
        with contextlib.suppress(ChildProcessError):  # no child is left
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                for member in self.members:
                    if member.pid == pid:
                        member.ended(os.waitstatus_to_exitcode(status))
                        ended.append(member)
        if ended:
            self._kill_strays()
        for member in ended:
            self.member_ended(member)

    def _kill_strays(self) -> None:
        """End what a wrapper that was killed left behind: it has become a child of this process."""
        own = {member.pid for member in self.members if member.alive}
        for pid in processes.tree(os.getpid(), without=own)[1:]:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGKILL)

    # Orders -----------------------------------------------------------------------------------------------------

    def _obey(self) -> None:
        if not os.path.exists(self.folder.state):
            self.stop_members(0.0)  # somebody removed the folder: nobody knows of this job any more
        if self._terminated and not self.stopping:
            self.fail(LOST, say("supervisor_told"))
        stop = read_json(self.folder.stop)
        if stop is not None:
            if stop.get("shutdown") and not self.stopping:
                self.cause = self.cause or (EVICTED, "The installation was stopped while it ran.")
            self.stop_members(float(stop.get("grace_seconds", LEAVE_SECONDS)))
        resize = read_json(self.folder.resize) or {}
        if "count" in resize and not self.stopping:
            self.resize(int(resize["count"]))

    def stop_members(self, grace_seconds: float) -> None:
        """Tell all to leave; a shorter grace replaces a longer one."""
        if grace_seconds < self._grace_seconds:
            self._grace_seconds = grace_seconds
            self.stopping = True
            for member in self.members:
                member.leave(grace_seconds)

    def fail(self, reason: str, detail: str) -> None:
        """The job ends for this cause, or for an earlier one: stop what runs. What leaves already keeps its grace: a
        member that has left as it was told takes no time from one that still writes its part of a checkpoint."""
        self.cause = self.cause or (reason, detail)
        if not self.stopping:
            self.stop_members(LEAVE_SECONDS)

    # State ------------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        reason, detail = self.cause or ("", "")
        return {
            "phase": "stopping" if self.stopping else self._phase,
            "reason": reason,
            "detail": detail,
            "supervisor": self._identity,
            "temporary": self.temporary,
            "started_at": self._started_at,
            "members": [member.to_json() for member in self.members],
        }

    def _save(self, state: dict[str, Any]) -> bool:
        """Write the state down, if it is another. False: the disk is full; tried again at the next turn."""
        if state != self._saved:
            try:
                write_json(self.folder.state, state)
            except OSError:
                return False
            self._saved = state
        return True

    def _finish(self) -> None:
        """No member lives: end what strays, clean up, then say how it ended."""
        while processes.children(os.getpid()):
            self._kill_strays()
            self._reap()
            time.sleep(0.005)
        for member in self.members:
            member.remove_fence()
        self.folder.remove_secrets()
        remove_tree(self.temporary)
        reason, detail = self.cause or ("completed", "")
        phase = {"completed": "succeeded", LOST: LOST}.get(reason, "failed")
        final = {**self._state(), "phase": phase, "reason": reason, "detail": detail, "ended_at": time.time()}
        for _ in range(120):  # a full disk; after a minute the observers find that this process is gone: lost
            if self._save(final) or not os.path.exists(self.folder.path):
                return
            time.sleep(TICK_SECONDS)
