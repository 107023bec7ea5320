"""Arrays inside files: what joblib puts in the middle of its pickles, and the heads of `.npy` files."""

from __future__ import annotations

import ast
import math
import re
from typing import Any, Final

from workers.contracts.inspection.reading import Pieces, Unreadable
from workers.contracts.inspection.symbols import Call

HEAD_MOST: Final = 1 << 16
NUMPY: Final = b"\x93NUMPY"
_WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_TYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])([0-9]*)")
_UNICODE: Final = 4
"""Bytes of one letter of a `U` array."""


def is_array(value: Any) -> bool:
    """Whether joblib writes an array after the state of this."""
    return isinstance(value, Call) and str(value.of) == _WRAPPER


def array_passed(pieces: Pieces, state: dict[Any, Any]) -> bool:
    """Pass over the bytes of an array that joblib wrote here; False where a pickle of its objects follows.

    Raises:
        Unreadable: how long it is cannot be told.
    """
    shape, kind = state.get("shape"), state.get("dtype")
    given = kind.given if isinstance(kind, Call) and str(kind.of) == "numpy.dtype" else None
    told = _TYPE.fullmatch(str(given[0])) if isinstance(given, tuple) and given else None
    if (
        told is None
        or told[1] == "V"
        or not (isinstance(shape, tuple) and all(type(one) is int and one >= 0 for one in shape))
    ):
        raise Unreadable("it has an array whose size cannot be told")
    if told[1] == "O":
        return False
    item = int(told[2] or 1) * (_UNICODE if told[1] == "U" else 1)
    if state.get("numpy_array_alignment_bytes") is not None:
        (padding,) = pieces.read(1) or b"\x00"
        pieces.read(padding)
    size = math.prod(shape) * item
    if len(pieces.read(size)) != size:
        raise Unreadable("an array in it is cut off")
    return True


def has_objects(pieces: Pieces) -> bool:
    """Read the head of a `.npy` file; whether what follows is a pickle.

    Raises:
        Unreadable: it has no such head.
    """
    head = pieces.read(8)
    width = 2 if head[6:7] == b"\x01" else 4
    length = int.from_bytes(pieces.read(width), "little")
    if not head.startswith(NUMPY) or length > HEAD_MOST:
        raise Unreadable("it is no array of NumPy")
    try:
        about = ast.literal_eval(pieces.read(length).decode("latin-1").strip())
        return "O" in str(about["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise Unreadable("the head of the array cannot be read") from None
