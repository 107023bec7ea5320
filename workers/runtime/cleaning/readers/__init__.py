"""One reader per format of upload."""

from __future__ import annotations

from workers.runtime.cleaning.readers.base import Options, Reader, Rejected, blamed
from workers.runtime.cleaning.readers.delimited import CsvReader, TsvReader
from workers.runtime.cleaning.readers.json_lines import JsonLinesReader
from workers.runtime.cleaning.readers.parquet import ParquetReader

READERS: dict[str, type[Reader]] = {
    "csv": CsvReader,
    "tsv": TsvReader,
    "jsonl": JsonLinesReader,
    "parquet": ParquetReader,
}

__all__ = ["READERS", "Options", "Reader", "Rejected", "blamed"]
