"""Two members train one model: the one that a single member would have trained on the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.workers.runtime.training import grounds
from workers.backends.local.replicas import free_port

pytestmark = pytest.mark.xdist_group("training")
ROOT = Path(__file__).resolve().parents[4]
SCRIPT = """
import dataclasses, json, sys
from importlib import import_module
from pathlib import Path
from workers.runtime.context import JobContext, context_from

folder, rank, world = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
base = context_from({}, folder)
ctx = JobContext(dataclasses.replace(base.identity, rank=rank, world_size=world), base._link, folder)
status = import_module(f"workers.runtime.training.{sys.argv[4]}").run(ctx)
ctx.close()
sys.exit(status)
"""
LOOP = {"epochs": 2, "batch_size": 33, "learning_rate": 0.01, "dropout": 0.0}
GIVEN: dict[str, dict[str, Any]] = {
    "tabular_regressor": {"target": "Amount", "hidden": 16, **LOOP},
    "text_classifier": {"hidden": 8, "dimensions": 8, **LOOP},
    "image_classifier": {"side": 16, "channels": 4, "blocks": 1, **LOOP},
}
WRITE = {
    "tabular_regressor": grounds.write_credit,
    "text_classifier": grounds.write_texts,
    "image_classifier": grounds.write_pictures,
}


def trained(folder: Path, kind: str, world: int) -> dict[str, Any]:
    """The result of the members: the first has it, and it alone."""
    started: list[subprocess.Popen[bytes]] = []
    port = str(free_port("127.0.0.1"))
    for rank in range(world):
        place = folder / f"{world}-{rank}"
        place.mkdir()
        WRITE[kind](place)
        grounds.job(place, kind, **GIVEN[kind])
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        command = [sys.executable, "-c", SCRIPT, str(place), str(rank), str(world), kind]
        started.append(subprocess.Popen(command, cwd=place, env=environment))
    assert [process.wait(60) for process in started] == [0] * world
    results = [folder / f"{world}-{rank}" / "bedplate-local" / "result.json" for rank in range(world)]
    assert [path.exists() for path in results] == [True, *[False] * (world - 1)]
    return dict(json.loads(results[0].read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("kind", "watched"),
    [
        ("tabular_regressor", "validation/rmse"),
        ("text_classifier", "validation/loss"),
        ("image_classifier", "validation/loss"),
    ],
)
def test_two_members_train_what_one_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, watched: str
) -> None:
    together = trained(tmp_path, kind, 2)
    monkeypatch.chdir(tmp_path)
    WRITE[kind](tmp_path)
    ctx, _ = grounds.job(tmp_path, kind, **GIVEN[kind])
    assert import_module(f"workers.runtime.training.{kind}").run(ctx) == 0
    ctx.close()
    alone = grounds.result(tmp_path)
    assert together["metrics"] == pytest.approx(alone["metrics"], rel=1e-3)
    lines = (tmp_path / "2-0" / "bedplate-local" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    keys = {point["key"] for line in lines for point in json.loads(line)["points"]}
    assert {"train/loss", watched} <= keys
    assert not (tmp_path / "2-1" / "bedplate-local" / "metrics.jsonl").exists(), "the first member speaks for all"
