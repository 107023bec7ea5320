"""Metric points from jobs: `POST /api/v1/runtime/metrics`, a plain ASGI app beside Django.

    {"rank": 0, "sequence": 7, "points": [
        {"key": "train/loss", "steps": [1, 2], "values": [0.5, 0.4], "times": [1772443800.0, 1772443800.4]}]}
    → 200 {"accepted": 2}

The native form is the same map in msgpack (`Content-Type: application/x-msgpack`) with each list packed: `steps` as
little-endian 64-bit integers, `values` and `times` as little-endian 64-bit floats. No point becomes a Python object.

The attempt token says which run. A batch is kept once per (attempt, rank, sequence): sending it again is answered
alike and changes nothing. NaN and the infinities are kept: packed as they are, in JSON as the texts `"NaN"`,
`"Infinity"`, `"-Infinity"`. Errors are problems as everywhere; 8 MiB, 100,000 points and 1,000 metrics of a run are the
limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from prometheus_client import Counter, Histogram

from apps.common.asgi_app import BUCKETS, BulkApp, Incoming, django_conninfo
from apps.common.errors import Invalid
from apps.common.lanes import WAIT_SECONDS, Lanes
from apps.experiments.models.metric import STEP_MOST
from apps.experiments.models.packing import PLAIN, columns_of, columns_unpack
from apps.experiments.selectors.series import number_read
from apps.experiments.services.metric_batches import Batch, batches_store
from apps.experiments.services.metric_rows import Series, series_of
from apps.quotas.services import attempt_tokens

BODY_LIMIT_BYTES = 8 << 20
POINTS_MOST = 100_000
NATIVE = "application/x-msgpack"

BATCHES = Counter("bedplate_metric_batches", "Batches of metric points answered, by status.", ["status"])
POINTS = Counter("bedplate_metric_points", "Metric points accepted, those sent again included.")
SECONDS = Histogram("bedplate_metric_batch_seconds", "Time per batch.", buckets=BUCKETS)

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Rank = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Step = Annotated[int, msgspec.Meta(ge=-STEP_MOST, le=STEP_MOST)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class PointsIn(msgspec.Struct):
    key: Key
    steps: list[Step]
    values: list[float | Literal["NaN", "Infinity", "-Infinity"]]
    times: list[float]


class BatchIn(msgspec.Struct):
    rank: Rank
    sequence: Number
    points: list[PointsIn]


class PackedPointsIn(msgspec.Struct):
    key: Key
    steps: memoryview
    values: memoryview
    times: memoryview


class PackedBatchIn(msgspec.Struct):
    rank: Rank
    sequence: Number
    points: list[PackedPointsIn]


class IngestApp(BulkApp):
    """Keeps batches of metric points. Its connections open with the first batches, in the loop that serves them.

    Args:
        conninfo: keyword arguments of a psycopg connection; by default those of Django's database.
        wait_seconds: how long a batch waits to be kept.
    """

    body_bytes_most: ClassVar[int] = BODY_LIMIT_BYTES
    answers: ClassVar[Counter] = BATCHES
    seconds: ClassVar[Histogram] = SECONDS

    def __init__(
        self, conninfo: Callable[[], dict[str, Any]] = django_conninfo, *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        super().__init__(attempt_tokens.verify)
        self._lanes: Lanes[Batch] = Lanes(conninfo, batches_store, wait_seconds=wait_seconds)
        self._json = msgspec.json.Decoder(BatchIn)
        self._msgpack = msgspec.msgpack.Decoder(PackedBatchIn)

    async def take(self, request: Incoming) -> Any:
        batch = self._batch(request)
        if batch.series:
            await self._lanes.submit(request.attempt_id, batch, len(request.body))
        POINTS.inc(batch.count)
        return {"accepted": batch.count}

    async def close(self) -> None:
        await self._lanes.close()

    def _batch(self, request: Incoming) -> Batch:
        """Raises Invalid."""
        try:
            if request.content_type == NATIVE:
                packed = self._msgpack.decode(request.body)
                return _checked(packed.rank, packed.sequence, map(_unpacked, packed.points))
            plain = self._json.decode(request.body)
            return _checked(plain.rank, plain.sequence, map(_packed, plain.points))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"not a batch of metric points: {error}") from error


def _unpacked(points: PackedPointsIn) -> Series | None:
    sizes = {len(points.steps), len(points.values), len(points.times)}
    if len(sizes) > 1 or sizes.pop() % 8:
        raise Invalid(f"{points.key!r}: steps, values and times are 8 bytes per point, and of one length")
    if not len(points.steps):
        return None
    return series_of(points.key, columns_unpack(PLAIN, (points.steps, points.values, points.times)))


def _packed(points: PointsIn) -> Series | None:
    if not len(points.steps) == len(points.values) == len(points.times):
        raise Invalid(f"{points.key!r}: steps, values and times are lists of one length")
    if not points.steps:
        return None
    return series_of(points.key, columns_of(points.steps, [*map(number_read, points.values)], points.times))


def _checked(rank: int, sequence: int, given: Any) -> Batch:
    """The points by key, counted; raises Invalid."""
    found: dict[str, Series] = {}
    count = 0
    for one in given:
        if one is None:
            continue
        count += len(one)
        if count > POINTS_MOST:
            raise Invalid(f"more than {POINTS_MOST} points in one batch")
        known = found.get(one.key)
        found[one.key] = one if known is None else known.with_more(one)
    return Batch(rank, sequence, list(found.values()), count)


application = IngestApp()
