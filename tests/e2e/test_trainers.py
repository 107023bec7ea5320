"""The built-in trainers of numbers, texts and pictures as jobs: from a file that somebody uploads to a model that is
registered and, where it is of a table, served."""

from __future__ import annotations

import io
import json
import random
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import Away, Ground, ground_of, post, upload
from tests.support.stack import finished
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("away")
ROWS = 60
WORDS = {"praise": ("great", "lovely", "fast"), "complaint": ("broken", "slow", "refund")}
SMALL = {"epochs": 1, "batch_size": 16, "seed": 3}
GIVEN: dict[str, dict[str, Any]] = {
    "tabular_regressor": {"target": "price", "hidden": 8, "layers": 1, **SMALL},
    "text_classifier": {"hidden": 8, "dimensions": 8, **SMALL},
    "image_classifier": {"side": 8, "channels": 4, "blocks": 1, **SMALL},
}
HELD_OUT = 12
"""Of the rows, where `test_ratio` is left as it is."""


def houses() -> bytes:
    lines = [f"{20 + n % 17},{n % 5},{3000 * (20 + n % 17) + 500 * (n % 5)}" for n in range(ROWS)]
    return "\n".join(["area,rooms,price", *lines]).encode()


def messages() -> bytes:
    chance, labels = random.Random(5), sorted(WORDS)
    lines = [f"the {chance.choice(WORDS[labels[n % 2]])} parcel {n},{labels[n % 2]}" for n in range(ROWS)]
    return "\n".join(["text,label", *lines]).encode()


def pictures() -> bytes:
    """A folder of dark ones and one of bright ones."""
    chance, kept = np.random.default_rng(5), io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for n in range(ROWS):
            low = 160 * (n % 2)
            content = io.BytesIO()
            Image.fromarray(chance.integers(low, low + 90, (8, 8, 3), dtype=np.uint8)).save(content, "PNG")
            archive.writestr(f"{('dark', 'bright')[n % 2]}/{n}.png", content.getvalue())
    return kept.getvalue()


FILES = {
    "tabular_regressor": ("houses.csv", houses, "csv"),
    "text_classifier": ("messages.csv", messages, "csv"),
    "image_classifier": ("pictures.zip", pictures, "images"),
}


@dataclass(frozen=True)
class Trained:
    """What two runs of one trainer left, of the same data and seed."""

    run: dict[str, Any]
    again: dict[str, Any]
    version: dict[str, Any]


@pytest.fixture(scope="module")
def demo(away: Away) -> httpx.Client:
    return away.demo


@pytest.fixture(scope="module")
def ground(demo: httpx.Client) -> Ground:
    return ground_of(demo, "trainers")


@pytest.fixture(scope="module")
def trained(demo: httpx.Client, ground: Ground) -> dict[str, Trained]:
    """Of each kind. All of them are asked for before any is waited for."""
    asked = {kind: ingested(demo, ground, kind) for kind in FILES}
    runs: dict[str, list[str]] = {}
    for kind, ingestion in asked.items():
        done = finished(demo, f"/ingestions/{ingestion}")
        assert done["state"] == "succeeded", done
        runs[kind] = [submitted(demo, ground, kind, name, done["version"]) for name in ("first", "again")]
    found: dict[str, Trained] = {}
    for kind, ids in runs.items():
        run, again = (finished(demo, f"/runs/{each}", timeout_seconds=120) for each in ids)
        assert [run["state"], again["state"]] == ["succeeded"] * 2, (run, again)
        model = post(demo, "/models", {"project": ground.project, "name": kind.replace("_", "-")})
        made = post(demo, "/model-versions", {"model": model["id"], "run": run["id"]})
        found[kind] = Trained(run, again, finished(demo, f"/model-versions/{made['id']}"))
    return found


def ingested(demo: httpx.Client, ground: Ground, kind: str) -> str:
    name, made, form = FILES[kind]
    dataset = post(demo, "/datasets", {"project": ground.project, "name": name.partition(".")[0]})["id"]
    sent = upload(demo, dataset, name, made())
    assert sent.status_code == 201, sent.text
    body = {"dataset": dataset, "source": sent.json()["id"], "options": {"format": form}}
    return str(post(demo, "/ingestions", body)["id"])


def submitted(demo: httpx.Client, ground: Ground, kind: str, name: str, version: str) -> str:
    body = {
        "experiment": ground.experiment,
        "name": f"{kind}-{name}",
        "kind": kind,
        "dataset_version": version,
        "parameters": GIVEN[kind],
        "resources": {"cpu_millis": 300, "memory_bytes": 768 << 20, "gpus": 0},
    }
    return str(post(demo, "/runs", body)["id"])


def artifacts(demo: httpx.Client, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in demo.get(f"/artifacts?run={run['id']}").json()["results"]}


@pytest.mark.parametrize(
    ("kind", "watched", "measured"),
    [
        ("tabular_regressor", "validation/rmse", {"test_r2", "test_mae", "test_rmse"}),
        ("text_classifier", "validation/accuracy", {"test_accuracy", "test_log_loss", "test_auc"}),
        ("image_classifier", "validation/accuracy", {"test_accuracy", "test_log_loss", "test_auc"}),
    ],
)
def test_a_run_leaves_curves_an_evaluation_and_a_registered_model(
    trained: dict[str, Trained], demo: httpx.Client, kind: str, watched: str, measured: set[str]
) -> None:
    run, version = trained[kind].run, trained[kind].version
    series = demo.get(f"/runs/{run['id']}/metrics?keys={watched}").json()["series"][watched]
    assert len(series["values"]) == 1
    assert measured <= run["result"]["metrics"].keys()
    assert run["result"]["evaluation"]["rows"] == HELD_OUT
    assert (version["state"], version["metrics"]) == ("ready", run["result"]["metrics"])
    assert version["evaluation"] == run["result"]["evaluation"]
    kept = artifacts(demo, run)
    assert {name: one["kind"] for name, one in kept.items()} == {"model": "model", "preprocessor": "preprocessor"}
    assert demo.get(f"/checkpoints?run={run['id']}").json()["results"]


@pytest.mark.parametrize("kind", FILES)
def test_the_same_seed_gives_the_same_files_and_figures(
    trained: dict[str, Trained], demo: httpx.Client, kind: str
) -> None:
    run, again = trained[kind].run, trained[kind].again
    first, second = artifacts(demo, run), artifacts(demo, again)
    assert {name: one["sha256"] for name, one in first.items()} == {name: one["sha256"] for name, one in second.items()}
    assert run["result"] == again["result"]


@pytest.mark.parametrize(
    ("kind", "labels"), [("text_classifier", ["complaint", "praise"]), ("image_classifier", ["bright", "dark"])]
)
def test_a_classifier_says_which_classes_it_mistakes_for_which(
    trained: dict[str, Trained], kind: str, labels: list[str]
) -> None:
    evaluation = trained[kind].version["evaluation"]
    assert [one["label"] for one in evaluation["classes"]] == labels
    assert [len(row) for row in evaluation["confusion_matrix"]] == [2, 2]
    assert [sum(row) for row in evaluation["confusion_matrix"]] == [HELD_OUT // 2] * 2


@pytest.mark.parametrize(
    ("kind", "inputs", "output"),
    [
        ("tabular_regressor", {"area": "number", "rooms": "number"}, {"price": "number"}),
        ("text_classifier", {"text": "text"}, {"label": "class"}),
        ("image_classifier", {"image": "picture"}, {"label": "class"}),
    ],
)
def test_a_model_says_what_it_takes_and_gives(
    trained: dict[str, Trained], demo: httpx.Client, kind: str, inputs: dict[str, str], output: dict[str, str]
) -> None:
    said = demo.get(f"/model-versions/{trained[kind].version['id']}/card").json()["signature"]
    assert {one["name"]: one["type"] for one in said["inputs"]} == inputs
    assert {one["name"]: one["type"] for one in said["outputs"]} == output


def test_a_model_of_numbers_is_served_from_raw_records(
    trained: dict[str, Trained], demo: httpx.Client, ground: Ground
) -> None:
    version = trained["tabular_regressor"].version
    body = {"project": ground.project, "name": "houses", "model_version": version["id"], "replicas": 1}
    made = post(demo, "/endpoints", body)
    until(lambda: demo.get(f"/endpoints/{made['id']}").json()["ready_replicas"] == 1, timeout_seconds=60)
    records = [{"area": 30, "rooms": 3}, {"area": "22", "rooms": 1, "price": None}, {"area": 30, "rooms": 3}]
    tried = demo.post(f"/endpoints/{made['id']}/try", json={"records": records})
    assert tried.status_code == 200, tried.text
    first, other, third = tried.json()["predictions"]
    assert [*first] == ["value"]
    assert first == third != other
    bad = demo.post(f"/endpoints/{made['id']}/try", json={"records": [{"area": 30}]})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_record")
    assert [*bad.json()["fields"]] == ["records[0].rooms"]
    assert demo.post(f"/endpoints/{made['id']}/stop").is_success


@pytest.mark.parametrize("kind", ["text_classifier", "image_classifier"])
def test_models_that_no_record_fits_are_refused_with_the_reason(
    trained: dict[str, Trained], demo: httpx.Client, ground: Ground, kind: str
) -> None:
    body = {"project": ground.project, "name": "none", "model_version": trained[kind].version["id"], "replicas": 1}
    answer = demo.post("/endpoints", json=body)
    assert answer.status_code in (400, 422)
    assert f"models of the trainer {kind} are not served yet" in json.dumps(answer.json())
