"""Steps that make fewer values, or numbers, of categories."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied
from workers.runtime.cleaning.errors import RecipeError

FEW = settings(max_examples=12, deadline=None)
rows = st.lists(st.tuples(st.none() | st.sampled_from("abcd"), st.sampled_from(["train", "test"])), max_size=12)


@FEW
@given(rows=rows, ratio=st.sampled_from([0.1, 0.3, 0.6]), is_split=st.booleans())
def test_values_that_few_training_rows_have_become_one(
    rows: list[tuple[str | None, str]], ratio: float, is_split: bool
) -> None:
    data = {"x": ("string", [value for value, _ in rows])}
    data |= {"__split": ("string", [side for _, side in rows])} if is_split else {}

    done = applied(data, {"kind": "merge_rare", "least_ratio": ratio})

    seen = Counter(value for value, side in rows if value is not None and (side == "train" or not is_split))
    total = sum(seen.values())
    kept = {value for value, count in seen.items() if count >= ratio * total}
    expected = [value if value is None or value in kept or not total else "other" for value, _ in rows]
    assert done["x"] == expected
    codes = [each["code"] for each in done.entry["warnings"]]
    assert codes == ([] if total else ["all_missing"]) + ([] if is_split else ["fitted_without_split"])


def test_so_many_of_the_most_frequent_values_stay() -> None:
    values = ["a"] * 3 + ["c"] * 2 + ["b"] * 2 + ["d", None]
    step = {"kind": "merge_rare", "most_values": 2}

    done = applied({"x": ("string", values)}, step)

    assert done["x"] == ["a"] * 3 + ["other"] * 2 + ["b"] * 2 + ["other", None]
    few = applied({"x": ("string", values)}, {**step, "most_values": None, "least_rows": 3})
    assert few["x"] == ["a"] * 3 + ["other"] * 5 + [None]


def test_an_order_becomes_numbers() -> None:
    step = {"kind": "ordinal_encode", "column": "x", "order": ["low", "mid", "high"]}
    data = {"x": ("string", ["mid", "low", None, "none", "high"])}

    assert applied(data, step)["x"] == [1.0, 0.0, None, None, 2.0]
    with pytest.raises(RecipeError, match="not_converted"):
        applied(data, {**step, "otherwise": "fail"})
    truths = applied({"x": ("bool", [True, False, None])}, {**step, "order": ["false", "true"]})
    assert truths["x"] == [1.0, 0.0, None]


def test_true_and_false_are_categories_like_others() -> None:
    data = {"b": ("bool", [True, None, False, True]), "x": ("float64", [1.0] * 4)}

    done = applied(data, {"kind": "impute"}, {"kind": "one_hot"})

    assert (done["b=false"], done["b=true"]) == ([0, 0, 1, 0], [1, 1, 0, 1])
    filled = applied(data, {"kind": "impute"})
    assert (filled.types["b"], filled["b"]) == ("bool", [True, True, False, True])
