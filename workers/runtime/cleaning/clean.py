"""`clean`: a recipe turns one dataset version into another, with a report and the fitted preprocessor."""

from __future__ import annotations

import functools
import glob
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import daft
import duckdb
import pyarrow as pa

from workers.contracts.recipes import Serving, Shape
from workers.runtime.cleaning.companions import write_companions
from workers.runtime.cleaning.engine import granted_threads, open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.fitted import preprocessor_of
from workers.runtime.cleaning.held_out import held_out_records
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.output import emptied_on_failure
from workers.runtime.cleaning.parts import Written, write_parts
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.quality import evaluated_beside
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.sample import SPREAD, rows_of
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, WEIGHT, columns_of, described, parquet_table
from workers.runtime.cleaning.sources import Sources, sources_of
from workers.runtime.cleaning.steps import Step
from workers.runtime.cleaning.watch import Watched, examples, rows_watched
from workers.runtime.context import JobContext
from workers.runtime.stored_file import hash_file, write_text_atomically

FITTED_MOST = 500
"""Columns of which a report says what a step learned."""
PREPROCESSOR_FILE = "preprocessor.json"
STAGING = "staging"
"""Folder beside the output for what is only needed meanwhile; all machines of the runner see it."""


def clean(ctx: JobContext) -> dict[str, Any]:
    """Input `dataset`; parameters `steps`; output `dataset`: Parquet files and, fitted, `preprocessor.json`.

    Columns keep their types where no step changes them; `__ordinal` and `__split` come first, the label last.

    Raises:
        UserError: the recipe or the data is at fault; a RecipeError names step and column.
    """
    recipe = Recipe.from_json(ctx.parameters.get("steps"))
    files = dataset_files(ctx)
    folder = ctx.output("dataset")
    if ctx.identity.data_runner == "ray" and ctx.identity.ray_address and ctx.output_is_distant("dataset"):
        raise UserError("no_shared_folder", "the machines of a Ray cluster and this job share no folder: run it native")
    use_runner(ctx.identity.data_runner, granted_threads(ctx), ctx.identity.ray_address)
    connection = open_duckdb(ctx, ctx.work_dir)
    with emptied_on_failure(folder):
        sources = sources_of(connection, files, folder / STAGING)
        plan = open_plan(connection, sources, recipe)
        plan.is_scattered = ctx.identity.data_runner == "ray"
        plan.secrets = functools.partial(secret_of, ctx)
        inputs = plan.features
        report = [run_step(step, plan) for step in recipe.steps]
        preprocessor = preprocessor_of(recipe, inputs, plan)
        written = write(plan, folder, granted_threads(ctx))
        if sources.last_ordinal is not None:  # never given to another row, also where it went
            written = replace(written, last_ordinal=plan.last_ordinal)
        if preprocessor is not None and written.splits:
            cleaned = [folder / file["name"] for file in written.files]
            preprocessor["examples"] = held_out_records(connection, files, cleaned, preprocessor["inputs"])
        shutil.rmtree(folder / STAGING, ignore_errors=True)
        watched = plan.watched.row_count if plan.watched else 0
        in_full = {"rows_watched": watched, "steps": [step.beside() for step in report]}
        return {
            **written.to_json(),
            "splits": written.splits,
            "report": [step.entry for step in report],
            "preprocessor": None if preprocessor is None else _store(preprocessor, folder),
            "companions": write_companions(connection, folder, written, in_full),
            **evaluated_beside(ctx, connection, folder, written),
        }


def secret_of(ctx: JobContext, name: str) -> bytes:
    """The bytes of a secret that the spec of the job asked for. Raises UserError `no_secret` for any other."""
    try:
        return (ctx.identity.secrets_dir / name).read_bytes()
    except OSError:
        raise UserError("no_secret", f"the secret {name!r} was not given to this job") from None


def use_runner(runner: str, threads: int | None, ray_address: str = "") -> None:
    """Choose where Daft runs. Raises UserError for a runner that is not one."""
    if runner not in ("native", "ray"):
        raise UserError("invalid_parameters", f"BEDPLATE_DATA_RUNNER is 'native' or 'ray', not {runner!r}")
    _set_runner(runner, threads, ray_address)


@functools.cache  # Daft refuses to be told twice in one process, even the same
def _set_runner(runner: str, threads: int | None, ray_address: str) -> None:
    if runner == "ray":
        daft.set_runner_ray(ray_address or None, noop_if_initialized=True)
    else:
        daft.set_runner_native(threads)
        # Of files that are read beside each other the rows of the later ones wait in memory; one keeps two cores busy.
        daft.set_execution_config(scantask_max_parallel=max(1, (threads or os.cpu_count() or 1) // 2))


def open_plan(connection: duckdb.DuckDBPyConnection, sources: Sources, recipe: Recipe) -> Plan:
    """The input as a plan, the recipe checked against its columns."""
    table = parquet_table(sources.paths)
    columns = [column for column in columns_of(described(connection, table), "the dataset") if column.name != ORDINAL]
    recipe.validate(columns)
    frame = daft.read_parquet([glob.escape(path) for path in sources.paths])
    last = -1 if sources.last_ordinal is None else sources.last_ordinal
    plan = Plan(frame, columns, recipe.label, sources.row_count, last)
    looking = connection.cursor()  # of its own: it is used beside the other

    def watched() -> pa.Table:
        with looking:
            first = rows_of(looking, table, columns, SPREAD, rows_watched(len(columns)), sources.last_ordinal)
            return looking.sql(first).to_arrow_table()

    plan.watched = Watched(watched)
    return plan


@dataclass(frozen=True, slots=True)
class StepReport:
    """What is told of a step: its entry in the report of the version, and what stands beside it in a file."""

    entry: dict[str, Any]
    fitted: list[dict[str, Any]]
    """What it learned."""
    before: Callable[[], pa.Table] | None
    after: Callable[[], pa.Table] | None
    """The watched rows, where there are some."""

    def beside(self) -> dict[str, Any]:
        """What stands beside the report, in a file; the watched rows are looked at for it."""
        changed = examples(self.before(), self.after()) if self.before and self.after else []
        return {"step": self.entry["step"], "fitted": self.fitted, "examples": changed}


def run_step(step: Step, plan: Plan) -> StepReport:
    """Apply one step."""
    started = time.perf_counter()
    rows_in, columns_in = plan.row_count, [column.name for column in plan.columns]
    watched = plan.watched
    before = watched.look(columns_in) if watched else None
    step.fit(Shape.of((column.to_json() for column in plan.columns), plan.label))  # again, now that types are known
    is_split = plan.is_split
    outcome = step.apply(plan)
    if step.fits and not is_split:
        outcome.warn("fitted_without_split", "", "no split came before it: it learned from all rows")
    if step.serving is Serving.CANNOT:
        outcome.warn("not_served", "", "a served model cannot do this to a record")
    columns_out = [column.name for column in plan.columns]
    after = watched.look(columns_out) if watched else None
    entry = {
        "step": step.number,
        "kind": step.kind,
        "parameters": step.parameters,
        "rows_in": rows_in,
        "rows_out": plan.row_count,
        "cells_changed": outcome.cells_changed,
        "cells_missing": outcome.cells_missing,
        "columns_added": [name for name in columns_out if name not in columns_in],
        "columns_removed": [name for name in columns_in if name not in columns_out],
        "warnings": outcome.warnings,
        "seconds": round(time.perf_counter() - started, 3),
    }
    return StepReport(entry, step.fitted()[:FITTED_MOST], before, after)


def write(plan: Plan, folder: Path, threads: int | None) -> Written:
    """Write the rows as the files of the output, in one pass; only here are the values of all columns computed."""
    names = [column.name for column in plan.columns]
    first = [name for name in (SPLIT, WEIGHT) if name in names]
    last = [plan.label] if plan.label is not None and plan.label in names else []
    columns = [plan.column(name) for name in [*first, *(column.name for column in plan.features), *last]]
    rows = plan.stream([column.name for column in columns])
    written = write_parts(rows, columns, folder, threads=threads, counting=plan.counting)
    plan.counted(written.counts)
    return written


def _store(preprocessor: dict[str, Any], folder: Path) -> dict[str, Any]:
    path = folder / PREPROCESSOR_FILE
    write_text_atomically(path, json.dumps(preprocessor, ensure_ascii=False, allow_nan=False, indent=1))
    return {"name": path.name, "sha256": hash_file(path), "size_bytes": path.stat().st_size}
