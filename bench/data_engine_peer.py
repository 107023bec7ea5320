"""What somebody would write by hand in Polars for what `bench.data_engine` asks of us. Runs in the peers' environment.

    python data_engine_peer.py clean INPUT OUTPUT      INPUT: a folder of Parquet files, or one CSV file
    python data_engine_peer.py profile INPUT

No import of ours: it stands for a script that knows nothing of this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl  # type: ignore[import-not-found]

KEY = "customer_id"
NUMBERS = ["amount", "balance", "income", "score", "distance", "minutes"]
TEXTS = ["email", "name", "city", "segment"]
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
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


def profile(source: str) -> None:
    """Of each column what our profile has: missing, distinct, extremes, moments, quantiles, histogram, frequent values;
    of text lengths, blanks around and numbers; of numbers their correlations. Printed as JSON."""
    frame = read(source)
    found = {name: _column(frame.get_column(name)) for name in frame.columns}
    numbers = frame.select(pl.selectors.numeric()).drop_nulls()
    found["correlations"] = numbers.corr().to_dicts()
    print(json.dumps(found, default=str))


def _column(values: pl.Series) -> dict[str, Any]:
    counts = values.drop_nulls().value_counts(sort=True)
    found: dict[str, Any] = {
        "null_count": values.null_count(),
        "distinct_count": counts.height,
        "top_values": counts.head(10).to_dicts(),
        "minimum": values.min(),
        "maximum": values.max(),
    }
    if values.dtype.is_numeric():
        found |= {"mean": values.mean(), "std": values.std(ddof=0)}
        found["quantiles"] = [values.quantile(level, "linear") for level in QUANTILES]
        found["histogram"] = values.hist(bin_count=20).to_dicts()
    elif values.dtype.is_temporal():
        found["histogram"] = values.drop_nulls().to_physical().hist(bin_count=20).to_dicts()
    elif values.dtype == pl.String:
        lengths = values.str.len_chars()
        found["text_length"] = [lengths.min(), lengths.max(), lengths.mean(), lengths.hist(bin_count=20).to_dicts()]
        found["blanks_around"] = int((values != values.str.strip_chars()).sum())
        found["numbers_as_text"] = int(values.str.strip_chars().str.contains(NUMBER).sum())
    return found


if __name__ == "__main__":
    verbs: dict[str, Any] = {"clean": clean, "profile": profile}
    verbs[sys.argv[1]](*sys.argv[2:])
