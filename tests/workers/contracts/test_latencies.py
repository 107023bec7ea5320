"""Latency histograms: the error that is promised, and merging that does not care for order."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.contracts.latencies import (
    BUCKETS,
    ERROR_RATIO,
    add_packed,
    bucket_of,
    pack,
    percentiles,
    seconds_of,
    unpacked,
)

LOWEST, HIGHEST = 2.0**-17, 2.0**7
times = st.floats(LOWEST, HIGHEST, exclude_max=True)
histograms = st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(1, 1 << 40), max_size=30)


def counted(seconds: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bucket_of(one)] = counts.get(bucket_of(one), 0) + 1
    return counts


def exact(seconds: list[float], ratio: float) -> float:
    """Nearest rank."""
    return sorted(seconds)[max(math.ceil(ratio * len(seconds)), 1) - 1]


def test_the_promised_error() -> None:
    assert round(ERROR_RATIO, 5) == 0.04427
    assert BUCKETS == 192


@given(st.lists(times, min_size=1, max_size=300), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_is_as_near_to_the_exact_one_as_promised(seconds: list[float], ratio: float) -> None:
    (found,) = percentiles(counted(seconds), [ratio])
    assert found is not None
    assert abs(found / exact(seconds, ratio) - 1) <= ERROR_RATIO * (1 + 1e-9)


@given(times)
def test_every_time_lies_in_its_bucket(seconds: float) -> None:
    assert abs(seconds_of(bucket_of(seconds)) / seconds - 1) <= ERROR_RATIO * (1 + 1e-9)


def test_what_is_out_of_range_counts_at_the_ends() -> None:
    assert [bucket_of(seconds) for seconds in (-1.0, 0.0, 1e-9, 1e-5)] == [0, 0, 0, 3]
    assert [bucket_of(seconds) for seconds in (127.9, 128.0, 1e9)] == [BUCKETS - 1] * 3


def test_percentiles_by_hand() -> None:
    counts = {10: 50, 20: 45, 30: 4, 40: 1}
    assert percentiles(counts, [0.5, 0.95, 0.99, 1.0]) == [seconds_of(bucket) for bucket in (10, 20, 30, 40)]
    assert percentiles({7: 1}, [0.5, 0.99]) == [seconds_of(7)] * 2
    assert percentiles({}, [0.5, 0.99]) == [None, None]


@given(histograms)
def test_what_was_packed_is_unpacked(counts: dict[int, int]) -> None:
    assert unpacked(pack(counts.items())) == counts


def test_it_is_small() -> None:
    assert len(pack(dict.fromkeys(range(20), 255).items())) == 2 + 20 + 20
    assert len(pack(dict.fromkeys(range(20), 256).items())) == 2 + 20 + 40
    assert pack([]) == pack([(3, 0)]) == b""


@given(histograms, histograms, histograms)
def test_merging_is_associative_and_commutative(a: dict[int, int], b: dict[int, int], c: dict[int, int]) -> None:
    one, two, three = (pack(counts.items()) for counts in (a, b, c))

    def merged(*parts: bytes) -> bytes:
        return pack(unpacked(b"".join(parts)).items())

    everything = merged(one, two, three)
    assert merged(merged(one, two), three) == merged(one, merged(two, three)) == everything
    assert merged(three, one, two) == everything
    assert merged(one, b"") == one
    sums = {key: sum(part.get(key, 0) for part in (a, b, c)) for key in {*a, *b, *c}}
    assert unpacked(everything) == sums


@given(st.lists(times, min_size=1, max_size=60), st.integers(0, 60))
def test_merged_parts_have_the_percentiles_of_the_whole(seconds: list[float], cut: int) -> None:
    counts: dict[int, int] = {}
    for part in (seconds[:cut], seconds[cut:]):
        add_packed(counts, pack(counted(part).items()))
    assert percentiles(counts, [0.5, 0.99]) == percentiles(counted(seconds), [0.5, 0.99])


@pytest.mark.parametrize(
    "packed", [b"\x01", b"\x00\x01", b"\x01\x03aaaa", b"\x02\x01\x05\x06\x01", b"\x01\x01\xc0\x01"]
)
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"packed latencies|no bucket 192"):
        unpacked(packed)
