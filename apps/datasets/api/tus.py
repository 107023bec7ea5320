"""The tus protocol 1.0.0 on the wire: headers of requests and answers. https://tus.io/protocols/resumable-upload"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from django.conf import settings
from django.utils.http import http_date
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import BedplateError, Invalid
from apps.datasets.models import Upload

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,expiration,termination,checksum"
ALGORITHMS: Final = ("sha1", "sha256", "md5")
CONTENT_TYPE: Final = "application/offset+octet-stream"
METADATA_MOST: Final = 4096


class WrongVersion(BedplateError):
    """The request is of another version of the protocol, or says none."""

    code, status, title = "wrong_tus_version", 412, f"This speaks tus {VERSION}"


class WrongMediaType(BedplateError):
    """The body of a PATCH is not said to be bytes at an offset."""

    code, status, title = "unsupported_media_type", 415, f"The body must be {CONTENT_TYPE}"


def version_check(request: Request) -> None:
    """Raise WrongVersion unless the request says that it speaks ours."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise WrongVersion(f"Send the header Tus-Resumable: {VERSION}.")


def whole(request: Request, name: str) -> int:
    """A header that holds a whole number.

    Raises:
        Invalid: it is missing, or holds something else.
    """
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Invalid(f"The header {name} is a whole number of bytes.", fields={name: ["is not a whole number"]})
    return int(text)


def metadata_of(request: Request) -> dict[str, str]:
    """`Upload-Metadata`: keys, each with a text in Base64.

    Raises:
        Invalid: it cannot be read.
    """
    header, found = request.headers.get("Upload-Metadata", ""), dict[str, str]()
    if len(header) > METADATA_MOST:
        raise Invalid(f"Upload-Metadata has at most {METADATA_MOST} characters.", fields={"Upload-Metadata": ["long"]})
    for pair in filter(None, header.split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = "\0"
        if not key or key in found or "\0" in text:
            said = f"Upload-Metadata: {key[:40]!r} is not a key of its own with a text in Base64."
            raise Invalid(said, fields={"Upload-Metadata": ["cannot be read"]})
        found[key] = text
    return found


def checksum_of(request: Request) -> tuple[str, bytes] | None:
    """`Upload-Checksum`: algorithm and digest; None where there is none.

    Raises:
        Invalid: an algorithm that is not known, or no digest.
    """
    header = request.headers.get("Upload-Checksum", "")
    if not header:
        return None
    algorithm, _, value = header.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in ALGORITHMS or not digest:
        said = f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, a blank and the digest in Base64."
        raise Invalid(said, fields={"Upload-Checksum": ["cannot be used"]})
    return algorithm, digest


def said_of(upload: Upload) -> dict[str, str]:
    """Headers of an answer about an upload."""
    said = {
        "Upload-Offset": str(upload.offset_bytes),
        "Upload-Length": str(upload.size_bytes),
        "Upload-Metadata": f"filename {base64.b64encode(upload.name.encode()).decode()}",
        "Cache-Control": "no-store",
    }
    return said if upload.is_terminal else {**said, "Upload-Expires": http_date(upload.expires_at.timestamp())}


def options() -> Response:
    """What is spoken here."""
    return Response(
        status=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Max-Size": str(settings.BEDPLATE_SOURCE_MOST_BYTES),
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )
