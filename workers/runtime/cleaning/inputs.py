"""The files of a job's input that are data."""

from __future__ import annotations

from pathlib import Path

from workers.runtime.cleaning.errors import UserError
from workers.runtime.context import JobContext


def dataset_files(ctx: JobContext) -> list[Path]:
    """The Parquet files of the input `dataset`; what lies beside them (a preprocessor) is left out.

    Raises:
        UserError: `no_files`.
    """
    files = [file for file in ctx.input("dataset").files if file.suffix == ".parquet"]
    if not files:
        raise UserError("no_files", "the dataset has no Parquet file")
    return files
