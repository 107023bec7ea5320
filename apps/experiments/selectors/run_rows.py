"""What a table shows of its runs: one query whatever the columns, whose SQL is written once for each choice of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Case, F, JSONField, Q, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left

from apps.common.messages import message_of
from apps.experiments.models import Run
from apps.experiments.selectors.goals import mode_of
from apps.experiments.selectors.run_fields import Field
from apps.experiments.selectors.run_sql import GOAL, SECONDS, json_value
from apps.experiments.states import RunState

SHOWN: Final = (
    "id", "name", "kind", "tags", "project", "project__name", "experiment", "experiment__name", "dataset_version",
    "dataset_version__dataset__name", "dataset_version__number", "workload", "state", "shown_reason", "shown_detail",
    "state_at", "requested_by__username", "created_at", "started_at", "ended_at", "seconds", "goal", "image", "seed",
    "first_notes", "deleted_at",
)  # fmt: skip


NOTES_SHOWN = 200
"""Characters of the notes of a run."""
_IDS: Final = object()
"""Stands among the parameters of a statement where the runs' ids go."""


def rows_of(ids: Sequence[UUID], columns: Sequence[Field], *, whole_notes: bool = False) -> list[dict[str, Any]]:
    """What is shown of these runs, in their order; one that is gone is left out. One query.

    Args:
        whole_notes: all that is written on them, not only its first `NOTES_SHOWN` characters.
    """
    if not ids:
        return []
    names, sql, params = _statement(tuple(columns), whole_notes=whole_notes)
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids) if each is _IDS else each for each in params])
        found = cursor.fetchall()
    places = [(f"c{place}", one.text) for place, one in enumerate(columns) if one.group != "run"]
    rows = {row[0]: _row(dict(zip(names, row, strict=True)), places) for row in found}
    return [rows[pk] for pk in ids if pk in rows]


@lru_cache(maxsize=256)
def _statement(columns: tuple[Field, ...], *, whole_notes: bool) -> tuple[tuple[str, ...], str, tuple[Any, ...]]:
    """Names of what is selected, SQL and its parameters. That the ORM writes it takes longer than that it is run."""
    # Columns get names of our own: those that people give may be anything.
    computed: dict[str, Any] = {
        "seconds": RawSQL(f"({SECONDS})::float8", []),  # noqa: S611
        "goal": RawSQL(GOAL, [], output_field=JSONField()),  # noqa: S611
        "first_notes": F("notes") if whole_notes else Left("notes", NOTES_SHOWN),
    }
    values = {f"c{place}": json_value(one) for place, one in enumerate(columns) if one.group != "run"}
    names = (*SHOWN, *values)
    among = RawSQL(f"{Run._meta.db_table}.id = ANY(%s)", [_IDS], output_field=BooleanField())  # noqa: S611
    runs = with_reason(Run.objects.filter(among)).annotate(**computed, **values)
    sql, params = runs.values_list(*names).query.sql_with_params()
    return names, sql, tuple(params)


def with_reason(runs: Any) -> Any:
    """With why it is in its state, as `Run.why` says it."""
    waits = Q(state=RunState.QUEUED, workload__isnull=False)
    shown = {
        f"shown_{name}": Case(When(waits, then=F(f"workload__state_{name}")), default=F(f"state_{name}"))
        for name in ("reason", "detail")
    }
    return runs.annotate(**shown)


def _row(found: dict[str, Any], places: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": found["id"],
        "name": found["name"],
        "kind": found["kind"],
        "tags": json.loads(found["tags"]),
        "project": found["project"],
        "project_name": found["project__name"],
        "experiment": found["experiment"],
        "experiment_name": found["experiment__name"],
        "dataset_version": found["dataset_version"],
        "dataset_name": found["dataset_version__dataset__name"] or "",
        "dataset_version_number": found["dataset_version__number"],
        "workload": found["workload"],
        "state": found["state"],
        "state_reason": found["shown_reason"],
        "state_detail": found["shown_detail"],
        "state_message": message_of(found["shown_detail"]),
        "state_at": found["state_at"],
        "requested_by_name": found["requested_by__username"] or "",
        "created_at": found["created_at"],
        "started_at": found["started_at"],
        "ended_at": found["ended_at"],
        "duration_seconds": found["seconds"],
        "goal": _goal(_read(found["goal"])),
        "image": found["image"],
        "seed": found["seed"],
        "notes": found["first_notes"],
        "deleted_at": found["deleted_at"],
        "columns": {text: _read(found[name]) for name, text in places},
    }


def _goal(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Where the run stands by the metric that matters; None while it has no number of it."""
    if not found or not found["entry"]:
        return None
    entry, mode = found["entry"], mode_of(found["key"], found["mode"])
    if entry[mode] is None:
        return None
    return {
        "key": found["key"],
        "mode": mode,
        "last": entry["last"] if isinstance(entry["last"], int | float) else None,
        "last_step": entry["last_step"],
        "best": entry[mode],
    }


def _read(text: str | None) -> Any:
    """A value of `jsonb`, as it comes from the cursor."""
    return None if text is None else json.loads(text)
