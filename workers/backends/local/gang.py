"""A command that runs to an end on all members at once: it succeeds when all do, and fails when one does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from workers.backends.local.keeper import LEAVE_SECONDS, NEVER, Keeper
from workers.backends.local.layout import JobFolder
from workers.backends.local.member import Member
from workers.backends.local.plan import LOOPBACK
from workers.backends.local.replicas import free_port
from workers.contracts.sentences import say


class Gang(Keeper):
    """The members of a `JobSpec`."""

    def __init__(self, folder: JobFolder, plan: dict[str, Any]) -> None:
        super().__init__(folder, plan)
        self._members = [Member(folder, plan, index, self.temporary) for index in range(plan["count"])]
        self._deadline = time.monotonic() + plan["time_limit_seconds"] if plan["time_limit_seconds"] else NEVER

    @property
    def members(self) -> Sequence[Member]:
        return self._members

    def start(self) -> None:
        together = {}
        if len(self._members) > 1:  # as torch asks for it; `wrapper.py` adds which of them a member is
            together = {"MASTER_ADDR": LOOPBACK, "MASTER_PORT": str(free_port(LOOPBACK))}
        for member in self._members:
            member.start(together)

    def member_ended(self, member: Member) -> None:
        if member.phase != "succeeded":
            self.fail(member.reason, member.detail)

    def advance(self, now: float) -> None:
        if now >= self._deadline:
            self._deadline = NEVER
            late = [member for member in self._members if member.alive and not member.reported]
            for member in late:
                member.leave(LEAVE_SECONDS, verdict="time_limit")
            limit = self.plan["time_limit_seconds"]
            if late:
                self.fail("time_limit", say("job_time_limit", limit=limit))

    def resize(self, count: int) -> None:
        """A gang keeps its size: the backend refuses such an order."""

    def is_over(self) -> bool:
        return not any(member.alive for member in self._members)

    def next_at(self) -> float:
        return self._deadline
