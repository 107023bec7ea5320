"""ONNX files, as far as it matters where their weights lie: the wire format of protocol buffers, field by field."""

from __future__ import annotations

from typing import Final

from workers.contracts.inspection.reading import PIECE_BYTES, Pieces, Unreadable

DEPTH_MOST: Final = 40
FIELDS_MOST: Final = 5_000_000
TENSOR, PLACE, KEY_VALUE = "tensor", "place", "key and value"
INSIDE: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: TENSOR, 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: TENSOR, 6: "graph", 10: TENSOR, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: TENSOR, 2: TENSOR},
    TENSOR: {13: PLACE},
}
"""Message → the number of a field → the message in it; of the others nothing need be known."""


def onnx_checked(pieces: Pieces) -> None:
    """Read a model to its end.

    Raises:
        Unreadable: it is none, or its weights lie in files that are not beside it.
    """
    _Reader(pieces).message("model", None, 0)


class _Reader:
    def __init__(self, pieces: Pieces) -> None:
        self._pieces, self._fields = pieces, 0

    def message(self, kind: str, end: int | None, depth: int) -> None:
        if depth > DEPTH_MOST:
            raise Unreadable(f"it has graphs in graphs, more than {DEPTH_MOST} deep")
        while self._pieces.position != end and (end is not None or self._pieces.peek(1)):
            number, wire = self._tag()
            inner = INSIDE.get(kind, {}).get(number) if wire == 2 else None
            if inner is None:
                self._pass(wire)
                continue
            length = self._number()
            until = self._pieces.position + length
            if end is not None and until > end:
                raise Unreadable("it is no ONNX model, or is cut off")
            if inner == PLACE:
                self._place(length)
            else:
                self.message(inner, until, depth + 1)

    def _tag(self) -> tuple[int, int]:
        self._fields += 1
        if self._fields > FIELDS_MOST:
            raise Unreadable(f"it has more than {FIELDS_MOST} fields")
        tag = self._number()
        if tag >> 3 == 0:
            raise Unreadable("it is no ONNX model")
        return tag >> 3, tag & 7

    def _number(self) -> int:
        found = shift = 0
        while shift < 70:
            byte = self._pieces.read(1)
            if not byte:
                break
            found |= (byte[0] & 127) << shift
            if byte[0] < 128:
                return found
            shift += 7
        raise Unreadable("it is no ONNX model, or is cut off")

    def _pass(self, wire: int) -> None:
        lengths = {1: 8, 5: 4}
        if wire == 0:
            self._number()
            return
        if wire != 2 and wire not in lengths:
            raise Unreadable("it is no ONNX model")
        length = self._number() if wire == 2 else lengths[wire]
        if len(self._pieces.read(length)) != length:
            raise Unreadable("it is no ONNX model, or is cut off")

    def _place(self, length: int) -> None:
        """A key and a value of where the bytes of a tensor lie."""
        if length > PIECE_BYTES:
            raise Unreadable("it says at length where its weights lie")
        inner = _Reader(Pieces(_Read(self._pieces.read(length)), length))
        said: dict[int, str] = {}
        while inner._pieces.peek(1):
            number, wire = inner._tag()
            if wire != 2:
                inner._pass(wire)
                continue
            said[number] = inner._pieces.read(inner._number()).decode(errors="replace")
        place = said.get(2, "")
        leads_out = place.startswith("/") or "\\" in place or ":" in place or ".." in place.split("/")
        if said.get(1) == "location" and (leads_out or "\x00" in place):
            raise Unreadable(f"its weights lie outside of it: {place[:100]!r}")


class _Read:
    """Bytes as a source."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int = -1, /) -> bytes:
        found, self._content = self._content, b""
        return found
