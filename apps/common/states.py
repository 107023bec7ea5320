"""State machines: the only way a state moves.

A table says which steps exist. `transition()` and `transition_many()` take them by one conditional UPDATE whose
returned rows are the answer, and which writes their stories and events as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection, models
from django.db.models.functions import Now

from apps.common.audit import Actor
from apps.common.errors import IllegalTransition, StaleState
from apps.common.events import told_to
from apps.common.models import BaseModel, Event, Transition
from apps.common.rows import document


@dataclass(frozen=True)
class StateMachine:
    """The state table of one noun.

    Args:
        noun: names its events: `workload` → `workload.admitted`.
        states: every state.
        table: state → states it may move to; a state without an entry is terminal.
        initial: where an object begins; the first of `states` by default.
        reasons: the closed list of reasons; None means that the noun has none.
        reopens: terminal state → states to which it is taken up again, where that can be; it stays terminal.
    """

    noun: str
    states: type[models.TextChoices]
    table: Mapping[str, Iterable[str]]
    initial: str = ""
    reasons: type[models.TextChoices] | None = None
    reopens: Mapping[str, Iterable[str]] = field(default_factory=dict)
    steps: Mapping[str, frozenset[str]] = field(init=False)
    terminal: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        steps = {str(state): frozenset(str(to) for to in self.table.get(state, ())) for state in self.states.values}
        object.__setattr__(self, "terminal", frozenset(state for state, to in steps.items() if not to))
        steps |= {str(state): frozenset(str(to) for to in again) for state, again in self.reopens.items()}
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "initial", str(self.initial or self.states.values[0]))

    @property
    def active(self) -> frozenset[str]:
        """Every state that is not terminal."""
        return frozenset(self.steps) - self.terminal

    def check(self, from_state: str, to_state: str, reason: str = "") -> None:
        """Raise IllegalTransition unless the table has this step and the reason is one of the closed list."""
        if to_state not in self.steps.get(from_state, frozenset()):
            raise IllegalTransition(f"a {self.noun} does not go from {from_state} to {to_state}")
        self.check_reason(reason)

    def check_reason(self, reason: str) -> None:
        """Raise IllegalTransition unless the reason is empty or one of the closed list."""
        if reason and (self.reasons is None or reason not in self.reasons.values):
            raise IllegalTransition(f"{reason!r} is not a reason of a {self.noun}")

    def field(self) -> models.CharField[str, str]:
        """The `state` column of this machine."""
        return models.CharField(max_length=20, choices=self.states.choices, default=self.initial, editable=False)

    def constraint(self, name: str) -> models.CheckConstraint:
        """The database's own refusal of an unknown state."""
        return models.CheckConstraint(condition=models.Q(state__in=sorted(self.steps)), name=name)


class Stateful(BaseModel):
    """Base of a noun with a state table. The class sets `machine` and `state = machine.field()`."""

    machine: ClassVar[StateMachine]
    state: models.CharField[str, str]
    state_reason = models.CharField(max_length=40, blank=True, editable=False)
    state_detail = models.TextField(blank=True, editable=False)
    """For people: one or two sentences."""
    state_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True

    @property
    def is_terminal(self) -> bool:
        return self.state in self.machine.terminal

    def story(self) -> models.QuerySet[Transition]:
        """Its steps so far, oldest first."""
        return Transition.objects.filter(object_id=self.pk).order_by("id")


@dataclass(frozen=True, slots=True)
class Move:
    """One step wanted: which object, where to, why, and the columns that change with it.

    `changes` holds attribute names of concrete columns (`version_id`, not `version`) and values that JSON can carry:
    text, numbers, booleans, None, UUIDs, aware datetimes, lists and dicts.
    """

    obj: Stateful
    to: str
    reason: str = ""
    detail: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


def transition(obj: Stateful, to: str, *, actor: Actor, reason: str = "", detail: str = "", **changes: Any) -> None:
    """Move one object along its table and set the new values on it.

    Raises:
        IllegalTransition: the table has no such step; the text ends with the object's story.
        StaleState: the row no longer has the state that was loaded.
    """
    if not transition_many([Move(obj, to, reason, detail, changes)], actor=actor):
        raise StaleState(f"{obj.machine.noun} {obj.pk} is no longer {obj.state}; {_told(obj)}")


def transition_many(moves: Sequence[Move], *, actor: Actor) -> set[UUID]:
    """Move many objects of one model in one statement; all moves change the same columns.

    Returns the ids that moved; an id that is missing was moved by somebody else meanwhile. The moved objects
    carry their new values.

    Raises:
        IllegalTransition: any of the moves is not in the table; nothing was written.
        ValueError: the moves are of different models, change different columns, or name an object twice.
    """
    if not moves:
        return set()
    model, columns, moves = _checked(moves)
    for move in moves:
        try:
            model.machine.check(move.obj.state, move.to, move.reason)
        except IllegalTransition as error:
            raise IllegalTransition(f"{error.detail}; {_told(move.obj)}") from None
    moved = _update(model, moves, columns, actor=actor)
    for move in moves:
        if move.obj.pk in moved:
            _set(move, moved[move.obj.pk])
    return set(moved)


def explain(moves: Sequence[Move]) -> set[UUID]:
    """Change only why (`reason`, `detail`) of objects that stay in their state `to`; returns the ids changed.

    No story row: a waiting thing changes its reason often. Rows whose state has moved meanwhile are left alone.

    Raises:
        ValueError: a move would change the state or a column.
    """
    fresh = [m for m in moves if (m.obj.state_reason, m.obj.state_detail) != (m.reason, m.detail)]
    if not fresh:
        return set()
    model, columns, fresh = _checked(fresh)
    if columns or any(move.to != move.obj.state for move in fresh):
        raise ValueError("explain() changes neither a state nor a column")
    for move in fresh:
        model.machine.check_reason(move.reason)
    moved = _update(model, fresh, [], actor=None)
    for move in fresh:
        if move.obj.pk in moved:
            move.obj.state_reason, move.obj.state_detail = move.reason, move.detail
    return set(moved)


def _checked(moves: Sequence[Move]) -> tuple[type[Stateful], list[str], list[Move]]:
    """The one model and the one set of columns of all moves; texts without NUL, which PostgreSQL cannot keep."""
    model = type(moves[0].obj)
    columns = sorted(moves[0].changes)
    if any(type(move.obj) is not model or sorted(move.changes) != columns for move in moves):
        raise ValueError("the moves are of one model and change the same columns")
    if len({move.obj.pk for move in moves}) != len(moves):
        raise ValueError("an object moves once at a time")
    return model, columns, [replace(move, detail=move.detail.replace("\x00", "")) for move in moves]


def _update(
    model: type[Stateful], moves: Sequence[Move], columns: Sequence[str], *, actor: Actor | None
) -> dict[UUID, datetime]:
    """Take all steps and tell of them in one statement; without an actor only reasons change, and no story is told.
    Returns id → database time of its last step, for the rows that changed.
    """
    rows = [
        {"n": n, "id": m.obj.pk, "from_state": m.obj.state, "to_state": m.to, "reason": m.reason, "detail": m.detail}
        | {f"c_{name}": m.changes[name] for name in columns}
        for n, m in enumerate(moves)
    ]
    noun = model.machine.noun
    values = {"rows": document(rows), "noun": noun}
    if actor is not None:
        values |= {"actor_kind": actor.kind, "actor_id": actor.id, "actor_name": actor.name}
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, tuple(columns), is_step=actor is not None), values)
        return dict(cursor.fetchall())


@lru_cache(maxsize=256)
def _statement(model: type[Stateful], columns: tuple[str, ...], *, is_step: bool) -> str:
    """UPDATE … FROM for all moves, with their stories and news, which name only the rows that changed.

    The rows are locked in the order of their ids first, so that two of these never wait for each other in a circle.
    """
    quote = connection.ops.quote_name
    fields = [next(f for f in model._meta.concrete_fields if f.attname == name) for name in columns]
    table = quote(model._meta.db_table)
    typed = "".join(f", {quote('c_' + f.attname)} {_column_type(f)}" for f in fields)
    sets = "".join(f", {quote(_column(f))} = v.{quote('c_' + f.attname)}" for f in fields)
    stamp = ", state_at = clock_timestamp()" if is_step else ""
    return (
        "WITH v AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS w"  # noqa: S608 - names from models
        f"(n int, id uuid, from_state text, to_state text, reason text, detail text{typed})),"
        f" held AS (SELECT t.id FROM {table} AS t JOIN v ON t.id = v.id AND t.state = v.from_state"
        " ORDER BY t.id FOR NO KEY UPDATE OF t), done AS ("
        f"UPDATE {table} AS t SET state = v.to_state, state_reason = v.reason, state_detail = v.detail{stamp}{sets}"
        " FROM v JOIN held ON held.id = v.id WHERE t.id = v.id AND t.state = v.from_state"
        f" RETURNING v.n, t.id, v.from_state, t.state, t.state_reason, t.state_detail, t.state_at{_named(model)})"
        + (_STORY if is_step else "")
        + _news(model, is_step=is_step)
        + " SELECT id, state_at FROM done"
    )


_STORY = f""", story AS (
INSERT INTO {Transition._meta.db_table}
    (noun, object_id, from_state, to_state, reason, detail, actor_kind, actor_id, actor_name)
SELECT %(noun)s, id, from_state, state, state_reason, state_detail, %(actor_kind)s, %(actor_id)s, %(actor_name)s
FROM done ORDER BY n)"""  # noqa: S608 - our own words


def _named(model: type[Stateful]) -> str:
    """What else the news of an object name: its project, and to what it belongs."""
    own = ["project_id"] if any(f.attname == "project_id" for f in model._meta.concrete_fields) else []
    return "".join(f", t.{column}" for column in (*own, *told_to(model).values()))


def _news(model: type[Stateful], *, is_step: bool) -> str:
    """As `events.emit_many`: `<noun>.<state>` with where it came from, or `<noun>.explained`."""
    kind, begin = ("state", "'from', from_state, ") if is_step else ("'explained'::text", "")
    project = "project_id" if "project_id" in _named(model) else "NULL::uuid"
    also = [f"'{noun}.' || {column}" for noun, column in told_to(model).items()]
    return f""", news AS (
INSERT INTO {Event._meta.db_table} (kind, subject, project_id, also, payload)
SELECT %(noun)s || '.' || {kind}, %(noun)s || '.' || id, {project},
       array_remove(ARRAY[{", ".join(also)}]::text[], NULL),
       jsonb_build_object({begin}'state', state, 'reason', state_reason, 'detail', state_detail)
FROM done ORDER BY n)"""  # noqa: S608 - names from models


def _column_type(column: models.Field[Any, Any]) -> str:
    kind = column.rel_db_type(connection) if column.is_relation else column.db_type(connection)
    if kind is None:
        raise ValueError(f"{column.name} is not a column")
    return kind


def _column(column: models.Field[Any, Any]) -> str:
    if column.column is None:
        raise ValueError(f"{column.name} is not a column")
    return column.column


def _set(move: Move, at: datetime) -> None:
    obj = move.obj
    obj.state, obj.state_reason, obj.state_detail, obj.state_at = move.to, move.reason, move.detail, at
    for name, value in move.changes.items():
        setattr(obj, name, value)


def _told(obj: Stateful) -> str:
    steps = [f"{step.to_state}{f' ({step.reason})' if step.reason else ''}" for step in obj.story()]
    return "its story: " + " → ".join([obj.machine.initial, *steps])
