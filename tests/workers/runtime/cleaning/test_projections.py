"""Functions of ours in one plan are not taken for each other."""

from __future__ import annotations

import daft
import numpy as np
import pyarrow as pa
import pytest
from daft import col, lit

from workers.runtime.cleaning.among import among
from workers.runtime.cleaning.projections import computed
from workers.runtime.cleaning.steps.moments import number

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
