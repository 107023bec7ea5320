"""The unmodified clients of MLflow, the last 2 and the newest 3, against a whole installation: outside and in a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Away, Ground, ground_of, post, run_body
from tests.support.stack import ROOT, Stack, finished

pytestmark = pytest.mark.xdist_group("away")  # the other group of this length has the kills
CLIENTS = {each: ROOT / ".venv" / f"mlflow-{each}" for each in ("2", "3", "learning", "lightning")}
HERE = Path(__file__).parent
QUIET = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

IN_A_JOB = """
import os, sys
own = os.environ["MLFLOW_RUN_ID"]  # the client takes it away once it goes on with that run
sys.path[:0] = {paths}
import mlflow, numpy, pandas
from sklearn.linear_model import LinearRegression

path = os.path.expanduser("~/.mlflow/credentials")
token = open(path).read().split()[-1]
assert oct(os.stat(path).st_mode & 0o777) == "0o400"
assert token.startswith("bpa_")
assert not [name for name, text in os.environ.items() if token in text]

rows = numpy.arange(20.0).reshape(10, 2)
mlflow.set_experiment("as it always was")
mlflow.sklearn.autolog()
with mlflow.start_run() as active:
    assert active.info.run_id == own
    LinearRegression().fit(rows, rows.sum(1))
    mlflow.sklearn.autolog(disable=True)
    mlflow.log_metrics({{"loss": 0.5, "odd": float("nan")}}, step=1)
    mlflow.log_param("more", "yes")
    mlflow.set_tag("team", "risk")
    mlflow.log_text("from a job", "notes/n.txt")
    with mlflow.start_run(run_name="child of {name}", nested=True):
        mlflow.log_metric("loss", 0.25)
version = mlflow.register_model(f"runs:/{{active.info.run_id}}/model", "{name}")
try:
    mlflow.MlflowClient().set_registered_model_alias("{name}", "champion", version.version)
except mlflow.exceptions.MlflowException as error:
    assert error.error_code == "PERMISSION_DENIED"
else:
    raise AssertionError("where an alias points is for people to say")
loaded = mlflow.pyfunc.load_model("models:/{champion}@champion")
assert len(loaded.predict(pandas.DataFrame(numpy.eye(3), columns=["a", "b", "c"]))) == 3
print("all of it from the job")
"""
"""What a researcher's script does, as it did elsewhere."""


def paths_of(client: str) -> list[str]:
    return [str(CLIENTS[each]) for each in (client, "learning", "lightning")]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    missing = [str(folder) for folder in CLIENTS.values() if not folder.is_dir()]
    assert not missing, f"`make test` installs {', '.join(missing)}"


@pytest.fixture(scope="module")
def stack(away: Away) -> Stack:
    return away.stack


@pytest.fixture(scope="module")
def demo(away: Away) -> httpx.Client:
    return away.demo


@pytest.fixture(scope="module")
def ground(demo: httpx.Client) -> Ground:
    return ground_of(demo, "ground")


@pytest.fixture(scope="module", params=["3", "2"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def surface(client: str, stack: Stack, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a client made outside of jobs, by one variable and a token: ids of runs, the name of a model."""
    return said_by("mlflow_surface.py", client, stack, tmp_path_factory.mktemp(f"mlflow-{client}"))


def said_by(script: str, client: str, stack: Stack, home: Path) -> dict[str, str]:
    """What a script beside this file prints at its end, run with one of the clients; fails where it fails."""
    (home / "files").mkdir()
    token = stack.manage("token", "demo", "--name", "mlflow", "--scopes", "read,write")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join(paths_of(client)),
        "MLFLOW_TRACKING_URI": f"{stack.url}/mlflow/ground",
        "MLFLOW_TRACKING_TOKEN": token,
        **QUIET,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / script), str(home / "files")],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-4000:]}\n{stack.logs()}"
    made: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return made


def test_a_client_goes_through_its_whole_surface(surface: dict[str, str], ground: Ground, demo: httpx.Client) -> None:
    run = demo.get(f"/runs/{dashed(surface['run'])}").json()
    assert (run["kind"], run["state"], run["project"]) == ("tracked", "succeeded", ground.project)
    assert run["parameters"] == {"lr": "0.01", "depth": "3", "model/kind": "α"}
    curve = demo.get(f"/runs/{run['id']}/metrics?keys=loss").json()["series"]["loss"]
    assert curve["values"] == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]


def test_what_code_does_beside_the_plain_calls(client: str, stack: Stack, ground: Ground, tmp_path: Path) -> None:
    assert said_by("mlflow_habits.py", client, stack, tmp_path)["experiment"].startswith("habits-")


def test_code_in_a_job_logs_to_its_run(
    client: str, surface: dict[str, str], ground: Ground, demo: httpx.Client
) -> None:
    name = f"in-a-job-{client}"
    script = IN_A_JOB.format(paths=paths_of(client), name=name, champion=surface["model"])
    body = run_body(ground, name, script) | {"resources": {"cpu_millis": 500, "memory_bytes": 1 << 30, "gpus": 0}}
    run = finished(demo, f"/runs/{post(demo, '/runs', body)['id']}")
    assert run["state"] == "succeeded", output(demo, run)

    assert {key: run["parameters"][key] for key in ("more", "fit_intercept")} == {
        "more": "yes",
        "fit_intercept": "True",
    }
    assert (run["summary"]["loss"]["last"], run["summary"]["odd"]["last"]) == (0.5, "NaN")
    assert "training_mean_squared_error" in run["summary"]
    artifacts = demo.get(f"/artifacts?run={run['id']}&page_size=100").json()["results"]
    assert "notes/n.txt" in [each["name"] for each in artifacts]
    (child,) = demo.get(f"/runs?experiment={run['experiment']}&name=child of {name}").json()["results"]
    assert (child["kind"], child["state"]) == ("tracked", "succeeded")
    (model,) = demo.get(f"/models?project={ground.project}&name={name}").json()["results"]
    (version,) = demo.get(f"/model-versions?model={model['id']}").json()["results"]
    assert (version["number"], version["run"]) == (1, run["id"])


def dashed(number: str) -> str:
    return "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))


def output(demo: httpx.Client, run: dict[str, Any]) -> str:
    chunks = demo.get(f"/workloads/{run['workload']}/logs").json()["chunks"]
    return "".join(str(chunk["text"]) for chunk in chunks)
