"""Outliers: each way to find them, and each thing that becomes of them, against a plain statement."""

from __future__ import annotations

from typing import Any

import daft
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied, table_of
from tests.workers.runtime.cleaning.steps.numbers import FEW, close, deviation, floats, mean, quantile, tables, training
from workers.contracts.recipes import problems
from workers.runtime.cleaning.clean import run_step
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, Column
from workers.runtime.isolation import TREE_ROWS, expected_depth, grown

FACTORS = {"iqr": 1.5, "zscore": 3.0, "mad": 3.5}
Bounds = tuple[float, float] | None


def plain_bounds(method: str, known: list[float], factor: float | None, share: float) -> Bounds:
    """The lowest and the highest that is no outlier; None where there is no spread, or no value."""
    if not known:
        return None
    if method == "percentile":
        low, high = quantile(known, share), quantile(known, 1 - share)
        return None if low == high else (significant(low), significant(high))
    if method == "iqr":
        low, high = quantile(known, 0.25), quantile(known, 0.75)
        spread, below, above = high - low, low, high
    elif method == "zscore":
        spread, below, above = deviation(known), mean(known), mean(known)
    else:
        middle = quantile(known, 0.5)
        spread = 1.4826 * quantile([abs(value - middle) for value in known], 0.5)
        below = above = middle
    reach = (FACTORS[method] if factor is None else factor) * spread
    return None if len(set(known)) == 1 or spread == 0 else (significant(below - reach), significant(above + reach))


@FEW
@given(
    data=tables(),
    method=st.sampled_from(["iqr", "zscore", "mad", "percentile"]),
    replace=st.sampled_from(["median", "mean", "null", "winsorise", "flag"]),
    factor=st.sampled_from([None, 0.5, 1.0]),
    share=st.sampled_from([0.1, 0.3]),
)
def test_values_beyond_bounds(
    data: dict[str, Any], method: str, replace: str, factor: float | None, share: float
) -> None:
    step = {"kind": "outliers", "method": method, "replace": replace, "factor": factor, "share": share}
    done = applied(data, step)

    for name in ("x", "n"):
        known, values = training(data, name), floats(data[name][1])
        bounds = plain_bounds(method, known, factor, share)
        low, high = bounds or (-np.inf, np.inf)
        odd = [value is not None and not low <= value <= high for value in values]
        if replace == "flag":
            assert done[f"{name}_outlier"] == [float(flag) for flag in odd]
            assert (done[name], done.types[name]) == (data[name][1], data[name][0])
            continue
        within = [value for value in known if low <= value <= high]
        instead: dict[str, Any] = {"null": None}
        if bounds is not None:
            instead |= {
                "median": significant(quantile(known, 0.5)),
                "mean": mean(within) if within else significant(quantile(known, 0.5)),
            }
        expected = [
            value
            if not flag or value is None
            else _bound(value, low, high)
            if replace == "winsorise"
            else instead[replace]
            for value, flag in zip(values, odd, strict=True)
        ]
        assert close(done[name], expected)
        assert done.entry["cells_changed"].get(name, 0) == sum(odd)
    codes = {each["column"]: each["code"] for each in done.entry["warnings"] if each["column"]}
    assert codes == {
        name: "zero_spread" if training(data, name) else "all_missing"
        for name in ("x", "n")
        if plain_bounds(method, training(data, name), factor, share) is None
    }


def _bound(value: float, low: float, high: float) -> float:
    return low if value < low else high


@FEW
@given(data=tables())
def test_rows_are_left_out_of_the_training_part_only(data: dict[str, Any]) -> None:
    done = applied(data, {"kind": "outliers", "replace": "drop", "columns": ["x"]})

    low, high = plain_bounds("iqr", training(data, "x"), None, 0.01) or (-np.inf, np.inf)
    sides = data["__split"][1] if "__split" in data else ["train"] * len(data["x"][1])
    assert done.ordinals == [
        place
        for place, (value, side) in enumerate(zip(data["x"][1], sides, strict=True))
        if value is None or low <= value <= high or side == "test"
    ]
    assert done["x"] == [data["x"][1][place] for place in done.ordinals]
    assert "not_served" in {each["code"] for each in done.entry["warnings"]}


def _cloud(rows: int = 60) -> dict[str, Any]:
    """A ring of rows with one row in its middle, which is odd in no column alone, and one far away."""
    random = np.random.default_rng(5)
    angle = random.uniform(0, 2 * np.pi, rows)
    x, y = np.cos(angle) + random.normal(0, 0.02, rows), np.sin(angle) + random.normal(0, 0.02, rows)
    x[0], y[0], x[1], y[1] = 0.0, 0.0, 9.0, 9.0
    gap = [None if place == 5 else float(value) for place, value in enumerate(x)]
    return {"x": ("float64", gap), "y": ("float64", y.tolist()), "none": ("float64", [None] * rows)}


@pytest.mark.parametrize("replace", ["flag", "null", "median", "mean", "drop"])
def test_a_forest_finds_rows_that_are_soon_alone(replace: str) -> None:
    data = _cloud()
    step = {"kind": "outliers", "method": "isolation_forest", "share": 0.03, "replace": replace, "seed": 3}

    done = applied(data, step)

    assert {each["code"] for each in done.entry["warnings"] if each["column"]} == {"all_missing"}
    if replace == "flag":
        odd = [place for place, flag in enumerate(done["is_outlier"]) if flag]
        assert 1 in odd
        assert len(odd) == 2  # 3 % of 60 rows
    elif replace == "drop":
        assert 1 not in done.ordinals
        assert len(done.ordinals) == 58
    else:
        middle = {
            "null": None,
            "median": significant(quantile(training(data, "y"), 0.5)),
            "mean": mean(training(data, "y")),
        }
        assert done["y"][1] == middle[replace]
        assert done.entry["cells_changed"] == {"x": 2, "y": 2}


def test_a_forest_is_the_same_for_rows_in_any_order_and_another_for_another_seed() -> None:
    data = _cloud(40)
    step = {"kind": "outliers", "method": "isolation_forest", "share": 0.2, "replace": "flag"}

    def flags(order: list[int], **more: int) -> list[float]:
        rows = table_of(data).take(order)
        columns = [Column(name, kind) for name, (kind, _) in data.items()]
        plan = Plan(daft.from_arrow(rows), columns, None, rows.num_rows)
        run_step(Recipe.from_json([{**step, **more}]).steps[0], plan)
        found: list[float] = plan.read([ORDINAL, "is_outlier"]).sort_by(ORDINAL).column("is_outlier").to_pylist()
        return found

    straight = flags(list(range(40)))
    assert straight == flags(np.random.default_rng(1).permutation(40).tolist())
    assert straight != flags(list(range(40)), seed=1)


def test_scores_are_those_of_the_paper() -> None:
    rows = np.random.default_rng(2).normal(size=(300, 2))
    forest = grown(rows, seed=4)

    def depth(row: Any, node: int) -> float:
        if forest.feature[node] < 0:
            return float(forest.value[node])
        goes_right = row[forest.feature[node]] > forest.value[node]
        return depth(row, int(forest.left[node]) + int(goes_right))

    expected = [
        2 ** (-np.mean([depth(row, int(root)) for root in forest.roots]) / expected_depth(TREE_ROWS))
        for row in rows[:5]
    ]
    assert np.allclose(forest.scores(rows[:5]), expected, rtol=1e-12)
    assert np.array_equal(forest.scores(rows)[:5], forest.scores(rows[:5]))
    assert (expected_depth(1), expected_depth(2)) == (0.0, 1.0)
    assert expected_depth(256) == pytest.approx(10.24, abs=0.01)


@pytest.mark.parametrize("rows", [[], [None], [1.0], [2.0, 2.0, 2.0]])
def test_a_forest_of_rows_that_are_alike_finds_none(rows: list[Any]) -> None:
    done = applied({"x": ("float64", rows)}, {"kind": "outliers", "method": "isolation_forest", "replace": "flag"})

    assert done["is_outlier"] == [0.0] * len(rows)


def test_a_forest_has_no_bound_to_draw_values_back_to() -> None:
    found = problems([{"kind": "outliers", "method": "isolation_forest", "replace": "winsorise"}])

    assert list(found) == ["steps[0].replace"]
