"""Zip archives as somebody sends them, also those that nobody should."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping

WHEN = (2026, 3, 4, 5, 6, 8)


def zip_of(files: Mapping[str, bytes | str], *, modes: Mapping[str, int] | None = None) -> bytes:
    """An archive of these files, in this order; `modes` as Unix has them, 0o644 otherwise."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, WHEN)
            member.create_system = 3
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(member, content)
    return kept.getvalue()


def zipped(*entries: tuple[str, bytes]) -> bytes:
    """An archive of these entries as they are, not deflated; a name may come twice."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content)
    return kept.getvalue()
