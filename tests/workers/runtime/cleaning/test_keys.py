"""What is decided about rows by keys and ordinals, and quantiles, against plain statements of the same rules."""

from __future__ import annotations

import daft
import hypothesis.strategies as st
import numpy as np
import pytest
from daft import col, lit
from daft.functions import strip, when
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from workers.runtime.cleaning.among import among, flags_of
from workers.runtime.cleaning.clean import use_runner
from workers.runtime.cleaning.keys import lowest, repeated
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.quantiles import quantiles
from workers.runtime.cleaning.schema import Column

few = st.integers(0, 3).map(lambda number: number << 62 | number)
"""Keys that often meet, in their first bits and their last."""


def columns(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keys, others = (np.array([row[place] for row in rows], dtype=np.uint64) for place in (0, 1))
    return keys, others, np.arange(len(rows), dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(few, few), max_size=12), seed=st.integers(0, 99))
def test_rows_are_repeated_whose_key_a_lower_ordinal_has(rows: list[tuple[int, int]], seed: int) -> None:
    keys, others, ordinals = columns(rows)
    order = np.random.default_rng(seed).permutation(len(rows))

    found = repeated(keys[order], others[order], ordinals[order])

    assert found.tolist() == [number for number, row in enumerate(rows) if row in rows[:number]]


@settings(max_examples=60, deadline=None)
@given(keys=st.lists(few, max_size=12), share=st.floats(0, 1))
def test_lowest_keys_then_lowest_ordinals(keys: list[int], share: float) -> None:
    count = int(len(keys) * share)

    found = lowest(np.array(keys, dtype=np.uint64), np.arange(len(keys), dtype=np.int64), count)

    assert sorted(found.tolist()) == sorted(sorted(range(len(keys)), key=lambda place: (keys[place], place))[:count])


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(0, 9), max_size=12), chosen=st.sets(st.integers(0, 9)))
def test_ordinals_are_found_in_rows_in_any_order(values: list[int], chosen: set[int]) -> None:
    found = flags_of(np.array(values, dtype=np.int64), np.array(sorted(chosen), dtype=np.int64))

    assert found.tolist() == [value in chosen for value in values]


def test_rows_are_chosen_by_ordinal_in_a_plan() -> None:
    use_runner("native", None)  # as the jobs of other tests in this process do
    frame = daft.from_pydict({"__ordinal": list(range(10)), "a": list("abcdefghij")})

    kept = frame.where(~among(np.array([0, 3, 9]))).to_pydict()

    assert kept["a"] == list("bcefghi")


@settings(max_examples=60, deadline=None)
@given(
    values=arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e9, 1e9)),
    levels=st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_quantiles_are_those_of_numpy(values: np.ndarray, levels: list[float]) -> None:
    before = values.copy()

    assert quantiles(values, levels) == pytest.approx(np.quantile(values, levels).tolist(), rel=1e-15, abs=1e-300)
    assert (values == before).all()


def test_rows_are_removed_and_chosen_by_ordinals_many_times_over() -> None:
    """Daft takes one Python function for another where two stand in one expression, and filters are merged into one."""
    use_runner("native", None)
    rows = daft.from_pydict({"__ordinal": list(range(8)), "a": list("abcdefgh")})
    plan = Plan(rows, [Column("a", "string")], None, 8)

    plan.remove(np.array([1]))
    plan.remove(np.array([3, 2]))
    plan.compute({"a": when(among(np.array([4])), lit("one")).otherwise(col("a"))})
    plan.compute({"a": when(among(np.array([5, 6])), lit("other")).otherwise(col("a"))})
    plan.remove(np.array([6]))

    assert plan.frame.select("__ordinal", "a").to_pydict() == {
        "__ordinal": [0, 4, 5, 7],
        "a": ["a", "one", "other", "h"],
    }
    assert plan.row_count == 4


def test_what_changed_is_counted_of_all_rows_though_some_go_before_they_are_written() -> None:
    use_runner("native", None)
    rows = daft.from_pydict({"__ordinal": list(range(6)), "a": ["x ", "x", "y ", "y ", None, "z"]})
    plan = Plan(rows, [Column("a", "string")], None, 6)
    told: dict[str, int] = {}

    plan.change({"a": strip(col("a"))}, told.__setitem__)
    plan.remove(np.array([0, 1]))
    plan.filter(col("a").eq_null_safe(lit("y")))

    assert told == {"a": 3}
    assert plan.row_count == 2
    assert plan.frame.select("a").to_pydict() == {"a": ["y", "y"]}
