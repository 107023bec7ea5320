"""Files by an address: gone on with where it broke off, asked for again when it is over, never another file."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workers.runtime.client import JobApiError
from workers.runtime.fetching import Fetcher, Wanted, in_parallel

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """Serves `content` in ranges as long as they are of the same tag."""

    content: bytes = CONTENT
    tag: str = f'"{SHA256}"'
    most: int = 1 << 30
    """Of one answer; then it breaks off."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Path → status that it is answered with."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and range."""
    url: str = ""
    after: Callable[[], None] = lambda: None


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = self.headers.get("Range", "")
            found.asked.append((self.path, said))
            status = found.refusals.get(self.path)
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first = int(said.removeprefix("bytes=").rstrip("-") or 0)
            if self.headers.get("If-Range", found.tag) != found.tag:
                first = 0
            rest = found.content[first:]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.send_header("ETag", found.tag)
            self.end_headers()
            self.wfile.write(rest[: found.most])
            if len(rest) > found.most:
                self.close_connection = True
            found.after()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{listening.server_address[1]}"
        yield found
        listening.shutdown()
        thread.join(5)


def wanted(server: Server, path: str = "/a", *, known: bool = True) -> Wanted:
    return Wanted("a", server.url + path, len(CONTENT) if known else None, SHA256 if known else None)


def fetcher(pauses: list[float] | None = None, **more: object) -> Fetcher:
    return Fetcher(sleep=(pauses if pauses is not None else []).append, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("known", [True, False])
def test_it_goes_on_where_it_broke_off(server: Server, tmp_path: Path, known: bool) -> None:
    server.most = 4000
    pauses: list[float] = []
    fetcher(pauses).fetch(wanted(server, known=known), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert [said for _, said in server.asked] == ["", "bytes=4000-", "bytes=8000-"]
    assert pauses == [0.5, 0.5]
    assert not (tmp_path / "a.partial").exists()


def test_another_file_in_its_place_is_begun_anew(server: Server, tmp_path: Path) -> None:
    """Of a file whose SHA-256 nobody knows, the tag says whether it still is the same."""
    server.most = 4000

    def change() -> None:
        server.content, server.tag, server.most = b"other", '"other"', 1 << 30

    server.after = change
    fetcher().fetch(wanted(server, known=False), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"other"


def test_what_an_earlier_process_began_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.partial").write_bytes(CONTENT[:5000])
    fetcher().fetch(wanted(server), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked == [("/a", "bytes=5000-")]


@pytest.mark.parametrize("began", [b"x" * 5000, b"x" * 20_000])
def test_what_an_earlier_process_left_of_something_else_is_thrown_away(
    server: Server, tmp_path: Path, began: bytes
) -> None:
    (tmp_path / "a.partial").write_bytes(began)
    fetcher().fetch(wanted(server), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [410, 403])
def test_an_address_that_is_over_is_asked_for_again_and_gone_on_with(
    server: Server, tmp_path: Path, status: int
) -> None:
    server.most = 4000

    def over() -> None:
        server.refusals["/a"] = status

    server.after = over
    fetcher(renew=lambda _: f"{server.url}/b").fetch(wanted(server), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked[:3] == [("/a", ""), ("/a", "bytes=4000-"), ("/b", "bytes=4000-")]


def test_an_address_that_is_never_good_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    server.refusals = {"/a": 410, "/b": 410}
    with pytest.raises(JobApiError, match="download_refused"):
        fetcher(renew=lambda _: f"{server.url}/b").fetch(wanted(server), tmp_path / "a")
    assert [path for path, _ in server.asked] == ["/a", "/b"]


def test_a_passing_trouble_is_waited_for_and_then_given_up(server: Server, tmp_path: Path) -> None:
    server.refusals = {"/a": 503}
    pauses: list[float] = []
    with pytest.raises(JobApiError) as caught:
        fetcher(pauses, patience_seconds=10).fetch(wanted(server), tmp_path / "a")
    assert (caught.value.status, pauses) == (503, [0.5, 1, 2, 4, 8])


def test_another_file_than_was_wanted_is_never_kept(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(JobApiError, match="damaged"):
        fetcher().fetch(wanted(server), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_file_that_is_larger_is_not_taken_in(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT + b"!"
    with pytest.raises(JobApiError, match="damaged"):
        fetcher(patience_seconds=1).fetch(wanted(server), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_nobody_waits_for_what_nobody_needs(server: Server, tmp_path: Path) -> None:
    server.refusals = {"/a": 503}
    with pytest.raises(JobApiError):
        fetcher(is_over=lambda: True).fetch(wanted(server), tmp_path / "a")
    assert len(server.asked) == 1


def test_an_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.content = b""
    empty = Wanted("a", f"{server.url}/a", 0, hashlib.sha256(b"").hexdigest())
    fetcher().fetch(empty, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b""


def test_what_is_done_at_once_keeps_its_order_and_its_first_trouble() -> None:
    at_once = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        at_once.wait()
        return number

    assert in_parallel([lambda n=number: work(n) for number in range(6)], 3) == list(range(6))  # type: ignore[misc]

    def fail() -> None:
        raise SystemExit(85)

    with pytest.raises(SystemExit, match="85"):
        in_parallel([fail, fail])
