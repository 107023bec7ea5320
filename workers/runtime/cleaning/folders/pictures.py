"""Pictures as rows: encoded as they came, with their size, mode, and a hash of what they show."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from PIL import Image

from workers.runtime.cleaning.folders.base import File, Folder
from workers.runtime.cleaning.folders.phash import SIDE, perceptual_hashes
from workers.runtime.pictures import FAULTS, opened

PIXELS_MOST = 64_000_000
"""Of a picture that is decoded: 256 MiB at four bytes each. A larger one is told as corrupt."""
PIXELS_AT_ONCE = 4_000_000
"""Beyond it a picture is decoded alone: memory does not grow with the threads."""
_LARGE = threading.Lock()
_SHOWN, _LUMA = "shown", "L"


class Pictures(Folder):
    """`phash` is of the first frame; a picture that cannot be decoded whole is a row with `is_corrupt`."""

    kind = "images"
    columns = (
        ("path", "string"), ("label", "string"), ("image", "image"), ("width", "int64"), ("height", "int64"),
        ("mode", "string"), ("format", "string"), ("size_bytes", "int64"), ("content_sha256", "string"),
        ("phash", "int64"), ("is_corrupt", "bool"),
    )  # fmt: skip

    def row(self, file: File) -> dict[str, Any]:
        return {"image": file.content, "phash": None, **decoded(file.content)}

    def finish(self, rows: list[dict[str, Any]]) -> None:
        shown = [row for row in rows if row[_SHOWN] is not None]
        if shown:
            hashes = perceptual_hashes(np.stack([row[_SHOWN] for row in shown]))
            for row, value in zip(shown, hashes, strict=True):
                row["phash"] = int(value)


def decoded(content: bytes) -> dict[str, Any]:
    """`width`, `height`, `mode`, `format`, as far as they can be told, `is_corrupt`, and what it shows, small."""
    found: dict[str, Any] = dict.fromkeys(("width", "height", "mode", "format", _SHOWN))
    found["is_corrupt"] = True
    try:
        with opened(content) as image:
            found |= {"width": image.width, "height": image.height, "mode": image.mode, "format": image.format}
            if image.width * image.height <= PIXELS_MOST:
                found |= {_SHOWN: _reduced(image), "is_corrupt": False}
    except FAULTS:
        return found
    return found


def _reduced(image: Image.Image) -> Any:
    """Its luminance in 32 × 32 pixels; reads the picture to its end."""
    if image.width * image.height > PIXELS_AT_ONCE:
        with _LARGE:
            return _small(image)
    return _small(image)


def _small(image: Image.Image) -> Any:
    image.draft(_LUMA, (SIDE * 4, SIDE * 4))  # JPEG: an eighth of the work, still of all its bytes
    image.load()
    plain = image.convert(_LUMA) if image.mode != "P" else image.convert("RGB").convert(_LUMA)
    return np.asarray(plain.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.int64)
