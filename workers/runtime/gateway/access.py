"""Who may call an endpoint: asked of the control plane, remembered for as long as it says."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workers.runtime.gateway.control_plane import ControlPlaneAway, Grant

LIMIT = 10_000
LONGEST_SECONDS = 60.0
GRACE_SECONDS = 300.0
"""How long a grant that ran out is still honoured while the control plane is away. Nobody can revoke anything
through it then; after this time even those who were let in before are asked to come back later."""
_log = logging.getLogger("bedplate.gateway")

Ask = Callable[[str, str], Awaitable[Grant]]
"""Takes a token and an endpoint's id. Raises ControlPlaneAway."""


@dataclass(slots=True)
class _Known:
    grant: Grant
    until: float


class Access:
    """Grants and refusals by token and endpoint; at most `limit`, those used longest ago leave first.

    Tokens are kept as digests only.
    """

    def __init__(self, ask: Ask, *, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._limit = limit
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Grant]] = {}

    async def grant(self, token: str, endpoint_id: str) -> Grant:
        """Raises ControlPlaneAway when nothing is known and nobody can be asked."""
        key = hashlib.sha256(f"{endpoint_id}\0{token}".encode()).digest()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            if self._clock() < known.until:
                return known.grant
        try:
            return await self._ask_once(key, token, endpoint_id)
        except ControlPlaneAway:
            if known is None or not known.grant.allowed or self._clock() >= known.until + GRACE_SECONDS:
                raise
            return known.grant

    async def _ask_once(self, key: bytes, token: str, endpoint_id: str) -> Grant:
        """Ask, or wait for the answer to the same question that somebody asked already."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._learn(key, token, endpoint_id))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _learn(self, key: bytes, token: str, endpoint_id: str) -> Grant:
        grant = await self._ask(token, endpoint_id)
        self._known[key] = _Known(grant, self._clock() + min(max(grant.ttl_seconds, 0.0), LONGEST_SECONDS))
        self._known.move_to_end(key)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        return grant
