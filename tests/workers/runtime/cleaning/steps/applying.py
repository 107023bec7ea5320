"""Steps applied to a few rows without a job around them, and held to everything that holds of every step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import daft
import numpy as np
import pyarrow as pa

from workers.contracts.recipes import Serving, shapes
from workers.contracts.recipes.shape import UNKNOWN
from workers.runtime.cleaning.clean import StepReport, run_step
from workers.runtime.cleaning.plan import Plan, Secrets
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.schema import ORDINAL, Column
from workers.runtime.cleaning.watch import Watched
from workers.runtime.preprocessor.columns import Array, Columns, is_missing
from workers.runtime.preprocessor.families import served
from workers.runtime.preprocessor.values import from_arrow
from workers.runtime.transforms.arrays import ARROW_TYPES, plain

Data = Mapping[str, tuple[str, Sequence[Any]]]
"""Column → its house type and values."""
KEY = b"0123456789abcdef0123456789abcdef"


def secret_named(name: str) -> bytes:
    return {"key": KEY, "other": KEY[::-1]}[name]


@dataclass(frozen=True)
class Applied:
    rows: pa.Table
    """By ordinal: `__ordinal` and the columns."""
    columns: list[Column]
    reports: list[StepReport]
    recipe: Recipe
    label: str | None

    def __getitem__(self, name: str) -> list[Any]:
        values: list[Any] = self.rows.column(name).to_pylist()
        return values

    @property
    def ordinals(self) -> list[int]:
        return self[ORDINAL]

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.columns}

    @property
    def entry(self) -> dict[str, Any]:
        """What is reported of the last step."""
        return self.reports[-1].entry

    @property
    def told(self) -> list[dict[str, Any]]:
        return self.reports[-1].fitted


def applied(
    data: Data, *steps: dict[str, Any], secrets: Secrets = secret_named, ordinals: Sequence[int] = ()
) -> Applied:
    """The rows after the steps.

    Checked on the way: the columns are those that the contract says, the watched rows went through the same as all, and
    a record through the served steps becomes what its row became.
    """
    table = table_of(data, ordinals)
    columns = [Column(name, kind) for name, (kind, _) in data.items()]
    recipe = Recipe.from_json(list(steps))
    recipe.validate(columns)
    plan = Plan(daft.from_arrow(table), columns, recipe.label, table.num_rows, secrets=secrets)
    plan.watched = Watched(lambda: table)
    reports = [run_step(step, plan) for step in recipe.steps]
    plan.settle()
    names = [column.name for column in plan.columns]
    rows = plan.frame.select(ORDINAL, *names).to_arrow().sort_by(ORDINAL)
    done = Applied(rows, plan.columns, reports, recipe, plan.label)
    assert rows.num_rows == plan.row_count
    assert plan.watched.look(names)().to_pylist() == rows.to_pylist()
    _check_flow(recipe, columns, done)
    _check_served(recipe, table, columns, done)
    return done


def table_of(data: Data, ordinals: Sequence[int] = ()) -> pa.Table:
    arrays = {name: pa.array(values, ARROW_TYPES[kind]) for name, (kind, values) in data.items()}
    count = len(next(iter(arrays.values())))
    return pa.table({ORDINAL: pa.array(ordinals or range(count), pa.int64()), **arrays})


def _check_flow(recipe: Recipe, columns: list[Column], done: Applied) -> None:
    shape = shapes(recipe.to_json(), [column.to_json() for column in columns])[-1]
    found = {name: kind for name, kind in done.types.items() if name in shape.types or not _is_open(name, shape.open)}
    assert list(found) == list(shape.types)
    assert [kind for name, kind in found.items() if shape.types[name] != UNKNOWN] == [
        kind for kind in shape.types.values() if kind != UNKNOWN
    ]
    assert done.label == shape.label


def _is_open(name: str, beginnings: Mapping[str, str]) -> bool:
    return any(name.startswith(beginning) for beginning in beginnings)


def _check_served(recipe: Recipe, table: pa.Table, columns: list[Column], done: Applied) -> None:
    if any(step.serving is Serving.CANNOT for step in recipe.steps):
        return
    records: Columns = {
        column.name: from_arrow(plain(table.column(column.name), column.type))
        for column in columns
        if column.name != recipe.label
    }
    for step in recipe.steps:
        if step.serving is Serving.DONE:
            document = json.loads(json.dumps({"kind": step.kind, **step.learned}, allow_nan=False))
            served(document)(records)
    rows = np.searchsorted(table.column(ORDINAL).to_numpy(), done.rows.column(ORDINAL).to_numpy())
    for column in done.columns:
        if column.name not in (recipe.label, done.label, "__split", "__weight"):
            ours = from_arrow(plain(done.rows.column(column.name), column.type))
            assert _values(records[column.name][rows]) == _values(ours), column.name


def _values(column: Array) -> list[Any]:
    return [None if gone else value for value, gone in zip(column.tolist(), is_missing(column), strict=True)]
