"""From a database (PostgreSQL, MySQL, MariaDB): what one query gives, streamed into one Parquet file.

The connection goes to an address that was looked at, the session is read only and has a time limit. With a
column to part by, ranges of it are read at the same time, each by a connection of its own, and joined in their order;
each is a snapshot of its own.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

import connectorx
import pyarrow as pa
import pyarrow.parquet as pq

from workers.contracts.origins import BadAddress, host_of
from workers.contracts.queries import query_problem
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin
from workers.runtime.cleaning.origins.dialects import DIALECTS, Dialect
from workers.runtime.cleaning.origins.guard import Guard
from workers.runtime.stored_file import hash_file

BATCH_ROWS = 50_000
PARTS_MOST = 16
AT_ONCE = 4
NAME = "query.parquet"
FORM = "postgresql://name:password@host/database, or mysql://…"


def fetch_query(origin: Origin, folder: Path) -> Fetched:
    """What `origin.asked["query"]` gives; see `origins.fetched`. The secret is the address of the database."""
    query = str(origin.asked.get("query", "")).strip().rstrip(";")
    parts, dialect = _said(origin.credential())
    problem = query_problem(query, dialect.scheme)
    if problem:
        raise UserError("invalid_parameters", f"the query {problem}")
    address = _address(origin, parts, dialect)
    database = _Database(address, dialect, origin.seconds, time.monotonic() + origin.seconds, origin.most_bytes)
    ranges = database.parts(query, origin.asked.get("partition_column"), origin.asked.get("partitions"))
    files = [folder / f"part-{number:02}.parquet" for number in range(len(ranges))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = list(pool.map(database.write, ranges, files))
    if not sum(sizes):
        raise UserError("no_rows", "the query gives no row")
    path = _joined(files, folder / NAME)
    sha256 = hash_file(path)
    if sha256 == origin.seen.get("sha256"):
        path.unlink()
        return Fetched(None, NAME, sha256=sha256)
    return Fetched(path, NAME, path.stat().st_size, sha256)


def _said(text: str) -> tuple[SplitResult, Dialect]:
    """The address of the database as the secret says it, and its kind."""
    if not text:
        raise UserError("bad_credentials", "say the secret that holds the address of the database")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise UserError("bad_credentials", f"the secret is no address: {FORM}") from None
    dialect = DIALECTS.get(parts.scheme)
    if dialect is None:
        detail = f"the secret is the address of a PostgreSQL, MySQL or MariaDB database: {FORM}; of others none is read"
        raise UserError("bad_credentials", detail)
    return parts, dialect


def _address(origin: Origin, parts: SplitResult, dialect: Dialect) -> str:
    """The address of the database as its client takes it: with the network address that was looked at."""
    try:
        host, port = host_of(parts.hostname or ""), parts.port or dialect.port
        said = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except (BadAddress, ValueError):
        raise UserError("bad_credentials", f"the secret is no address: {FORM}") from None
    for name, value in said.items():
        if name not in dialect.taken:
            known = ", ".join(dialect.taken)
            raise UserError("bad_credentials", f"the address of the database says {name}; taken is {known} alone")
        if dialect.taken[name] and value not in dialect.taken[name]:
            raise UserError("bad_credentials", f"{name} is one of {', '.join(dialect.taken[name])}")
    guard = Guard(origin.allowed, origin.private)
    guard.check_host(dialect.scheme, host, port)
    user = f"{parts.username or ''}:{parts.password or ''}@" if parts.username else ""
    address = guard.address_of(dialect.scheme, host, port)
    options = urlencode({**dialect.options(address, origin.seconds), **said}, quote_via=quote)
    return f"{dialect.scheme}://{user}{dialect.where(host, address)}:{port}{parts.path}?{options}"


@dataclass(frozen=True, slots=True)
class _Database:
    address: str
    dialect: Dialect
    seconds: float
    deadline: float
    most_bytes: int

    def parts(self, query: str, column: Any, count: Any) -> list[str]:
        """The query for each range of a column; the query itself where none is named. Rows without a value are in the
        last."""
        if not column:
            return [query]
        wanted = max(1, min(int(count or AT_ONCE), PARTS_MOST))
        name = self.dialect.quoted(str(column))
        table = self._ask(f"SELECT min({name}) AS low, max({name}) AS high FROM (\n{query}\n) AS q")  # noqa: S608 - the user's own query
        low, high = (_number(table[end], str(column)) for end in ("low", "high"))
        if not math.isfinite(high - low) or low == high or wanted == 1:
            return [query]
        edges = [low + (high - low) * number / wanted for number in range(1, wanted)]
        bounds = [f"{name} < {edges[0]!r}"]
        bounds += [f"{name} >= {begin!r} AND {name} < {end!r}" for begin, end in pairwise(edges)]
        bounds.append(f"{name} >= {edges[-1]!r} OR {name} IS NULL")
        return [f"SELECT * FROM (\n{query}\n) AS q WHERE {bound}" for bound in bounds]  # noqa: S608 - the user's own query

    def _ask(self, query: str) -> pa.Table:
        try:
            before = self.dialect.session(self.seconds)
            return connectorx.read_sql(self.address, query, return_type="arrow", pre_execution_query=before)
        except BaseException as error:
            raise self._said(error) from None

    def write(self, query: str, path: Path) -> int:
        """Write what a query gives as Parquet; how many rows."""
        rows = 0
        writer: pq.ParquetWriter | None = None
        try:
            batches = connectorx.read_sql(
                self.address, query, return_type="arrow_stream", batch_size=BATCH_ROWS,
                pre_execution_query=self.dialect.session(self.seconds),
            )  # fmt: skip
            for batch in batches:
                if writer is None:
                    writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
                writer.write_batch(batch)
                rows += batch.num_rows
                self._check(path)
        except UserError:
            raise
        except BaseException as error:  # the library's own panic is no Exception
            raise self._said(error) from None
        finally:
            if writer is not None:
                writer.close()
        return rows

    def _check(self, path: Path) -> None:
        if time.monotonic() > self.deadline:
            raise UserError("timed_out", "the query took longer than a fetch may")
        if sum(part.stat().st_size for part in path.parent.iterdir()) > self.most_bytes:  # of all that are read at once
            raise UserError("too_large", f"the query gives more than {self.most_bytes} bytes, which is the most")

    def _said(self, error: BaseException) -> BaseException:
        """What the database says, without the address, which has the password in it."""
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            return error
        said = str(error).replace(self.address, "the database")
        password = urlsplit(self.address).password
        for text in (password, unquote(password)) if password else ():
            said = said.replace(text, "…")
        if "not implemented" in said or "Couldn't convert" in said:
            return UserError(
                "unsupported_type", f"a column has a type or a value that is not taken, cast it to text: {said[:200]}"
            )
        return UserError("query_failed", f"the database says: {said[:500]}")


def _number(value: pa.ChunkedArray, column: str) -> float:
    """The one value of a column that tells ranges apart; not a number where it is missing.

    Raises:
        UserError: the column holds something else: what is compared with a number then is for each database to say.
    """
    kind = value.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise UserError("invalid_parameters", f"the column to part by, {column}, holds no numbers: it is {kind}")
    found = value[0].as_py()
    return math.nan if found is None else float(found)


def _joined(files: list[Path], path: Path) -> Path:
    """The rows of all files, in their order, in one."""
    found = [file for file in files if file.exists()]
    if len(found) == 1:
        return found[0].replace(path)
    with pq.ParquetWriter(path, pq.read_schema(found[0]), compression="zstd") as writer:
        for file in found:
            with pq.ParquetFile(file) as parts:
                for batch in parts.iter_batches(BATCH_ROWS):
                    writer.write_batch(batch)
            file.unlink()
    return path
