"""The graph of what came of what: as far as it was asked for and the caller may see, whatever its form."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from uuid6 import uuid7

from apps.access.states import Role
from apps.datasets.api import version_examples
from apps.datasets.api.lineage_views import NOUNS
from apps.datasets.selectors import lineage
from apps.datasets.states import Relation
from controlplane.lineage import NODES
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import DatasetVersionFactory, LineageEdgeFactory, SourceFactory
from tests.support.factories.deployments import RevisionFactory
from tests.support.factories.experiments import ModelVersionFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create(name="risk")


@pytest.fixture
def client(project: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(project, Role.VIEWER))
    return client


def _edge(later: Any, relation: Relation, earlier: Any) -> None:
    nouns = {"Source": "source", "DatasetVersion": "dataset_version", "Run": "run", "ModelVersion": "model_version"}
    nouns["Revision"] = "revision"
    LineageEdgeFactory.create(
        project=later.project,
        from_kind=nouns[type(later).__name__],
        from_id=later.pk,
        relation=relation,
        to_kind=nouns[type(earlier).__name__],
        to_id=earlier.pk,
    )


def _chain(project: Any, length: int) -> list[Any]:
    """Versions, each cleaned from the one before it."""
    versions = DatasetVersionFactory.create_batch(length, project=project)
    for earlier, later in pairwise(versions):
        _edge(later, Relation.CLEANED_FROM, earlier)
    return versions


def _get(client: APIClient, of: str, **query: Any) -> Any:
    answer = client.get("/api/v1/lineage", {"of": of, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def _distances(found: Any) -> dict[str, int]:
    return {node["id"]: node["distance"] for node in found["nodes"]}


@pytest.fixture
def story(project: Any) -> dict[str, Any]:
    """From an upload to a served model, all of one project."""
    made = {
        "source": SourceFactory.create(project=project, name="loans.csv"),
        "version": DatasetVersionFactory.create(project=project, number=3, dataset__name="loans"),
        "run": RunFactory.create(project=project, name="risk-1"),
        "model": ModelVersionFactory.create(project=project),
        "revision": RevisionFactory.create(project=project),
    }
    _edge(made["version"], Relation.INGESTED_FROM, made["source"])
    _edge(made["run"], Relation.TRAINED_ON, made["version"])
    _edge(made["model"], Relation.REGISTERED_FROM, made["run"])
    _edge(made["model"], Relation.EVALUATED_ON, made["version"])
    _edge(made["revision"], Relation.SERVES, made["model"])
    return made


def test_from_an_upload_to_what_serves(client: APIClient, project: Any, story: dict[str, Any]) -> None:
    found = _get(client, f"dataset_version:{story['version'].pk}")

    assert sorted(found) == sorted(version_examples.LINEAGE)
    assert all(sorted(node) == sorted(version_examples.LINEAGE["nodes"][0]) for node in found["nodes"])
    nodes = {node["kind"]: node for node in found["nodes"]}
    assert found["nodes"][0]["kind"] == "dataset_version"
    assert {kind: node["distance"] for kind, node in nodes.items()} == {
        "dataset_version": 0, "source": -1, "run": 1, "model_version": 1, "revision": 2,
    }  # fmt: skip
    assert {kind: (node["name"], node["number"]) for kind, node in nodes.items()} == {
        "dataset_version": ("loans", 3),
        "source": ("loans.csv", None),
        "run": ("risk-1", None),
        "model_version": (story["model"].model.name, story["model"].number),
        "revision": (story["revision"].endpoint.name, story["revision"].number),
    }
    assert {kind: (node["parent_kind"], node["parent_id"]) for kind, node in nodes.items()} == {
        "dataset_version": ("dataset", str(story["version"].dataset_id)),
        "source": ("dataset", str(story["source"].dataset_id)),
        "run": ("experiment", str(story["run"].experiment_id)),
        "model_version": ("model", str(story["model"].model_id)),
        "revision": ("endpoint", str(story["revision"].endpoint_id)),
    }
    assert {(node["project_name"], node["is_hidden"]) for node in nodes.values()} == {("risk", False)}
    assert (nodes["dataset_version"]["state"], nodes["source"]["state"]) == ("published", None)
    assert sorted((edge["from_kind"], edge["relation"], edge["to_kind"]) for edge in found["edges"]) == [
        ("dataset_version", "ingested_from", "source"),
        ("model_version", "evaluated_on", "dataset_version"),
        ("model_version", "registered_from", "run"),
        ("revision", "serves", "model_version"),
        ("run", "trained_on", "dataset_version"),
    ]


def test_each_end_reaches_the_other(client: APIClient, story: dict[str, Any]) -> None:
    up = _get(client, f"revision:{story['revision'].pk}")
    assert min(_distances(up).values()) == -3
    assert len(up["nodes"]) == 5
    assert len(_get(client, f"source:{story['source'].pk}", depth=4)["nodes"]) == 5
    assert len(_get(client, f"run:{story['run'].pk}", direction="up")["nodes"]) == 3


def test_depth_and_direction_bound_it(client: APIClient, project: Any) -> None:
    versions = _chain(project, 9)
    middle = versions[4]

    found = _get(client, f"dataset_version:{middle.pk}", depth=2)
    assert _distances(found) == {str(versions[4 + step].pk): step for step in (-2, -1, 0, 1, 2)}
    assert (len(found["edges"]), found["depth"], found["is_cut"]) == (4, 2, False)
    assert min(_distances(_get(client, f"dataset_version:{middle.pk}", direction="down")).values()) == 0
    assert max(_distances(_get(client, f"dataset_version:{middle.pk}", direction="up")).values()) == 0


def test_siblings_are_not_of_the_line(client: APIClient, project: Any) -> None:
    parent, child, sibling = DatasetVersionFactory.create_batch(3, project=project)
    _edge(child, Relation.CLEANED_FROM, parent)
    _edge(sibling, Relation.CLEANED_FROM, parent)

    assert set(_distances(_get(client, f"dataset_version:{child.pk}"))) == {str(parent.pk), str(child.pk)}


def test_a_circle_ends(client: APIClient, project: Any) -> None:
    versions = _chain(project, 3)
    _edge(versions[0], Relation.CLEANED_FROM, versions[2])

    found = _get(client, f"dataset_version:{versions[0].pk}", depth=10)

    assert (len(found["nodes"]), len(found["edges"])) == (3, 3)


def test_what_the_caller_may_not_see_is_hidden_and_so_is_what_is_beyond(client: APIClient, project: Any) -> None:
    own = DatasetVersionFactory.create(project=project)
    strange, beyond = DatasetVersionFactory.create(dataset__name="secret-name"), SourceFactory.create(name="s.csv")
    _edge(own, Relation.CLEANED_FROM, strange)
    _edge(strange, Relation.INGESTED_FROM, beyond)

    answer = client.get("/api/v1/lineage", {"of": f"dataset_version:{own.pk}"})

    hidden = answer.json()["nodes"][1]
    assert hidden == {
        "kind": "dataset_version", "id": str(strange.pk), "distance": -1, "is_hidden": True, "name": None,
        "number": None, "state": None, "project": None, "project_name": None, "parent_kind": None, "parent_id": None,
        "created_at": None,
    }  # fmt: skip
    assert (len(answer.json()["nodes"]), len(answer.json()["edges"])) == (2, 1)
    for secret in ("secret-name", str(beyond.pk), str(strange.project_id)):
        assert secret not in answer.content.decode()


def test_what_is_seen_by_another_way_is_shown(client: APIClient, project: Any) -> None:
    """Behind something hidden, but reached from something visible, too."""
    own, between, first = DatasetVersionFactory.create_batch(3, project=project)
    hidden = DatasetVersionFactory.create()
    _edge(own, Relation.CLEANED_FROM, hidden)
    _edge(hidden, Relation.CLEANED_FROM, first)
    _edge(own, Relation.CLEANED_FROM, between)
    _edge(between, Relation.CLEANED_FROM, first)

    found = _get(client, f"dataset_version:{own.pk}")

    assert _distances(found) == {str(own.pk): 0, str(hidden.pk): -1, str(between.pk): -1, str(first.pk): -2}
    assert len(found["edges"]) == 3


def test_many_edges_are_cut_and_it_says_so(client: APIClient, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "EDGES_MOST", 5)
    parent = DatasetVersionFactory.create(project=project)
    for child in DatasetVersionFactory.create_batch(7, project=project):
        _edge(child, Relation.CLEANED_FROM, parent)

    found = _get(client, f"dataset_version:{parent.pk}")

    assert (found["is_cut"], len(found["edges"])) == (True, 5)


def test_queries_do_not_grow_with_the_graph(client: APIClient, project: Any) -> None:
    def count(of: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            _get(client, f"dataset_version:{of.pk}", depth=10)
        return len(queries)

    assert count(_chain(project, 2)[0]) == count(_chain(project, 9)[4]) == 3


@pytest.mark.parametrize(
    "of", ["", "dataset_version", "dataset_version:x", "poem:01936f2e-0000-7000-8000-000000000000", "run:" + "-" * 36]
)
def test_nonsense_is_refused_with_its_place(client: APIClient, of: str) -> None:
    answer = client.get("/api/v1/lineage", {"of": of})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["of"])


@pytest.mark.parametrize("query", [{"depth": 0}, {"depth": 11}, {"direction": "left"}])
def test_bounds_are_kept(client: APIClient, project: Any, query: dict[str, Any]) -> None:
    version = DatasetVersionFactory.create(project=project)
    answer = client.get("/api/v1/lineage", {"of": f"dataset_version:{version.pk}", **query})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(query))


def test_what_is_not_there_is_not_found(client: APIClient) -> None:
    strange = DatasetVersionFactory.create()
    for object_id in (strange.pk, uuid7()):
        assert client.get("/api/v1/lineage", {"of": f"dataset_version:{object_id}"}).status_code == 404


def test_the_document_names_every_noun_that_can_be_shown() -> None:
    assert set(NOUNS) == set(NODES)
