"""Filter and derive: what an expression says is another test's; here, what becomes of rows and columns."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied

FEW = settings(max_examples=12, deadline=None)
numbers = st.lists(st.tuples(st.none() | st.integers(-50, 50), st.none() | st.integers(-5, 5)), max_size=10)


@FEW
@given(rows=numbers)
def test_rows_are_kept_where_it_is_true(rows: list[tuple[int | None, int | None]]) -> None:
    data = {"a": ("int64", [a for a, _ in rows]), "b": ("int64", [b for _, b in rows])}

    done = applied(data, {"kind": "filter_rows", "expression": "a > 3 * b"})

    assert done.ordinals == [
        place for place, (a, b) in enumerate(rows) if a is not None and b is not None and a > 3 * b
    ]
    assert (done.entry["rows_in"], done.entry["rows_out"]) == (len(rows), len(done.ordinals))


@FEW
@given(rows=numbers)
def test_columns_are_computed_of_others_and_of_what_was_computed_before(
    rows: list[tuple[int | None, int | None]],
) -> None:
    data = {"a": ("int64", [a for a, _ in rows]), "b": ("int64", [b for _, b in rows])}

    done = applied(
        data,
        {"kind": "derive", "name": "ratio", "expression": "a / b"},
        {"kind": "derive", "name": "big", "expression": "coalesce(ratio, 0) > 2"},
        {"kind": "derive", "name": "a", "expression": "if(big, 'much', 'little')"},
        {"kind": "drop_columns", "columns": ["b"]},
    )

    ratios = [None if a is None or not b else a / b for a, b in rows]
    assert done.types == {"a": "string", "ratio": "float64", "big": "bool"}
    assert done["ratio"] == ratios
    assert done["big"] == [(ratio or 0) > 2 for ratio in ratios]
    assert done["a"] == ["much" if (ratio or 0) > 2 else "little" for ratio in ratios]


def test_a_count_is_of_the_rows_as_they_were() -> None:
    """What a step changed is counted although its rows are left out later."""
    data = {"x": ("string", [" a", "b", " c"]), "n": ("int64", [1, 2, 3])}

    done = applied(data, {"kind": "normalise_text"}, {"kind": "filter_rows", "expression": "n = 2"})

    assert done.reports[0].entry["cells_changed"] == {"x": 2}
    assert done["x"] == ["b"]
