"""A recipe with steps on text, dates, types and expressions, as a job and as a served model: one and the same."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.runtime.cleaning.errors import UserError
from workers.runtime.preprocessor import Preprocessor, RecordError

COUNT = 40
CITIES = [" Berlin", "ＰＡＲＩＳ", "paris ", "Köln", "Ko\u0308ln", "NA", None, "Oslo"]
ROWS: dict[str, list[Any]] = {
    "city": [CITIES[place % 8] for place in range(COUNT)],
    "weight": [f"{place / 4:.2f} kg" if place % 3 else f"{place * 250:,} g" for place in range(COUNT)],
    "opened": [f"{1 + place % 28:02}/{1 + place % 12:02}/2024 1{place % 10}:30" for place in range(COUNT)],
    "born": [date(1950 + place, 1 + place % 12, 3) if place % 9 else None for place in range(COUNT)],
    "seen": [datetime(2024, 1, 1 + place % 28, 5, place) for place in range(COUNT)],
    "income": [str(place * 100) if place % 7 else "n/a" for place in range(COUNT)],
    "debt": [place if place % 5 else None for place in range(COUNT)],
    "active": [place % 2 == 0 if place % 11 else None for place in range(COUNT)],
    "grade": [["low", "mid", "high"][place % 3] for place in range(COUNT)],
    "note": [f"note {place}" for place in range(COUNT)],
    "result": ["good" if place % 4 else "bad" for place in range(COUNT)],
}
STEPS: list[dict[str, Any]] = [
    {"kind": "normalise_text", "columns": ["city"], "case": "lower", "unicode": "NFC", "half_width": True},
    {"kind": "missing_values", "markers": ["na", "n/a"]},
    {"kind": "rename_columns", "columns": {"income": "Income", "result": "Result"}},
    {"kind": "parse_quantities", "columns": ["weight"], "unit": "kg"},
    {"kind": "parse_dates", "columns": ["opened"], "formats": ["%d/%m/%Y %H:%M"], "zone": "Europe/Berlin"},
    {"kind": "date_parts", "column": "opened", "parts": ["month", "hour"], "drop": True},
    {"kind": "derive", "name": "age", "expression": "2024 - year(born)"},
    {"kind": "derive", "name": "early", "expression": "hour(seen) < 6 and minute(seen) < 20"},
    {"kind": "derive", "name": "share", "expression": "debt / (Income + 1)"},
    {"kind": "generalise", "column": "Income", "method": "bands", "width": 1000},
    {"kind": "ordinal_encode", "column": "grade", "order": ["low", "mid", "high"]},
    {"kind": "drop_columns", "columns": ["born", "seen", "note"]},
    {"kind": "filter_rows", "expression": "weight > 0.5"},
    {"kind": "split", "test_ratio": 0.3, "stratify": "Result", "positive": "bad"},
    {"kind": "encode_label", "column": "Result", "mapping": {"good": 0, "bad": 1}},
    {"kind": "merge_rare", "columns": ["city"], "least_ratio": 0.15},
    {"kind": "impute"},
    {"kind": "one_hot", "columns": ["city", "Income"]},
    {"kind": "standardise", "columns": ["age", "weight"]},
]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    jobs = Jobs(tmp_path_factory.mktemp("served"))
    return jobs.clean(jobs.parquet(ROWS), STEPS)


def record(place: int) -> dict[str, Any]:
    """A row as a client sends it."""
    row = {name: values[place] for name, values in ROWS.items()}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def test_a_record_becomes_what_its_row_became(done: Done) -> None:
    preprocessor = Preprocessor.load(done.folder / "preprocessor.json")
    table = done.table
    records = [record(ordinal) for ordinal in table["__ordinal"].to_pylist()]

    cleaned = np.stack([table[name].cast("float64").to_numpy() for name in preprocessor.outputs], axis=1)

    assert len(records) > 30
    np.testing.assert_array_equal(preprocessor.transform(records), cleaned.astype(np.float32))
    alone = np.concatenate([preprocessor.transform([each]) for each in records])
    np.testing.assert_array_equal(alone, cleaned.astype(np.float32))


def test_a_record_is_asked_for_what_the_outputs_are_made_of(done: Done) -> None:
    document = json.loads((done.folder / "preprocessor.json").read_text(encoding="utf-8"))

    assert {each["name"]: each["type"] for each in document["inputs"]} == {
        "city": "category",
        "weight": "category",
        "opened": "category",
        "born": "date",
        "seen": "timestamp",
        "income": "number",
        "debt": "number",
        "active": "category",
        "grade": "category",
    }
    assert document["ignored"] == ["note", "result"]
    assert document["label"] == {"column": "result", "mapping": {"good": 0, "bad": 1}, "positive": "bad"}
    assert document["not_served"] == []
    assert document["examples"][0].keys() == {each["name"] for each in document["inputs"]}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"born": "3.1.1950"}, "born is '3.1.1950', not a date in ISO 8601"),
        ({"seen": 5}, "seen is int, not a time in ISO 8601"),
        ({"income": "much"}, "income is 'much', not a number"),
        ({"colour": "red"}, "colour is not a field"),
        ({"grade": "other"}, None),
    ],
)
def test_a_record_that_does_not_fit_is_named(done: Done, change: dict[str, Any], said: str | None) -> None:
    preprocessor = Preprocessor.load(done.folder / "preprocessor.json")

    if said is None:  # what no row had is filled in, as where data was cleaned
        assert preprocessor.transform([record(1) | change]).shape == (1, len(preprocessor.outputs))
        return
    with pytest.raises(RecordError) as caught:
        preprocessor.transform([record(1), record(2) | change])
    assert (caught.value.index, str(caught.value).removeprefix("record 1: ").startswith(said)) == (1, True)


def test_times_with_an_offset_are_those_of_utc(done: Done) -> None:
    preprocessor = Preprocessor.load(done.folder / "preprocessor.json")

    both = preprocessor.transform(
        [record(3) | {"seen": seen} for seen in ("2024-01-04T05:03:00", "2024-01-04T07:03+02:00")]
    )

    np.testing.assert_array_equal(both[0], both[1])


def test_a_step_that_cannot_be_served_is_said_in_the_report_and_in_the_preprocessor(jobs: Jobs) -> None:
    """The key is a file of the job."""
    files = jobs.parquet({"id": [f"i{place}" for place in range(20)], "x": list(range(20))})
    steps = [
        {"kind": "pseudonymise", "columns": ["id"], "secret": "KEY"},
        {"kind": "ordinal_encode", "column": "id", "order": ["a"]},
        {"kind": "derive", "name": "id", "expression": "coalesce(id, 0)"},
    ]
    with pytest.raises(UserError, match="no_secret: the secret 'KEY' was not given to this job"):
        jobs.clean(files, steps)

    done = jobs.clean(files, steps, KEY=b"a key of the project")

    document = json.loads((done.folder / "preprocessor.json").read_text(encoding="utf-8"))
    assert document["not_served"] == [{"step": 1, "kind": "pseudonymise"}]
    assert [each["code"] for each in done.step("pseudonymise")["warnings"]] == ["not_served"]
    everything = json.dumps(done.result) + "".join(path.read_text() for path in done.folder.glob("*.json"))
    assert "a key of the project" not in everything
