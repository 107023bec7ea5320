"""What the web process serves by which application."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator

from controlplane.asgi import SUBJECTS, application
from tests.support.disks import files_of_at_most


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_django_answers(web: httpx.AsyncClient) -> None:
    alive = await web.get("/livez")
    assert (alive.status_code, alive.json()) == (200, {"alive": True})


async def test_unknown_addresses_are_problems_with_the_id_of_the_request(web: httpx.AsyncClient) -> None:
    lost = await web.get("/no/such/page", headers={"X-Request-ID": "r-1"})
    assert (lost.status_code, lost.headers["content-type"]) == (404, "application/problem+json")
    assert (lost.json()["request_id"], lost.headers["x-request-id"]) == ("r-1", "r-1")


async def test_a_body_that_finds_no_room_is_answered_and_comes_through_later(web: httpx.AsyncClient) -> None:
    body = b"x" * (2 << 20)  # above what is kept in memory
    with files_of_at_most(1 << 20):
        refused = await web.post("/api/v1/sources", content=body)
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert (refused.json()["code"], refused.json()["retryable"]) == ("storage_unavailable", True)
    assert "is full" in refused.json()["detail"]
    assert (await web.post("/api/v1/sources", content=body)).status_code == 401


async def test_metric_batches_pass_django_by(web: httpx.AsyncClient) -> None:
    refused = await web.post("/api/v1/runtime/metrics", json={})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert "x-frame-options" not in refused.headers


async def test_a_socket_from_another_site_is_refused() -> None:
    scope = {"type": "websocket", "path": "/ws/v1/live/", "headers": [(b"origin", b"https://evil.example")]}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    assert await socket.receive_output() == {"type": "websocket.close"}


def test_every_kind_can_be_followed_under_one_name() -> None:
    assert {"workload", "run", "ingestion", "dataset_version", "model_version", "revision"} <= set(SUBJECTS)
