"""Files whose beginning says what they are: read in one go, with what the whole file would have said."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning import ingest
from workers.runtime.cleaning.readers import delimited
from workers.runtime.cleaning.readers.spelled import Doubtful, spelled

ROWS = 2_500
USUAL = {
    "int64": ("12", "-3", "0"),
    "float64": ("1.5", "-0.25", "3", "-.5", "7."),
    "bool": ("true", "FALSE"),
    "date": ("2020-02-29", "1500-01-01"),
    "timestamp": ("2020-01-02", "2020-01-02 03:04", "2020-01-02T03:04:05.123456", "2020-01-02 03:04:05.5"),
}
ODD = (
    "",
    " ",
    "x",
    "+3",
    "007",
    "-03",
    "00",
    "1_000",
    "0x1F",
    "1e400",
    "nan",
    "inf",
    "1,5",
    "3 ",
    " 3",
    "12%",
    "--1",
    "1/2",
)
OTHERWISE = {
    "int64": (*ODD, "1.0", "1e3", "9223372036854775808", "-0"),
    "float64": (*ODD, "00.5", "-00.5", "1.5 ", "1e", "."),
    "bool": (*ODD, "0", "1", "yes", "t", "true "),
    "date": (*ODD, "2020-1-2", "2020/01/02", "2019-02-29", "2020-01-02 00:00"),
    "timestamp": (*ODD, "2020-01-02 03", "2020-01-02 0304", "2020-01-02 25:00:00", "2020-01-02 03:04:05.1234567"),
}


@pytest.mark.parametrize("kind", list(USUAL))
def test_usual_texts_are_read_as_the_engine_reads_them(kind: str) -> None:
    texts = pa.array([None, *USUAL[kind], None])
    column = {"date": "DATE", "timestamp": "TIMESTAMP", "int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN"}[kind]
    relation = pa.table({"a": texts})

    values = spelled(texts.slice(1), kind)

    expected = duckdb.from_arrow(relation).project(f"a::{column} AS a").to_arrow_table().column("a")
    assert relation.num_rows == len(values) + 1
    assert values.to_pylist() == expected.to_pylist()[1:]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in OTHERWISE.items() for text in texts])
def test_a_text_that_may_decide_otherwise_is_doubtful(kind: str, text: str) -> None:
    with pytest.raises(Doubtful):
        spelled(pa.array([USUAL[kind][0], None, text, USUAL[kind][0]]), kind)


def test_times_with_a_zone_are_read_in_utc() -> None:
    found = spelled(pa.array(["2020-01-02T03:04:05+02:00", None, "2020-01-02 03:04:05Z"]), "timestamp")

    assert [each and each.isoformat() for each in found.to_pylist()] == [
        "2020-01-02T01:04:05", None, "2020-01-02T03:04:05",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "last", "kind"),
    [
        ("12", "007", "string"), ("12", "1.5", "float64"), ("1.5", "+3", "string"), ("", "5", "int64"),
        ("true", "yes", "string"), ("2020-01-02", "2020-01-02 10:00:00", "timestamp"), ("12", "13", "int64"),
    ],
)  # fmt: skip
def test_the_last_row_decides_as_the_first(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, values: str, last: str, kind: str
) -> None:
    monkeypatch.setattr(delimited, "SAMPLE_ROWS", 2_048)
    rows = "".join(f"{number},{values}\n" for number in range(ROWS))

    done = jobs.ingest(f"k,a\n{rows}{ROWS},{last}\n")

    assert [each["type"] for each in done.result["schema"]] == ["int64", kind]
    assert done.result["row_count"] == ROWS + 1
    assert [path.name for path in done.folder.glob("part-*")] == ["part-00000.parquet"]
    assert str(done.table.column("a")[-1].as_py()) == {"timestamp": "2020-01-02 10:00:00"}.get(kind, last)


def test_a_row_that_is_left_out_late_is_told_as_ever(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "SAMPLE_ROWS", 2_048)
    rows = "".join(f"{number},{number / 8}\n" for number in range(ROWS))

    done = jobs.ingest(f"k,a\n{rows}1,2,3\n{ROWS},0.5\n")

    assert done.result["row_count"] == ROWS + 1
    assert [(one["line"], one["text"]) for one in done.result["rejected"]["samples"]] == [(ROWS + 2, "1,2,3")]
    assert [each["type"] for each in done.result["schema"]] == ["int64", "float64"]


def test_a_usual_file_is_looked_at_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "opened", lambda *_: pytest.fail("looked at twice"))

    done = jobs.ingest("a,b\n1,x\n2,\n", first_ordinal=7)

    assert done.table.to_pylist() == [{"__ordinal": 7, "a": 1, "b": "x"}, {"__ordinal": 8, "a": 2, "b": None}]


def test_numbers_with_an_exponent_are_usual() -> None:
    assert spelled(pa.array(["1e-5", "2.50", None, "-3E+2"]), "float64").to_pylist() == [1e-05, 2.5, None, -300.0]
