"""One whole installation for all end-to-end tests, with a small published dataset version in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.proxy import Proxy
from tests.support.stack import Stack, finished, free_ports, running_stack

CSV = b"age,income,status\n" + b"".join(
    b"%d,%d,%s\n" % (20 + n, 100 * n, b"bad" if n % 4 == 0 else b"good") for n in range(40)
)
STOP_GRACE_SECONDS = 2


@pytest.fixture(scope="session")
def network() -> Iterator[Proxy]:
    """What lies between the web process and its jobs and gateway."""
    (port,) = free_ports(1)
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def stack(network: Proxy) -> Iterator[Stack]:
    settings = {
        "BEDPLATE_PORT": str(network.target_port),
        "BEDPLATE_JOB_API_URL": network.url,
        "BEDPLATE_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
    }
    with running_stack(**settings) as running:
        yield running


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client("demo") as client:
        yield client


@pytest.fixture(scope="session")
def stranger(stack: Stack) -> Iterator[httpx.Client]:
    """A user with a project of their own and no role in demo's."""
    stack.manage(
        "shell",
        "-v",
        "0",
        "-c",
        (
            "from apps.access.models import Organisation, User;"
            "User.objects.create_user('stranger', password=None, organisation=Organisation.objects.get())"
        ),
    )
    with stack.client("stranger") as client:
        post(client, "/projects", {"name": "elsewhere", "title": ""})
        yield client


@dataclass(frozen=True)
class Ground:
    """What most end-to-end tests stand on."""

    project: str
    dataset: str
    source: str
    ingestion: str
    version: str
    experiment: str


def post(client: httpx.Client, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = client.post(path, json=body, headers=headers)
    assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
    created: dict[str, Any] = answer.json()
    return created


@pytest.fixture(scope="session")
def ground(demo: httpx.Client) -> Ground:
    project = post(demo, "/projects", {"name": "ground", "title": "Ground"})["id"]
    dataset = post(demo, "/datasets", {"project": project, "name": "people"})["id"]
    sent = demo.post("/sources", data={"dataset": dataset}, files={"file": ("people.csv", CSV, "text/csv")})
    assert sent.status_code == 201, sent.text
    source = sent.json()["id"]
    asked = post(demo, "/ingestions", {"dataset": dataset, "source": source, "options": {"format": "csv"}})
    done = finished(demo, f"/ingestions/{asked['id']}")
    assert done["state"] == "succeeded", done
    experiment = post(demo, "/experiments", {"project": project, "name": "first"})["id"]
    return Ground(project, dataset, source, done["id"], done["version"], experiment)


def run_body(ground: Ground, name: str, script: str, **more: Any) -> dict[str, Any]:
    return {
        "experiment": ground.experiment,
        "name": name,
        "script": script,
        "dataset_version": ground.version,
        "parameters": {},
        "resources": {"cpu_millis": 200, "memory_bytes": 256 << 20, "gpus": 0},
        **more,
    }
