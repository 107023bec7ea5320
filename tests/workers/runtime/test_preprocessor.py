"""The fitted transform on raw records: every way a value may come, and every way it may be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from workers.contracts.recipes import KINDS, Serving
from workers.runtime.isolation import Forest, grown
from workers.runtime.neighbours import Neighbours
from workers.runtime.preprocessor import FORMAT, SERVED, Preprocessor, RecordError
from workers.runtime.preprocessor.families import served

DOCUMENT: dict[str, Any] = {
    "format": "bedplate-preprocessor/1",
    "inputs": [
        {"name": "Income", "type": "number"},
        {"name": "Age", "type": "number"},
        {"name": "Home", "type": "category"},
    ],
    "ignored": ["id"],
    "steps": [
        {"kind": "missing_values", "markers": ["", "NA"]},
        {"kind": "outliers", "columns": {"Income": [0.0, 300.0, 100.0]}},
        {"kind": "impute", "numbers": {"Income": 120.0}, "categories": {"Home": "rent"}},
        {"kind": "standardise", "columns": {"Income": [100.0, 10.0], "Age": [40.0, 5.0]}},
        {"kind": "one_hot", "columns": {"Home": ["owner", "rent", "true", "7"]}},
    ],
    "outputs": ["Income", "Home=owner", "Home=rent", "Home=true", "Home=7", "Age"],
    "label": {"column": "Status", "mapping": {"good": 0, "bad": 1}, "positive": "bad"},
}


@pytest.fixture(scope="module")
def preprocessor() -> Preprocessor:
    return Preprocessor(DOCUMENT)


def transform(preprocessor: Preprocessor, **record: Any) -> list[float]:
    row: list[float] = preprocessor.transform([{"Age": 40, **record}])[0].tolist()
    return row


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (110, 1.0),
        (110.0, 1.0),
        ("110", 1.0),
        (" 1.1e2 ", 1.0),
        ("+110.", 1.0),
        (".0", -10.0),
        (None, 2.0),
        ("", 2.0),
        ("  ", 2.0),
        (" NA", 2.0),
        (float("nan"), 2.0),
        (300, 20.0),
        (300.1, 0.0),
        ("-1", 0.0),
    ],
)
def test_a_number_in_every_form(preprocessor: Preprocessor, value: Any, expected: float) -> None:
    assert transform(preprocessor, Income=value, Home="owner") == [expected, 1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("owner", [1, 0, 0, 0]),
        ("rent", [0, 1, 0, 0]),
        (None, [0, 1, 0, 0]),
        ("NA", [0, 1, 0, 0]),
        (float("nan"), [0, 1, 0, 0]),
        (True, [0, 0, 1, 0]),
        (7, [0, 0, 0, 1]),
        ("castle", [0, 0, 0, 0]),
        ("Owner", [0, 0, 0, 0]),
        (False, [0, 0, 0, 0]),
    ],
)
def test_a_category_in_every_form(preprocessor: Preprocessor, value: Any, expected: list[int]) -> None:
    assert transform(preprocessor, Income=100, Home=value)[1:5] == expected


def test_fields_that_are_not_there_are_missing(preprocessor: Preprocessor) -> None:
    assert transform(preprocessor) == [2.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_the_label_and_left_out_columns_are_ignored(preprocessor: Preprocessor) -> None:
    assert transform(preprocessor, Status="good", id=17) == transform(preprocessor)


@pytest.mark.parametrize(
    ("record", "field", "detail"),
    [
        ({"Age": 1, "Income": "much"}, "Income", "is 'much', not a number"),
        ({"Age": 1, "Income": "1_000"}, "Income", "is '1_000', not a number"),
        ({"Age": 1, "Income": "0x10"}, "Income", "is '0x10', not a number"),
        ({"Age": 1, "Income": "٣"}, "Income", "is '٣', not a number"),
        ({"Age": 1, "Income": "nan"}, "Income", "is 'nan', not a number"),
        ({"Age": 1, "Income": True}, "Income", "is bool, not a number"),
        ({"Age": 1, "Income": [1]}, "Income", "is list, not a number"),
        ({"Age": 1, "Income": float("inf")}, "Income", "is not a finite number"),
        ({"Age": 1, "Income": "1e999"}, "Income", "is not a finite number"),
        ({"Age": 10**400}, "Age", "is not a finite number"),
        ({"Age": 1e300}, "Age", "is too large a number"),
        ({"Income": 1}, "Age", "is missing, and the recipe does not fill it in"),
        ({"Age": 1, "Home": 1.5}, "Home", "is float, not text"),
        ({"Age": 1, "Home": {"k": 1}}, "Home", "is dict, not text"),
        ({"Age": 1, "income": 5}, "income", "is not a field; there are Income, Age, Home"),
        ([1, 2], "", "is list, not an object"),
    ],
)
def test_an_error_names_record_and_field(preprocessor: Preprocessor, record: Any, field: str, detail: str) -> None:
    good = {"Income": 100, "Age": 30, "Home": "rent"}

    with pytest.raises(RecordError) as caught:
        preprocessor.transform([good, good, record, record])

    assert (caught.value.index, caught.value.field, caught.value.detail) == (2, field, detail)
    assert str(caught.value) == f"record 2: {field + ' ' if field else ''}{detail}"


def test_no_records_are_no_rows(preprocessor: Preprocessor) -> None:
    assert preprocessor.transform([]).shape == (0, 6)


numbers = st.none() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.sampled_from(["", "NA", "12.5", " 7 "])
categories = st.none() | st.sampled_from(["owner", "rent", "", "NA", "castle"]) | st.booleans() | st.integers(0, 9)
record = st.fixed_dictionaries(
    {"Age": st.integers(18, 99)}, optional={"Income": numbers, "Home": categories, "Status": st.just("bad")}
)


@settings(max_examples=100, deadline=None)
@given(records=st.lists(record, min_size=1, max_size=20))
def test_a_record_transforms_alike_alone_and_among_others(records: list[dict[str, Any]]) -> None:
    preprocessor = Preprocessor(DOCUMENT)
    together = preprocessor.transform(records)

    assert together.dtype == np.float32
    assert np.array_equal(together, np.concatenate([preprocessor.transform([each]) for each in records]))


@settings(max_examples=100, deadline=None)
@given(records=st.lists(record, min_size=1, max_size=20))
def test_it_is_what_the_steps_say_one_value_at_a_time(records: list[dict[str, Any]]) -> None:
    assert np.array_equal(
        Preprocessor(DOCUMENT).transform(records),
        np.array([by_hand(each) for each in records], dtype=np.float32),
    )


def by_hand(record: dict[str, Any]) -> list[float]:
    income = record.get("Income")
    number = 120.0 if income is None or str(income).strip() in ("", "NA") else float(income)
    if income is not None and not 0 <= number <= 300:
        number = 100.0
    home = record.get("Home")
    text = "rent" if home is None or home in ("", "NA") else str(home).lower() if isinstance(home, bool) else str(home)
    return [
        (number - 100.0) / 10.0,
        *(float(text == each) for each in ("owner", "rent", "true", "7")),
        (record["Age"] - 40.0) / 5.0,
    ]


def test_a_saved_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "preprocessor.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")

    loaded = Preprocessor.load(path)

    assert loaded.outputs == DOCUMENT["outputs"]
    assert loaded.inputs == {"Income": "number", "Age": "number", "Home": "category"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "bedplate-preprocessor/3"}, "a preprocessor of format 'bedplate-preprocessor/3'"),
        ({"steps": [{"kind": "embed"}]}, "unknown step 'embed'"),
    ],
)
def test_a_document_of_another_kind_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessor(DOCUMENT | change)


def test_a_column_that_a_later_step_left_out_is_not_asked_for() -> None:
    document = DOCUMENT | {
        "inputs": DOCUMENT["inputs"][1:2],
        "ignored": ["Income", "Home"],
        "outputs": ["Age"],
    }

    assert Preprocessor(document).transform([{"Age": 45, "Income": "x", "Home": "y"}]).tolist() == [[1.0]]


def test_every_kind_of_step_that_is_done_where_a_model_is_served_has_its_function() -> None:
    """And none is there that no recipe has."""
    done = {name for name, kind in KINDS.items() if kind.serving not in (Serving.NOTHING, Serving.CANNOT)}
    assert done == set(SERVED)
    assert all(callable(served({"kind": kind, "expression": "1", "types": {}})) for kind in SERVED)


def test_a_forest_and_a_sample_are_read_with_the_document_and_not_for_every_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    nearby = Neighbours(1, rows.mean(axis=0), rows.std(axis=0), rows)
    steps = [
        {"kind": "impute", "numbers": {}, "categories": {}, "neighbours": {"names": ["a", "b"], **nearby.to_json()}},
        {"kind": "outliers", "replace": "flag", "flag": "odd", "columns": {}, "fill": {"a": 1.0, "b": 2.0}}
        | {"forest": grown(rows, 0).to_json(), "limit": 1.0},
    ]
    inputs = [{"name": name, "type": "number"} for name in ("a", "b")]
    document = DOCUMENT | {"format": FORMAT, "inputs": inputs, "steps": steps, "outputs": ["a", "b", "odd"]}
    found = Preprocessor(document)
    for kind in (Forest, Neighbours):
        monkeypatch.delattr(kind, "from_json")
    for _ in range(2):
        assert found.transform([{"a": 2.0}]).tolist() == [[2.0, 3.0, 0.0]]


def test_arrow_is_loaded_only_where_a_step_needs_it() -> None:
    said = (
        "import sys; from workers.runtime.preprocessor import Preprocessor;"
        f"Preprocessor({DOCUMENT!r}); print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
