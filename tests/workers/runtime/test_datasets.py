"""Versions read back: from a server that breaks off, into every form, and in shares that make up the whole."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, UnidentifiedImageError

from workers.runtime.client import JobApiError
from workers.runtime.dataset_cache import CACHE, FileCache
from workers.runtime.datasets import Dataset, DatasetFile, open_dataset

loads_torch = pytest.mark.xdist_group("training")  # the worker that has loaded it anyway
ROOT = Path(__file__).resolve().parents[3]
SCHEMA = [
    {"name": name, "type": kind, "nullable": True}
    for name, kind in (("n", "int64"), ("f", "float64"), ("t", "string"), ("b", "bool"), ("__split", "string"))
]


def _table(first: int, rows: int) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table(
        {
            "__ordinal": pa.array(numbers, pa.int64()),
            "n": pa.array(numbers, pa.int64()),
            "f": pa.array([None if n % 5 == 0 else n / 2 for n in numbers], pa.float64()),
            "t": [f"row {n}" for n in numbers],
            "b": [n % 2 == 0 for n in numbers],
            "__split": ["test" if n % 4 == 3 else "train" for n in numbers],
        }
    )


def _version(folder: Path, *sizes: int, schema: Any = SCHEMA, **kwargs: Any) -> Dataset:
    """A version of parts with so many rows, row groups of 10."""
    parts, first = [], 0
    for number, rows in enumerate(sizes):
        path = folder / f"part-{number}.parquet"
        pq.write_table(_table(first, rows), path, row_group_size=10)
        parts.append(_part(path, rows))
        first += rows
    splits = {"train": first - first // 4, "test": first // 4}
    return Dataset("risk/loans@2", "id", 2, "sha256:0", schema, first, splits, parts, FileCache(folder), **kwargs)


def _part(path: Path, rows: int, url: str | None = None) -> DatasetFile:
    content = path.read_bytes()
    return DatasetFile(
        path.name, rows, len(content), hashlib.sha256(content).hexdigest(), None if url else str(path), url
    )


@pytest.fixture
def version(tmp_path: Path) -> Dataset:
    return _version(tmp_path, 25, 17)


@loads_torch
def test_it_is_a_table_a_frame_and_files_of_other_kinds(version: Dataset, tmp_path: Path) -> None:
    table = version.to_arrow()
    assert table.column_names == ["n", "f", "t", "b", "__split"], "without ordinals"
    assert table.column("n").to_pylist() == list(range(42))
    assert version.to_arrow(["t"], split="test").column("t").to_pylist() == [f"row {n}" for n in range(3, 42, 4)]
    if importlib.util.find_spec("pandas"):
        frame = version.to_pandas(["f", "n"])
        assert (list(frame.columns), len(frame), np.isnan(frame.f[0])) == (["f", "n"], 42, True)
    assert pq.read_table(version.to_parquet(tmp_path / "all.parquet")).equals(table)
    lines = version.to_csv(tmp_path / "all.csv", ["n", "t"]).read_text().splitlines()
    assert (lines[0], lines[1], len(lines)) == ('"n","t"', '0,"row 0"', 43)
    for ask in (lambda: version.to_arrow(["x"]), lambda: version.to_arrow(split="x"), lambda: version.loader(0)):
        with pytest.raises(ValueError, match=r"risk/loans@2 has no|batch_size 0"):
            ask()


def _numbers(version: Dataset, **kwargs: Any) -> list[list[int]]:
    return [batch["n"].tolist() for batch in version.loader(4, columns=["n"], **kwargs)]


def _flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


@loads_torch
def test_shares_are_as_large_as_each_other_and_the_same_at_every_run(version: Dataset) -> None:
    assert _numbers(version) == [list(range(42))[at : at + 4] for at in range(0, 42, 4)]
    shuffled = _numbers(version, shuffle=7)
    assert sorted(_flat(shuffled)) == list(range(42)) != _flat(shuffled)
    assert _numbers(version, shuffle=7) == shuffled != _numbers(version, shuffle=8)
    shares = [_flat(_numbers(version, shuffle=7, rank=rank, world=4)) for rank in range(4)]
    assert [len(share) for share in shares] == [10] * 4
    assert _flat(shares) == _flat(shuffled)[:40], "what is left over by dividing is in none"
    train = _flat(_numbers(version, split="train", shuffle=7))
    assert sorted(train) == [n for n in range(42) if n % 4 != 3]

    loader = version.loader(4, columns=["n"], shuffle=7)
    rows: Any = loader.dataset
    rows.set_epoch(1)
    assert [batch["n"].tolist() for batch in loader] != shuffled
    assert len(loader) == 11


@loads_torch
def test_workers_of_a_rank_change_neither_batches_nor_what_is_in_them(
    version: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = _numbers(version, shuffle=3, rank=1, world=2)
    found = []
    for number in range(3):
        worker = SimpleNamespace(id=number, num_workers=3)
        monkeypatch.setattr("workers.runtime.dataset_loader.get_worker_info", lambda worker=worker: worker)
        found += _numbers(version, shuffle=3, rank=1, world=2)
    assert found == alone
    spawned: Any = version.loader(4, num_workers=2).multiprocessing_context
    assert spawned.get_start_method() == "spawn", "Arrow's threads do not survive a fork"


@loads_torch
def test_values_are_tensors_texts_and_pictures(tmp_path: Path) -> None:
    (batch,) = _version(tmp_path, 5).loader(5, columns=["n", "f", "t", "b"])
    assert (str(batch["n"].dtype), str(batch["f"].dtype), str(batch["b"].dtype)) == (
        "torch.int64", "torch.float64", "torch.bool",
    )  # fmt: skip
    assert np.isnan(batch["f"][0].item())
    assert batch["t"][:2] == ["row 0", "row 1"]

    encoded = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 9)).save(encoded, "PNG")
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"__ordinal": [0, 1], "image": [encoded.getvalue(), None]}), path)
    pictures = Dataset(
        "a/b@1", "id", 1, "d", [{"name": "image", "type": "image"}], 2, {}, [_part(path, 2)], FileCache(tmp_path)
    )
    (batch,) = pictures.loader(2)
    assert (tuple(batch["image"][0].shape), batch["image"][0][:, 0, 0].tolist()) == ((3, 2, 3), [255, 0, 9])
    assert batch["image"][1] is None
    with pytest.raises(ValueError, match="CSV cannot hold pictures: leave out image"):
        pictures.to_csv(tmp_path / "x.csv")


@loads_torch
def test_a_picture_of_a_kind_that_runs_programs_is_none(tmp_path: Path) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (3, 2)).save(encoded, "EPS")
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"__ordinal": [0], "image": [encoded.getvalue()]}), path)
    schema = [{"name": "image", "type": "image"}]
    pictures = Dataset("a/b@1", "id", 1, "d", schema, 1, {}, [_part(path, 1)], FileCache(tmp_path))

    with pytest.raises(UnidentifiedImageError):
        list(pictures.loader(1))


class Store(http.server.BaseHTTPRequestHandler):
    """Serves one file in ranges; breaks off after `most` bytes of an answer, `breaks` times."""

    content, most, breaks, asked = b"", 0, 0, list[str]()

    def do_GET(self) -> None:
        cls = type(self)
        said = self.headers.get("Range", "")
        cls.asked.append(said)
        first = int(said.removeprefix("bytes=").rstrip("-") or 0)
        rest = cls.content[first:]
        self.send_response(206 if said else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if cls.breaks > 0:
            cls.breaks -= 1
            self.wfile.write(rest[: cls.most])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def store() -> Iterator[tuple[type[Store], str]]:
    handler = type("One", (Store,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_address[1]}/x"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_file_is_fetched_once_and_gone_on_with_where_it_broke_off(
    store: tuple[type[Store], str], tmp_path: Path
) -> None:
    handler, url = store
    source = tmp_path / "part.parquet"
    source.write_bytes(bytes(range(256)) * 40)
    handler.content, handler.most, handler.breaks = source.read_bytes(), 4000, 2
    pauses: list[float] = []
    cache = FileCache(tmp_path / "cache", sleep=pauses.append)
    part = _part(source, 1, url)
    path = cache.fetch(part)
    assert path.read_bytes() == source.read_bytes()
    assert handler.asked == ["", "bytes=4000-", "bytes=8000-"]
    assert len(pauses) == 2
    assert cache.fetch(part) == path
    assert len(handler.asked) == 3, "once is enough"


def test_what_is_not_the_file_is_never_kept(store: tuple[type[Store], str], tmp_path: Path) -> None:
    handler, url = store
    source = tmp_path / "part.parquet"
    source.write_bytes(b"good")
    part = _part(source, 1, url)
    handler.content = b"evil"
    with pytest.raises(JobApiError, match="damaged"):
        FileCache(tmp_path / "cache").fetch(part)
    assert not list((tmp_path / "cache").rglob("*.parquet"))
    handler.content = b"good"
    assert FileCache(tmp_path / "cache").fetch(part).read_bytes() == b"good"


def test_a_server_that_gives_nothing_is_given_up(store: tuple[type[Store], str], tmp_path: Path) -> None:
    handler, url = store
    source = tmp_path / "part.parquet"
    source.write_bytes(b"good")
    handler.breaks = 99
    with pytest.raises(JobApiError, match="download_failed"):
        FileCache(tmp_path / "cache", sleep=lambda _: None).fetch(_part(source, 1, url))


def test_nobody_said_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BEDPLATE_URL", "BEDPLATE_TOKEN", "BEDPLATE_ATTEMPT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="say api_url and token"):
        open_dataset("bedplate://risk/loans@1")


def test_a_home_is_asked_for_only_where_something_is_fetched(
    monkeypatch: pytest.MonkeyPatch, store: tuple[type[Store], str], tmp_path: Path
) -> None:
    handler, url = store
    source = tmp_path / "part.parquet"
    source.write_bytes(b"good")
    handler.content = b"good"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kept = FileCache(CACHE).fetch(_part(source, 1, url))
    assert kept.is_relative_to(tmp_path / "home" / ".cache" / "bedplate" / "datasets")

    script = (
        "import pwd, os; os.environ.pop('HOME', None)\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "import workers.runtime.datasets"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_torch_is_not_needed_unless_a_loader_is_asked_for() -> None:
    script = "import sys, workers.runtime.datasets; assert not {'torch', 'django', 'PIL', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
