"""What steps share that make other values of values and may find some that cannot be converted."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping

from daft import Expression, col

from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.schema import ORDINAL
from workers.runtime.cleaning.steps.base import Outcome, Step

NAMED_VALUES = 5


def convert(step: Step, plan: Plan, made: Mapping[str, Expression], kind: str, on_error: str) -> Outcome:
    """Give columns other values, of another type; a value that became missing by it could not be converted.

    Args:
        on_error: `null`, `fail` or `drop`, as the option of that name.

    Raises:
        RecipeError: `not_converted`, for `fail`.
    """
    outcome = Outcome()
    hidden = {name: f"__made {name}" for name in made}
    plan.compute({hidden[name]: expression for name, expression in made.items()})
    failed = {name: ~col(name).is_null() & col(hidden[name]).is_null() for name in made}
    counts: dict[str, int] = {}

    def told(name: str, count: int) -> None:
        counts[name] = count
        if count:
            outcome.changed(name, count)
            outcome.warn("not_converted", name, f"{count} values could not be converted", rows=count)

    plan.count_later((flags, functools.partial(told, name)) for name, flags in failed.items())
    if on_error == "fail":
        plan.settle()
        _refuse(step, plan, failed, counts)
    elif on_error == "drop":
        plan.filter(~functools.reduce(operator.or_, failed.values()))
    plan.replace({name: col(hidden[name]) for name in made}, kind)
    return outcome


def _refuse(step: Step, plan: Plan, failed: dict[str, Expression], counts: dict[str, int]) -> None:
    name = next((name for name, count in counts.items() if count), None)
    if name is None:
        return
    rows = plan.frame.where(failed[name]).select(ORDINAL, name).sort(ORDINAL).limit(NAMED_VALUES).to_arrow()
    shown = ", ".join(
        f"{plain(value)!r} (row {ordinal})"
        for ordinal, value in zip(rows.column(ORDINAL).to_pylist(), rows.column(name).to_pylist(), strict=True)
    )
    raise step.error(f"{counts[name]} values of column {name!r} cannot be converted: {shown}", name, "not_converted")
