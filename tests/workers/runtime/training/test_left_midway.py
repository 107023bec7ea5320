"""A trainer that is told to leave in the midst of an epoch loses no step of it, and goes on as if never stopped."""

from __future__ import annotations

import copy
import json
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.prepared_data import write_prepared_data
from workers.contracts.trainers import TABULAR_CLASSIFIER, parameters_checked
from workers.runtime.context import JobContext, context_from

pytestmark = pytest.mark.xdist_group("training")
torch = partial(import_module, "torch")  # long to load, and every worker collects all tests
classifier = partial(import_module, "workers.runtime.training.tabular_classifier")
loop = partial(import_module, "workers.runtime.training.loop")
checkpoints = partial(import_module, "workers.runtime.training.checkpoints")
PARAMETERS = parameters_checked(TABULAR_CLASSIFIER, {"epochs": 3, "batch_size": 30, "hidden": 16, "dropout": 0.2})
STEPS_AN_EPOCH = 9


class Told(JobContext):
    """Of a job that is told to leave once it has looked so often whether it is."""

    looks_left = 1 << 30

    @property
    def should_stop(self) -> bool:
        self.looks_left -= 1
        return self.looks_left < 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_prepared_data(tmp_path / "bedplate-local" / "data")
    return tmp_path


def trained(folder: Path, *, looks: int = 1 << 30) -> tuple[Told, dict[str, Any]]:
    """One attempt: its context, and the weights at its end. Raises Preempted."""
    base = context_from({}, folder)
    ctx = Told(base.identity, base._link, folder)
    ctx.looks_left = looks
    checkpoints().seed_everything(7)
    data = classifier().load_data(ctx, PARAMETERS)
    model = classifier().network_of(data, PARAMETERS)
    task = classifier().Classification(model, data.rest, data.validation)
    loop().Loop(ctx, task, loop().Plan.of(PARAMETERS)).run()
    ctx.close()
    return ctx, copy.deepcopy(model.state_dict())


def kept(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "bedplate-local" / "checkpoints.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_what_is_left_of_an_epoch_is_done_by_the_next_attempt(folder: Path) -> None:
    _, whole = trained(folder)
    for each in (folder / "bedplate-local").glob("checkpoints*"):
        each.rename(folder / f"whole-{each.name}")
    with pytest.raises(loop().Preempted):
        trained(folder, looks=STEPS_AN_EPOCH + 4)
    assert [one["step"] for one in kept(folder)] == [9, 13]
    assert kept(folder)[-1]["metadata"] == {"epoch": 1}
    with pytest.raises(loop().Preempted):
        trained(folder, looks=0)
    assert [one["step"] for one in kept(folder)] == [9, 13], "nothing was done: nothing new is stored"
    _, resumed = trained(folder)
    assert [one["step"] for one in kept(folder)] == [9, 13, 18, 27]
    assert all(torch().equal(whole[name], resumed[name]) for name in whole)


def test_told_before_the_first_step_it_leaves_nothing(folder: Path) -> None:
    with pytest.raises(loop().Preempted):
        trained(folder, looks=0)
    assert not (folder / "bedplate-local" / "checkpoints.jsonl").exists()
