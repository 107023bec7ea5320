"""What a preview shows: the sample after each step, with what the step changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import CREDIT_DATA, RECIPE, Jobs
from workers.runtime.cleaning.schema import Column, parquet_table
from workers.runtime.preview.sampled import Sampled, rows_sampled, sampled_from
from workers.runtime.preview.session import PreviewSession
from workers.runtime.preview.tables import table_of

IMPUTE = [{"kind": "split", "test_ratio": 0.5}, {"kind": "impute", "numeric": "median", "categorical": "mode"}]


def _sampled(**columns: list[Any]) -> Sampled:
    kinds = {float: "float64", int: "int64", str: "string"}
    rows = pa.table({"__ordinal": range(len(next(iter(columns.values())))), **columns})
    types = {name: type(next(value for value in values if value is not None)) for name, values in columns.items()}
    return Sampled(rows, [Column(name, kinds[kind]) for name, kind in types.items()], 100)


def _change(table: dict[str, Any], column: str, ordinal: int) -> tuple[Any, Any]:
    """A cell before and after; the same twice where nothing changed."""
    at = [each["name"] for each in table["columns"]].index(column)
    row = next(row for row in table["rows"] if row["ordinal"] == ordinal)
    return row["before"].get(str(at), row["values"][at]), row["values"][at]


@pytest.fixture(scope="module")
def credit(tmp_path_factory: pytest.TempPathFactory) -> Sampled:
    folder = tmp_path_factory.mktemp("credit")
    files = Jobs(folder).ingest(CREDIT_DATA, "credit_data.csv").files
    return sampled_from(duckdb.connect(), parquet_table([str(file) for file in files]))


def test_the_sample_is_the_same_every_time_and_by_ordinal(credit: Sampled) -> None:
    ordinals = credit.rows.column("__ordinal").to_pylist()
    assert (len(ordinals), credit.row_count) == (4454, 4454)
    assert ordinals == sorted(ordinals)
    assert rows_sampled(4_000) == 100
    assert rows_sampled(1_000_000) == 20


def test_the_recipe_of_the_example_goes_through(credit: Sampled, tmp_path: Path) -> None:
    shown = PreviewSession(credit, tmp_path).apply(RECIPE)
    assert shown["error"] is None
    assert [(step["kind"], step["rows_in"], step["rows_out"]) for step in shown["steps"]][:3] == [
        ("missing_values", 4454, 4454),
        ("drop_duplicates", 4454, 4452),
        ("split", 4452, 4452),
    ]
    removed = [row["ordinal"] for row in shown["steps"][1]["table"]["rows"] if row["change"] == "removed"]
    assert len(removed) == 2
    added = [column["name"] for column in shown["steps"][2]["table"]["columns"] if column["change"] == "added"]
    assert added == ["__split"]


def test_changed_cells_say_what_was_there(tmp_path: Path) -> None:
    session = PreviewSession(_sampled(age=[1.0, None, 3.0, 5.0], town=["a", "b", None, "b"]), tmp_path)
    shown = session.apply(IMPUTE)
    table = shown["steps"][1]["table"]
    before, after = _change(table, "age", 1)
    assert before is None
    assert after == shown["steps"][1]["fitted"][0]["fill"]
    assert _change(table, "age", 0) == (1.0, 1.0)
    assert shown["start"]["rows"][1]["values"] == [None, "b"]


def test_what_unchanged_steps_made_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = PreviewSession(_sampled(age=[1.0, None, 3.0, 5.0]), tmp_path)
    first = session.apply(IMPUTE)
    ran: list[str] = []
    real = session_module().run_step
    monkeypatch.setattr(session_module(), "run_step", lambda step, plan: ran.append(step.kind) or real(step, plan))
    again = session.apply([IMPUTE[0], {**IMPUTE[1], "numeric": "mean"}])
    assert ran == ["impute"]
    assert again["steps"][0] == first["steps"][0]
    assert again["steps"][1]["parameters"]["numeric"] == "mean"
    assert session.apply(IMPUTE)["steps"][1]["table"] == first["steps"][1]["table"]
    assert ran == ["impute", "impute"]


def test_a_label_named_later_changes_what_came_before(tmp_path: Path) -> None:
    """The label is no feature: a step before `encode_label` must not touch it."""
    session = PreviewSession(_sampled(age=["1", "2", "3", "4"], good=["1", "0", "1", "0"]), tmp_path)
    markers = {"kind": "missing_values", "markers": ["NA"]}
    first = session.apply([markers])
    label = {"kind": "encode_label", "column": "good", "mapping": {"0": 0, "1": 1}}
    second = session.apply([markers, label])
    types = [
        {each["name"]: each["type"] for each in shown["steps"][0]["table"]["columns"]} for shown in (first, second)
    ]
    assert types == [{"age": "float64", "good": "float64"}, {"age": "float64", "good": "string"}]


def test_a_step_that_fails_ends_the_preview_there(tmp_path: Path) -> None:
    session = PreviewSession(_sampled(age=[1.0, 2.0, 3.0, 4.0], good=["yes", "no", "so", "no"]), tmp_path)
    label = {"kind": "encode_label", "column": "good", "mapping": {"yes": 1, "no": 0}}
    shown = session.apply([{"kind": "drop_duplicates"}, label, {"kind": "drop_columns", "columns": ["age"]}])
    assert [step["kind"] for step in shown["steps"]] == ["drop_duplicates"]
    assert (shown["error"]["code"], shown["error"]["step"], shown["error"]["column"]) == ("unmapped_label", 2, "good")
    assert session.apply([{"kind": "drop_duplicates"}])["error"] is None


@pytest.mark.parametrize("steps", [[], [{"kind": "drop_duplicates"}]])
def test_no_row_is_no_trouble(tmp_path: Path, steps: list[dict[str, Any]]) -> None:
    rows = pa.table({"__ordinal": pa.array([], pa.int64()), "age": pa.array([], pa.float64())})
    shown = PreviewSession(Sampled(rows, [Column("age", "float64")], 0), tmp_path).apply(steps)
    assert (shown["start"]["rows"], shown["error"]) == ([], None)


def test_a_rare_change_is_shown_among_many_rows() -> None:
    ordinals = list(range(5_000))
    before = pa.table({"__ordinal": ordinals, "age": [float(n) for n in ordinals]})
    after = pa.table({"__ordinal": ordinals, "age": [0.5 if n == 4_321 else float(n) for n in ordinals]})
    columns = [Column("age", "float64")]
    table = table_of(before, after, columns, columns)
    assert len(table["rows"]) == 40
    assert [(row["ordinal"], row["before"], row["values"]) for row in table["rows"] if row["before"]] == [
        (4_321, {"0": 4_321.0}, [0.5])
    ]


def test_columns_that_changed_are_shown_among_many() -> None:
    names = [f"c{number}" for number in range(100)]
    before = pa.table({"__ordinal": [0], **{name: ["x"] for name in names}})
    after = pa.table({"__ordinal": [0], **{name: ["y" if name == "c77" else "x"] for name in names if name != "c90"}})
    columns = [Column(name, "string") for name in names]
    table = table_of(before, after, columns, [column for column in columns if column.name != "c90"])
    shown = {column["name"]: column["change"] for column in table["columns"]}
    assert (len(shown), table["column_count"]) == (60, 99)
    assert (shown["c77"], shown["c90"]) == ("none", "removed")


def test_text_that_became_the_number_it_spells_is_no_change() -> None:
    before = pa.table({"__ordinal": [0, 1, 2], "age": [" 1", "2.50", "NA"]})
    after = pa.table({"__ordinal": [0, 1, 2], "age": [1.0, 2.5, None]})
    table = table_of(before, after, [Column("age", "string")], [Column("age", "float64")])
    assert [row["before"] for row in table["rows"]] == [{}, {}, {"0": "NA"}]
    assert (table["columns"][0]["type_before"], table["columns"][0]["type"]) == ("string", "float64")


def session_module() -> Any:
    from workers.runtime.preview import session  # noqa: PLC0415 - the module beside the class of its name

    return session
