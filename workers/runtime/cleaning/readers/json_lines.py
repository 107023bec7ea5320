"""JSON lines: one object per line. Nested values are kept as JSON text."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import json

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import SAMPLES, Reader, Rejected, sample
from workers.runtime.cleaning.readers.delimited import LINE_LIMIT_BYTES, first_line
from workers.runtime.cleaning.readers.text_file import as_utf8
from workers.runtime.cleaning.schema import check_names, literal, quoted

LINES = "json_lines"
_TYPES = {"BIGINT": "BIGINT", "UBIGINT": "UBIGINT", "DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN", "NULL": "VARCHAR"}
_IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"


class JsonLinesReader(Reader):
    """Reads lines as text first, because only so can a bad one be named."""

    format = "jsonl"

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        path = as_utf8(self.path, self.options.encoding, self.work_dir)
        # U+0001 cannot stand in JSON, so it never divides a line.
        connection.execute(
            f"CREATE TEMP VIEW {LINES} AS SELECT row_number() OVER () AS number, line FROM read_csv("
            f"{literal(str(path))}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
            f"columns={{'line': 'VARCHAR'}}, strict_mode=false, null_padding=true, max_line_size={LINE_LIMIT_BYTES}, "
            "hive_partitioning=false)"
        )
        try:
            structure = self._structure(connection)
            check_names(list(structure), self.path.name)
            return self._table(structure)
        except duckdb.Error as error:
            raise UserError("unreadable_file", f"{self.path.name}: {first_line(error)}") from None

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
        bad = f"FROM {LINES} WHERE trim(line) <> '' AND NOT {_IS_OBJECT}"
        count = connection.execute(f"SELECT count(*) {bad}").fetchall()[0][0]
        rows = connection.execute(f"SELECT number, line {bad} ORDER BY number LIMIT {SAMPLES}").fetchall()
        return Rejected(count=count, samples=tuple(sample(line, None, why_not(text), text) for line, text in rows))

    def _structure(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """SQL type per key of any object, in order of first appearance."""
        query = f"SELECT json_group_structure(line::JSON) FROM {LINES} WHERE {_IS_OBJECT}"
        found = connection.execute(query).fetchall()[0][0]
        if found is None:
            raise UserError("no_rows", f"no line of {self.path.name} is a JSON object")
        structure = json.loads(found)
        if not isinstance(structure, dict) or not structure:
            raise UserError("no_columns", f"no object in {self.path.name} has a key")
        return {name: _sql_type(kind) for name, kind in structure.items()}

    def _table(self, structure: dict[str, str]) -> str:
        transformed = f"json_transform(line::JSON, {literal(json.dumps(structure))})"
        nulls = ", ".join(literal(value) for value in self.options.null_values)
        columns = ", ".join(
            f"CASE WHEN row.{quoted(name)} IN ({nulls}) THEN NULL ELSE row.{quoted(name)} END AS {quoted(name)}"
            if kind == "VARCHAR" and nulls
            else f"row.{quoted(name)}"
            for name, kind in structure.items()
        )
        inner = f"SELECT number, {transformed} AS row FROM {LINES} WHERE {_IS_OBJECT}"
        return f"(SELECT {columns} FROM ({inner}))"


def why_not(line: str) -> str:
    """Why a line is no JSON object, in words, with the column where it breaks."""
    try:
        value = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    return f"not an object but {type(value).__name__}"


def _sql_type(kind: object) -> str:
    if isinstance(kind, str):
        return _TYPES.get(kind, "VARCHAR")
    return "JSON"
