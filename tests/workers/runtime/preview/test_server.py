"""A preview as a process: who may ask, what it answers, how it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support import http
from tests.support.job_process import JobProcess
from tests.support.runtime_api import RuntimeApi
from tests.support.stack import free_ports
from tests.support.waiting import until
from workers.contracts import exit_codes

TOKEN = "token-of-the-preview"
PARAMETERS = {"token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
STEPS = [{"kind": "drop_duplicates", "columns": None}]


def _data(folder: Path, **columns: list[Any]) -> Path:
    path = folder / "part-00000.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def _client(port: int, token: str = TOKEN) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return http.client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, JobProcess]]:
    folder = tmp_path_factory.mktemp("preview")
    api, port = RuntimeApi(folder), free_ports(1)[0]
    api.add_input("dataset", [_data(folder, __ordinal=[0, 1, 2], age=[1.0, 1.0, 2.0])])
    with api, JobProcess("workers.runtime.preview", api.serving_environment(PARAMETERS, port), api.work_dir) as process:
        process.said("ready")
        with _client(port) as client:
            until(lambda: client.get("/readyz").status_code == 200)
        yield port, process


def test_it_answers_its_token_and_no_other(ready: tuple[int, JobProcess]) -> None:
    with _client(ready[0], "another") as stranger:
        refused = stranger.post("/apply", json={"steps": STEPS})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    with _client(ready[0]) as client:
        shown = client.post("/apply", json={"steps": STEPS}).json()
    assert [row["ordinal"] for row in shown["steps"][0]["table"]["rows"] if row["change"] == "removed"] == [1]


BODIES = {
    "no JSON": (b"{", 400),
    "a list": (b"[]", 422),
    "no steps": (b'{"steps": [1]}', 422),
    "too many": (b'{"steps": [' + b"{}," * 200 + b"{}]}", 422),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cannot_be_used(ready: tuple[int, JobProcess], body: bytes, status: int) -> None:
    with _client(ready[0]) as client:
        assert client.post("/apply", content=body).status_code == status


def test_steps_that_are_none_are_said_to_be(ready: tuple[int, JobProcess]) -> None:
    with _client(ready[0]) as client:
        answer = client.post("/apply", json={"steps": [{"kind": "shred"}]})
    assert answer.status_code == 200
    assert (answer.json()["error"]["step"], answer.json()["steps"]) == (1, [])


def test_it_leaves_when_it_is_told_to(tmp_path: Path) -> None:
    api, port = RuntimeApi(tmp_path), free_ports(1)[0]
    api.add_input("dataset", [_data(tmp_path, __ordinal=[0], age=[1.0])])
    with api, JobProcess("workers.runtime.preview", api.serving_environment(PARAMETERS, port), api.work_dir) as process:
        process.said("ready")
        process.terminate()
        assert process.ended() == exit_codes.COMPLETED


def test_data_without_ordinals_ends_it_with_a_reason(tmp_path: Path) -> None:
    api, port = RuntimeApi(tmp_path), free_ports(1)[0]
    api.add_input("dataset", [_data(tmp_path, age=[1.0])])
    with api, JobProcess("workers.runtime.preview", api.serving_environment(PARAMETERS, port), api.work_dir) as process:
        assert process.ended() == exit_codes.USER_ERROR
        assert "no_ordinals" in process.said("the sample cannot be read")["reason"]
