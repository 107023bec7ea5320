"""What an API server says no with, and what is said when it says nothing."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import urllib3

from workers.backends.base import BackendError, BackendUnavailable
from workers.backends.kubernetes.connection import ClusterConnection


class Unreachable(BackendUnavailable):
    """Nobody can say what became of the request: no answer, half of one, or one that the server was not well.

    Args:
        cause: what it was about: `network`, `tls`, `unauthorised`, `server`, `busy`.
        sent: False when the server cannot have done anything.
        retry_after: the header of that name.
    """

    def __init__(self, sentence: str, cause: str = "network", *, sent: bool = True, retry_after: str = "") -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sent = sent
        self.retry_after = retry_after


class Refusal(BackendError):
    """An API server's no: repeating the request does not help. `str()` has the server's own words."""

    code: ClassVar[str] = "refused_by_cluster"

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.reason = str(body.get("reason") or "")
        self.message = str(body.get("message") or "")
        details = body.get("details")
        self.details: dict[str, Any] = details if isinstance(details, dict) else {}
        super().__init__(self.message or f"The API server answered with the status {status}.")

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def exists(self) -> bool:
        """There is an object of that name."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def conflicts(self) -> bool:
        """It is not as it was thought to be: another has its name, or somebody else says what we would say."""
        return self.status == 409 and self.reason == "Conflict"

    @property
    def gone(self) -> bool:
        """The version that was asked for is no longer kept."""
        return self.status == 410 or self.reason in ("Expired", "Gone")

    @property
    def terminating(self) -> bool:
        """The namespace is being deleted."""
        causes = self.details.get("causes")
        return self.status == 403 and any(
            isinstance(cause, dict) and cause.get("reason") == "NamespaceTerminating" for cause in causes or ()
        )

    @property
    def forbidden(self) -> bool:
        """Rights, a quota or a policy: 403 stands for all of them."""
        return self.status == 403 and not self.terminating


def status_of(body: bytes) -> dict[str, Any]:
    """The `Status` in an answer; empty for what is none, such as a proxy's page."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def no_answer(error: Exception, connection: ClusterConnection) -> Unreachable:
    """What went wrong below HTTP, as a sentence."""
    server = connection.server
    reason = _innermost(error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(_untrusted(reason, connection), "tls", sent=False)
    if isinstance(reason, ssl.SSLError):
        alert = str(reason.reason or "").replace("_", " ").lower()
        return Unreachable(f"{server} broke off the TLS handshake: {alert or reason}.", "network")
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return Unreachable(f"The name of {server} is not known here.", sent=False)
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else reason
        return Unreachable(f"{server} takes no connection: {said}.", sent=False)
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return Unreachable(f"{server} does not answer: no connection in time.", sent=False)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return Unreachable(f"{server} did not answer in time.")
    return Unreachable(f"{server} broke off its answer: {reason}.")


def unauthorised(connection: ClusterConnection) -> Unreachable:
    """The server does not know who we are."""
    expires = connection.expires_at()
    if expires is not None and expires < datetime.now(UTC):
        return Unreachable(
            f"{connection.server} does not accept the credentials: they expired at {expires:%Y-%m-%d %H:%M} UTC.",
            "unauthorised",
        )
    return Unreachable(f"{connection.server} does not accept the credentials (401).", "unauthorised")


def not_well(status: int, body: bytes, retry_after: str, connection: ClusterConnection) -> Unreachable:
    """An answer that says that the server could not do it now."""
    said = str(status_of(body).get("message") or "").strip()
    if status == 429:
        sentence = f"{connection.server} has too much to do (429). {said}".strip()
        return Unreachable(sentence, "busy", sent=False, retry_after=retry_after)
    sentence = f"{connection.server} is not well (status {status}). {said}".strip()
    return Unreachable(sentence, "server", retry_after=retry_after)


def _untrusted(reason: ssl.SSLCertVerificationError, connection: ClusterConnection) -> str:
    said = reason.verify_message
    if "match" in said or "mismatch" in said.lower():
        return f"The certificate of {connection.server} is not for that address: {said}."
    if "expired" in said:
        return f"The certificate of {connection.server} has expired."
    whom = "the authority that was given for it" if connection.ca_pem else "an authority that this machine trusts"
    return f"The certificate of {connection.server} is not signed by {whom} ({said})."


def _innermost(error: BaseException) -> BaseException:
    """The error of the operating system or of TLS that others wrap."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = next((part for part in error.args if isinstance(part, BaseException)), None)
        following = inner or error.__cause__ or error.__context__
        if following is None or isinstance(error, ssl.SSLError):
            break
        error = following
    return error
