"""State machines: the only way a state moves.

A table says which steps exist. `transition()` and `transition_many()` take them by one conditional UPDATE whose
returned rows are the answer, and write the story row and the event in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models.functions import Now

from apps.common.audit import Actor
from apps.common.errors import IllegalTransition, StaleState
from apps.common.events import News, emit_many, subject_of
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

    `changes` holds attribute names of concrete columns (`version_id`, not `version`) and plain values.
    """

    obj: Stateful
    to: str
    reason: str = ""
    detail: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


def transition(
    obj: Stateful, to: str, *, actor: Actor, reason: str = "", detail: str = "", **changes: Any
) -> None:
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
        ValueError: the moves are of different models or change different columns.
    """
    if not moves:
        return set()
    model = type(moves[0].obj)
    columns = sorted(moves[0].changes)
    for move in moves:
        if type(move.obj) is not model or sorted(move.changes) != columns:
            raise ValueError("transition_many takes moves of one model that change the same columns")
        try:
            model.machine.check(move.obj.state, move.to, move.reason)
        except IllegalTransition as error:
            raise IllegalTransition(f"{error.detail}; {_told(move.obj)}") from None
    with transaction.atomic():
        moved = _update(model, moves, columns)
        done = [move for move in moves if move.obj.pk in moved]
        _tell(model.machine, done, actor)
    for move in done:
        _set(move, moved[move.obj.pk])
    return set(moved)


def explain(moves: Sequence[Move]) -> set[UUID]:
    """Change only why (`reason`, `detail`) of objects that stay in their state `to`; returns the ids changed.

    No story row: a waiting thing changes its reason often. Rows whose state has moved meanwhile are left alone.
    """
    fresh = [m for m in moves if (m.obj.state_reason, m.obj.state_detail) != (m.reason, m.detail)]
    if not fresh:
        return set()
    for move in fresh:
        if move.to != move.obj.state:
            raise ValueError("explain() does not move a state")
        move.obj.machine.check_reason(move.reason)
    model = type(fresh[0].obj)
    with transaction.atomic():
        moved = _update(model, fresh, [], touch=False)
        done = [move for move in fresh if move.obj.pk in moved]
        emit_many(
            News(f"{model.machine.noun}.explained", subject_of(m.obj, model.machine.noun),
                 getattr(m.obj, "project_id", None), {"state": m.to, "reason": m.reason, "detail": m.detail})
            for m in done
        )
    for move in done:
        move.obj.state_reason, move.obj.state_detail = move.reason, move.detail
    return set(moved)


def _update(
    model: type[Stateful], moves: Sequence[Move], columns: Sequence[str], *, touch: bool = True
) -> dict[UUID, Any]:
    """One UPDATE … FROM for all moves. Returns id → database time of the step, for the rows that moved."""
    quote = connection.ops.quote_name
    fields = [next(f for f in model._meta.concrete_fields if f.attname == name) for name in columns]
    rows = [
        {"id": m.obj.pk, "from_state": m.obj.state, "to_state": m.to, "reason": m.reason, "detail": m.detail}
        | {f"c_{name}": m.changes[name] for name in columns}
        for m in moves
    ]
    typed = "".join(f", {quote('c_' + f.attname)} {_column_type(f)}" for f in fields)
    sets = "".join(f", {quote(f.column)} = v.{quote('c_' + f.attname)}" for f in fields)
    stamp = ", state_at = clock_timestamp()" if touch else ""
    sql = (
        f"UPDATE {quote(model._meta.db_table)} AS t SET state = v.to_state, state_reason = v.reason,"  # noqa: S608
        f" state_detail = v.detail{stamp}{sets}"
        " FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, from_state text, to_state text, reason text, detail text"
        f"{typed}) WHERE t.id = v.id AND t.state = v.from_state RETURNING t.id, t.state_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(rows, cls=DjangoJSONEncoder)])
        return dict(cursor.fetchall())


def _column_type(column: models.Field[Any, Any]) -> str:
    kind = column.rel_db_type(connection) if column.is_relation else column.db_type(connection)
    if kind is None:
        raise ValueError(f"{column.name} is not a column")
    return kind


def _tell(machine: StateMachine, done: Sequence[Move], actor: Actor) -> None:
    Transition.objects.bulk_create(
        Transition(noun=machine.noun, object_id=m.obj.pk, from_state=m.obj.state, to_state=m.to, reason=m.reason,
                   detail=m.detail, actor_kind=actor.kind, actor_id=actor.id, actor_name=actor.name)
        for m in done
    )
    emit_many(
        News(f"{machine.noun}.{m.to}", subject_of(m.obj, machine.noun), getattr(m.obj, "project_id", None),
             {"from": m.obj.state, "state": m.to, "reason": m.reason, "detail": m.detail})
        for m in done
    )


def _set(move: Move, at: Any) -> None:
    obj = move.obj
    obj.state, obj.state_reason, obj.state_detail, obj.state_at = move.to, move.reason, move.detail, at
    for name, value in move.changes.items():
        setattr(obj, name, value)


def _told(obj: Stateful) -> str:
    steps = [f"{step.to_state}{f' ({step.reason})' if step.reason else ''}" for step in obj.story()]
    return "its story: " + " → ".join([obj.machine.initial, *steps])
