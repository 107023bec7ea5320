"""Batches over one connection, and what becomes of them where the other side is no plain one."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.kubernetes.tls import Authority
from tests.workers.wrapper.misbehaving_api import (
    SUPERSEDED,
    Behaviour,
    Handler,
    MisbehavingApi,
    answer,
    by_turns,
    hang_up,
    not_http,
)
from workers.runtime.client import AttemptSuperseded, JobApiError, RuntimeClient
from workers.runtime.posting import Answer, Poster, Unusual

BATCH = b'{"rank": 0}'
"""Sent as bytes, as packed ones are; the server of these tests reads JSON."""
METRICS = "/api/v1/runtime/metrics"
ACCEPTED = answer(200, {"accepted": 4})


@pytest.fixture
def other() -> Iterator[MisbehavingApi]:
    with MisbehavingApi() as server:
        server.behaviours[METRICS] = ACCEPTED
        yield server


@pytest.fixture
def client(other: MisbehavingApi, tmp_path: Path) -> Iterator[RuntimeClient]:
    (tmp_path / "token").write_text("attempt-token\n")
    with RuntimeClient(other.url, tmp_path / "token") as found:
        yield found


@pytest.fixture
def poster(other: MisbehavingApi) -> Iterator[Poster]:
    found = Poster(other.url + "/api/v1/runtime", 10)
    yield found
    found.close()


def sent(other: MisbehavingApi) -> list[str]:
    return [token for path, _, token in other.requests if path == METRICS]


def ports(kept: list[int], behaviour: Behaviour) -> Behaviour:
    """Note the port that each request came from."""

    def noted(handler: Handler) -> None:
        kept.append(handler.client_address[1])
        behaviour(handler)

    return noted


def chunked(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'f\r\n{"accepted": 4}\r\n0\r\n\r\n')


def then_closed(*, said: bool) -> Behaviour:
    """Answer, and close the connection."""

    def behave(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "15")
        if said:
            handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b'{"accepted": 4}')
        handler.close_connection = True

    return behave


def half(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "15")
    handler.end_headers()
    handler.wfile.write(b'{"acc')
    handler.close_connection = True


def test_batches_go_over_one_connection(other: MisbehavingApi, client: RuntimeClient) -> None:
    came: list[int] = []
    other.behaviours[METRICS] = ports(came, ACCEPTED)
    for _ in range(3):
        client.send_batch(BATCH, "application/x-msgpack")
    assert sent(other) == ["Bearer attempt-token"] * 3
    assert len(set(came)) == 1


def test_status_words_headers_and_content_come_back(other: MisbehavingApi, poster: Poster) -> None:
    other.behaviours[METRICS] = answer(503, {"code": "backend_unavailable"})
    found = poster.post("/metrics", BATCH, {"Authorization": "Bearer x"})
    assert found[:2] == (503, "Service Unavailable")
    assert (found.headers["content-type"], found.content) == ("application/json", b'{"code": "backend_unavailable"}')


@pytest.mark.parametrize("said", [True, False])
def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    other: MisbehavingApi, client: RuntimeClient, said: bool
) -> None:
    came: list[int] = []
    other.behaviours[METRICS] = ports(came, then_closed(said=said))
    for _ in range(3):
        client.send_batch(BATCH, "application/x-msgpack")
    assert len(set(came)) == 3
    assert len(sent(other)) == 3


def test_one_that_closes_as_it_is_used_again_gets_the_batch_once_more(
    other: MisbehavingApi, client: RuntimeClient
) -> None:
    other.behaviours[METRICS] = by_turns(ACCEPTED, hang_up, ACCEPTED)
    client.send_batch(BATCH, "application/x-msgpack")
    client.send_batch(BATCH, "application/x-msgpack")
    assert len(sent(other)) == 3


@pytest.mark.parametrize("behaviour", [hang_up, half])
def test_a_connection_of_its_own_that_breaks_is_an_error_that_passes(
    other: MisbehavingApi, client: RuntimeClient, behaviour: Behaviour
) -> None:
    other.behaviours[METRICS] = behaviour
    with pytest.raises(JobApiError) as caught:
        client.send_batch(BATCH, "application/x-msgpack")
    assert (caught.value.code, caught.value.final) == ("control_plane_unreachable", False)
    assert len(sent(other)) == 1
    other.behaviours[METRICS] = ACCEPTED
    client.send_batch(BATCH, "application/x-msgpack")


def test_who_answers_in_pieces_is_left_to_the_other_client(other: MisbehavingApi, client: RuntimeClient) -> None:
    other.behaviours[METRICS] = chunked
    for _ in range(3):
        client.send_batch(BATCH, "application/x-msgpack")
    assert len(sent(other)) == 4  # the first was asked twice, which a batch may be


@pytest.mark.parametrize("behaviour", [chunked, not_http, answer(100, {}), answer(200, "x" * (1 << 20))])
def test_what_is_no_plain_answer_is_not_read(other: MisbehavingApi, poster: Poster, behaviour: Behaviour) -> None:
    def odd(handler: Handler) -> None:
        behaviour(handler)
        handler.wfile.write(b"\r\n\r\n")

    other.behaviours[METRICS] = odd
    for _ in range(2):
        with pytest.raises(Unusual):
            poster.post("/metrics", BATCH, {})
    assert len(sent(other)) == 1


def test_a_refusal_and_the_end_of_an_attempt_are_told_apart(other: MisbehavingApi, client: RuntimeClient) -> None:
    other.behaviours[METRICS] = answer(422, {"code": "invalid", "detail": "no"})
    with pytest.raises(JobApiError) as caught:
        client.send_batch(BATCH, "application/x-msgpack")
    assert (caught.value.code, caught.value.status, caught.value.final) == ("invalid", 422, True)
    other.behaviours[METRICS] = answer(410, SUPERSEDED)
    with pytest.raises(AttemptSuperseded):
        client.send_batch(BATCH, "application/x-msgpack")


def test_a_token_that_was_refused_is_read_again_though_its_file_looks_the_same(
    other: MisbehavingApi, client: RuntimeClient, tmp_path: Path
) -> None:
    client.send_batch(BATCH, "application/x-msgpack")
    before = (tmp_path / "token").stat()
    (tmp_path / "token").write_text("renewed-token\n")
    os.utime(tmp_path / "token", ns=(before.st_atime_ns, before.st_mtime_ns))
    other.behaviours[METRICS] = by_turns(answer(401, {"code": "not_authenticated"}), ACCEPTED)
    with pytest.raises(JobApiError) as caught:
        client.send_batch(BATCH, "application/x-msgpack")
    assert not caught.value.final
    client.send_batch(BATCH, "application/x-msgpack")
    assert sent(other) == ["Bearer attempt-token", "Bearer attempt-token", "Bearer renewed-token"]


def test_a_forked_process_makes_a_connection_of_its_own(other: MisbehavingApi, poster: Poster) -> None:
    came: list[int] = []
    other.behaviours[METRICS] = ports(came, ACCEPTED)
    post: Callable[[], Answer] = lambda: poster.post("/metrics", BATCH, {})  # noqa: E731
    post()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if post().status == 200 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    post()
    assert came[0] == came[2] != came[1]


def test_a_batch_that_is_json_goes_by_the_other_client(other: MisbehavingApi, client: RuntimeClient) -> None:
    client.send_batch({"rank": 0})
    assert sent(other) == ["Bearer attempt-token"]


def test_a_secure_address_is_spoken_to_with_the_other_clients_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority()
    with MisbehavingApi() as other:
        listening = other._server.socket
        other._server.socket = authority.context(tmp_path).wrap_socket(listening, server_side=True)
        came: list[int] = []
        other.behaviours[METRICS] = ports(came, ACCEPTED)
        url = other.url.replace("http", "https") + "/api/v1/runtime"
        stranger = Poster(url, 10)
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.post("/metrics", BATCH, {})
        asked: list[bool] = []

        def trusting(*, trust_env: bool) -> ssl.SSLContext:
            asked.append(trust_env)
            return ssl.create_default_context(cadata=authority.pem)

        monkeypatch.setattr(httpx, "create_ssl_context", trusting)
        poster = Poster(url, 10)
        assert [poster.post("/metrics", BATCH, {}).status for _ in range(3)] == [200, 200, 200]
        poster.close()
    assert len(set(came)) == 1
    assert asked == [False]
