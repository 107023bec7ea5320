"""Whether the sockets of one process may still be open: looked up whenever something says that rights have changed.

That is an event of the outbox, an alert (`alerts`), a hole in the news, and silence: the publisher speaks each second.
Beside that all are looked at now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from channels.db import database_sync_to_async
from django.db import DatabaseError

from apps.common.live_messages import EventTold
from apps.common.mailbox import Mailbox, Who

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
RECHECK_SECONDS = 30.0
"""How often all are looked at whatever is told; each `TICK_SECONDS` while no news come."""
SILENT_SECONDS = 3.0
"""Without any round: nobody publishes, or nothing of it comes here."""
UNAUTHENTICATED = 4401
RIGHTS_CHANGED = 4403
TRY_AGAIN = 1013

EndsOf = Mapping[str, Callable[[EventTold], str]]
"""Kind of event → the key of the sockets to look at: `{"api_token.revoked": lambda event: event.subject}`."""
StampsOf = Callable[[Sequence[Who]], list[str]]
"""What the rights of each are now, in short; empty: there are none any more. Reads the database."""


def no_stamps(whos: Sequence[Who]) -> list[str]:
    """Where sockets have no rights to lose."""
    return ["none"] * len(whos)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the apps say about sockets."""

    ends: EndsOf = field(default_factory=dict)
    stamps: StampsOf = no_stamps
    carried: frozenset[str] = frozenset()
    """Kinds of subject whose points ride on the socket while somebody follows them."""


class Rights:
    """Closes the sockets whose rights are no longer those with which they were opened.

    Args:
        boxes: all there are; others add to it and take away.
    """

    def __init__(self, rules: Rules, boxes: Collection[Mailbox]) -> None:
        self.rules, self.boxes = rules, boxes
        self._doubted: set[Mailbox] = set()
        self._all = False
        self._wake = asyncio.Event()
        self._heard_at = float("-inf")

    def heard(self) -> None:
        """A round came: somebody tells of events."""
        self._heard_at = asyncio.get_running_loop().time()

    def doubt_event(self, event: EventTold) -> None:
        """Look at the sockets whose rights this event changed, if it did."""
        key_of = self.rules.ends.get(event.kind)
        if key_of is not None:
            self.doubt({key_of(event)})

    def doubt(self, keys: Collection[str]) -> None:
        """Look at the sockets behind these keys at once. One that cannot be looked at is closed."""
        self._doubted.update(box for box in self.boxes if not box.who.keys.isdisjoint(keys))
        self._wake.set()

    def doubt_all(self) -> None:
        """Look at all, as soon as that can be done: something may have been missed."""
        self._all = True
        self._doubted.update(box for box in self.boxes if box.stamp is None)
        self._wake.set()

    async def settle(self, box: Mailbox) -> None:
        """Read with which rights a socket is opened. What is said of them meanwhile is not missed.

        Raises:
            DatabaseError: they cannot be read.
        """
        (box.stamp,) = await database_sync_to_async(self.rules.stamps)([box.who])
        if box in self._doubted:  # it may have been read before they changed
            self._wake.set()

    async def watch(self) -> None:
        """Look whenever there is doubt, until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + RECHECK_SECONDS
        self.heard()  # who has just come may take its time
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_SECONDS)
            self._wake.clear()
            now = loop.time()
            if self._all or now >= due or now - self._heard_at > SILENT_SECONDS:
                self._all = False
                self._all = not await self._look({box for box in self.boxes if not box.closing}) or self._all
                due = now + RECHECK_SECONDS
            elif self._doubted:
                await self._look(self._doubted)

    async def _look(self, wanted: Collection[Mailbox]) -> bool:
        """Some queries for all of them; False: the database does not answer."""
        boxes = [box for box in wanted if not box.closing and box.stamp is not None and box in self.boxes]
        doubted = self._doubted.intersection(boxes)
        self._doubted.difference_update(doubted)
        self._doubted.intersection_update(self.boxes)
        if not boxes:
            return True
        try:
            now = await database_sync_to_async(self.rules.stamps)([box.who for box in boxes])
        except DatabaseError:
            log.warning("the rights of sockets are not looked at: the database does not answer")
            for box in doubted:
                box.close(TRY_AGAIN)
            return False
        for box, stamp in zip(boxes, now, strict=True):
            if stamp != box.stamp:
                box.close(RIGHTS_CHANGED if stamp else UNAUTHENTICATED)
        return True
