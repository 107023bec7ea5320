"""State machines: the only way a state moves.

A table says which steps exist. `transition()` and `transition_many()` take them by one conditional UPDATE whose
returned rows are the answer, and write the story row and the event in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models.functions import Now

from apps.common.audit import Actor
from apps.common.errors import IllegalTransition, StaleState
from apps.common.events import News, also_of, emit_many, subject_of
from apps.common.models import BaseModel, Transition


@dataclass(frozen=True)
class StateMachine:
    """The state table of one noun.

    Args:
        noun: names its events: `workload` → `workload.admitted`.
        states: every state.
        table: state → states it may move to; a state without an entry is terminal.
        initial: where an object begins; the first of `states` by default.
        reasons: the closed list of reasons; None means that the noun has none.
    """

    noun: str
    states: type[models.TextChoices]
    table: Mapping[str, Iterable[str]]
    initial: str = ""
    reasons: type[models.TextChoices] | None = None
    steps: Mapping[str, frozenset[str]] = field(init=False)
    terminal: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        steps = {str(state): frozenset(str(to) for to in self.table.get(state, ())) for state in self.states.values}
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "terminal", frozenset(state for state, to in steps.items() if not to))
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
    """Move many objects of one model in three statements; all moves change the same columns.

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
    with transaction.atomic(savepoint=False):
        moved = _update(model, moves, columns)
        done = [move for move in moves if move.obj.pk in moved]
        if done:
            _tell(model.machine, done, actor)
    for move in done:
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
    with transaction.atomic(savepoint=False):
        moved = _update(model, fresh, [], touch=False)
        done = [move for move in fresh if move.obj.pk in moved]
        emit_many([_news(f"{model.machine.noun}.explained", move) for move in done])
    for move in done:
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


class _Encoder(DjangoJSONEncoder):
    """Times to the microsecond: Django's own encoder cuts them to milliseconds."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def _update(
    model: type[Stateful], moves: Sequence[Move], columns: Sequence[str], *, touch: bool = True
) -> dict[UUID, datetime]:
    """One UPDATE … FROM for all moves. Returns id → database time of the step, for the rows that moved.

    The rows are locked in the order of their ids first, so that two of these never wait for each other in a circle.
    """
    quote = connection.ops.quote_name
    fields = [next(f for f in model._meta.concrete_fields if f.attname == name) for name in columns]
    rows = [
        {"id": m.obj.pk, "from_state": m.obj.state, "to_state": m.to, "reason": m.reason, "detail": m.detail}
        | {f"c_{name}": m.changes[name] for name in columns}
        for m in moves
    ]
    table = quote(model._meta.db_table)
    typed = "".join(f", {quote('c_' + f.attname)} {_column_type(f)}" for f in fields)
    sets = "".join(f", {quote(_column(f))} = v.{quote('c_' + f.attname)}" for f in fields)
    stamp = ", state_at = clock_timestamp()" if touch else ""
    sql = (
        "WITH v AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%s::jsonb) AS w"  # noqa: S608 - names from models
        f"(id uuid, from_state text, to_state text, reason text, detail text{typed})),"
        f" held AS (SELECT t.id FROM {table} AS t JOIN v ON t.id = v.id AND t.state = v.from_state"
        " ORDER BY t.id FOR NO KEY UPDATE OF t)"
        f" UPDATE {table} AS t SET state = v.to_state, state_reason = v.reason, state_detail = v.detail{stamp}{sets}"
        " FROM v JOIN held ON held.id = v.id WHERE t.id = v.id AND t.state = v.from_state RETURNING t.id, t.state_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(rows, cls=_Encoder)])
        return dict(cursor.fetchall())


def _column_type(column: models.Field[Any, Any]) -> str:
    kind = column.rel_db_type(connection) if column.is_relation else column.db_type(connection)
    if kind is None:
        raise ValueError(f"{column.name} is not a column")
    return kind


def _column(column: models.Field[Any, Any]) -> str:
    if column.column is None:
        raise ValueError(f"{column.name} is not a column")
    return column.column


def _tell(machine: StateMachine, done: Sequence[Move], actor: Actor) -> None:
    Transition.objects.bulk_create(
        Transition(
            noun=machine.noun,
            object_id=m.obj.pk,
            from_state=m.obj.state,
            to_state=m.to,
            reason=m.reason,
            detail=m.detail,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
        )
        for m in done
    )
    emit_many([_news(f"{machine.noun}.{m.to}", m, {"from": m.obj.state}) for m in done])


def _news(kind: str, move: Move, payload: dict[str, Any] | None = None) -> News:
    obj = move.obj
    told = {"state": move.to, "reason": move.reason, "detail": move.detail}
    subject, project_id = subject_of(obj, obj.machine.noun), getattr(obj, "project_id", None)
    return News(kind, subject, project_id, (payload or {}) | told, also_of(obj))


def _set(move: Move, at: datetime) -> None:
    obj = move.obj
    obj.state, obj.state_reason, obj.state_detail, obj.state_at = move.to, move.reason, move.detail, at
    for name, value in move.changes.items():
        setattr(obj, name, value)


def _told(obj: Stateful) -> str:
    steps = [f"{step.to_state}{f' ({step.reason})' if step.reason else ''}" for step in obj.story()]
    return "its story: " + " → ".join([obj.machine.initial, *steps])
