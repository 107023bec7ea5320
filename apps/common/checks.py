"""Invariants of the kernel's tables, and of what every noun with a state table has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db import connection, models

from apps.common.idempotency import KEPT_FOR
from apps.common.invariants import Check, Finding, Instant, Level, by_query, listed, query_check, rows, together
from apps.common.models import AuditEvent, IdempotencyKey, Transition, noun_of
from apps.common.states import Stateful

STEPS = """
WITH step AS (
    SELECT id, object_id, from_state, to_state, reason,
           lag(to_state) OVER story AS before, lead(id) OVER story IS NULL AS is_last
    FROM {transition} WHERE noun = %(noun)s WINDOW story AS (PARTITION BY object_id ORDER BY id)
)
"""
STORIES = {
    "{}: step {} goes from {}, and the one before it led to {}": (
        "SELECT object_id, id, from_state, coalesce(before, %(initial)s) FROM step"
        " WHERE from_state <> coalesce(before, %(initial)s)"
    ),
    "{}: step {} from {} to {} is not in its state table": (
        "SELECT object_id, id, from_state, to_state FROM step WHERE from_state || '>' || to_state <> ALL(%(steps)s)"
    ),
    "{}: step {} to {} has the reason {!r}, which is none of its reasons": (
        "SELECT object_id, id, to_state, reason FROM step WHERE reason <> ALL(%(reasons)s)"
    ),
    "{} is {}, and its story ends in {}": (
        "SELECT r.id, r.state, coalesce(s.to_state, %(initial)s) FROM {row} r"
        " LEFT JOIN step s ON s.object_id = r.id AND s.is_last WHERE r.state <> coalesce(s.to_state, %(initial)s)"
    ),
    "{} is {} with the reason {!r}, which is none of its reasons": (
        "SELECT r.id, r.state, r.state_reason FROM {row} r WHERE r.state_reason <> ALL(%(reasons)s)"
    ),
    "{} has a story and no row": (
        "SELECT s.object_id FROM step s WHERE s.is_last AND NOT EXISTS (SELECT FROM {row} r WHERE r.id = s.object_id)"
    ),
}
"""How a story can be wrong, told with the columns of the query that finds it."""
TAILED = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = current_schema() AND column_name = 'transaction_id'
    AND column_default LIKE '%pg_current_xact_id%' ORDER BY table_name
"""
"""Tables that are read by the cursor `(transaction_id, id)`: the outbox, and rows that are their own outbox."""


def story_of(model: type[Stateful]) -> Check:
    """The stories of a noun are chains along its state table, and the rows are where their stories end."""
    machine, noun = model.machine, model.machine.noun
    steps = [f"{state}>{to}" for state, next_states in machine.steps.items() for to in next_states]
    reasons = listed(machine.reasons.values) if machine.reasons else []
    params = {"noun": noun, "initial": machine.initial, "steps": steps, "reasons": ["", *reasons]}
    return Check(
        f"{noun}.story",
        f"In a story of {noun} each step begins where the one before ended, along the table; the last is the state.",
        together(
            *(
                by_query(f"{noun} {text}", STEPS + sql, params, transition=Transition, row=model)
                for text, sql in STORIES.items()
            )
        ),
    )


def audited(
    model: type[models.Model],
    action: str,
    *,
    where: str = "TRUE",
    level: Level = Level.WRONG,
    **tables: type[models.Model],
) -> Check:
    """Every row that meets a condition has an audit row of this action.

    Args:
        where: SQL over the table, called `r`, without anything from outside; it may look at `{transition}` and at
            the other tables that are given.
    """
    noun = noun_of(model)
    return query_check(
        f"{noun}.audited.{action.rpartition('.')[2]}",
        f"Of each {noun} that somebody made, changed or ended so, the audit trail says {action}.",
        f"{noun} {{}} has no audit row {action}",
        "SELECT r.id FROM {row} r WHERE " + where + " AND NOT EXISTS ("  # noqa: S608 - conditions of our own
        "SELECT FROM {audit} a WHERE a.subject_id = r.id::text AND a.action = %(action)s)",
        {"action": action},
        level=level,
        row=model,
        audit=AuditEvent,
        transition=Transition,
        **tables,
    )


def audited_all(pairs: Iterable[tuple[type[models.Model], str]]) -> Sequence[Check]:
    """`audited` for nouns that are always made by somebody."""
    return [audited(model, action) for model, action in pairs]


def _from_the_future(instant: Instant) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(TAILED)
        tables = [name for (name,) in cursor.fetchall()]
    for table in tables:
        sql = (
            f"SELECT id, transaction_id FROM {connection.ops.quote_name(table)}"  # noqa: S608 - names of the catalogue
            " WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
        for row in rows(sql):
            yield Finding(f"row {row[0]} of {table} is of transaction {row[1]}, which is still to come")


CHECKS: Sequence[Check] = (
    Check(
        "outbox.transactions",
        "News carry the number of a transaction of this database: none is passed over, none holds up the rest.",
        _from_the_future,
    ),
    Check(
        "idempotency_key.answer",
        "A key that is kept has the answer that was given to it, and is forgotten in time.",
        together(
            by_query(
                "key {} of caller {} was kept without an answer",
                "SELECT id, caller FROM {key} WHERE response_status = 0",
                key=IdempotencyKey,
            ),
            by_query(
                "key {} of {} is past its time and still answered",
                "SELECT id, created_at FROM {key} WHERE created_at < %(at)s - %(kept)s - interval '1 hour'",
                {"kept": KEPT_FOR},
                level=Level.WARNING,
                key=IdempotencyKey,
            ),
        ),
    ),
)
