"""The headers by which object stores know who asks: AWS Signature Version 4 for `s3://`, a bearer token for `gs://`."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import quote

from workers.contracts.origins import Place
from workers.runtime.cleaning.errors import UserError

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()
SAFE = "/-_.~"


def object_url(place: Place, *, region: str, endpoint: str) -> str:
    """The HTTP address of an object. With an endpoint of one's own (MinIO, Ceph) the bucket is in the path."""
    key = quote(place.path, safe=SAFE)
    if endpoint:
        return f"{endpoint.rstrip('/')}/{place.host}/{key}"
    if place.scheme == "gs":
        return f"https://storage.googleapis.com/{place.host}/{key}"
    if "." in place.host:  # the certificate of *.s3 covers one label
        return f"https://s3.{region}.amazonaws.com/{place.host}/{key}"
    return f"https://{place.host}.s3.{region}.amazonaws.com/{key}"


def signed(
    *, host: str, path: str, headers: dict[str, str], credential: str, region: str, at: datetime | None = None
) -> dict[str, str]:
    """The headers of a GET with a signature.

    Args:
        host: as the header `Host` says it.
        path: quoted.
        credential: JSON with `access_key_id`, `secret_access_key` and perhaps `session_token`.

    Raises:
        UserError: the credential cannot be read.
    """
    keys = _keys(credential)
    moment = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    said = {**headers, "x-amz-content-sha256": EMPTY, "x-amz-date": moment}
    if keys.get("session_token"):
        said["x-amz-security-token"] = keys["session_token"]
    lower = {name.lower(): " ".join(text.split()) for name, text in {**said, "host": host}.items()}
    names = ";".join(sorted(lower))
    request = "\n".join(["GET", path, "", *(f"{name}:{lower[name]}" for name in sorted(lower)), "", names, EMPTY])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys['secret_access_key']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    given = f"Credential={keys['access_key_id']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**said, "Authorization": f"{ALGORITHM} {given}"}


def _keys(credential: str) -> dict[str, str]:
    try:
        found = json.loads(credential)
        keys = {name: str(text) for name, text in found.items()}
        if not (keys["access_key_id"] and keys["secret_access_key"]):
            raise ValueError
    except (ValueError, KeyError, AttributeError, TypeError):
        said = 'the secret for s3:// is JSON: {"access_key_id": "…", "secret_access_key": "…"}'
        raise UserError("bad_credentials", said) from None
    return keys
