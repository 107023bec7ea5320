"""Archives of tar, known by their first header: they are not looked into, so none may pass for something else."""

from __future__ import annotations

from typing import Final

HEADER_BYTES: Final = 512
_SUM: Final = slice(148, 156)


def is_tar(head: bytes) -> bool:
    """Whether programs that open tars would take these first 512 bytes for one: the sum in the header is right.

    A name in it may be whatever its maker likes, so that the file can begin as a pickle does.
    """
    if len(head) < HEADER_BYTES or not any(head):
        return False
    try:
        told = int(head[_SUM].strip(b"\x00 ") or b"x", 8)
    except ValueError:
        return False
    rest = head[: _SUM.start] + b" " * 8 + head[_SUM.stop : HEADER_BYTES]
    signed = sum(one - 256 if one > 127 else one for one in rest)  # as some old programs count
    return told in (sum(rest), signed)
