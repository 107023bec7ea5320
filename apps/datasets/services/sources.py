"""Uploaded files: first into the object store, then into the database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.access.models import User
from apps.common.audit import Actor, record
from apps.common.errors import Invalid, TooLarge
from apps.common.events import emit
from apps.common.storage import Stored, store
from apps.datasets.models import Dataset, Source
from apps.datasets.recipes.parsing import format_of

NAME_MOST = 120


def size_check(size_bytes: int) -> None:
    """Refuse a file above the installation's limit (`BEDPLATE_SOURCE_MOST_BYTES`).

    Raises:
        TooLarge: it is above.
    """
    most: int = settings.BEDPLATE_SOURCE_MOST_BYTES
    if size_bytes > most:
        raise TooLarge(f"The file has {size_bytes} bytes; at most {most} are taken.")


def name_of(file_name: str) -> str:
    """A file name as it is shown: without folders and control characters, at most 120 characters, ending kept."""
    plain = re.split(r"[\\/]", unicodedata.normalize("NFC", file_name))[-1]
    shown = "".join(c for c in plain if unicodedata.category(c)[0] != "C").strip().lstrip(".")
    stem, dot, ending = shown.rpartition(".")
    if not dot or len(ending) > 20:
        return shown[:NAME_MOST] or "file"
    return f"{stem[: NAME_MOST - len(ending) - 1]}.{ending}"


def path_for(source_id: UUID, name: str) -> str:
    """Where a source is kept: its name in plain letters below a folder of its own."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"sources/{source_id}/{re.sub(r'[^A-Za-z0-9._-]+', '_', plain).lstrip('.') or 'file'}"


def source_store(*, source_id: UUID, name: str, chunks: Iterable[bytes]) -> Stored:
    """Write the file, measuring it on the way. Blocks for as long as it takes: never inside a transaction.

    Raises:
        StorageUnavailable: the store cannot be reached or is full; nothing is left.
    """
    return store().put(path_for(source_id, name), chunks)


def source_discard(source_id: UUID) -> None:
    """Remove what `source_store` wrote, unless it has become a source."""
    if not Source.objects.filter(pk=source_id).exists():
        store().delete(f"sources/{source_id}")


@transaction.atomic
def source_create(
    *,
    source_id: UUID,
    dataset: Dataset,
    name: str,
    stored: Stored,
    origin: dict[str, Any] | None = None,
    uploaded_by: User | None,
    actor: Actor,
) -> Source:
    """Note a file that `source_store` wrote, or that a job fetched from an `origin`.

    Raises:
        Invalid: the file is empty.
    """
    if stored.size_bytes == 0:
        raise Invalid("The file is empty.", fields={"file": ["is empty"]})
    source: Source = Source.objects.create(
        id=source_id,
        project=dataset.project,
        dataset=dataset,
        name=name,
        file_format=format_of(name),
        path=stored.path,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        origin=origin or {},
        uploaded_by=uploaded_by,
    )
    emit("source.created", source)
    record(actor, "source.created", source, detail={"sha256": stored.sha256, "size_bytes": stored.size_bytes})
    return source
