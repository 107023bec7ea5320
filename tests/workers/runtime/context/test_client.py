"""The client of the runtime API: tokens, problems, repetition."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runtime_api import RuntimeApi
from tests.workers.wrapper.misbehaving_api import (
    Behaviour,
    MisbehavingApi,
    answer,
    by_turns,
    garbage,
    hang_up,
    not_http,
)
from workers.contracts import exit_codes
from workers.runtime.client import AttemptSuperseded, JobApiError, RuntimeClient, StopOrder
from workers.runtime.fetching import Wanted
from workers.runtime.metric_batch import CONTENT_TYPE, pack


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        server.token_file.write_text("attempt-token\n", encoding="utf-8")
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(api: RuntimeApi, pauses: list[float]) -> Iterator[RuntimeClient]:
    with RuntimeClient(api.url, api.token_file, sleep=pauses.append) as found:
        yield found


def test_asks_with_the_token_of_the_file(api: RuntimeApi, client: RuntimeClient) -> None:
    assert client.should_stop() == StopOrder()

    assert api.calls == [("GET", "/attempts/self/should-stop", {})]


def test_reads_a_renewed_token(api: RuntimeApi, client: RuntimeClient) -> None:
    client.should_stop()
    api.token = "renewed"
    api.token_file.write_text("renewed", encoding="utf-8")

    assert client.should_stop() == StopOrder()


def test_a_refusal_is_an_error_with_code_and_status_and_is_not_repeated(
    client: RuntimeClient, pauses: list[float]
) -> None:
    with pytest.raises(JobApiError) as caught:
        client.resolve("other", "read")

    assert (caught.value.code, caught.value.status) == ("not_an_input", 403)
    assert caught.value.detail == "other is neither an input nor an output of this job"
    assert pauses == []


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_repeats_a_passing_trouble_with_growing_pauses(
    api: RuntimeApi, client: RuntimeClient, pauses: list[float], status: int
) -> None:
    api.fail("/data/resolve", status, times=3)
    api.outputs = {"dataset"}

    client.resolve("dataset", "write")

    assert len(pauses) == 3
    assert all(
        low <= pause <= high for pause, (low, high) in zip(pauses, [(0.1, 0.2), (0.2, 0.4), (0.4, 0.8)], strict=True)
    )
    assert [path for _, path, _ in api.calls] == ["/data/resolve"]


def test_a_lost_answer_is_asked_for_again_and_counts_once(api: RuntimeApi, client: RuntimeClient) -> None:
    api.fail("/checkpoints", 502, after=True)
    path = api.store / "step-1.pt"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()

    client.register_checkpoint({"step": 1, "uri": "bedplate://step-1.pt", "sha256": digest, "size_bytes": 7})

    assert [path for _, path, _ in api.calls] == ["/checkpoints", "/checkpoints"]
    assert len(api.checkpoints) == 1


def test_gives_up_when_the_time_is_over(api: RuntimeApi, pauses: list[float]) -> None:
    api.fail("/artifacts", 503, times=100)
    client = RuntimeClient(api.url, api.token_file, retry_seconds=0, sleep=pauses.append)
    with client, pytest.raises(JobApiError) as caught:
        client.register_artifact({})

    assert (caught.value.code, caught.value.status) == ("injected_503", 503)
    assert pauses == []


def test_nobody_there_is_an_error_without_status(api: RuntimeApi) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = RuntimeClient(f"http://127.0.0.1:{taken.getsockname()[1]}", api.token_file, retry_seconds=0)
        with client, pytest.raises(JobApiError) as caught:
            client.latest_checkpoint()

    assert (caught.value.code, caught.value.status) == ("control_plane_unreachable", 0)


def test_a_superseded_attempt_leaves_with_the_agreed_status(api: RuntimeApi, client: RuntimeClient) -> None:
    api.superseded = True

    with pytest.raises(AttemptSuperseded) as caught:
        client.send_batch(pack(0, 0, {}), CONTENT_TYPE)

    assert caught.value.code == exit_codes.CONTROL_PLANE_GONE == 85
    assert caught.value.detail == "attempt 2 took over"
    assert not isinstance(caught.value, Exception)


def test_no_checkpoint_is_none(client: RuntimeClient) -> None:
    assert client.latest_checkpoint() is None


def test_downloads_whole_files(api: RuntimeApi, client: RuntimeClient, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    source = tmp_path / "data.bin"
    source.write_bytes(content)
    api.add_input("data", [source], by_url=api.url)
    target = tmp_path / "copy.bin"

    client.download(Wanted("data.bin", f"{api.url}/files/data/data.bin"), target)

    assert target.read_bytes() == content
    assert not (tmp_path / "copy.bin.partial").exists()


def page(status: int) -> Behaviour:
    return lambda handler: handler.say(status, b"<html>a proxy</html>", "text/html")


WRONG: dict[str, Behaviour] = {
    "a page with 200": garbage,
    "a page with 404": page(404),
    "a page with 400": page(400),
    "a list": answer(200, [1]),
    "elsewhere": answer(302, {}),
    "not http": not_http,
    "hanging up": hang_up,
    "nothing": lambda handler: handler.say(200, b""),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_not_the_control_planes_answer_is_asked_again(tmp_path: Path, pauses: list[float], how: str) -> None:
    (tmp_path / "token").write_text("attempt-token")
    with MisbehavingApi() as wrong:
        wrong.behaviours["/exit"] = by_turns(WRONG[how], WRONG[how], answer(200, {"id": 1}))
        with RuntimeClient(wrong.url, tmp_path / "token", sleep=pauses.append) as client:
            assert client.post("/attempts/self/exit", {}) == {"id": 1}
    assert len(pauses) == 2


def test_a_file_too_large_for_a_proxy_is_refused_for_good(tmp_path: Path, pauses: list[float]) -> None:
    (tmp_path / "token").write_text("attempt-token")
    with MisbehavingApi() as wrong:
        wrong.behaviours["/exit"] = page(413)
        client = RuntimeClient(wrong.url, tmp_path / "token", sleep=pauses.append)
        with client, pytest.raises(JobApiError) as caught:
            client.post("/attempts/self/exit", {})
    assert (caught.value.status, pauses) == (413, [])


def test_a_token_that_cannot_be_read_now_is_read_later(api: RuntimeApi, client: RuntimeClient) -> None:
    api.token_file.unlink()
    with pytest.raises(JobApiError) as caught:
        client.should_stop()
    assert (caught.value.code, caught.value.final) == ("no_token", False)


def test_an_order_that_is_no_text_is_no_order(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("attempt-token")
    with MisbehavingApi() as wrong, RuntimeClient(wrong.url, tmp_path / "token") as client:
        wrong.behaviours["/should-stop"] = answer(200, {"should_stop": 7, "grace_seconds": 3})
        assert client.should_stop() == StopOrder()
        wrong.behaviours["/should-stop"] = answer(200, {"should_stop": "preempted", "grace_seconds": "soon"})
        assert client.should_stop() == StopOrder("preempted")


def test_a_forked_process_speaks_on_a_connection_of_its_own(api: RuntimeApi, client: RuntimeClient) -> None:
    client.should_stop()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if client.should_stop() == StopOrder() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client.should_stop() == StopOrder()
    assert len(api.calls) == 3
