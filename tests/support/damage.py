"""Rows damaged past every service, and what the invariants find of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection

from apps.common import clock
from apps.common.invariants import SETTLED, Check, Finding, Instant, Level


def damage(*statements: str) -> None:
    """Run SQL as it is, with the database's triggers and foreign keys asleep."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = 'replica'")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = 'origin'")


def instant(settled: timedelta = SETTLED) -> Instant:
    now = clock.db_now()
    return Instant(now, now - settled)


def found(checks: Iterable[Check], name: str, *, settled: timedelta = SETTLED) -> list[Finding]:
    """What the one check of that name finds."""
    (check,) = [check for check in checks if check.name == name]
    return list(check.find(instant(settled)))


def wrong(checks: Iterable[Check], name: str) -> list[str]:
    """The findings of a check, all of them wrong."""
    findings = found(checks, name)
    assert [finding.level for finding in findings] == [Level.WRONG] * len(findings)
    return [finding.text for finding in findings]


def warnings(checks: Iterable[Check], name: str) -> list[str]:
    """The findings of a check, none of them wrong."""
    findings = found(checks, name)
    assert [finding.level for finding in findings] == [Level.WARNING] * len(findings)
    return [finding.text for finding in findings]


def everything(checks: Iterable[Check], *, but: str = "") -> list[str]:
    """All that is wrong by any check, but for those whose name ends so."""
    now = instant(timedelta())
    return [
        f"{check.name}: {finding.text}"
        for check in checks
        if not (but and check.name.endswith(but))
        for finding in check.find(now)
        if finding.level == Level.WRONG
    ]
