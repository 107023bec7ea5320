"""Errors that are the user's: they end a job with `exit_codes.USER_ERROR` and a result that names the place."""

from __future__ import annotations

import errno
import re
from typing import Any

NO_ROOM = re.compile(r"no space left on device|disk quota exceeded|file too large", re.IGNORECASE)
"""How the libraries that write for us say ENOSPC, EDQUOT and EFBIG."""


class UserError(Exception):
    """The data or the parameters are at fault. `code` is stable, `detail` one sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def to_json(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "detail": self.detail}}


class RecipeError(UserError):
    """A step of a recipe does not fit the data. `step` counts from 1; `column` is empty when none is at fault."""

    def __init__(self, detail: str, *, step: int, kind: str, column: str = "", code: str = "invalid_recipe") -> None:
        super().__init__(code, f"step {step} ({kind}): {detail}")
        self.step = step
        self.kind = kind
        self.column = column

    def to_json(self) -> dict[str, Any]:
        place = {"step": self.step, "kind": self.kind, "column": self.column}
        return {"error": {"code": self.code, "detail": self.detail, **place}}


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk had no room: as Python says it, or as DuckDB and Daft hand it on, in words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return NO_ROOM.search(str(error)) is not None
