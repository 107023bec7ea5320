"""Links that clients of MLflow print, followed in a browser: to the sign-in and back, to what they name."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from apps.access.states import Role
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import (
    LoggedModelFactory,
    ModelVersionFactory,
    RegisteredModelFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.project = ProjectFactory.create(name="credit")
        self.run = RunFactory.create(project=self.project)
        self.logged = LoggedModelFactory.create(project=self.project, run=self.run)
        self.model = RegisteredModelFactory.create(project=self.project, name="risk model")
        self.version = ModelVersionFactory.create(project=self.project, model=self.model, run=self.run)
        self.browser = Client()
        self.browser.force_login(member(self.project, Role.VIEWER))

    def led(self, at: str, base: str = "/mlflow/credit/") -> str:
        answer = self.browser.get(base, {"at": at})
        assert answer.status_code == 302
        return str(answer["Location"])


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.mark.parametrize("address", ["/mlflow", "/mlflow/", "/mlflow/credit", "/mlflow/credit/"])
def test_the_address_answers_anybody_with_a_page_of_one_script(address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    text = answer.content.decode()
    assert text.count("<script") == 1
    assert "mlflow-link" in text
    assert "style" not in text


def test_it_speaks_chinese() -> None:
    text = Client(headers={"Accept-Language": "zh-CN"}).get("/mlflow/credit/").content.decode()
    assert "正在打开页面" in text
    assert 'lang="zh-hans"' in text


def test_nobody_is_asked_to_sign_in_first_and_comes_back() -> None:
    at = f"/experiments/{'0' * 32}"
    answer = Client().get("/mlflow/credit/", {"at": at})
    here = f"/mlflow/credit/?at={quote(at, safe='')}"
    assert answer["Location"] == f"/login?next={quote(here)}"


def test_what_a_link_names(world: World) -> None:
    experiment, run = world.run.experiment_id, world.run.pk
    list_of_it = f"/runs?project=credit&experiment={experiment}"
    for at, expected in {
        f"/experiments/{experiment.hex}/runs/{run.hex}": f"/runs/{run}",
        f"/experiments/{experiment.hex}/runs/{run.hex}?workspace=credit": f"/runs/{run}",
        f"/experiments/{experiment.hex}/runs/{run.hex}/artifacts/model": f"/runs/{run}",
        f"/experiments/{experiment.hex}": list_of_it,
        f"/experiments/{experiment.hex}/evaluation-runs": list_of_it,
        f"/experiments/{experiment.hex}/models/m-{world.logged.pk.hex}": f"/runs/{run}?tab=files",
        "/models": "/models?project=credit",
        "/models/risk%20model": f"/models/{world.model.pk}",
        f"/models/risk%20model/versions/{world.version.number}": f"/model-versions/{world.version.pk}",
        "/models/risk%20model/versions/99": f"/models/{world.model.pk}",
        "/experiments": "/runs?project=credit",
        "": "/runs?project=credit",
    }.items():
        assert world.led(at) == expected, at
    assert world.led(f"/experiments/{experiment.hex}", "/mlflow") == f"/runs?experiment={experiment}"
    assert world.led("/models/risk%20model", "/mlflow") == f"/models/{world.model.pk}"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("/models/none", "/models?project=credit"),
        ("/experiments/x/runs/nothing", "/runs?project=credit"),
        ("/experiments/0/models/m-nothing", "/runs?project=credit"),
        ("/experiments/0", "/runs?project=credit"),
        ("//evil.example/x", "/runs?project=credit"),
        ("https://evil.example", "/runs?project=credit"),
        ("/experiments/%2F%2Fevil.example", "/runs?project=credit"),
        ("/models/risk\x00", "/runs?project=credit"),
        ("/models/risk%00", "/runs?project=credit"),
    ],
)
def test_what_is_not_there_leads_to_a_list_and_never_elsewhere(world: World, at: str, expected: str) -> None:
    assert world.led(at) == expected


def test_what_one_may_not_see_is_not_told_of(world: World) -> None:
    stranger = World.__new__(World)
    stranger.browser = Client()
    stranger.browser.force_login(member(ProjectFactory.create(), Role.VIEWER))
    assert stranger.led("/models/risk%20model") == "/models?project=credit"
    assert stranger.led(f"/experiments/0/models/m-{world.logged.pk.hex}") == "/runs?project=credit"
