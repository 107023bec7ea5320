"""What is told of columns together: against SciPy and plain statements, and on tables made to show it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy  # its parts are loaded on first use
from hypothesis import given, settings

from tests.workers.runtime.cleaning.test_profile_figures import table_of
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.profiling import near, relations
from workers.runtime.cleaning.profiling.media import images
from workers.runtime.cleaning.profiling.source import source
from workers.runtime.cleaning.schema import Column

ROWS = 400
pairs = st.lists(
    st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | st.floats(-1e6, 1e6) | st.integers(0, 2).map(float)),
    min_size=0,
    max_size=30,
)
codes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(-100, 100)), max_size=40)


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_pearson_is_of_the_rows_that_have_both(rows: list[tuple[float | None, float | None]]) -> None:
    table = np.array([[np.nan if value is None else value for value in row] for row in rows]).reshape(len(rows), 2)
    found = relations.pearson(table)[0, 1]
    both = table[np.isfinite(table).all(axis=1)]
    spread = [np.ptp(column) if len(both) else 0.0 for column in both.T]
    if len(both) < relations.LEAST or min(spread) == 0:
        assert np.isnan(found) or len(both) >= relations.LEAST
    elif min(spread) > 1e-3 * max(1.0, float(np.nanmax(np.abs(table)))):
        assert found == pytest.approx(np.corrcoef(both.T)[0, 1], abs=1e-6)


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), max_size=30))
@settings(max_examples=40, deadline=None)
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert relations.ranked(np.array(values)).tolist() == scipy.stats.rankdata(values).tolist()


@given(codes)
@settings(max_examples=60, deadline=None)
def test_categories_are_related_as_their_definitions_say(rows: list[tuple[int, int, float]]) -> None:
    one, other = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    numbers = np.array([row[2] for row in rows])
    ratio = relations.correlation_ratio(one, numbers)
    found = relations.cramers_v(one, other)
    if len(rows) < relations.LEAST or len(set(one.tolist())) < 2:
        assert np.isnan(ratio)
        assert np.isnan(found)
        return
    if np.ptp(numbers) > 1e-6:
        groups = [numbers[one == code] for code in set(one.tolist())]
        between = sum(len(group) * (group.mean() - numbers.mean()) ** 2 for group in groups)
        assert ratio == pytest.approx(np.sqrt(between / ((numbers - numbers.mean()) ** 2).sum()), abs=1e-7)
    if len(set(other.tolist())) > 1:
        table = np.array([[np.sum((one == a) & (other == b)) for b in set(other.tolist())] for a in set(one.tolist())])
        chi, size = scipy.stats.chi2_contingency(table, correction=False).statistic, len(rows)
        height, width = table.shape
        left = max(0, chi / size - (height - 1) * (width - 1) / (size - 1))
        least = min(side - (side - 1) ** 2 / (size - 1) for side in (height, width)) - 1
        assert np.isnan(found) if least <= 0 else found == pytest.approx(min(1, np.sqrt(left / least)), abs=1e-7)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One column is the target again, one nearly, one another doubled, and some lack a value together."""
    random = np.random.default_rng(11)
    label = random.choice(["no", "yes"], ROWS, p=[0.95, 0.05])
    number = random.normal(size=ROWS)
    lacks = random.random(ROWS) < 0.2
    columns = {
        "day": pa.array([datetime.date(2024, 1, 1) + datetime.timedelta(days=row // 2) for row in range(ROWS)]),
        "half": pa.array([row % 2 for row in range(ROWS)]),
        "number": pa.array(number),
        "twice": pa.array(2 * number + 1),
        "noise": pa.array(random.normal(size=ROWS)),
        "churn": pa.array(label),
        "closed_at": pa.array(np.where(label == "yes", 2.0, 1.0), mask=label == "no"),
        "hint": pa.array((label == "yes") * 5 + random.normal(size=ROWS)),
        "colour": pa.array(random.choice(["red", "blue"], ROWS)),
        "a": pa.array(number, mask=lacks),
        "b": pa.array(number**2, mask=lacks),
    }
    return table_of(tmp_path_factory.mktemp("table"), columns)


def test_what_leaks_is_named_with_its_evidence(found: dict[str, Any]) -> None:
    target = found["table"]["target"]

    assert (target["name"], target["is_guessed"]) == ("churn", True)
    assert [each["value"] for each in target["classes"]] == ["no", "yes"]
    assert sum(each["ratio"] for each in target["classes"]) == pytest.approx(1)
    leaks = {each["name"]: each for each in target["leaks"]}
    assert set(leaks) == {"closed_at", "hint"}
    assert (leaks["closed_at"]["measure"], leaks["closed_at"]["score"], leaks["closed_at"]["is_certain"]) == (
        "auc",
        1.0,
        True,
    )
    best = leaks["closed_at"]["evidence"][0]
    assert (best["class"], best["share"]) == ("yes", 1.0)
    assert {each["code"] for each in found["table"]["findings"]} >= {"leak", "imbalanced", "same_twice", "key_pair"}


def test_a_target_can_be_named_and_must_be_there(tmp_path: Path) -> None:
    columns = {"x": pa.array([float(row % 7) for row in range(ROWS)]), "y2": pa.array([row % 7 for row in range(ROWS)])}
    named = table_of(tmp_path, columns, target="x")["table"]["target"]

    assert (named["name"], named["is_guessed"], named["leaks"][0]["name"]) == ("x", False, "y2")
    assert (named["leaks"][0]["measure"], named["leaks"][0]["score"]) == ("accuracy_gain", 1.0)
    with pytest.raises(UserError, match="unknown_target"):
        table_of(tmp_path, columns, target="z")
    numbers = {"x": pa.array(np.arange(ROWS) ** 1.5), "z": pa.array(np.arange(ROWS))}
    leak = table_of(tmp_path, numbers, target="x")["table"]["target"]["leaks"][0]
    assert (leak["name"], leak["measure"], leak["score"] > 0.98) == ("z", "r_squared", True)


@pytest.mark.parametrize("distinct", [21, 97, ROWS])
def test_a_text_of_too_many_values_to_be_classes_is_a_target_that_nothing_tells(tmp_path: Path, distinct: int) -> None:
    words = pa.array([f"word{row % distinct}" for row in range(ROWS)])
    columns = {"word": words, "again": words, "n": pa.array(np.arange(ROWS) % distinct)}
    target = table_of(tmp_path, columns, target="word")["table"]["target"]
    assert (target["name"], target["is_class"], target["classes"], target["leaks"]) == ("word", False, [], [])


def test_keys_pairs_and_rows_twice(found: dict[str, Any], tmp_path: Path) -> None:
    assert found["table"]["keys"] == [{"columns": ["day", "half"], "is_exact": True}]
    assert found["table"]["duplicates"]["rows"] == 0
    values = list(range(30))
    single = table_of(tmp_path, {"id": pa.array(values), "x": pa.array([1] * 30)})["table"]
    assert single["keys"] == [{"columns": ["id"], "is_exact": True}]
    twice = table_of(tmp_path, {"id": pa.array([*values, 3, 3]), "x": pa.array([1] * 32)})["table"]
    assert (twice["keys"], twice["duplicates"]) == ([], {"rows": 2, "ratio": 0.0625, "is_exact": True})


def test_what_is_related_and_what_is_missing_together(found: dict[str, Any]) -> None:
    table = found["table"]
    names = [column["name"] for column in table["relations"]["columns"]]
    values = table["relations"]["values"]
    at = {name: place for place, name in enumerate(names)}

    assert values[at["number"]][at["twice"]] == 1.0
    assert table["relations"]["ranks"][at["number"]][at["twice"]] == 1.0
    assert values[at["colour"]][at["number"]] < 0.2
    assert table["relations"]["ranks"][at["colour"]][at["number"]] is None
    assert {"columns": ["number", "twice"], "measure": "pearson", "value": 1.0} in table["relations"]["strong"]
    missing = table["missing"]
    assert missing["columns"] == ["closed_at", "a", "b"]
    assert missing["together"][1][2] == 1.0
    assert sum(each["rows"] for each in missing["patterns"]) == ROWS
    assert {tuple(each["missing"]) for each in missing["patterns"]} >= {(0,), (0, 1, 2)}
    assert {column["name"]: column["order"] for column in found["columns"] if column["order"]} == {"day": "increasing"}


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_small_and_empty_tables(tmp_path: Path, rows: int) -> None:
    columns = {
        "n": pa.array([1.5] * rows, pa.float64()),
        "s": pa.array([None] * rows, pa.string()),
        "b": pa.array([True, None, False][:rows], pa.bool_()),
        "d": pa.array([datetime.date(2024, 1, 1)] * rows, pa.date32()),
        "t": pa.array([datetime.datetime(2024, 1, 1)] * rows, pa.timestamp("us")),
    }
    found = table_of(tmp_path, columns)

    assert found["row_count"] == rows
    assert [column["null_count"] for column in found["columns"]] == [0, rows, 1 if rows > 1 else 0, 0, 0]
    assert found["table"]["target"] is None


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8), st.data())
@settings(max_examples=40, deadline=None)
def test_hashes_that_are_close_hang_together(hashes: list[int], data: st.DataObject) -> None:
    for _ in range(3):
        bits = data.draw(st.sets(st.integers(0, 63), max_size=8))
        hashes.append(hashes[data.draw(st.integers(0, len(hashes) - 1))] ^ sum(1 << bit for bit in bits))
    labels = list(range(len(hashes)))
    for _ in hashes:
        for one, this in enumerate(hashes):
            for other, that in enumerate(hashes):
                if (this ^ that).bit_count() <= near.DISTANCE:
                    labels[one] = labels[other] = min(labels[one], labels[other])
    assert near.alike_hashes(np.array(hashes, dtype=np.uint64)).tolist() == labels


def test_texts_that_are_nearly_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    texts = [" ".join(f"word{number}" for number in random.integers(0, 900, 60)) for _ in range(60)]
    texts[7] = texts[3].upper().replace(" ", "  ", 4) + " end"
    near_duplicates = table_of(tmp_path, {"s": pa.array(texts)})["columns"][0]["near_duplicates"]

    assert (near_duplicates["groups"], near_duplicates["rows"], near_duplicates["is_sample"]) == (1, 1, False)
    shared = [len(_shingles(texts[one]) & _shingles(texts[3])) / len(_shingles(texts[3])) for one in (7, 9)]
    assert shared[0] < 0.1 < near.ALIKE  # but for case
    signatures = near.minhashes([texts[3].encode(), texts[3][40:].encode(), texts[9].encode()])
    agree = [float((signatures[0] == signatures[one]).mean()) for one in (1, 2)]
    true = [_jaccard(texts[3], other) for other in (texts[3][40:], texts[9])]
    assert agree == pytest.approx(true, abs=0.2)


def _shingles(text: str) -> set[str]:
    return {text[place : place + near.SHINGLE] for place in range(len(text) - near.SHINGLE + 1)}


def _jaccard(one: str, other: str) -> float:
    return len(_shingles(one) & _shingles(other)) / len(_shingles(one) | _shingles(other))


def test_pictures(tmp_path: Path) -> None:
    hashes = [5, 5 ^ 0b111, -9, 1 << 40]
    rows = {
        "__ordinal": range(4),
        "path": ["a.png", "b.png", "c.jpg", "bad.jpg"],
        "image": [b"1", b"2", b"3", b"4"],
        "width": [8, 8, 16, None],
        "height": [8, 8, 4, None],
        "mode": ["RGB", "RGB", "L", None],
        "format": ["PNG", "PNG", "JPEG", None],
        "content_sha256": ["1", "2", "3", "3"],
        "phash": [*hashes[:3], None],
        "is_corrupt": [False, False, False, True],
    }
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table(rows), path)
    kinds = {"path": "string", "image": "image", "is_corrupt": "bool", "mode": "string", "format": "string"}
    columns = [
        Column(name, kinds.get(name, "string" if name == "content_sha256" else "int64"))
        for name in rows
        if name != "__ordinal"
    ]
    told = images(source(duckdb.connect(), [str(path)], columns))

    assert told is not None
    assert (told["count"], told["corrupt"], told["equal"]) == (4, 1, 1)
    assert told["sizes"] == [{"width": 8, "height": 8, "count": 2}, {"width": 16, "height": 4, "count": 1}]
    assert told["near"]["examples"] == [["a.png", "b.png"]]
