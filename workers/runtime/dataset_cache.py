"""Files kept on a machine by their SHA-256: fetched once, whole or not at all, and gone on with where it broke off."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workers.runtime.fetching import Fetcher, Wanted

CACHE = Path("~/.cache/bedplate/datasets")
"""Of whoever runs this; which home that is is asked when something is fetched, for not every user id has one."""


class Named(Protocol):
    """What is fetched."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def url(self) -> str | None: ...


@dataclass(frozen=True)
class FileCache:
    """A folder of files, shared by all processes of the machine.

    Args:
        folder: `<folder>/<first two digits>/<sha256>.parquet`; may begin with `~`.
        headers: sent along; a token.
        renew: name of a file → another address of it, once its own is over.
        sleep: waits between two tries; a test passes its own.
    """

    folder: Path
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    renew: Callable[[str], str] | None = None
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, named: Named) -> Path:
        """Where the file is, after it was fetched if need be. Blocks for as long as that takes.

        Raises:
            JobApiError: it cannot be fetched, or what came is not the file: `damaged`.
        """
        path = self.folder.expanduser() / named.sha256[:2] / f"{named.sha256}{Path(named.name).suffix}"
        if not path.exists():
            renew = self.renew
            again = None if renew is None else lambda wanted: renew(wanted.name)
            fetcher = Fetcher(headers=self.headers, renew=again, sleep=self.sleep)
            fetcher.fetch(Wanted(named.name, str(named.url), named.size_bytes, named.sha256), path)
        return path
