"""What may be in a source bundle, and what is left out of it: names, limits, and what `.gitignore` files say. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pathspec import GitIgnoreSpec

from apps.common.errors import Invalid

UPLOAD_BYTES_MOST: Final = 256 << 20
TOTAL_BYTES_MOST: Final = 256 << 20
"""Of all files that are kept, unpacked."""
FILES_MOST: Final = 5_000
"""That are kept."""
NAMES_MOST: Final = 20_000
"""That are sent."""
LEFT_OUT_MOST: Final = 1_000
"""That are named in the answer."""
NAME_BYTES_MOST: Final = 500
PART_BYTES_MOST: Final = 255
DEPTH_MOST: Final = 32
IGNORE: Final = ".gitignore"
IGNORE_BYTES_MOST: Final = 256 << 10
ALWAYS_OUT: Final = frozenset(
    {".git", ".hg", ".svn", ".venv", ".DS_Store", ".ipynb_checkpoints", "__MACOSX", "__pycache__", "node_modules"}
)
"""Names of files and folders that are no source, wherever they are."""


class BadBundle(Invalid):
    """What was sent is no source bundle; nothing of it was kept."""

    code, title = "bad_bundle", "This is no source bundle"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a whole folder (it ends with `/`) that is not in the bundle."""

    name: str
    rule: str
    """The line of the `.gitignore` that says so, with the place of that file; `always` where none has to."""


def refuse(detail: str) -> BadBundle:
    return BadBundle(detail, fields={"archive": [detail]})


def name_checked(name: str) -> str:
    """The name of a file below the bundle's folder, as it is kept.

    Raises:
        BadBundle: it is absolute, leads out, is too long, or is not the same on every system.
    """
    shown = repr(name[:120])
    if "\\" in name or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise refuse(f"{shown} has a backslash or a control character in its name")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        raise refuse(f"{shown} is an absolute name; names in a bundle begin in its folder")
    parts = name.removeprefix("./").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise refuse(f"{shown} leads out of the bundle, or has an empty part")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise refuse(f"{shown} is not text that can be written as UTF-8") from None
    if max(sizes) > PART_BYTES_MOST or sum(sizes) + len(sizes) > NAME_BYTES_MOST or len(sizes) > DEPTH_MOST:
        raise refuse(f"{shown}… is too long or too deep; a name has at most {NAME_BYTES_MOST} bytes")
    return "/".join(parts)


def names_check(names: Iterable[str]) -> None:
    """Refuse names that are one file on some system: equal but for case or accents, or a file where a folder is.

    Raises:
        BadBundle: with two of them.
    """
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = _same(name)
        if key in seen:
            raise refuse(f"{seen[key]!r} and {name!r} are one file where case or accents do not count")
        seen[key] = name
        for folder in folders_of(key):
            folders.setdefault(folder, name)
    for key in seen.keys() & folders.keys():
        raise refuse(f"{seen[key]!r} is a file, and {folders[key]!r} needs a folder of that name")


def folders_of(name: str) -> Iterator[str]:
    """The folders above a name, the outermost first: `a`, `a/b` of `a/b/c`."""
    at = name.find("/")
    while at >= 0:
        yield name[:at]
        at = name.find("/", at + 1)


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class Ignored:
    """What the `.gitignore` files of a folder leave out, as git reads them: the nearest one has the last word, and
    below a folder that is left out nothing is let in again.

    Args:
        texts: by the folder in which each lies; the root's is the empty name.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._lines = {folder: [line for line in text.splitlines() if line] for folder, text in texts.items()}
        self._specs = {folder: GitIgnoreSpec.from_lines(lines) for folder, lines in self._lines.items()}
        self._folders: dict[str, str] = {}

    def why(self, name: str) -> LeftOut | None:
        """Why a file is not in the bundle: itself, or the outermost of its folders that is left out."""
        for folder in folders_of(name):
            if folder not in self._folders:
                self._folders[folder] = self._rule(folder, "/")
            if self._folders[folder]:
                return LeftOut(f"{folder}/", self._folders[folder])
        rule = self._rule(name, "")
        return LeftOut(name, rule) if rule else None

    def _rule(self, name: str, end: str) -> str:
        """The rule that leaves a file, or a folder, out; empty where none does."""
        if name.rsplit("/", 1)[-1] in ALWAYS_OUT:
            return "always"
        for folder in (*reversed(list(folders_of(name))), ""):
            spec = self._specs.get(folder)
            if spec is None:
                continue
            below = name[len(folder) + 1 :] if folder else name
            found = spec.check_file(f"{below}{end}")
            if found.include is not None and found.index is not None:
                place = f"{folder}/{IGNORE}" if folder else IGNORE
                return f"{place}: {self._lines[folder][found.index]}" if found.include else ""
        return ""
