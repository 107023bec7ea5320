"""How long requests took, as counts per bucket: small, and merged by adding.

Eight buckets to an octave, from 2^-17 s (7.6 µs) to 2^7 s (128 s); what is shorter or longer counts in the first or
the last one. A percentile is the geometric middle of the bucket in which the exact one lies, hence at most
`ERROR_RATIO` off. It is taken after merging: percentiles themselves cannot be merged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

PER_OCTAVE = 8
LOWEST_EXPONENT, HIGHEST_EXPONENT = -17, 7
BUCKETS = PER_OCTAVE * (HIGHEST_EXPONENT - LOWEST_EXPONENT)
ERROR_RATIO = 2 ** (1 / (2 * PER_OCTAVE)) - 1
"""0.0443: how far a percentile may be from the exact one, relative to it."""
_OFFSET = LOWEST_EXPONENT * PER_OCTAVE
_WIDTHS = (1, 2, 4, 8)
_HEAD_BYTES = 2


def bucket_of(seconds: float) -> int:
    """The bucket that counts a request of so many seconds."""
    if seconds <= 0:
        return 0
    return min(max(math.floor(math.log2(seconds) * PER_OCTAVE) - _OFFSET, 0), BUCKETS - 1)


def seconds_of(bucket: int) -> float:
    """The geometric middle of a bucket."""
    return float(2 ** ((bucket + _OFFSET + 0.5) / PER_OCTAVE))


def percentiles(counts: Mapping[int, int], ratios: Sequence[float]) -> list[float | None]:
    """Per ratio the shortest time within which at least that share of the requests was answered, in seconds.

    Args:
        counts: by bucket; without any every answer is None.
        ratios: ascending, above 0, at most 1: 0.95 for the 95th percentile.
    """
    total = sum(counts.values())
    if not total:
        return [None] * len(ratios)
    found: list[float | None] = []
    seen = 0
    wanted = [max(math.ceil(ratio * total), 1) for ratio in ratios]
    for bucket in sorted(counts):
        seen += counts[bucket]
        while len(found) < len(wanted) and seen >= wanted[len(found)]:
            found.append(seconds_of(bucket))
    return found


def pack(counts: Iterable[tuple[int, int]]) -> bytes:
    """Pairs of bucket and count as bytes: 2 + 2 a bucket where no count is above 255. Nothing for no pairs.

    One byte how many pairs, one how wide a count is, then the buckets, then the counts, little-endian. Several of
    them one after the other are the packed form of their sum.

    Raises:
        OverflowError: a count does not fit into 64 bits.
    """
    pairs = sorted(pair for pair in counts if pair[1])
    if not pairs:
        return b""
    most = max(count for _, count in pairs)
    width = next((width for width in _WIDTHS if most < 1 << 8 * width), _WIDTHS[-1])
    buckets = bytes(bucket for bucket, _ in pairs)
    return bytes((len(pairs), width)) + buckets + b"".join(count.to_bytes(width, "little") for _, count in pairs)


def add_packed(counts: dict[int, int], packed: bytes) -> None:
    """Add to `counts` what was packed, once or several times in a row.

    Raises:
        ValueError: these bytes are not what `pack` makes.
    """
    at, end = 0, len(packed)
    while at < end:
        pairs, width = packed[at], packed[at + 1] if at + 1 < end else 0
        middle = at + _HEAD_BYTES + pairs
        after = middle + pairs * width
        if not pairs or width not in _WIDTHS or after > end:
            raise ValueError("these are not packed latencies")
        buckets = packed[at + _HEAD_BYTES : middle]
        if max(buckets) >= BUCKETS:
            raise ValueError(f"there is no bucket {max(buckets)}")
        numbers = packed[middle:after]
        for place, bucket in enumerate(buckets):
            number = (
                numbers[place] if width == 1 else int.from_bytes(numbers[place * width : (place + 1) * width], "little")
            )
            counts[bucket] = counts.get(bucket, 0) + number
        at = after


def unpacked(packed: bytes) -> dict[int, int]:
    """The counts by bucket. Raises ValueError."""
    counts: dict[int, int] = {}
    add_packed(counts, packed)
    return counts
