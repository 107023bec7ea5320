"""Fetching by URL, from a real server that redirects, drops, dawdles and refuses; and what may be connected to."""

from __future__ import annotations

import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.contracts.origins import BadAddress, is_allowed, is_private, pattern_problem, place_of
from workers.runtime.cleaning.collect import collect
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins import web
from workers.runtime.cleaning.origins.base import Fetched, Origin, plain_name
from workers.runtime.cleaning.origins.signing import object_url, signed
from workers.runtime.cleaning.origins.web import fetch_url
from workers.runtime.context import JobContext

CONTENT = b"age,status\n" + b"30,good\n" * 50_000
ETAG = '"v1"'
Answer = Callable[["_Handler"], None]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answers[self.path.split("?")[0]](self)

    def log_message(self, *_: Any) -> None:
        pass

    def say(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, text in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {"/people.csv": lambda each: each.say(200, CONTENT, ETag=ETAG)}

    @property
    def place(self) -> str:
        return f"localhost:{self.server_port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    monkeypatch.setattr(web, "PAUSE_SECONDS", 0)
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _fetch(server: _Server, folder: Path, path: str = "/people.csv", **changes: Any) -> Fetched:
    near = changes.pop("near", True)
    asked = {"kind": "url", "url": f"http://{server.place}{path}", **changes.pop("asked", {})}
    values: dict[str, Any] = {
        "kind": "url", "asked": asked, "allowed": (server.place,), "private": (server.place,) if near else (),
        "most_bytes": 1 << 20, "seconds": 20.0, "credential": lambda: "", **changes,
    }  # fmt: skip
    return fetch_url(Origin(**values), folder)


def _refused(server: _Server, folder: Path, path: str = "/people.csv", **changes: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        _fetch(server, folder, path, **changes)
    return caught.value


def test_a_file_comes_whole_and_measured(server: _Server, tmp_path: Path) -> None:
    came = _fetch(server, tmp_path)
    assert came.path == tmp_path / "people.csv"
    assert came.path.read_bytes() == CONTENT
    assert (came.size_bytes, came.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (came.name, came.etag) == ("people.csv", ETAG)
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_the_job_fetches_and_ingests_in_one(server: _Server, tmp_path: Path) -> None:
    asked = {
        "kind": "url", "url": f"http://{server.place}/people.csv", "allowed": [server.place],
        "private": [server.place], "most_bytes": 1 << 20, "seconds": 20,
    }  # fmt: skip

    def job(**seen: str) -> tuple[JobContext, dict[str, Any]]:
        ctx = Jobs(tmp_path / f"jobs-{len(server.asked)}")._context(
            _folder(tmp_path / f"jobs-{len(server.asked)}"), {"format": "csv", "origin": {**asked, "seen": seen}}
        )
        return ctx, collect(ctx)

    ctx, result = job()
    assert (result["row_count"], result["fetched"]["file"]) == (50_000, "people.csv")
    assert [path.name for path in ctx.output("raw").iterdir()] == ["people.csv"]
    _, again = job(sha256=result["fetched"]["sha256"])
    assert (again["unchanged"], sorted(again)) == (True, ["fetched", "unchanged"])
    server.answers["/people.csv"] = lambda each: each.say(200, b'a,b\n"1,2\n')
    with pytest.raises(UserError):
        job()
    assert list((tmp_path / "jobs-2" / "bedplate-local" / "raw").iterdir()) == []


def _folder(place: Path) -> Path:
    (place / "bedplate-local").mkdir(parents=True)
    return place


def test_what_breaks_off_is_taken_up_where_it_broke(server: _Server, tmp_path: Path) -> None:
    def drops(each: _Handler) -> None:
        begin = int(each.headers["Range"].removeprefix("bytes=").rstrip("-")) if each.headers["Range"] else 0
        assert each.headers["If-Range"] == (ETAG if begin else None)
        each.send_response(206 if begin else 200)
        for name, text in {"ETag": ETAG, "Content-Length": str(len(CONTENT) - begin)}.items():
            each.send_header(name, text)
        if begin:
            each.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        each.end_headers()
        each.wfile.write(CONTENT[begin : begin + 150_000])
        each.close_connection = True

    server.answers["/people.csv"] = drops
    came = _fetch(server, tmp_path)
    assert came.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert len(server.asked) == 3


def test_what_has_changed_meanwhile_comes_from_the_beginning(server: _Server, tmp_path: Path) -> None:
    def changes(each: _Handler) -> None:
        if len(server.asked) == 1:
            each.send_response(200)
            each.send_header("ETag", ETAG)
            each.send_header("Content-Length", "500000")
            each.end_headers()
            each.wfile.write(b"old" * 1000)
            each.close_connection = True
        else:
            each.say(200, CONTENT, ETag='"v2"')

    server.answers["/people.csv"] = changes
    came = _fetch(server, tmp_path)
    assert (came.sha256, came.etag) == (hashlib.sha256(CONTENT).hexdigest(), '"v2"')


@pytest.mark.parametrize("seen", [{"etag": ETAG}, {"last_modified": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_what_has_not_changed_is_not_sent(server: _Server, tmp_path: Path, seen: dict[str, str]) -> None:
    def knows(each: _Handler) -> None:
        known = {"If-None-Match": seen.get("etag"), "If-Modified-Since": seen.get("last_modified")}
        assert {name: each.headers[name] for name in known} == known
        each.say(304)

    server.answers["/people.csv"] = knows
    came = _fetch(server, tmp_path, seen={**seen, "sha256": "0" * 64})
    assert (came.path, came.sha256, list(tmp_path.iterdir())) == (None, "0" * 64, [])


def test_the_same_bytes_again_are_nothing_new(server: _Server, tmp_path: Path) -> None:
    came = _fetch(server, tmp_path, seen={"sha256": hashlib.sha256(CONTENT).hexdigest()})
    assert (came.path, list(tmp_path.iterdir())) == (None, [])


def test_a_redirect_is_followed_and_credentials_stay_behind(server: _Server, tmp_path: Path) -> None:
    other = f"127.0.0.1:{server.server_port}"
    server.answers["/moved"] = lambda each: each.say(302, Location=f"http://{other}/people.csv")
    near = (server.place, other)
    came = _fetch(server, tmp_path, "/moved", allowed=near, private=near, credential=lambda: "ada:secret")
    assert came.size_bytes == len(CONTENT)
    assert [headers.get("Authorization") for _, headers in server.asked] == ["Basic YWRhOnNlY3JldA==", None]


@pytest.mark.parametrize(
    "target, code",
    [
        ("http://127.0.0.1:{port}/people.csv", "host_not_allowed"),
        ("http://169.254.169.254/latest/meta-data/", "host_not_allowed"),
        ("http://[::ffff:127.0.0.1]:{port}/people.csv", "host_not_allowed"),
        ("file:///etc/passwd", "fetch_refused"),
        ("http://name:word@localhost:{port}/people.csv", "fetch_refused"),
        ("/round", "too_many_redirects"),
    ],
)
def test_a_redirect_to_where_nobody_may_is_not_followed(
    server: _Server, tmp_path: Path, target: str, code: str
) -> None:
    server.answers["/round"] = lambda each: each.say(302, Location=target.format(port=server.server_port))
    assert _refused(server, tmp_path, "/round").code == code
    assert {path for path, _ in server.asked} == {"/round"}


def test_a_private_address_is_not_connected_to(server: _Server, tmp_path: Path) -> None:
    error = _refused(server, tmp_path, near=False)
    assert (error.code, server.asked) == ("address_not_allowed", [])


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was looked at is the one that is connected to."""
    real, names = socket.getaddrinfo, []

    def rebinds(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.example.org":
            names.append(host)
            return (
                real("127.0.0.1", port, *args, **kwargs) if len(names) > 1 else real("8.8.8.8", port, *args, **kwargs)
            )
        assert host == "8.8.8.8", "connects to figures, not to names"
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", rebinds)
    asked = {"url": f"http://rebind.example.org:{server.server_port}/people.csv"}
    allowed = (f"rebind.example.org:{server.server_port}",)
    error = _refused(server, tmp_path, asked=asked, allowed=allowed, private=())
    assert error.code in ("address_not_allowed", "host_unreachable")
    assert server.asked == []


@pytest.mark.parametrize(
    "answer, code",
    [
        (lambda each: each.say(404), "not_found"),
        (lambda each: each.say(403), "fetch_forbidden"),
        (lambda each: each.say(500), "fetch_refused"),
        (lambda each: each.say(200, Content_Length="99999999"), "too_large"),
        (lambda each: each.say(200, CONTENT, Content_Encoding="gzip"), "fetch_refused"),
        (lambda each: each.say(200), "empty"),
        (lambda each: each.connection.shutdown(socket.SHUT_RDWR), "fetch_broken"),
    ],
)
def test_what_the_server_says_is_said_on(server: _Server, tmp_path: Path, answer: Answer, code: str) -> None:
    server.answers["/people.csv"] = answer
    assert _refused(server, tmp_path).code == code


def test_a_server_that_says_no_length_is_bounded_too(server: _Server, tmp_path: Path) -> None:
    def endless(each: _Handler) -> None:
        each.send_response(200)
        each.end_headers()
        try:
            while True:
                each.wfile.write(b"x" * 65536)
        except OSError:
            each.close_connection = True

    server.answers["/people.csv"] = endless
    assert _refused(server, tmp_path).code == "too_large"


def test_a_server_that_dawdles_is_left(server: _Server, tmp_path: Path) -> None:
    server.answers["/people.csv"] = lambda each: each.say(200, b"x")
    assert _refused(server, tmp_path, seconds=-1.0).code == "timed_out"


def test_tls_that_nobody_vouches_for(server: _Server, tmp_path: Path) -> None:
    """A server that speaks no TLS at all."""
    asked = {"url": f"https://{server.place}/people.csv"}
    assert _refused(server, tmp_path, asked=asked).code == "tls_failed"


def test_an_object_of_a_store_of_ones_own_is_asked_for_with_a_signature(server: _Server, tmp_path: Path) -> None:
    server.answers["/bucket/data/people%20all.csv"] = lambda each: each.say(200, CONTENT, ETag=ETAG)
    keys = json.dumps({"access_key_id": "AKID", "secret_access_key": "hush"})
    asked = {"url": "s3://bucket/data/people all.csv".replace(" ", "\u00a0"), "endpoint": f"http://{server.place}"}
    server.answers["/bucket/data/people%C2%A0all.csv"] = server.answers["/bucket/data/people%20all.csv"]
    came = _fetch(server, tmp_path, asked=asked, allowed=(server.place, "s3://bucket"), credential=lambda: keys)
    assert came.path == tmp_path / "people_all.csv"
    said = server.asked[0][1]
    assert said["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "hush" not in str(said)
    assert _refused(server, tmp_path, asked=asked, credential=lambda: keys).code == "host_not_allowed"


def test_the_signature_is_that_of_the_documentation() -> None:
    """The example "GET Object" of the reference of Signature Version 4."""
    keys = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
    said = signed(
        host="examplebucket.s3.amazonaws.com",
        path="/test.txt",
        headers={"Range": "bytes=0-9"},
        credential=json.dumps(keys),
        region="us-east-1",
        at=datetime(2013, 5, 24, tzinfo=UTC),
    )
    wanted = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert said["Authorization"].endswith(
        f"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature={wanted}"
    )


def test_addresses_of_objects() -> None:
    def at(url: str, endpoint: str = "") -> str:
        return object_url(place_of(url), region="eu-west-1", endpoint=endpoint)

    assert at("s3://bucket/a/b c.csv".replace(" ", "+")) == "https://bucket.s3.eu-west-1.amazonaws.com/a/b%2Bc.csv"
    assert at("s3://my.bucket/a.csv") == "https://s3.eu-west-1.amazonaws.com/my.bucket/a.csv"
    assert at("gs://bucket/a.csv") == "https://storage.googleapis.com/bucket/a.csv"
    assert at("s3://bucket/a.csv", "https://minio:9000/") == "https://minio:9000/bucket/a.csv"


@pytest.mark.parametrize(
    "text, private",
    [
        ("8.8.8.8", False), ("2001:4860:4860::8888", False), ("10.1.2.3", True), ("172.16.0.1", True),
        ("192.168.1.1", True), ("127.0.0.1", True), ("0.0.0.0", True), ("169.254.169.254", True),
        ("100.64.0.1", True), ("168.63.129.16", True), ("224.0.0.1", True), ("::1", True), ("::", True),
        ("fe80::1", True), ("fd00:ec2::254", True), ("::ffff:127.0.0.1", True), ("::ffff:8.8.8.8", False),
        ("64:ff9b::a9fe:a9fe", True), ("64:ff9b::808:808", False), ("2002:7f00:1::", True), ("ff02::1", True),
    ],
)  # fmt: skip
def test_which_addresses_are_private(text: str, private: bool) -> None:
    assert is_private(ip_address(text)) is private


@pytest.mark.parametrize(
    "patterns, scheme, host, port, allowed",
    [
        (["data.example.org"], "https", "data.example.org", 443, True),
        (["data.example.org"], "http", "data.example.org", 80, True),
        (["data.example.org"], "https", "data.example.org", 8443, False),
        (["data.example.org:8443"], "https", "data.example.org", 8443, True),
        (["data.example.org:8443"], "https", "data.example.org", 443, False),
        (["*.example.org"], "https", "a.b.example.org", 443, True),
        (["*.example.org"], "https", "example.org", 443, False),
        (["*.example.org"], "https", "evilexample.org", 443, False),
        (["[::1]:80"], "http", "::1", 80, True),
        (["s3://bucket"], "s3", "bucket", 443, True),
        (["s3://bucket"], "gs", "bucket", 443, False),
        (["bucket"], "s3", "bucket", 443, False),
        ([], "https", "data.example.org", 443, False),
    ],
)
def test_what_a_list_allows(patterns: list[str], scheme: str, host: str, port: int, allowed: bool) -> None:
    assert [pattern_problem(pattern) for pattern in patterns] == [""] * len(patterns)
    assert is_allowed(scheme, host, port, patterns) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "", "people.csv", "ftp://host/a", "file:///etc/passwd", "https://", "https://ada:word@host/a", "s3://bucket",
        "s3://bucket/folder/", "s3://bucket:80/a", "https://host:99999/a", "https://host/a b", "https://ho st/a",
        "https://host/\n", "https://" + "x" * 3000, "http://[::1",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadAddress):
        place_of(url)


def test_names_of_files_are_plain() -> None:
    assert [plain_name(name) for name in ("a b.csv", "贷款.csv", "../../x", "", "Élan.csv")] == [
        "a_b.csv", "csv", "x", "fetched", "Elan.csv",
    ]  # fmt: skip
    assert str(place_of("HTTPS://Data.Example.ORG:443/A?b=c")) == "https://data.example.org/A?b=c"
