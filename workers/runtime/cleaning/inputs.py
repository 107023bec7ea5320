"""The files of a job's input that are data."""

from __future__ import annotations

from pathlib import Path

from workers.runtime.cleaning.errors import UserError
from workers.runtime.context import JobContext


def dataset_files(ctx: JobContext, name: str = "dataset") -> list[Path]:
    """The Parquet files of that input; what lies beside them (a preprocessor) is left out.

    Raises:
        UserError: `no_files`.
    """
    files = [file for file in ctx.input(name).files if file.suffix == ".parquet"]
    if not files:
        raise UserError("no_files", f"the input {name!r} has no Parquet file")
    return files
