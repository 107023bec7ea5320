"""Filling gaps: each way against a plain statement."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied
from tests.workers.runtime.cleaning.steps.numbers import (
    FEW,
    Value,
    close,
    deviation,
    floats,
    mean,
    quantile,
    tables,
    training,
)
from workers.contracts.recipes import problems, recipe_fit
from workers.runtime.cleaning.errors import RecipeError
from workers.runtime.cleaning.rounding import significant


def most_frequent(values: list[Any]) -> Any:
    counts = Counter(values)
    return min((value for value in counts if counts[value] == max(counts.values())), default=None)


def usual(numeric: str, known: list[float]) -> Value:
    if numeric == "constant":
        return -1.5
    if not known:
        return None
    if numeric == "mode":
        return float(most_frequent(known))
    return mean(known) if numeric == "mean" else significant(quantile(known, 0.5))


@FEW
@given(
    data=tables(),
    texts=st.lists(st.none() | st.sampled_from("ab"), min_size=12, max_size=12),
    truths=st.lists(st.none() | st.booleans(), min_size=12, max_size=12),
    numeric=st.sampled_from(["median", "mean", "mode", "constant"]),
    categorical=st.sampled_from(["mode", "constant"]),
    indicator=st.booleans(),
)
def test_one_value_fills_a_column(
    data: dict[str, Any],
    texts: list[Any],
    truths: list[Any],
    numeric: str,
    categorical: str,
    indicator: bool,
) -> None:
    count = len(data["x"][1])
    data = {**data, "s": ("string", texts[:count]), "b": ("bool", truths[:count])}
    step = {"kind": "impute", "numeric": numeric, "fill_number": -1.5, "categorical": categorical, "fill_text": "true"}

    done = applied(data, {**step, "indicator": indicator})

    for name in ("x", "n"):
        fill = usual(numeric, training(data, name))
        assert close(done[name], [fill if value is None else value for value in floats(data[name][1])])
        assert done.types[name] == "float64"
    sides = data["__split"][1] if "__split" in data else ["train"] * count
    for name in ("s", "b"):
        known = [
            value for value, side in zip(data[name][1], sides, strict=True) if value is not None and side == "train"
        ]
        constant = "true" if name == "s" else True
        fill = constant if categorical == "constant" else most_frequent(known)
        assert done[name] == [fill if value is None else value for value in data[name][1]]
    for name in ("x", "n", "s", "b") if indicator else ():
        assert done[f"{name}_missing"] == [float(value is None) for value in data[name][1]]


@FEW
@given(data=tables(), groups=st.lists(st.none() | st.sampled_from("abc"), min_size=12, max_size=12))
def test_a_group_has_a_median_of_its_own(data: dict[str, Any], groups: list[Any]) -> None:
    count = len(data["x"][1])
    data = {**data, "s": ("string", groups[:count])}

    done = applied(data, {"kind": "impute", "numeric": "group_median", "by": "s"})

    sides = data["__split"][1] if "__split" in data else ["train"] * count
    for name in ("x", "n"):
        values = floats(data[name][1])
        overall = usual("median", training(data, name))
        expected = []
        for value, group in zip(values, groups, strict=False):
            rows = zip(values, groups, sides, strict=False)
            own = [
                each
                for each, other, side in rows
                if each is not None and other == group is not None and side == "train"
            ]
            expected.append(
                significant(quantile(own, 0.5)) if value is None and own else overall if value is None else value
            )
        assert close(done[name], expected)
    assert done["s"] == groups[:count]


@FEW
@given(data=tables(), texts=st.lists(st.none() | st.sampled_from("ab"), min_size=12, max_size=12))
def test_the_value_before_is_carried_on_by_ordinal(data: dict[str, Any], texts: list[Any]) -> None:
    count = len(data["x"][1])
    data = {**data, "s": ("string", texts[:count]), "b": ("bool", [value and value == "a" for value in texts[:count]])}
    step = {"kind": "impute", "numeric": "forward_fill", "categorical": "forward_fill"}

    done = applied(data, step, ordinals=range(3, 3 + 2 * count, 2))

    for name in ("x", "n", "s", "b"):
        last, expected = None, []
        for value in floats(data[name][1]) if name in "xn" else data[name][1]:
            last = last if value is None else value
            expected.append(last)
        assert done[name] == expected
        missing = sum(value is None for value in data[name][1])
        assert done.entry["cells_changed"].get(name, 0) == missing - expected.count(None)
    assert "not_served" in {each["code"] for each in done.entry["warnings"]}


@FEW
@given(data=tables(), count=st.sampled_from([1, 2, 5]))
def test_similar_rows_fill_gaps(data: dict[str, Any], count: int) -> None:
    done = applied(data, {"kind": "impute", "numeric": "knn", "neighbours": count})

    known = {name: training(data, name) for name in ("x", "n")}
    names = [name for name in known if known[name]]
    values = {name: floats(data[name][1]) for name in names}
    scale = {name: deviation(known[name]) if len(set(known[name])) > 1 else 0.0 for name in names}
    rows = range(len(data["x"][1]))
    sample = [row for row in rows if "__split" not in data or data["__split"][1][row] == "train"]

    def distance(one: int, other: int) -> float:
        told = [
            (a - b) / scale[name]
            for name in names
            if scale[name] and (a := values[name][one]) is not None and (b := values[name][other]) is not None
        ]
        return sum(each**2 for each in told) / len(told) if told else math.inf

    for name in names:
        expected = []
        for row in rows:
            donors = [other for other in sample if values[name][other] is not None and distance(row, other) < math.inf]
            nearest = sorted(donors, key=lambda other: (distance(row, other), other))[:count]
            found = [values[name][other] or 0.0 for other in nearest]
            fill = sum(found) / len(found) if found else mean(known[name])
            expected.append(fill if values[name][row] is None else values[name][row])
        assert close(done[name], expected)


def test_a_sample_is_drawn_by_its_seed() -> None:
    data = {"x": ("float64", [None, *map(float, range(40))]), "y": ("float64", [3.2, *map(float, range(40))])}
    step = {"kind": "impute", "numeric": "knn", "neighbours": 1, "sample_rows": 10}
    found = [applied(data, {**step, "seed": seed})["x"][0] for seed in (0, 0, 1, 2)]

    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_only_chosen_columns_are_filled_and_bad_choices_refused() -> None:
    data = {"x": ("float64", [None, 1.0]), "y": ("float64", [None, 1.0]), "s": ("string", [None, "a"])}
    columns = [{"name": name, "type": kind} for name, (kind, _) in data.items()]

    done = applied(data, {"kind": "impute", "columns": ["x"]})

    assert (done["x"], done["y"], done["s"]) == ([1.0, 1.0], [None, 1.0], [None, "a"])
    assert list(problems([{"kind": "impute", "numeric": "constant"}])) == ["steps[0].fill_number"]
    assert list(problems([{"kind": "impute", "categorical": "constant"}])) == ["steps[0].fill_text"]
    assert list(problems([{"kind": "impute", "numeric": "group_median"}])) == ["steps[0].by"]
    by_number = recipe_fit([{"kind": "impute", "numeric": "group_median", "by": "y"}], columns)
    assert [(each.code, each.column) for each in by_number] == [("wrong_type", "y")]
    many = {"x": ("float64", [1.0] * 1001), "s": ("string", [str(each) for each in range(1001)])}
    with pytest.raises(RecipeError, match="at most 1000 make groups"):
        applied(many, {"kind": "impute", "numeric": "group_median", "by": "s"})
