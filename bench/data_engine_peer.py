"""What somebody would write by hand in Polars for what `bench.data_engine` asks of us. Runs in the peers' environment.

    python data_engine_peer.py clean INPUT OUTPUT      INPUT: a folder of Parquet files, or one CSV file
    python data_engine_peer.py profile INPUT

No import of ours: it stands for a script that knows nothing of this project.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl  # type: ignore[import-not-found]

KEY = "customer_id"
NUMBERS = ["amount", "balance", "income", "score", "distance", "minutes"]
TEXTS = ["email", "name", "city", "segment"]
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def read(source: str) -> pl.DataFrame:
    if source.endswith(".csv"):
        return pl.read_csv(source, try_parse_dates=True)
    return pl.read_parquet(f"{source}/*.parquet").drop("__ordinal", strict=False)


def clean(source: str, target: str) -> None:
    """Trim, addresses of the wrong form to missing, first row of each key, outliers to the median, fill, write."""
    frame = read(source).with_columns(pl.col(TEXTS).str.strip_chars())
    frame = frame.with_columns(pl.when(pl.col("email").str.contains(EMAIL)).then(pl.col("email")))
    frame = frame.unique(subset=[KEY], keep="first", maintain_order=True)
    levels = frame.select(
        *(pl.col(name).quantile(0.25, "linear").alias(f"{name} low") for name in NUMBERS),
        *(pl.col(name).median().alias(f"{name} middle") for name in NUMBERS),
        *(pl.col(name).quantile(0.75, "linear").alias(f"{name} high") for name in NUMBERS),
    ).row(0, named=True)
    bounded = []
    for name in NUMBERS:
        low, middle, high = (levels[f"{name} {each}"] for each in ("low", "middle", "high"))
        reach = 1.5 * (high - low)
        value = pl.col(name)
        bounded.append(
            pl.when((value < low - reach) | (value > high + reach)).then(middle).otherwise(value).alias(name)
        )
    frame = frame.with_columns(bounded)
    filled = [pl.col(name).fill_null(pl.col(name).median()) for name in NUMBERS]
    filled += [
        pl.col(name).fill_null(pl.col(name).mode(maintain_order=False).sort().first()) for name in ("city", "segment")
    ]
    frame = frame.with_columns(filled)
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "part.parquet", compression="snappy")


if __name__ == "__main__":
    {"clean": clean}[sys.argv[1]](*sys.argv[2:])
