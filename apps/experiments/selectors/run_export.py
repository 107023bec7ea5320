"""The table of runs for a file: all that are meant, in their order, a thousand in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.aggregates import BoolAnd
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from apps.common.errors import TooLarge
from apps.common.parquet import Column, Kind
from apps.common.tables import number_of, text_of
from apps.experiments.selectors.run_fields import Field
from apps.experiments.selectors.run_rows import rows_of
from apps.experiments.selectors.run_sql import json_sql
from apps.experiments.selectors.run_table import Asked, run_ids, runs_found

RUNS_MOST: Final = 200_000
"""In one file; more are refused, so that no file lacks some that were meant."""
ROWS_AT_ONCE: Final = 1_000
Cell = Callable[[dict[str, Any]], Any]
_ALWAYS: Final = (("id", Kind.TEXT, lambda row: str(row["id"])), ("name", Kind.TEXT, lambda row: row["name"]))


def run_export(user: Any, asked: Asked) -> tuple[list[Column], Iterator[Sequence[Sequence[Any]]]]:
    """What stands in the file's head, and its rows; which runs there are is looked up at once. Two queries, and one
    for each thousand rows.

    Raises:
        TooLarge: they are more than `RUNS_MOST`.
    """
    ids = run_ids(user, asked, RUNS_MOST + 1)
    if len(ids) > RUNS_MOST:
        raise TooLarge(
            f"More than {RUNS_MOST:,} runs are meant, and a file has at most so many. Filter them, for example by"
            " project or by when they were created, and save several files."
        )
    kinds = _kinds(user, asked)
    cells: list[Cell] = [cell for _, _, cell in _ALWAYS]
    columns = [Column(name, kind) for name, kind, _ in _ALWAYS]
    for place, field in enumerate(asked.columns):
        if any(column.name == field.text for column in columns):
            continue
        kind, cell = _run_cell(field) if field.group == "run" else _value_cell(field, kinds.get(place, Kind.TEXT))
        columns.append(Column(field.text, kind))
        cells.append(cell)
    windows = (ids[at : at + ROWS_AT_ONCE] for at in range(0, len(ids), ROWS_AT_ONCE))
    pieces = (rows_of(some, asked.columns, whole_notes=True) for some in windows)
    return columns, ([[cell(row) for cell in cells] for row in rows] for rows in pieces)


def _kinds(user: Any, asked: Asked) -> dict[int, Kind]:
    """Place of a parameter's column → what all runs that have it gave: text where they do not agree. One query."""
    tests: dict[str, Any] = {}
    for place, field in enumerate(asked.columns):
        if field.group == "params":
            sql, params = json_sql(field)
            for kind, name in (("number", Kind.NUMBER), ("boolean", Kind.TRUTH)):
                same = RawSQL(f"jsonb_typeof({sql}) = '{kind}'", params, output_field=BooleanField())  # noqa: S611
                tests[f"{name}{place}"] = BoolAnd(same)
    found = runs_found(user, asked).aggregate(**tests) if tests else {}
    kinds = {place: Kind.NUMBER for place, field in enumerate(asked.columns) if field.group == "metrics"}
    for name, agreed in found.items():
        if agreed:
            kind = Kind.NUMBER if name.startswith(Kind.NUMBER) else Kind.TRUTH
            kinds[int(name.removeprefix(kind))] = kind
    return kinds


def _value_cell(field: Field, kind: Kind) -> tuple[Kind, Cell]:
    text = field.text
    if kind == Kind.NUMBER:
        return kind, lambda row: number_of(row["columns"][text])
    if kind == Kind.TRUTH:
        return kind, lambda row: row["columns"][text]
    return kind, lambda row: text_of(row["columns"][text])


def _run_cell(field: Field) -> tuple[Kind, Cell]:
    kind, cell = _CELLS.get(field.key, (Kind.TEXT, None))
    return kind, cell or (lambda row: row[field.key])


def _goal(row: dict[str, Any]) -> float | None:
    return number_of(row["goal"]["best"]) if row["goal"] else None


def _time(name: str) -> Cell:
    def cell(row: dict[str, Any]) -> datetime | None:
        at: datetime | None = row[name]
        return at

    return cell


_CELLS: Final[dict[str, tuple[Kind, Cell | None]]] = {
    "reason": (Kind.TEXT, lambda row: row["state_reason"]),
    "project": (Kind.TEXT, lambda row: row["project_name"]),
    "experiment": (Kind.TEXT, lambda row: row["experiment_name"]),
    "dataset": (Kind.TEXT, lambda row: row["dataset_name"]),
    "requested_by": (Kind.TEXT, lambda row: row["requested_by_name"]),
    "tag": (Kind.TEXT, lambda row: " ".join(row["tags"])),
    "duration_seconds": (Kind.NUMBER, lambda row: row["duration_seconds"]),
    "goal": (Kind.NUMBER, _goal),
    "seed": (Kind.INTEGER, lambda row: row["seed"]),
    **{name: (Kind.TIME, _time(name)) for name in ("created_at", "started_at", "ended_at")},
}
