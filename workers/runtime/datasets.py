"""A dataset version as files, Arrow, pandas, Parquet, CSV or a torch DataLoader, by the words in which people name it.

    from workers.runtime.datasets import open_dataset

    data = open_dataset("bedplate://risk/loans@gold", api_url="https://bedplate.example", token="bp_…")
    frame = data.to_pandas(columns=["Age", "Income"])
    for batch in data.loader(batch_size=256, split="train", shuffle=7): ...

In a job neither address nor token is said: it opens the versions that are its inputs. Elsewhere they may also stand in
`BEDPLATE_URL` and `BEDPLATE_TOKEN`. Files are kept by their SHA-256 in a folder of the machine and fetched once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc
import pyarrow.parquet as pq

from workers.contracts import environment as names
from workers.runtime.client import JobApiError, RuntimeClient, problem_of
from workers.runtime.context import process_environment
from workers.runtime.dataset_cache import CACHE, FileCache

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

SPLIT = "__split"
URL, TOKEN = "BEDPLATE_URL", "BEDPLATE_TOKEN"
SCHEME = "bedplate://"
BATCH_ROWS = 65_536
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """One Parquet file of a version, before it is here."""

    name: str
    rows: int
    size_bytes: int
    sha256: str
    path: str | None
    """Where it is on this machine, when the store is a folder that a job sees."""
    url: str | None


@dataclass(frozen=True)
class Dataset:
    """One version, which never changes. Nothing is fetched before it is needed.

    Attributes:
        reference: `project/dataset@number`: always means this version.
        schema: `[{"name", "type", "nullable"}]`, in column order, without ordinals.
        splits: rows of each part, `{"train": n, "test": n}`; empty where it was never split.
    """

    reference: str
    id: str
    number: int
    digest: str
    schema: list[dict[str, Any]]
    row_count: int
    splits: dict[str, int]
    parts: list[DatasetFile]
    cache: FileCache

    def files(self) -> list[Path]:
        """Its Parquet files on this machine, in the order of the rows; each with `__ordinal`. Fetches what is missing.

        Raises:
            JobApiError: a file cannot be fetched, or is not the one that the version names.
        """
        return [Path(part.path) if part.path else self.cache.fetch(part) for part in self.parts]

    def batches(self, columns: Sequence[str] | None = None, *, split: str | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, some at a time, in their order: in constant memory.

        Args:
            columns: all of the schema when None.
            split: of a version that was split: `train` or `test` alone.

        Raises:
            ValueError: no such column or part.
        """
        wanted = self.columns(columns)
        self._check_part(split)
        read = [*wanted, *([SPLIT] if split and SPLIT not in wanted else [])]
        for file in self.files():
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=read):
                table = pa.Table.from_batches([batch])
                if split:
                    table = table.filter(compute.equal(table.column(SPLIT), split))
                yield from table.select(wanted).to_batches()

    def columns(self, asked: Sequence[str] | None = None) -> list[str]:
        """The columns asked for, in their order; all when None. Raises ValueError for one that there is not."""
        known = [column["name"] for column in self.schema]
        unknown = [name for name in asked or () if name not in known]
        if unknown:
            raise ValueError(f"{self.reference} has no column {', '.join(unknown)}; it has {', '.join(known)}")
        return list(asked) if asked is not None else known

    def to_arrow(self, columns: Sequence[str] | None = None, *, split: str | None = None) -> pa.Table:
        """All rows, in memory; the arguments are those of `batches`."""
        found = list(self.batches(columns, split=split))
        return pa.Table.from_batches(found, self._schema(self.columns(columns)))

    def to_pandas(self, columns: Sequence[str] | None = None, *, split: str | None = None) -> Any:
        """A pandas DataFrame; needs pandas."""
        return self.to_arrow(columns, split=split).to_pandas()

    def to_parquet(self, path: Path | str, columns: Sequence[str] | None = None, *, split: str | None = None) -> Path:
        """Write all rows into one file, some at a time; returns where."""
        with pq.ParquetWriter(path, self._schema(self.columns(columns))) as writer:
            for batch in self.batches(columns, split=split):
                writer.write_batch(batch)
        return Path(path)

    def to_csv(self, path: Path | str, columns: Sequence[str] | None = None, *, split: str | None = None) -> Path:
        """Write all rows as CSV with a header, some at a time; returns where.

        Raises:
            ValueError: a column of pictures.
        """
        wanted = self.columns(columns)
        images = [column["name"] for column in self.schema if column["type"] == "image" and column["name"] in wanted]
        if images:
            raise ValueError(f"CSV cannot hold pictures: leave out {', '.join(images)}")
        with pc.CSVWriter(path, self._schema(wanted)) as writer:
            for batch in self.batches(columns, split=split):
                writer.write_batch(batch)
        return Path(path)

    def loader(
        self,
        batch_size: int,
        *,
        columns: Sequence[str] | None = None,
        split: str | None = None,
        shuffle: int | None = None,
        rank: int = 0,
        world: int = 1,
        num_workers: int = 0,
    ) -> DataLoader[dict[str, Any]]:
        """A torch DataLoader of dictionaries: tensors of numbers, lists of texts, lists of pictures as `uint8` C×H×W.

        Every rank has as many rows as any other, those of its own; what is left over by dividing is in none. The same
        seed gives the same order, whatever the number of workers of a rank; `loader.dataset.set_epoch(n)` another.
        See `workers.runtime.dataset_loader`.

        Args:
            shuffle: a seed; None: in the order of the rows.
            rank, world: which share of the rows, of how many.

        Raises:
            ValueError: no such column or part, or a number that cannot be.
        """
        self._check_part(split)
        module: Any = importlib.import_module("workers.runtime.dataset_loader")  # torch only where it is used
        found: DataLoader[dict[str, Any]] = module.loader_of(
            self, batch_size, columns=self.columns(columns), split=split, shuffle=shuffle, rank=rank, world=world,
            num_workers=num_workers,
        )  # fmt: skip
        return found

    def _check_part(self, split: str | None) -> None:
        if split and split not in self.splits:
            raise ValueError(f"{self.reference} has no part {split!r}; it has {', '.join(self.splits) or 'none'}")

    def _schema(self, columns: Sequence[str]) -> pa.Schema:
        file = pq.read_schema(self.files()[0])
        return pa.schema([file.field(name) for name in columns])


def open_dataset(
    reference: str, *, api_url: str | None = None, token: str | None = None, cache: Path | str | None = None
) -> Dataset:
    """The version that a reference means: `bedplate://project/dataset@version`, a number, an alias or `latest`.

    Args:
        api_url: address of the control plane; in a job, and where `BEDPLATE_URL` says it, left out.
        token: an API token that may read; likewise (`BEDPLATE_TOKEN`).
        cache: where files are kept, by their SHA-256; `~/.cache/bedplate/datasets` otherwise.

    Raises:
        JobApiError: it is not there, may not be read, or the control plane cannot be reached.
        ValueError: nobody said which control plane, or as whom.
    """
    environment = process_environment()
    words = reference.removeprefix(SCHEME)
    if api_url is None and names.ATTEMPT_ID in environment:

        def again(name: str) -> str:
            return next(str(file["url"]) for file in _of_job(environment, words)["files"] if file["name"] == name)

        return _dataset(_of_job(environment, words), FileCache(_folder_of_job(cache), renew=again))
    address, secret = api_url or environment.get(URL), token or environment.get(TOKEN)
    if not address or not secret:
        raise ValueError(f"say api_url and token, or set {URL} and {TOKEN}")
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        version = _read(http, "/api/v1/datasets/resolve", {"ref": words})
        found = _read(http, f"/api/v1/dataset-versions/{version['id']}/manifest", {})
    for file in found["files"]:
        file["url"] = str(httpx.URL(address).join(file["url"]))
    return _dataset(found, FileCache(_folder(cache), headers))


def _of_job(environment: Mapping[str, str], words: str) -> dict[str, Any]:
    """What the control plane says of a version to a job, with whole addresses."""
    with RuntimeClient(environment[names.API_URL], Path(environment[names.TOKEN_FILE])) as client:
        found = client.post("/data/open", {"ref": words})
        for file in found["files"]:
            file["url"] = client.address(file["url"]) if file.get("url") else None
    return found


def _folder_of_job(cache: Path | str | None) -> Path:
    """The usual folder; in the job's own where it has no home to write into, as in a container."""
    if cache is not None:
        return Path(cache)
    try:
        home = CACHE.expanduser()
        home.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return Path.cwd() / "inputs" / "datasets"
    return home


def _folder(cache: Path | str | None) -> Path:
    return Path(cache) if cache is not None else CACHE


def _read(http: httpx.Client, path: str, params: Mapping[str, str]) -> dict[str, Any]:
    try:
        response = http.get(path, params=params)
    except httpx.RequestError as error:
        raise JobApiError("control_plane_unreachable", f"{type(error).__name__}: {error}") from error
    if not response.is_success:
        raise problem_of(response)
    found: dict[str, Any] = response.json()
    return found


def _dataset(found: dict[str, Any], cache: FileCache) -> Dataset:
    parts = [
        DatasetFile(file["name"], file["rows"], file["size_bytes"], file["sha256"], file.get("path"), file.get("url"))
        for file in found["files"]
    ]
    return Dataset(
        reference=found["reference"], id=found["id"], number=found["number"], digest=found["digest"],
        schema=found["schema"], row_count=found["row_count"], splits=found["splits"], parts=parts, cache=cache,
    )  # fmt: skip
