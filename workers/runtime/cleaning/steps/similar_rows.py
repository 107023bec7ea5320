"""Gaps filled from rows that are alike."""

from __future__ import annotations

import functools
import operator
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from daft import Expression, col

from workers.runtime.cleaning.placed import placed
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.reading import Flags, Floats
from workers.runtime.cleaning.sampled import sampled
from workers.runtime.cleaning.schema import ORDINAL
from workers.runtime.cleaning.steps.base import Outcome
from workers.runtime.cleaning.steps.moments import learned_from, moments, number
from workers.runtime.neighbours import Neighbours


class Way(Protocol):
    """What a step is told about it."""

    @property
    def neighbours(self) -> int: ...

    @property
    def sample_rows(self) -> int: ...

    @property
    def seed(self) -> int: ...


def fill_from_similar(plan: Plan, names: list[str], outcome: Outcome, way: Way) -> dict[str, Any]:
    """Fill these columns of numbers; what was learned, as the preprocessor reads it."""
    means, stds, kept = [], [], []
    for name, found in plan.learn(names, _look):
        if found is None:
            outcome.has_none(name)
            continue
        kept.append(name)
        means.append(found[0])
        stds.append(found[1])
    plan.replace({name: number(name) for name in names}, "float64")
    if not kept:
        return {}
    sample = np.stack(sampled(plan, kept, way.sample_rows, way.seed).columns, axis=1)
    nearby = Neighbours(way.neighbours, np.array(means), np.array(stds), sample)
    has_gap = functools.reduce(operator.or_, (col(name).is_null() for name in kept))
    rows = plan.frame.where(has_gap).select(ORDINAL, *kept).to_arrow().sort_by(ORDINAL)
    before = np.stack([rows.column(name).to_numpy() for name in kept], axis=1)
    filled, ordinals = nearby.filled(before), rows.column(ORDINAL).to_numpy()
    made: dict[str, Expression] = {}
    for place, name in enumerate(kept):
        gaps = np.isnan(before[:, place])
        outcome.changed(name, int(np.count_nonzero(gaps)))
        made[name] = placed(name, "float64", ordinals[gaps], pa.array(filled[gaps, place]))
    plan.replace(made, "float64")
    return {"neighbours": {"names": kept, **nearby.to_json()}}


def _look(values: Floats, train: Flags) -> tuple[float, float] | None:
    """Mean and standard deviation; None where there is nothing to learn from."""
    known = learned_from(values, train)
    return moments(known) if len(known) else None
