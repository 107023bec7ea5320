"""Probes, metrics and request ids of the web process and the worker, against real servers."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from apps.common.storage import Room
from controlplane import health
from controlplane.worker_health import WorkerServer
from tests.support.disks import files_of_at_most

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    """Each test finds the checks as a new process does."""
    health._all_applied.cache_clear()
    yield
    health._all_applied.cache_clear()


def oks(body: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    return {name: check["ok"] for name, check in body["checks"].items()}


def test_alive_needs_nothing(client: Client) -> None:
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.django_db
def test_ready_when_all_checks_pass(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert oks(response.json()) == dict.fromkeys(("database", "migrations", "redis", "storage", "home"), True)
    for disk in ("storage", "home"):
        check = response.json()["checks"][disk]
        assert 0 < check["free_bytes"] <= check["total_bytes"]


@pytest.mark.django_db
def test_not_ready_says_why(client: Client, settings: Any) -> None:
    settings.BEDPLATE_REDIS_URL = NOWHERE
    settings.BEDPLATE_STORAGE_URL = "file:///proc/no/such/store"
    MigrationRecorder.Migration.objects.filter(app="common").delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert oks(response.json()) == {
        "database": True,
        "migrations": False,
        "redis": False,
        "storage": False,
        "home": True,
    }
    assert checks["migrations"]["reason"] == "migrations are not applied: run `manage.py migrate`"
    assert checks["redis"]["reason"] == "redis does not answer (ConnectionError)"
    assert checks["storage"]["reason"] == "storage does not answer (StorageUnavailable)"


@pytest.mark.django_db
def test_a_full_store_is_said_to_be_full_until_there_is_room(client: Client) -> None:
    with files_of_at_most(0):
        response = client.get("/readyz")
    check = response.json()["checks"]["storage"]
    assert (response.status_code, check["ok"]) == (503, False)
    assert re.fullmatch(r"the disk is full \(\d+\.\d [GT]B of \d+\.\d [GT]B free\)", check["reason"])
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("free", "status", "said"),
    [
        (200, 200, {}),
        (4, 200, {"warning": "the disk is nearly full (4.0 MB of 100.0 MB free)"}),
        (0, 503, {"reason": "the disk is full (0 bytes of 100.0 MB free)"}),
    ],
)
def test_the_disk_of_the_home_warns_before_it_is_full(
    client: Client, monkeypatch: pytest.MonkeyPatch, free: int, status: int, said: dict[str, str]
) -> None:
    monkeypatch.setattr(health, "room_at", lambda path: Room(free << 20, 100 << 20))
    response = client.get("/readyz")
    check = response.json()["checks"]["home"]
    assert response.status_code == status
    assert {name: text for name, text in check.items() if name in ("warning", "reason")} == said


def test_room_is_a_figure(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    for disk in ("storage", "home"):
        assert re.search(rf'^bedplate_disk_free_bytes{{disk="{disk}"}} [1-9]', text, re.MULTILINE)
        assert re.search(rf'^bedplate_disk_total_bytes{{disk="{disk}"}} [1-9]', text, re.MULTILINE)


@pytest.mark.django_db
def test_ready_again_once_migrated(client: Client) -> None:
    rows = list(MigrationRecorder.Migration.objects.filter(app="common"))
    MigrationRecorder.Migration.objects.filter(app="common").delete()
    assert client.get("/readyz").status_code == 503
    MigrationRecorder.Migration.objects.bulk_create(rows)
    assert client.get("/readyz").status_code == 200


def test_probes_come_by_any_name(client: Client) -> None:
    assert client.get("/livez", headers={"host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/api/v1/docs/", headers={"host": "10.1.2.3:8000"}).status_code == 400


def test_metrics_count_by_route_not_by_address(client: Client) -> None:
    client.get("/admin/login/")
    client.get("/api/nowhere/at/all")
    text = client.get("/metrics").content.decode()
    assert 'bedplate_http_requests_total{method="GET",route="admin/login/",status="200"}' in text
    assert 'bedplate_http_requests_total{method="GET",route="unknown",status="404"}' in text
    assert "process_resident_memory_bytes" in text
    assert "/nowhere" not in text


def test_a_request_keeps_the_id_it_came_with(client: Client) -> None:
    response = client.get("/nowhere", headers={"x-request-id": "from-the-proxy"})
    assert response.headers["X-Request-ID"] == "from-the-proxy"
    assert response.json()["request_id"] == "from-the-proxy"


@pytest.mark.parametrize("offered", ["", "two words", "x" * 129, "new\tline"])
def test_a_request_without_a_good_id_gets_one(client: Client, offered: str) -> None:
    given = client.get("/nowhere", headers={"x-request-id": offered}).headers["X-Request-ID"]
    assert given != offered
    assert len(given) == 32


@pytest.mark.django_db(transaction=True)
def test_the_worker_answers_probes() -> None:
    server = WorkerServer("127.0.0.1", 0)
    server.start()
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    answers = {}
    for path in ("/livez", "/readyz", "/metrics", "/other"):
        link.request("GET", path)
        response = link.getresponse()
        answers[path] = (response.status, response.read())
        link.close()
    server.stop()
    assert {path: status for path, (status, _) in answers.items()} == {
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/other": 404,
    }
    assert json.loads(answers["/readyz"][1])["ready"] is True
    assert b"bedplate_tasks_running" in answers["/metrics"][1]
