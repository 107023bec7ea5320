"""Time, from two clocks: this process's (`now`) and the database's (`db_now`).

Whatever several processes compare (leases, half-lives, ledgers) uses the database's clock, so that a process
whose clock is wrong cannot take or bill what is not its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Expression, Field, Func, Value
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


def db_time() -> Expression:
    """The database's time as a value of a query: to compare in it, or to bring along without a round trip."""
    fixed = _fixed.get()
    return Value(fixed, output_field=DateTimeField()) if fixed is not None else _ClockTimestamp()


class _ClockTimestamp(Func):
    """The time of the statement's row, not of the transaction's beginning."""

    template = "clock_timestamp()"
    output_field: Field[Any, Any] = DateTimeField()


@contextmanager
def fixed_at(moment: datetime) -> Iterator[None]:
    """Let both clocks stand at `moment` inside the block: for tests and for replaying a trace."""
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
