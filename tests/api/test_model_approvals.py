"""Models whose loading runs code: nobody loads one before another person said so, nor after that was taken back."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import ApprovalRequest
from apps.access.states import Role
from apps.common import clock
from apps.common.models import AuditEvent
from apps.experiments.models import ModelVersion
from apps.experiments.services.model_approvals import denied_due
from tests.api.test_mlflow_models import PROXY, Client
from tests.support.factories.access import member
from workers.tasks.control import approval_apply, tick_expire

pytestmark = pytest.mark.django_db
API = "/api/v1"
GUILTY = b"cos\nsystem\n(S'id'\ntR."


class Ground:
    """A version that waits, an editor who registered it, and people who may decide."""

    def __init__(self) -> None:
        self.client = Client()
        self.client.model(**{"model.pkl": GUILTY})
        self.version = ModelVersion.objects.get()
        self.editor = self.as_(self.client.user)
        self.admin_user = member(self.client.project, Role.ADMIN)
        self.admin = self.as_(self.admin_user)
        self.viewer = self.as_(member(self.client.project, Role.VIEWER))

    def as_(self, user: Any) -> APIClient:
        made = APIClient()
        made.force_authenticate(user)
        return made

    def asks(self, client: APIClient | None = None, comment: str = "our own") -> Any:
        address = f"{API}/model-versions/{self.version.pk}/request-approval"
        return (client or self.editor).post(address, {"comment": comment}, format="json")

    def decides(self, verb: str, client: APIClient | None = None) -> int:
        approval = ApprovalRequest.objects.latest("id")
        answer = (client or self.admin).post(
            f"{API}/approvals/{approval.pk}/{verb}", {"comment": "read"}, format="json"
        )
        approval_apply(approval.pk)
        return int(answer.status_code)

    def state(self) -> tuple[str, str]:
        self.version.refresh_from_db()
        return self.version.state, self.version.state_reason

    def loads(self) -> dict[str, int]:
        """What each way to its files answers."""
        rest = self.viewer.get(f"{API}/model-versions/{self.version.pk}/download", {"name": "model.pkl"})
        proxy = self.client.api.get(f"{PROXY}/artifacts/versions/{self.version.pk.hex}/model.pkl")
        where = self.client.ask("get", "model-versions/get-download-uri", name="risk model", version="1")
        found = {"rest": rest.status_code, "proxy": proxy.status_code, "uri": where.status_code}
        for answer in (rest, proxy):
            if answer.status_code == 200:
                assert b"".join(answer.streaming_content) == GUILTY
        return found

    def points(self) -> int:
        body = {"name": "risk model", "alias": "champion", "version": "1"}
        return int(self.client.ask("post", "registered-models/alias", **body).status_code)


NONE, ALL = ({"rest": code, "proxy": code, "uri": code} for code in (409, 200))


@pytest.fixture
def ground() -> Ground:
    return Ground()


def actions() -> list[str]:
    found = AuditEvent.objects.filter(
        action__in=("model_version.approved", "model_version.denied", "model_version.archived")
    )
    return list(found.order_by("id").values_list("action", flat=True))


def test_it_is_loaded_once_another_person_approved_it(ground: Ground) -> None:
    assert (ground.state(), ground.loads(), ground.points()) == (("pending", "runs_code"), NONE, 409)
    asked = ground.asks()
    assert (asked.status_code, [one["state"] for one in asked.json()["approvals"]]) == (200, ["pending"])
    assert ground.asks().status_code == 409, "once is enough"
    assert ground.loads() == NONE
    assert ground.decides("approve", ground.editor) == 403
    assert ground.decides("approve", ground.viewer) == 403
    assert (ground.state(), ground.loads()) == (("pending", "runs_code"), NONE)
    assert ground.decides("approve") == 200
    assert (ground.state(), ground.loads(), ground.points()) == (("ready", ""), ALL, 200)
    approval = ApprovalRequest.objects.get()
    assert (ground.version.approval_id, approval.decided_by_id) == (approval.pk, ground.admin_user.pk)
    told = AuditEvent.objects.get(action="model_version.approved")
    assert (told.actor_id, told.detail["approval"]) == (str(ground.admin_user.pk), str(approval.pk))
    (shown,) = ground.editor.get(f"{API}/model-versions/{ground.version.pk}/files").json()["approvals"]
    assert (shown["state"], shown["comment"], shown["decision"]) == ("approved", "our own", "read")
    assert shown["decided_by"] == ground.admin_user.get_username()
    approval_apply(approval.pk)
    assert actions() == ["model_version.approved"], "applied once"


def test_who_may_not_write_may_not_ask(ground: Ground) -> None:
    assert ground.asks(ground.viewer).status_code == 403
    assert ground.asks(ground.as_(member(Client().project, Role.ADMIN))).status_code == 404
    assert ApprovalRequest.objects.count() == 0


def test_who_asked_does_not_decide_whatever_the_role(ground: Ground) -> None:
    assert ground.asks(ground.admin).status_code == 200
    assert ground.decides("approve") == 403
    assert ground.state() == ("pending", "runs_code")
    assert ground.decides("approve", ground.as_(member(ground.client.project, Role.ADMIN))) == 200
    assert ground.state() == ("ready", "")


def test_one_that_is_denied_is_never_loaded(ground: Ground) -> None:
    ground.asks()
    assert ground.decides("deny") == 200
    assert (ground.state(), ground.loads(), ground.points()) == (("archived", "approval_denied"), NONE, 409)
    assert actions() == ["model_version.denied"]
    assert ground.asks().status_code == 409
    assert "read" in ground.version.state_detail


def test_a_denial_whose_news_was_lost_is_followed_by_the_tick(ground: Ground) -> None:
    ground.asks()
    approval = ApprovalRequest.objects.get()
    ground.admin.post(f"{API}/approvals/{approval.pk}/deny", {"comment": ""}, format="json")
    assert ground.state() == ("pending", "runs_code")
    assert denied_due() == [approval.pk]
    approval_apply(approval.pk)
    assert ground.state() == ("archived", "approval_denied")
    assert denied_due() == []


@pytest.mark.parametrize("verb", ["withdraw", "expire"])
def test_a_request_that_comes_to_nothing_leaves_it_waiting(ground: Ground, verb: str) -> None:
    ground.asks()
    if verb == "withdraw":
        assert ground.decides("withdraw", ground.editor) == 200
    else:
        ApprovalRequest.objects.update(expires_at=clock.db_now())
        tick_expire()
    assert (ground.state(), ground.loads()) == (("pending", "runs_code"), NONE)
    assert ground.asks().status_code == 200


def test_archiving_takes_an_approval_back(ground: Ground) -> None:
    ground.asks()
    ground.decides("approve")
    assert ground.loads() == ALL
    assert ground.editor.post(f"{API}/model-versions/{ground.version.pk}/archive").status_code == 200
    assert (ground.state(), ground.loads(), ground.points()) == (("archived", "archived_by_user"), NONE, 409)
    assert actions() == ["model_version.approved", "model_version.archived"]


def test_archiving_is_no_way_round_an_approval(ground: Ground) -> None:
    assert ground.editor.post(f"{API}/model-versions/{ground.version.pk}/archive").status_code == 200
    assert (ground.state(), ground.loads()) == (("archived", "archived_by_user"), NONE)


def test_one_that_runs_nothing_is_loaded_after_it_was_archived() -> None:
    client = Client()
    client.model(**{"model.pkl": pickle.dumps({"w": 1})})
    version = ModelVersion.objects.get()
    editor = APIClient()
    editor.force_authenticate(client.user)
    assert editor.post(f"{API}/model-versions/{version.pk}/archive").status_code == 200
    assert client.api.get(f"{PROXY}/artifacts/versions/{version.pk.hex}/model.pkl").status_code == 200


def test_an_approval_is_of_the_files_that_were_looked_at(ground: Ground) -> None:
    ground.asks()
    ModelVersion.objects.update(manifest="sha256:" + "0" * 64)
    ground.decides("approve")
    assert (ground.state(), actions()) == (("pending", "runs_code"), [])


def test_somebody_who_lost_the_role_meanwhile_asked_for_nothing(ground: Ground) -> None:
    ground.asks()
    address = f"{API}/projects/{ground.client.project.pk}/members/{ground.client.user.pk}"
    assert ground.admin.delete(address).status_code in (200, 204)
    ground.decides("approve")
    assert ground.state() == ("pending", "runs_code")
