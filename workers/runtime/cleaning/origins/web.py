"""By URL: HTTP, and objects of S3 and Google Cloud Storage, which are HTTP with a signature.

A connection that breaks is taken up where it broke (`Range` with `If-Range`), where the server can and what it has is
still the same; else from the beginning. Redirects are followed by hand, each looked at like the first address.
"""

from __future__ import annotations

import base64
import re
import ssl
import time
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urljoin

import certifi
import httpcore

from workers.contracts.origins import BUCKETS, BadAddress, Place, place_of
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin, Sink, plain_name
from workers.runtime.cleaning.origins.guard import CONNECT_SECONDS, Guard, GuardedNetwork
from workers.runtime.cleaning.origins.signing import object_url, signed

REDIRECTS_MOST = 5
READ_SECONDS = 60.0
"""Of silence in the middle of a body."""
TRIES = 4
"""In a row without a byte."""
PAUSE_SECONDS = 0.5
AGENT = "bedplate-ingest"
BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


def fetch_url(origin: Origin, folder: Path) -> Fetched:
    """The object at `origin.asked["url"]`, in `folder`; see `origins.fetched`."""
    try:
        place = place_of(str(origin.asked["url"]))
    except BadAddress as error:
        raise UserError("invalid_parameters", f"the address {error}") from None
    guard = Guard(origin.allowed, origin.private)
    guard.check_host(place.scheme, place.host, place.port)
    with _Web(guard) as web:
        return _Download(origin, place, web).into(folder)


class _Passing(Exception):
    """The server says that it may do better later."""

    def __init__(self, failure: UserError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _Web:
    """Connections that the guard has looked at."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._schemes: dict[tuple[str, int], str] = {}
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(cafile=certifi.where()),
            network_backend=GuardedNetwork(guard, self._schemes),
            max_connections=1,
        )

    def __enter__(self) -> _Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def get(self, place: Place, headers: dict[str, str]) -> httpcore.Response:
        """The beginning of an answer; its body is still to be read, and it must be closed."""
        self._schemes[(place.host, place.port)] = place.scheme
        said = [("Host", _host_header(place)), *headers.items()]
        timeouts = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": CONNECT_SECONDS}
        return self._pool.handle_request(
            httpcore.Request("GET", str(place), headers=said, extensions={"timeout": timeouts})
        )


def _host_header(place: Place) -> str:
    return str(place).split("/")[2]


@dataclass(slots=True)
class _Had:
    """What the server says of the object."""

    name: str = ""
    etag: str = ""
    last_modified: str = ""

    @property
    def validator(self) -> str:
        """By which a later request asks for the rest of the same; a weak one does not do."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


class _Download:
    def __init__(self, origin: Origin, place: Place, web: _Web) -> None:
        self._origin, self._asked, self._web = origin, place, web
        self._region = str(origin.asked.get("region") or "us-east-1")
        self._deadline = time.monotonic() + origin.seconds
        self._had = _Had()

    def into(self, folder: Path) -> Fetched:
        path = folder / "fetched"
        with path.open("w+b") as file:
            sink = Sink(file, self._origin.most_bytes, self._deadline, str(self._asked))
            is_new = self._fetch(sink)
        name = self._had.name or self._asked.name or "fetched"
        etag, last_modified = self._had.etag, self._had.last_modified
        if not is_new or sink.sha256 == self._origin.seen.get("sha256"):
            path.unlink()
            return Fetched(
                None, name, sha256=self._origin.seen.get("sha256", ""), etag=etag, last_modified=last_modified
            )
        if sink.size_bytes == 0:
            raise UserError("empty", f"{self._asked} is empty")
        path = path.replace(folder / plain_name(name))
        return Fetched(path, name, sink.size_bytes, sink.sha256, etag, last_modified)

    def _fetch(self, sink: Sink) -> bool:
        """Whether there was something new; takes up what breaks."""
        tries = 0
        while True:
            before = sink.size_bytes
            try:
                return self._once(sink)
            except _Passing as error:
                failure = error.failure
            except BROKEN as error:
                failure = _said(error, str(self._asked), sink.size_bytes)
            tries = tries + 1 if sink.size_bytes <= before else 1
            if failure.code == "tls_failed" or tries >= TRIES or time.monotonic() > self._deadline:
                raise failure
            time.sleep(PAUSE_SECONDS * tries)

    def _once(self, sink: Sink) -> bool:
        response, place = self._answer(sink.size_bytes)
        try:
            if response.status == 304:
                return False
            if response.status == 206 and sink.size_bytes and not _goes_on(response, sink.size_bytes):
                raise UserError("fetch_refused", f"{place} answers with another part than the one that was asked for")
            if response.status == 200:
                sink.again()
            elif response.status != 206:
                raise _refused(response, place)
            self._note(response)
            self._expected(response, sink)
            for chunk in response.iter_stream():
                sink.write(chunk)
            return True
        finally:
            response.close()

    def _answer(self, have: int) -> tuple[httpcore.Response, Place]:
        """Follow redirects to an answer."""
        place, first = self._start()
        for _ in range(REDIRECTS_MOST + 1):
            is_first = (place.scheme, place.host, place.port) == (first.scheme, first.host, first.port)
            response = self._web.get(place, self._headers(place, have, is_first))
            target = _header(response, "location")
            if response.status not in (301, 302, 303, 307, 308) or not target:
                return response, place
            response.close()
            place = self._redirected(place, target)
        raise UserError("too_many_redirects", f"{self._asked} leads on more than {REDIRECTS_MOST} times")

    def _start(self) -> tuple[Place, Place]:
        if not self._asked.is_bucket:
            return self._asked, self._asked
        endpoint = str(self._origin.asked.get("endpoint") or "")
        place = place_of(object_url(self._asked, region=self._region, endpoint=endpoint), ("https", "http"))
        if endpoint:  # the cloud's own hosts go with the bucket
            self._web.guard.check_host(place.scheme, place.host, place.port)
        return place, place

    def _redirected(self, place: Place, target: str) -> Place:
        try:
            found = place_of(urljoin(str(place), target), ("https", "http"))
        except BadAddress as error:
            raise UserError("fetch_refused", f"{place} leads to an address that {error}") from None
        if place.scheme == "https" and found.scheme == "http":
            raise UserError("fetch_refused", f"{place} leads from https to http, to {found.host}")
        self._web.guard.check_host(found.scheme, found.host, found.port)
        return found

    def _headers(self, place: Place, have: int, is_first: bool) -> dict[str, str]:
        """Credentials go to the host that they are for, and to no other that it leads to."""
        said = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        seen = self._origin.seen
        if have and self._had.validator:
            said |= {"Range": f"bytes={have}-", "If-Range": self._had.validator}
        elif seen.get("etag"):
            said["If-None-Match"] = seen["etag"]
        elif seen.get("last_modified"):
            said["If-Modified-Since"] = seen["last_modified"]
        credential = self._origin.credential() if is_first else ""
        if not credential:
            return said
        if self._asked.scheme == "s3":
            host = _host_header(place)
            return signed(host=host, path=place.path, headers=said, credential=credential, region=self._region)
        return said | {"Authorization": _authorization(credential, self._asked.scheme)}

    def _note(self, response: httpcore.Response) -> None:
        about = Message()
        about["Content-Disposition"] = _header(response, "content-disposition")
        name = Path(about.get_filename("") or "").name
        self._had = _Had(name[:120], _header(response, "etag")[:200], _header(response, "last-modified")[:100])

    def _expected(self, response: httpcore.Response, sink: Sink) -> None:
        """Refuse at once what will be too large, or comes in a form that is not the file."""
        encoding = _header(response, "content-encoding").lower()
        if encoding not in ("", "identity"):
            raise UserError("fetch_refused", f"{self._asked} comes as {encoding}, though it was asked for as it is")
        said = _header(response, "content-length")
        if said.isdecimal() and sink.size_bytes + int(said) > self._origin.most_bytes:
            size, most = sink.size_bytes + int(said), self._origin.most_bytes
            raise UserError("too_large", f"{self._asked} has {size} bytes; at most {most} are taken")


def _authorization(credential: str, scheme: str) -> str:
    """Of a secret: `name:password`, or a whole value as `Bearer …`; for `gs://` a token."""
    if scheme in BUCKETS:
        return f"Bearer {credential.removeprefix('Bearer ')}"
    if any(ord(letter) < 32 for letter in credential):
        raise UserError("bad_credentials", "the secret for this host is one line: name:password, or Bearer and a token")
    if " " in credential.strip().split(":", 1)[0]:
        return credential
    return f"Basic {base64.b64encode(credential.encode()).decode()}"


def _header(response: httpcore.Response, name: str) -> str:
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == wanted), "")


def _goes_on(response: httpcore.Response, have: int) -> bool:
    return _header(response, "content-range").startswith(f"bytes {have}-")


def _refused(response: httpcore.Response, place: Place) -> UserError | _Passing:
    status = response.status
    if status >= 500 or status == 429:
        return _Passing(UserError("fetch_refused", f"{place.host} answers with the status {status}, time and again"))
    if status in (401, 403):
        return UserError("fetch_forbidden", f"{place.host} does not give {place.path} to us (status {status})")
    if status in (404, 410):
        return UserError("not_found", f"{place.host} has no {place.path} (status {status})")
    return UserError("fetch_refused", f"{place.host} answers with the status {status}")


def _said(error: Exception, place: str, have: int) -> UserError:
    if isinstance(error, httpcore.ConnectError) and re.search("certificate|ssl", str(error), re.IGNORECASE):
        return UserError("tls_failed", f"{place}: {error}")
    if isinstance(error, httpcore.ConnectTimeout | httpcore.ConnectError):
        return UserError("host_unreachable", f"{place}: {error or 'no connection in time'}")
    return UserError("fetch_broken", f"{place} broke off after {have} bytes, time and again: {error or 'silence'}")
