"""How a replica starts, fails to, and leaves."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from tests.support.waiting import until
from tests.workers.runtime.serving.conftest import Serving, write_model
from workers.contracts.exit_codes import PORT_IN_USE, USER_ERROR

BODY = b'{"records": [{"Income": 100, "Debt": 50, "Home": "rent"}]}'


def test_it_listens_at_once_and_is_ready_when_the_model_is_loaded(serving: Serving) -> None:
    serving.api.fail("/data/resolve", 503, times=1_000_000)
    with serving.start() as process, serving.client() as client:
        until(lambda: _answers(client))
        early = client.get("/readyz")
        assert (early.status_code, early.json()["detail"]) == (503, "the model is being loaded")
        refused = client.post("/predict", content=BODY, headers={"content-type": "application/json"})
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "not_ready", "1")
        process.terminate()  # nobody waits for a control plane that is away
        assert process.ended() == 0


def test_it_drains_answering_until_the_second_signal(serving: Serving) -> None:
    with serving.start(drain_seconds=60) as process, serving.client() as client:
        process.said("ready")
        process.terminate()
        assert process.said("draining")["workload_id"] == serving.api.workload_id
        assert (client.get("/livez").status_code, client.get("/readyz").json()["detail"]) == (200, "draining")
        late = client.post("/predict", content=BODY, headers={"content-type": "application/json"})
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        process.terminate()
        assert process.ended() == 0


def test_a_request_in_flight_is_finished_first(serving: Serving) -> None:
    with serving.start(drain_seconds=0) as process:
        process.said("ready")
        with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
            head = [
                "POST /predict HTTP/1.1",
                "host: a",
                "content-type: application/json",
                f"content-length: {len(BODY)}",
            ]
            connection.sendall("\r\n".join([*head, "", ""]).encode() + BODY[:10])
            with serving.client() as client:
                until(lambda: "in_flight 1.0" in client.get("/metrics").text)
            process.terminate()
            assert process.said("draining")["in_flight"] == 1
            connection.sendall(BODY[10:])
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["model_version"] == "v1"
        assert process.ended() == 0


def test_a_port_in_use(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", serving.port)), serving.start() as process:
        assert process.ended() == PORT_IN_USE
        assert process.said("the port is taken")["port"] == serving.port


def test_a_model_that_is_none_ends_it(serving: Serving) -> None:
    serving.api.inputs["model"]["where"]["model.onnx"].write_bytes(b"not a model")
    with serving.start() as process:
        assert process.ended() == USER_ERROR
        assert "InvalidProtobuf" in process.said("the model cannot be loaded")["exception"]
    (told,) = serving.api.troubles
    assert told["rank"] == 0
    assert told["detail"].startswith("The model cannot be loaded: InvalidProtobuf: ")
    assert serving.api.result() == {"error": {"code": "model_not_loaded", "detail": told["detail"]}}


@pytest.mark.parametrize("name, file", [("model", "model.onnx"), ("preprocessor", "preprocessor.json")])
def test_a_file_that_is_gone_ends_it_and_is_named(serving: Serving, name: str, file: str) -> None:
    serving.api.inputs[name]["where"][file].unlink()
    with serving.start() as process:
        assert process.ended() == USER_ERROR
    (told,) = serving.api.troubles
    assert file in told["detail"]


def test_who_cannot_tell_ends_all_the_same(serving: Serving) -> None:
    serving.api.inputs["model"]["where"]["model.onnx"].write_bytes(b"")
    serving.api.fail("/attempts/self/trouble", 503, times=1_000_000)
    with serving.start() as process:
        assert process.ended() == USER_ERROR
        process.said("the control plane was not told")


def test_a_model_that_does_not_fit_its_preprocessor_ends_it(serving: Serving) -> None:
    write_model(serving.api.inputs["model"]["where"]["model.onnx"], [1.0, 2.0])
    with serving.start() as process:
        assert process.ended() == USER_ERROR
        said = process.said("the model cannot be loaded")["exception"]
    assert "the model takes 2 features and its preprocessor makes 4" in said


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False
