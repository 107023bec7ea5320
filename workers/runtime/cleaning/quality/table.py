"""What is evaluated, and what a result is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from workers.runtime.cleaning.quality.rules import Rule
from workers.runtime.cleaning.schema import Column

Result = dict[str, Any]
"""`{"expectation", "revision", "outcome", "rows_checked", "rows_failed", "ratio", "observed", "problem", "examples",
"seconds"}`: see `apps/datasets/services/results.Evaluated`."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is evaluated."""

    connection: duckdb.DuckDBPyConnection
    source: str
    """A table expression with an `__ordinal`."""
    columns: Sequence[Column]
    row_count: int
    now: datetime
    """UTC, without a zone, as all that follows."""
    created_at: datetime
    """When the version was made."""
    references: Mapping[str, str]
    """Name of an input → table expression."""

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.columns}


def result(rule: Rule, outcome: str, **more: Any) -> Result:
    """A result with everything that is not said left empty."""
    empty: Result = {
        "expectation": rule.id,
        "revision": rule.revision,
        "outcome": outcome,
        "rows_checked": None,
        "rows_failed": None,
        "ratio": None,
        "observed": {},
        "problem": None,
        "examples": [],
        "seconds": 0.0,
    }
    return empty | more


def problem(rule: Rule, code: str, detail: str, **params: str | int) -> Result:
    """That of a rule that could not be evaluated. A code never changes its meaning: pages translate by it."""
    return result(rule, "error", problem={"code": code, "detail": detail, "params": params})
