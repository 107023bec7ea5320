"""Read a dataset version on a laptop: as a table, as CSV, and in batches for torch.

    BEDPLATE_URL=http://127.0.0.1:8000 BEDPLATE_TOKEN=bp_… python examples/read_back.py credit-risk/credit-data@latest

The token needs the scope `read`. `@` is followed by a number, an alias or `latest`. Files are kept by their SHA-256 in
`~/.cache/bedplate/datasets`, so that the second run fetches nothing. In a job the same call opens the job's inputs,
without address or token.
"""

from __future__ import annotations

import sys
from pathlib import Path

from workers.runtime.datasets import open_dataset


def main(reference: str) -> None:
    data = open_dataset(reference)
    print(f"{data.reference}: {data.row_count} rows, {len(data.schema)} columns, {data.digest}")

    table = data.to_arrow()
    print(table.slice(0, 3).to_pylist())

    path = data.to_csv(Path("read_back.csv"))
    print(f"{path} has {path.stat().st_size} bytes")

    part = "train" if "train" in data.splits else None
    loader = data.loader(batch_size=256, split=part, shuffle=7)
    batch = next(iter(loader))
    print({name: getattr(values, "shape", len(values)) for name, values in batch.items()})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/read_back.py PROJECT/DATASET@VERSION")
    main(sys.argv[1])
