"""Comparisons and orders of MLflow's searches as SQL. What is compared is an expression of the caller's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import BooleanField, FloatField, IntegerField, OrderBy, TextField
from django.db.models.expressions import RawSQL

from apps.experiments.search.grammar import Comparison


class Sql(NamedTuple):
    """SQL and the values of its placeholders."""

    text: str
    values: tuple[Any, ...] = ()


NEVER: Final = Sql("FALSE")
_TEXTUAL: Final[Mapping[str, str]] = {
    "=": "{} = %s",
    "!=": "{} <> %s",
    "LIKE": "{} LIKE %s ESCAPE ''",
    "ILIKE": "{} ILIKE %s ESCAPE ''",
    "IN": "{} = ANY(%s::text[])",
    "NOT IN": "{} <> ALL(%s::text[])",
    "IS NULL": "{} IS NULL",
    "IS NOT NULL": "{} IS NOT NULL",
}
_NUMERIC: Final[Mapping[str, str]] = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "=", "!=": "<>"}


def text_compared(of: Sql, one: Comparison) -> Sql:
    """A text, or NULL where there is none: then nothing but IS NULL holds."""
    values = () if one.value is None else (list(one.value) if isinstance(one.value, tuple) else one.value,)
    return Sql(_TEXTUAL[one.operator].format(of.text), (*of.values, *values))


def number_compared(of: Sql, one: Comparison) -> Sql:
    """A number that is never NaN, or NULL."""
    return Sql(f"{of.text} {_NUMERIC[one.operator]} %s::float8", (*of.values, one.value))


def metric_compared(of: Sql, one: Comparison) -> Sql:
    """A number as text, `NaN` and infinities by their names; NaN is unequal to every number, and nothing else."""
    known = f"({of.text})::float8" if one.operator == "!=" else f"nullif({of.text}, 'NaN')::float8"
    return number_compared(Sql(known, of.values), one)


def param_compared(column: str, one: Comparison) -> Sql:
    """A parameter in a jsonb column: text, or what a job's run was submitted with, compared by how it is written."""
    key = one.name.key
    if one.operator in ("=", "!=", "IN", "NOT IN"):
        wanted = one.value if isinstance(one.value, tuple) else (str(one.value),)
        forms = [form for text in wanted for form in _forms(text)]
        verb = "= ANY" if one.operator in ("=", "IN") else "<> ALL"
        return Sql(f"({column} -> %s::text) {verb}(%s::jsonb[])", (key, forms))
    return text_compared(Sql(f"({column} ->> %s::text)", (key,)), one)


def _forms(text: str) -> list[str]:
    """The documents that are written so: the text, and what it is as JSON."""
    found = [json.dumps(text)]
    try:
        json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return found
    return [*found, text]


def _refused(text: str) -> Any:
    raise ValueError(text)


def condition(sql: Sql) -> RawSQL:
    """For `filter()`."""
    return RawSQL(f"({sql.text})", sql.values, output_field=BooleanField())  # noqa: S611 - values are bound


def text_order(of: Sql, *, is_downward: bool) -> list[OrderBy]:
    """By text, what has none last."""
    by = RawSQL(f'({of.text}) COLLATE "C"', of.values, output_field=TextField())  # noqa: S611
    return [OrderBy(by, descending=is_downward, nulls_last=True)]


def number_order(of: Sql, *, is_downward: bool) -> list[OrderBy]:
    by = RawSQL(f"({of.text})::float8", of.values, output_field=FloatField())  # noqa: S611
    return [OrderBy(by, descending=is_downward, nulls_last=True)]


def metric_order(of: Sql, *, is_downward: bool) -> list[OrderBy]:
    """By number; NaN after all numbers and nothing after that, either way."""
    rank = f"CASE ({of.text}) WHEN 'NaN' THEN 1 ELSE 0 END"
    number = Sql(f"nullif({of.text}, 'NaN')", of.values)
    ranked = RawSQL(f"({rank}) + ({of.text} IS NULL)::int * 2", (*of.values, *of.values), output_field=IntegerField())  # noqa: S611
    return [OrderBy(ranked), *number_order(number, is_downward=is_downward)]


def words_of(words: Mapping[str, str], one: Comparison) -> Sequence[str]:
    """Which keys of a dict have a value that satisfies the comparison, which is one of texts."""
    return [key for key, text in words.items() if _holds(text, one)]


def _holds(text: str, one: Comparison) -> bool:
    if one.operator in ("IN", "NOT IN") and isinstance(one.value, tuple):
        return (text in one.value) == (one.operator == "IN")
    if one.operator in ("IS NULL", "IS NOT NULL"):
        return one.operator == "IS NOT NULL"
    if one.operator in ("LIKE", "ILIKE"):
        return is_like(text, str(one.value), is_exact=one.operator == "LIKE")
    return (text == one.value) == (one.operator == "=")


def is_like(text: str, pattern: str, *, is_exact: bool) -> bool:
    """As SQL's LIKE without an escape, ILIKE where it is not exact. In time of the product of the lengths."""
    if not is_exact:
        text, pattern = text.lower(), pattern.lower()
    reached = [True] + [False] * len(text)
    for letter in pattern:
        if letter == "%":
            first = next((at for at, is_reached in enumerate(reached) if is_reached), len(text) + 1)
            reached = [at >= first for at in range(len(text) + 1)]
        else:
            reached = [False] + [reached[at] and letter in ("_", text[at]) for at in range(len(text))]
    return reached[-1]
