"""One whole installation for all end-to-end tests, with a small published dataset version in it.

It is of the package, not of the session: else it would run, and take its part of a core, beside all tests that its
worker has after these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.odd_stack import Odd, odd_stack
from tests.support.proxy import Proxy
from tests.support.servers import database_of_its_own
from tests.support.stack import ROOT, Stack, finished, free_ports, running_stack
from tests.support.waiting import until

CSV = b"age,income,status\n" + b"".join(
    b"%d,%d,%s\n" % (20 + n, 100 * n, b"bad" if n % 4 == 0 else b"good") for n in range(40)
)
STOP_GRACE_SECONDS = 2
STEPS: list[dict[str, Any]] = [
    {"kind": "missing_values", "markers": ["", "NA"]},
    {"kind": "split", "test_ratio": 0.25, "seed": 1, "stratify": "status"},
    {"kind": "encode_label", "column": "status", "mapping": {"good": 0, "bad": 1}},
    {"kind": "impute", "numeric": "median", "categorical": "mode"},
    {"kind": "standardise"},
]
RECORDS = {"records": [{"age": 30, "income": 900}, {"age": None, "income": "NA"}, {"income": 100}]}


@pytest.fixture(scope="package")
def network() -> Iterator[Proxy]:
    """What lies between the web process and its jobs and gateway."""
    (port,) = free_ports(1)
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture(scope="package")
def stack(network: Proxy) -> Iterator[Stack]:
    settings = {
        "BEDPLATE_PORT": str(network.target_port),
        "BEDPLATE_JOB_API_URL": network.url,
        "BEDPLATE_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
        "BEDPLATE_PREEMPTION_GRACE_SECONDS": "8",
    }
    with running_stack(**settings) as running:
        yield running


@pytest.fixture(scope="package")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    with odd_stack(tmp_path_factory.mktemp("odd")) as running:
        yield running


@dataclass
class Away:
    """An installation whose jobs are elsewhere: those of this machine are given no folder of its store."""

    stack: Stack
    network: Proxy
    demo: httpx.Client


@pytest.fixture(scope="package")
def away() -> Iterator[Away]:
    """Its database is of the tests' server. What asks for it is of the group `away`."""
    (port,) = free_ports(1)
    with Proxy(port) as network:
        settings = {
            "BEDPLATE_PORT": str(network.target_port),
            "BEDPLATE_JOB_API_URL": network.url,
            "BEDPLATE_DISTANT_BACKENDS": "local",
            "BEDPLATE_DATABASE_URL": database_of_its_own(f"away_{os.getpid()}"),
        }
        with running_stack(**settings) as running, running.client("demo") as demo:
            yield Away(running, network, demo)


@pytest.fixture(scope="package")
def demo(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client("demo") as client:
        yield client


@pytest.fixture(scope="package")
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


def upload(client: httpx.Client, dataset: str, name: str, content: bytes) -> httpx.Response:
    return client.post("/sources", data={"dataset": dataset}, files={"file": (name, content)})


@pytest.fixture(scope="package")
def ground(demo: httpx.Client) -> Ground:
    return ground_of(demo, "ground")


def ground_of(client: httpx.Client, name: str) -> Ground:
    """A project of that name, with a published dataset version of a few rows."""
    project = post(client, "/projects", {"name": name, "title": name.title()})["id"]
    dataset = post(client, "/datasets", {"project": project, "name": "people"})["id"]
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": ("people.csv", CSV, "text/csv")})
    assert sent.status_code == 201, sent.text
    source = sent.json()["id"]
    asked = post(client, "/ingestions", {"dataset": dataset, "source": source, "options": {"format": "csv"}})
    done = finished(client, f"/ingestions/{asked['id']}")
    assert done["state"] == "succeeded", done
    experiment = post(client, "/experiments", {"project": project, "name": "first"})["id"]
    return Ground(project, dataset, source, done["id"], done["version"], experiment)


@dataclass(frozen=True)
class Served:
    """A model that was trained as in the example, with fewer epochs, and is served."""

    run: dict[str, Any]
    endpoint: dict[str, Any]


@pytest.fixture(scope="package")
def served(demo: httpx.Client, ground: Ground) -> Served:
    return served_of(demo, ground)


def served_of(demo: httpx.Client, ground: Ground) -> Served:
    """Clean the rows of the ground, train on them, and serve the model."""
    recipe = post(demo, "/recipes", {"project": ground.project, "name": "people", "steps": STEPS})
    cleaning = post(demo, "/cleaning-runs", {"recipe": recipe["id"], "input_version": ground.version})
    cleaned = finished(demo, f"/cleaning-runs/{cleaning['id']}")
    assert cleaned["state"] == "succeeded", cleaned
    script = (ROOT / "examples" / "credit_risk" / "train.py").read_text()
    body = run_body(ground, "served", script, dataset_version=cleaned["output_version"])
    body |= {"parameters": {"epochs": 2}, "resources": {"cpu_millis": 500, "memory_bytes": 1 << 30, "gpus": 0}}
    run = finished(demo, f"/runs/{post(demo, '/runs', body)['id']}")
    assert run["state"] == "succeeded", run
    model = post(demo, "/models", {"project": ground.project, "name": "people"})
    version = finished(
        demo, f"/model-versions/{post(demo, '/model-versions', {'model': model['id'], 'run': run['id']})['id']}"
    )
    body = {"project": ground.project, "name": "people", "model_version": version["id"], "replicas": 1}
    made = post(demo, "/endpoints", body)
    until(lambda: demo.get(f"/endpoints/{made['id']}").json()["ready_replicas"] == 1, timeout_seconds=60)
    return Served(run, demo.get(f"/endpoints/{made['id']}").json())


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
