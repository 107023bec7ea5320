"""What is asked of an origin, and what came of it."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from workers.runtime.cleaning.errors import UserError
from workers.runtime.context import JobContext


@dataclass(frozen=True, slots=True)
class Origin:
    """The parameter `origin` of a job."""

    kind: str
    asked: dict[str, Any]
    """As the user said it: `url`, `query`, …"""
    allowed: tuple[str, ...]
    """Hosts and buckets, as `workers.contracts.origins` has them."""
    private: tuple[str, ...]
    """Of these, those that may have private addresses."""
    most_bytes: int
    seconds: float
    """For all of it."""
    credential: Callable[[], str]
    """The text of the secret that was named; empty where none was."""
    seen: dict[str, str] = field(default_factory=dict)
    """What came the last time: `etag`, `last_modified`, `sha256`."""

    @classmethod
    def from_parameters(cls, asked: dict[str, Any], ctx: JobContext) -> Origin:
        name = str(asked.get("credentials") or "")
        return cls(
            kind=asked["kind"],
            asked=asked,
            allowed=tuple(asked["allowed"]),
            private=tuple(asked["private"]),
            most_bytes=int(asked["most_bytes"]),
            seconds=float(asked["seconds"]),
            credential=lambda: ctx.secret(name).strip() if name else "",
            seen=dict(asked.get("seen") or {}),
        )


def plain_name(name: str) -> str:
    """A file name in letters that every store takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip("._-")[-120:].lstrip("._-") or "fetched"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in the output `raw`; without a path what the origin has is what it had the last time."""

    path: Path | None
    name: str
    size_bytes: int = 0
    sha256: str = ""
    etag: str = ""
    last_modified: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "file": self.path.name if self.path else "",
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "etag": self.etag,
            "last_modified": self.last_modified,
        }


class Sink:
    """A file that is written while it is measured, up to a size and within a time."""

    def __init__(self, file: IO[bytes], most_bytes: int, deadline: float, place: str) -> None:
        self._file, self._most, self._deadline, self._place = file, most_bytes, deadline, place
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Raises UserError `too_large` or `timed_out`."""
        if self.size_bytes + len(chunk) > self._most:
            raise UserError(
                "too_large", f"{self._place} has more than {self._most} bytes, which is the most that is taken"
            )
        if time.monotonic() > self._deadline:
            raise UserError("timed_out", f"{self._place} did not come within the time that a fetch may take")
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def again(self) -> None:
        """From the beginning: what comes now is another file."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.size_bytes = hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
