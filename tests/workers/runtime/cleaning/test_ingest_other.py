"""Parsing JSON lines and Parquet."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.runtime.cleaning.errors import UserError


def types(done: Done) -> dict[str, str]:
    return {column["name"]: column["type"] for column in done.result["schema"]}


def rows(done: Done) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "__ordinal"} for row in done.table.to_pylist()]


def test_objects_become_rows(jobs: Jobs) -> None:
    content = '{"a":1,"b":"x","q\\"z":true}\n{"b":"","a":2.5,"n":{"k":[1,2]}}\n\n{"a":null,"m":"NA"}\n{"m":3}\n'

    done = jobs.ingest(content, "loans.jsonl", format="jsonl")

    assert types(done) == {"a": "float64", "b": "string", 'q"z': "bool", "n": "string", "m": "string"}
    assert rows(done) == [
        {"a": 1.0, "b": "x", 'q"z': True, "n": None, "m": None},
        {"a": 2.5, "b": None, 'q"z': None, "n": '{"k":[1,2]}', "m": None},
        {"a": None, "b": None, 'q"z': None, "n": None, "m": "NA"},
        {"a": None, "b": None, 'q"z': None, "n": None, "m": "3"},
    ]


def test_lines_that_are_no_object_are_left_out_and_named(jobs: Jobs) -> None:
    done = jobs.ingest('{"a":1}\n{"a":2\n\n[1,2]\n{"a":3}\n', "loans.jsonl", format="jsonl")

    assert rows(done) == [{"a": 1}, {"a": 3}]
    assert done.table["__ordinal"].to_pylist() == [0, 1]
    assert done.result["rejected"] == {
        "count": 2,
        "samples": [
            {
                "line": 2,
                "column": None,
                "reason": "not JSON: Expecting ',' delimiter: line 1 column 7 (char 6)",
                "text": '{"a":2',
            },
            {"line": 4, "column": None, "reason": "not an object but list", "text": "[1,2]"},
        ],
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ("empty_file", "loans.jsonl is empty")),
        ("[1]\n[2]\n", ("no_rows", "no line of loans.jsonl is a JSON object; line 1: not an object but list")),
        ("{}\n{}\n", ("no_columns", "no object in loans.jsonl has a key")),
        (
            '{"a":1,"A":2}\n',
            ("duplicate_column_names", "columns 1 and 2 differ only in case: 'a' and 'A' in loans.jsonl"),
        ),
    ],
)
def test_json_lines_that_cannot_be_read(jobs: Jobs, content: str, expected: tuple[str, str]) -> None:
    with pytest.raises(UserError) as caught:
        jobs.ingest(content, "loans.jsonl", format="jsonl")

    assert (caught.value.code, caught.value.detail) == expected


def parquet(folder: Path, columns: dict[str, Any], **options: Any) -> bytes:
    path = folder / "upload.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path.read_bytes()


def test_parquet_types_are_kept_as_ours(jobs: Jobs, tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    content = parquet(
        tmp_path,
        {
            "small": pa.array([1, None], pa.uint8()),
            "half": pa.array([0.5, float("nan")], pa.float32()),
            "exact": pa.array([decimal.Decimal("1.25"), None], pa.decimal128(10, 2)),
            "text": pa.array(["x", "y"]).dictionary_encode(),
            "zoned": pa.array([moment, None], pa.timestamp("ns", tz="Europe/Berlin")),
            "listed": pa.array([[1, 2], None]),
            "day": pa.array([datetime.date(2024, 1, 2), None]),
            "flag": pa.array([True, False]),
        },
    )

    done = jobs.ingest(content, "upload.parquet", format="parquet")

    assert types(done) == {
        "small": "int64",
        "half": "float64",
        "exact": "float64",
        "text": "string",
        "zoned": "timestamp",
        "listed": "string",
        "day": "date",
        "flag": "bool",
    }
    assert rows(done)[0] == {
        "small": 1,
        "half": 0.5,
        "exact": 1.25,
        "text": "x",
        "zoned": datetime.datetime(2024, 5, 6, 5, 8, 9),
        "listed": "[1,2]",
        "day": datetime.date(2024, 1, 2),
        "flag": True,
    }
    assert rows(done)[1]["half"] is None


def test_the_same_rows_have_the_same_digest_in_every_format(jobs: Jobs, tmp_path: Path) -> None:
    columns = {"a": [1, 2, None], "b": ["x", None, "é"], "c": [0.5, -2.0, 1e300]}
    text = jobs.ingest("a,b,c\n1,x,0.5\n2,,-2\n,é,1e300\n")
    lines = jobs.ingest('{"a":1,"b":"x","c":0.5}\n{"a":2,"c":-2.0}\n{"b":"é","c":1e300}\n', "a.jsonl", format="jsonl")
    binary = jobs.ingest(parquet(tmp_path, columns, compression="gzip"), "a.parquet", format="parquet")

    assert text.result["digest"] == lines.result["digest"] == binary.result["digest"]


def test_what_is_no_parquet_is_refused_with_its_place(jobs: Jobs, tmp_path: Path) -> None:
    whole = parquet(tmp_path, {"a": [1]})
    cases = {
        b"": ("empty_file", "up.parquet is empty"),
        b"a,b\n1,2\n": ("not_parquet", "up.parquet does not start with PAR1: it is no Parquet file"),
        whole[:-10]: ("not_parquet", f"up.parquet does not end with PAR1: it is cut off after {len(whole) - 10} bytes"),
    }
    for content, expected in cases.items():
        with pytest.raises(UserError) as caught:
            jobs.ingest(content, "up.parquet", format="parquet")
        assert (caught.value.code, caught.value.detail) == expected


def test_a_damaged_parquet_is_refused(jobs: Jobs) -> None:
    with pytest.raises(UserError, match="not_parquet"):
        jobs.ingest(b"PAR1" + b"\x00" * 100 + b"PAR1", "up.parquet", format="parquet")


def test_nested_columns_may_repeat_names_inside_but_columns_may_not(jobs: Jobs, tmp_path: Path) -> None:
    content = parquet(tmp_path, {"a": [[1]], "b": [[2]], "c": [{"a": 1, "b": {"a": 2}}], "d": [3]})
    done = jobs.ingest(content, "up.parquet", format="parquet")
    assert rows(done) == [{"a": "[1]", "b": "[2]", "c": '{"a":1,"b":{"a":2}}', "d": 3}]

    path = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([[1]]), pa.array([1]), pa.array([2])], names=["l", "a", "a"]), path)
    with pytest.raises(UserError, match="columns 2 and 3 are both named 'a' in"):
        jobs.ingest(path, "up.parquet", format="parquet")


def test_binary_columns_and_numbers_beyond_64_bits_are_refused(jobs: Jobs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unsupported_type: column 'raw' is blob in up.parquet"):
        jobs.ingest(parquet(tmp_path, {"raw": [b"\x00"]}), "up.parquet", format="parquet")
    with pytest.raises(UserError, match="unreadable_file"):
        jobs.ingest(parquet(tmp_path, {"big": pa.array([2**64 - 1], pa.uint64())}), "up.parquet", format="parquet")
