"""The credential of a running job: signed, nothing stored, valid while its attempt is the open one.

`bpa_` and, in URL-safe base64: 16 bytes attempt id, 8 bytes expiry (seconds since 1970), 32 bytes HMAC-SHA256 over
both with a key derived from the installation's secret key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from datetime import datetime
from uuid import UUID

from django.utils.crypto import salted_hmac

from apps.common import clock
from apps.common.errors import AttemptSuperseded, Unauthenticated
from apps.quotas.models import Attempt

PREFIX = "bpa_"
_BODY = struct.Struct(">16sQ")
_MAC_BYTES = 32


def issue(attempt_id: UUID, expires_at: datetime) -> str:
    """A token of that attempt."""
    body = _BODY.pack(attempt_id.bytes, int(expires_at.timestamp()))
    return PREFIX + base64.urlsafe_b64encode(body + _mac(body)).decode().rstrip("=")


def verify(token: str) -> UUID:
    """The attempt that a token names. Looks at signature and expiry only; no query.

    Raises:
        Unauthenticated: not one of our tokens.
        AttemptSuperseded: it has expired.
    """
    raw = _decoded(token)
    if len(raw) != _BODY.size + _MAC_BYTES or not hmac.compare_digest(raw[_BODY.size :], _mac(raw[: _BODY.size])):
        raise Unauthenticated("This is not a valid attempt token.")
    number, expiry = _BODY.unpack(raw[: _BODY.size])
    if clock.now().timestamp() >= expiry:
        raise AttemptSuperseded("The attempt token has expired.")
    return UUID(bytes=number)


def attempt_of(token: str) -> Attempt:
    """The open attempt of a token, with its workload. One query.

    Raises:
        Unauthenticated: not one of our tokens.
        AttemptSuperseded: the token has expired, or its attempt has ended.
    """
    attempt_id = verify(token)
    attempt: Attempt | None = Attempt.objects.select_related("workload").filter(pk=attempt_id, ended_at=None).first()
    if attempt is None:
        raise AttemptSuperseded("The attempt of this token has ended.")
    return attempt


def _mac(body: bytes) -> bytes:
    return salted_hmac("bedplate.attempt-token", body, algorithm="sha256").digest()


def _decoded(token: str) -> bytes:
    if not token.startswith(PREFIX) or len(token) > 200:
        return b""
    text = token.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    # The last letter has bits that say nothing: with others there it is another text, not the one that was signed.
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else b""
