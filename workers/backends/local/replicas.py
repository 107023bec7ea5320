"""Replicas of a server: each is kept alive at an address that it keeps, and asked for its health."""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from workers.backends.local.health import Probe
from workers.backends.local.keeper import LEAVE_SECONDS, NEVER, Keeper
from workers.backends.local.layout import JobFolder
from workers.backends.local.member import Member
from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.contracts.sentences import say

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 10.0
STABLE_SECONDS = 10.0
"""A replica that was ready for so long starts its back-off anew."""
ASK_SECONDS = 0.2
ASK_READY_SECONDS = 2.0
MISSES = 3
"""Health checks in a row that a ready replica may miss; starts in a row that may fail at one address."""
LOWEST_PORT = 20_000


class Replica(Member):
    """One replica, through all its restarts."""

    def __init__(self, folder: JobFolder, plan: dict[str, Any], index: int, temporary: str) -> None:
        super().__init__(folder, plan, index, temporary)
        self.ready = False
        self.retiring = False
        self.restarts = 0
        self.start_at = 0.0
        self.probe: Probe | None = None
        self.ask_at = NEVER
        self._host: str = plan["serve_host"]
        self._port = 0
        self._back_off = FIRST_BACK_OFF_SECONDS
        self._ready_since = NEVER
        self._misses = 0
        self._failed_starts = 0
        self._never_ready_until = NEVER

    def begin(self, now: float) -> None:
        """Start it, at its address if that is still free; when that cannot be done, again after a while."""
        self._port = self._port or free_port(self._host)
        self._misses, self._ready_since = 0, NEVER
        try:
            self.start({names.SERVE_HOST: self._host, names.SERVE_PORT: str(self._port)})
        except OSError as error:
            self.detail = say("replica_not_started", replica=self.index, error=error)
            self._again_later(now)
            return
        self.start_at = NEVER
        self.ask_at = now + ASK_SECONDS
        self._never_ready_until = now + self._plan["start_timeout_seconds"]

    def ended(self, code: int) -> None:
        super().ended(code)
        self._close_probe()
        self.ready, self.ask_at = False, NEVER

    def prepare_restart(self, now: float) -> None:
        """It ended by itself: it starts again after its back-off."""
        self.restarts += 1
        self.phase = "pending"
        self._failed_starts = self._failed_starts + 1 if self._ready_since == NEVER else 0
        if self.exit_code == exit_codes.PORT_IN_USE or self._failed_starts >= MISSES:
            self._port, self._failed_starts = 0, 0  # who cannot listen does not always say so
        if now - self._ready_since > STABLE_SECONDS:
            self._back_off = FIRST_BACK_OFF_SECONDS
        self._again_later(now)

    def _again_later(self, now: float) -> None:
        self.start_at = now + self._back_off
        self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF_SECONDS)

    def check(self, now: float) -> None:
        """Ask for its health when it is time to, and hold it to its start time."""
        if self.told_to_leave:  # it may still answer what it was asked, and shall be asked nothing more
            self._close_probe()
            self.ready, self.ask_at = False, NEVER
            return
        if not self.probe and now >= self.ask_at:
            self.probe = Probe(self._host, self._port, self._plan["health_path"])
        healthy = self.probe.step() if self.probe else None
        if healthy is not None:
            self._close_probe()
            self._misses = 0 if healthy else self._misses + 1
            if healthy and not self.ready:
                self._ready_since, self._never_ready_until = now, NEVER
            self.ready = healthy or (self.ready and self._misses < MISSES)
            self.ask_at = now + (ASK_READY_SECONDS if self.ready and healthy else ASK_SECONDS)
        if now >= self._never_ready_until:
            self._never_ready_until = NEVER
            self.detail = say("replica_not_ready", replica=self.index, limit=self._plan["start_timeout_seconds"])
            self.leave(LEAVE_SECONDS, verdict="start_timeout")

    def _close_probe(self) -> None:
        if self.probe:
            self.probe.close()
            self.probe = None

    def next_at(self) -> float:
        asks = self.probe.deadline if self.probe else self.ask_at
        return min(super().next_at(), self.start_at if not self.alive else asks, self._never_ready_until)

    def to_json(self) -> dict[str, Any]:
        address = f"{self._host}:{self._port}" if self._port else ""
        return {**super().to_json(), "ready": self.ready, "address": address, "restarts": self.restarts}


class Replicas(Keeper):
    """The replicas of a `ServingSpec`."""

    def __init__(self, folder: JobFolder, plan: dict[str, Any]) -> None:
        super().__init__(folder, plan)
        self._wanted: int = plan["count"]
        self._replicas: list[Replica] = []

    @property
    def members(self) -> Sequence[Member]:
        return self._replicas

    def start(self) -> None:
        """Nothing here: `advance` starts what is missing, now and later."""

    def resize(self, count: int) -> None:
        self._wanted = count

    def member_ended(self, member: Member) -> None:
        if not isinstance(member, Replica) or self.stopping or member.retiring:
            return
        if member.exit_code == exit_codes.CONTROL_PLANE_GONE:
            self.fail("exit_nonzero", say("newer_attempt"))
        elif member.reason == "launch_error":  # no restart will make the command exist
            self.fail(member.reason, member.detail)
        else:
            member.prepare_restart(time.monotonic())

    def advance(self, now: float) -> None:
        for replica in self._replicas:
            if replica.index >= self._wanted and not replica.retiring:
                replica.retiring = True
                replica.leave(LEAVE_SECONDS)
        for gone in [replica for replica in self._replicas if replica.retiring and not replica.alive]:
            gone.remove_fence()
            self._replicas.remove(gone)
        if not self.stopping:
            present = {replica.index for replica in self._replicas}
            for index in sorted(set(range(self._wanted)) - present):
                self._replicas.append(Replica(self.folder, self.plan, index, self.temporary))
            self._replicas.sort(key=lambda replica: replica.index)
        for replica in self._replicas:
            if replica.alive:
                replica.check(now)
            elif not self.stopping and now >= replica.start_at:
                replica.begin(now)

    def is_over(self) -> bool:
        return self.stopping and not any(replica.alive for replica in self._replicas)

    def next_at(self) -> float:
        return min((replica.next_at() for replica in self._replicas), default=NEVER)

    def watched(self) -> dict[int, int]:
        return dict(replica.probe.waits_for for replica in self._replicas if replica.probe)


def free_port(host: str) -> int:
    """A port of this address that nothing listens on, out of the range from which the kernel takes ports for outgoing
    connections: one of those could occupy it while the replica restarts. Raises OSError: there is none."""
    highest = 32_768
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            highest = int(file.read().split()[0])
    except (OSError, ValueError):  # not Linux as we know it: the usual range
        highest = 32_768
    span = highest - LOWEST_PORT
    tries = [LOWEST_PORT + int.from_bytes(os.urandom(4)) % span for _ in range(100)] if span > 0 else []
    for port in (*tries, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((host, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise OSError("no free port")
