"""What a file is by its name, and what an archive holds by the names in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.archives import is_hidden

ENDINGS = {
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".json": "json",
    ".parquet": "parquet",
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), "excel"),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"), "images"),
    **dict.fromkeys((".txt", ".text", ".md"), "texts"),
}
FOLDERS = ("images", "texts")
"""Kinds of which every file is a row."""
TABLES_MOST = 1000
"""Tables in one archive."""


def kind_of(name: str) -> str:
    """The format that a name says; empty where it says none."""
    dot = name.rfind(".")
    return ENDINGS.get(name[dot:].lower(), "") if dot >= 0 else ""


def kind_in(names: Iterable[str], place: str) -> str:
    """What the files of an archive are, all of them, others than those aside whose names say nothing.

    Raises:
        UserError: `mixed_archive`, `no_members`.
    """
    found = Counter(kind_of(name) for name in names if not is_hidden(name) and not name.endswith("/"))
    found.pop("", None)
    if not found:
        raise UserError("no_members", f"{place} holds no file of a kind that is read: {', '.join(sorted(ENDINGS))}")
    if len(found) > 1:
        held = ", ".join(f"{count} of {kind}" for kind, count in found.most_common())
        raise UserError("mixed_archive", f"{place} holds files of several kinds ({held}): say one as the format")
    return next(iter(found))


def taken(name: str, kind: str) -> bool:
    """Whether a member is one of those that are read."""
    return kind_of(name) == kind and not is_hidden(name)
