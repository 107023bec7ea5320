"""What the journeys find: data, its cleaned version, two runs that are over, a model that serves, things to decide."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import httpx

from examples.credit_risk.run import CSV, STEPS, value_of
from tests.support.stack import finished

ROWS = 600
PATIENCE_SECONDS = 240
SMALL = {"cpu_millis": 200, "memory_bytes": 512 << 20, "gpus": 0}
CURVES = """
from workers.runtime.context import job_context
ctx = job_context()
print("the first line")
for step in range(30):
    ctx.log_metrics({"train/loss": ctx.parameters["rate"] / (step + 1), "val/auc": 0.5 + step / 100}, step=step)
ctx.report({"parameters": ctx.parameters})
"""


EXPECTED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("between", {"column": "Age", "minimum": 18, "maximum": 30}, "block"),
    ("row_count", {"minimum": 100}, "warn"),
    ("not_null", {"column": "Status"}, "block"),
)
"""Of versions of `held`: the first two are not fulfilled."""


@dataclass(frozen=True)
class Ground:
    """Ids, and the names that people gave."""

    project: str
    dataset: str
    schedule: str
    raw: str
    cleaned: str
    recipe: str
    held_dataset: str
    held: str
    """A version that is kept back: of its expectations one blocks, and one warns."""
    left_out: str
    """The ingestion that made it: a row of its file did not fit."""
    jobs: dict[str, str]
    """By kind: `ingestion`, `profile`, `cleaning_run`, `validation_run`."""
    experiment: str
    runs: tuple[str, str]
    failed: str
    trained: str
    model: str
    model_version: str
    endpoint: str
    workload: str

    @property
    def names(self) -> set[str]:
        """What people called things: of the ground, of the data, of what was measured."""
        things = {"ground", "Ground", "people", "loans", "first", "trained", "fails", "curves-1", "curves-2", "risk"}
        things |= {"held", "held.csv", "gold", "validation"}
        things |= {"data.example.org", "https://data.example.org/people.csv"}
        things |= {"demo", "admin", "guest", "people.csv", "test", "model", "preprocessor"}
        columns, *rows = csv.reader(io.StringIO(sample().decode()))
        return things | set(columns) | {value for row in rows for value in row if value.isalpha()}


def sample(rows: int = ROWS) -> bytes:
    """The first rows of the example's loans, as a file."""
    return b"".join(CSV.read_bytes().splitlines(keepends=True)[: rows + 1])


def record() -> dict[str, float | str | None]:
    """A loan application."""
    (row,) = list(csv.DictReader(io.StringIO(sample(1).decode())))
    return {name: value_of(text) for name, text in row.items() if name != "Status"}


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
    created: dict[str, Any] = answer.json()
    return created


def done(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for something and wait until it is there."""
    ended = finished(client, f"{path}/{post(client, path, body)['id']}", PATIENCE_SECONDS)
    assert ended["state"] in {"succeeded", "ready"}, ended
    return ended


def lay_ground(client: httpx.Client) -> Ground:
    project = post(client, "/projects", {"name": "ground", "title": "Ground"})["id"]
    data = _data(client, project)
    experiment = post(client, "/experiments", {"project": project, "name": "first"})["id"]
    runs = [_run(client, experiment, data["cleaned"], f"curves-{rate}", CURVES, {"rate": rate}) for rate in (1, 2)]
    failed = _run(client, experiment, data["cleaned"], "fails", "raise ValueError(7)", {})
    trained = post(client, "/runs", _classified(experiment, data["cleaned"]))
    ended = [finished(client, f"/runs/{run['id']}", PATIENCE_SECONDS) for run in (*runs, failed, trained)]
    assert [run["state"] for run in ended] == ["succeeded", "succeeded", "failed", "succeeded"], ended
    first, second = (run["id"] for run in runs)
    served = _service(client, project, trained["id"])
    return Ground(
        project=project,
        **data,
        experiment=experiment,
        runs=(first, second),
        failed=failed["id"],
        trained=trained["id"],
        **served,
        workload=ended[3]["workload"],
    )


def _data(client: httpx.Client, project: str) -> dict[str, Any]:
    dataset = post(client, "/datasets", {"project": project, "name": "people"})["id"]
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": ("people.csv", sample(), "text/csv")})
    assert sent.status_code == 201, sent.text
    options = {"format": "csv", "null_values": [""]}
    ingestion = done(client, "/ingestions", {"dataset": dataset, "source": sent.json()["id"], "options": options})
    recipe = post(client, "/recipes", {"project": project, "name": "loans", "steps": STEPS})["id"]
    profile = done(client, "/profiles", {"version": ingestion["version"]})
    cleaning = done(client, "/cleaning-runs", {"recipe": recipe, "input_version": ingestion["version"]})
    post(client, "/version-aliases", {"dataset": dataset, "name": "gold", "version": cleaning["output_version"]})
    post(client, "/keep-rules", {"project": project, "dataset": dataset, "keep_last": 10})
    done(client, "/version-comparisons", {"before": ingestion["version"], "after": cleaning["output_version"]})
    held, validation = _held(client, project)
    jobs = {"ingestion": ingestion["id"], "profile": profile["id"], "cleaning_run": cleaning["id"]}
    return {
        "dataset": dataset,
        "schedule": _schedule(client, project, dataset),
        "raw": ingestion["version"],
        "cleaned": cleaning["output_version"],
        "recipe": recipe,
        **held,
        "jobs": {**jobs, "validation_run": validation},
    }


def _held(client: httpx.Client, project: str) -> tuple[dict[str, Any], str]:
    """A version that its dataset's expectations keep back, of a file with a row that does not fit its columns; and the
    job that looked at it again."""
    dataset = post(client, "/datasets", {"project": project, "name": "held"})["id"]
    for kind, parameters, severity in EXPECTED:
        wanted = {"kind": kind, "parameters": parameters, "severity": severity}
        post(client, "/expectations", {"dataset": dataset, **wanted})
    file = ("held.csv", sample(60) + b"good,1,rent\n", "text/csv")
    source = client.post("/sources", data={"dataset": dataset}, files={"file": file}).raise_for_status().json()["id"]
    options = {"format": "csv", "null_values": [""]}
    ingestion = done(client, "/ingestions", {"dataset": dataset, "source": source, "options": options})
    validation = post(client, f"/dataset-versions/{ingestion['version']}/validate", {})["under_way"]["id"]
    finished(client, f"/validation-runs/{validation}", PATIENCE_SECONDS)
    return {"held_dataset": dataset, "held": ingestion["version"], "left_out": ingestion["id"]}, validation


def _schedule(client: httpx.Client, project: str, dataset: str) -> str:
    """One that comes at new year."""
    post(client, "/allowed-origins", {"project": project, "pattern": "data.example.org"})
    origin = {"kind": "url", "url": "https://data.example.org/people.csv"}
    body = {"dataset": dataset, "origin": origin, "cron": "0 0 1 1 *", "time_zone": "Asia/Shanghai"}
    return str(post(client, "/ingestion-schedules", body)["id"])


def _run(
    client: httpx.Client, experiment: str, version: str, name: str, script: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    return post(client, "/runs", run_body(experiment, version, name, script, parameters))


def run_body(
    experiment: str, version: str, name: str, script: str, parameters: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "name": name,
        "script": script,
        "dataset_version": version,
        "parameters": parameters or {},
        "resources": SMALL,
        **more,
    }


def _classified(experiment: str, version: str) -> dict[str, Any]:
    body = run_body(experiment, version, "trained", "", {"epochs": 2, "hidden": 16})
    return body | {"kind": "tabular_classifier", "resources": SMALL | {"memory_bytes": 2 << 30}}


def _service(client: httpx.Client, project: str, run: str) -> dict[str, Any]:
    model = post(client, "/models", {"project": project, "name": "risk"})["id"]
    version = done(client, "/model-versions", {"model": model, "run": run})["id"]
    body = {"project": project, "name": "risk", "model_version": version, "replicas": 1}
    endpoint = post(client, "/endpoints", body)
    ended = finished(client, f"/revisions/{endpoint['revisions'][0]['id']}", PATIENCE_SECONDS)
    assert ended["state"] == "ready", ended
    return {"model": model, "model_version": version, "endpoint": endpoint["id"]}
