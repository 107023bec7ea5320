"""Scale, and classes of size, against plain statements."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

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
from workers.runtime.cleaning.rounding import significant


def scaled(values: list[Any], found: tuple[float, float] | None) -> list[Value]:
    if found is None or found[1] == 0:
        return floats(values)
    return [None if value is None else (value - found[0]) / found[1] for value in floats(values)]


@FEW
@given(data=tables())
def test_standardised_is_by_mean_and_deviation_of_the_training_rows(data: dict[str, Any]) -> None:
    done = applied(data, {"kind": "standardise"})

    for name in ("x", "n"):
        known = training(data, name)
        varies = len(set(known)) > 1
        assert close(done[name], scaled(data[name][1], (mean(known), deviation(known)) if varies else None))


@FEW
@given(data=tables(), method=st.sampled_from(["min_max", "robust", "log1p"]))
def test_scaled_is_by_what_the_training_rows_reach(data: dict[str, Any], method: str) -> None:
    done = applied(data, {"kind": "scale", "method": method})

    for name in ("x", "n"):
        known = training(data, name)
        if method == "log1p":
            expected = [
                None if value is None else math.copysign(math.log1p(abs(value)), value)
                for value in floats(data[name][1])
            ]
            assert close(done[name], expected)
            continue
        found = None
        if known and method == "min_max":
            found = (significant(min(known)), significant(max(known) - min(known)))
        elif known:
            found = (significant(quantile(known, 0.5)), significant(quantile(known, 0.75) - quantile(known, 0.25)))
        assert close(done[name], scaled(data[name][1], found))
    fitted_alone = {"fitted_without_split"} if "__split" not in data and method != "log1p" else set()
    assert {each["code"] for each in done.entry["warnings"] if not each["column"]} == fitted_alone


@FEW
@given(data=tables(), method=st.sampled_from(["quantile", "uniform"]), bins=st.sampled_from([2, 3, 10]))
def test_a_class_begins_with_its_edge(data: dict[str, Any], method: str, bins: int) -> None:
    done = applied(data, {"kind": "discretise", "method": method, "bins": bins})

    for name in ("x", "n"):
        known, values = training(data, name), floats(data[name][1])
        if len(set(known)) < 2:
            assert done[name] == values
            continue
        shares = [place / bins for place in range(1, bins)]
        low, high = min(known), max(known)
        by_width = [low * (1 - share) + high * share for share in shares]
        edges = sorted(
            {
                significant(each)
                for each in ([quantile(known, share) for share in shares], by_width)[method == "uniform"]
            }
        )
        assert done[name] == [None if value is None else float(bisect_right(edges, value)) for value in values]
        assert {each["column"]: each["edges"] for each in done.told}[name] == edges
