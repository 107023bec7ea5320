"""What data jobs leave as their result, checked before anything of it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from apps.common.storage import CHUNK_BYTES, store
from apps.datasets.specs import COMPANION_BYTES_MOST, OUTPUT
from apps.quotas.models import Attempt
from workers.contracts.sentences import say

Count = Annotated[int, Meta(ge=0)]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
RowsHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
Ordinal = Annotated[int, Meta(ge=-1, lt=1 << 62)]
"""Of a row; -1 stands before the first."""
ColumnName = Annotated[str, Meta(min_length=1)]
T = TypeVar("T")

HASHED_BYTES = 1 << 30
"""How much of a version is read again to compare its SHA-256; the sizes of all files are always compared."""


class BadResult(Exception):
    """The job ended well, but what it left cannot be used. The text is for people."""


class StoredFile(Struct, frozen=True):
    """A file beside the data, as the job says it wrote it."""

    name: FileName
    size_bytes: Count
    sha256: Sha256


class DataFile(StoredFile, frozen=True):
    """One Parquet file."""

    rows: Count


class Column(Struct, frozen=True):
    name: ColumnName
    type: Literal["int64", "float64", "string", "bool", "timestamp", "date", "image"]
    nullable: bool = True


CompanionKind = Literal["sample", "report", "profile", "thumbnails"]
"""What a small JSON file beside the data holds: some rows; the report with examples; statistics; small pictures."""


class Rejected(Struct, frozen=True):
    """Rows that could not be parsed."""

    count: Count = 0
    samples: list[dict[str, Any]] = []


class Evaluated(Struct, frozen=True):
    """What became of one expectation."""

    expectation: str
    revision: Count
    outcome: Literal["passed", "failed", "error", "skipped"]
    rows_checked: Count | None = None
    rows_failed: Count | None = None
    ratio: float | None = None
    """Share of the rows that were checked which fulfil it."""
    observed: dict[str, Any] = {}
    """Figures of what is not about single rows: rows, PSI, age."""
    problem: dict[str, Any] | None = None
    """Why it could not be evaluated: `{"code", "detail", "params"}`."""
    examples: list[dict[str, Any]] = []
    """Up to 20 rows that do not fulfil it: `{"ordinal", "values": {column: value}}`."""
    seconds: float = 0

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


class _Validation(Struct, frozen=True):
    expectations: list[Evaluated]


class Content(Struct, frozen=True):
    """What a version will hold: of `ingest`, and of `clean` with the rest of its fields."""

    schema: list[Column]
    row_count: Count
    files: list[DataFile]
    digest: Digest
    rows_hash: RowsHash | None = None
    """Of `workers.contracts.dataset_digest`: what the digest was made of, so that rows can be appended."""
    last_ordinal: Ordinal | None = None
    rejected: Rejected = Rejected()
    splits: dict[str, Count] = {}
    report: list[dict[str, Any]] = []
    preprocessor: StoredFile | None = None
    companions: dict[CompanionKind, StoredFile] = {}
    expectations: list[Evaluated] | None = None
    """Of a job that evaluated on its way."""

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def stored_files(self) -> list[StoredFile]:
        beside = [self.preprocessor] if self.preprocessor else []
        return [*self.files, *beside, *self.companions.values()]


class ColumnProfile(Struct, frozen=True):
    """Of a column's statistics what must be there."""

    name: ColumnName
    type: str


class ProfileResult(Struct, frozen=True):
    row_count: Count
    columns: list[ColumnProfile]
    format: Annotated[int, Meta(ge=1, le=2)] = 1
    table: dict[str, Any] | None = None
    left_out: list[str] = []


def content_of(result: dict[str, Any] | None) -> Content:
    """The result of `ingest` or `clean`.

    Raises:
        BadResult: it is not of the agreed form, or contradicts itself.
    """
    content = _convert(result, Content)
    _different("column", [column.name for column in content.schema])
    _different("file", [file.name for file in content.stored_files])
    rows = sum(file.rows for file in content.files)
    if rows != content.row_count:
        raise BadResult(say("result_rows", said=content.row_count, held=rows))
    if content.splits and sum(content.splits.values()) != content.row_count:
        raise BadResult(say("result_parts", parts=content.splits, rows=content.row_count))
    for file in content.companions.values():
        if file.size_bytes > COMPANION_BYTES_MOST:
            raise BadResult(say("file_too_large", file=file.name, size=file.size_bytes, most=COMPANION_BYTES_MOST))
    return content


def profile_of(result: dict[str, Any] | None, *, row_count: int) -> dict[str, Any]:
    """The result of `profile`, for a version of that many rows.

    Raises:
        BadResult: it is not of the agreed form, or about other data.
    """
    profile = _convert(result, ProfileResult)
    _different("column", [column.name for column in profile.columns])
    if profile.row_count != row_count:
        raise BadResult(say("result_profile", said=profile.row_count, rows=row_count))
    return {name: found for name, found in (result or {}).items() if name in profile.__struct_fields__}


def evaluated_of(result: dict[str, Any] | None) -> list[Evaluated]:
    """The result of `validate`.

    Raises:
        BadResult: it is not of the agreed form, or names an expectation twice.
    """
    found = _convert(result, _Validation).expectations
    _different("expectation", [one.expectation for one in found])
    return found


Checked = tuple[str, Content, dict[str, Any] | None]
"""Folder of the files in the store, what they hold, and the statistics that were taken on the way."""


def output_checked(attempt: Attempt) -> Checked:
    """What an attempt of `ingest` or `clean` left in the store. Blocks.

    Raises:
        BadResult: it is not what was agreed, or the files are not those that the job said.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    content = content_of(attempt.result)
    prefix = f"attempts/{attempt.pk}/{OUTPUT}/"
    files_verify(prefix, content.stored_files)
    return prefix, content, companion_profile_of(prefix, content)


def companion_profile_of(prefix: str, content: Content) -> dict[str, Any] | None:
    """The statistics that `ingest` or `clean` took on the way; None where the data was too large for that. Blocks.

    Raises:
        BadResult: the file is not what it promised.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    file = content.companions.get("profile")
    if file is None:
        return None
    with store().open(f"{prefix}{file.name}") as opened:
        text = opened.read(COMPANION_BYTES_MOST)
    try:
        result = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadResult(say("file_form", file=file.name, error=error)) from None
    return profile_of(result, row_count=content.row_count)


def files_verify(prefix: str, files: Sequence[StoredFile]) -> None:
    """Look in the store whether every file is there with its size and, up to `HASHED_BYTES`, its SHA-256. Blocks.

    Raises:
        BadResult: one is missing or differs.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    left = HASHED_BYTES
    for file in files:
        path = f"{prefix}{file.name}"
        try:
            size = store().size(path)
            if size != file.size_bytes:
                raise BadResult(say("file_size", file=file.name, size=size, said=file.size_bytes))
            left -= max(size, CHUNK_BYTES)
            if left >= 0 and store().measure(path).sha256 != file.sha256:
                raise BadResult(say("file_digest", file=file.name))
        except FileNotFoundError:
            raise BadResult(say("file_missing", file=file.name)) from None


def _convert(result: dict[str, Any] | None, kind: type[T]) -> T:
    if result is None:
        raise BadResult(say("result_none"))
    try:
        return msgspec.convert(result, kind)
    except msgspec.ValidationError as error:
        raise BadResult(say("result_form", error=error)) from None


def _different(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadResult(say("result_twice", what=what, names=", ".join(twice)))
