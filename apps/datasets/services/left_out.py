"""What an ingestion left out, and what it found out about its file: told by the job, at a good end and at a bad one."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from apps.datasets.services.results import BadResult, Rejected, StoredFile, files_verify
from apps.datasets.specs import OUTPUT
from apps.datasets.states import JobReason
from apps.quotas.models import Attempt

CODES = ("too_many_rejected", "no_rows")
"""Of the error of a job that left out too much, or all."""


class LeftOut(Struct, frozen=True):
    """Of the result of `ingest` what is kept on the ingestion."""

    rejected: Rejected = Rejected()
    quarantine: StoredFile | None = None
    detected: dict[str, Any] = {}


def left_out_of(attempt: Attempt) -> LeftOut:
    """What an attempt of `ingest` says it left out, however it ended.

    Raises:
        BadResult: it is not of the agreed form.
    """
    try:
        return msgspec.convert(attempt.result or {}, LeftOut)
    except msgspec.ValidationError as error:
        raise BadResult(str(error)) from None


def left_out_checked(attempt: Attempt) -> dict[str, Any]:
    """The columns of an ingestion that say what was left out, once the file with it was found in the store. Blocks.

    Raises:
        BadResult: the result is not of the agreed form, or the file is not the one that the job said.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    left, prefix = left_out_of(attempt), prefix_of(attempt)
    file = left.quarantine
    if file is not None:
        files_verify(prefix, [file])
    kept = file and {"path": f"{prefix}{file.name}", "size_bytes": file.size_bytes, "sha256": file.sha256}
    is_told = "rejected" in (attempt.result or {})
    rejected = {"count": left.rejected.count, "samples": left.rejected.samples} if is_told else {}
    return {"rejected": rejected, "quarantine": kept, "detected": left.detected}


def left_out_at_failure(attempt: Attempt | None) -> dict[str, Any]:
    """The same of an attempt that failed, with the reason where it was this; nothing where it cannot be told. Blocks.

    Raises:
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    if attempt is None or not isinstance(attempt.result, dict) or "rejected" not in attempt.result:
        return {}
    error = attempt.result.get("error")
    code = error.get("code") if isinstance(error, dict) else ""
    try:
        found = left_out_checked(attempt)
    except BadResult:
        return {}
    return {**found, **({"reason": JobReason.TOO_MANY_REJECTED} if code in CODES else {})}


def prefix_of(attempt: Attempt) -> str:
    """The folder in the store of what an attempt of `ingest` wrote."""
    return f"attempts/{attempt.pk}/{OUTPUT}/"
