"""What must hold in a database whatever happened: the frame in which each app says its own invariants.

An app's `invariants.py` lists its `CHECKS`; `manage.py verify` runs them all over one instant. A check is read only,
finds what is wrong by a few statements over whole tables, and names the rows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, models, transaction

from apps.common import clock

SETTLED = timedelta(seconds=60)
"""What moved longer ago than this must have reached all that follows it: the ticks of every loop have passed."""


class Level(StrEnum):
    """How bad a finding is."""

    WRONG = "wrong"
    WARNING = "warning"
    """It can come about without a fault of ours: a job was killed, a quota was lowered. Somebody may want to know."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, told in a sentence with the ids of its rows."""

    text: str
    level: Level = Level.WRONG


@dataclass(frozen=True, slots=True)
class Instant:
    """When the database is looked at; its own clock."""

    at: datetime
    settled: datetime
    """What moved before this has had the time to be followed."""

    @property
    def values(self) -> dict[str, datetime]:
        """As parameters of a query."""
        return {"at": self.at, "settled": self.settled}


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant."""

    name: str
    """`<noun>.<what>`."""
    holds: str
    """What is so when nothing is found."""
    find: Callable[[Instant], Iterable[Finding]]
    is_thorough: bool = False
    """It reads every point of every curve: left out of a quick look."""


@dataclass(slots=True)
class Outcome:
    """What a check found: how much of each level, and the first of them."""

    name: str
    holds: str
    found: Counter[Level] = field(default_factory=Counter)
    examples: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_ok(self) -> bool:
        return not self.found[Level.WRONG]


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A file of the object store as a row names it."""

    owner: str
    """`<noun> <id>`, for people."""
    path: str
    size_bytes: int
    sha256: str


@contextmanager
def one_instant(settled: timedelta = SETTLED) -> Iterator[Instant]:
    """A transaction that sees the database as it is now and changes nothing; it may take as long as it needs.

    Call it outside any transaction.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        now = clock.db_now()
        yield Instant(now, now - settled)


def judge(check: Check, instant: Instant, *, examples: int) -> Outcome:
    """Run one check and keep its first findings, the wrong ones before the others."""
    began = time.perf_counter()
    outcome = told(check.name, check.holds, check.find(instant), examples=examples)
    outcome.seconds = time.perf_counter() - began
    return outcome


def told(name: str, holds: str, findings: Iterable[Finding], *, examples: int) -> Outcome:
    """The outcome of findings, however many there are."""
    outcome, kept = Outcome(name, holds), {level: list[Finding]() for level in Level}
    for finding in findings:
        outcome.found[finding.level] += 1
        if len(kept[finding.level]) < examples:
            kept[finding.level].append(finding)
    outcome.examples = [finding for level in Level for finding in kept[level]][:examples]
    return outcome


def rows(sql: str, params: Mapping[str, Any] | None = None, **tables: type[models.Model]) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, fetched as they are needed; `{name}` in it is the table of the model given under that name."""
    quote = connection.ops.quote_name
    named = {name: quote(model._meta.db_table) for name, model in tables.items()}
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql.format(**named), params or {})
        yield from cursor


def by_query(
    text: str,
    sql: str,
    params: Mapping[str, Any] | None = None,
    *,
    level: Level = Level.WRONG,
    **tables: type[models.Model],
) -> Callable[[Instant], Iterator[Finding]]:
    """Every row of a query is a finding, told by `text` with a `{}` for each of its columns.

    The query may use `%(at)s` and `%(settled)s` of the instant.
    """

    def find(instant: Instant) -> Iterator[Finding]:
        for row in rows(sql, {**instant.values, **(params or {})}, **tables):
            yield Finding(text.format(*row), level)

    return find


def together(*finders: Callable[[Instant], Iterable[Finding]]) -> Callable[[Instant], Iterator[Finding]]:
    """The findings of several, as those of one check."""

    def find(instant: Instant) -> Iterator[Finding]:
        for finder in finders:
            yield from finder(instant)

    return find


def query_check(
    name: str,
    holds: str,
    text: str,
    sql: str,
    params: Mapping[str, Any] | None = None,
    *,
    level: Level = Level.WRONG,
    **tables: type[models.Model],
) -> Check:
    """A check that is one query; the arguments are those of `Check` and `by_query`."""
    return Check(name, holds, by_query(text, sql, params, level=level, **tables))


def listed(values: Iterable[object]) -> Sequence[str]:
    """Words of an enum as a parameter for `= ANY(…)`."""
    return sorted(str(value) for value in values)
