"""Sending one request to one replica after another until one answers.

A request is sent again only when its replica refused the connection, closed it before the first byte of an answer,
or answered 503 (not ready). The second may mean that a replica died while it worked on the request: sending it again
is right because a prediction changes nothing. Once an answer began, or its time is over, nothing is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from workers.runtime.gateway.balancer import Balancer, Choice
from workers.runtime.gateway.control_plane import EndpointRoute, RevisionRoute
from workers.runtime.gateway.routes import RouteTable
from workers.runtime.gateway.upstream import Answer, Broken, TimedOut, Unreachable, Upstream

PATIENCE_SECONDS = 5.0
"""How long a request waits for a replica: longer than one takes to start again."""
NEWS_SECONDS = 0.5
"""How long to wait for a newer table before the replicas at hand are tried once more."""
SUSPECT_SECONDS = 1.0
"""How long a replica that refused is asked last."""


class NoReadyReplica(Exception):
    """None answered in time."""


class EndpointGone(Exception):
    """The endpoint left the table while a request waited for it."""


class Unanswered(Exception):
    """A replica of the revision took the request and gave no answer; its cause is a Broken or a TimedOut."""

    def __init__(self, revision: RevisionRoute) -> None:
        super().__init__(f"revision {revision.number} gave no answer")
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Forwarded:
    answer: Answer
    revision: RevisionRoute


class Forwarder:
    """Posts requests.

    Args:
        on_retry: called with the route, the revision and why, for every try that has to be repeated.
    """

    def __init__(
        self,
        table: RouteTable,
        upstream: Upstream,
        on_retry: Callable[[EndpointRoute, RevisionRoute, str], None],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.balancer = Balancer()
        self._table = table
        self._upstream = upstream
        self._on_retry = on_retry
        self._patience_seconds = patience_seconds
        self._suspects: dict[str, float] = {}

    async def post(self, route: EndpointRoute, path: str, headers: dict[str, str], body: bytes) -> Forwarded:
        """Send the request to a replica of the endpoint, and to others if it must be.

        Raises:
            NoReadyReplica, EndpointGone, Unanswered: see there.
        """
        deadline = time.monotonic() + self._patience_seconds
        refused: set[str] = set()
        prefer = ""
        while True:
            choice = self._choose(route, refused, prefer)
            if choice is not None:
                answer = await self._try(route, choice, path, headers, body)
                if answer is not None:
                    return Forwarded(answer, choice.revision)
                refused.add(choice.address)
                prefer = choice.revision.revision_id
                continue
            if time.monotonic() >= deadline:
                raise NoReadyReplica
            route = await self._news(route)
            refused.clear()

    async def _try(
        self, route: EndpointRoute, choice: Choice, path: str, headers: dict[str, str], body: bytes
    ) -> Answer | None:
        """The replica's answer; None when another may be asked."""
        try:
            answer = await self._upstream.post(choice.address, path, headers, body)
        except Unreachable:
            reason = "unreachable"
        except (Broken, TimedOut) as error:
            raise Unanswered(choice.revision) from error
        else:
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                self._suspects.pop(choice.address, None)
                return answer
            reason = "not_ready"
        self._suspects[choice.address] = time.monotonic() + SUSPECT_SECONDS
        self._on_retry(route, choice.revision, reason)
        return None

    def _choose(self, route: EndpointRoute, refused: set[str], prefer: str) -> Choice | None:
        """A replica without a suspicion if there is one; never one that refused this very request."""
        if self._suspects:
            now = time.monotonic()
            self._suspects = {address: until for address, until in self._suspects.items() if until > now}
            choice = self.balancer.choose(route, avoid=refused | self._suspects.keys(), prefer=prefer)
            if choice is not None:
                return choice
        return self.balancer.choose(route, avoid=refused, prefer=prefer)

    async def _news(self, route: EndpointRoute) -> EndpointRoute:
        """Wait for a newer table, or a while. Raises EndpointGone."""
        with contextlib.suppress(TimeoutError):  # the control plane is slow: try again what we have
            async with asyncio.timeout(NEWS_SECONDS):
                await self._table.newer_than(time.monotonic())
        found = self._table.find(route.project, route.endpoint)
        if found is None or found.endpoint_id != route.endpoint_id:
            raise EndpointGone
        return found
