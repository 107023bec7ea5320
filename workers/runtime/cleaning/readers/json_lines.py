"""JSON: one object per line, or a list of objects. Nested values are kept as JSON text."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path

import duckdb
import pyarrow as pa

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import LINE, Reader, blamed, lines_of
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES, as_utf8
from workers.runtime.cleaning.schema import COLUMNS_MOST, check_names, literal, quoted

REJECTS = 1000
"""Lines that are explained at once."""
_WHOLE, _NESTED = {"UBIGINT", "BIGINT"}, {"ARRAY", "OBJECT"}
_NUMBER_OF = itertools.count()
_KEYS = "json_keys(line)"
_IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
_IS_KEPT = f"CASE WHEN {_IS_OBJECT} THEN len({_KEYS}) = len(list_distinct({_KEYS})) ELSE false END"
_BYTE = re.compile(r"at byte (\d+) in record/value (\d+)")


class JsonLinesReader(Reader):
    """Reads lines as text first, because only so can a bad one be named."""

    format = "jsonl"
    unit = "line"
    line_bytes = LINE_LIMIT_BYTES

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        text = as_utf8(self.upload.path, self.upload.name, self.options.encoding, self.work_dir, self.line_bytes)
        self.detected = dict(text.to_json())
        self._lines = f"json_{next(_NUMBER_OF)}"
        try:  # no temporary one: a cursor of its own reads what was left out
            connection.execute(f"CREATE VIEW {self._lines} AS {self._read(text.path)}")
            names = self._names(connection)
            check_names(names, self.upload.name)
            return self._table(self._types(connection, names))
        except duckdb.Error as error:
            raise blamed(error, self.upload, text.path) from None

    def quarantined(self, connection: duckdb.DuckDBPyConnection) -> str | None:
        bad = f"FROM {self._lines} WHERE trim(line) <> '' AND NOT {_IS_KEPT}"
        found = connection.cursor().execute(f"SELECT number, line {bad} ORDER BY number")
        table = f"{self._lines}_rejected"
        connection.execute(f"CREATE TABLE {table} (line BIGINT, reason VARCHAR, text VARCHAR)")
        while rows := found.fetchmany(REJECTS):
            numbers, lines = zip(*rows, strict=True)
            reasons = pa.table([pa.array(numbers), pa.array(map(why_not, lines)), pa.array(lines)], ["n", "r", "t"])
            connection.register("explained", reasons)
            connection.execute(f"INSERT INTO {table} SELECT * FROM explained")
            connection.unregister("explained")
        return f'SELECT line, NULL::VARCHAR AS "column", reason, text FROM {table}'

    def located(self, connection: duckdb.DuckDBPyConnection, rows: str) -> str:
        return (
            f"SELECT number AS key, number AS line, line AS text FROM {self._lines} SEMI JOIN ({rows}) ON number = key"
        )

    def _read(self, path: Path) -> str:
        """A query for `number` and `line`, each of which may be an object."""
        return lines_of(path)

    def _names(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Keys of any object, in order of first appearance."""
        keys = f"SELECT number, unnest({_KEYS}) AS key FROM {self._lines} WHERE {_IS_KEPT}"
        query = f"SELECT key FROM (SELECT key, row_number() OVER () AS place, number FROM ({keys})) GROUP BY key "
        query += f"ORDER BY min(number), min(place) LIMIT {COLUMNS_MOST + 1}"
        names = [name for (name,) in connection.execute(query).fetchall()]
        if not names:
            raise self._nothing(connection)
        return names

    def _nothing(self, connection: duckdb.DuckDBPyConnection) -> UserError:
        place = self.upload.name
        query = f"SELECT count(*) FILTER ({_IS_KEPT}), count(*) FILTER (trim(line) <> '') FROM {self._lines}"
        objects, lines = connection.execute(query).fetchall()[0]
        if objects:
            return UserError("no_columns", f"no object in {place} has a key")
        if not lines:
            return UserError("no_rows", f"{place} has no row")
        query = f"SELECT number, line FROM {self._lines} WHERE trim(line) <> '' ORDER BY number LIMIT 1"
        number, line = connection.execute(query).fetchall()[0]
        return UserError(
            "no_rows", f"no {self.unit} of {place} is a JSON object; {self.unit} {number}: {why_not(line)}"
        )

    def _types(self, connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, str]:
        """SQL type per key: one that holds all its values, else text. Memory grows with the keys, not with the rows."""
        pointers = ", ".join(literal(pointer(name)) for name in names)
        each = f"unnest(json_type(line, [{pointers}])) AS type, unnest(range({len(names)})) AS place"
        query = (
            f"SELECT DISTINCT place, type FROM (SELECT {each} FROM {self._lines} WHERE {_IS_KEPT}) WHERE type <> 'NULL'"
        )
        found: dict[int, set[str]] = {}
        for place, kind in connection.execute(query).fetchall():
            found.setdefault(place, set()).add(kind)
        return {
            name: "VARCHAR" if name in self.options.as_text else _sql_type(found.get(place, set()))
            for place, name in enumerate(names)
        }

    def _table(self, structure: dict[str, str]) -> str:
        transformed = f"json_transform(line::JSON, {literal(json.dumps(structure))})"
        nulls = ", ".join(literal(value) for value in self.options.null_values)
        columns = ", ".join(
            f"CASE WHEN row.{quoted(name)} IN ({nulls}) THEN NULL ELSE row.{quoted(name)} END AS {quoted(name)}"
            if kind == "VARCHAR" and nulls
            else f"row.{quoted(name)}"
            for name, kind in structure.items()
        )
        inner = f"SELECT number, {transformed} AS row FROM {self._lines} WHERE {_IS_KEPT}"
        return f"(SELECT number AS {quoted(LINE)}, {columns} FROM ({inner}))"


class JsonReader(JsonLinesReader):
    """A list of objects, or objects one after the other over any lines. What is no JSON ends it; an element that is no
    object is left out, and told by its number instead of its line."""

    format = "json"
    unit = "element"
    line_bytes = sys.maxsize  # of an element there is a limit of its own

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        with self.upload.path.open("rb") as file:  # of whatever encoding: a look before all of it is checked
            start = file.read(4096).strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
        if start and start not in b"[{":
            self._refuse_start(start.decode("latin-1"))
        try:
            return super().open(connection)
        except UserError as error:
            if "maximum_object_size" in error.detail:
                detail = f"{self.upload.name} has an element of more than {LINE_LIMIT_BYTES} bytes"
                raise UserError("line_too_long", detail) from None
            found = _BYTE.search(error.detail)
            if found is None:
                raise
            said = error.detail[found.end() :].strip(": .") or "no JSON"
            place = f"element {found[2]}, byte {found[1]}"
            raise UserError("not_json", f"{self.upload.name}: {place}: {said}") from None

    def _refuse_start(self, first: str) -> None:
        raise UserError("not_json", f"{self.upload.name} starts with {first!r}: it is no list of objects")

    def _read(self, path: Path) -> str:
        with path.open(encoding="utf-8-sig") as file:
            first = next((part.strip()[0] for part in iter(lambda: file.read(4096), "") if part.strip()), "")
        if first not in ("[", "{"):
            self._refuse_start(first)
        form = "array" if first == "[" else "unstructured"
        return (
            "SELECT row_number() OVER () AS number, json::VARCHAR AS line FROM read_json_objects("
            f"{literal(str(path))}, format='{form}', maximum_object_size={LINE_LIMIT_BYTES}, hive_partitioning=false)"
        )


def pointer(name: str) -> str:
    """The JSON pointer to a key of an object."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def why_not(line: str) -> str:
    """Why a line is no JSON object that is kept, in words, with the column where it breaks."""
    try:
        value = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return "not JSON: lists or objects inside each other that are not closed"
    if isinstance(value, dict) and (twice := _twice(line)) is not None:
        return f"the key {twice!r} stands in it twice"
    if isinstance(value, dict):
        return "it has half of a character (a surrogate escape without the other) or a number that JSON does not have"
    return f"not an object but {type(value).__name__}"


def _twice(line: str) -> str | None:
    """The first key that the object has twice."""
    pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _sql_type(kinds: set[str]) -> str:
    """The type for values of these JSON types; those that have no common one are kept as text."""
    if not kinds:
        return "VARCHAR"
    if kinds <= _WHOLE:
        return "UBIGINT" if kinds == {"UBIGINT"} else "BIGINT"
    if kinds <= _WHOLE | {"DOUBLE"}:
        return "DOUBLE"
    if kinds <= _NESTED:
        return "JSON"
    return "BOOLEAN" if kinds == {"BOOLEAN"} else "VARCHAR"
