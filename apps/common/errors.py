"""One tree of errors. Each has a stable `code`, an HTTP status and whether trying again can help.

BedplateError
├── Invalid               400  invalid             the request cannot be understood or breaks a rule of form
├── Unauthenticated       401  unauthenticated
│   └── AttemptSuperseded 401  attempt_superseded  the attempt of this token is no longer current
├── Forbidden             403  forbidden           visible, but not allowed; the detail says why
│   └── ApprovalRequired  403  approval_required   allowed once somebody approves
├── NotFound              404  not_found           missing, or not visible: the two look the same
├── Conflict              409  conflict            the thing is not in a state that allows this
│   ├── IllegalTransition 409  illegal_transition
│   ├── StaleState        409  stale_state         somebody else moved it first; load again (retryable)
│   ├── IdempotencyMismatch 409 idempotency_mismatch  the key was used for another request
│   └── QuotaExceeded     409  quota_exceeded
├── TooLarge              413  too_large
├── RateLimited           429  rate_limited        too many of these; `wait` says for how long (retryable)
└── Unavailable           503  unavailable         (retryable)
    ├── BackendUnavailable 503 backend_unavailable (retryable)
    └── StorageUnavailable 503 storage_unavailable (retryable)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class BedplateError(Exception):
    """Base of every error that a caller may see.

    Args:
        detail: one sentence for people: what happened and what to do.
        fields: per field of the request the sentences about it.
        faults: the same in parts, of a recipe: `{"step", "option", "code", "detail", "column"}`.
    """

    code = "error"
    status = 500
    title = "Error"
    retryable = False

    def __init__(
        self,
        detail: str = "",
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        faults: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}
        self.faults = [dict(fault) for fault in faults]


class Invalid(BedplateError):
    code, status, title = "invalid", 400, "The request is not valid"


class Unauthenticated(BedplateError):
    code, status, title = "unauthenticated", 401, "Sign in or send a valid token"


class AttemptSuperseded(Unauthenticated):
    code, title = "attempt_superseded", "The attempt of this token is no longer current"


class Forbidden(BedplateError):
    code, status, title = "forbidden", 403, "Not allowed"


class ApprovalRequired(Forbidden):
    code, title = "approval_required", "Somebody must approve this first"


class NotFound(BedplateError):
    code, status, title = "not_found", 404, "Not found"


class Conflict(BedplateError):
    code, status, title = "conflict", 409, "Not possible in the present state"


class IllegalTransition(Conflict):
    code, title = "illegal_transition", "No such step in the state table"


class StaleState(Conflict):
    code, title = "stale_state", "Changed by somebody else meanwhile; load it again"
    retryable = True


class IdempotencyMismatch(Conflict):
    code, title = "idempotency_mismatch", "This idempotency key was used for a different request"


class QuotaExceeded(Conflict):
    code, title = "quota_exceeded", "The quota does not allow this"


class TooLarge(BedplateError):
    code, status, title = "too_large", 413, "Too large"


class RateLimited(BedplateError):
    """Args: wait: seconds until it makes sense to try again."""

    code, status, title = "rate_limited", 429, "Too many requests"
    retryable = True

    def __init__(self, detail: str = "", *, wait: int) -> None:
        super().__init__(detail)
        self.wait = wait


class Unavailable(BedplateError):
    """`wait`: seconds until it makes sense to try again."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"
    retryable = True
    wait = 1


class BackendUnavailable(Unavailable):
    code, title = "backend_unavailable", "The backend that runs jobs cannot be reached"


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", "The object store cannot be reached or is full"
