"""What the API server says when it refuses: `Status` bodies with their codes, as a real one words them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes.kinds import Kind


@dataclass(frozen=True)
class Cause:
    """One field that is wrong."""

    reason: str
    field: str
    message: str

    @property
    def text(self) -> str:
        return f"{self.field}: {self.message}"

    def body(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


def invalid_value(path: str, value: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {value}: {why}")


def required(path: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", path, f"Required value: {why}" if why else "Required value")


def forbidden_value(path: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", path, f"Forbidden: {why}")


@dataclass(eq=False)
class Refusal(Exception):
    """An answer that is no success."""

    code: int
    message: str
    reason: str = ""
    details: dict[str, Any] | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return {**status, "code": self.code}


def details_of(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    group = {"group": kind.group} if kind.group else {}
    return {**({"name": name} if name else {}), **group, "kind": kind.plural, **more}


def not_found(kind: Kind, name: str) -> Refusal:
    return Refusal(404, f'{kind.qualified} "{name}" not found', "NotFound", details_of(kind, name))


def no_such_path() -> Refusal:
    return Refusal(404, "the server could not find the requested resource", "NotFound", {})


def already_exists(kind: Kind, name: str) -> Refusal:
    return Refusal(409, f'{kind.qualified} "{name}" already exists', "AlreadyExists", details_of(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> Refusal:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Refusal(
        409, f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}', "Conflict", details_of(kind, name)
    )


def uid_mismatch(kind: Kind, name: str, wanted: str, found: str) -> Refusal:
    why = (
        f"the UID in the precondition ({wanted}) does not match the UID in record ({found}). "
        "The object might have been deleted and then recreated"
    )
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = {**details_of(kind, name), "kind": kind.kind}
    return Refusal(409, f'Operation cannot be fulfilled on {title} "{name}": {why}', "Conflict", details)


def forbidden(kind: Kind, name: str, why: str, **more: Any) -> Refusal:
    message = f'{kind.qualified} "{name}" is forbidden: {why}' if name else f"{kind.qualified} is forbidden: {why}"
    return Refusal(403, message, "Forbidden", details_of(kind, name, **more))


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> Refusal:
    """422 with every field that is wrong."""
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return _invalid(title, {"name": name} if name else {}, kind.group, kind.kind, name, causes)


def invalid_options(options: str, causes: Sequence[Cause]) -> Refusal:
    return _invalid(f"{options}.meta.k8s.io", {}, "meta.k8s.io", options, "", causes)


def _invalid(title: str, named: dict[str, str], group: str, kind: str, name: str, causes: Sequence[Cause]) -> Refusal:
    said = [cause.text for cause in dict.fromkeys(causes)]
    told = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    details: dict[str, Any] = {**named, **({"group": group} if group else {}), "kind": kind}
    return Refusal(
        422, f'{title} "{name}" is invalid: {told}', "Invalid", {**details, "causes": [each.body() for each in causes]}
    )


def bad_request(message: str) -> Refusal:
    return Refusal(400, message, "BadRequest")


def unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> Refusal:
    return Refusal(405, "the server does not allow this method on the requested resource", "MethodNotAllowed", {})


def too_old() -> Refusal:
    return Refusal(410, "The resourceVersion for the provided list is too old.", "Expired")


def too_many(seconds: int, message: str = "Too many requests, please try again later.") -> Refusal:
    """429 of the server's own flow control."""
    details = {"retryAfterSeconds": seconds}
    return Refusal(429, message, "TooManyRequests", details, [("Retry-After", str(seconds))])


def too_large_version(wanted: int, current: int) -> Refusal:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Refusal(
        504,
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        "Timeout",
        {"causes": [cause], "retryAfterSeconds": 1},
        [("Retry-After", "1")],
    )
