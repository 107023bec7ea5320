"""From figures to an outcome, kind by kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from workers.runtime.cleaning.quality.counting import Counted
from workers.runtime.cleaning.quality.references import shifted, strangers
from workers.runtime.cleaning.quality.rules import Rule
from workers.runtime.cleaning.quality.table import Result, Table, problem, result
from workers.runtime.cleaning.rounding import significant

SECONDS_AN_HOUR = 3600


def judge(table: Table, rule: Rule, counted: Counted | None) -> Result:
    """What became of a rule that fits the table.

    Args:
        counted: its figures of the one pass; None for a kind that is not in it.
    """
    by_kind: dict[str, Callable[[Table, Rule, Counted], Result]] = {
        "type": _type,
        "row_count": _row_count,
        "freshness": _freshness,
        "foreign_key": _foreign_key,
        "distribution": _distribution,
    }
    return by_kind.get(rule.kind, _rows)(table, rule, counted or Counted())


def _rows(_table: Table, rule: Rule, counted: Counted) -> Result:
    """A share of the rows that a rule is about fulfil it: enough of them?"""
    kept = counted.checked - counted.failed
    ratio = kept / counted.checked if counted.checked else None
    enough = counted.failed == 0 or (ratio is not None and ratio >= rule.mostly)
    figures = {"rows_checked": counted.checked, "rows_failed": counted.failed}
    return result(
        rule, _outcome(enough), ratio=None if ratio is None else significant(ratio), seconds=counted.seconds, **figures
    )


def _type(table: Table, rule: Rule, _counted: Counted) -> Result:
    found = table.types[rule.parameters["column"]]
    return result(rule, _outcome(found == rule.parameters["type"]), observed={"type": found})


def _row_count(table: Table, rule: Rule, _counted: Counted) -> Result:
    low, high = rule.parameters["minimum"], rule.parameters["maximum"]
    fits = (low is None or table.row_count >= low) and (high is None or table.row_count <= high)
    return result(rule, _outcome(fits), observed={"rows": table.row_count})


def _freshness(table: Table, rule: Rule, counted: Counted) -> Result:
    newest: Any = counted.extreme if rule.parameters["column"] else table.created_at
    if isinstance(newest, date) and not isinstance(newest, datetime):
        newest = datetime.combine(newest, time.min)
    if newest is None:
        return result(rule, "failed", observed={"newest": None, "age_hours": None}, seconds=counted.seconds)
    hours = max(0.0, (table.now - newest).total_seconds() / SECONDS_AN_HOUR)
    observed = {"newest": newest.isoformat(), "age_hours": significant(round(hours, 6))}
    return result(rule, _outcome(hours <= rule.parameters["hours"]), observed=observed, seconds=counted.seconds)


def _foreign_key(table: Table, rule: Rule, counted: Counted) -> Result:
    reference = table.references.get(rule.input or "")
    if reference is None:
        return _nothing_there(rule)
    try:
        looked = strangers(table.connection, table.source, reference, rule, table.types)
    except LookupError:
        name = str(rule.parameters["target"])
        return problem(rule, "no_target", f"The other version has no such column {name!r} to compare with.", name=name)
    counted.failed, counted.ordinals = looked.failed, looked.ordinals
    return _rows(table, rule, counted)


def _distribution(table: Table, rule: Rule, _counted: Counted) -> Result:
    reference = table.references.get(rule.input or "")
    if reference is None:
        return _nothing_there(rule)
    found = shifted(table.connection, table.source, reference, rule, table.columns)
    left_out = found.pop("left_out")
    if left_out:
        names = ", ".join(left_out)
        return problem(rule, "not_compared", f"The other version has nothing to compare with: {names}.", names=names)
    return result(rule, _outcome(not found["beyond"]), observed=found)


def _nothing_there(rule: Rule) -> Result:
    if rule.is_optional:
        return result(rule, "skipped")
    at = str(rule.parameters["at"])
    return problem(rule, "no_reference", f"There is no published version {at!r} to compare with.", at=at)


def _outcome(is_fulfilled: bool) -> str:
    return "passed" if is_fulfilled else "failed"
