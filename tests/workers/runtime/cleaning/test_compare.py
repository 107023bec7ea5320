"""Two versions held against each other, against a plain statement of the same in Python."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning.compare_rows import CELLS, EXAMPLES, Pair, by_content, by_key
from workers.runtime.cleaning.errors import UserError

texts = st.none() | st.sampled_from(["", "a", "b", "true"])
floats = st.none() | st.sampled_from([0.0, -0.0, 1.5, 2.0])
rows = st.lists(st.tuples(texts, floats), max_size=8)
keyed = st.dictionaries(st.none() | st.integers(0, 8), st.tuples(texts, floats), max_size=8)
CONNECTION = duckdb.connect()
ROW = pa.schema([("__ordinal", pa.int64()), ("k", pa.int64()), ("t", pa.string()), ("f", pa.float64())])
COLUMNS = [("k", "int64", "int64"), ("t", "string", "string"), ("f", "float64", "float64")]


def _pair(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], columns: Any = COLUMNS) -> Pair:
    connection = CONNECTION
    for name, side in (("before", before), ("after", after)):
        columns_of = {field.name: [row[n] for row in side] for n, field in enumerate(ROW)}
        connection.register(name, pa.table(columns_of, schema=ROW))
    return Pair(connection, "before", "after", columns)


@settings(max_examples=15, deadline=None)
@given(keyed, keyed)
def test_rows_by_key_are_those_of_two_dictionaries(old: dict[Any, Any], new: dict[Any, Any]) -> None:
    before = [(100 + n, key, *values) for n, (key, values) in enumerate(old.items())]
    after = [(n, key, *values) for n, (key, values) in enumerate(reversed(new.items()))]
    found = by_key(_pair(before, after), ["k"])

    changed = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    assert found["rows"] == {
        "before": len(old),
        "after": len(new),
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "changed": len(changed),
        "same": len((old.keys() & new.keys()) - changed),
    }
    counts = {name: sum(old[key][n] != new[key][n] for key in changed) for n, name in enumerate("tf")}
    assert {column["name"]: column["changed"] for column in found["columns"]} == {k: n for k, n in counts.items() if n}
    shown = found["examples"]["changed"]
    assert {row["key"]["k"] for row in shown} == changed
    for row in shown:
        key = row["key"]["k"]
        cells = {cell["column"]: (cell["before"], cell["after"]) for cell in row["cells"]}
        pairs = {name: (old[key][n], new[key][n]) for n, name in enumerate("tf")}
        assert cells == {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        assert (before[row["ordinal_before"] - 100][1], after[row["ordinal_after"]][1]) == (key, key)
    for kind, only in (("added", new.keys() - old.keys()), ("removed", old.keys() - new.keys())):
        assert {row["values"]["k"] for row in found["examples"][kind]} == only


@settings(max_examples=15, deadline=None)
@given(rows, rows)
def test_whole_rows_are_counted_as_often_as_they_are_there(old: list[Any], new: list[Any]) -> None:
    before, after = ([(n, 1, *row) for n, row in enumerate(side)] for side in (old, new))
    found = by_content(_pair(before, after))
    counts = Counter(old), Counter(new)
    added, removed = (sum((counts[1 - n] - counts[n]).values()) for n in (0, 1))
    assert found["rows"] == {
        "before": len(old), "after": len(new), "added": added, "removed": removed, "changed": None,
        "same": (counts[0] & counts[1]).total(),
    }  # fmt: skip
    shown = {(row["values"]["t"], row["values"]["f"]) for row in found["examples"]["added"]}
    assert shown == set(counts[1] - counts[0])


def test_types_that_changed_are_compared_by_what_they_say() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE before AS SELECT 0 AS __ordinal, 1 AS k, 2::BIGINT AS n, true AS b, 'x' AS s")
    connection.execute("CREATE TABLE after AS SELECT 0 AS __ordinal, 1 AS k, 2.0::DOUBLE AS n, 'false' AS b, 'x' AS s")
    columns = [("k", "int64", "int64"), ("n", "int64", "float64"), ("b", "bool", "string"), ("s", "string", "string")]
    found = by_key(Pair(connection, "before", "after", columns), ["k"])
    assert found["columns"] == [{"name": "b", "changed": 1}]
    assert found["examples"]["changed"][0]["cells"] == [{"column": "b", "before": True, "after": "false"}]


def test_a_key_that_does_not_tell_rows_apart_is_named_with_a_value() -> None:
    twice = [(0, 7, "a", 1.0), (1, 7, "b", 1.0), (2, 8, "c", 1.0)]
    with pytest.raises(UserError) as refused:
        by_key(_pair(twice[1:], twice), ["k"])
    assert (refused.value.code, refused.value.detail) == (
        "key_not_unique",
        "k does not tell the rows of the later version apart: 1 of its values come more than once, k = 7 2 times",
    )
    assert by_key(_pair(twice, twice), ["t", "k"])["rows"]["same"] == 3


def test_examples_are_few_and_the_first() -> None:
    before = [(n, n, "a", 1.0) for n in range(200)]
    found = by_key(_pair(before, [(n, k, "b", f) for n, k, _, f in before]), ["k"])
    assert [row["ordinal_after"] for row in found["examples"]["changed"]] == list(range(EXAMPLES))
    wide = [(f"c{n}", "int64", "int64") for n in range(300)]
    connection = duckdb.connect()
    for name, add in (("before", 0), ("after", 1)):
        cells = ", ".join(f"i + {add} AS c{n}" for n in range(300))
        connection.execute(f"CREATE TABLE {name} AS SELECT i AS __ordinal, i AS k, {cells} FROM range(40) t (i)")
    shown = by_key(Pair(connection, "before", "after", [("k", "int64", "int64"), *wide]), ["k"])
    assert len(shown["columns"]) == 300
    assert sum(len(row["cells"]) for row in shown["examples"]["changed"]) == CELLS


def test_the_job_tells_columns_rows_and_drift(jobs: Jobs) -> None:
    old = jobs.ingest(b"id,age,city\n1,30,Bonn\n2,40,Ulm\n3,50,Ulm\n")
    new = jobs.ingest(b"id,age,zip\n2,41,89\n3,50,89\n4,60,53\n")
    found = jobs.compare(old.files, new.files, ["id"])
    assert found["schema"] == {
        "added": [{"name": "zip", "type": "int64"}],
        "removed": [{"name": "city", "type": "string"}],
        "type_changed": [],
    }
    assert found["rows"] == {"before": 3, "after": 3, "added": 1, "removed": 1, "changed": 1, "same": 1}
    (row,) = found["examples"]["changed"]
    assert (row["key"], row["cells"]) == ({"id": 2}, [{"column": "age", "before": 40, "after": 41}])
    assert [column["name"] for column in found["drift"]["columns"]] == ["id", "age"]
    assert jobs.compare(old.files, new.files, [])["rows"]["changed"] is None
    failed = jobs.compare(old.files, new.files, ["city"])
    assert failed["error"] == {
        "code": "key_missing",
        "detail": "the later version has no column 'city' of the key; it has id, age, zip",
    }
