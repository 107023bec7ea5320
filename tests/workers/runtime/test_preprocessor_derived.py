"""Derived columns of records."""

from __future__ import annotations

import numpy as np
import pytest

from workers.runtime.preprocessor import FORMAT, Preprocessor, RecordError

DOCUMENT = {
    "format": FORMAT,
    "inputs": [{"name": "n", "type": "number"}, {"name": "s", "type": "category"}],
    "ignored": [],
    "steps": [
        {
            "kind": "derive",
            "name": "half",
            "expression": "coalesce(n, 0) // 2 + if(s = 'x', 1, 0)",
            "types": {"n": "int64", "s": "string"},
            "type": "int64",
        }
    ],
    "outputs": ["half"],
    "label": None,
}


def test_a_derived_column_is_computed_for_records() -> None:
    records = [{"n": 7, "s": "x"}, {"n": -7, "s": "y"}, {"n": None, "s": None}]

    assert np.array_equal(Preprocessor(DOCUMENT).transform(records), [[4.0], [-3.0], [0.0]])


def test_a_number_that_the_data_could_not_have_is_refused_and_not_cut() -> None:
    with pytest.raises(RecordError, match="record 1: n is not a whole number"):
        Preprocessor(DOCUMENT).transform([{"n": 1}, {"n": 2.5}])
    with pytest.raises(RecordError, match="record 0: n is not a whole number"):
        Preprocessor(DOCUMENT).transform([{"n": 1e19}])
