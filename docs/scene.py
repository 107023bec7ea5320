"""What the guide's images show: the worked example, and beside it more people, runs, a queue and a wish to decide."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

import httpx

from examples.credit_risk.run import PARAMETERS, Api, clean, ingest
from tests.browser.ground import post, record
from tests.support.stack import ROOT, Stack, finished
from tests.support.waiting import until

PASSWORD = "a-password-of-the-guide"  # noqa: S105 - of an installation that ends with the script
PATIENCE_SECONDS = 180
TRAIN = (ROOT / "examples/credit_risk/train.py").read_text(encoding="utf-8")
PEOPLE = ("ines", "mei", "omar")
PEOPLE_SCRIPT = f"""
from apps.access.models import Organisation, User
from apps.access.services.users import user_create
from apps.common.audit import Actor
for name in {PEOPLE}:
    user_create(username=name, password=None, organisation=Organisation.objects.get(), actor=Actor.system("guide"))
for user in User.objects.filter(username__in=["admin", "demo"]):
    user.set_password("{PASSWORD}")
    user.save()
"""
BUSY = """
from workers.runtime.context import job_context
import time
ctx = job_context()
print("scoring the portfolio of the quarter")
while not ctx.should_stop:
    time.sleep(1)
"""
WRONG = "import pandas_profiling\n"
SMALL = {"cpu_millis": 500, "memory_bytes": 1 << 30, "gpus": 0}


@dataclass(frozen=True)
class Scene:
    """Ids of what the pages are about."""

    pool: str
    raw: str
    cleaned: str
    recipe: str
    trained: str
    compared: tuple[str, ...]
    model_version: str
    endpoint: str
    address: str

    @property
    def chosen(self) -> str:
        """The runs that are compared, as the address has them."""
        return json.dumps([self.trained, *self.compared], separators=(",", ":"))


def lay_scene(stack: Stack) -> Scene:
    """After the example has run: everything else, over the API as people would do it."""
    stack.manage("shell", "-v", "0", "-c", PEOPLE_SCRIPT)
    with stack.client("demo") as demo, stack.client("admin") as admin:
        risk = found(demo, "/projects", name="credit-risk")["id"]
        experiment = found(demo, "/experiments", project=risk)["id"]
        trained = found(demo, "/runs", project=risk)
        compared = _compare(demo, experiment, trained["dataset_version"])
        _fail(demo, experiment, trained["dataset_version"])
        version = found(demo, "/model-versions", project=risk)
        post(demo, "/model-aliases", {"model": version["model"], "name": "champion", "version": version["id"]})
        for name, role in {"ines": "admin", "mei": "editor", "omar": "viewer"}.items():
            demo.put(f"/projects/{risk}/members", json={"user": name, "role": role}).raise_for_status()
        _queue(stack, demo, admin)
        endpoint = found(demo, "/endpoints", project=risk)
        return Scene(
            pool=found(demo, "/pools")["id"],
            raw=found(demo, "/ingestions", project=risk)["version"],
            cleaned=trained["dataset_version"],
            recipe=found(demo, "/recipes", project=risk)["id"],
            trained=trained["id"],
            compared=compared,
            model_version=version["id"],
            endpoint=endpoint["id"],
            address=endpoint["url"],
        )


def found(client: httpx.Client, path: str, **by: str) -> dict[str, Any]:
    """The newest of a list."""
    rows = client.get(path, params=by).raise_for_status().json()["results"]
    return dict(rows[0])


def _compare(client: httpx.Client, experiment: str, version: str) -> tuple[str, ...]:
    """Runs that differ in one parameter or two."""
    variants = {"rate-high": {"learning_rate": 1e-2}, "rate-low": {"learning_rate": 2e-4}, "narrow": {"hidden": 32}}
    ids = []
    for name, change in variants.items():
        body = {"experiment": experiment, "name": name, "script": TRAIN, "dataset_version": version}
        body |= {"parameters": PARAMETERS | change, "resources": SMALL, "tags": ["sweep"]}
        ids.append(post(client, "/runs", body)["id"])
    for each in ids:
        ended = finished(client, f"/runs/{each}", PATIENCE_SECONDS)
        if ended["state"] != "succeeded":
            raise RuntimeError(f"run {ended['name']} is {ended['state']}: {ended['state_detail']}")
    return tuple(ids)


def _fail(client: httpx.Client, experiment: str, version: str) -> None:
    body = {"experiment": experiment, "name": "with-profile", "script": WRONG, "dataset_version": version}
    finished(client, f"/runs/{post(client, '/runs', body | {'resources': SMALL})['id']}", PATIENCE_SECONDS)


def _queue(stack: Stack, demo: httpx.Client, admin: httpx.Client) -> None:
    """A second project with a small quota: one run holds all of it, two wait, and somebody asks for more."""
    project = post(demo, "/projects", {"name": "collections", "title": "Collections"})["id"]
    api = Api(stack.url, demo.headers["Authorization"].removeprefix("Bearer "))
    version = clean(api, project, ingest(api, project))["id"]
    experiment = post(demo, "/experiments", {"project": project, "name": "portfolio"})["id"]
    queue = found(demo, "/queues", project=project)["id"]
    for resource, nominal in {"cpu_millis": 500, "memory_bytes": 4 << 30}.items():
        admin.put("/quotas", json={"queue": queue, "resource": resource, "nominal": nominal}).raise_for_status()
    runs = []
    for name in ("score-quarter", "score-month", "score-week"):
        body = {"experiment": experiment, "name": name, "script": BUSY, "dataset_version": version}
        runs.append(post(demo, "/runs", body | {"resources": SMALL, "time_limit_seconds": 3600})["id"])
    until(lambda: demo.get(f"/runs/{runs[0]}").json()["state"] == "running", 60, what="the first one runs")
    until(lambda: "first in queue" in demo.get(f"/runs/{runs[1]}").text, 60, what="the second one is told why it waits")
    arguments = {"queue": queue, "resource": "cpu_millis", "flavor": "", "nominal": 1000}
    comment = "Two at a time, until the quarter is closed"
    wish = {"project": project, "command": "quota.set", "arguments": arguments, "comment": comment}
    post(demo, "/approvals", wish)


def predict_for_ever(client: httpx.Client, url: str, over: threading.Event) -> None:
    """Some predictions a second until it is over."""
    while not over.wait(0.12):
        client.post(url, json={"records": [record()]}).raise_for_status()
