"""Running the data jobs in this process, on files of a test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workers.runtime.cleaning.clean import clean
from workers.runtime.cleaning.compare import compare
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.ingest import ingest
from workers.runtime.cleaning.profile import profile
from workers.runtime.context import Identity, JobContext
from workers.runtime.link import LocalLink

ROOT = Path(__file__).resolve().parents[4]
CREDIT_DATA = ROOT / "examples" / "credit_risk" / "credit_data.csv"
STATUS = {"kind": "encode_label", "column": "Status", "mapping": {"good": 0, "bad": 1}}
SPLIT = {"kind": "split", "test_ratio": 0.2, "seed": 42, "stratify": "Status"}
RECIPE: list[dict[str, Any]] = [
    {"kind": "missing_values", "markers": ["", "NA"]},
    {"kind": "drop_duplicates"},
    SPLIT,
    STATUS,
    {"kind": "outliers", "method": "iqr", "factor": 1.5, "replace": "median", "columns": None},
    {"kind": "impute", "numeric": "median", "categorical": "mode"},
    {"kind": "standardise"},
    {"kind": "one_hot"},
]


@dataclass(frozen=True)
class Done:
    """A job that ended well: its result and the folder it wrote."""

    result: dict[str, Any]
    folder: Path

    @property
    def files(self) -> list[Path]:
        return [self.folder / each["name"] for each in self.result["files"]]

    @property
    def table(self) -> pa.Table:
        """All rows, by ordinal."""
        return pa.concat_tables([pq.read_table(file) for file in self.files]).sort_by("__ordinal")

    def step(self, kind: str) -> dict[str, Any]:
        return next(each for each in self.result["report"] if each["kind"] == kind)


class Jobs:
    """Each run has a folder of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def ingest(self, content: bytes | str | Path, name: str = "loans.csv", **parameters: Any) -> Done:
        place = self._place()
        source = place / "bedplate-local" / "source"
        source.mkdir(parents=True)
        if isinstance(content, Path):
            content = content.read_bytes()
        (source / name).write_bytes(content.encode() if isinstance(content, str) else content)
        ctx = self._context(place, {"format": "csv"} | parameters)
        return Done(ingest(ctx), place / "bedplate-local" / "dataset")

    def clean(self, files: Sequence[Path], steps: list[dict[str, Any]], **secrets: bytes) -> Done:
        ctx = self._context(self._dataset(files), {"steps": steps})
        for name, value in secrets.items():
            ctx.identity.secrets_dir.mkdir(exist_ok=True)
            (ctx.identity.secrets_dir / name).write_bytes(value)
        return Done(clean(ctx), ctx.output("dataset"))

    def profile(self, files: Sequence[Path]) -> dict[str, Any]:
        return profile(self._context(self._dataset(files), {}))

    def compare(self, before: Sequence[Path], after: Sequence[Path], key: list[str]) -> dict[str, Any]:
        """What the job finds, or `{"error"}`."""
        place = self._dataset(before, "before")
        self._link(place, after, "after")
        try:
            return compare(self._context(place, {"key": key}))
        except UserError as error:
            return error.to_json()

    def parquet(self, columns: dict[str, Any], name: str = "part-00000.parquet") -> list[Path]:
        """A dataset of these columns, with ordinals unless they are among them."""
        table = pa.table(columns)
        if "__ordinal" not in columns:
            table = table.append_column("__ordinal", pa.array(range(table.num_rows), pa.int64()))
        path = self._place() / name
        pq.write_table(table, path)
        return [path]

    def _dataset(self, files: Sequence[Path], name: str = "dataset") -> Path:
        place = self._place()
        self._link(place, files, name)
        return place

    def _link(self, place: Path, files: Sequence[Path], name: str) -> None:
        dataset = place / "bedplate-local" / name
        dataset.mkdir(parents=True)
        for number, file in enumerate(files):
            (dataset / f"{number:03}-{file.name}").symlink_to(file)

    def _context(self, place: Path, parameters: dict[str, Any]) -> JobContext:
        folder = place / "bedplate-local"
        (folder / "parameters.json").write_text(json.dumps(parameters), encoding="utf-8")
        identity = Identity(result_file=folder / "result.json", secrets_dir=folder / "secrets")
        return JobContext(identity, LocalLink(folder), place)

    def _place(self) -> Path:
        self._count += 1
        place = self._folder / f"job-{self._count}"
        place.mkdir()
        return place
