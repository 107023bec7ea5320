"""Is this list of steps one that a job can follow? First whatever the data, then with its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.contracts.recipes.kind import Kind, Serving, Warned
from workers.contracts.recipes.kinds import KINDS
from workers.contracts.recipes.labels import labels_of
from workers.contracts.recipes.options import shown, unknown
from workers.contracts.recipes.shape import Misfit, Shape

MAX_STEPS = 100

Problems = dict[str, list[str]]
"""Place → sentences: `{"steps[2].kind": ["…"]}`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a recipe.

    Args:
        step: its index, from 0; None for the list as a whole.
        option: the option at fault; empty for the step as a whole.
        detail: a sentence.
        column: the column at fault; empty when none is.
    """

    step: int | None
    option: str
    code: str
    detail: str
    column: str = ""

    @property
    def place(self) -> str:
        if self.step is None:
            return "steps"
        return f"steps[{self.step}].{self.option}" if self.option else f"steps[{self.step}]"

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("step", "option", "code", "detail", "column")}


def problems(steps: Any) -> Problems:
    """What is wrong whatever the data, by place; empty when nothing is."""
    return by_place(faults(steps))


def by_place(found: Iterable[Fault]) -> Problems:
    places: Problems = {}
    for fault in found:
        places.setdefault(fault.place, []).append(fault.detail)
    return places


def faults(steps: Any) -> list[Fault]:
    """The same as `problems`, in parts. All are of the code `invalid_recipe` or `unknown_step`."""
    if not isinstance(steps, list) or not steps:
        return [Fault(None, "", "invalid_recipe", "Takes a list of at least one step.")]
    if len(steps) > MAX_STEPS:
        return [Fault(None, "", "invalid_recipe", f"Takes at most {MAX_STEPS} steps; these are {len(steps)}.")]
    found = [fault for index, step in enumerate(steps) for fault in _in_step(index, step)]
    return found or list(_in_order(steps))


def recipe_fit(steps: Any, columns: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """What is wrong with a recipe for data of these columns (`[{"name", "type"}]`); empty when a job can begin with it.

    It ends at the first step that does not fit, for what that step leaves is not known.
    """
    found = faults(steps)
    if not found:
        try:
            shapes(steps, columns)
        except StepMisfit as misfit:
            found = [misfit.fault]
    return found


class StepMisfit(Exception):
    """A step does not fit the columns that those before it leave."""

    def __init__(self, index: int, misfit: Misfit) -> None:
        super().__init__(misfit.detail)
        detail = f"{misfit.detail[:1].upper()}{misfit.detail[1:]}{'' if misfit.detail.endswith(('.', '?')) else '.'}"
        self.fault = Fault(index, misfit.option, misfit.code, detail, misfit.column)
        self.misfit = misfit


def shapes(steps: Sequence[Mapping[str, Any]], columns: Iterable[Mapping[str, Any]]) -> list[Shape]:
    """The columns before each step, and after the last; for steps without problems.

    Raises:
        StepMisfit: one of them does not fit.
    """
    shape = Shape.of(columns, labels_of(steps)[0])
    found = [shape]
    for index, step in enumerate(steps):
        kind = KINDS[step["kind"]]
        try:
            shape = kind.flow(shape, kind.with_defaults(step))
        except Misfit as misfit:
            raise StepMisfit(index, misfit) from None
        found.append(shape)
    return found


def warnings(steps: Sequence[Mapping[str, Any]], columns: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What somebody who writes a recipe should know: `[{"step", "code", "detail", "column", "params"}]`, steps from 0.

    For steps that fit these columns; of those that do not, what can be said without columns.
    """
    try:
        known: list[Shape | None] = list(shapes(steps, columns))
    except StepMisfit:
        known = [None] * (len(steps) + 1)
    splits = [index for index, step in enumerate(steps) if step["kind"] == "split"]
    return [
        {
            "step": index,
            "code": found.code,
            "detail": found.detail,
            "column": found.column,
            "params": {"kind": step["kind"], **found.params},
        }
        for index, step in enumerate(steps)
        for found in _warned(KINDS[step["kind"]], step, known[index], index, splits)
    ]


def _warned(
    kind: Kind, step: Mapping[str, Any], shape: Shape | None, index: int, splits: Sequence[int]
) -> Iterator[Warned]:
    options = kind.with_defaults(step)
    is_split = bool(splits and splits[0] < index) or (shape is not None and shape.is_split)
    if kind.is_fitted(options) and not is_split:
        if splits:
            detail = "It learns from all rows, test rows among them: a split comes only after it."
            yield Warned("fitted_before_split", detail, params={"split": splits[0] + 1})
        else:
            yield Warned("fitted_without_split", "It learns from all rows: the recipe has no split.")
    if kind.served(options) is Serving.CANNOT:
        yield Warned("not_served", "A served model cannot do this to a record: it gets the value as it comes.")
    if shape is not None:
        yield from kind.warns(shape, options)


def _in_step(index: int, step: Any) -> Iterator[Fault]:
    if not isinstance(step, dict):
        yield Fault(index, "", "invalid_recipe", "Takes an object with a `kind`.")
        return
    kind = KINDS.get(step["kind"]) if isinstance(step.get("kind"), str) else None
    if kind is None:
        yield Fault(index, "kind", "unknown_step", unknown(step.get("kind"), sorted(KINDS)))
        return
    found = [
        Fault(index, str(name), "invalid_recipe", unknown(name, sorted(kind.options)))
        for name in step
        if name != "kind" and name not in kind.options
    ]
    for name, option in kind.options.items():
        if name not in step and option.required:
            found.append(Fault(index, name, "invalid_recipe", f"Is missing; takes {option.takes}."))
        elif name in step and not option.holds(step[name]):
            said = option.why(step[name]) or f"Takes {option.takes}, not {shown(step[name])}."
            found.append(Fault(index, name, "invalid_recipe", said))
    if not found:
        found = [Fault(index, name, "invalid_recipe", text) for name, text in kind.check(kind.with_defaults(step))]
    yield from found


def _in_order(steps: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, step in enumerate(steps):
        name = step["kind"]
        if KINDS[name].once and name in seen:
            yield Fault(index, "kind", "invalid_recipe", f"There is more than one {name!r}.")
        seen.add(name)
