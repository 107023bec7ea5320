"""Bodies of `runs/log-batch` and `runs/log-metric`, decoded by type and checked by MLflow's limits. Pure.

Numbers may stand as text, as JSON of protobuf writes those of 64 bits, and as it writes `"NaN"` and `"Infinity"`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.errors import BAD_REQUEST, MlflowError, invalid
from apps.experiments.models.packing import columns_of
from apps.experiments.services.metric_rows import Series
from apps.experiments.services.model_points import DIGEST_BYTES, ModelPoint

BODY_BYTES_MOST: Final = 1_000_000
_PLACE: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>[^`]*)`)?", re.DOTALL)
_LACKING: Final = re.compile(r"Object missing required field `(?P<name>\w+)`")


class MetricIn(msgspec.Struct):
    key: str
    value: float
    timestamp: int
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class PairIn(msgspec.Struct):
    key: str
    value: str | None = None


class BatchIn(msgspec.Struct):
    run_id: str | None = None
    run_uuid: str | None = None
    metrics: list[MetricIn] | None = None
    params: list[PairIn] | None = None
    tags: list[PairIn] | None = None


class OneMetricIn(MetricIn):
    run_id: str | None = None
    run_uuid: str | None = None


_BATCH = msgspec.json.Decoder(BatchIn, strict=False)
_ONE = msgspec.json.Decoder(OneMetricIn, strict=False)


def batch_of(body: bytes) -> BatchIn:
    """A body of `runs/log-batch`, within the limits of numbers. Raises MlflowError."""
    found: BatchIn = _decoded(_BATCH, body)
    counts = {name: len(getattr(found, name) or ()) for name in ("metrics", "params", "tags")}
    for name, most in (("metrics", wire.METRICS_MOST), ("params", wire.PARAMS_MOST), ("tags", wire.TAGS_MOST)):
        _limit(name, counts[name], most)
    _limit("metrics, params, and tags", sum(counts.values()), wire.ENTITIES_MOST)
    return found


def metric_of(body: bytes) -> BatchIn:
    """A body of `runs/log-metric`: a batch of one metric. Raises MlflowError."""
    one: OneMetricIn = _decoded(_ONE, body)
    return BatchIn(run_id=one.run_id, run_uuid=one.run_uuid, metrics=[one])


def run_named(batch: BatchIn) -> str:
    """The id of the run. Raises MlflowError: there is none."""
    found = batch.run_id or batch.run_uuid
    if not found:
        raise invalid("Missing value for required parameter 'run_id'.")
    return found


def series_in(metrics: Sequence[MetricIn]) -> list[Series]:
    """The points by key, in their order. Raises MlflowError."""
    by_key: dict[str, tuple[list[int], list[float], list[int]]] = {}
    for one in metrics:
        columns = by_key.get(one.key)
        if columns is None:
            columns = by_key[one.key] = ([], [], [])
        columns[0].append(one.step or 0)
        columns[1].append(one.value)
        columns[2].append(one.timestamp)
    return [_series(key, *columns, metrics) for key, columns in by_key.items()]


def digest_of(series: Iterable[Series], attempt_id: UUID | None) -> bytes:
    """16 bytes that other points, and those of another attempt, do not have."""
    found = hashlib.blake2b(attempt_id.bytes if attempt_id is not None else b"", digest_size=DIGEST_BYTES)
    for one in series:
        found.update(f"{len(one)} {one.key}\0".encode())
        for column in one.columns:
            found.update(column.data)
    return found.digest()


def each_once(metrics: Iterable[MetricIn]) -> list[MetricIn]:
    """Of points that differ in nothing but the model and dataset they are said of, the first."""
    found: dict[tuple[Any, ...], MetricIn] = {}
    for one in metrics:
        value = one.value if one.value == one.value else None  # NaN is unequal to itself
        found.setdefault((one.key, value, one.timestamp, one.step or 0), one)
    return list(found.values())


def model_points_in(metrics: Iterable[MetricIn]) -> list[ModelPoint]:
    """Those that are said of logged models. Raises MlflowError; keys and numbers are looked at by `series_in`."""
    return [_model_point(one) for one in metrics if one.model_id]


def _model_point(one: MetricIn) -> ModelPoint:
    number = wire.logged_model_uuid(one.model_id or "")
    name, digest = one.dataset_name or "", one.dataset_digest or ""
    if bool(name) != bool(digest):
        raise invalid("Both dataset_name and dataset_digest must be provided if one is provided")
    for field, said, most in (
        ("dataset_name", name, wire.DATASET_NAME_CHARACTERS_MOST),
        ("dataset_digest", digest, wire.DATASET_DIGEST_CHARACTERS_MOST),
    ):
        if len(said) > most:
            raise wire.too_long(field, said, most)
        if "\x00" in said:
            raise invalid(f"Invalid value for parameter '{field}' supplied: it must be text without NUL characters.")
    return ModelPoint(number, one.key, one.value, one.step or 0, one.timestamp, name, digest)


def _series(key: str, steps: list[int], values: list[float], stamps: list[int], metrics: Sequence[MetricIn]) -> Series:
    def at() -> str:
        """Where the key first stands."""
        return f"metrics[{next(place for place, one in enumerate(metrics) if one.key == key)}]"

    wire.key_check(key, f"{at()}.name")
    first, last = min(steps), max(steps)
    if not -wire.INT64_MOST - 1 <= first <= last <= wire.INT64_MOST:
        worst = last if last > wire.INT64_MOST else first
        raise invalid(
            f"Invalid value {worst} for parameter '{at()}.step' supplied: metric '{key}'. Step must be a valid long"
            " (64-bit integer)."
        )
    if not 0 <= min(stamps) <= max(stamps) <= wire.INT64_MOST:
        worst = max(stamps) if max(stamps) > wire.INT64_MOST else min(stamps)
        raise invalid(
            f"Invalid value {worst} for parameter '{at()}.timestamp' supplied: metric '{key}'. Timestamp must be a"
            " nonnegative long (64-bit integer)."
        )
    return Series(key, columns_of(steps, values, [stamp / 1000 for stamp in stamps]), first, last)


def params_in(pairs: Iterable[PairIn]) -> dict[str, str]:
    """Raises MlflowError, also for a key that comes twice."""
    found: dict[str, str] = {}
    for place, one in enumerate(pairs):
        wire.key_check(one.key, f"params[{place}].key")
        if one.key in found:
            raise invalid(
                f"Duplicate parameter keys have been submitted: ['{one.key}']. Please ensure the request contains only"
                " one param value per param key."
            )
        found[one.key] = _value(one, f"params[{place}].value", wire.PARAM_CHARACTERS_MOST)
    return found


def tags_in(pairs: Iterable[PairIn]) -> dict[str, str]:
    """Of a key that comes twice the last value counts. Raises MlflowError."""
    found: dict[str, str] = {}
    for place, one in enumerate(pairs):
        wire.key_check(one.key, f"tags[{place}].key")
        found[one.key] = _value(one, f"tags[{place}].value", wire.TAG_CHARACTERS_MOST)
    return found


def _value(pair: PairIn, at: str, most: int) -> str:
    value = pair.value or ""
    if len(value) > most:
        raise wire.too_long(at, value, most)
    if "\x00" in value:
        raise invalid(f"Invalid value for parameter '{at}' supplied: it must be text without NUL characters.")
    return value


def _limit(name: str, length: int, most: int) -> None:
    if length > most:
        raise invalid(
            f"A batch logging request can contain at most {most} {name}. Got {length} {name}. Please split up {name}"
            " across multiple requests and try again."
        )


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MlflowError(BAD_REQUEST, f"The body of the request is not a JSON object: {error}") from error


def _wrong(said: str) -> MlflowError:
    """What msgspec found, as MLflow says it."""
    found = _PLACE.fullmatch(said)
    what, place = (found["what"], found["place"] or "") if found is not None else (said, "")
    lacking = _LACKING.fullmatch(what)
    if lacking is not None:
        return invalid(f"Missing value for required parameter '{place}{'.' if place else ''}{lacking['name']}'.")
    if "got `null`" in what and place:
        return invalid(f"Missing value for required parameter '{place}'.")
    if not place:
        return invalid("The body of the request must be a JSON object.")
    return invalid(f"Invalid value for parameter '{place}' supplied: {what[:1].lower()}{what[1:]}.")
