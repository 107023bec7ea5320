"""Rows for `bench.data_engine`: 16 columns as a company's table has them, the same at every run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from workers.runtime.cleaning.parts import write_parts
from workers.runtime.cleaning.schema import ORDINAL, Column

SEED = 7
BLOCK_ROWS = 500_000
KEY = "customer_id"
NUMBERS = ("amount", "balance", "income", "score", "distance", "minutes")
"""Six columns with missing values and outliers."""
TEXTS = ("email", "name", "city", "segment")
COLUMNS = [
    Column(KEY, "int64"),
    *(Column(name, "float64") for name in NUMBERS),
    Column("visits", "int64"),
    Column("quantity", "int64"),
    *(Column(name, "string") for name in TEXTS),
    Column("is_active", "bool"),
    Column("joined_on", "date"),
    Column("seen_at", "timestamp"),
]
DUPLICATES_RATIO = 0.05
_FIRST = ("Ada", "Bo", "Chen", "Dana", "Emil", "Femi", "Greta", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Mina", "Noor")
_LAST = ("Abara", "Berg", "Castillo", "Dubois", "Ek", "Fischer", "Garcia", "Huang", "Ito", "Jansen", "Kaya", "Lopez")
_HOSTS = ("example.org", "mail.example.com", "post.example.net", "example.cn")
_CITIES = tuple(f"{place}{kind}" for place in ("North", "South", "East", "West", "Old", "New") for kind in _LAST[:10])
_SEGMENTS = ("private", "business", "public", "partner")
Random = np.random.Generator
Floats = npt.NDArray[np.float64]


def blocks(rows: int) -> Iterator[pa.Table]:
    """The rows in order, `BLOCK_ROWS` at a time; a block depends on its number only, never on `rows`."""
    for number, start in enumerate(range(0, rows, BLOCK_ROWS)):
        block = _block(np.random.default_rng([SEED, number]), start, BLOCK_ROWS)
        yield block.slice(0, min(BLOCK_ROWS, rows - start))


def write_parquet(folder: Path, rows: int) -> None:
    """The rows with ordinals, as an ingestion leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_parts(_numbered(rows), COLUMNS, folder, threads=None)


def _numbered(rows: int) -> Iterator[pa.Table]:
    written = 0
    for block in blocks(rows):
        yield block.add_column(0, ORDINAL, pa.array(np.arange(written, written + block.num_rows)))
        written += block.num_rows


def write_csv(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: pc_csv.CSVWriter | None = None
    for block in blocks(rows):
        if writer is None:
            options = pc_csv.WriteOptions(quoting_style="needed")
            writer = pc_csv.CSVWriter(path, block.schema, write_options=options)
        writer.write_table(block)
    if writer is not None:
        writer.close()


def _block(random: Random, start: int, rows: int) -> pa.Table:
    keys = np.arange(start, start + rows)
    again = np.flatnonzero(random.random(rows) < DUPLICATES_RATIO)
    keys[again] = (random.random(len(again)) * keys[again]).astype(np.int64)  # of any row before
    first, last = _drawn(random, _FIRST, rows), _drawn(random, _LAST, rows)
    number = pa.array(keys).cast(pa.string())
    host = _drawn(random, _HOSTS, rows)
    sign = pa.array(np.where(random.random(rows) < 0.03, " at ", "@"))
    joined = pc.binary_join_element_wise
    columns: dict[str, pa.Array] = {
        KEY: pa.array(keys),
        **{name: _number(random, rows, scale) for name, scale in zip(NUMBERS, (50, 900, 3e4, 1, 12, 400), strict=True)},
        "visits": pa.array(random.poisson(6, rows)),
        "quantity": pa.array(random.integers(1, 100, rows)),
        "email": _blank(random, joined(pc.utf8_lower(first), number, "."), rows, sign, host),
        "name": _padded(random, joined(first, last, " "), 0.1),
        "city": _missing(random, _padded(random, _drawn(random, _CITIES, rows), 0.1), 0.04),
        "segment": _missing(random, _drawn(random, _SEGMENTS, rows), 0.02),
        "is_active": pa.array(random.random(rows) < 0.7),
        "joined_on": pa.array(random.integers(14_000, 20_000, rows).astype("datetime64[D]")),
        "seen_at": pa.array(random.integers(1_600_000_000, 1_700_000_000, rows).astype("datetime64[s]")).cast(
            pa.timestamp("us")
        ),
    }
    return pa.table(columns)


def _number(random: Random, rows: int, scale: float) -> pa.Array:
    values: Floats = np.round(random.lognormal(0, 0.6, rows) * scale, 2)
    far = random.random(rows) < 0.01
    values[far] *= 50
    return pa.array(values, mask=random.random(rows) < 0.04)


def _drawn(random: Random, values: tuple[str, ...], rows: int) -> pa.Array:
    return pa.array(values).take(pa.array(random.integers(0, len(values), rows)))


def _blank(random: Random, name: pa.Array, rows: int, sign: pa.Array, host: pa.Array) -> pa.Array:
    """Addresses, some of them not of the form of one, some with blanks around."""
    return _missing(random, _padded(random, pc.binary_join_element_wise(name, sign, host, ""), 0.05), 0.02)


def _padded(random: Random, texts: pa.Array, ratio: float) -> pa.Array:
    blank = pa.array(np.where(random.random(len(texts)) < ratio, "  ", ""))
    return pc.binary_join_element_wise(blank, texts, blank, "")


def _missing(random: Random, texts: pa.Array, ratio: float) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(texts)) < ratio), pa.scalar(None, texts.type), texts)


if __name__ == "__main__":
    kind, count, target = sys.argv[1:]
    {"parquet": write_parquet, "csv": write_csv}[kind](Path(target), int(count))
