"""What is found out about a file, and what may be said instead."""

from __future__ import annotations

import datetime
import gzip
from typing import Any

import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.encodings import guessed, is_damaged_utf8, sampled

CITIES = {
    "gb18030": "姓名,年龄,城市\n张三,30,北京\n李四,25,上海\n",
    "big5": "姓名,年齡,城市\n張三,30,臺北\n李四,25,高雄\n",
    "shift_jis": "これはデータ,数\nカラムがたくさん,1\nさとう,2\n",
    "euc_kr": "이름,나이,도시\n김철수,30,서울\n이영희,25,부산\n",
    "cp1252": "nom,âge,ville\nHélène,25,Orléans\nFrançois,41,Saint-Étienne\n",
    "cp1251": "имя,возраст,город\nИван,30,Москва\nМария,25,Казань\n",
    "cp1250": "imię,miasto\nŁukasz,Łódź\nMałgorzata,Kraków\nŚwiątek,Gdańsk\n",
}
UNSETTLED = {
    "cp1252": "name,n\nAnn,1\nJosé,2\n",  # one letter
    "cp1254": "isim,şehir\nIşıl,İstanbul\nGökçe,Eskişehir\n",  # as good as Romanian
}


def rows(done: Done) -> list[list[Any]]:
    return [list(row.values())[1:] for row in done.table.to_pylist()]


@pytest.mark.parametrize("encoding", CITIES)
def test_an_encoding_is_found_where_the_text_settles_it(jobs: Jobs, encoding: str) -> None:
    text = CITIES[encoding]
    done = jobs.ingest(text.encode(encoding))
    assert done.result["detected"]["encoding"] == encoding
    assert done.result["detected"]["encoding_confidence"] > 0.5
    assert done.result["digest"] == jobs.ingest(text).result["digest"]


@pytest.mark.parametrize("encoding", UNSETTLED)
def test_an_encoding_that_is_not_settled_is_refused_with_the_guess(jobs: Jobs, encoding: str) -> None:
    with pytest.raises(UserError, match=r"is not UTF-8: line \d, byte \d+ is 0x..\. It may be cp125\d, which"):
        jobs.ingest(UNSETTLED[encoding].encode(encoding))
    assert jobs.ingest(UNSETTLED[encoding].encode(encoding), encoding=encoding).result["row_count"] == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_text_is_found_with_its_mark_and_without(jobs: Jobs, encoding: str) -> None:
    done = jobs.ingest("a,b\n1,x\n2,José\n".encode(encoding))
    assert rows(done) == [[1, "x"], [2, "José"]]
    assert done.result["detected"]["encoding"] == encoding


def test_damage_is_not_taken_for_another_encoding() -> None:
    assert is_damaged_utf8(sampled(["ä,1\n".encode() * 100, b"\xc3(,1\n"]))
    assert not is_damaged_utf8("Müller\nGrößer\n".encode("latin-1"))
    assert guessed(bytes(range(128, 256)) * 4) is None


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"a,b\n1,x\n2,y\n", "lf"), (b"a,b\r\n1,x\r\n2,y\r\n", "crlf"), (b"a,b\r1,x\r2,y\r", "cr"),
        (b"a,b\n1,x\r\n2,y\r", "mixed"),
    ],
)  # fmt: skip
def test_lines_may_end_in_any_way_and_in_several(jobs: Jobs, content: bytes, ending: str) -> None:
    done = jobs.ingest(content)
    assert (rows(done), done.result["detected"]["line_ending"]) == ([[1, "x"], [2, "y"]], ending)


DAY = datetime.date(2024, 1, 13)
CASES: dict[str, tuple[bytes, dict[str, Any], list[list[Any]]]] = {
    "single quotes": (b"a,b\n1,'x,y'\n2,'z,w'\n", {}, [[1, "x,y"], [2, "z,w"]]),
    "apostrophes": (b"a,b\n1,it's\n2,don't\n", {}, [[1, "it's"], [2, "don't"]]),
    "no quote": (b'a,b\n1,x"y\n2,z\n', {"quote": ""}, [[1, 'x"y'], [2, "z"]]),
    "an escape": (b'a,b\n1,"x\\"y"\n2,z\n', {"escape": "\\"}, [[1, 'x"y'], [2, "z"]]),
    "comments": (b"# hi\na,b\n#no\n1,x\n2,y\n", {"comment": "#"}, [[1, "x"], [2, "y"]]),
    "a title": (b"Report\n\na,b\n1,x\n2,y\n", {"skip_rows": 2}, [[1, "x"], [2, "y"]]),
    "commas and points": (
        b"a;b\n1.234,5;1.000\n2,25;2\n", {"decimal": ",", "thousands": "."}, [[1234.5, 1000], [2.25, 2]],
    ),
    "a day": (b"a,b\n13/01/2024,x\n", {"date_format": "%d/%m/%Y"}, [[DAY, "x"]]),
    "a time": (
        b"a,b\n13/01/2024 10:30,x\n", {"timestamp_format": "%d/%m/%Y %H:%M"},
        [[datetime.datetime(2024, 1, 13, 10, 30), "x"]],
    ),
    "no header": (b"1,x\n2,y\n3,z\n", {}, [[1, "x"], [2, "y"], [3, "z"]]),
    "a header of years": (b"country,2019,2020\nFR,1,2\nDE,3,4\n", {}, [["FR", 1, 2], ["DE", 3, 4]]),
    "gzip": (gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n"), {}, [[1, "x"], [2, "y"]]),
    "zstd": (pa.compress(b"a,b\n1,x\n", codec="zstd", asbytes=True), {}, [[1, "x"]]),
    "a number that is no whole one": (b"a\n1.5\n2\n3.0\n", {"types": {"a": "int64"}}, [[2], [3]]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "parameters", "expected"), CASES.values(), ids=CASES)
def test_a_dialect_is_found_or_said(
    jobs: Jobs, content: bytes, parameters: dict[str, Any], expected: list[list[Any]]
) -> None:
    assert rows(jobs.ingest(content, **parameters)) == expected


def test_a_list_of_json_is_read_whatever_its_lines(jobs: Jobs) -> None:
    done = jobs.ingest(b'[{"a":1,"b":"x"},{"a":2,"a":3}, 5,\n {"b":[1,2]}]', "a.json", format="json")
    assert rows(done) == [[1, "x"], [None, "[1,2]"]]
    assert [(each["line"], each["reason"]) for each in done.result["rejected"]["samples"]] == [
        (2, "the key 'a' stands in it twice"),
        (3, "not an object but int"),
    ]
    assert rows(jobs.ingest(b'{"a":\n1}\n{"a":2}', "a.json", format="json")) == [[1], [2]]
    with pytest.raises(UserError, match=r"not_json: a.json: element 4, byte 10: unexpected character"):
        jobs.ingest(b'[{"a":1},{"a":2},\n {"b":[1,2}]', "a.json", format="json")


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 20_000, b"5", b'"x"', b"[]", b"[1,2]"])
def test_json_that_is_no_list_of_objects_is_refused(jobs: Jobs, content: bytes) -> None:
    with pytest.raises(UserError, match=r"^(not_json|no_rows): .*a\.json"):
        jobs.ingest(content, "a.json", format="json")
