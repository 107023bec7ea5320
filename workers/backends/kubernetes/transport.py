"""Requests to an API server over the official client's connections: paced, bounded in time, repeated where allowed."""

from __future__ import annotations

import contextlib
import copy
import email.utils
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import urllib3

from workers.backends.kubernetes.connection import ClusterConnection, open_client
from workers.backends.kubernetes.pace import TokenBucket, pause_seconds
from workers.backends.kubernetes.refusal import Refusal, Unreachable, no_answer, not_well, status_of, unauthorised

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 12.0
"""Of one verb, over all that it asks and repeats, unless it says another. A task has 30."""
SILENCE_SECONDS: Final = 90.0
"""A watch says something once a minute, if only a bookmark."""
JSON: Final = "application/json"
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_FINAL: Final = frozenset({"tls", "unauthorised"})
"""Causes that a pause does not mend."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """The object in it. Raises Unreachable: it is cut off, or not the API server's."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, ValueError) as error:
            raise Unreachable("The API server's answer is no JSON.", "server") from error
        if not isinstance(found, dict):
            raise Unreachable("The API server's answer is no object.", "server")
        return found


class ServerClock:
    """The API server's clock, by the `Date` of its answers: ours may be wrong."""

    def __init__(self) -> None:
        self._heard: tuple[float, float] | None = None

    def hear(self, date: str) -> None:
        """Note the header of an answer that came just now; what is no date is ignored."""
        try:
            self._heard = (email.utils.parsedate_to_datetime(date).timestamp(), time.monotonic())
        except (TypeError, ValueError):
            return

    def now(self) -> float:
        """Seconds since the epoch, to a second; by our own clock before the first answer."""
        heard = self._heard
        return time.time() if heard is None else heard[0] + time.monotonic() - heard[1]

    def age(self, stamp: str | None) -> float:
        """Seconds since a time that the server wrote; 0 for what is none, or lies ahead."""
        try:
            return max(0.0, self.now() - datetime.fromisoformat(stamp or "").timestamp())
        except ValueError:
            return 0.0


class Lines:
    """The lines of an answer that goes on, until the server ends it.

    Iterating raises Unreachable: it broke off, or nothing was said for too long.
    """

    def __init__(self, response: Any, connection: ClusterConnection) -> None:
        self._response = response
        self._connection = connection
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self._response.stream(64 * 1024, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line for line in lines if line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if not self._ended.is_set():
                raise no_answer(error, self._connection) from error
        finally:
            self._response.close()

    def end(self) -> None:
        """Let whoever waits for the next line wait no more. From any thread."""
        self._ended.set()
        with contextlib.suppress(OSError, ValueError):  # it is over already
            self._response.shutdown()


class Transport:
    """The connections to one API server. Shared by threads.

    Args:
        pause: what waits; tests give another.
    """

    def __init__(self, connection: ClusterConnection, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.connection = connection
        self.clock = ServerClock()
        self._client = open_client(connection)
        self._pool = self._client.rest_client.pool_manager
        self._bucket = TokenBucket(connection.requests_per_second, pause=pause)
        self._pause = pause
        self._deadline: float | None = None

    def within(self, seconds: float) -> Transport:
        """The same connections, for requests that together take no longer than that."""
        bounded = copy.copy(self)
        bounded._deadline = time.monotonic() + seconds
        return bounded

    def close(self) -> None:
        """Close what is idle; what is asked later opens new connections."""
        self._pool.clear()

    def once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        kind: str = JSON,
    ) -> Answer:
        """One request, not repeated.

        Raises:
            Refusal: the server says no.
            Unreachable: it may have been done, or not; `sent` is False when it cannot have been.
        """
        left = self._left()
        if not self._bucket.take(left):
            raise Unreachable("Too much is asked of this API server at once.", "busy", sent=False)
        response = self._send(method, path, query, body, kind, min(READ_SECONDS, left))
        content = self._read(response)
        if response.status >= 300:
            raise self._no(response, content)
        return Answer(response.status, content, response.headers)

    def repeated(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        kind: str = JSON,
    ) -> Answer:
        """One request that may be done twice, until it has an answer or the time is up. Raises as `once`."""
        bounded, tries = self.bounded(), 0
        while True:
            tries += 1
            try:
                return bounded.once(method, path, query, body, kind)
            except Unreachable as error:
                bounded.wait(error, tries)

    def page(self, path: str, *, most_bytes: int, most_seconds: float) -> bytes:
        """What somebody says through the API server, who may say too much or too slowly. Not repeated.

        Raises:
            Refusal: the API server says no, or whom it asked.
            Unreachable: no answer, or one that is longer, or takes longer, than allowed.
        """
        bounded = self.within(min(most_seconds, self._left()))
        left = bounded._left()
        if left <= 0 or not self._bucket.take(left):
            raise Unreachable("There is no time left to ask.", "busy", sent=False)
        response = bounded._send("GET", path, None, None, JSON, left)
        content = bounded._read_most(response, most_bytes)
        if response.status >= 300:
            raise bounded._no(response, content)
        return content

    def bounded(self) -> Transport:
        """This, with a deadline."""
        return self if self._deadline is not None else self.within(PATIENCE_SECONDS)

    def wait(self, error: Unreachable, tries: int) -> None:
        """Before the next try. Raises the error when no pause mends it, or when the time is up."""
        seconds = pause_seconds(tries, error.retry_after)
        if error.cause in _FINAL or seconds >= self._left():
            raise error
        self._pause(seconds)

    def lines(self, path: str, query: Mapping[str, str], *, silence: float = SILENCE_SECONDS) -> Lines:
        """An answer that goes on.

        Raises:
            Refusal: the server would not begin.
            Unreachable: it did not answer.
        """
        response = self._send("GET", path, query, None, JSON, silence)
        if response.status >= 300:
            raise self._no(response, self._read(response))
        return Lines(response, self.connection)

    def _left(self) -> float:
        return PATIENCE_SECONDS if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None, kind: str, read: float
    ) -> Any:
        headers = {"Accept": JSON, "User-Agent": self._client.user_agent}
        if body is not None:
            headers["Content-Type"] = kind
        for setting in self._client.configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        url = self.connection.server + path + (f"?{urlencode(query)}" if query else "")
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, read + 0.1), read=read + 0.1)
        try:
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=timeout, preload_content=False, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(error, self.connection) from error
        self.clock.hear(response.headers.get("date", ""))
        return response

    def _read(self, response: Any) -> bytes:
        try:
            return bytes(response.read(decode_content=True))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(error, self.connection) from error
        finally:
            response.release_conn()

    def _read_most(self, response: Any, most_bytes: int) -> bytes:
        content = bytearray()
        try:
            while chunk := response.read1(64 * 1024, decode_content=True):  # what there is by now
                content += chunk
                if len(content) > most_bytes or self._left() <= 0:
                    response.close()  # with what is still to come
                    raise Unreachable(f"What comes is more than {most_bytes} bytes, or comes too slowly.", "server")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(error, self.connection) from error
        finally:
            response.release_conn()
        return bytes(content)

    def _no(self, response: Any, body: bytes) -> Refusal | Unreachable:
        if response.status == 401:
            return unauthorised(self.connection)
        if response.status in _PASSING:
            return not_well(response.status, body, response.headers.get("retry-after", ""), self.connection)
        return Refusal(response.status, status_of(body))
