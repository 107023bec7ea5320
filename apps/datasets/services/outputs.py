"""What a job sends to the store, where it does not share a disk with it: files below the attempt's own folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from apps.common.addresses import PutAddress, put_address
from apps.common.errors import Conflict, Invalid, TooLarge
from apps.common.receiving import already, receive, room_check
from apps.common.storage import Stored, checked, store
from apps.datasets.services.resolve import output_named, output_path
from apps.quotas.models import Attempt

PARTS_MOST = 16
NAME_BYTES_MOST = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SentElsewhere(Conflict):
    """The bytes of a remote store do not pass through the control plane."""

    code, title = "sent_elsewhere", "Files go to the object store itself"


@dataclass(frozen=True, slots=True)
class OutputPlace:
    """Where a file goes: nowhere when it is there, else to an address of the store, or to the control plane."""

    is_stored: bool
    address: PutAddress | None = None
    """None: send it to the control plane."""


def output_place(*, attempt: Attempt, output: str, path: str, size_bytes: int, sha256: str) -> OutputPlace:
    """What to do with a file that a job wants to have in its output. Blocks on the store.

    Raises:
        NotAnInput: the spec has no such output.
        Invalid: a path that leaves the output, or names that a store does not take.
        ObjectDiffers: another file is there.
        TooLarge: more than a file may have.
        StorageUnavailable: no room for it.
    """
    said = _said(attempt, output, path, size_bytes, sha256)
    objects = store()
    if already(objects, said):
        return OutputPlace(is_stored=True)
    room_check(objects, size_bytes)
    if objects.is_local:
        return OutputPlace(is_stored=False)
    return OutputPlace(False, put_address(said.path, size_bytes=size_bytes, sha256=sha256))


def output_receive(
    *, attempt: Attempt, output: str, path: str, size_bytes: int, sha256: str, chunks: Iterable[bytes]
) -> None:
    """Keep a file that a job sends. Blocks for as long as it sends, and holds no connection to the database meanwhile.

    Raises:
        SentElsewhere: the store is remote.
        NotAsSaid: another size or digest arrived, and nothing was kept.
        And as `output_place`.
    """
    said = _said(attempt, output, path, size_bytes, sha256)
    objects = store()
    if not objects.is_local:
        raise SentElsewhere("Ask where the file goes; this store takes it by an address of its own.")
    if not connection.in_atomic_block:
        connection.close()
    receive(objects, said, chunks)


def _said(attempt: Attempt, output: str, path: str, size_bytes: int, sha256: str) -> Stored:
    output_named(attempt.workload.spec_object(), output)
    parts = path.split("/")
    too_long = len(parts) > PARTS_MOST or any(len(part.encode()) > NAME_BYTES_MOST for part in parts)
    if too_long or path.endswith(("/", ".part")):
        raise Invalid(f"path: {path[:200]!r} cannot be the path of a file in an output.", fields={"path": ["not one"]})
    if not _SHA256.fullmatch(sha256):
        raise Invalid("sha256: 64 hexadecimal digits in lower case.", fields={"sha256": ["is none"]})
    most = settings.BEDPLATE_OUTPUT_MOST_BYTES
    if size_bytes > most:
        raise TooLarge(f"A file that a job stores may have {most} bytes; this one has {size_bytes}.")
    folder = output_path(attempt, output)
    target = checked(f"{folder}{path}")
    local, own = store().local_path(target), store().local_path(folder)
    if local is not None and own is not None and not local.resolve().is_relative_to(own.resolve()):
        raise Invalid(f"path: {path!r} leads out of the output.", fields={"path": ["leads out of the output"]})
    return Stored(target, size_bytes, sha256)
