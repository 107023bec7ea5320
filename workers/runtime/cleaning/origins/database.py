"""From a PostgreSQL database: what one query gives, streamed into one Parquet file.

The connection goes to an address that was looked at (`hostaddr`), the session is read only and has a time limit. With a
column to part by, ranges of it are read at the same time, each by a connection of its own, and joined in their order;
each is a snapshot of its own.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import connectorx
import pyarrow as pa
import pyarrow.parquet as pq

from workers.contracts.origins import BadAddress, host_of
from workers.contracts.queries import query_problem
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin
from workers.runtime.cleaning.origins.guard import Guard
from workers.runtime.stored_file import hash_file

SCHEME = "postgresql"
BATCH_ROWS = 50_000
PARTS_MOST = 16
AT_ONCE = 4
NAME = "query.parquet"
TAKEN = frozenset({"sslmode"})
"""Of what an address says after its `?`; whatever could lead elsewhere or write is not."""


def fetch_query(origin: Origin, folder: Path) -> Fetched:
    """What `origin.asked["query"]` gives; see `origins.fetched`. The secret is the address of the database."""
    query = str(origin.asked.get("query", "")).strip().rstrip(";")
    problem = query_problem(query)
    if problem:
        raise UserError("invalid_parameters", f"the query {problem}")
    database = _Database(_address(origin), time.monotonic() + origin.seconds, origin.most_bytes)
    parts = database.parts(query, origin.asked.get("partition_column"), origin.asked.get("partitions"))
    files = [folder / f"part-{number:02}.parquet" for number in range(len(parts))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = list(pool.map(database.write, parts, files))
    if not sum(sizes):
        raise UserError("no_rows", "the query gives no row")
    path = _joined(files, folder / NAME)
    sha256 = hash_file(path)
    if sha256 == origin.seen.get("sha256"):
        path.unlink()
        return Fetched(None, NAME, sha256=sha256)
    return Fetched(path, NAME, path.stat().st_size, sha256)


def _address(origin: Origin) -> str:
    """The address of the database as its client takes it: with the network address that was looked at."""
    text = origin.credential()
    if not text:
        raise UserError("bad_credentials", "say the secret that holds the address of the database")
    try:
        parts = urlsplit(text)
        host, port = host_of(parts.hostname or ""), parts.port or 5432
        said = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except (BadAddress, ValueError):
        raise UserError(
            "bad_credentials", "the secret is no address: postgresql://name:password@host/database"
        ) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise UserError("bad_credentials", "the secret is the address of a PostgreSQL database: postgresql://…")
    unknown = sorted(set(said) - TAKEN)
    if unknown:
        raise UserError("bad_credentials", f"the address of the database says {unknown[0]}; taken is sslmode alone")
    guard = Guard(origin.allowed, origin.private)
    guard.check_host(SCHEME, host, port)
    limit = int(origin.seconds * 1000)
    options = {
        "hostaddr": guard.address_of(SCHEME, host, port),
        "connect_timeout": "20",
        "options": f"-c default_transaction_read_only=on -c statement_timeout={limit}",
        **{name: values[0] for name, values in said.items()},
    }
    user = f"{parts.username or ''}:{parts.password or ''}@" if parts.username else ""
    return f"{SCHEME}://{user}{host}:{port}{parts.path}?{urlencode(options, quote_via=quote)}"


@dataclass(frozen=True, slots=True)
class _Database:
    address: str
    deadline: float
    most_bytes: int

    def parts(self, query: str, column: Any, count: Any) -> list[str]:
        """The query for each range of a column; the query itself where none is named. Rows without a value are in the
        last."""
        if not column:
            return [query]
        wanted = max(1, min(int(count or AT_ONCE), PARTS_MOST))
        name = '"' + str(column).replace('"', '""') + '"'
        table = self._ask(f"SELECT min({name})::float8 AS low, max({name})::float8 AS high FROM (\n{query}\n) AS q")  # noqa: S608 - the user's own query
        low, high = table["low"][0].as_py(), table["high"][0].as_py()
        if low is None or high is None or low == high or wanted == 1:
            return [query]
        edges = [low + (high - low) * number / wanted for number in range(1, wanted)]
        bounds = [f"{name} < {edges[0]!r}"]
        bounds += [f"{name} >= {begin!r} AND {name} < {end!r}" for begin, end in pairwise(edges)]
        bounds.append(f"{name} >= {edges[-1]!r} OR {name} IS NULL")
        return [f"SELECT * FROM (\n{query}\n) AS q WHERE {bound}" for bound in bounds]  # noqa: S608 - the user's own query

    def _ask(self, query: str) -> pa.Table:
        try:
            return connectorx.read_sql(self.address, query, return_type="arrow")
        except BaseException as error:
            raise self._said(error) from None

    def write(self, query: str, path: Path) -> int:
        """Write what a query gives as Parquet; how many rows."""
        rows = 0
        writer: pq.ParquetWriter | None = None
        try:
            batches = connectorx.read_sql(self.address, query, return_type="arrow_stream", batch_size=BATCH_ROWS)
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
        if "not implemented" in said:
            return UserError(
                "unsupported_type", f"a column has a type that is not taken, cast it to text: {said[:200]}"
            )
        return UserError("query_failed", f"the database says: {said[:500]}")


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
