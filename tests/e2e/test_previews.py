"""A warm preview on a real installation: its process is charged to the project, answers recipes, and gives way."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.conftest import STEPS, ground_of, post
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


def _ready(client: httpx.Client, preview: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def is_ready() -> bool:
        found.update(client.get(f"/previews/{preview['id']}").raise_for_status().json())
        assert found["state"] in ("queued", "running"), found
        return bool(found["is_ready"])

    until(is_ready, timeout_seconds=60, what="the preview to get ready")
    return found


def test_a_recipe_is_previewed_by_a_job_of_the_project(demo: httpx.Client) -> None:
    first = ground_of(demo, "preview")
    preview = _ready(demo, post(demo, "/previews", {"version": first.version}))
    workload = demo.get(f"/workloads/{preview['workload']}").json()
    assert (workload["kind"], workload["owner_kind"], workload["state"]) == ("serving", "preview", "running")
    assert demo.post("/previews", json={"version": first.version}).json()["id"] == preview["id"]

    shown = demo.post(f"/previews/{preview['id']}/apply", json={"steps": STEPS}).raise_for_status().json()
    assert (shown["rows_sampled"], shown["row_count"], shown["error"]) == (40, 40, None)
    assert [step["kind"] for step in shown["steps"]] == [step["kind"] for step in STEPS]
    label = {"kind": "encode_label", "column": "status", "mapping": {"good": 0}}
    shown = demo.post(f"/previews/{preview['id']}/apply", json={"steps": [STEPS[0], label]}).json()
    assert (shown["error"]["code"], shown["error"]["step"], len(shown["steps"])) == ("unmapped_label", 2, 1)

    demo.post(f"/previews/{preview['id']}/cancel").raise_for_status()
    until(lambda: demo.get(f"/previews/{preview['id']}").json()["state"] == "cancelled", timeout_seconds=30)
    ended = demo.post(f"/previews/{preview['id']}/apply", json={"steps": STEPS})
    assert (ended.status_code, ended.json()["code"]) == (409, "preview_ended")
