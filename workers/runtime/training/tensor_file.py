"""Tensors by name in one file of the format *safetensors*: a header of JSON, then the bytes; nothing in it can run.

The bytes depend on the tensors and the notes alone.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

SUFFIX = ".safetensors"
_HEADER_BYTES_MOST = 100 << 20
_KINDS: dict[torch.dtype, tuple[str, str]] = {
    torch.float32: ("F32", "<f4"),
    torch.float64: ("F64", "<f8"),
    torch.int64: ("I64", "<i8"),
    torch.int32: ("I32", "<i4"),
    torch.uint8: ("U8", "|u1"),
    torch.bool: ("BOOL", "|b1"),
}
_NUMPY = dict(_KINDS.values())


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, str] | None = None) -> None:
    """Write tensors in the order of their names. Raises ValueError for one of a kind that is not written."""
    header: dict[str, object] = {"__metadata__": {"format": "pt", **(notes or {})}}
    parts, at = [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        if tensor.dtype not in _KINDS:
            raise ValueError(f"{name} holds {tensor.dtype}, which is not written")
        kind, code = _KINDS[tensor.dtype]
        content = tensor.numpy().astype(code).tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + len(content)]}
        parts.append(content)
        at += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(parts)


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """What `save_tensors` wrote, or another program of the same format. Raises ValueError for any other file."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else _HEADER_BYTES_MOST + 1
    if size > min(_HEADER_BYTES_MOST, len(content) - 8):
        raise ValueError(f"{path.name} is no file of tensors")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, each in header.items():
        if each["dtype"] not in _NUMPY:
            raise ValueError(f"{path.name}: {name} holds {each['dtype']}, which is not read")
        first, last = (8 + size + offset for offset in each["data_offsets"])
        array = np.frombuffer(content[first:last], dtype=_NUMPY[each["dtype"]]).reshape(each["shape"])
        found[name] = torch.from_numpy(array.copy())
    return found
