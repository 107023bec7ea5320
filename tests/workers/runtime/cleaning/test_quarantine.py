"""Declared schemas, what is left out because of them, and when that is too much; rows that are added to a version."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from tests.workers.runtime.cleaning.workbooks import workbook, zipped
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.quarantine import REASON_LIMIT, TEXT_LIMIT, Quarantine, Rejection

A, B = {"name": "a", "type": "int64", "nullable": False}, {"name": "b", "type": "string", "nullable": False}
MISSING = "a value is missing, and the schema says that none is"


def kept(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(done: Done) -> list[list[Any]]:
    return [list(row.values())[1:] for row in done.table.to_pylist()]


def left_out(done: Done) -> list[tuple[int, str | None, str]]:
    return [(each["line"], each["column"], each["reason"]) for each in done.result["rejected"]["samples"]]


def test_all_that_was_left_out_is_in_the_file(jobs: Jobs) -> None:
    done = jobs.ingest("a,b\n" + '1,"x,y"\n' * 60 + '3,"q ""z"" é"\n4,5,6\n' * 30, schema=[A, B], max_rejected_rows=30)
    file = done.result["quarantine"]
    assert (file["name"], done.result["rejected"]["count"]) == ("quarantine.csv.gz", 30)
    found = kept(done.folder / file["name"])
    assert len(found) == 30
    assert found[0] == {
        "line": "63",
        "column": "",
        "reason": "too many columns: Expected Number of Columns: 2 Found: 3",
        "text": "4,5,6",
        "file": "",
    }
    assert [each["line"] for each in found[:3]] == ["63", "65", "67"]


def test_a_row_that_does_not_fit_is_told_with_line_and_column(jobs: Jobs) -> None:
    content = 'b,a\n"x\ny",1\n,2\n\n"p""q",3\nr,\nz,q\n'
    done = jobs.ingest(content, schema=[A, B, {"name": "c", "type": "date"}], max_rejected_ratio=1)
    assert [column["name"] for column in done.result["schema"]] == ["a", "b", "c"]
    assert rows(done) == [[1, "x\ny", None], [3, 'p"q', None]]
    assert left_out(done) == [(4, "b", MISSING), (7, "a", MISSING), (8, "a", 'could not convert "q" to int64')]
    assert [each["text"] for each in kept(done.folder / "quarantine.csv.gz")] == [",2", "r,", "z,q"]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_line_that_is_left_out_is_told_whole_whatever_separates_it(jobs: Jobs, format: str) -> None:
    """U+0001 between fields is what Hive writes."""
    content = {
        "csv": b'a\x01b\n1\x01"x\ny"\nq\x012\n3\x014\n5\x016\n',
        "jsonl": b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":9}\x01"q\n{"a":4}\n',
    }[format]
    options: dict[str, Any] = {"csv": {"delimiter": "\x01", "types": {"a": "int64"}}, "jsonl": {}}[format]

    done = jobs.ingest(content, f"a.{format}", format=format, **options)

    assert [each["line"] for each in done.result["rejected"]["samples"]] == [4]
    assert done.result["rejected"]["samples"][0]["text"] == {"csv": "q\x012", "jsonl": '{"a":9}\x01"q'}[format]


def test_a_column_may_be_named_like_an_option_of_the_engine(jobs: Jobs) -> None:
    done = jobs.ingest("store_rejects=true,a\nx,1\ny,q\nz,3\n", types={"a": "int64"})

    assert rows(done) == [["x", 1], ["z", 3]]
    assert left_out(done) == [(3, "a", 'could not convert "q" to int64')]


SAME: dict[str, tuple[bytes, str, list[int]]] = {
    "jsonl": (b'{"a":1,"b":"x"}\n{"a":"q","b":"y"}\n{"b":"z"}\n{"a":4,"b":"w"}\n', "a.jsonl", [2, 3]),
    "json": (b'[{"a":1,"b":"x"},{"a":"q","b":"y"},{"b":"z"},{"a":4,"b":"w"}]', "a.json", [2, 3]),
    "excel": (workbook({"S": [["a", "b"], [1, "x"], ["q", "y"], [None, "z"], [4, "w"]]}), "a.xlsx", [3, 4]),
}


@pytest.mark.parametrize("kind", SAME)
def test_a_schema_holds_in_every_format(jobs: Jobs, kind: str) -> None:
    content, name, lines = SAME[kind]
    done = jobs.ingest(content, name, format=kind, schema=[A, B])
    assert rows(done) == [[1, "x"], [4, "w"]]
    assert left_out(done) == [
        (lines[0], "a", 'could not convert "q" to int64'),
        (lines[1], "a", MISSING),
    ]


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({}, "3 of 4 rows of loans.csv were rejected; a share of at most 0.5 may be (max_rejected_ratio)."),
        (
            {"max_rejected_ratio": 1, "max_rejected_rows": 2},
            "3 of 4 rows of loans.csv were rejected; at most 2 may be (max_rejected_rows).",
        ),
    ],
)
def test_too_much_left_out_fails_and_leaves_the_file_alone(
    jobs: Jobs, tmp_path: Path, parameters: dict[str, Any], detail: str
) -> None:
    with pytest.raises(Rejection) as caught:
        jobs.ingest("a,b\n1,2\n3\n4\n5\n", **parameters)
    result = caught.value.to_json()
    assert result["error"] == {"code": "too_many_rejected", "detail": detail}
    assert (result["rejected"]["count"], result["quarantine"]["name"]) == (3, "quarantine.csv.gz")
    assert result["detected"]["delimiter"] == ","
    [left] = [path for path in (tmp_path / "job-1").rglob("*") if path.parent.name == "dataset"]
    assert (left.name, left.stat().st_size) == ("quarantine.csv.gz", result["quarantine"]["size_bytes"])
    assert [each["line"] for each in kept(left)] == ["3", "4", "5"]
    assert not list((tmp_path / "job-1").glob("ingest-*"))


def test_files_of_an_archive_are_one_table_whatever_their_order_of_columns(jobs: Jobs) -> None:
    content = zipped({"d/a.csv": b"a,b\n+1,x\n", "d/b.csv": b"b,a\n007,q\n1\n", "d/c.txt": b"", ".DS_Store": b""})
    done = jobs.ingest(content, "up.zip", format="csv")
    assert rows(done) == [["+1", "x"], ["q", "007"]]
    assert done.result["detected"]["files"] == 2
    [one] = done.result["rejected"]["samples"]
    assert (one["file"], one["line"]) == ("d/b.csv", 3)
    with pytest.raises(UserError, match=r"c.csv in up.zip has a column 'z', which a.csv in up.zip does not have"):
        jobs.ingest(zipped({"a.csv": b"a\n1\n", "c.csv": b"a,z\n1,2\n"}), "up.zip", format="archive")


def test_rows_that_are_added_keep_the_order_and_types_of_the_version(jobs: Jobs) -> None:
    declared = [{"name": "a", "type": "float64"}, {"name": "b", "type": "string"}]
    done = jobs.ingest("b,a\n1,2\n3,\n", declared_schema=declared, first_ordinal=10)
    assert [column["type"] for column in done.result["schema"]] == ["float64", "string"]
    assert [list(row.values()) for row in done.table.to_pylist()] == [[10, 2.0, "1"], [11, None, "3"]]
    assert done.result["last_ordinal"] == 11
    with pytest.raises(
        UserError, match=r"schema_mismatch: loans.csv has a column 'z', which the dataset does not have"
    ):
        jobs.ingest("a,b,z\n1,2,3\n", declared_schema=declared, first_ordinal=10)
    lacking = [*declared, {"name": "c", "type": "date", "nullable": False}]
    with pytest.raises(UserError, match=r"loans.csv has no column 'c', which the dataset has without a missing value"):
        jobs.ingest("a,b\n1,2\n", declared_schema=lacking)
    assert jobs.ingest("a\n1\n", declared_schema=declared).table["b"].to_pylist() == [None]


def test_a_long_reason_is_cut_in_the_result_and_whole_in_the_file(tmp_path: Path) -> None:
    quarantine = Quarantine(duckdb.connect())
    quarantine.add_rows([("", 1, None, "é" * 10_000, "t" * 10_000)])
    (sample,) = quarantine.to_json()["samples"]
    assert (sample["reason"], sample["text"]) == ("é" * REASON_LIMIT, "t" * TEXT_LIMIT)
    assert quarantine.write(tmp_path) is not None
    assert len(kept(tmp_path / "quarantine.csv.gz")[0]["reason"]) == 10_000
