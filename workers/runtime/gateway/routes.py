"""The table of endpoints, kept fresh."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from workers.runtime.gateway.control_plane import ControlPlaneAway, EndpointRoute, Routes

REFRESH_SECONDS = 1.0
PAUSE_SECONDS = 0.2
"""Least time between two fetches, however many requests wait for news."""
_log = logging.getLogger("bedplate.gateway")

Fetch = Callable[[str], Awaitable[tuple[str, Routes] | None]]
"""Takes the tag of the table at hand; None means that it is still right. Raises ControlPlaneAway."""


class RouteTable:
    """What the control plane last said. While it is away the last table goes on being used.

    Args:
        on_change: called with every new table.
    """

    def __init__(self, fetch: Fetch, on_change: Callable[[Routes], None]) -> None:
        self.loaded = False
        """Whether the control plane ever answered."""
        self.confirmed_at = 0.0
        """`time.monotonic()` of the last answer."""
        self._fetch = fetch
        self._on_change = on_change
        self._endpoints: dict[tuple[str, str], EndpointRoute] = {}
        self._etag = ""
        self._away = False
        self._asked_at = float("-inf")
        self._running: asyncio.Task[None] | None = None

    def find(self, project: str, endpoint: str) -> EndpointRoute | None:
        return self._endpoints.get((project, endpoint))

    async def newer_than(self, moment: float) -> None:
        """Return once the control plane was asked after `moment` (`time.monotonic()`), whether it answered or not.

        However many wait, one fetch runs at a time, and two begin at least `PAUSE_SECONDS` apart.
        """
        while self._asked_at < moment:
            if self._running is None:
                self._running = asyncio.create_task(self._refresh())
            # Shielded: one waiter that gives up must not end the fetch that others wait for.
            await asyncio.shield(self._running)

    async def keep_fresh(self) -> None:
        """Fetch every `REFRESH_SECONDS`, until cancelled."""
        while True:
            await self.newer_than(time.monotonic())
            await asyncio.sleep(REFRESH_SECONDS)

    async def _refresh(self) -> None:
        try:
            await asyncio.sleep(self._asked_at + PAUSE_SECONDS - time.monotonic())
            self._asked_at = time.monotonic()
            self._accept(await self._fetch(self._etag))
        except ControlPlaneAway as error:
            if not self._away:
                _log.warning("the control plane is away: serving by the last table", extra={"reason": str(error)})
            self._away = True
        except Exception:  # the last stop: a table that stops being fetched would go unnoticed for long
            _log.exception("the routes could not be taken over")
        finally:
            self._running = None

    def _accept(self, answer: tuple[str, Routes] | None) -> None:
        if self._away:
            _log.info("the control plane is back")
        self._away, self.loaded, self.confirmed_at = False, True, time.monotonic()
        if answer is None:
            return
        self._etag, routes = answer
        self._endpoints = {(route.project, route.endpoint): route for route in routes.endpoints}
        self._on_change(routes)
        _log.info("new routes", extra={"endpoints": len(self._endpoints)})
