"""Errors as RFC 9457 `application/problem+json`, with the code, the request id and whether trying again can help."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
    ValidationError,
)
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, JsonResponse
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rest_framework import exceptions
from rest_framework.response import Response

from apps.common.context import request_id
from apps.common.errors import (
    BedplateError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    StorageUnavailable,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from apps.common.storage import is_full

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
UNIQUE_VIOLATION = "23505"
DISK_FULL = "53100"


def problem_body(error: BedplateError) -> dict[str, Any]:
    """The JSON object of an error."""
    body: dict[str, Any] = {
        "type": f"urn:bedplate:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        "request_id": request_id.get(),
    }
    return (
        body | ({"fields": error.fields} if error.fields else {}) | ({"faults": error.faults} if error.faults else {})
    )


def problem_response(error: BedplateError) -> JsonResponse:
    """An answer outside REST framework's views."""
    response = JsonResponse(problem_body(error), status=error.status, content_type=CONTENT_TYPE)
    for name, text in problem_headers(error).items():
        response.headers[name] = text
    return response


def problem_headers(error: BedplateError) -> dict[str, str]:
    """What an error says outside its body."""
    found: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RateLimited | Unavailable):
        found["Retry-After"] = str(error.wait)
    return found


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler; None lets an unknown error become a 500."""
    known = as_bedplate(error)
    if known is None:
        return None
    return Response(problem_body(known), known.status, headers=problem_headers(known), content_type=CONTENT_TYPE)


def as_bedplate(error: Exception) -> BedplateError | None:
    """The error of ours that a request met; None for one that is not known."""
    if isinstance(error, BedplateError):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return Forbidden(str(error))
    if isinstance(error, ValidationError):
        return Invalid("; ".join(error.messages), fields=getattr(error, "message_dict", None))
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The body of the request is too large.")
    if isinstance(error, SuspiciousOperation):
        return _from_suspicion(error)
    if is_full(error):
        return disk_full(error)
    if isinstance(error, RedisConnectionError | RedisTimeoutError):
        log.warning("Redis failed a request", exc_info=error)
        return Unavailable("Redis did not answer in time.")
    return _from_database(error)


def disk_full(error: BaseException) -> BedplateError:
    """Of a disk of the control plane's own: what is uploaded lies there on its way to the object store."""
    log.error("a disk of this process is full: %s", error)
    return StorageUnavailable("A disk of the control plane is full; try again once there is room on it.")


def _from_suspicion(error: SuspiciousOperation) -> BedplateError:
    """What Django refuses before a view looks at it. Its texts name settings, which are no business of the caller."""
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return TooLarge("The request has too many fields or files.")
    return Invalid("The request was refused: check the Host header, the address and the body.")


def _from_database(error: Exception) -> BedplateError | None:
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("the database failed a request", exc_info=error)
        if getattr(error.__cause__, "sqlstate", "") == DISK_FULL:
            return Unavailable("The disk of the database is full; try again once there is room on it.")
        return Unavailable("The database did not answer in time.")
    if isinstance(error, DataError):
        log.warning("the database refused a value of a request", exc_info=error)
        return Invalid("A value of the request cannot be stored: out of range, or text with NUL characters.")
    if isinstance(error, ProtectedError):
        return Conflict("Other things still refer to it.")
    if isinstance(error, IntegrityError) and getattr(error.__cause__, "sqlstate", "") == UNIQUE_VIOLATION:
        # Two requests at the same moment: the services check first, the constraint decides.
        return Conflict("One with the same name exists already.")
    return None


def _from_framework(error: exceptions.APIException) -> BedplateError:
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(error.detail)
        detail = "; ".join(f"{name}: {text}" if name else text for name, texts in fields.items() for text in texts)
        return Invalid(detail, fields=fields)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Unauthenticated(str(error.detail))
    if isinstance(error, exceptions.PermissionDenied):
        return Forbidden(str(error.detail))
    if isinstance(error, exceptions.NotFound):
        return NotFound()
    if isinstance(error, exceptions.Throttled):
        return RateLimited(wait=int(getattr(error, "wait", None) or 1))
    known = BedplateError(str(error.detail))
    known.status, known.title = error.status_code, HTTPStatus(error.status_code).phrase
    known.code = str(error.default_code)
    return known


def _flatten(detail: Any, at: str = "") -> dict[str, list[str]]:
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            key = "" if name == "non_field_errors" else str(name)
            found |= _flatten(inner, f"{at}.{key}".strip("."))
        return found
    if isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        found = {}
        for number, inner in enumerate(detail):
            found |= _flatten(inner, f"{at}.{number}".strip("."))
        return found
    return {at: [str(item) for item in (detail if isinstance(detail, list) else [detail])]}


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's 400: an address, host or form that it refuses."""
    return problem_response(as_bedplate(exception) or Invalid())


def forbidden(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's 403, as the admin gives it."""
    return problem_response(Forbidden(str(exception)))


def no_csrf(request: HttpRequest, reason: str = "") -> JsonResponse:
    """A form that did not come from a page of ours, or from one that was open for too long."""
    return problem_response(Forbidden("The form is too old or came from elsewhere. Load its page again and repeat."))


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's 404 for addresses that no route knows."""
    return problem_response(NotFound())


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's 500: says that it is ours, and by which id to ask about it. An outage is a 503 here, too: Django comes
    here with what a middleware or a page raises, while the error is being handled."""
    failed = sys.exception()
    outage = as_bedplate(failed) if isinstance(failed, Exception) else None
    if isinstance(outage, Unavailable):
        return problem_response(outage)
    return problem_response(BedplateError("The control plane failed; its log has the cause under this request id."))
