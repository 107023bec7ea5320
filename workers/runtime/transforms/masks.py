"""What takes out of values who is meant."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.transforms.arrays import joined, texts_of

_STRING: Final = pa.large_string()


def pseudonyms(array: pa.Array, kind: str, key: bytes, length: int) -> pa.Array:
    """Keyed HMAC-SHA-256 of the values as text, in hexadecimal digits: equal for equal values of whatever column.

    A batch hashes each different value once.
    """
    encoded = pc.dictionary_encode(texts_of(array, kind))
    made = [hmac.digest(key, text.encode(), hashlib.sha256).hex()[:length] for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(made, _STRING), encoded.indices)


def key_id(key: bytes) -> str:
    """Tells keys apart without saying anything of them: 12 digits of a hash of the key under a name of its own."""
    return hmac.digest(key, b"bedplate key id", hashlib.sha256).hex()[:12]


def redact(texts: pa.Array, how: Mapping[str, Any]) -> pa.Array:
    """`how`: the options of the step `redact`. A text no longer than what is kept is redacted whole."""
    instead = pa.scalar(how["text"], _STRING)
    if how["method"] == "pattern":
        plain = how["text"].replace("\\", "\\\\")
        return pc.replace_substring_regex(texts, how["pattern"], plain)
    kept = how["keep"] if how["method"] == "keep_last" else 0
    if not kept:
        return pc.if_else(pc.is_valid(texts), instead, pa.scalar(None, _STRING))
    tail = pc.utf8_slice_codeunits(texts, -kept)
    long = pc.greater(pc.utf8_length(texts), kept)
    return pc.if_else(long, joined(how["text"], tail), instead)


def generalise(array: pa.Array, kind: str, how: Mapping[str, Any]) -> pa.Array:
    """`how`: the options of the step `generalise`. Bands are written `[20, 30)`."""
    method = how["method"]
    if method == "prefix":
        return pc.utf8_slice_codeunits(texts_of(array, kind), 0, how["length"])
    if method in ("year", "month", "quarter"):
        return _calendar(array, method)
    values = pc.fill_null(pc.cast(array, pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    if method == "edges":
        edges: Sequence[float] = how["edges"]
        bands, labels = np.searchsorted(edges, values, side="right"), edge_labels(edges)
    else:
        bands, labels = _bands(values, how["width"])
    missing = pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False)
    return pc.take(pa.array(labels, _STRING), pa.array(bands, pa.int64(), mask=missing))


def _bands(values: Any, width: float) -> tuple[Any, list[str]]:
    found, places = np.unique(np.floor(values / width) + 0.0, return_inverse=True)  # + 0.0: one zero
    return places, [f"[{_said(low * width)}, {_said((low + 1) * width)})" for low in found.tolist()]


def edge_labels(edges: Sequence[float]) -> list[str]:
    said = [_said(edge) for edge in edges]
    inner = [f"[{low}, {high})" for low, high in itertools.pairwise(said)]
    return [f"< {said[0]}", *inner, f">= {said[-1]}"]


def _said(number: float) -> str:
    return f"{number:.12g}"


def _calendar(times: pa.Array, method: str) -> pa.Array:
    year = pc.utf8_lpad(pc.cast(pc.year(times), _STRING), 4, "0")
    if method == "year":
        return year
    if method == "quarter":
        rest = joined("Q", pc.cast(pc.quarter(times), _STRING))
    else:
        rest = pc.utf8_lpad(pc.cast(pc.month(times), _STRING), 2, "0")
    return joined(year, rest, between="-")
