"""Files of safetensors: a head of JSON that says where each tensor lies, and numbers behind it."""

from __future__ import annotations

import json
import math
from typing import IO, Any, Final

from workers.contracts.inspection.reading import Unreadable

HEAD_MOST: Final = 32 << 20
BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def safetensors_checked(file: IO[bytes]) -> None:
    """Compare the head with the size of the file.

    Raises:
        Unreadable: it is none, its head is too long, or its tensors overlap, leave holes or reach out of it.
    """
    size = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= length <= size - 8 or length > HEAD_MOST:
        raise Unreadable("it is named as safetensors and is none")
    head = file.read(length)
    try:
        said = json.loads(head, object_pairs_hook=_once) if head.startswith(b"{") else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Unreadable("it is named as safetensors and is none")
    spans = sorted(_span(name, one) for name, one in said.items() if name != "__metadata__")
    at = 0
    for first, end in spans:
        if first != at:
            raise Unreadable("its tensors overlap, or leave holes")
        at = end
    if at != size - 8 - length:
        raise Unreadable("its tensors are not all that is in it")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _span(name: str, said: Any) -> tuple[int, int]:
    """Where a tensor lies, in bytes behind the head."""
    try:
        (first, end), shape, kind = said["data_offsets"], said["shape"], said["dtype"]
        is_right = all(type(one) is int and one >= 0 for one in (first, end, *shape))
        bits = math.prod(shape) * BITS[kind] if is_right else -1
    except (KeyError, TypeError, ValueError):
        bits = first = end = -1
    if bits < 0 or end - first != -(-bits // 8):
        raise Unreadable(f"the tensor {name[:100]!r} in it is not as large as its shape")
    return first, end
