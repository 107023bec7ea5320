"""Storing what clients of MLflow log: metrics, parameters and tags of many requests in one transaction.

On an asynchronous connection, beside Django. What came at the same time, for whatever runs, shares the transaction:
then a request costs little more than its points. A request that comes again, known by the digest of its points, adds
none; its parameters and tags are the same again. Points that are said of logged models are kept with these, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from apps.common.errors import AttemptSuperseded, BedplateError, Invalid, NotFound, Unavailable
from apps.common.events import also_of, subject_of
from apps.common.models import Event
from apps.experiments.models import MetricBatch, MetricRequest, MetricSender, Run
from apps.experiments.models.packing import PLAIN, columns_pack
from apps.experiments.services.metric_batches import KEYS_PER_RUN_MOST
from apps.experiments.services.metric_rows import Series, begun, summary_fold, summary_text
from apps.experiments.services.model_points import ModelPoint, model_points_insert, models_known
from apps.experiments.services.run_facts import facts_put
from apps.quotas.models import Attempt

PROTOCOL_RANK: Final = 2**31 - 1
"""Of points that a job sends by this protocol: its members number their own batches."""
_COLUMNS = ("id", "project_id", "name", "notes", "kind", "state", "deleted_at")
_JSON = ("parameters", "labels", "provenance", "summary", "attempt_starts")

_LOCK = f"""
SELECT {", ".join(_COLUMNS)}, {", ".join(f"{name}::text" for name in _JSON)}
FROM {Run._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - names of our own tables
_ATTEMPTS = f"SELECT id, number FROM {Attempt._meta.db_table} WHERE id = ANY(%s) AND ended_at IS NULL"  # noqa: S608
_REQUESTS = f"""
INSERT INTO {MetricRequest._meta.db_table} (run_id, digest) SELECT * FROM unnest(%b::uuid[], %b::bytea[])
ON CONFLICT DO NOTHING RETURNING run_id, digest
"""  # noqa: S608
_KEEP = f"""
WITH sent AS (
    INSERT INTO {MetricSender._meta.db_table} AS s ({{owner}}_id, rank, received, loose_batches)
    SELECT one, {{rank}}, '[[0, 1]]'::jsonb, 1 FROM unnest(%(owners)b::uuid[]) AS one
    ON CONFLICT {{conflict}} DO UPDATE SET
        received = jsonb_build_array(jsonb_build_array(0, (s.received->0->>1)::bigint + 1)),
        loose_batches = s.loose_batches + 1
    RETURNING {{owner}}_id AS owner, (received->0->>1)::bigint - 1 AS sequence
)
INSERT INTO {MetricBatch._meta.db_table}
    (run_id, attempt_id, rank, sequence, key, first_step, last_step, count, steps, "values", times)
SELECT u.run_id, u.attempt_id, {{rank}}, sent.sequence, u.key, u.first_step, u.last_step, u.count,
    u.steps, u.vals, u.times
FROM unnest(
    %(runs)b::uuid[], %(attempts)b::uuid[], %(keys)b::text[], %(first)b::bigint[], %(last)b::bigint[],
    %(counts)b::int[], %(steps)b::bytea[], %(values)b::bytea[], %(times)b::bytea[]
) AS u (run_id, attempt_id, key, first_step, last_step, count, steps, vals, times)
JOIN sent ON sent.owner = u.{{owner}}_id
"""  # noqa: S608
_KEEP_BY = {
    "run": _KEEP.format(owner="run", rank=0, conflict="(run_id) WHERE run_id IS NOT NULL"),
    "attempt": _KEEP.format(owner="attempt", rank=PROTOCOL_RANK, conflict="(attempt_id, rank)"),
}
_SUMMARIES = f"""
UPDATE {Run._meta.db_table} r SET summary = u.summary, attempt_starts = u.starts
FROM unnest(%b::uuid[], %b::text[]::jsonb[], %b::text[]::jsonb[]) AS u (id, summary, starts) WHERE r.id = u.id
"""  # noqa: S608
_FACTS = f"""
UPDATE {Run._meta.db_table} SET name = %s, notes = %s, parameters = %s, labels = %s, provenance = %s WHERE id = %s
"""  # noqa: S608
_NEWS = f"""
INSERT INTO {Event._meta.db_table} (kind, subject, project_id, also, payload) VALUES ('run.told', %s, %s, %s, %s)
"""  # noqa: S608


class RunBusy(Unavailable):
    """Somebody else has the run locked: what is for it is kept apart from the rest."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What one request logs to one run; the caller may write to it."""

    run_id: UUID
    attempt_id: UUID | None
    """Of the job whose own run it is."""
    digest: bytes
    """16 bytes, of the points."""
    series: Sequence[Series] = ()
    model_points: Sequence[ModelPoint] = ()
    """Those of its points that are said of logged models."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """A locked run, and what is added to it."""

    run: Run
    changed: set[str] = field(default_factory=set)
    """Columns of its facts."""
    series: dict[UUID | None, dict[str, Series]] = field(default_factory=lambda: defaultdict(dict))
    """By attempt and key."""


async def logged_store(
    connection: AsyncConnection[Any], lane: Any, requests: Sequence[Logged], *, waits: bool = True
) -> list[BedplateError | None]:
    """Keep what requests log, each whole or not at all. One transaction.

    Args:
        connection: in autocommit mode.
        waits: for runs that others have locked; without, their requests are refused with RunBusy.

    Returns:
        For each request why it was refused, or None: it is kept. NotFound: there is no such run, or no such model in
        its project. Invalid: it is deleted, would have too many metrics, or a parameter has another value.
        AttemptSuperseded: the job's attempt has ended.
    """
    async with connection.transaction():
        kept = await _locked(connection, {one.run_id for one in requests}, waits)
        attempts = await _attempts(connection, {one.attempt_id for one in requests if one.attempt_id is not None})
        models = await models_known(connection, {point.model_id for one in requests for point in one.model_points})
        outcomes = [_refusal(one, kept, attempts, models, waits) for one in requests]
        taken = [one for one, outcome in zip(requests, outcomes, strict=True) if outcome is None]
        fresh = await _fresh(connection, [one for one in taken if one.series])
        for one in taken:
            if (one.run_id, one.digest) in fresh:
                fresh.discard((one.run_id, one.digest))  # of two alike in here the first counts
                _gather(kept[one.run_id].series[one.attempt_id], one.series)
        await _keep(connection, kept, attempts)
        await model_points_insert(connection, [(one.run_id, point) for one in taken for point in one.model_points])
    return outcomes


async def _locked(connection: AsyncConnection[Any], run_ids: Iterable[UUID], waits: bool) -> dict[UUID, _Kept]:
    statement = _LOCK if waits else f"{_LOCK} SKIP LOCKED"
    rows = await (await connection.execute(statement, [sorted(run_ids)])).fetchall()
    found: dict[UUID, _Kept] = {}
    for row in rows:
        plain = dict(zip(_COLUMNS, row[: len(_COLUMNS)], strict=True))
        decoded = {name: msgspec.json.decode(text) for name, text in zip(_JSON, row[len(_COLUMNS) :], strict=True)}
        found[row[0]] = _Kept(Run(**plain, **decoded))
    return found


async def _attempts(connection: AsyncConnection[Any], ids: set[UUID]) -> dict[UUID | None, int | None]:
    """The numbers of those that are open; of no attempt none."""
    if not ids:
        return {None: None}
    rows = await (await connection.execute(_ATTEMPTS, [sorted(ids)])).fetchall()
    return {None: None, **dict(rows)}


def _refusal(
    one: Logged,
    kept: dict[UUID, _Kept],
    attempts: Mapping[UUID | None, int | None],
    models: Mapping[UUID, UUID],
    waits: bool,
) -> BedplateError | None:
    """Why it cannot be kept; enters parameters and labels into the run where it can."""
    found = kept.get(one.run_id)
    if found is None:
        return NotFound(f"Run with id={one.run_id.hex} not found") if waits else RunBusy()
    run = found.run
    if run.deleted_at is not None:
        return Invalid(f"The run {run.pk.hex} must be in the 'active' state. Current state is deleted.")
    if one.attempt_id not in attempts:
        return AttemptSuperseded()
    lost = next((each.model_id for each in one.model_points if models.get(each.model_id) != run.project_id), None)
    if lost is not None:
        return NotFound(f"Logged model with ID 'm-{lost.hex}' not found.")
    keys = {each.key for each in one.series}.union(*found.series.values(), run.summary) if one.series else ()
    if len(keys) > KEYS_PER_RUN_MOST:
        return Invalid(f"A run has at most {KEYS_PER_RUN_MOST} metrics.")
    if one.parameters or one.labels:
        before = {name: getattr(run, name) for name in ("name", "notes", "parameters", "labels", "provenance")}
        try:
            found.changed |= facts_put(run, one.parameters, one.labels)
        except BedplateError as error:
            for name, value in before.items():
                setattr(run, name, value)
            return error
    return None


async def _fresh(connection: AsyncConnection[Any], requests: Sequence[Logged]) -> set[tuple[UUID, bytes]]:
    """Those whose points are not kept yet: run and digest. From now on they are known."""
    if not requests:
        return set()
    pairs = {(one.run_id, one.digest) for one in requests}
    columns = [[run_id for run_id, _ in sorted(pairs)], [digest for _, digest in sorted(pairs)]]
    rows = await (await connection.execute(_REQUESTS, columns)).fetchall()
    return {(run_id, bytes(digest)) for run_id, digest in rows}


def _gather(into: dict[str, Series], series: Iterable[Series]) -> None:
    for one in series:
        known = into.get(one.key)
        into[one.key] = one if known is None else known.with_more(one)


async def _keep(
    connection: AsyncConnection[Any], kept: Mapping[UUID, _Kept], attempts: Mapping[UUID | None, int | None]
) -> None:
    """Rows, summaries, facts: of runs to which anything was added."""
    rows = [
        (pk, attempt_id, one)
        for pk, found in kept.items()
        for attempt_id, by_key in found.series.items()
        for one in by_key.values()
    ]
    for owner in ("run", "attempt"):
        await _rows_insert(connection, owner, [row for row in rows if (row[1] is None) == (owner == "run")])
    for found in kept.values():
        for attempt_id, by_key in found.series.items():
            number, run = attempts[attempt_id], found.run
            if number is not None:
                begun(run.summary, run.attempt_starts, number, by_key)
            summary_fold(run.summary, by_key.values(), run.attempt_starts, number)
    told = [found.run for found in kept.values() if found.series]
    if told:
        starts = [msgspec.json.encode(run.attempt_starts).decode() for run in told]
        summaries = [summary_text(run.summary).decode() for run in told]
        await connection.execute(_SUMMARIES, [[run.pk for run in told], summaries, starts])
    for found in kept.values():
        if found.changed:
            await _facts_write(connection, found.run, sorted(found.changed))


async def _rows_insert(
    connection: AsyncConnection[Any], owner: str, rows: Sequence[tuple[UUID, UUID | None, Series]]
) -> None:
    if not rows:
        return
    packed = [columns_pack(PLAIN, one.columns) for _, _, one in rows]
    place = 0 if owner == "run" else 1
    columns: dict[str, list[Any]] = {
        "owners": sorted({row[place] for row in rows if row[place] is not None}),
        "runs": [run_id for run_id, _, _ in rows],
        "attempts": [attempt_id for _, attempt_id, _ in rows],
        "keys": [one.key for _, _, one in rows],
        "first": [one.first_step for _, _, one in rows],
        "last": [one.last_step for _, _, one in rows],
        "counts": [len(one) for _, _, one in rows],
        "steps": [parts[0] for parts in packed],
        "values": [parts[1] for parts in packed],
        "times": [parts[2] for parts in packed],
    }
    await connection.execute(_KEEP_BY[owner], columns)


async def _facts_write(connection: AsyncConnection[Any], run: Run, changed: list[str]) -> None:
    written = [run.name, run.notes, Jsonb(run.parameters), Jsonb(run.labels), Jsonb(run.provenance), run.pk]
    await connection.execute(_FACTS, written)
    news = [subject_of(run), run.project_id, also_of(run), Jsonb({"changed": changed})]
    await connection.execute(_NEWS, news)
