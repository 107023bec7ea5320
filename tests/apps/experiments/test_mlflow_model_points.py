"""Points of metrics that a run says of a logged model: kept on both, each once, and nothing of what cannot be."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.experiments.api.mlflow.bulk import LogApp, apps_of
from apps.experiments.models import LoggedModel, Run
from tests.apps.experiments.test_mlflow_bulk import AT, Apps, World, aworld, fresh, log, metric, stored
from tests.support.factories.experiments import LoggedModelFactory

pytestmark = pytest.mark.django_db(transaction=True)
DATASET = {"dataset_name": "d", "dataset_digest": "x"}


@pytest.fixture
async def apps() -> AsyncIterator[dict[str, LogApp]]:
    made = apps_of()
    yield made
    await made["log-batch"].close()
    await sync_to_async(connections.close_all)()


@sync_to_async
def a_model(world: World) -> LoggedModel:
    made: LoggedModel = LoggedModelFactory.create(run=world.run, experiment=world.run.experiment, project=world.project)
    return made


def of(model: LoggedModel, **point: Any) -> dict[str, Any]:
    return {**point, "model_id": f"m-{model.pk.hex}"}


@sync_to_async
def said(model: LoggedModel) -> list[tuple[Any, ...]]:
    rows = model.metrics.order_by("id").values_list("key", "value", "step", "time_ms", "dataset_name")
    return [tuple(row) for row in rows]


async def test_they_are_the_runs_and_the_models_each_once(apps: Apps) -> None:
    world = await aworld()
    first, second = await a_model(world), await a_model(world)
    batch = [
        of(first, **metric("auc", 0.5, 1), **DATASET),
        of(first, **metric("auc", 0.75, 2)),
        of(second, **metric("auc", 0.75, 2)),
        of(second, **metric("odd", "NaN", 2)),
        metric("loss", 1.0),
    ]
    for _ in range(2):
        assert (await log(apps["log-batch"], world.token, world.run, metrics=batch))[0] == 200
    assert await said(first) == [("auc", 0.5, 1, AT, "d"), ("auc", 0.75, 2, AT, "")]
    (auc, odd) = await said(second)
    assert (auc, odd[0], math.isnan(odd[1])) == (("auc", 0.75, 2, AT, ""), "odd", True)
    points = await stored(world.run)
    assert [value for _, value, _ in points["auc"]] == [0.5, 0.75]
    assert (await fresh(world.run)).summary["auc"]["count"] == 2


async def test_one_metric_of_two_models_is_one_point_of_the_run(apps: Apps) -> None:
    """So clients send it: once for each model."""
    world = await aworld()
    models = [await a_model(world), await a_model(world)]
    for model in models:
        assert (await log(apps["log-metric"], world.token, world.run, **of(model, **metric("auc", 0.5))))[0] == 200
    assert len((await stored(world.run))["auc"]) == 1
    assert [await said(model) for model in models] == [[("auc", 0.5, 0, AT, "")]] * 2


async def test_what_cannot_be_said_of_a_model_leaves_nothing(apps: Apps) -> None:
    world, other = await aworld(), await aworld()
    mine, others, deleted = await a_model(world), await a_model(other), await a_model(world)
    await sync_to_async(LoggedModel.objects.filter(pk=deleted.pk).update)(deleted_at=deleted.created_at)
    missing, invalid = (404, "RESOURCE_DOES_NOT_EXIST"), (400, "INVALID_PARAMETER_VALUE")
    point = metric("auc", 0.5)
    for expected, wrong in (
        (missing, of(others, **point)),
        (missing, of(deleted, **point)),
        (missing, {**point, "model_id": "m-" + "0" * 32}),
        (missing, {**point, "model_id": mine.pk.hex}),
        (invalid, of(mine, **point, dataset_name="d")),
        (invalid, of(mine, **point, dataset_digest="x")),
        (invalid, of(mine, **point, dataset_name="d" * 501, dataset_digest="x")),
        (invalid, of(mine, **point, dataset_name="d", dataset_digest="x" * 37)),
        (invalid, of(mine, **point, dataset_name="d\x00", dataset_digest="x")),
        (invalid, {**point, "model_id": 7}),
    ):
        body = {"metrics": [metric("loss", 1.0), wrong], "tags": [{"key": "a", "value": "b"}]}
        status, _, answer = await log(apps["log-batch"], world.token, world.run, **body)
        assert (status, answer["error_code"]) == expected, wrong
    run: Run = await fresh(world.run)
    assert (await stored(run), run.labels, await said(mine), await said(others)) == ({}, {}, [], [])
    assert (await log(apps["log-batch"], world.token, run, metrics=[{**point, "model_id": ""}]))[0] == 200
