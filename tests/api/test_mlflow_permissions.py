"""Who may do what with experiments and runs over MLflow's protocol: what they may over REST."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.access.states import Role
from apps.common import clock
from apps.experiments.models import Experiment, Run
from tests.support.factories.experiments import ExperimentFactory, RunFactory
from tests.support.permissions import ANY_USER, Case, Context, check

API = "/api/2.0/mlflow"
Body = Callable[[Context], Any]


def _named(ctx: Context) -> dict[str, str]:
    return {"X-MLFLOW-WORKSPACE": ctx.project.name}


def _experiment(ctx: Context, **values: Any) -> Experiment:
    made: Experiment = ExperimentFactory.create(project=ctx.project, **values)
    return made


def _run(ctx: Context, **values: Any) -> Run:
    made: Run = RunFactory.create(project=ctx.project, **values)
    return made


def _of_experiment(**more: Any) -> Body:
    return lambda ctx: {"experiment_id": _experiment(ctx, labels={"a": "b"}).pk.hex, **more}


def _of_run(**more: Any) -> Body:
    return lambda ctx: {"run_id": _run(ctx, labels={"a": "b"}).pk.hex, **more}


def _change(path: str, body: Body, **more: Any) -> Case:
    return Case("POST", f"{API}/{path}", body, role=Role.EDITOR, name=f"POST-{path}", **more)


_DATASET = {"name": "loans", "digest": "abc", "source_type": "local", "source": "{}"}
_MODEL = json.dumps({"run_id": "r", "artifact_path": "model", "utc_time_created": "now", "flavors": {}})

_HISTORIES = (("get-history", "run_id"), ("get-history-bulk", "run_id"), ("get-history-bulk-interval", "run_ids"))

CASES = [
    _change("experiments/create", lambda ctx: {"name": "fresh"}, headers=_named),
    Case(
        "GET",
        lambda ctx: f"{API}/experiments/get?experiment_id={_experiment(ctx).pk.hex}",
        stranger=404,
        name="GET-experiments/get",
    ),
    Case(
        "GET",
        lambda ctx: f"{API}/experiments/get-by-name?experiment_name={_experiment(ctx).name}",
        stranger=404,
        headers=_named,
        name="GET-experiments/get-by-name",
    ),
    Case(
        "POST",
        f"{API}/experiments/search",
        lambda ctx: {"filter": f"name = '{_experiment(ctx).name}'"},
        scope="read",
        stranger=200,
    ),
    Case("GET", lambda ctx: f"{API}/experiments/search?max_results={5 if _experiment(ctx) else 1}", name="GET-search"),
    _change("experiments/update", _of_experiment(new_name="renamed")),
    _change("experiments/delete", _of_experiment()),
    _change("experiments/restore", lambda ctx: {"experiment_id": _experiment(ctx, deleted_at=clock.now()).pk.hex}),
    _change("experiments/set-experiment-tag", _of_experiment(key="k", value="v")),
    _change("experiments/delete-experiment-tag", _of_experiment(key="a")),
    _change("runs/create", _of_experiment()),
    Case("GET", lambda ctx: f"{API}/runs/get?run_id={_run(ctx).pk.hex}", stranger=404, name="GET-runs/get"),
    Case(
        "POST",
        f"{API}/runs/search",
        lambda ctx: {"experiment_ids": [_run(ctx).experiment_id.hex]},
        scope="read",
        stranger=200,
    ),
    *(
        Case(
            "GET",
            lambda ctx, path=path, name=name: f"{API}/metrics/{path}?{name}={_run(ctx).pk.hex}&metric_key=loss",
            stranger=404,
            name=f"GET-metrics/{path}",
        )
        for path, name in _HISTORIES
    ),
    _change("runs/update", _of_run(run_name="renamed")),
    _change("runs/delete", _of_run()),
    _change("runs/restore", lambda ctx: {"run_id": _run(ctx, deleted_at=clock.now()).pk.hex}),
    _change("runs/log-parameter", _of_run(key="k", value="v")),
    _change("runs/set-tag", _of_run(key="k", value="v")),
    _change("runs/delete-tag", _of_run(key="a")),
    _change("runs/log-model", _of_run(model_json=_MODEL)),
    _change("runs/log-inputs", _of_run(datasets=[{"dataset": _DATASET}])),
    _change("runs/outputs", _of_run(models=[])),
    *(
        Case(verb, f"{API}/traces/search", role=ANY_USER, status=501, stranger=501, name=f"{verb}-traces")
        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
