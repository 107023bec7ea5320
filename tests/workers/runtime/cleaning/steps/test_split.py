"""Splits by content, by group and by time, into two parts and into three."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.steps.applying import Applied, applied
from tests.workers.runtime.cleaning.steps.numbers import FEW
from workers.contracts.recipes import problems, recipe_fit
from workers.runtime.cleaning.errors import RecipeError


def parts(done: Applied) -> Counter[str]:
    return Counter(done["__split"])


@FEW
@given(
    values=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    test=st.sampled_from([0.2, 0.4]),
    validation=st.sampled_from([None, 0.1, 0.3]),
)
def test_each_class_has_its_share_in_each_part(values: list[int], test: float, validation: float | None) -> None:
    classes = ["a" if value % 3 else "b" for value in values]
    data = {"x": ("int64", values), "y": ("string", classes)}
    split = {"kind": "split", "test_ratio": test, "stratify": "y"}

    sizes = Counter(classes).values()
    if all(round(size * test) + round(size * (validation or 0)) >= size for size in sizes):
        with pytest.raises(RecipeError, match="no row is left for training"):
            applied(data, {**split, "validation_ratio": validation})
        return
    done = applied(data, {**split, "validation_ratio": validation})

    for name in set(classes):
        count = classes.count(name)
        sides = Counter(side for side, other in zip(done["__split"], classes, strict=True) if other == name)
        assert sides["test"] == round(count * test)
        assert sides["validation"] == round(count * (validation or 0))
    two = applied(data, split)["__split"]
    assert [side == "test" for side in two] == [side == "test" for side in done["__split"]]


@FEW
@given(
    groups=st.lists(st.none() | st.sampled_from("abcdefgh"), min_size=4, max_size=30),
    ratio=st.sampled_from([0.25, 0.5]),
    seed=st.integers(0, 3),
)
def test_rows_of_a_group_stay_together(groups: list[Any], ratio: float, seed: int) -> None:
    data = {"g": ("string", groups), "x": ("int64", list(range(len(groups))))}
    step = {"kind": "split", "by": "group", "column": "g", "test_ratio": ratio, "validation_ratio": 0.25, "seed": seed}
    done = applied(data, step)

    sides: dict[Any, set[str]] = {}
    for group, side in zip(groups, done["__split"], strict=True):
        sides.setdefault(group, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())
    biggest = max(Counter(groups).values())
    assert abs(parts(done)["test"] - len(groups) * ratio) <= biggest
    assert parts(done)["train"] > 0
    assert done["__split"] == applied(data, step)["__split"]


@FEW
@given(
    days=st.lists(st.none() | st.integers(1, 12), min_size=2, max_size=20),
    kind=st.sampled_from(["date", "timestamp", "int64", "float64"]),
    validation=st.sampled_from([None, 0.2]),
)
def test_what_is_later_is_test(days: list[Any], kind: str, validation: float | None) -> None:
    made: dict[str, Any] = {
        "date": lambda day: date(1969, 12, 25) + timedelta(days=day),
        "timestamp": lambda day: datetime(1969, 12, 31, 12 + day - 1),
        "int64": int,
        "float64": float,
    }
    values = [None if day is None else made[kind](day) for day in days]
    step = {"kind": "split", "by": "time", "column": "t", "test_ratio": 0.3, "validation_ratio": validation}
    known = sorted(day for day in days if day is not None)
    count = len(known)
    cut = known[count - round(count * 0.3)] if round(count * 0.3) else 99
    before = [day for day in known if day < cut]
    held = min(len(before), round(count * (validation or 0)))
    start = before[len(before) - held] if held else cut
    expected = ["train" if day is None or day < start else "test" if day >= cut else "validation" for day in days]
    if "train" not in expected or not known:
        with pytest.raises(RecipeError, match="no_training_rows"):
            applied({"t": (kind, values)}, step)
        return

    done = applied({"t": (kind, values)}, step)

    assert done["__split"] == expected
    assert ("no_time" in {each["code"] for each in done.entry["warnings"]}) == (None in days)


def test_a_time_may_be_named() -> None:
    values = [date(2026, 1, 30), date(2026, 1, 31), None, date(2026, 2, 1)]
    step = {"kind": "split", "by": "time", "column": "t", "test_from": "2026-01-31"}

    done = applied({"t": ("date", values)}, step)

    assert done["__split"] == ["train", "test", "train", "test"]
    assert done.told == [{"column": "t", "test_from": "2026-01-31"}]
    times = [datetime(2026, 1, 31, 9), datetime(2026, 1, 31, 10)]
    timed = applied({"t": ("timestamp", times)}, {**step, "test_from": "2026-01-31 09:30"})
    assert timed["__split"] == ["train", "test"]
    assert timed.told == [{"column": "t", "test_from": "2026-01-31T10:00:00"}]


def test_what_does_not_go_together_is_refused() -> None:
    assert list(problems([{"kind": "split", "by": "time"}])) == ["steps[0].column"]
    assert list(problems([{"kind": "split", "test_ratio": 0.6, "validation_ratio": 0.4}])) == [
        "steps[0].validation_ratio"
    ]
    assert list(problems([{"kind": "split", "test_from": "2026-02-30"}])) == ["steps[0].test_from"]
    columns = [{"name": "t", "type": "int64"}, {"name": "s", "type": "string"}]
    by_text = recipe_fit([{"kind": "split", "by": "time", "column": "s"}], columns)
    by_date = recipe_fit([{"kind": "split", "by": "time", "column": "t", "test_from": "2026-01-31"}], columns)
    assert [each.code for each in (*by_text, *by_date)] == ["wrong_type", "wrong_type"]
    alone = applied({"g": ("string", ["a", "a"])}, {"kind": "split", "by": "group", "column": "g", "test_ratio": 0.9})
    assert alone["__split"] == ["train", "train"]
    assert [each["code"] for each in alone.entry["warnings"]] == ["class_not_split"]
