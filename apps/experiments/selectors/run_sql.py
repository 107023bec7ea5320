"""Fields and conditions of the table of runs, as PostgreSQL computes them from the columns of a run.

Values of parameters and summaries are compared as `jsonb` is: numbers as numbers, text as text, and no cast can fail.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from django.db.models import BooleanField, Case, F, Func, JSONField, OrderBy, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import NullIf

from apps.experiments.models import Experiment, Run
from apps.experiments.selectors.run_fields import Condition, Field
from apps.experiments.selectors.runs import VALIDATION

_RUN: Final = Run._meta.db_table
COLUMNS: Final = {
    "name": "name",
    "kind": "kind",
    "experiment": "experiment__name",
    "dataset": "dataset_version__dataset__name",
    "requested_by": "requested_by__username",
    "created_at": "created_at",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "state": "state",
    "reason": "shown_reason",
    "project": "project__name",
    "notes": "notes",
    "image": "image",
    "seed": "seed",
}
"""Field of a run → what the ORM calls it; `shown_reason` is an annotation."""
EMPTY: Final = ("reason", "notes", "image")
"""Texts that may be empty."""
NUMERIC: Final = r"^[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?$"
"""Text that is a number, and no larger than PostgreSQL's."""
SECONDS: Final = f"extract(epoch FROM coalesce({_RUN}.ended_at, statement_timestamp()) - {_RUN}.started_at)"

_WORDS = ", ".join(f"'{word}'" for word in VALIDATION)
_FIRST: Final = f"""FROM jsonb_each({_RUN}.summary) m
    ORDER BY split_part(translate(m.key, '_', '/'), '/', 1) IN ({_WORDS}) DESC, m.key COLLATE "C" LIMIT 1"""
GOAL: Final = f"""(
SELECT CASE WHEN e.goal_metric <> '' THEN
    jsonb_build_object('key', e.goal_metric, 'mode', e.goal_mode, 'entry', {_RUN}.summary -> e.goal_metric)
ELSE (
    SELECT jsonb_build_object('key', m.key, 'mode', e.goal_mode, 'entry', m.value) {_FIRST}
) END FROM {Experiment._meta.db_table} e WHERE e.id = {_RUN}.experiment_id)"""  # noqa: S608 - names of our own
"""`{"key", "mode", "entry"}` of the metric that a run is judged by: the one that its experiment names, else the
first validation metric, else the first."""
_FIRST_LAST: Final = f"(SELECT m.value -> 'last' {_FIRST})"
GOAL_LAST: Final = f"""(SELECT CASE WHEN e.goal_metric <> '' THEN {_RUN}.summary -> e.goal_metric -> 'last'
ELSE {_FIRST_LAST} END FROM {Experiment._meta.db_table} e WHERE e.id = {_RUN}.experiment_id)"""  # noqa: S608
"""Its last value alone."""


def json_sql(field: Field) -> tuple[str, list[Any]]:
    """SQL of a parameter, a label or a part of a metric's summary: jsonb, NULL where the run has none."""
    if field.group == "params":
        return f"nullif({_RUN}.parameters -> %s::text, 'null'::jsonb)", [field.key]
    if field.group == "labels":
        return f"{_RUN}.labels -> %s::text", [field.key]
    return f"{_RUN}.summary -> %s::text -> %s::text", [field.key, field.part]


def ordered_sql(field: Field) -> tuple[str, list[Any]]:
    """As `json_sql`, for comparing by size: a parameter that is text and reads as a number, as code that runs
    elsewhere sends them, is that number."""
    sql, params = json_sql(field)
    if field.group != "params":
        return sql, params
    number = "CASE WHEN jsonb_typeof(v) = 'string' AND v #>> '{}' ~ %s THEN to_jsonb((v #>> '{}')::numeric) ELSE v END"
    return f"(SELECT {number} FROM (SELECT {sql} AS v) p)", [NUMERIC, *params]  # noqa: S608 - names of our own


def json_value(field: Field) -> RawSQL:
    """A parameter, a label, or a part of a metric's summary."""
    sql, params = json_sql(field)
    return RawSQL(f"({sql})", params, output_field=JSONField())  # noqa: S611 - parameters are bound


def order_by(field: Field, *, downward: bool) -> list[OrderBy]:
    """Rows without a value come last either way; ties are broken by id."""
    ends: dict[str, Any] = {"nulls_last": True, "descending": downward}
    return [OrderBy(_sorted_by(field), **ends), OrderBy(F("id"), descending=downward)]


def is_value(field: Field) -> bool:
    """Whether it is read out of a document of the run, instead of being a column."""
    return field.group != "run" or field.key == "goal"


def _sorted_by(field: Field) -> Any:
    """What runs are ordered by."""
    if field.group != "run":
        sql, params = ordered_sql(field)
        return RawSQL(f"({sql})", params, output_field=JSONField())  # noqa: S611 - parameters are bound
    if field.key == "goal":
        # By a join: an experiment is not looked up for each of its runs.
        named = Func(F("summary"), F("experiment__goal_metric"), template="(%(expressions)s -> 'last')",
                     arg_joiner=" -> ", output_field=JSONField())  # fmt: skip
        first = RawSQL(_FIRST_LAST, [], output_field=JSONField())  # noqa: S611
        return Case(When(~Q(experiment__goal_metric=""), then=named), default=first, output_field=JSONField())
    if field.key == "duration_seconds":
        return RawSQL(SECONDS, [])  # noqa: S611
    # An empty text is no value either.
    return NullIf(F(COLUMNS[field.key]), Value("")) if field.key in EMPTY else F(COLUMNS[field.key])


def condition_q(condition: Condition) -> Q | RawSQL:
    """One condition, for `filter`. A run without the value meets only `= null`, and `!=` of a column of its own."""
    field = condition.field
    if field.group != "run":
        ordered = condition.operator in (">", ">=", "<", "<=")
        return _json_condition(condition, *(ordered_sql if ordered else json_sql)(field))
    if field.key == "goal":
        return _json_condition(condition, GOAL_LAST, [])
    if field.key == "duration_seconds":
        return _number_condition(condition, SECONDS, f"{_RUN}.started_at")
    if field.key == "seed":
        return _number_condition(condition, f"{_RUN}.seed", f"{_RUN}.seed")
    if field.key == "tag":
        return _tag_condition(condition)
    return _column_condition(condition, COLUMNS[field.key])


def _json_condition(condition: Condition, sql: str, params: list[Any]) -> RawSQL:
    value, operator = condition.value, condition.operator
    if value is None:
        return _raw(f"({sql}) IS {'NOT ' if operator == '!=' else ''}NULL", params)
    if operator == "~":
        return _raw(f"({sql}) #>> '{{}}' ILIKE %s", [*params, f"%{_escaped(condition.plain)}%"])
    if operator in ("=", "!="):
        same = f"(({sql}) = %s::jsonb OR ({sql}) = %s::jsonb)"
        bound = [*params, _jsonb(value), *params, _jsonb(condition.plain)]
        return _raw(same if operator == "=" else f"NOT {same}", bound)
    return _raw(f"(jsonb_typeof({sql}) = 'number' AND ({sql}) {operator} %s::jsonb)", [*params, *params, _jsonb(value)])


def _number_condition(condition: Condition, sql: str, known: str) -> RawSQL:
    """Of a column of numbers that is null where `known` is."""
    if condition.value is None:
        return _raw(f"{known} IS {'NOT ' if condition.operator == '!=' else ''}NULL", [])
    return _raw(f"{sql} {condition.operator} %s", [condition.value])


def _tag_condition(condition: Condition) -> RawSQL:
    if condition.operator == "~":
        words = f"EXISTS (SELECT 1 FROM jsonb_array_elements_text({_RUN}.tags) t WHERE t ILIKE %s)"  # noqa: S608
        return _raw(words, [f"%{_escaped(condition.plain)}%"])
    has = f"{_RUN}.tags @> %s::jsonb"
    return _raw(has if condition.operator == "=" else f"NOT {has}", [_jsonb([condition.plain])])


def _column_condition(condition: Condition, name: str) -> Q:
    value = condition.value if isinstance(condition.value, datetime) or condition.value is None else condition.plain
    lookups = {"=": "", "!=": "", "~": "__icontains", ">": "__gt", ">=": "__gte", "<": "__lt", "<=": "__lte"}
    found = Q(**{f"{name}__isnull": True}) if value is None else Q(**{f"{name}{lookups[condition.operator]}": value})
    return ~found if condition.operator == "!=" else found


def _raw(sql: str, params: list[Any]) -> RawSQL:
    return RawSQL(sql, params, output_field=BooleanField())  # noqa: S611


def _jsonb(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    """For LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
