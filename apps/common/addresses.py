"""Short-lived addresses of objects, for jobs that do not share a disk with the store.

A remote store signs them itself. For a store that is a folder they are addresses of the control plane: a path below
its own, with an HMAC-SHA256 over what may be read, by whom and until when. Nothing is stored, so nobody is asked.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.utils.crypto import salted_hmac

from apps.common import clock
from apps.common.errors import BedplateError, Forbidden, TooLarge
from apps.common.storage import ObjectStore, checked, store

SECONDS = 3600
OBJECTS = "/api/v1/runtime/objects/"
"""Where the control plane answers; jobs put the address before it by which they reach it."""
ONE_PUT_BYTES = 5 << 30
"""What S3 takes in one request."""


class NoDirectAddress(BedplateError):
    """The store can give jobs no address of its own."""

    code, status, title = "no_direct_address", 501, "This object store cannot be reached by jobs"


class AddressExpired(BedplateError):
    """Ask again where the object is."""

    code, status, title = "address_expired", 410, "This address was for a short time, which is over"


@dataclass(frozen=True, slots=True)
class PutAddress:
    """Where a file is sent to, in one request."""

    url: str
    headers: dict[str, str]
    """To be sent with it, as they are."""


def fetch_address(path: str, *, attempt_id: UUID, sha256: str = "") -> str:
    """An address by which one object can be read for an hour.

    Args:
        sha256: of the object, where it is known: it becomes its ETag.

    Raises:
        NoDirectAddress: a remote store that cannot sign.
    """
    objects = store()
    if not objects.is_local:
        return _signed_by_store(objects, path)
    expires = int(clock.now().timestamp()) + SECONDS
    said = {"attempt": str(attempt_id), "expires": str(expires), "sha256": sha256}
    query = urlencode({**said, "signature": _mac(path, said)})
    return f"{OBJECTS}{quote(checked(path))}?{query}"


def fetch_check(path: str, query: Mapping[str, str]) -> str:
    """The SHA-256 that the address says, perhaps empty, once it is known to be ours and not over. No query.

    Raises:
        Forbidden: not one of our addresses.
        AddressExpired: it was.
    """
    said = {name: query.get(name, "") for name in ("attempt", "expires", "sha256")}
    if not hmac.compare_digest(query.get("signature", "").encode(), _mac(path, said).encode()):
        raise Forbidden("This is not an address that was given to a job.")
    if clock.now().timestamp() >= int(said["expires"]):
        raise AddressExpired("Resolve the input again; the new address goes on where this one ended.")
    return said["sha256"]


def put_address(path: str, *, size_bytes: int, sha256: str) -> PutAddress:
    """Where a job sends an object of a remote store, which compares the SHA-256.

    Raises:
        NoDirectAddress: the store cannot sign that.
        TooLarge: more than fits into one request.
    """
    objects = store()
    if "s3" not in _protocols(objects):
        raise NoDirectAddress(f"Jobs can send files to stores of the kinds file:// and s3://, not {objects.url}.")
    if size_bytes > ONE_PUT_BYTES:
        raise TooLarge(f"A file in an s3:// store may have {ONE_PUT_BYTES} bytes; this one has {size_bytes}.")
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    url = _signed_by_store(objects, path, client_method="put_object", ChecksumSHA256=digest)
    return PutAddress(url, {"x-amz-checksum-sha256": digest})


def open_put_address(path: str) -> str:
    """Where anybody sends an object of a remote store for an hour, whatever it holds: a part, which is looked at later.

    Raises:
        NoDirectAddress: the store cannot sign that.
    """
    objects = store()
    if "s3" not in _protocols(objects):
        raise NoDirectAddress(f"Files can be sent to stores of the kinds file:// and s3://, not {objects.url}.")
    return _signed_by_store(objects, path, client_method="put_object")


def _signed_by_store(objects: ObjectStore, path: str, **more: Any) -> str:
    try:
        return str(objects.fs.sign(f"{objects.root}/{checked(path)}", expiration=SECONDS, **more))
    except NotImplementedError:
        raise NoDirectAddress(f"{objects.fs.protocol} cannot make short-lived addresses.") from None


def _protocols(objects: ObjectStore) -> tuple[str, ...]:
    found = objects.fs.protocol
    return (found,) if isinstance(found, str) else tuple(found)


def _mac(path: str, said: Mapping[str, str]) -> str:
    signed = "\n".join((path, said["attempt"], said["expires"], said["sha256"]))
    return salted_hmac("bedplate.object-address", signed, algorithm="sha256").hexdigest()
