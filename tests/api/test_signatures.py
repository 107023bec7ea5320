"""What a model takes, as its preprocessor says it; and evaluations that a script reported as it liked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.experiments.models import ModelVersion
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.deployments import EndpointFactory, RevisionFactory
from tests.support.factories.experiments import ArtifactFactory, ModelAliasFactory, ModelVersionFactory, RunFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"
DOCUMENT: dict[str, Any] = {
    "format": "bedplate-preprocessor/1",
    "inputs": [
        {"name": "Income", "type": "number"},
        {"name": "Home", "type": "category"},
        {"name": "Job", "type": "category"},
    ],
    "ignored": ["Status"],
    "steps": [
        {"kind": "missing_values", "markers": ["", "NA"]},
        {"kind": "outliers", "columns": {"Income": [0, 1000, 125]}},
        {"kind": "impute", "numbers": {"Income": 125.0}, "categories": {"Home": "owner"}},
        {"kind": "standardise", "columns": {"Income": [130.1, 74.2]}},
        {"kind": "one_hot", "columns": {"Home": ["owner", "rent"]}},
    ],
    "outputs": ["Income", "Home=owner", "Home=rent", "Job"],
    "label": {"column": "Status", "mapping": {"bad": 1, "good": 0}, "positive": "bad"},
    "examples": [{"Income": 129, "Home": "rent", "Job": None, "Status": "good"}],
}


@pytest.fixture
def project() -> Project:
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def client(project: Project) -> APIClient:
    made = APIClient()
    made.force_authenticate(member(project, Role.VIEWER))
    return made


def version_with(project: Project, content: bytes) -> ModelVersion:
    run = RunFactory.create(project=project)
    file = ArtifactFactory.with_object(content, project=project, run=run, name="preprocessor", kind="preprocessor")
    found: ModelVersion = ModelVersionFactory.create(project=project, run=run, preprocessor=file)
    return found


def test_columns_classes_and_a_real_record(client: APIClient, project: Project) -> None:
    version = version_with(project, json.dumps(DOCUMENT).encode())
    expected = {
        "model_version": str(version.pk),
        "inputs": [
            {"name": "Income", "type": "number", "categories": None, "typical": 125.0},
            {"name": "Home", "type": "category", "categories": ["owner", "rent"], "typical": "owner"},
            {"name": "Job", "type": "category", "categories": None, "typical": None},
        ],
        "label": {"column": "Status", "classes": ["good", "bad"]},
        "example": {"Income": 129, "Home": "rent", "Job": None},
    }
    assert client.get(f"{API}/model-versions/{version.pk}/signature").json() == expected
    endpoint = EndpointFactory.create(project=project, revisions_made=2)
    serving = {"project": project, "endpoint": endpoint}
    RevisionFactory.create(**serving, model_version=version, state="ready", weight=100)
    RevisionFactory.create(**serving, number=2, state="loading")
    assert client.get(f"{API}/endpoints/{endpoint.pk}/signature").json() == expected


def test_steps_of_other_kinds_may_have_other_things_under_the_same_names(client: APIClient, project: Project) -> None:
    markers = {"kind": "missing_values", "markers": ["NA"], "columns": ["Home"], "numbers": [], "sentinels": []}
    groups = {"by": "Home", "numbers": {"Income": {"rent": 90.0}}}
    impute = {"kind": "impute", "numbers": {"Income": 125.0}, "categories": {}, "groups": groups}
    derive = {"kind": "derive", "name": "Half", "expression": "Income / 2", "types": {"Income": "float64"}}
    inputs = [*DOCUMENT["inputs"], {"name": "Since", "type": "date"}]
    steps = [markers, impute, derive, DOCUMENT["steps"][-1]]
    document = DOCUMENT | {"format": "bedplate-preprocessor/2", "inputs": inputs, "steps": steps, "not_served": []}
    version = version_with(project, json.dumps(document).encode())
    found = client.get(f"{API}/model-versions/{version.pk}/signature").json()
    assert [(each["name"], each["type"], each["categories"], each["typical"]) for each in found["inputs"]] == [
        ("Income", "number", None, 125.0),
        ("Home", "category", ["owner", "rent"], None),
        ("Job", "category", None, None),
        ("Since", "category", None, None),
    ]


def test_one_without_label_or_examples(client: APIClient, project: Project) -> None:
    document = {name: DOCUMENT[name] for name in ("format", "inputs", "steps", "outputs")}
    version = version_with(project, json.dumps(document).encode())
    found = client.get(f"{API}/model-versions/{version.pk}/signature").json()
    assert (found["label"], found["example"]) == (None, None)


def test_a_text_is_a_column_and_a_picture_is_none(client: APIClient, project: Project) -> None:
    label = {"column": "label", "mapping": {"praise": 1, "complaint": 0, "question": 2}}
    found: dict[str, Any] = {}
    for kind in ("text", "picture"):
        document = {"classes": [], "inputs": [{"name": "it", "type": kind}], "steps": [], "label": label}
        version = version_with(project, json.dumps(document).encode())
        found[kind] = client.get(f"{API}/model-versions/{version.pk}/signature")
    assert [(each["name"], each["type"], each["categories"]) for each in found["text"].json()["inputs"]] == [
        ("it", "category", None)
    ]
    assert found["text"].json()["label"]["classes"] == ["complaint", "praise", "question"]
    assert found["picture"].status_code == 404
    assert found["picture"].json()["detail"] == "This model version takes pictures, and not records."


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"inputs": 1, "steps": []}', b"\xff\xfe"], ids=str)
def test_what_cannot_be_read_is_said(client: APIClient, project: Project, content: bytes) -> None:
    version = version_with(project, content)
    answer = client.get(f"{API}/model-versions/{version.pk}/signature")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("The preprocessor of this model version cannot be read")


def test_a_missing_preprocessor_is_said(client: APIClient, project: Project) -> None:
    gone, never = ModelVersionFactory.create(project=project), ModelVersionFactory.create(
        project=project, preprocessor=None
    )  # fmt: skip
    assert "does not have" in client.get(f"{API}/model-versions/{gone.pk}/signature").json()["detail"]
    assert "no preprocessor" in client.get(f"{API}/model-versions/{never.pk}/signature").json()["detail"]


def test_parts_of_an_evaluation_have_their_form_or_are_left_out(client: APIClient, project: Project) -> None:
    roc = {"false_positive_rate": [0, 1], "true_positive_rate": [0, 1], "thresholds": [None, 0.5]}
    evaluation = {"auc": "high", "accuracy": 0.8, "roc": roc, "calibration": [{"lower": 0}], "own": {"any": 1}}
    metrics = {"auc": 0.8, "note": "good", "flag": True}
    version = ModelVersionFactory.create(project=project, evaluation=evaluation, metrics=metrics)
    found = client.get(f"{API}/model-versions/{version.pk}").json()
    assert found["evaluation"] == {"accuracy": 0.8, "roc": roc, "own": {"any": 1}}
    assert found["metrics"] == {"auc": 0.8}
    run = RunFactory.create(project=project, result={"evaluation": evaluation, "metrics": [], "error": "no", "more": 1})
    shown = client.get(f"{API}/runs/{run.pk}").json()["result"]
    assert shown == {"evaluation": found["evaluation"], "metrics": {}, "error": {}, "more": 1}


def test_a_model_shows_its_latest_version_and_its_names(client: APIClient, project: Project) -> None:
    alias = ModelAliasFactory.create(project=project, name="champion")
    model = alias.model
    newest = ModelVersionFactory.create(project=project, model=model, number=2, metrics={"auc": 0.9})
    model.versions_made = 2
    model.save()
    (row,) = client.get(f"{API}/models", {"search": model.name}).json()["results"]
    assert (row["latest_version"]["id"], row["latest_version"]["metrics"]) == (str(newest.pk), {"auc": 0.9})
    assert row["latest_version"]["run_name"] == newest.run.name
    assert row["aliases"] == [{"id": str(alias.pk), "name": "champion", "version": str(alias.version_id), "number": 1}]
    shown = client.get(f"{API}/model-versions/{alias.version_id}").json()
    assert (shown["aliases"], shown["model_name"]) == (["champion"], model.name)
