"""Weights of rows: a row of weight three moves the model as three rows would."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.contracts.trainers import TABULAR_CLASSIFIER, parameters_checked
from workers.runtime.context import Identity, JobContext
from workers.runtime.link import LocalLink
from workers.runtime.training.data import Split, load_split

pytestmark = pytest.mark.xdist_group("training")
torch = partial(import_module, "torch")  # long to load, and every worker collects all tests
classifier = partial(import_module, "workers.runtime.training.tabular_classifier")
loop = partial(import_module, "workers.runtime.training.loop")
checkpoints = partial(import_module, "workers.runtime.training.checkpoints")
ROWS, EPOCHS = 60, 40
STEPS = [
    {"kind": "split", "test_ratio": 0.2, "seed": 1, "stratify": "status"},
    {"kind": "encode_label", "column": "status", "mapping": {"good": 0, "bad": 1}},
    {"kind": "balance", "column": "status", "method": "weights"},
    {"kind": "standardise"},
]


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    folder = tmp_path / "bedplate-local"
    folder.mkdir()
    identity = Identity(result_file=folder / "result.json", secrets_dir=folder / "secrets")
    return JobContext(identity, LocalLink(folder), tmp_path)


def _rows(weights: npt.NDArray[np.float32] | None = None) -> Split:
    random = np.random.default_rng(3)
    features = random.normal(size=(ROWS, 2)).astype(np.float32)
    labels = (features[:, 0] + random.normal(size=ROWS) > 1).astype(np.float32)
    return Split(features, labels, ("a", "b"), np.arange(ROWS), weights)


def _trained(ctx: JobContext, rows: Split) -> npt.NDArray[np.float32]:
    """What a network says of the rows that are the same for all, once it was trained in batches of all of its own."""
    checkpoints().seed_everything(0)
    model = classifier().Network(2, hidden=8, layers=1, dropout=0.0)
    given = {"epochs": EPOCHS, "batch_size": len(rows), "learning_rate": 0.01}
    plan = loop().Plan.of(parameters_checked(TABULAR_CLASSIFIER, given))
    task = classifier().Classification(model, rows, _rows())
    steps_alone = type("StepsAlone", (loop().Loop,), {"_measure": lambda *_: None})
    steps_alone(ctx, task, plan).run()
    model.eval()
    with torch().no_grad():
        scores: npt.NDArray[np.float32] = torch().sigmoid(model(torch().from_numpy(_rows().features))).numpy()
    return scores


def test_weights_change_the_model_as_repeated_rows_do(ctx: JobContext) -> None:
    times = np.where(_rows().labels == 1, 4, 1)
    weights = (times / 7).astype(np.float32)  # whatever their mean is
    weighted, repeated = _trained(ctx, _rows(weights)), _trained(ctx, _rows().take(np.repeat(np.arange(ROWS), times)))
    alike, plain = _trained(ctx, _rows(np.ones(ROWS, np.float32))), _trained(ctx, _rows())
    assert np.abs(weighted - repeated).max() < 1e-4
    assert np.abs(weighted - plain).max() > 0.1
    assert np.abs(alike - plain).max() < 1e-6


def test_what_the_balance_step_writes_is_what_the_trainer_reads(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    states = ["bad"] * 20 + ["good"] * 80
    done = jobs.clean(jobs.parquet({"income": [float(n % 17) for n in range(100)], "status": states}), STEPS)
    local = tmp_path / "run" / "bedplate-local"
    local.mkdir(parents=True)
    (local / "data").symlink_to(done.folder)
    (local / "parameters.json").write_text(json.dumps({"validation_ratio": 0.25}), encoding="utf-8")
    identity = Identity(result_file=local / "result.json", secrets_dir=local / "secrets")
    job = JobContext(identity, LocalLink(local), tmp_path / "run")
    data = classifier().load_data(job, parameters_checked(TABULAR_CLASSIFIER, job.parameters))
    assert data.rest.names == ("income",)
    for part in (data.rest, data.validation):
        assert part.weights is not None
        assert dict(zip(part.labels.tolist(), part.weights.tolist(), strict=True)) == {0.0: 0.625, 1.0: 2.5}
    assert data.test.weights is not None
    assert set(data.test.weights.tolist()) == {1.0}


@pytest.mark.parametrize(
    ("weights", "says"),
    [([1.0, None], "missing"), ([1.0, -1.0], "negative"), ([0.0, 0.0], "nothing but zeros"), (["a", "b"], "string")],
)
def test_weights_that_cannot_be_are_refused(weights: list[object], says: str, tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    rows = {"__ordinal": [0, 1], "__split": ["train"] * 2, "x": [1.0, 2.0], "y": [0, 1], "__weight": weights}
    pq.write_table(pa.table(rows), path)
    with pytest.raises(ValueError, match=f"__weight .*{says}"):
        load_split([path], "train", label="y")


def test_a_version_without_weights_has_none() -> None:
    assert _rows().weights is None
    assert _rows().take(np.array([1, 2])).weights is None
