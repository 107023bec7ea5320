"""One file of a source bundle, as a page shows it."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Final

from apps.common.errors import Conflict, NotFound
from apps.common.storage import store
from apps.experiments.models import SourceBundle

TEXT_BYTES_MOST: Final = 512 << 10
"""Of a file whose text is shown; larger ones are downloaded with the bundle."""


@dataclass(frozen=True, slots=True)
class BundleText:
    """What a bundle says of a file, and its text."""

    entry: dict[str, Any]
    """`{"name", "size_bytes", "sha256", "is_executable"}`."""
    is_binary: bool
    text: str | None
    """None: it is binary, or larger than `TEXT_BYTES_MOST`."""


def bundle_text(bundle: SourceBundle, name: str) -> BundleText:
    """The file of that name. Reads its part of the archive in the object store, and blocks for as long.

    Raises:
        NotFound: the bundle has no such file, or the store not its archive.
        Conflict: the archive is damaged.
    """
    entry = next((each for each in bundle.files if each["name"] == name), None)
    if entry is None:
        raise NotFound("name: this bundle has no such file")
    if entry["size_bytes"] > TEXT_BYTES_MOST:
        return BundleText(entry, is_binary=False, text=None)
    try:
        with store().open(bundle.path) as file, zipfile.ZipFile(file) as archive, archive.open(name) as member:
            content = member.read(TEXT_BYTES_MOST + 1)
    except FileNotFoundError:
        raise NotFound("the object store does not have this bundle") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise Conflict(f"the archive of this bundle is damaged: {error}") from error
    text = _text(content)
    return BundleText(entry, is_binary=text is None, text=text)


def _text(content: bytes) -> str | None:
    """As UTF-8; None where it is none, or has a zero byte, which no source has."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
