"""One expectation as the job has it, and as SQL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.contracts.expectations import columns_of
from workers.contracts.expectations.values import moment_of
from workers.contracts.expressions import TYPES, expression
from workers.contracts.expressions.patterns import pattern
from workers.contracts.expressions.spelling import spelled
from workers.runtime.cleaning.expression_sql import to_sql
from workers.runtime.cleaning.schema import SQL_TYPES, literal, quoted

INT64_LEAST, INT64_MOST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """An expectation, as the control plane asked for it."""

    id: str
    revision: int
    kind: str
    parameters: Mapping[str, Any]
    input: str | None = None
    """Name of the job's input that it is held against."""
    is_optional: bool = False
    """Without that input there is nothing to compare with yet, and nothing wrong."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        return cls(**value)

    @property
    def columns(self) -> list[str]:
        return columns_of(self.kind, self.parameters)

    @property
    def mostly(self) -> float:
        return float(self.parameters.get("mostly", 1))


def value_of(name: str, kind: str) -> str:
    """A column as SQL. What is not finite counts as missing, as everywhere."""
    column = quoted(name)
    return f"CASE WHEN isfinite({column}) THEN {column} END" if kind == "float64" else column


def fails(rule: Rule, types: Mapping[str, str]) -> str | None:
    """SQL that is true for a row that does not fulfil the rule, false for one that does, null for one that it is not
    about; None for a rule that is not about single rows, or needs more than the row."""
    if rule.kind == "custom":
        known = {name: kind for name, kind in types.items() if kind in TYPES}
        return f"NOT ({to_sql(expression(rule.parameters['expression'], known))})"
    if rule.kind not in ("not_null", "between", "in_set", "matches"):
        return None
    name = rule.parameters["column"]
    value, kind = value_of(name, types[name]), types[name]
    if rule.kind == "not_null":
        return f"({value}) IS NULL"
    if rule.kind == "matches":
        return f"NOT regexp_matches({value}, {literal(spelled(pattern(rule.parameters['pattern'])))})"
    if rule.kind == "in_set":
        return f"({value}) NOT IN ({', '.join(_constant(one, kind) for one in rule.parameters['values'])})"
    low, high = rule.parameters["minimum"], rule.parameters["maximum"]
    parts = [] if low is None else [f"({value}) >= {_bound(low, kind, up=True)}"]
    parts += [] if high is None else [f"({value}) <= {_bound(high, kind, up=False)}"]
    return f"NOT ({' AND '.join(parts)})"


def key_of(columns: list[str], types: Mapping[str, str]) -> str:
    """What makes rows equal: null where one of the values is missing."""
    values = [value_of(name, types[name]) for name in columns]
    if len(values) == 1:
        return values[0]
    present = " AND ".join(f"({value}) IS NOT NULL" for value in values)
    return f"CASE WHEN {present} THEN row({', '.join(values)}) END"


def _constant(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"CAST({literal(repr(value))} AS {'BIGINT' if kind == 'int64' and isinstance(value, int) else 'DOUBLE'})"


def _bound(value: Any, kind: str, *, up: bool) -> str:
    """A limit in the type of the column, so that a whole number is not compared as a float."""
    if isinstance(value, str):
        found = moment_of(value)
        return f"CAST({literal(found.isoformat() if found else value)} AS {SQL_TYPES[kind]})"
    if kind == "int64":
        whole = math.ceil(value) if up else math.floor(value)
        if not INT64_LEAST <= whole <= INT64_MOST:
            return f"CAST({literal(repr(float(value)))} AS DOUBLE)"
        return f"CAST({literal(str(whole))} AS BIGINT)"
    return f"CAST({literal(repr(float(value)))} AS DOUBLE)"
