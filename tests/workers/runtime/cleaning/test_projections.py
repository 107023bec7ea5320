"""Functions of ours in one plan are not taken for each other."""

from __future__ import annotations

from typing import Any

import daft
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from daft import col, lit
from daft.pickle import dumps, loads

from tests.workers.runtime.cleaning.steps.applying import applied
from workers.runtime.cleaning.among import among
from workers.runtime.cleaning.batches import by_batch, together
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.projections import computed, filtered
from workers.runtime.cleaning.schema import Column
from workers.runtime.cleaning.steps.moments import number
from workers.runtime.cleaning.watch import Watched

ROWS = pa.table({"__ordinal": [0, 1, 2], "x": [1.0, 5.0, None], "y": [10.0, 20.0, 30.0]})


def test_columns_that_functions_made_are_computed_with() -> None:
    frame = computed(daft.from_arrow(ROWS), {"x": number("x"), "y": number("y")})
    frame = computed(frame, {"a": among(np.array([0]))})
    frame = computed(frame, {"b": among(np.array([1]))})

    assert frame.select((col("x") + col("y")).alias("z")).to_pydict() == {"z": [11.0, 25.0, None]}
    assert frame.where(col("x") + col("y") > lit(20.0)).to_pydict()["y"] == [20.0]
    assert frame.select((col("a") | col("b")).alias("z")).to_pydict() == {"z": [True, True, False]}


def test_two_functions_in_one_expression_are_refused() -> None:
    frame = daft.from_arrow(ROWS)
    with pytest.raises(ValueError, match="column 'z': 2 functions in one expression"):
        computed(frame, {"z": number("x").is_null() | number("y").is_null()})

    once = number("x")
    twice = computed(frame, {"z": (once > lit(0.0)) | (once < lit(0.0))})
    assert twice.to_pydict()["z"] == [True, True, None]


def test_filters_by_functions_are_not_taken_for_each_other() -> None:
    """Bare `where(~a).where(b)` keeps no row of these: Daft merges both, and asks the first one twice."""
    frame = daft.from_arrow(ROWS)
    left = filtered(filtered(frame, ~among(np.array([1, 2]))), among(np.array([0, 1])))
    assert left.to_pydict() == {"__ordinal": [0], "x": [1.0], "y": [10.0]}
    assert filtered(left, col("x") > lit(0.0)).to_pydict() == left.to_pydict()

    far = filtered(filtered(frame, number("y") > lit(15.0)), among(np.array([0, 1])))
    assert far.to_pydict()["__ordinal"] == [1]


def test_rows_that_a_plan_removes_and_filters_are_those_that_were_meant() -> None:
    columns = [Column("x", "float64"), Column("y", "float64")]
    plan = Plan(daft.from_arrow(ROWS), columns, None, 3, watched=Watched(lambda: ROWS))
    plan.filter(number("y") < lit(25.0))
    plan.filter(number("x") > lit(0.5))
    plan.remove(np.array([0]))
    assert plan.row_count == 1
    assert plan.frame.to_pydict() == {"__ordinal": [1], "x": [5.0], "y": [20.0]}
    assert plan.watched is not None
    assert plan.watched.look(["y"])().to_pydict() == {"__ordinal": [1], "y": [20.0]}


def test_data_of_very_many_columns_goes_through_functions_of_all_of_them() -> None:
    texts: dict[str, tuple[str, list[Any]]] = {f"t{at}": ("string", [f" {at}", None, "b "]) for at in range(120)}
    numbers: dict[str, tuple[str, list[Any]]] = {f"n{at}": ("float64", [at, None, at + 2.0]) for at in range(230)}

    done = applied(
        texts | numbers,
        {"kind": "normalise_text", "trim": True},
        {"kind": "impute", "numeric": "mean", "categorical": "constant", "fill_text": "?"},
        {"kind": "standardise"},  # arithmetic around a function: each is an operator of its own
    )

    assert done.rows.column("t119").to_pylist() == ["119", "?", "b"]
    assert done.rows.column("n229").to_pylist() == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])
    assert done.reports[0].entry["cells_changed"]["t0"] == 2


def test_what_changed_in_rows_that_leave_later_is_counted_too() -> None:
    done = applied(
        {"k": ("int64", [1, 1, 2, 2, 3]), "t": ("string", [" a", " b", "c ", "d ", "e"])},
        {"kind": "normalise_text", "columns": ["t"], "trim": True},
        {"kind": "drop_duplicates", "columns": ["k"]},
        {"kind": "normalise_text", "columns": ["t"], "case": "upper"},
        {"kind": "filter_rows", "expression": "k < 3"},
        {"kind": "drop_duplicates", "columns": ["t"]},
    )

    assert [report.entry["cells_changed"] for report in done.reports] == [{"t": 4}, {}, {"t": 3}, {}, {}]
    assert done.rows.column("t").to_pylist() == ["A", "C"]


def test_functions_that_are_computed_together_go_to_other_machines() -> None:
    packed = loads(dumps(together([number("x"), number("y")])))

    found = daft.from_arrow(ROWS).select(packed.alias("z")).to_pydict()["z"]
    assert found == [{"0": 1.0, "1": 10.0}, {"0": 5.0, "1": 20.0}, {"0": None, "1": 30.0}]


def test_rows_that_come_in_any_order_are_counted_alike() -> None:
    """As on Ray, where a function runs elsewhere and notes nothing here."""
    rows = pa.table({"__ordinal": [2, 0, 1, 3], "t": [" a", " b", "c ", "d"]})
    plan = Plan(daft.from_arrow(rows), [Column("t", "string")], None, 4, is_scattered=True)
    told: dict[str, int] = {}
    plan.change({"t": by_batch(pc.utf8_trim_whitespace, "t", "string", "string")}, told.__setitem__)
    plan.remove(np.array([0, 3]))

    plan.settle()

    assert told == {"t": 3}
    assert plan.read(["t"]).column("t").to_pylist() == ["c", "a"]
