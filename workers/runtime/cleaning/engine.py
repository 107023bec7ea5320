"""DuckDB and Daft, held to what the job was granted."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb

from workers.runtime.context import JobContext

MEMORY_SHARE = 0.6
"""Of the job's memory, what DuckDB may use before it spills to disk; the rest is Python, Arrow and Daft."""


def open_duckdb(ctx: JobContext, folder: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills below `folder`. Nothing is installed or fetched by it."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(folder / "duckdb-spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if ctx.resources is not None:
        config["threads"] = granted_threads(ctx) or 1
        config["memory_limit"] = f"{int(ctx.resources.memory_bytes * MEMORY_SHARE)}B"
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def granted_threads(ctx: JobContext) -> int | None:
    """Threads that the granted cores keep busy; None when nobody said how many were granted."""
    return None if ctx.resources is None else max(1, math.ceil(ctx.resources.cpu_millis / 1000))
