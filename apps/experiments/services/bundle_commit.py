"""Which commit a folder of source code was sent at, as the `.git` in it says. The folder itself is not kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from apps.experiments.services.bundle_files import Entry

GIT: Final = ".git"
TEXT_BYTES_MOST: Final = 4 << 20
_HASH: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit_sent(entries: Sequence[Entry]) -> str:
    """Hash of the commit that was checked out; empty where nothing says so.

    Raises:
        BadBundle: what says so cannot be unpacked.
    """
    files = {entry.name: entry for entry in entries if entry.name.startswith(f"{GIT}/")}
    head = _text(files, f"{GIT}/HEAD").strip()
    name = head.removeprefix("ref: ")
    if name != head:
        head = _text(files, f"{GIT}/{name}").strip() or _packed(_text(files, f"{GIT}/packed-refs"), name)
    return head if _HASH.fullmatch(head) else ""


def _packed(text: str, name: str) -> str:
    lines = (line.split(" ") for line in text.splitlines())
    return next((words[0] for words in lines if words[1:] == [name]), "")


def _text(files: Mapping[str, Entry], name: str) -> str:
    """As much of a file as is read; empty without one."""
    found = b""
    if name in files:
        for chunk in files[name].chunks():
            found += chunk
            if len(found) > TEXT_BYTES_MOST:
                break
    return found.decode("utf-8", "replace")
