"""Parsing CSV and TSV."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning.errors import UserError


def types(result: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in result["schema"]}


def refusal(jobs: Jobs, content: bytes | str, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        jobs.ingest(content, **parameters)
    return caught.value.code, caught.value.detail


def test_rows_get_ordinals_and_columns_types(jobs: Jobs) -> None:
    done = jobs.ingest("id,rate,name,born,at,good\n1,0.5,Ann,2001-02-03,2024-05-06 07:08:09,true\n2,,,,,FALSE\n")

    assert done.result["schema"] == [
        {"name": "id", "type": "int64", "nullable": False},
        {"name": "rate", "type": "float64", "nullable": True},
        {"name": "name", "type": "string", "nullable": True},
        {"name": "born", "type": "date", "nullable": True},
        {"name": "at", "type": "timestamp", "nullable": True},
        {"name": "good", "type": "bool", "nullable": False},
    ]
    assert done.result["row_count"] == 2
    assert done.result["rejected"] == {"count": 0, "samples": []}
    assert [(each["name"], each["rows"]) for each in done.result["files"]] == [("part-00000.parquet", 2)]
    rows = done.table.to_pylist()
    assert [row["__ordinal"] for row in rows] == [0, 1]
    assert (rows[0]["id"], rows[0]["rate"], rows[0]["name"], rows[0]["good"]) == (1, 0.5, "Ann", True)
    assert (rows[0]["born"].isoformat(), rows[0]["at"].isoformat()) == ("2001-02-03", "2024-05-06T07:08:09")
    assert (rows[1]["rate"], rows[1]["name"], rows[1]["born"], rows[1]["good"]) == (None, None, None, False)


def test_a_guess_that_is_not_certain_stays_text(jobs: Jobs) -> None:
    done = jobs.ingest("answer,code,when,flag\nyes,007,01/02/2024,t\nno,012,03/04/2024,f\n")

    assert types(done.result) == {"answer": "string", "code": "string", "when": "string", "flag": "string"}
    assert done.table.to_pylist()[0] == {
        "__ordinal": 0,
        "answer": "yes",
        "code": "007",
        "when": "01/02/2024",
        "flag": "t",
    }


def test_the_type_does_not_depend_on_where_a_value_stands(jobs: Jobs) -> None:
    late = jobs.ingest("a\n" + "1\n" * 30_000 + "x\n")

    assert types(late.result) == {"a": "string"}
    assert late.result["row_count"] == 30_001
    assert late.result["rejected"]["count"] == 0


def test_a_zoned_time_is_kept_in_utc(jobs: Jobs) -> None:
    done = jobs.ingest("at,b\n2024-05-06T07:08:09+02:00,1\n2024-05-06T07:08:09Z,2\n")

    assert types(done.result)["at"] == "timestamp"
    assert [value.isoformat() for value in done.table["at"].to_pylist()] == [
        "2024-05-06T05:08:09",
        "2024-05-06T07:08:09",
    ]


def test_null_values_are_those_asked_for(jobs: Jobs) -> None:
    content = "a,b\n1,x\nNA,NA\n,\n"

    kept = jobs.ingest(content)
    assert types(kept.result) == {"a": "string", "b": "string"}
    assert kept.table["a"].to_pylist() == ["1", "NA", None]
    asked = jobs.ingest(content, null_values=["", "NA"])
    assert types(asked.result) == {"a": "int64", "b": "string"}
    assert asked.table["a"].to_pylist() == [1, None, None]
    none = jobs.ingest(content, null_values=[])
    assert none.table["b"].to_pylist() == ["x", "NA", ""]


def test_a_float_that_is_not_finite_is_missing(jobs: Jobs) -> None:
    done = jobs.ingest("a,b\n1.5,1\nnan,2\ninf,3\n-inf,4\n")

    assert done.table["a"].to_pylist() == [1.5, None, None, None]


def test_lines_that_do_not_parse_are_left_out_and_named(jobs: Jobs) -> None:
    done = jobs.ingest("a,b\n1,2\n3\n4,5,6\n7,8\n")

    assert done.result["row_count"] == 2
    assert done.table.to_pylist() == [{"__ordinal": 0, "a": 1, "b": 2}, {"__ordinal": 1, "a": 7, "b": 8}]
    assert done.result["rejected"] == {
        "count": 2,
        "samples": [
            {
                "line": 3,
                "column": "b",
                "reason": "missing columns: Expected Number of Columns: 2 Found: 1",
                "text": "3",
            },
            {
                "line": 4,
                "column": None,
                "reason": "too many columns: Expected Number of Columns: 2 Found: 3",
                "text": "4,5,6",
            },
        ],
    }


def test_a_type_that_is_insisted_on_rejects_what_does_not_fit(jobs: Jobs) -> None:
    done = jobs.ingest("a,b\n1,x\nq,y\n2,z\n", types={"a": "int64"})

    assert types(done.result) == {"a": "int64", "b": "string"}
    assert done.table["b"].to_pylist() == ["x", "z"]
    [rejected] = done.result["rejected"]["samples"]
    assert (rejected["line"], rejected["column"], rejected["text"]) == (3, "a", "q,y")
    assert rejected["reason"] == 'could not convert "q" to int64'


def test_only_the_first_rejected_lines_are_shown(jobs: Jobs) -> None:
    done = jobs.ingest("a,b\n" + "1,2\n" + "3\n" * 50, max_rejected_ratio=1)

    assert done.result["rejected"]["count"] == 50
    assert [each["line"] for each in done.result["rejected"]["samples"]] == list(range(3, 23))


def test_quotes_newlines_and_marks(jobs: Jobs) -> None:
    done = jobs.ingest('﻿a,"b ""x"", c"\r\n1,"two\r\nlines, ""quoted"""\r\n2,plain\r\n')

    assert types(done.result) == {"a": "int64", 'b "x", c': "string"}
    assert done.table['b "x", c'].to_pylist() == ['two\r\nlines, "quoted"', "plain"]


@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        ("a;b\n1,5;x\n2,5;y\n", {}),
        ("a\tb\n1,5\tx\n2,5\ty\n", {"format": "tsv"}),
        ("a|b\n1,5|x\n2,5|y\n", {"delimiter": "|"}),
    ],
)
def test_the_delimiter_is_found_or_said(jobs: Jobs, content: str, parameters: dict[str, Any]) -> None:
    done = jobs.ingest(content, **parameters)

    assert done.table["a"].to_pylist() == ["1,5", "2,5"]
    assert done.table["b"].to_pylist() == ["x", "y"]


def test_a_file_without_a_header(jobs: Jobs) -> None:
    done = jobs.ingest("1,x\n2,y\n", header=False)

    assert types(done.result) == {"column_1": "int64", "column_2": "string"}
    assert done.result["row_count"] == 2


def test_another_encoding_is_recoded_when_said(jobs: Jobs) -> None:
    done = jobs.ingest("name,n\nJosé,1\n".encode("latin-1"), encoding="latin-1")
    wide = jobs.ingest("name,n\nJosé,1\n".encode("utf-16"), encoding="utf-16")

    assert done.table["name"].to_pylist() == wide.table["name"].to_pylist() == ["José"]
    assert done.result["digest"] == wide.result["digest"]


def test_a_wrong_encoding_names_line_and_byte(jobs: Jobs) -> None:
    content = "name,n\nAnn,1\nJosé,2\n".encode("latin-1")

    assert refusal(jobs, content) == (
        "wrong_encoding",
        "loans.csv is not UTF-8: line 3, byte 4 is 0xe9. It may be cp1252, which its bytes do not settle: say which "
        "encoding it has.",
    )


def test_a_wrong_byte_far_into_the_file_is_found(jobs: Jobs) -> None:
    good = "ä,1\n" * 400_000
    content = ("a,b\n" + good).encode() + b"\xc3(,1\n"

    code, detail = refusal(jobs, content)
    assert (code, detail) == (
        "wrong_encoding",
        "loans.csv is not UTF-8: line 400002, byte 1 is 0xc3; say which encoding it has.",
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ("empty_file", "loans.csv is empty")),
        (b"\xef\xbb\xbf\r\n \n", ("empty_file", "loans.csv is empty")),
        (b"a,b\n", ("no_rows", "loans.csv has a header and no row")),
        (b"a,b,a\n1,2,3\n", ("duplicate_column_names", "columns 1 and 3 are both named 'a' in line 1 of loans.csv")),
        (
            b"a,A\n1,2\n",
            ("duplicate_column_names", "columns 1 and 2 differ only in case: 'a' and 'A' in line 1 of loans.csv"),
        ),
        (b"a,\n1,2\n", ("empty_column_name", "column 2 has no name in line 1 of loans.csv")),
        (
            b"a,__split\n1,2\n",
            (
                "reserved_column_name",
                "column 2 is named '__split' in line 1 of loans.csv; that name is kept for other use",
            ),
        ),
        (
            b"\x1f\x8b\x08\x00abc",
            (
                "damaged_archive",
                "loans.csv cannot be unpacked: Compressed file ended before the end-of-stream marker was reached",
            ),
        ),
        (b"PAR1abcPAR1", ("wrong_format", "loans.csv is a parquet file, not text")),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_place(
    jobs: Jobs, content: bytes, expected: tuple[str, str]
) -> None:
    assert refusal(jobs, content) == expected


def test_nothing_but_rejected_rows_is_refused(jobs: Jobs) -> None:
    assert refusal(jobs, "a,b\nq,1\nr,2\n", types={"a": "int64"})[0] == "no_rows"


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        (
            {"format": "xls"},
            "format must be one of csv, tsv, jsonl, json, parquet, excel, images, texts, archive, not 'xls'",
        ),
        ({"delimiter": "ab"}, "delimiter must be one ASCII character, no quote and no end of a line, not 'ab'"),
        ({"encoding": "klingon"}, "encoding 'klingon' is not known"),
        ({"null_values": "NA"}, "null_values is a list of texts without quotes, not 'NA'"),
        ({"header": 1}, "header is true or false, not 1"),
        ({"types": ["a"]}, "types is an object: column → type"),
        ({"types": {"z": "int64"}}, "types: loans.csv has no column 'z'"),
        (
            {"types": {"a": "number"}},
            "types: 'a' cannot be 'number'; one of int64, float64, string, bool, timestamp, date",
        ),
    ],
)
def test_wrong_parameters_are_refused(jobs: Jobs, parameters: dict[str, Any], detail: str) -> None:
    assert refusal(jobs, "a,b\n1,2\n", **parameters) == ("invalid_parameters", detail)
