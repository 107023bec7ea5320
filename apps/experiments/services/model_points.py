"""Points of metrics that runs say of logged models, put into the database on an asynchronous connection."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from apps.experiments.models import LoggedModel, LoggedModelMetric

DIGEST_BYTES: Final = 16
_NUMBERS: Final = struct.Struct("<dqq")
_FIELDS: Final = ("key", "value", "step", "time_ms", "dataset_name", "dataset_digest")

_KNOWN = f"SELECT id, project_id FROM {LoggedModel._meta.db_table} WHERE id = ANY(%b) AND deleted_at IS NULL"  # noqa: S608
_INSERT = f"""
INSERT INTO {LoggedModelMetric._meta.db_table}
    (model_id, digest, run_id, key, value, step, time_ms, dataset_name, dataset_digest)
SELECT model_id, digest, run_id, key, value, step, time_ms, dataset_name, dataset_digest FROM unnest(
    %b::uuid[], %b::bytea[], %b::uuid[], %b::text[], %b::float8[], %b::bigint[], %b::bigint[], %b::text[], %b::text[]
) WITH ORDINALITY AS u (model_id, digest, run_id, key, value, step, time_ms, dataset_name, dataset_digest, place)
ORDER BY place
ON CONFLICT (model_id, digest) DO NOTHING
"""  # noqa: S608 - names of our own tables


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """A point of a logged model; the dataset's name and digest are both there, or neither."""

    model_id: UUID
    key: str
    value: float
    step: int
    time_ms: int
    dataset_name: str = ""
    dataset_digest: str = ""

    def digest(self, run_id: UUID) -> bytes:
        texts = "\0".join((self.key, self.dataset_name, self.dataset_digest))
        numbers = _NUMBERS.pack(self.value, self.step, self.time_ms)
        return hashlib.blake2b(run_id.bytes + numbers + texts.encode(), digest_size=DIGEST_BYTES).digest()


async def models_known(connection: AsyncConnection[Any], ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The project of each that is there and not deleted. No statement where none is asked for."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    return dict(await (await connection.execute(_KNOWN, [wanted])).fetchall())


async def model_points_insert(connection: AsyncConnection[Any], points: Sequence[tuple[UUID, ModelPoint]]) -> None:
    """Keep them in their order, with the runs that said them, each once whatever comes again.

    One statement, or none. The runs are locked: so nobody else inserts the same at the same time.
    """
    if not points:
        return
    columns: list[list[Any]] = [
        [one.model_id for _, one in points],
        [one.digest(run_id) for run_id, one in points],
        [run_id for run_id, _ in points],
        *([getattr(one, name) for _, one in points] for name in _FIELDS),
    ]
    await connection.execute(_INSERT, columns)
