"""The client of the runtime API: tokens, problems, repetition."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runtime_api import RuntimeApi
from workers.contracts import exit_codes
from workers.runtime.client import AttemptSuperseded, JobApiError, RuntimeClient


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
    assert client.should_stop() == ""

    assert api.calls == [("GET", "/attempts/self/should-stop", {})]


def test_reads_a_renewed_token(api: RuntimeApi, client: RuntimeClient) -> None:
    client.should_stop()
    api.token = "renewed"
    api.token_file.write_text("renewed", encoding="utf-8")

    assert client.should_stop() == ""


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
    api.fail("/metrics", status, times=3)

    client.send_metrics(0, 0, [])

    assert len(pauses) == 3
    assert all(
        low <= pause <= high for pause, (low, high) in zip(pauses, [(0.1, 0.2), (0.2, 0.4), (0.4, 0.8)], strict=True)
    )
    assert list(api.metrics) == [(0, 0)]


def test_a_lost_answer_is_asked_for_again_and_counts_once(api: RuntimeApi, client: RuntimeClient) -> None:
    api.fail("/metrics", 502, after=True)

    client.send_metrics(0, 7, [{"key": "loss", "steps": [1], "values": [0.5], "times": [1.0]}])

    assert [path for _, path, _ in api.calls] == ["/metrics", "/metrics"]
    assert api.points("loss") == [(1, 0.5)]


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
        client.send_metrics(0, 0, [])

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

    client.download(f"{api.url}/files/data/data.bin", target)

    assert target.read_bytes() == content
    assert not (tmp_path / "copy.bin.partial").exists()
