"""Every rule of a table, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import duckdb

from workers.contracts.expectations import KINDS, fits
from workers.runtime.cleaning.quality.counting import Counted, count_all
from workers.runtime.cleaning.quality.judge import judge
from workers.runtime.cleaning.quality.rules import Rule
from workers.runtime.cleaning.quality.shown import fitting, repeated, rows_by_ordinal
from workers.runtime.cleaning.quality.table import Result, Table, problem


def evaluate(table: Table, rules: Sequence[Rule]) -> list[Result]:
    """What became of each rule, in their order.

    Counts take one pass over the table, examples another over what they need, a reference one of its own. A rule that
    does not fit the table, or that the engine does not get through, is an error of that rule alone.

    Raises:
        duckdb.OutOfMemoryException: the job has too little memory.
    """
    misfits = {rule.id: _misfit(rule, table) for rule in rules}
    sound = [rule for rule in rules if misfits[rule.id] is None]
    counted = count_all(table.connection, table.source, [rule for rule in sound if _is_counted(rule)], table.types)
    found = {rule.id: misfits[rule.id] or _evaluated(table, rule, counted.get(rule.id)) for rule in rules}
    _show(table, rules, found, counted)
    return fitting([found[rule.id] for rule in rules])


def _is_counted(rule: Rule) -> bool:
    return KINDS[rule.kind].is_rowwise or (rule.kind == "freshness" and bool(rule.columns))


def _misfit(rule: Rule, table: Table) -> Result | None:
    """An expectation outlives the schema that it was written for."""
    if rule.kind not in KINDS:  # a job of an older release
        return problem(rule, "unknown_kind", f"This job does not know {rule.kind!r}.", kind=rule.kind)
    wrong = next(iter(fits(rule.kind, rule.parameters, table.types).values()), None)
    return problem(rule, "does_not_fit", wrong, text=wrong) if wrong else None


def _evaluated(table: Table, rule: Rule, counted: Counted | duckdb.Error | None) -> Result:
    if isinstance(counted, duckdb.Error):
        return _broken(rule, counted)
    started = time.perf_counter()
    try:
        found = judge(table, rule, counted)
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, ValueError) as error:
        return _broken(rule, error)
    found["seconds"] = round(found["seconds"] + time.perf_counter() - started, 6)
    return found


def _broken(rule: Rule, error: Exception) -> Result:
    said = str(error).partition("\n")[0][:300]
    return problem(rule, "not_evaluated", f"It could not be evaluated: {said}", text=said)


def _show(
    table: Table,
    rules: Sequence[Rule],
    found: Mapping[str, Result],
    counted: Mapping[str, Counted | duckdb.Error],
) -> None:
    """Put examples into the results of what is not fulfilled by every row."""
    figures = {key: one for key, one in counted.items() if isinstance(one, Counted)}
    wanted = {key: one.ordinals for key, one in figures.items() if one.ordinals and found[key]["rows_failed"]}
    by_id = {rule.id: rule for rule in rules}
    shown = rows_by_ordinal(table.connection, table.source, wanted, by_id, table.types)
    for key, some in shown.items():
        found[key]["examples"] = some
    for rule in rules:
        if rule.kind == "unique" and found[rule.id]["rows_failed"]:
            found[rule.id]["examples"] = repeated(table.connection, table.source, rule, table.types)
