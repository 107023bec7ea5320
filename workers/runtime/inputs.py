"""A job's inputs: asked for once each, seen under the names that the spec has, downloaded once from an address."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.runtime.client_errors import JobApiError
from workers.runtime.fetching import Wanted, in_parallel
from workers.runtime.link import Link
from workers.runtime.stored_file import checked_name, hash_file

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class Input:
    """One resolved input."""

    name: str
    uri: str
    path: Path
    """A folder, or the file itself."""
    files: list[Path]


class Inputs:
    """The inputs of one job, by name; what is downloaded goes below the job's working folder."""

    def __init__(self, link: Link, work_dir: Path) -> None:
        self._link = link
        self._folder = work_dir / "inputs"
        self._known: dict[str, Input] = {}

    def get(self, name: str) -> Input:
        """Blocks until the control plane has answered and what is behind an address is here.

        Raises:
            JobApiError: the spec has no such input, or the control plane did not answer in time.
        """
        if name not in self._known:
            self._known[name] = self._fetched(self._link.resolve(name, "read"))
        return self._known[name]

    def supply(self, name: str, path: Path) -> None:
        """Let a file, or a folder with its files, that is here already be the input of that name."""
        files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        self._known[name] = Input(name=name, uri="", path=path, files=files)

    def download(self, name: str, wanted: Wanted) -> Path:
        """Where a file is, after it was fetched from its address if need be."""
        path = self._own_place(name, wanted.name)
        if not path.exists():
            self._link.download(wanted, path, lambda old: self._address_now(name, old))
        return path

    def checkpoint(self, record: dict[str, Any]) -> Path:
        """Where the file of a checkpoint is, which the control plane told of as of an input's."""
        if record.get("path"):
            return Path(record["path"])
        name = f"{record['sha256'][:12]}-{record['uri'].rsplit('/', 1)[-1]}"
        path = self._own_place(CHECKPOINTS, name)
        if not path.exists():
            wanted = Wanted(name, record["url"], record["size_bytes"], record["sha256"])
            self._link.download(wanted, path, lambda _: str((self._link.latest_checkpoint() or record)["url"]))
        return path

    def _address_now(self, name: str, wanted: Wanted) -> str:
        files = self._link.resolve(name, "read").get("files") or []
        return next(str(file["url"]) for file in files if file["name"] == wanted.name)

    def _fetched(self, answer: dict[str, Any]) -> Input:
        name, uri = answer["name"], answer["uri"]
        entries = answer.get("files") or []
        files = in_parallel([functools.partial(self._file, name, entry) for entry in entries])
        alone = files[0] if len(files) == 1 and not uri.endswith("/") else None
        if alone is not None and answer.get("path"):  # a model on a shared disk: what is fetched was compared before
            _whole_check(alone, entries[0])
        path = Path(answer.get("path") or alone or self._folder / name)
        return Input(name=name, uri=uri, path=path, files=files or [path])

    def _file(self, name: str, entry: dict[str, Any]) -> Path:
        if not entry.get("path"):
            wanted = Wanted(entry["name"], entry["url"], entry.get("size_bytes"), entry.get("sha256"))
            return self.download(name, wanted)
        near = Path(entry["path"])
        if near.name == entry["name"].rsplit("/", 1)[-1]:
            return near
        path = self._own_place(name, entry["name"])
        with contextlib.suppress(FileExistsError):  # another member of the job works in this folder too
            path.symlink_to(near)
        return path

    def _own_place(self, name: str, file_name: str) -> Path:
        """Where the job has a file of an input, under the name that it knows it by."""
        path = self._folder / checked_name(name) / checked_name(file_name.rsplit("/", 1)[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _whole_check(path: Path, entry: dict[str, Any]) -> None:
    """Raise JobApiError unless the file is the one that was registered, where anybody said which."""
    said = entry.get("sha256")
    if said and hash_file(path) != said:
        raise JobApiError("damaged", f"{entry['name']} does not have the SHA-256 {said}")
