"""Classes that count alike: by fewer rows, by copies, by weights; in the training part only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import daft
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.jobs import Jobs
from tests.workers.runtime.cleaning.steps.applying import applied, table_of
from tests.workers.runtime.cleaning.steps.numbers import FEW
from workers.runtime.cleaning.clean import run_step
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.recipe import Recipe
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.schema import ORDINAL, Column

ROWS = st.lists(
    st.tuples(st.none() | st.sampled_from("aaab"), st.sampled_from(["train", "train", "test"])), max_size=14
)


def made(rows: list[tuple[Any, str]], is_split: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "y": ("string", [value for value, _ in rows]),
        "x": ("int64", [place % 4 for place in range(len(rows))]),
    }
    return {**data, "__split": ("string", [side for _, side in rows])} if is_split else data


def counts(data: dict[str, Any]) -> Counter[Any]:
    sides = data["__split"][1] if "__split" in data else ["train"] * len(data["y"][1])
    return Counter(value for value, side in zip(data["y"][1], sides, strict=True) if side == "train")


@FEW
@given(rows=ROWS, is_split=st.booleans(), ratio=st.sampled_from([1.0, 0.5]))
def test_large_classes_lose_rows(rows: list[tuple[Any, str]], is_split: bool, ratio: float) -> None:
    data = made(rows, is_split)

    done = applied(data, {"kind": "balance", "column": "y", "method": "undersample", "ratio": ratio})

    before = counts(data)
    most = max(1, round(min(before.values()) / ratio)) if before else 0
    kept = {name: (done.types[name], done[name]) for name in data}
    assert counts(kept) == {name: min(count, most) for name, count in before.items()}
    tests = [place for place, (_, side) in enumerate(rows) if is_split and side == "test"]
    assert [each for each in done.ordinals if each in tests] == tests
    again = applied(data, {"kind": "balance", "column": "y", "method": "undersample", "ratio": ratio})
    assert done.ordinals == again.ordinals


@FEW
@given(rows=ROWS, is_split=st.booleans(), ratio=st.sampled_from([1.0, 0.5]))
def test_small_classes_get_copies_behind_the_last_row(
    rows: list[tuple[Any, str]], is_split: bool, ratio: float
) -> None:
    data = made(rows, is_split)
    columns = [Column(name, kind) for name, (kind, _) in data.items()]
    plan = Plan(daft.from_arrow(table_of(data)), columns, None, len(rows), last_ordinal=99)
    step = {"kind": "balance", "column": "y", "method": "oversample", "ratio": ratio}

    report = run_step(Recipe.from_json([step]).steps[0], plan)

    found = plan.frame.select(ORDINAL, *data).to_arrow().to_pylist()
    before = counts(data)
    least = round(max(before.values(), default=0) * ratio)
    after = {name: (kind, [row[name] for row in found]) for name, (kind, _) in data.items()}
    assert counts(after) == {name: max(count, least) for name, count in before.items()}
    copies = len(found) - len(rows)
    assert [row[ORDINAL] for row in found] == [*range(len(rows)), *range(100, 100 + copies)]
    assert (plan.row_count, plan.last_ordinal) == (len(found), 99 + copies)
    originals = [{name: row[name] for name in data} for row in found[: len(rows)]]
    assert all({name: row[name] for name in data} in originals for row in found[len(rows) :])
    most_copied = Counter(tuple(row[name] for name in data) for row in found[len(rows) :])
    assert not copies or report.entry["warnings"][0]["params"] == {"rows": copies, "first": 100}
    assert sum(most_copied.values()) == copies


@FEW
@given(rows=ROWS, is_split=st.booleans())
def test_weights_let_classes_count_alike(rows: list[tuple[Any, str]], is_split: bool) -> None:
    data = made(rows, is_split)

    done = applied(data, {"kind": "balance", "column": "y", "method": "weights"})

    before = counts(data)
    weights = {name: significant(sum(before.values()) / (len(before) * count)) for name, count in before.items()}
    sides = data["__split"][1] if is_split else ["train"] * len(rows)
    assert done["__weight"] == [
        weights[value] if side == "train" else 1.0 for value, side in zip(data["y"][1], sides, strict=True)
    ]
    assert "__weight" not in done.entry["columns_removed"]


def test_a_version_with_copies_is_written_in_order_and_gives_no_ordinal_twice(jobs: Jobs) -> None:
    files = jobs.parquet({"x": list(range(10)), "y": ["a"] * 8 + ["b"] * 2})
    step = {"kind": "balance", "column": "y", "method": "oversample"}

    first = jobs.clean(files, [step])
    second = jobs.clean(first.files, [{"kind": "drop_columns", "columns": ["x"]}, step])

    assert first.table["__ordinal"].to_pylist() == list(range(16))
    assert Counter(first.table["y"].to_pylist()) == {"a": 8, "b": 8}
    assert first.result["last_ordinal"] == 15
    assert second.result["row_count"] == 16
    assert first.result["digest"] == jobs.clean(files, [step]).result["digest"]


def test_weights_are_no_feature_and_are_written(jobs: Jobs) -> None:
    files = jobs.parquet({"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "a", "a", "b"]})
    steps = [
        {"kind": "balance", "column": "y", "method": "weights"},
        {"kind": "encode_label", "column": "y", "mapping": {"a": 0, "b": 1}},
        {"kind": "standardise"},
    ]

    done = jobs.clean(files, steps)

    assert done.table["__weight"].to_pylist() == pytest.approx([2 / 3] * 3 + [2.0])
    assert [column["name"] for column in done.result["schema"]] == ["__weight", "x", "y"]
    assert done.result["preprocessor"] is not None
