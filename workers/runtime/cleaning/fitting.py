"""Columns of what was read, as the house types that they are kept as or were declared to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import LINE
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.schema import SQL_TYPES, Column, columns_of, is_nested, literal, quoted

TEXT_MOST = 1000
"""Characters of a value that does not fit, where it is told."""
_NUMBERS = ("int64", "float64")


@dataclass(frozen=True, slots=True)
class Fitted:
    """One column: its value as SQL, and what is said of a row whose value does not fit (None: every value does)."""

    column: Column
    value: str
    misfits: tuple[tuple[str, str], ...] = ()
    """Conditions, never NULL, with the reason as SQL each."""


def fitted(types: Mapping[str, str], options: Options, place: str) -> list[Fitted]:
    """The columns of a table with these DuckDB types, in the order of the schema where one was declared.

    Raises:
        UserError: `schema_mismatch`, `invalid_parameters` for a type of a column that is not there, `unsupported_type`.
    """
    natural = {
        column.name: column
        for column in columns_of({n: t for n, t in types.items() if n != LINE}, place, pictures=False)
    }
    if options.schema is None:
        unknown = sorted(set(options.types) - set(natural))
        if unknown:
            raise UserError("invalid_parameters", f"types: {place} has no column {unknown[0]!r}")
        wanted = [Column(name, options.types.get(name, column.type)) for name, column in natural.items()]
        return [_fitted(column, types, natural, options, column.name in options.types) for column in wanted]
    _check_columns(options.schema, list(natural), place, options)
    return [_fitted(column, types, natural, options, is_declared=True) for column in options.schema]


def selection(columns: Sequence[Fitted]) -> str:
    """The values, under their names."""
    return ", ".join(f"{each.value} AS {quoted(each.column.name)}" for each in columns)


def misfit(columns: Sequence[Fitted]) -> str:
    """A condition for rows that do not fit; empty where all do."""
    return " OR ".join(f"({condition})" for each in columns for condition, _ in each.misfits)


def why(columns: Sequence[Fitted]) -> str:
    """The first column that does not fit and the reason, as two SQL values `column` and `reason`."""
    found = [(each.column.name, *one) for each in columns for one in each.misfits]
    names = " ".join(f"WHEN {condition} THEN {literal(name)}" for name, condition, _ in found)
    reasons = " ".join(f"WHEN {condition} THEN {reason}" for _, condition, reason in found)
    return f'CASE {names} END AS "column", CASE {reasons} END AS reason'


def _check_columns(schema: Sequence[Column], names: Sequence[str], place: str, options: Options) -> None:
    whose = "the dataset" if options.is_append else "the schema"
    known = {column.name for column in schema}
    extra = next((name for name in names if name not in known), None)
    if extra is not None:
        raise UserError("schema_mismatch", f"{place} has a column {extra!r}, which {whose} does not have")
    lacking = next((column.name for column in schema if column.name not in names and not column.nullable), None)
    if lacking is not None:
        raise UserError(
            "schema_mismatch", f"{place} has no column {lacking!r}, which {whose} has without a missing value"
        )


def _fitted(
    column: Column, types: Mapping[str, str], natural: Mapping[str, Column], options: Options, is_declared: bool
) -> Fitted:
    kind = SQL_TYPES[column.type]
    if column.name not in natural:
        return Fitted(column, f"NULL::{kind}")
    name, own = quoted(column.name), types[column.name]
    if not is_declared:
        return Fitted(column, _finite(_kept(name, own, kind), column.type))
    value = _cast(name, own, natural[column.name].type, column.type, options)
    shown = f"left({_kept(name, own, 'VARCHAR')}, {TEXT_MOST})"
    said = f"'could not convert \"' || {shown} || '\" to {column.type}'"
    misfits = [(f"{name} IS NOT NULL AND {value} IS NULL", said)]
    if options.schema and not column.nullable and not options.is_append:
        misfits.append((f"{name} IS NULL", "'a value is missing, and the schema says that none is'"))
    return Fitted(column, _finite(value, column.type), tuple(misfits))


def _kept(name: str, own: str, kind: str) -> str:
    """A value as the type that its column is kept as."""
    if is_nested(own):
        return f"to_json({name})::{kind}"
    if own in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        # Not by a plain cast: DuckDB moves that into its reader of CSV, which then drops the offset.
        return f"timezone('UTC', {name}::TIMESTAMPTZ)::{kind}"
    return f"{name}::{kind}"


def _finite(value: str, house: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END" if house == "float64" else value


def _cast(name: str, own: str, natural: str, wanted: str, options: Options) -> str:
    """A value as the type that was declared; NULL where it is none of that type."""
    kept = _kept(name, own, SQL_TYPES[natural])
    if natural == wanted or wanted == "string":
        return _kept(name, own, SQL_TYPES[wanted])
    if natural == "string":
        return _from_text(kept, wanted, options)
    if natural in _NUMBERS and wanted in _NUMBERS:
        return (
            f"CASE WHEN {kept} = trunc({kept}) THEN TRY_CAST({kept} AS BIGINT) END"
            if wanted == "int64"
            else f"{kept}::DOUBLE"
        )
    if natural in _NUMBERS and wanted == "bool":
        return f"CASE WHEN {kept} IN (0, 1) THEN {kept} = 1 END"
    if natural == "bool" and wanted in _NUMBERS:
        return f"{kept}::INTEGER::{SQL_TYPES[wanted]}"
    if natural == "date" and wanted == "timestamp":
        return f"{kept}::TIMESTAMP"
    if natural == "timestamp" and wanted == "date":
        return f"CASE WHEN {kept} = date_trunc('day', {kept}) THEN {kept}::DATE END"
    return f"NULL::{SQL_TYPES[wanted]}"


def _from_text(text: str, wanted: str, options: Options) -> str:
    trimmed = f"trim({text})"
    if wanted in _NUMBERS:
        number = f"replace({trimmed}, {literal(options.thousands)}, '')" if options.thousands else trimmed
        number = f"replace({number}, ',', '.')" if options.decimal == "," else number
        if wanted == "float64":
            return f"TRY_CAST({number} AS DOUBLE)"
        return f"CASE WHEN regexp_full_match({number}, '[+-]?[0-9]+(\\.0*)?') THEN TRY_CAST({number} AS BIGINT) END"
    if wanted == "bool":
        return f"TRY_CAST({trimmed} AS BOOLEAN)"
    if wanted == "date":
        if options.date_format:
            return f"TRY_STRPTIME({trimmed}, {literal(options.date_format)})::DATE"
        whole = r"\d{4}-\d{1,2}-\d{1,2}([ T]00:00(:00(\.0+)?)?Z?)?"
        return f"CASE WHEN regexp_full_match({trimmed}, {literal(whole)}) THEN TRY_CAST({trimmed} AS DATE) END"
    if options.timestamp_format:
        return f"TRY_STRPTIME({trimmed}, {literal(options.timestamp_format)})::TIMESTAMP"
    return f"TRY_CAST({trimmed} AS TIMESTAMPTZ)::TIMESTAMP"
