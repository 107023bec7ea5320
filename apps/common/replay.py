"""What happened to a subject while a client was away, from storage; and how long news are kept for that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.db.models import Q

from apps.common import clock
from apps.common.cursors import Cursor, visible_up_to
from apps.common.live_messages import EventTold, Gap, Update
from apps.common.models import Event
from apps.common.publisher import told
from apps.common.rounds import Tail, cursor_at

EVENTS_MOST = 500
"""A client that missed more reads again what it shows."""
SEARCHED_MOST = 20_000
"""Events of all subjects that one who comes back may have looked through."""
NEWS_KEPT = timedelta(hours=1)
ROWS_PER_STATEMENT = 10_000

_FORGET = f"""
DELETE FROM {Event._meta.db_table} WHERE created_at < %s AND id = ANY(ARRAY(
    SELECT id FROM {Event._meta.db_table} ORDER BY id LIMIT {ROWS_PER_STATEMENT}))
"""  # noqa: S608 - the table's own name


def past_of(subject: str, after: Cursor, horizon: int, tails: Sequence[Tail]) -> Update | Gap | None:
    """What was told of a subject after a cursor and below a horizon; None when nothing was.

    A gap where that is more than a message holds, or where the outbox no longer goes back so far. Points and output
    are not repeated: it says whether there are any, and the API has them. Three or four queries.
    """
    if (
        after[0] >= horizon
    ):  # told further by another process; or a cursor of another database, and nobody knows of what
        return Gap(cursor_at(1), subject) if after[0] > visible_up_to()[0] else None
    since = Event.objects.filter(transaction_id__gte=after[0], transaction_id__lt=horizon)
    if since.order_by("transaction_id", "id").values("id")[SEARCHED_MOST : SEARCHED_MOST + 1]:
        return Gap(cursor_at(after[0] + 1), subject)
    oldest = Event.objects.order_by("id").values_list("transaction_id", flat=True).first()
    if oldest is None or oldest > after[0]:
        return Gap(cursor_at(after[0] + 1), subject)
    noun, _, key = subject.partition(".")
    about = Q(subject=subject) | Q(also__contains=[subject])
    if noun == "project":
        about |= Q(project_id=key)
    later = Q(transaction_id__gt=after[0]) | Q(transaction_id=after[0], id__gt=after[1])
    found = list(since.filter(about, later).order_by("transaction_id", "id")[: EVENTS_MOST + 1])
    if len(found) > EVENTS_MOST:
        return Gap(cursor_at(after[0] + 1), subject)
    events = _events(subject, noun, key, found)
    tail = next((one for one in tails if one.noun == noun), None)
    more = tail is not None and tail.is_after is not None and tail.is_after(key, after, horizon)
    if not events and not more:
        return None
    points_missing = tail is not None and more and tail.carried
    return Update(
        subject, cursor_at(horizon), events, points_missing=points_missing, logs_missing=more and not points_missing
    )


def _events(subject: str, noun: str, key: str, rows: Sequence[Event]) -> list[EventTold]:
    """As they would have been told live: in full to their own subject and project, else that something moved."""
    events: list[EventTold] = []
    for row in rows:
        if row.subject == subject or (noun == "project" and str(row.project_id) == key):
            events.append(told(row))
        elif not any(event.kind == f"{noun}.changed" and not event.at for event in events):
            events.append(EventTold(f"{noun}.changed", subject))
    return events


def news_forget() -> int:
    """Delete the oldest events that nobody can come back to; returns how many. Some ten thousand at a time."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [clock.db_now() - NEWS_KEPT])
        return int(cursor.rowcount)
