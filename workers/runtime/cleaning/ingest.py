"""`ingest`: an uploaded file becomes Parquet with ordinals; what does not parse is left out, told, and kept aside."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.companions import write_companions
from workers.runtime.cleaning.engine import granted_threads, open_duckdb
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.folders.base import Folder
from workers.runtime.cleaning.folders.pictures import Pictures
from workers.runtime.cleaning.folders.texts import Texts
from workers.runtime.cleaning.output import emptied_on_failure
from workers.runtime.cleaning.parts import Written, write_parts
from workers.runtime.cleaning.quality import evaluated_beside
from workers.runtime.cleaning.quarantine import Quarantine, Rejection
from workers.runtime.cleaning.readers import READERS, Options, Reader, Upload, blamed
from workers.runtime.cleaning.readers.archives import Member
from workers.runtime.cleaning.readers.spelled import Doubtful
from workers.runtime.cleaning.schema import ORDINAL, Column, quoted
from workers.runtime.cleaning.tables import BATCH_ROWS, Make, Opened, leave_out, opened, usual_rows
from workers.runtime.cleaning.unpacking import FORMATS, Unpacked, unpacked
from workers.runtime.context import JobContext

FOLDERS: dict[str, type[Folder]] = {"images": Pictures, "texts": Texts}


def ingest(ctx: JobContext) -> dict[str, Any]:
    """Input `source`: one file. Output `dataset`. Parameters: `format`, those of `Options`, and to add to a version
    `declared_schema` (its columns) and `first_ordinal`.

    A float that is not finite is a missing value. Times keep microseconds, in UTC; nested values become JSON text,
    decimals floats; a whole number beyond 64 bits is refused.

    Raises:
        Rejection: more rows were left out than may be; `quarantine.csv.gz` is the one file of the output then.
        UserError: the file or the parameters are at fault.
    """
    kind = ctx.parameters.get("format")
    if kind not in FORMATS:
        raise UserError("invalid_parameters", f"format must be one of {', '.join(FORMATS)}, not {kind!r}")
    options = Options.from_parameters(ctx.parameters)
    files = ctx.input("source").files
    if len(files) != 1:
        raise UserError("one_file_expected", f"a source is one file; this one has {len(files)}")
    folder = ctx.output("dataset")
    with tempfile.TemporaryDirectory(prefix="ingest-", dir=ctx.work_dir) as scratch:
        job = _Ingestion(ctx, options, Path(scratch), folder, files[0].name)
        try:
            with emptied_on_failure(folder):
                return job.run(unpacked(files[0], files[0].name, kind, Path(scratch)))
        except Rejection as error:
            if error.file is not None:
                shutil.copyfile(Path(scratch) / error.file["name"], folder / error.file["name"])
            raise


class _Ingestion:
    """One run of the job: what its steps share."""

    def __init__(self, ctx: JobContext, options: Options, scratch: Path, folder: Path, name: str) -> None:
        self._ctx, self._connection = ctx, open_duckdb(ctx, scratch)
        self._options, self._scratch, self._folder, self._name = options, scratch, folder, name
        self._threads = granted_threads(ctx)
        self._first = int(ctx.parameters.get("first_ordinal") or 0)
        self._quarantine = Quarantine(self._connection)

    def run(self, source: Unpacked) -> dict[str, Any]:
        """Write what is read; the job's result."""
        files = source.files
        written, detected, lacks = self._write_files(source, files) if files else self._write_tables(source)
        detected = {name: value for name, value in detected.items() if value not in (None, "")}
        rejected = self._quarantine.to_json()
        file = self._quarantine.write(self._scratch)
        refused = self._quarantine.refusal(written.row_count, self._options, self._name)
        if refused:
            raise Rejection(*refused, rejected, file, detected)
        if written.row_count == 0:
            raise UserError("no_rows", f"{self._name} has {lacks}")
        if file:
            shutil.copyfile(self._scratch / file["name"], self._folder / file["name"])
        companions = write_companions(self._connection, self._folder, written)
        return {
            **written.to_json(),
            "rejected": rejected,
            "quarantine": file,
            "detected": detected,
            "companions": companions,
            **evaluated_beside(self._ctx, self._connection, self._folder, written),
        }

    def _write_tables(self, source: Unpacked) -> tuple[Written, dict[str, Any], str]:
        """What was written, what was detected, and what the source has where it has no row."""
        reader = functools.partial(_reader, source.kind, self._scratch)
        makers: list[Make] = [functools.partial(reader, upload) for upload in source.uploads]
        said = {"format": source.kind, "packing": source.packing}
        if len(makers) == 1:
            first = makers[0](self._options)
            found = self._written_at_once(first)
            if found is not None:
                return found, {**said, **first.detected}, _lacks(first)
            makers = [lambda _: first]
        tables = opened(self._connection, makers, self._options)
        first = tables[0].reader
        try:
            written = self._write(tables)
            leave_out(self._connection, tables, self._quarantine)
        except duckdb.Error as error:
            raise blamed(error, first.upload, first.upload.path) from None
        several = {"files": len(tables), "ignored": source.ignored} if source.packing in ("zip", "tar") else {}
        return written, {**said, **several, **first.detected}, _lacks(first)

    def _written_at_once(self, reader: Reader) -> Written | None:
        """What was written of a file that holds what its beginning promises; nothing is left of others."""
        usual = reader.usual(self._connection)
        if usual is None:
            return None
        columns = [Column(name, kind) for name, kind in usual.types.items()]
        rows = usual_rows(self._connection, usual, self._first)
        try:
            return write_parts(rows, columns, self._folder, threads=self._threads)
        except Doubtful:
            for path in self._folder.iterdir():
                path.unlink()
            return None

    def _write(self, tables: Sequence[Opened]) -> Written:
        """Write the rows of all tables, in their order."""
        rows = " UNION ALL ".join(f"({one.query})" for one in tables)
        ordinal = f"row_number() OVER () + {self._first - 1} AS {quoted(ORDINAL)}"
        batches = self._connection.sql(f"SELECT {ordinal}, * FROM ({rows})").to_arrow_reader(BATCH_ROWS)
        columns = [each.column for each in tables[0].columns]
        return write_parts(batches, columns, self._folder, threads=self._threads)

    def _write_files(
        self, source: Unpacked, files: Callable[[], Iterator[Member]]
    ) -> tuple[Written, dict[str, Any], str]:
        """As `_write_tables`."""
        folder = FOLDERS[source.kind](self._options, source.root, self._threads or 2)
        folder.check_schema(self._name)
        columns = [Column(name, kind) for name, kind in folder.columns]
        written = write_parts(folder.rows(files(), self._first), columns, self._folder, threads=self._threads)
        self._quarantine.add_rows(folder.taken.rejected)
        several = {"files": folder.taken.files, "ignored": folder.taken.ignored}
        return written, {"format": source.kind, "packing": source.packing, **several}, f"no file of {source.kind}"


def _lacks(reader: Reader) -> str:
    return "a header and no row" if reader.has_header else "no row"


def _reader(kind: str, work_dir: Path, upload: Upload, options: Options) -> Reader:
    return READERS[kind](upload, options, work_dir)
