"""What code does with MLflow's client beside the plain calls: in the background, with tables and pictures, with traces.

    python mlflow_habits.py FOLDER

Run by `test_mlflow_clients.py` with each client, as `mlflow_surface.py` is. It raises where an answer is not as
expected, and prints one JSON object at the end.
"""
# mypy: ignore-errors

import json
import sys
import time
from pathlib import Path

import mlflow
import numpy
import pandas
import pytest
import torch
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

IS_3 = mlflow.__version__.startswith("3.")
NAME = f"habits-{mlflow.__version__.replace('.', '-')}-{Path(sys.argv[1]).parent.name[-4:].lower()}"
TRACED_SECONDS = 5
"""For twenty calls and the end of their run; each would wait for an answer, and again, if refusals were tried again."""
client = MlflowClient()


def history(run, key):
    return [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, key)]


def in_the_background():
    """`synchronous=False`, and the same by a switch: all of it is there once the run has ended."""
    with mlflow.start_run(run_name="background") as run:
        for step in range(100):
            mlflow.log_metric("loss", step / 2, step=step, synchronous=False)
        mlflow.log_metrics({"auc": 0.5, "f1": 0.25}, step=3, synchronous=False)
        mlflow.log_params({"lr": 1}, synchronous=False)
        mlflow.set_tag("team", "risk", synchronous=False)
    mlflow.flush_async_logging()
    assert history(run, "loss") == [(step, step / 2) for step in range(100)]
    data = client.get_run(run.info.run_id).data
    assert (data.params, data.tags["team"], data.metrics["f1"]) == ({"lr": "1"}, "risk", 0.25)

    mlflow.config.enable_async_logging(True)  # what MLFLOW_ENABLE_ASYNC_LOGGING does
    with mlflow.start_run(run_name="switched") as run:
        for step in range(100):
            mlflow.log_metric("loss", step, step=step)
    mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(False)
    assert history(run, "loss") == [(step, step) for step in range(100)]


def files():
    picture = numpy.zeros((8, 8, 3), dtype="uint8")
    with mlflow.start_run(run_name="files") as run:
        for number in range(2):  # the second time the table is fetched, and put in its own place
            mlflow.log_table({"question": [f"q{number}"], "answer": [number]}, "eval/table.json")
        mlflow.log_image(picture, "picture.png")
        mlflow.log_image(picture, key="dogs", step=3)
        mlflow.flush_artifact_async_logging()
        mlflow.log_text("α", "notes/a.txt")
        mlflow.log_dict({"k": [1, 2]}, "d.json")
        mlflow.log_dict({"k": 1}, "d.yaml")
    table = mlflow.load_table("eval/table.json", run_ids=[run.info.run_id], extra_columns=["run_id"])
    assert list(table["question"]) == ["q0", "q1"]
    assert set(table["run_id"]) == {run.info.run_id}
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/d.json") == {"k": [1, 2]}
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "α"
    assert mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/picture.png").size == (8, 8)
    assert len(client.list_artifacts(run.info.run_id, "images")) == 2


def frames():
    with mlflow.start_run(run_name="parent") as parent:
        for number in range(2):
            with mlflow.start_run(run_name=f"child-{number}", nested=True):
                mlflow.log_metric("score", number)
    found = mlflow.search_runs(
        experiment_names=[NAME], filter_string="metrics.score >= 0", order_by=["metrics.score DESC"]
    )
    assert list(found["metrics.score"]) == [1.0, 0.0]
    assert pandas.api.types.is_datetime64_any_dtype(found["start_time"])
    assert set(found["tags.mlflow.parentRunId"]) == {parent.info.run_id}
    assert client.get_parent_run(found["run_id"][0]).info.run_name == "parent"


def of_the_machine():
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    with mlflow.start_run(run_name="measured", log_system_metrics=True) as run:
        deadline = time.monotonic() + 60
        while "system/cpu_utilization_percentage" not in client.get_run(run.info.run_id).data.metrics:
            assert time.monotonic() < deadline


def torch_alone():
    """Autologging for torch where Lightning is not: nothing to log, and nothing in the way."""
    rows = torch.rand(4, 2)
    mlflow.pytorch.autolog()
    named = {"name": "line"} if IS_3 else {"artifact_path": "line"}
    with mlflow.start_run(run_name="torch alone"):
        logged = mlflow.pytorch.log_model(
            torch.nn.Linear(2, 1), **named, pip_requirements=["torch"], input_example=rows.numpy()
        )
    mlflow.pytorch.autolog(disable=True)
    assert mlflow.pyfunc.load_model(logged.model_uri).predict(rows.numpy()).shape == (4, 1)


def points_of_models():
    with mlflow.start_run(run_name="judged"):
        first, second = (mlflow.initialize_logged_model(name=name) for name in ("first", "second"))
        data = mlflow.data.from_pandas(pandas.DataFrame({"a": [1]}), name="held-out")
        mlflow.log_metric("acc", 0.9, step=1, model_id=first.model_id, dataset=data)
        mlflow.log_metric("acc", 0.75, step=2, model_id=first.model_id)
        mlflow.log_metrics({"acc": 0.8, "f1": 0.5}, model_id=second.model_id)
        mlflow.finalize_logged_model(first.model_id, "READY")
    points = mlflow.get_logged_model(first.model_id).metrics
    assert [(each.key, each.value, each.dataset_name) for each in points] == [
        ("acc", 0.9, "held-out"),
        ("acc", 0.75, None),
    ]
    experiment = [mlflow.get_experiment_by_name(NAME).experiment_id]

    def names(**asked):
        return [each.name for each in mlflow.search_logged_models(experiment, output_format="list", **asked)]

    assert names(filter_string="metrics.acc > 0.85") == ["first"]
    assert names(datasets=[{"dataset_name": "held-out"}]) == ["first"]
    assert names(order_by=[{"field_name": "metrics.acc", "ascending": False}])[:2] == ["second", "first"]


def what_is_not_there():
    """Traces and prompts: said once, in the log or as an error, and nobody's time is taken."""

    @mlflow.trace
    def step(number):
        return number + 1

    began = time.monotonic()
    with mlflow.start_run(run_name="traced"):
        assert [step(number) for number in range(20)] == list(range(1, 21))
        with mlflow.start_span("span") as span:
            span.set_inputs({"a": 1})
    mlflow.flush_trace_async_logging()
    assert time.monotonic() - began < TRACED_SECONDS
    with pytest.raises(MlflowException, match="Prompts are not kept here"):
        mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}")
    assert client.search_registered_models(filter_string="name = 'greeting'") == []


def main():
    mlflow.set_experiment(NAME)
    in_the_background()
    files()
    frames()
    of_the_machine()
    torch_alone()
    if IS_3:
        points_of_models()
        what_is_not_there()
    print(json.dumps({"experiment": NAME}))


if __name__ == "__main__":
    main()
