"""One reader per format of upload."""

from __future__ import annotations

from workers.runtime.cleaning.readers.base import LINE, Reader, Upload, Usual, blamed
from workers.runtime.cleaning.readers.delimited import CsvReader, TsvReader
from workers.runtime.cleaning.readers.excel import ExcelReader
from workers.runtime.cleaning.readers.json_lines import JsonLinesReader, JsonReader
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.readers.parquet import ParquetReader

READERS: dict[str, type[Reader]] = {
    "csv": CsvReader,
    "tsv": TsvReader,
    "jsonl": JsonLinesReader,
    "json": JsonReader,
    "parquet": ParquetReader,
    "excel": ExcelReader,
}

__all__ = ["LINE", "READERS", "Options", "Reader", "Upload", "Usual", "blamed"]
