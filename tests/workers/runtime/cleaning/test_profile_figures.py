"""The figures of profiles against plain statements of them, on small columns; by every way they are got."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from workers.runtime.cleaning.profile import profiled
from workers.runtime.cleaning.profiling import bins, source, tallies, texts
from workers.runtime.cleaning.schema import Column

TYPES = {"float64": pa.float64(), "int64": pa.int64(), "string": pa.string(), "bool": pa.bool_()}
LEVELS = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
_numbers = itertools.count()
CONNECTION = duckdb.connect(config={"threads": 1})
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

floats = st.lists(st.none() | st.floats(-1e9, 1e9) | st.integers(-3, 3).map(float), max_size=40)
words = st.lists(st.none() | st.sampled_from(["a", "A ", "bb", "", " c", "12", "x-1", "数据", "a@b.org"]), max_size=40)


def table_of(folder: Path, columns: dict[str, pa.Array], **options: Any) -> dict[str, Any]:
    rows = len(next(iter(columns.values())))
    path = folder / f"rows-{next(_numbers)}.parquet"  # DuckDB remembers what is in a file of that name and time
    pq.write_table(pa.table({"__ordinal": pa.array(range(rows), pa.int64()), **columns}), path)
    kinds = {arrow: kind for kind, arrow in TYPES.items()} | {pa.date32(): "date", pa.timestamp("us"): "timestamp"}
    listed = [Column(name, kinds[column.type]) for name, column in columns.items()]
    return profiled(CONNECTION, [str(path)], listed, **options)


def column_of(folder: Path, values: Sequence[Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = table_of(folder, {"c": pa.array(values, TYPES[kind])})["columns"][0]
    return found


def as_numpy(found: dict[str, Any], values: Sequence[float | None]) -> None:
    """What is told of numbers is what NumPy says of them."""
    there = np.array([value for value in values if value is not None], dtype=float)
    assert found["null_count"] == len(values) - len(there)
    if not len(there):
        assert [found[name] for name in ("mean", "quantiles", "histogram", "minimum", "top_values")] == [
            *[None] * 4,
            [],
        ]
        return
    counts = Counter(there.tolist())
    assert found["distinct_count"] == len(counts)
    assert (found["minimum"], found["maximum"]) == pytest.approx((there.min(), there.max()), rel=1e-11)
    size = max(1.0, float(np.abs(there).max()))
    assert found["mean"] == pytest.approx(there.mean(), abs=1e-9 * size)
    assert found["std"] == pytest.approx(there.std(), abs=1e-7 * size)
    quantiles = np.quantile(there, [float(level) for level in LEVELS])
    assert list(found["quantiles"].values()) == pytest.approx(quantiles.tolist(), abs=1e-9 * size)
    best = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:10]
    assert [each["count"] for each in found["top_values"]] == [count for _, count in best]
    assert [each["value"] for each in found["top_values"]] == pytest.approx([value for value, _ in best], rel=1e-11)
    histogram = found["histogram"]
    assert histogram["below"] + sum(histogram["counts"]) + histogram["above"] == len(there)
    if len(counts) > 1 and size < 1e6:
        assert histogram["counts"] == np.histogram(there, histogram["edges"])[0].tolist()


@few
@given(values=floats)
def test_numbers_grouped(tmp_path: Path, values: list[float | None]) -> None:
    as_numpy(column_of(tmp_path, values, "float64"), values)


@few
@given(values=floats)
def test_numbers_sorted(tmp_path: Path, values: list[float | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "is_grouped", lambda *_: False)
        as_numpy(column_of(tmp_path, values, "float64"), values)


@few
@given(values=words)
def test_texts_are_counted(tmp_path: Path, values: list[str | None]) -> None:
    there = [value for value in values if value is not None]
    best = sorted(Counter(there).items(), key=lambda each: (-each[1], each[0].encode()))[:10]
    lengths = [len(value) for value in there]
    for grouped in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(texts, "is_grouped", lambda *_, grouped=grouped: grouped)
            found = column_of(tmp_path, values, "string")
        assert (found["null_count"], found["distinct_count"]) == (values.count(None), len(set(there)))
        shown = [(each["value"], each["count"]) for each in found["top_values"]]
        assert shown == [each for each in best if grouped or each[1] > 1]
        if there:
            length = found["text_length"]
            assert (length["minimum"], length["maximum"]) == (min(lengths), max(lengths))
            assert length["mean"] == pytest.approx(np.mean(lengths))
            assert sum(length["histogram"]["counts"]) == len(there)
            blanks = sum(value != value.strip(" ") for value in there)
            said = {each["code"]: each["figures"] for each in found["findings"]}
            assert said.get("blanks_around", {}).get("count", 0) == blanks


def test_more_rows_than_are_held_are_estimated_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    rows = 20_000
    numbers, names = random.normal(10, 2, rows), [f"name {number}" for number in range(rows)]
    names[:50] = ["name 1"] * 50
    monkeypatch.setattr(tallies, "SORTED_MOST", 1000)
    monkeypatch.setattr(texts, "SORTED_MOST", 1000)
    monkeypatch.setattr("workers.runtime.cleaning.profiling.keys.SORTED_MOST", 1000)
    monkeypatch.setattr("workers.runtime.cleaning.profiling.keys.ESTIMATED_ROWS", 5000)
    monkeypatch.setattr(tallies, "ESTIMATED_BY", 4000)
    monkeypatch.setattr(source, "ROWS_DRAWN", 2000)
    monkeypatch.setattr(source, "CELLS_HELD", 0)
    monkeypatch.setattr(tallies, "GROUPED_ROWS", 0)
    monkeypatch.setattr(tallies, "GROUPS_MOST", 100)
    found = table_of(tmp_path, {"n": pa.array(numbers), "s": pa.array(names)})
    number, text = found["columns"]

    assert (number["distinct_is_exact"], text["distinct_is_exact"]) == (False, False)
    assert number["distinct_count"] == pytest.approx(rows, rel=0.1)
    assert 0.015 < number["quantiles_error"] < 0.03
    ranks = [float(np.mean(numbers <= value)) for value in number["quantiles"].values()]
    assert ranks == pytest.approx([float(level) for level in LEVELS], abs=number["quantiles_error"])
    assert (number["minimum"], number["maximum"]) == pytest.approx((numbers.min(), numbers.max()), rel=1e-11)
    assert number["mean"] == pytest.approx(numbers.mean(), rel=1e-11)
    histogram = number["histogram"]  # counted in all rows
    assert histogram["counts"] == np.histogram(numbers, histogram["edges"])[0].tolist()
    assert text["text_length"]["maximum"] == 10
    assert found["table"]["rows_looked_at"] == pytest.approx(2000, abs=5)
    assert found["table"]["duplicates"] == {"rows": 0, "ratio": 0.0, "is_exact": False}


@given(
    low=st.floats(-1e300, 1e300),
    span=st.floats(0, 1e300),
    step=st.sampled_from([0, 1, 6]),
    far=st.floats(1, 1e6),
)
@settings(max_examples=50, deadline=None)
def test_edges_rise_and_reach_around_what_is_not_far(low: float, span: float, step: float, far: float) -> None:
    if step:
        low, span = float(round(low) % 10_000), float(round(span) % 10_000 * step)
    quantiles = {"0.05": low, "0.25": low + span / 4, "0.75": low + span / 2, "0.95": low + span}
    edges = bins.bin_edges(low, low + span * far, quantiles, 1000, step=step)

    assert len(edges) <= 4 * bins.MOST
    if low + span * far > low:
        assert all(before < after for before, after in itertools.pairwise(edges))
        assert edges[0] <= low + (abs(low) + span) * 1e-11
        assert edges[-1] >= low + span * min(far, bins.REACH) * (1 - 1e-9) - abs(low) * 1e-9


@given(low=st.integers(-6 * 10**16, 2 * 10**17), span=st.integers(0, 3 * 10**17))
@settings(max_examples=100, deadline=None)
def test_edges_of_times_rise_and_reach_around(low: float, span: float) -> None:
    low, span = low / 1e6, span / 1e6
    edges = bins.time_edges(low, low + span)

    assert len(edges) <= 2 * bins.MOST + 2
    assert edges[0] <= low
    assert edges[-1] >= low + span
    assert low + span == low or all(before < after for before, after in itertools.pairwise(edges))


@given(low=st.floats(1e-300, 1e270), ratio=st.floats(1, 1e30))
@settings(max_examples=100, deadline=None)
def test_logarithmic_edges(low: float, ratio: float) -> None:
    high = low * ratio
    edges = bins.log_edges(low, high)
    if edges is not None:
        assert edges[0] <= low * (1 + 1e-9)
        assert edges[-1] >= high * (1 - 1e-9)
        assert all(before < after for before, after in itertools.pairwise(edges))
