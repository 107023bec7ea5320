"""Where jobs evaluate: `ingest` and `clean` beside what they write, and `validate` for a version that is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.engine import open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.inputs import dataset_files
from workers.runtime.cleaning.parts import Written
from workers.runtime.cleaning.quality.evaluate import evaluate
from workers.runtime.cleaning.quality.rules import Rule
from workers.runtime.cleaning.quality.table import Result, Table
from workers.runtime.cleaning.schema import ORDINAL, Column, columns_of, described, parquet_table
from workers.runtime.context import JobContext


def evaluated_beside(
    ctx: JobContext, connection: duckdb.DuckDBPyConnection, folder: Path, written: Written
) -> dict[str, list[Result]]:
    """`{"expectations": […]}` of what a job has just written; nothing where it was not asked to look.

    Raises:
        UserError: the parameters are at fault.
    """
    if "expectations" not in ctx.parameters:
        return {}
    files = [str(folder / file["name"]) for file in written.files]
    return {"expectations": _evaluated(ctx, connection, files, written.columns, written.row_count)}


def validated(ctx: JobContext) -> dict[str, Any]:
    """`validate`. Input `dataset`, and those that the expectations name; parameters `expectations`,
    `version_created_at`."""
    connection = open_duckdb(ctx, ctx.work_dir)
    files = [str(file) for file in dataset_files(ctx)]
    table = parquet_table(files)
    row_count = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # noqa: S608 - through `literal`
    columns = [one for one in columns_of(described(connection, table), "the dataset") if one.name != ORDINAL]
    return {"expectations": _evaluated(ctx, connection, files, columns, row_count)}


def _evaluated(
    ctx: JobContext,
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    columns: Sequence[Column],
    row_count: int,
) -> list[Result]:
    rules = _rules(ctx.parameters.get("expectations"))
    names = {rule.input for rule in rules if rule.input is not None}
    references = {name: parquet_table([str(file) for file in dataset_files(ctx, name)]) for name in sorted(names)}
    now = datetime.now(UTC).replace(tzinfo=None)
    made = ctx.parameters.get("version_created_at")
    created_at = datetime.fromisoformat(made).astimezone(UTC).replace(tzinfo=None) if made else now
    return evaluate(Table(connection, parquet_table(files), columns, row_count, now, created_at, references), rules)


def _rules(value: Any) -> list[Rule]:
    try:
        return [Rule.from_json(one) for one in value]
    except TypeError as error:
        raise UserError("invalid_parameters", f"expectations are not of the agreed form: {error}") from None
