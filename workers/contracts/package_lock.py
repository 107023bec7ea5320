"""Locks of Python packages, as pip reads them: each with its version, so that an environment can be made again.

A line names a package, `torch==2.13.0`, with extras, a marker and hashes where wanted; it goes on after a `\\` at its
end. Of pip's options an index and places to find wheels may be named, by addresses without a password. Pure.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

BYTES_MOST: Final = 512 << 10
PACKAGES_MOST: Final = 2000
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PINNED: Final = re.compile(
    rf"(?P<name>{_NAME})(?:\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?\s*={{2,3}}\s*(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"\s*(?:;(?P<marker>[^#]*?))?\s*(?P<hashes>(?:--hash[= ][a-z0-9]+:[0-9a-f]+\s*)*)"
)
_OPTION: Final = re.compile(r"(?P<name>--index-url|-i|--extra-index-url|--find-links|-f)[= ]\s*(?P<address>\S+)")
_PACKAGE: Final = re.compile(rf"(?P<name>{_NAME})")


class BadLock(ValueError):
    """`str()` says which line is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class PackageLock:
    """A lock that was read."""

    lines: tuple[str, ...]
    """One a package or option, without comments."""
    packages: tuple[tuple[str, str], ...]
    """Names in their common spelling, and versions."""
    has_hashes: bool
    """Every package is named with its hashes."""

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def digest(self) -> str:
        """The same for locks that differ in comments, blanks and the order of lines only."""
        return hashlib.sha256("\n".join(sorted(self.lines)).encode()).hexdigest()


def lock_read(text: str) -> PackageLock:
    """A lock of a text; of an empty one, none of any package.

    Raises:
        BadLock: too large, or a line that does not pin a package.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > BYTES_MOST:
        raise BadLock(f"{size} bytes; a lock has at most {BYTES_MOST}")
    if "\0" in text:
        raise BadLock("it has a NUL character: this is no text")
    lines: list[str] = []
    packages: list[tuple[str, str]] = []
    hashed = 0
    for number, line in _logical(text):
        if line.startswith("-"):
            _option_check(number, line)
        else:
            found = _PINNED.fullmatch(line)
            if found is None:
                raise BadLock(f"line {number}: {_unpinned(line)}")
            packages.append((re.sub(r"[-_.]+", "-", found["name"]).lower(), found["version"]))
            hashed += bool(found["hashes"])
        lines.append(line)
    if len(packages) > PACKAGES_MOST:
        raise BadLock(f"{len(packages)} packages; a lock has at most {PACKAGES_MOST}")
    return PackageLock(tuple(lines), tuple(packages), bool(packages) and hashed == len(packages))


def _logical(text: str) -> list[tuple[int, str]]:
    """Lines with the number of their first, after those that go on were joined; without comments and blanks."""
    found: list[tuple[int, str]] = []
    begun, parts = 0, list[str]()
    for number, raw in enumerate([*text.splitlines(), ""], start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        begun = begun if parts else number
        goes_on = line.endswith("\\")
        parts.append(line.removesuffix("\\").strip())
        if not goes_on:
            joined = " ".join(filter(None, parts))
            parts = []
            if joined:
                found.append((begun, joined))
    return found


def _option_check(number: int, line: str) -> None:
    found = _OPTION.fullmatch(line)
    if found is None:
        said = line.split()[0].split("=")[0]
        raise BadLock(f"line {number}: {said} is not taken here; packages with their versions are, and --index-url")
    parts = urlsplit(found["address"])
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise BadLock(f"line {number}: {found['address'][:80]} is no address that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise BadLock(f"line {number}: an address with a password in it would be seen by whoever sees the run")


def _unpinned(line: str) -> str:
    named = _PACKAGE.match(line)
    if "://" in line or line.startswith(("git+", ".", "/")):
        return f"{line[:80]!r} names a place, not a package of an index with its version"
    if named is None:
        return f"{line[:80]!r} is no package"
    name = named["name"]
    return f"{line[:80]!r} does not say which version: write {name}==1.2.3, as `pip freeze` and `pip-compile` do"
