"""Entry point of the data jobs."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from typing import Any

import duckdb

from workers.contracts import exit_codes
from workers.runtime.cleaning.errors import UserError
from workers.runtime.context import JobContext, job_context

JOBS = ("ingest", "profile", "clean")
"""Each is a module beside this one with a function of its name. Only the one that runs is imported: an ingestion
need not wait for Daft."""


def main(arguments: list[str]) -> int:
    """Run one job and leave its result; the exit status."""
    if len(arguments) != 1 or arguments[0] not in JOBS:
        print(f"usage: python -m workers.runtime.cleaning {'|'.join(JOBS)}", file=sys.stderr)
        return exit_codes.USER_ERROR
    module = importlib.import_module(f"workers.runtime.cleaning.{arguments[0]}")
    job: Callable[[JobContext], dict[str, Any]] = getattr(module, arguments[0])
    ctx = job_context()
    try:
        result = job(ctx)
    except UserError as error:
        return _fail(ctx, error)
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        traceback.print_exc()
        return _fail(ctx, UserError("out_of_memory", f"the job needs more memory than it was given: {error}"))
    ctx.report(result)
    return exit_codes.COMPLETED


def _fail(ctx: JobContext, error: UserError) -> int:
    print(f"error: {error}", file=sys.stderr)
    ctx.report(error.to_json())
    return exit_codes.USER_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
