"""Encoded pictures, opened the one way in which bytes that strangers sent are opened here."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""What is opened; others (EPS, PDF) run programs."""
FAULTS = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError, AttributeError,
          Image.DecompressionBombError, ZeroDivisionError, RuntimeError, NotImplementedError, MemoryError)  # fmt: skip
"""What a decoder makes of bytes that are no picture."""


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[Image.Image]:
    """A picture whose size is known and of which no pixel is decoded yet. Raises one of `FAULTS`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            yield image
