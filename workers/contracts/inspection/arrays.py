"""Arrays inside files: what joblib puts in the middle of its pickles, and the heads of `.npy` files."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection
from typing import Any, Final

from workers.contracts.inspection.reading import Pieces, Unreadable
from workers.contracts.inspection.symbols import Call

HAS_OBJECTS: Final = 1
"""Among the flags of a type."""
HEAD_MOST: Final = 1 << 16
NUMPY: Final = b"\x93NUMPY"
WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
_TYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])([0-9]*)")
_UNICODE: Final = 4
"""Bytes of one letter of a `U` array."""


def is_array(value: Any) -> bool:
    """Whether joblib writes an array after the state of this."""
    return isinstance(value, Call) and str(value.of) == WRAPPER


def is_type(value: Any) -> bool:
    """Whether this is a type of NumPy."""
    return isinstance(value, Call) and str(value.of) == "numpy.dtype"


def has_inner_objects(kind: Call, state: Any, strange: Collection[int]) -> bool | None:
    """Whether fields of this type are objects, once its state was set; None where the state says otherwise than its
    name: then bytes of a file are taken for addresses of objects, or an array for longer than it is.

    Args:
        strange: ids of types of which it was None.
    """
    told = _told(kind)
    if told is None or not (isinstance(state, tuple) and len(state) >= 8 and type(state[7]) is int):
        return None
    has_objects = bool(state[7] & HAS_OBJECTS)
    if told[1] != "V":
        is_simple = all(one is None for one in state[2:5]) and state[5] in (-1, _item_bytes(told))
        return False if is_simple and has_objects is (told[1] == "O") else None
    inner = _inner(state)
    if inner is None or any(id(one) in strange for one in inner) or state[5] != _item_bytes(told):
        return None
    kinds = [found[1] if (found := _told(one)) else "" for one in inner]
    return has_objects if "" not in kinds and has_objects is ("O" in kinds) else None


def _inner(state: tuple[Any, ...]) -> list[Any] | None:
    """The types in a type, of its fields or of the arrays that it is; None: nobody knows."""
    base, fields = state[2], state[4]
    if isinstance(base, tuple) and base and fields is None:
        return [base[0]]
    if base is None and isinstance(fields, dict) and all(isinstance(one, tuple) and one for one in fields.values()):
        return [one[0] for one in fields.values()]
    return [] if base is None and fields is None else None


def _told(kind: Any) -> re.Match[str] | None:
    given = kind.given if isinstance(kind, Call) and str(kind.of) == "numpy.dtype" else None
    return _TYPE.fullmatch(given[0]) if isinstance(given, tuple) and given and isinstance(given[0], str) else None


def _item_bytes(told: re.Match[str]) -> int:
    return int(told[2] or 1) * (_UNICODE if told[1] == "U" else 1)


def array_passed(pieces: Pieces, state: dict[Any, Any]) -> bool:
    """Pass over the bytes of an array that joblib wrote here; False where a pickle of its objects follows.

    Raises:
        Unreadable: how long it is cannot be told.
    """
    shape, told = state.get("shape"), _told(state.get("dtype"))
    if told is None or not (isinstance(shape, tuple) and all(type(one) is int and one >= 0 for one in shape)):
        raise Unreadable("it has an array whose size cannot be told")
    if told[1] == "O":
        return False
    if state.get("numpy_array_alignment_bytes") is not None:
        (padding,) = pieces.read(1) or b"\x00"
        pieces.read(padding)
    size = math.prod(shape) * _item_bytes(told)
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
