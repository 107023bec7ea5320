"""A user of another project gets 404 on everything of this one: REST, downloads, admin, gateway."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.conftest import Ground, post, run_body
from tests.support import http
from tests.support.stack import Stack, finished

pytestmark = pytest.mark.xdist_group("stack")

WITH_ARTIFACT = """
from pathlib import Path
from workers.runtime.context import job_context
ctx = job_context()
Path("note.txt").write_text("secret note")
ctx.log_artifact("note", Path("note.txt"))
"""


def test_rest_and_downloads_are_404_for_a_stranger(demo: httpx.Client, stranger: httpx.Client, ground: Ground) -> None:
    run = finished(demo, f"/runs/{post(demo, '/runs', run_body(ground, 'private', WITH_ARTIFACT))['id']}")
    assert run["state"] == "succeeded", run
    (artifact,) = demo.get(f"/artifacts?run={run['id']}").json()["results"]
    paths = [
        f"/projects/{ground.project}",
        f"/datasets/{ground.dataset}",
        f"/sources/{ground.source}",
        f"/sources/{ground.source}/download",
        f"/ingestions/{ground.ingestion}",
        f"/dataset-versions/{ground.version}",
        f"/experiments/{ground.experiment}",
        f"/runs/{run['id']}",
        f"/runs/{run['id']}/metrics",
        f"/workloads/{run['workload']}",
        f"/workloads/{run['workload']}/logs",
        f"/workloads/{run['workload']}/story",
        f"/artifacts/{artifact['id']}",
        f"/artifacts/{artifact['id']}/download",
    ]
    assert {path: demo.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    assert {path: stranger.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    missing = "/runs/01890000-0000-7000-8000-000000000000"
    hidden, absent = (stranger.get(path).json() for path in (f"/runs/{run['id']}", missing))
    hidden.pop("request_id")
    absent.pop("request_id")
    assert hidden == absent
    assert stranger.post(f"/runs/{run['id']}/stop").status_code == 404
    assert stranger.get("/runs").json()["results"] == []


def test_the_gateway_says_the_same_for_hidden_and_missing(stack: Stack, demo: httpx.Client) -> None:
    with http.client(base_url=stack.gateway_url) as gateway:
        assert gateway.post("/ground/nothing/predict", json={"records": []}).status_code == 401
        known = gateway.post("/ground/nothing/predict", json={"records": []}, headers=dict(demo.headers))
        assert (known.status_code, known.json()["code"]) == (404, "not_found")
