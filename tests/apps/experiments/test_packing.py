"""How points are packed: what comes back is what was given, bit by bit, and small. No database."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.experiments.models.packing import (
    COMPACT,
    PLAIN,
    Columns,
    columns_of,
    columns_pack,
    columns_unpack,
    joined,
    picked,
    preview_pack,
    preview_unpack,
)

ANY_FLOAT = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
POINTS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), ANY_FLOAT, ANY_FLOAT), max_size=60)


def made(points: list[tuple[int, float, float]]) -> Columns:
    return columns_of(*(list(column) for column in zip(*points, strict=True))) if points else columns_of((), (), ())


def bits(columns: Columns) -> list[bytes]:
    return [column.tobytes() for column in columns]


@given(POINTS, st.sampled_from([PLAIN, COMPACT]))
def test_whatever_was_packed_comes_back_bit_by_bit(points: list[tuple[int, float, float]], form: int) -> None:
    columns = made(points)
    assert bits(columns_unpack(form, columns_pack(form, columns))) == bits(columns)
    assert bits(preview_unpack(form, preview_pack(form, columns))) == bits(columns)


@given(POINTS)
def test_no_column_is_more_than_a_byte_longer(points: list[tuple[int, float, float]]) -> None:
    columns = made(points)
    assert all(len(part) <= 8 * len(points) + 1 for part in columns_pack(COMPACT, columns))


def test_values_without_a_pattern_at_times_that_jitter_take_ten_bytes() -> None:
    chance = np.random.default_rng(1)
    times = 1.7e9 + np.arange(32_768) * 0.01 + chance.normal(scale=0.001, size=32_768)
    columns = columns_of(range(32_768), chance.normal(size=32_768), times)
    steps, values, stamps = (len(part) / 32_768 for part in columns_pack(COMPACT, columns))
    assert steps < 0.1
    assert values < 7.3
    assert stamps < 2.6


@pytest.mark.parametrize("torn", [b"", b"\x01", b"\x02not deflated", b"\x00seven b"])
def test_what_is_torn_is_said_to_be(torn: bytes) -> None:
    _, values, times = columns_pack(COMPACT, columns_of([1], [math.nan], [2.0]))
    with pytest.raises(ValueError, match=r"empty column|not deflated|multiple of element size"):
        columns_unpack(COMPACT, (torn, values, times))


def test_parts_are_joined_in_order_and_picked_together() -> None:
    parts = [columns_of([3, 1], [0.3, 0.1], [30, 10]), columns_of([2], [0.2], [20])]
    whole = joined(parts)
    assert [column.tolist() for column in whole] == [[3, 1, 2], [0.3, 0.1, 0.2], [30, 10, 20]]
    assert [column.tolist() for column in picked(whole, [2, 0])] == [[2, 3], [0.2, 0.3], [20, 30]]
    assert bits(joined([])) == [b"", b"", b""]
