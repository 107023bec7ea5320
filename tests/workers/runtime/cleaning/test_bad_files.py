"""Uploads that are wrong: each is refused, or quarantined, with its place, and leaves no half of an output."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES
from workers.runtime.cleaning.schema import COLUMNS_MOST

LONG = b"x" * (LINE_LIMIT_BYTES + 1)
QUOTED = b"xxxxxxx\n" * (LINE_LIMIT_BYTES // 8 + 1)
WIDE = ",".join(f"c{number}" for number in range(COLUMNS_MOST + 1)).encode()


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def refusal(jobs: Jobs, content: bytes, name: str = "loans.csv", **parameters: Any) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        jobs.ingest(content, name, **parameters)
    return caught.value.code, caught.value.detail


TEXT: list[tuple[str, bytes, dict[str, Any], tuple[str, str]]] = [
    ("a long line", b"a,b\n1,2\n" + LONG + b",3\n", {}, ("line_too_long", "line 3 is longer than 16777216 bytes")),
    ("one line only", LONG, {}, ("line_too_long", "line 1 is longer than 16777216 bytes")),
    ("a long line recoded", b"a\n" + LONG, {"encoding": "latin-1"}, ("line_too_long", "line 2 is longer")),
    ("a long field of many lines", b'a,b\n1,2\n"' + QUOTED + b'",3\n', {}, ("unclosed_quote", "line 3: a quote is")),
    ("a quote to the end", b'a,b\n1,2\n"x,3\n4,5\n', {}, ("unclosed_quote", "line 3: a quote is opened and not")),
    ("a quote to the end of two rows", b'a,b\n1,"2\n3,4\n', {}, ("unclosed_quote", "line 2: a quote is opened")),
    ("too many columns", WIDE + b"\n", {}, ("too_many_columns", "line 1 of loans.csv has more than 5000 columns")),
    ("the same without names", WIDE + b"\n", {"header": False}, ("too_many_columns", "loans.csv has more than 5000")),
    ("a NUL", b"a,b\n1,x\n2,\0\n", {}, ("nul_byte", "line 3, byte 3 is 0x00 (NUL); text has none")),
    ("a NUL recoded", b"a,b\n1,x\n2,\0\n", {"encoding": "latin-1"}, ("nul_byte", "line 3, character 3 is NUL")),
    (
        "GB 18030 that breaks off",
        "姓名,年龄\n张三,30\n".encode("gb18030") + b"1,\xff\n",
        {"encoding": "gb18030"},
        ("wrong_encoding", "loans.csv is not gb18030: line 3, character 3 starts with 0xff"),
    ),
    ("UTF-16 without a mark", b"a,b\n", {"encoding": "utf-16"}, ("wrong_encoding", "loans.csv is not utf-16, after")),
    (
        "half a character",
        b"a,b\n1,+2Dw-\n",
        {"encoding": "utf-7"},
        ("wrong_encoding", "line 2, character 3 is half of a character"),
    ),
    (
        "UTF-8 said to be Latin",
        b"\xef\xbb\xbfa,b\n1,2\n",
        {"encoding": "latin-1"},
        ("wrong_encoding", "loans.csv starts as utf-8 text, line 1: say so as its encoding"),
    ),
    ("no text encoding", b"a\n1\n", {"encoding": "base64"}, ("invalid_parameters", "encoding 'base64' is not known")),
    ("a quote as delimiter", b"a\n1\n", {"delimiter": '"'}, ("invalid_parameters", "not '\"'")),
    ("a null value with the delimiter", b"a,b\n1,2\n", {"null_values": [","]}, ("invalid_parameters", "null_values:")),
    ("names but for blanks", b'{"a":1," a":2}\n', {"format": "jsonl"}, ("duplicate_column_names", "in blanks")),
    ("names alike to the eye", "é,e\u0301\n1,2\n".encode(), {}, ("duplicate_column_names", "only in how letters are")),
    ("a long name", b"a" * 201 + b",b\n1,2\n", {}, ("wrong_column_name", "column 1 in line 1 of")),
    ("a line in a name", b'x,"a\nb"\n1,2\n', {}, ("wrong_column_name", "column 2 in line 1 of loans.csv: ")),
    ("a name beyond reason", b"a" * 200_000 + b"\n1\n", {}, ("wrong_column_name", "its name has 200000 char")),
    ("a page", b"<!DOCTYPE html>\n<p>Not found</p>\n", {}, ("wrong_format", "loans.csv is a web page, not text")),
    ("a zip cut off", b"PK\x03\x04" + bytes(20), {}, ("damaged_archive", "loans.csv has no list of its members")),
]  # fmt: skip


@pytest.mark.parametrize(("content", "parameters", "expected"), [row[1:] for row in TEXT], ids=[row[0] for row in TEXT])
def test_text_that_is_wrong_is_refused_with_its_place(
    jobs: Jobs, tmp_path: Path, content: bytes, parameters: dict[str, Any], expected: tuple[str, str]
) -> None:
    code, detail = refusal(jobs, content, **parameters)
    assert (code, expected[1] in detail) == (expected[0], True), detail
    assert str(tmp_path) not in detail
    assert list(tmp_path.rglob("*.parquet")) == []


def test_a_stray_quote_costs_one_row(jobs: Jobs) -> None:
    done = jobs.ingest(b'a,b\n1,2\n"q"z,4\n4,5\n')
    assert done.table["b"].to_pylist() == [2, 5]
    [left_out] = done.result["rejected"]["samples"]
    assert (left_out["line"], left_out["column"], left_out["text"]) == (3, "a", '"q"z,4')


def test_all_rows_rejected_leaves_no_file(jobs: Jobs, tmp_path: Path) -> None:
    assert refusal(jobs, b"a,b,c\n1,2\n3,4\n") == (
        "no_rows",
        "all 2 rows of loans.csv were rejected; line 2: missing columns: Expected Number of Columns: 3 Found: 2",
    )
    assert list(tmp_path.rglob("*.parquet")) == []


def test_json_lines_are_read_in_memory_that_does_not_grow_with_them(jobs: Jobs) -> None:
    """Keys and types are found line by line; a line may have any depth, as long as it is closed."""
    deep, open_end = b"[" * 5000 + b"]" * 5000, b"[" * 100_000
    content = b'{"a":1,"b/c":1,"d":%b}\n{"a":-2,"b/c":1.5,"e":[1]}\n{"a":%b\n{"a":null,"b/c":true,"e":{"x":1}}\n'
    done = jobs.ingest(content % (deep, open_end), "a.jsonl", format="jsonl")
    assert {each["name"]: each["type"] for each in done.result["schema"]} == {
        "a": "int64",
        "b/c": "string",
        "d": "string",
        "e": "string",
    }
    assert done.table["a"].to_pylist() == [1, -2, None]
    assert done.table["b/c"].to_pylist() == ["1", "1.5", "true"]
    assert done.table["e"].to_pylist() == [None, "[1]", '{"x":1}']
    assert done.table["d"].to_pylist()[0] == deep.decode()
    [left_out] = done.result["rejected"]["samples"]
    assert (left_out["line"], left_out["reason"]) == (
        3,
        "not JSON: lists or objects inside each other that are not closed",
    )


def test_json_lines_with_a_key_per_line_are_refused(jobs: Jobs) -> None:
    content = b"".join(b'{"k%d":1}\n' % number for number in range(COLUMNS_MOST + 1))
    assert refusal(jobs, content, "a.jsonl", format="jsonl") == (
        "too_many_columns",
        "a.jsonl has more than 5000 columns",
    )


def test_json_lines_with_what_json_cannot_say_are_named(jobs: Jobs) -> None:
    done = jobs.ingest(b'{"a":"\\ud800"}\n{"a":"x"}\n', "a.jsonl", format="jsonl")
    [left_out] = done.result["rejected"]["samples"]
    assert left_out["line"] == 1
    assert left_out["reason"].startswith("it has half of a character")


def test_a_parquet_that_is_damaged_or_locked_says_so(jobs: Jobs, tmp_path: Path) -> None:
    whole = parquet({"a": list(range(10_000)), "b": [str(number) for number in range(10_000)]})
    torn = whole[: len(whole) // 2] + whole[len(whole) // 2 + 500 :]
    cases = {
        torn: ("unreadable_file", "up.parquet: "),
        whole[:-8] + b"\xff\xff\xff\x7fPAR1": ("not_parquet", "up.parquet: Footer length error"),
        b"PARE" + bytes(40) + b"PARE": (
            "encrypted_file",
            "up.parquet is an encrypted Parquet file: upload it decrypted",
        ),
        b"PAR1PAR1": ("not_parquet", "up.parquet does not end with PAR1: it is cut off after 8 bytes"),
        parquet({"a": pa.array([], pa.int64())}): ("no_rows", "up.parquet has no row"),
        parquet({"n\0": [1]}): ("wrong_column_name", "column 1 in up.parquet: its name has a control character"),
        parquet({f"c{number}": [1] for number in range(COLUMNS_MOST + 1)}): ("too_many_columns", "up.parquet has more"),
    }
    for content, (code, detail) in cases.items():
        said = refusal(jobs, content, "up.parquet", format="parquet")
        assert (said[0], said[1].startswith(detail)) == (code, True), said
        assert str(tmp_path) not in said[1]
    assert list(tmp_path.rglob("part-*")) == []


def test_a_parquet_column_without_any_value_is_kept(jobs: Jobs) -> None:
    done = jobs.ingest(parquet({"a": [1, 2], "empty": pa.nulls(2)}), "up.parquet", format="parquet")
    assert done.result["schema"][1] == {"name": "empty", "type": "string", "nullable": True}
