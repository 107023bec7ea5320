"""Entry point of the data jobs."""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Callable
from typing import Any

import duckdb

from workers.contracts import exit_codes
from workers.runtime.cleaning.errors import UserError, is_disk_full
from workers.runtime.context import JobContext, job_context

JOBS = ("collect", "ingest", "profile", "clean", "validate", "compare")
"""Each is a module beside this one with a function of its name. Only the one that runs is imported: a profile need not
wait for Daft."""


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
        _report(ctx, result)
    except UserError as error:
        return _fail(ctx, error)
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        traceback.print_exc()
        return _fail(ctx, UserError("out_of_memory", f"the job needs more memory than it was given: {error}"))
    except Exception as error:
        if not is_disk_full(error):
            raise
        traceback.print_exc()
        detail = "a disk that the job writes to is full: the log says where; make room and run it again"
        return _fail(ctx, UserError("disk_full", detail))
    return exit_codes.COMPLETED


def _report(ctx: JobContext, result: dict[str, Any]) -> None:
    try:
        ctx.report(result)
    except ValueError as error:
        raise UserError("result_too_large", f"the data has too many columns for one result: {error}") from None


def _fail(ctx: JobContext, error: UserError) -> int:
    print(f"error: {error}", file=sys.stderr)
    with contextlib.suppress(OSError):  # that disk is full too: what was printed is in the log
        ctx.report(error.to_json())
    return exit_codes.USER_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
