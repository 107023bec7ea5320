"""Replica processes before a runtime API, with a model whose scores can be worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support import http
from tests.support.job_process import JobProcess
from tests.support.prepared_data import PREPROCESSOR
from tests.support.runtime_api import RuntimeApi
from tests.support.stack import free_ports
from tests.support.waiting import until

WEIGHTS = {"Income": 1.0, "Debt": -2.0, "Home=owner": 0.5, "Home=rent": 0.25}


def expected_score(income: float, debt: float, home: str) -> float:
    """What the model says of a record whose numbers the preprocessor scales by (100, 10) and (50, 5)."""
    return 1 / (1 + math.exp(-expected_value(income, debt, home)))


def expected_value(income: float, debt: float, home: str) -> float:
    """The same of the model that predicts a number."""
    return WEIGHTS["Income"] * (income - 100) / 10 + WEIGHTS["Debt"] * (debt - 50) / 5 + WEIGHTS.get(f"Home={home}", 0)


def write_model(path: Path, weights: list[float], last: str = "Sigmoid") -> None:
    """last(features · weights) as ONNX."""
    column = helper.make_tensor("w", TensorProto.FLOAT, [len(weights), 1], weights)
    flat = helper.make_tensor("flat", TensorProto.INT64, [1], [-1])
    nodes = [
        helper.make_node("MatMul", ["features", "w"], ["product"]),
        helper.make_node(last, ["product"], ["scores"]),
        helper.make_node("Reshape", ["scores", "flat"], ["score"]),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", len(weights)])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])
    graph = helper.make_graph(nodes, "by-hand", [features], [score], [column, flat])
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)]), path)


class Serving:
    """A runtime API with a model in it, and replicas started on it; the model predicts a number where it is named."""

    def __init__(self, folder: Path, target: str = "") -> None:
        self.api = RuntimeApi(folder)
        model, preprocessor = folder / "model.onnx", folder / "preprocessor.json"
        write_model(model, list(WEIGHTS.values()), "Identity" if target else "Sigmoid")
        made = PREPROCESSOR | ({"label": None, "target": {"column": target}, "ignored": [target]} if target else {})
        preprocessor.write_text(json.dumps(made), encoding="utf-8")
        self.api.add_input("model", [model])
        self.api.add_input("preprocessor", [preprocessor])
        self.port = free_ports(1)[0]

    def start(self, **parameters: Any) -> JobProcess:
        environment = self.api.serving_environment({"model_version": "v1", **parameters}, self.port)
        return JobProcess("workers.runtime.serving", environment, self.api.work_dir)

    def client(self) -> httpx.Client:
        return http.client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    with serving.api:
        yield serving


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a replica that is ready; one for all tests that do not end it."""
    serving = Serving(tmp_path_factory.mktemp("replica"))
    with serving.api, serving.start(threshold=0.6) as process, serving.client() as client:
        process.said("ready")
        until(lambda: client.get("/readyz").status_code == 200)
        yield client
