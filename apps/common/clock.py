"""Time, from two clocks: this process's (`now`) and the database's (`db_now`).

Whatever several processes compare (leases, half-lives, ledgers) uses the database's clock, so that a process
whose clock is wrong cannot take or bill what is not its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db import connection
from django.utils import timezone

_fixed: ContextVar[datetime | None] = ContextVar("fixed_time", default=None)


def now() -> datetime:
    """This process's time, aware, UTC."""
    return _fixed.get() or timezone.now()


def db_now() -> datetime:
    """The database's time at this statement, aware, UTC. One round trip."""
    fixed = _fixed.get()
    if fixed is not None:
        return fixed
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    value: datetime = row[0]
    return value


@contextmanager
def fixed_at(moment: datetime) -> Iterator[None]:
    """Let both clocks stand at `moment` inside the block: for tests and for replaying a trace."""
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
