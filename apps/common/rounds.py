"""What travels from the publisher to the feeds: rounds, each all that was committed between two horizons.

A horizon is a transaction id: every transaction below it has ended. A round tells all that transactions from `since`
up to, not including, `horizon` wrote, so that whoever has heard every round up to a horizon misses nothing below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from apps.common.cursors import ID_MOST, Cursor, cursor_text
from apps.common.live_messages import EventTold, LogsTold, PointsTold, Told

CHANNEL = "bedplate:live"
FOLLOWED = "bedplate:followed:"
"""Prefix of keys that live for `FOLLOWED_SECONDS`: somebody follows this subject and wants its points."""
FOLLOWED_SECONDS = 30


class Item(Told):
    """One thing that happened, for who follows `subject`, its project, and the subjects in `also`."""

    t: int
    """Its transaction."""
    subject: str
    event: EventTold | None = None
    points: PointsTold | None = None
    logs: LogsTold | None = None
    points_missing: bool = False
    also: list[str] = []


class Round(msgspec.Struct, omit_defaults=True):
    since: int
    horizon: int
    items: list[Item] = []


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Round).decode

Followed = Callable[[Iterable[str]], set[str]]
"""Which of these subjects somebody follows now. Asked after the rows were seen, so that who followed before a row
was written is never passed over."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A table whose rows are news, by their columns `transaction_id` and `id`."""

    table: str
    items: Callable[[Sequence[int], Followed], list[Item]]
    """Makes items of the rows with these ids, in order."""
    carried: bool = False
    """Its rows ride on the socket while somebody follows them; else they are only said to be there."""
    noun: str = ""
    """Kind of the subject whose rows they are, where a reader who comes back is told of them by `is_after`."""
    is_after: Callable[[str, Cursor, int], bool] | None = None
    """(id of the subject, cursor, horizon): whether there are rows after the cursor and below the horizon."""


def cursor_at(horizon: int) -> str:
    """The cursor of all that lies below a horizon."""
    return cursor_text((horizon - 1, ID_MOST))
