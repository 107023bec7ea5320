"""`runs/log-batch` and `runs/log-metric` of MLflow's protocol: plain ASGI apps beside Django.

A body is decoded by type, without a Python object per field, and kept with what others send at the same time: one
transaction for all of them (`services/tracked_batches.py`). The answer comes after the commit. Limits and errors are
MLflow's; who may write is looked up as for every other address of the protocol, and remembered for seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import msgspec
from prometheus_client import Counter, Histogram
from psycopg import AsyncConnection

from apps.common.asgi_app import BUCKETS, BulkApp, Incoming, MethodNotAllowed, django_conninfo
from apps.common.errors import BedplateError, TooLarge, Unauthenticated
from apps.common.lanes import WAIT_SECONDS, Lanes
from apps.experiments.api.mlflow.bulk_callers import Callers
from apps.experiments.api.mlflow.bulk_shapes import (
    BODY_BYTES_MOST,
    BatchIn,
    batch_of,
    digest_of,
    each_once,
    metric_of,
    model_points_in,
    params_in,
    run_named,
    series_in,
    tags_in,
)
from apps.experiments.api.mlflow.errors import ENDPOINT_NOT_FOUND, MlflowError, as_mlflow, error_body, invalid
from apps.experiments.services.tracked_batches import Logged, RunBusy, logged_store

REQUESTS = Counter("bedplate_mlflow_logs", "Requests of log-batch and log-metric answered, by status.", ["status"])
POINTS = Counter("bedplate_mlflow_points", "Metric points accepted by them, those sent again included.")
SECONDS = Histogram("bedplate_mlflow_log_seconds", "Time per request of them.", buckets=BUCKETS)

TOGETHER: Final = 4
"""Transactions that run at once; runs are spread over them."""
_PATH: Final = re.compile(r"(?:/mlflow/[\w-]+)?/(?:ajax-)?api/[23]\.0/mlflow/runs/(log-batch|log-metric)")


class Logs:
    """Where both apps put what they took: one per process.

    Args:
        conninfo: keyword arguments of a psycopg connection.
        wait_seconds: how long a request waits to be kept.
    """

    def __init__(self, conninfo: Callable[[], dict[str, Any]], wait_seconds: float) -> None:
        self.callers = Callers()
        self._together: Lanes[Logged] = Lanes(conninfo, _stored_together, wait_seconds=wait_seconds)
        self._alone: Lanes[Logged] = Lanes(conninfo, logged_store, connections=2, wait_seconds=wait_seconds)

    async def keep(self, logged: Logged, size: int) -> None:
        """Returns once it is committed. Raises BedplateError."""
        try:
            await self._together.submit(logged.run_id.int % TOGETHER, logged, size)
        except RunBusy:
            await self._alone.submit(logged.run_id, logged, size)

    async def close(self) -> None:
        await self._together.close()
        await self._alone.close()


class LogApp(BulkApp):
    """One address. Its connections open with the first requests, in the loop that serves them.

    Args:
        read: body → what it says; raises MlflowError.
    """

    body_bytes_most: ClassVar[int] = BODY_BYTES_MOST
    answers: ClassVar[Counter] = REQUESTS
    seconds: ClassVar[Histogram] = SECONDS

    def __init__(self, logs: Logs, read: Callable[[bytes], BatchIn]) -> None:
        super().__init__()
        self._logs, self._read = logs, read

    async def sender_of(self, headers: dict[bytes, bytes]) -> str:
        return await self._logs.callers.token(headers.get(b"authorization", b""))

    async def take(self, request: Incoming) -> dict[str, Any]:
        batch = self._read(request.body)
        place = await self._logs.callers.place(request.attempt_id, run_named(batch))
        metrics = batch.metrics or ()
        model_points = model_points_in(metrics)
        series = series_in(each_once(metrics) if model_points else metrics)
        logged = Logged(
            place.run_id,
            place.attempt_id,
            digest_of(series, place.attempt_id),
            series,
            model_points,
            params_in(batch.params or ()),
            tags_in(batch.tags or ()),
        )
        await self._logs.keep(logged, len(request.body))
        POINTS.inc(len(metrics))
        return {}

    def refusal(self, error: BedplateError) -> tuple[int, str, bytes, list[tuple[bytes, bytes]]]:
        known = as_mlflow(_said(error))
        more = [(b"www-authenticate", b"Bearer")] if isinstance(error, Unauthenticated) else []
        wait = getattr(error, "wait", None)
        if wait is not None:
            more.append((b"retry-after", str(wait).encode()))
        return known.status, "application/json", msgspec.json.encode(error_body(known)), more

    async def close(self) -> None:
        await self._logs.close()


def _said(error: BedplateError) -> BedplateError:
    if isinstance(error, TooLarge):
        return invalid(f"Batched logging API requests must be at most {BODY_BYTES_MOST} bytes.")
    if isinstance(error, MethodNotAllowed):
        return MlflowError(ENDPOINT_NOT_FOUND, "This endpoint is called by POST.")
    return error


async def _stored_together(
    connection: AsyncConnection[Any], lane: Any, requests: Sequence[Logged]
) -> Sequence[BedplateError | None]:
    return await logged_store(connection, lane, requests, waits=False)


def apps_of(
    conninfo: Callable[[], dict[str, Any]] = django_conninfo, *, wait_seconds: float = WAIT_SECONDS
) -> dict[str, LogApp]:
    """Both apps, by the last word of their address; they share what they keep."""
    logs = Logs(conninfo, wait_seconds)
    return {"log-batch": LogApp(logs, batch_of), "log-metric": LogApp(logs, metric_of)}


class Beside:
    """Which app a path is for: those of this process."""

    def __init__(self, apps: dict[str, LogApp]) -> None:
        self._apps = apps

    def __call__(self, path: str) -> LogApp | None:
        """None: it is none of these."""
        found = _PATH.fullmatch(path) if path.endswith(("/log-batch", "/log-metric")) else None
        return self._apps[found[1]] if found is not None else None


application_at = Beside(apps_of())
