"""Errors as clients of MLflow read them: `{"error_code", "message"}` and the status that goes with the code. Pure.

Beside these two stand `code` and `retryable` of our own problems, and the request's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from apps.common.context import request_id
from apps.common.errors import (
    BedplateError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

BAD_REQUEST: Final = "BAD_REQUEST"
INVALID_PARAMETER_VALUE: Final = "INVALID_PARAMETER_VALUE"
RESOURCE_DOES_NOT_EXIST: Final = "RESOURCE_DOES_NOT_EXIST"
RESOURCE_ALREADY_EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
ENDPOINT_NOT_FOUND: Final = "ENDPOINT_NOT_FOUND"
PERMISSION_DENIED: Final = "PERMISSION_DENIED"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
REQUEST_LIMIT_EXCEEDED: Final = "REQUEST_LIMIT_EXCEEDED"
RESOURCE_CONFLICT: Final = "RESOURCE_CONFLICT"
NOT_IMPLEMENTED: Final = "NOT_IMPLEMENTED"
TEMPORARILY_UNAVAILABLE: Final = "TEMPORARILY_UNAVAILABLE"
INTERNAL_ERROR: Final = "INTERNAL_ERROR"

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        BAD_REQUEST: 400,
        INVALID_PARAMETER_VALUE: 400,
        RESOURCE_ALREADY_EXISTS: 400,
        UNAUTHENTICATED: 401,
        PERMISSION_DENIED: 403,
        RESOURCE_DOES_NOT_EXIST: 404,
        ENDPOINT_NOT_FOUND: 404,
        RESOURCE_CONFLICT: 409,
        REQUEST_LIMIT_EXCEEDED: 429,
        INTERNAL_ERROR: 500,
        NOT_IMPLEMENTED: 501,
        TEMPORARILY_UNAVAILABLE: 503,
    }
)
"""Code → HTTP status, as MLflow's server answers."""

CODE_OF: Final[tuple[tuple[type[BedplateError], str], ...]] = (
    (Unauthenticated, UNAUTHENTICATED),
    (Forbidden, PERMISSION_DENIED),
    (NotFound, RESOURCE_DOES_NOT_EXIST),
    (Conflict, RESOURCE_CONFLICT),
    (Invalid, INVALID_PARAMETER_VALUE),
    (TooLarge, INVALID_PARAMETER_VALUE),
    (RateLimited, REQUEST_LIMIT_EXCEEDED),
    (Unavailable, TEMPORARILY_UNAVAILABLE),
)
"""What an error of ours is called there; anything else is INTERNAL_ERROR, or BAD_REQUEST by its status."""


OUR_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        BAD_REQUEST: Invalid.code,
        INVALID_PARAMETER_VALUE: Invalid.code,
        RESOURCE_ALREADY_EXISTS: Conflict.code,
        UNAUTHENTICATED: Unauthenticated.code,
        PERMISSION_DENIED: Forbidden.code,
        RESOURCE_DOES_NOT_EXIST: NotFound.code,
        ENDPOINT_NOT_FOUND: NotFound.code,
        RESOURCE_CONFLICT: Conflict.code,
        REQUEST_LIMIT_EXCEEDED: RateLimited.code,
        INTERNAL_ERROR: BedplateError.code,
        NOT_IMPLEMENTED: "not_implemented",
        TEMPORARILY_UNAVAILABLE: Unavailable.code,
    }
)
"""MLflow's code → the code of our problems."""


class MlflowError(BedplateError):
    """An error that is raised with MLflow's own code.

    Args:
        error_code: one of `STATUS`.
        detail: one sentence: what happened and what to do.
    """

    title = "Refused"

    def __init__(self, error_code: str, detail: str) -> None:
        super().__init__(detail)
        self.error_code = error_code
        self.code, self.status = OUR_CODE[error_code], STATUS[error_code]
        self.retryable = error_code in (TEMPORARILY_UNAVAILABLE, REQUEST_LIMIT_EXCEEDED)


def invalid(detail: str) -> MlflowError:
    """Of a value that cannot be."""
    return MlflowError(INVALID_PARAMETER_VALUE, detail)


def missing(detail: str) -> MlflowError:
    """Of what is not there, or not visible: the two look the same."""
    return MlflowError(RESOURCE_DOES_NOT_EXIST, detail)


def already_there(detail: str) -> MlflowError:
    """Of a name that is taken."""
    return MlflowError(RESOURCE_ALREADY_EXISTS, detail)


def not_offered(detail: str) -> MlflowError:
    """Of what MLflow has and this server does not."""
    return MlflowError(NOT_IMPLEMENTED, detail)


def as_mlflow(error: BedplateError) -> MlflowError:
    """The same error under MLflow's code."""
    if isinstance(error, MlflowError):
        return error
    other = BAD_REQUEST if error.status == STATUS[BAD_REQUEST] else INTERNAL_ERROR
    found = next((code for kind, code in CODE_OF if isinstance(error, kind)), other)
    known = MlflowError(found, error.detail)
    known.code, known.retryable = error.code, error.retryable
    return known


def error_body(error: BedplateError) -> dict[str, Any]:
    """The JSON object of an error. Its status is `as_mlflow(error).status`."""
    known = as_mlflow(error)
    return {
        "error_code": known.error_code,
        "message": known.detail,
        "code": known.code,
        "retryable": known.retryable,
        "request_id": request_id.get(),
    }
