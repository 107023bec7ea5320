"""Markers, per column and as numbers."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import applied

FEW = settings(max_examples=12, deadline=None)
MARKERS = ["", "NA", " - "]
texts = st.lists(st.none() | st.sampled_from(["", " ", "NA", "na", "-", "1", " 2.5 ", "x", "-1e2"]), max_size=8)


def marked(value: str | None) -> str | None:
    return None if value is None or value.strip() in ("", "NA", "-") else value


@FEW
@given(values=texts, more=texts)
def test_markers_become_missing_and_texts_that_are_all_numbers_numbers(
    values: list[str | None], more: list[str | None]
) -> None:
    count = min(len(values), len(more))
    data = {"x": ("string", values[:count]), "y": ("string", more[:count])}

    done = applied(data, {"kind": "missing_values", "markers": MARKERS})

    for name in data:
        left = [marked(value) for value in data[name][1]]
        found: list[Any] = [value for value in left if value is not None]
        are_numbers = bool(found) and not any(value in ("x", "na") for value in found)
        assert done.types[name] == ("float64" if are_numbers else "string")
        assert done[name] == [None if value is None else float(value) if are_numbers else value for value in left]


def test_only_chosen_columns_are_looked_at() -> None:
    data = {
        "x": ("string", ["NA", "1"]),
        "y": ("string", ["NA", "1"]),
        "n": ("int64", [-999, 4]),
        "f": ("float64", [-999.0, 0.5]),
    }
    step = {"kind": "missing_values", "columns": ["x", "n"], "sentinels": [-999], "numbers": False}

    done = applied(data, step)

    assert (done["x"], done["y"], done["n"], done["f"]) == ([None, "1"], ["NA", "1"], [None, 4], [-999.0, 0.5])
    assert done.types == {"x": "string", "y": "string", "n": "int64", "f": "float64"}
    assert done.entry["cells_changed"] == {"x": 1, "n": 1}
    assert done.entry["cells_missing"] == {"x": 1, "n": 1}


def test_numbers_that_mean_missing_are_looked_for_in_every_numeric_column() -> None:
    data = {"n": ("int64", [-999, 4, None]), "f": ("float64", [9e9, -0.0, 1.0])}

    done = applied(data, {"kind": "missing_values", "sentinels": [-999, 9e9, 0]})

    assert (done["n"], done["f"]) == ([None, 4, None], [None, None, 1.0])
