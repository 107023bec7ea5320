"""What a researcher's code does with MLflow's client, all of it: run by `test_mlflow_clients.py` with each client.

    python mlflow_surface.py FOLDER

The tracking URI and the credentials come from the environment and from `~/.mlflow/credentials`, as in a job. It raises
where an answer is not as expected, and prints one JSON object at the end.
"""
# mypy: ignore-errors

import json
import math
import sys
import tempfile
import time
from pathlib import Path

import mlflow
import numpy
import pandas
import pytest
import pytorch_lightning as lightning
import torch
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

IS_3 = mlflow.__version__.startswith("3.")
FOLDER = Path(sys.argv[1])
NAME = f"surface-{mlflow.__version__.replace('.', '-')}-{FOLDER.parent.name[-4:].lower()}"
client = MlflowClient()


def refused(code, act, *args, **named):
    with pytest.raises(MlflowException) as refusal:
        act(*args, **named)
    assert refusal.value.error_code == code, str(refusal.value)


def experiments():
    assert client.get_experiment_by_name(NAME) is None
    made = mlflow.set_experiment(NAME)
    assert client.get_experiment(made.experiment_id).name == NAME
    client.set_experiment_tag(made.experiment_id, "team", "risk")
    other = client.create_experiment(f"{NAME}/other α", tags={"kind": "spare"})
    refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, NAME)
    found = client.search_experiments(filter_string="tags.kind = 'spare' AND name LIKE '%α'", order_by=["name ASC"])
    assert [each.experiment_id for each in found] == [other]
    client.rename_experiment(other, f"{NAME}/renamed")
    client.delete_experiment(other)
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert other in [each.experiment_id for each in deleted]
    client.restore_experiment(other)
    assert client.get_experiment(other).lifecycle_stage == "active"
    client.delete_experiment(other)
    return made.experiment_id


def runs(experiment):
    with mlflow.start_run(run_name="first", tags={"team": "risk"}, description="# Why") as active:
        mlflow.log_param("lr", 0.01)
        mlflow.log_params({"depth": 3, "model/kind": "α"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "odd": math.nan, "most": math.inf}, step=3)
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.delete_tag("b")
        data = mlflow.data.from_numpy(numpy.arange(6).reshape(3, 2), name="numbers")
        mlflow.log_input(data, context="training")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("auc", 0.5)
    run = client.get_run(active.info.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first"), run.info
    assert run.data.params == {"lr": "0.01", "depth": "3", "model/kind": "α"}, run.data.params
    assert (run.data.metrics["loss"], run.data.metrics["most"]) == (0.2, math.inf)
    assert math.isnan(run.data.metrics["odd"])
    tags = run.data.tags
    assert {key: tags.get(key) for key in ("a", "b", "team")} == {"a": "1", "b": None, "team": "risk"}
    assert (tags["mlflow.note.content"], tags["mlflow.runName"]) == ("# Why", "first")
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.tags[0].value) == ("numbers", "training")
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(each.step, each.value) for each in history] == [(step, 1 / (step + 1)) for step in range(5)]
    batches(experiment)
    searches(experiment, run)
    refusals(run)
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run.info.run_id)
    return run.info.run_id


def batches(experiment):
    run = client.create_run(experiment, run_name="batch").info.run_id
    now = int(time.time() * 1000)
    points = [Metric("curve", step / 2, now + step, step) for step in range(1000)]
    client.log_batch(run, metrics=points, params=[Param("p", "v")], tags=[RunTag("t", "u")])
    assert len(client.get_metric_history(run, "curve")) == 1000
    client.log_batch(run, params=[Param(f"p{n}", "v") for n in range(101)])  # the client cuts it in two
    assert len(client.get_run(run).data.params) == 102
    client.set_terminated(run, "FAILED")
    assert client.get_run(run).info.status == "FAILED"
    client.update_run(run, status="RUNNING", name="renamed")
    assert client.get_run(run).info.run_name == "renamed"
    client.set_terminated(run, "KILLED")


def searches(experiment, run):
    def names(filter_string="", **more):
        found = client.search_runs([experiment], filter_string, **more)
        return [each.info.run_name for each in found]

    assert names("metrics.auc > 0.8 AND params.lr = '0.01'") == ["first"]
    assert names("params.`model/kind` = 'α' AND tags.team ILIKE 'R%'") == ["first"]
    assert names("attributes.status = 'KILLED'") == ["renamed"]
    assert names("dataset.name = 'numbers'") == ["first"]
    assert names(f"attributes.run_id IN ('{run.info.run_id}')") == ["first"]
    assert names(f"tags.`mlflow.parentRunId` = '{run.info.run_id}'") == ["child"]
    assert names("metrics.auc > 0", order_by=["metrics.auc ASC"]) == ["child", "first"]
    page = {"order_by": ["attribute.start_time ASC"], "max_results": 1}
    first = client.search_runs([experiment], **page)
    second = client.search_runs([experiment], **page, page_token=first.token)
    assert [first[0].info.run_name, second[0].info.run_name] == ["first", "child"]
    assert len(mlflow.search_runs([experiment])) >= 3
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [experiment], "metrics.auc ~ 3")


def refusals(run):
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)
    refused("INVALID_PARAMETER_VALUE", client.log_param, run.info.run_id, "lr", "0.02")
    refused("INVALID_PARAMETER_VALUE", client.set_tag, run.info.run_id, "k" * 251, "v")


def artifacts(run, folder):
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("hello")
    (folder / "sub" / "ü b.bin").write_bytes(bytes(range(256)) * 40)
    client.log_artifact(run, str(folder / "a.txt"))
    client.log_artifacts(run, str(folder), "all")
    client.log_text(run, "text", "notes/n.txt")
    client.log_dict(run, {"a": 1}, "notes/d.json")
    assert sorted(each.path for each in client.list_artifacts(run)) == ["a.txt", "all", "notes"]
    listed = {each.path: (each.is_dir, each.file_size) for each in client.list_artifacts(run, "all")}
    assert listed == {"all/a.txt": (False, 5), "all/sub": (True, None)}, listed
    with tempfile.TemporaryDirectory() as target:
        got = client.download_artifacts(run, "all", target)
        assert (Path(got) / "sub" / "ü b.bin").read_bytes() == bytes(range(256)) * 40
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/n.txt") == "text"


def table():
    numbers = numpy.random.default_rng(1)
    rows = pandas.DataFrame(numbers.normal(size=(60, 3)), columns=["a", "b", "c"])
    return rows, (rows["a"] + rows["b"] > 0).astype(int)


def sklearn_model():
    """Autologged, registered, given an alias, and loaded by it."""
    rows, labels = table()
    mlflow.sklearn.autolog()
    with mlflow.start_run(run_name="sklearn") as active:
        fitted = LogisticRegression(C=0.5, max_iter=50).fit(rows, labels)
    mlflow.sklearn.autolog(disable=True)
    run = client.get_run(active.info.run_id)
    assert run.data.params["C"] == "0.5"
    assert "training_accuracy_score" in run.data.metrics
    version = mlflow.register_model(f"runs:/{active.info.run_id}/model", NAME)
    assert (str(version.version), version.status) == ("1", "READY"), version
    registry(version)
    loaded = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    assert list(loaded.predict(rows)) == list(fitted.predict(rows))
    return active.info.run_id


def registry(version):
    client.set_registered_model_alias(NAME, "champion", version.version)
    assert client.get_model_version_by_alias(NAME, "champion").version == version.version
    client.set_registered_model_tag(NAME, "team", "risk")
    client.set_model_version_tag(NAME, version.version, "checked", "yes")
    client.update_registered_model(NAME, description="Risk")
    client.update_model_version(NAME, version.version, description="The first")
    model = client.get_registered_model(NAME)
    assert (model.description, model.tags["team"], model.aliases["champion"]) == ("Risk", "risk", str(version.version))
    found = client.search_model_versions(f"name = '{NAME}'")
    assert [(str(each.version), each.tags["checked"]) for each in found] == [("1", "yes")]
    assert NAME in [each.name for each in client.search_registered_models(filter_string=f"name LIKE '{NAME[:7]}%'")]
    assert client.get_model_version_download_uri(NAME, version.version)


def torch_model(folder):
    """Autologged with Lightning, logged with `log_model`, and loaded back from the run."""

    class Line(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def forward(self, rows):
            return self.layer(rows)

        def training_step(self, batch, _):
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("loss", loss, on_epoch=True)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    torch.manual_seed(1)
    rows = torch.rand(32, 3)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(rows, rows.sum(1, keepdim=True)), batch_size=8)
    mlflow.pytorch.autolog(log_models=False)
    trainer = lightning.Trainer(
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(folder),
        accelerator="cpu",
    )
    line = Line()
    with mlflow.start_run(run_name="torch") as active:
        trainer.fit(line, data)
        mlflow.pytorch.autolog(disable=True)
        named = {"name": "line"} if IS_3 else {"artifact_path": "line"}
        logged = mlflow.pytorch.log_model(
            line.layer, **named, pip_requirements=["torch"], input_example=rows[:2].numpy()
        )
    run = client.get_run(active.info.run_id)
    assert run.data.params["optimizer_name"] == "SGD", run.data.params
    assert len(client.get_metric_history(active.info.run_id, "loss_epoch")) == 3
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert numpy.allclose(loaded.predict(rows[:4].numpy()), line.layer(rows[:4]).detach().numpy())
    if IS_3:
        logged_models(active.info.run_id, run.info.experiment_id, logged.model_id)
    return active.info.run_id


def logged_models(run, experiment, model):
    found = mlflow.get_logged_model(model)
    assert (found.name, found.status.name, found.source_run_id) == ("line", "READY", run), found
    client.set_logged_model_tags(model, {"checked": "yes"})
    client.delete_logged_model_tag(model, "checked")
    searched = client.search_logged_models([experiment], filter_string="name = 'line'")
    assert [each.model_id for each in searched] == [model]
    assert [each.model_id for each in client.get_run(run).outputs.model_outputs] == [model]


def main():
    experiment = experiments()
    run = runs(experiment)
    artifacts(run, FOLDER)
    found = {
        "experiment": experiment,
        "run": run,
        "model": NAME,
        "sklearn": sklearn_model(),
        "torch": torch_model(FOLDER),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
