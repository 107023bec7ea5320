"""Applying recipes to a sample, and remembering how far the last one got.

Who edits a recipe changes one step at a time: what the steps before it made is kept, so that only that step and
those after it are applied anew.
"""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import daft
import pyarrow as pa
import pyarrow.compute as pc

from workers.contracts import recipes
from workers.runtime.cleaning.clean import run_step
from workers.runtime.cleaning.errors import RecipeError, UserError
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.schema import ORDINAL, Column
from workers.runtime.preview.sampled import Sampled
from workers.runtime.preview.tables import table_of


@dataclass(slots=True)
class _Stand:
    """Where the data stands after some steps; never changed once kept."""

    rows: pa.Table
    columns: list[Column]
    report: dict[str, Any] | None
    """Of the step that led here; None at the start."""


class PreviewSession:
    """One version's sample. Not for several threads at once."""

    def __init__(self, sampled: Sampled, folder: Path) -> None:
        self._sampled = sampled
        self._folder = folder
        self._key = secrets.token_bytes(32)
        self._kept: list[tuple[str, _Stand]] = []
        """After each step of the last recipe: the recipe's text up to there, and the stand."""

    def apply(self, raw_steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The sample through the steps: `{"rows_sampled", "row_count", "start", "steps", "advice", "error", …}`.

        `start` is the table of the sample as it is; each of `steps` is the report of a step, with `fitted`, `schema`
        (all columns after it) and `table`. Where a step cannot be applied, `steps` ends before it and `error` is
        `{"code", "detail", "step", "option", "column"}`. `advice` is what its writer should know, as
        `recipes.warnings` says it. Steps count from 1.
        """
        began = time.perf_counter()
        steps: list[dict[str, Any]] = []
        columns = [column.to_json() for column in self._sampled.columns]
        fault = next(iter(recipes.recipe_fit(list(raw_steps), columns)), None) if raw_steps else None
        error = None if fault is None else _error(fault, len(raw_steps))
        good = list(raw_steps) if error is None else list(raw_steps)[: error["step"] - 1]
        start = self._start()
        try:
            if good:
                self._through(Recipe.from_json(good), good, start, steps)
        except RecipeError as refused:
            error = {"code": refused.code, "detail": refused.detail, "step": refused.step, "column": refused.column}
        except UserError as refused:
            error = {"code": refused.code, "detail": refused.detail, "step": len(steps) + 1, "column": ""}
        return {
            "rows_sampled": self._sampled.rows.num_rows,
            "row_count": self._sampled.row_count,
            "start": table_of(start.rows, start.rows, start.columns, start.columns),
            "steps": steps,
            "advice": [{**each, "step": each["step"] + 1} for each in recipes.warnings(good, columns)],
            "error": error and {"option": "", **error},
            "seconds": round(time.perf_counter() - began, 3),
        }

    def _start(self) -> _Stand:
        return _Stand(self._sampled.rows, list(self._sampled.columns), None)

    def _through(
        self, recipe: Recipe, raw_steps: Sequence[dict[str, Any]], start: _Stand, steps: list[dict[str, Any]]
    ) -> None:
        """Add the reports to `steps` as they come."""
        texts = _prefixes(raw_steps, recipe.label)
        known = 0
        while known < min(len(texts), len(self._kept)) and self._kept[known][0] == texts[known]:
            known += 1
        self._kept = self._kept[:known]
        steps.extend(stand.report for _, stand in self._kept if stand.report is not None)
        stand = self._kept[-1][1] if self._kept else start
        plan = self._plan(stand, recipe.label_at(known))
        for step, text in zip(recipe.steps[known:], texts[known:], strict=True):
            report = run_step(step, plan)
            rows = _computed(plan)
            table = table_of(stand.rows, rows, stand.columns, plan.columns)
            schema = [{"name": column.name, "type": column.type} for column in plan.columns]
            told = {**report.entry, "fitted": report.fitted, "schema": schema, "table": table}
            steps.append(told)
            stand = _Stand(rows, list(plan.columns), told)
            self._kept.append((text, stand))

    def _plan(self, stand: _Stand, label: str | None) -> Plan:
        plan = Plan(daft.from_arrow(stand.rows), copy.copy(stand.columns), label, stand.rows.num_rows)
        plan.secrets = self._stand_in
        return plan

    def _stand_in(self, _name: str) -> bytes:
        """Instead of a key of the project: who may read may preview, and its pseudonyms meet no others."""
        return self._key


def _error(fault: recipes.Fault, count: int) -> dict[str, Any]:
    """A fault as the preview tells it; one of no step is one of the step after all."""
    place = count if fault.step is None else fault.step
    told = {"code": fault.code, "detail": fault.detail, "option": fault.option, "column": fault.column}
    return {**told, "step": place + 1}


def _computed(plan: Plan) -> pa.Table:
    """The rows, by ordinal, computed once: the next step starts from values, not from a plan that grows."""
    names = [column.name for column in plan.columns]
    batches = list(plan.stream(names))
    table = pa.Table.from_batches(batches) if batches else plan.read([ORDINAL, *names, *plan.counting])
    plan.counted({name: pc.sum(table.column(name)).as_py() or 0 for name in plan.counting})
    rows = table.select([ORDINAL, *names]).sort_by(ORDINAL)
    plan.frame = daft.from_arrow(rows)
    return rows


def _prefixes(steps: Sequence[dict[str, Any]], label: str | None) -> list[str]:
    """Per step, all that decides what the data is after it."""
    texts = [json.dumps(step, sort_keys=True, ensure_ascii=False) for step in steps]
    return [json.dumps([label, *texts[: end + 1]]) for end in range(len(texts))]
