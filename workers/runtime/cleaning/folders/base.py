"""Files of an archive as rows: path, label (the folder), content, and what is told of it."""

from __future__ import annotations

import hashlib
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.archives import Member
from workers.runtime.cleaning.readers.kinds import taken
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.row_groups import arrow_schema
from workers.runtime.cleaning.schema import ORDINAL, Column

FILE_BYTES_MOST = 64 << 20
"""Of one picture or text: each is a cell."""
BATCH_FILES, BATCH_BYTES = 256, 32 << 20
"""What is held in memory at once."""


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name in the archive, and its content."""

    path: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Taken:
    """What was made of an archive."""

    files: int = 0
    ignored: int = 0
    """Files of other kinds."""
    rejected: list[tuple[str, int | None, str | None, str, str | None]] = field(default_factory=list)
    """As `Quarantine.add_rows` takes them."""


class Folder(ABC):
    """Makes rows of files; used for one archive."""

    kind: ClassVar[str]
    columns: ClassVar[tuple[tuple[str, str], ...]]
    """Names and house types."""

    def __init__(self, options: Options, root: str, threads: int) -> None:
        self._options, self._root = options, root
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="files")
        self.taken = Taken()

    @abstractmethod
    def row(self, file: File) -> dict[str, Any]:
        """The row of one file, called from several threads. Raises UserError for one that is left out."""

    def check_schema(self, place: str) -> None:
        """Refuse columns that were declared and are not these. Raises UserError `schema_mismatch`."""
        if self._options.schema is None:
            return
        own = {name for name, _ in self.columns}
        wanted = {column.name for column in self._options.schema}
        for name in sorted(own ^ wanted):
            raise UserError("schema_mismatch", f"{place} holds {self.kind}; a column {name!r} is in only one of both")

    def rows(self, members: Iterator[Member], first_ordinal: int) -> Iterator[pa.Table]:
        """A row per file, in the archive's order, with ordinals. Raises UserError: the archive is at fault."""
        schema = arrow_schema([Column(name, kind) for name, kind in self.columns])
        ordinal = first_ordinal
        try:
            for batch in self._batches(members):
                numbered = [{ORDINAL: ordinal + at, **row} for at, row in enumerate(batch)]
                ordinal += len(batch)
                yield pa.Table.from_pylist(numbered, schema=schema)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self, members: Iterator[Member]) -> Iterator[list[dict[str, Any]]]:
        files: list[File] = []
        held = 0
        for member in members:
            if not taken(member.name, self.kind):
                self.taken.ignored += 1
                continue
            content = member.read(FILE_BYTES_MOST + 1)
            if len(content) > FILE_BYTES_MOST:
                self._leave_out(member.name, f"the file has more than {FILE_BYTES_MOST} bytes")
                continue
            if files and (len(files) >= BATCH_FILES or held + len(content) > BATCH_BYTES):
                yield from self._rows(files)
                files, held = [], 0
            files.append(File(member.name, content))
            held += len(content)
        yield from self._rows(files)

    def _rows(self, files: Sequence[File]) -> Iterator[list[dict[str, Any]]]:
        rows = []
        for file, found in zip(files, self._pool.map(self._tried, files), strict=True):
            if isinstance(found, UserError):
                self._leave_out(file.path, found.detail)
            else:
                rows.append(found)
        self.finish(rows)
        self.taken.files += len(rows)
        if rows:
            yield rows

    def finish(self, rows: list[dict[str, Any]]) -> None:  # noqa: B027 - most have nothing to do
        """What is computed for a whole batch at once."""

    def _tried(self, file: File) -> dict[str, Any] | UserError:
        try:
            row = self.row(file)
        except UserError as error:
            return error
        beside = {"path": file.path, "label": label_of(file.path, self._root), "size_bytes": len(file.content)}
        return {**row, **beside, "content_sha256": file.sha256}

    def _leave_out(self, path: str, reason: str) -> None:
        self.taken.rejected.append((path, None, None, reason, None))


def label_of(path: str, root: str) -> str | None:
    """The folder that a file is in; None for one that is in none but the root of all."""
    folder = posixpath.dirname(path)
    return None if folder == root else posixpath.basename(folder)
