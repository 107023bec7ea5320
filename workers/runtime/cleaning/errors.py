"""Errors that are the user's: they end a job with `exit_codes.USER_ERROR` and a result that names the place."""

from __future__ import annotations

from typing import Any


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
