"""One warm preview per project: opened, found ready, asked, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.models import Event
from apps.common.states import Move, explain
from apps.datasets.models import Preview
from apps.datasets.selectors import workloads_due
from apps.datasets.services import preview_asking, previews
from apps.datasets.services.preview_asking import (
    PreviewEnded,
    PreviewNotReady,
    PreviewProblem,
    preview_apply,
    token_digest,
    token_of,
)
from apps.datasets.services.previews import (
    preview_cancel,
    preview_open,
    preview_reconcile,
    preview_touch,
    previews_close_idle,
)
from apps.datasets.services.reconcile import reconcile_due
from apps.datasets.states import VersionState
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import WorkloadState
from tests.support.factories.datasets import (
    TESTER,
    DatasetVersionFactory,
    PreviewFactory,
    attempt_of,
    fresh,
    running,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]


def _open(version: Any) -> tuple[Preview, bool]:
    return preview_open(version=version, requested_by=None, actor=TESTER)


def _ready(preview: Preview, address: str = "127.0.0.1:41001") -> Preview:
    """Its process runs and can be asked at this address; nobody was told."""
    attempt = attempt_of(running(preview))
    members = [{"index": 0, "phase": "running", "ready": True, "address": address}]
    Attempt.objects.filter(pk=attempt.pk).update(members=members)
    return preview


class TestOpening:
    def test_it_is_a_server_that_knows_the_digest_of_its_token_only(self) -> None:
        version = DatasetVersionFactory.create()
        preview, made = _open(version)
        spec = fresh(preview).workload.spec
        assert (made, preview.state, preview.workload.owner_kind) == (True, "queued", "preview")
        assert (spec["kind"], spec["command"]) == ("serving", ["python", "-m", "workers.runtime.preview"])
        assert spec["parameters"] == {"token_sha256": token_digest(token_of(preview.pk))}
        assert token_of(preview.pk) not in str(spec)

    def test_that_of_the_same_version_is_used_again(self) -> None:
        version = DatasetVersionFactory.create()
        first, _ = _open(version)
        assert _open(version) == (first, False)

    def test_of_a_version_that_is_kept_back_too_but_of_none_that_is_out_of_use(self) -> None:
        assert _open(DatasetVersionFactory.create(state=VersionState.VALIDATING))[1]
        for state in (VersionState.DRAFT, VersionState.DEPRECATED, VersionState.REJECTED):
            with pytest.raises(Conflict):
                _open(DatasetVersionFactory.create(state=state))

    def test_that_of_another_version_gives_way(self) -> None:
        version = DatasetVersionFactory.create()
        first, _ = _open(version)
        _ready(first)
        second, made = _open(DatasetVersionFactory.create(project=version.project))
        assert made
        assert fresh(first).is_closing
        assert (fresh(first).workload.state, fresh(first).workload.state_reason) == ("stopping", "scaled_down")
        assert not fresh(second).is_closing

    def test_each_project_has_its_own(self) -> None:
        one, other = (_open(DatasetVersionFactory.create())[0] for _ in range(2))
        assert not fresh(one).is_closing
        assert not fresh(other).is_closing

    def test_the_database_keeps_a_second_one_out(self) -> None:
        first = PreviewFactory.create()
        with pytest.raises(IntegrityError, match="preview_once"), transaction.atomic():
            PreviewFactory.create(project=first.project)

    @pytest.mark.parametrize("is_same", [True, False])
    def test_whoever_comes_a_moment_too_late_finds_the_other_s(
        self, is_same: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version = DatasetVersionFactory.create()
        first, _ = _open(version)
        look, seen = previews._open_one, [None]
        monkeypatch.setattr(previews, "_open_one", lambda project: seen.pop() if seen else look(project))
        if is_same:
            assert _open(version) == (first, False)
            assert not fresh(first).is_closing
        else:
            assert _open(DatasetVersionFactory.create(project=version.project))[1]
            assert fresh(first).is_closing

    def test_one_that_ended_is_opened_anew(self) -> None:
        version = DatasetVersionFactory.create()
        first, _ = _open(version)
        preview_cancel(first, actor=TESTER)
        second, made = _open(version)
        assert (made, second.pk != first.pk) == (True, True)


class TestFollowing:
    def test_it_is_ready_once_its_process_answers_and_news_are_told(self) -> None:
        preview = _ready(PreviewFactory.create())
        preview_reconcile(preview.workload_id)
        found = fresh(preview)
        assert (found.state, found.address) == ("running", "127.0.0.1:41001")
        assert Event.objects.filter(kind="preview.address_changed").get().payload == {"is_ready": True}
        preview_reconcile(preview.workload_id)
        assert Event.objects.filter(kind="preview.address_changed").count() == 1

    def test_without_a_hint_the_tick_finds_it(self) -> None:
        preview = _ready(PreviewFactory.create(state="running"))
        assert list(workloads_due(Preview)) == [preview.workload_id]
        reconcile_due()
        assert (fresh(preview).address, list(workloads_due(Preview))) == ("127.0.0.1:41001", [])

    def test_what_ended_has_no_address(self) -> None:
        preview = _ready(PreviewFactory.create())
        preview_reconcile(preview.workload_id)
        preview = fresh(preview)
        workload_to(preview.workload, WorkloadState.STOPPING, WorkloadState.CANCELLED, reason="idle", detail="unused")
        preview_reconcile(preview.workload_id)
        found = fresh(preview)
        assert (found.state, found.state_reason, found.state_detail, found.address) == (
            "cancelled",
            "idle",
            "unused",
            "",
        )

    def test_cancelled_twice_is_refused(self) -> None:
        preview = PreviewFactory.create()
        preview_cancel(preview, actor=TESTER)
        preview_reconcile(preview.workload_id)
        with pytest.raises(Conflict):
            preview_cancel(fresh(preview), actor=TESTER)


class TestIdleness:
    def test_only_what_nobody_uses_is_ended(self, settings: Any) -> None:
        settings.BEDPLATE_PREVIEW_IDLE_SECONDS = 60
        old, new = clock.db_now() - timedelta(seconds=61), clock.db_now() - timedelta(seconds=50)
        unused, used = PreviewFactory.create(used_at=old), PreviewFactory.create(used_at=new)
        assert previews_close_idle() == 1
        assert (fresh(unused).is_closing, fresh(used).is_closing) == (True, False)
        assert (fresh(unused).workload.state, fresh(unused).workload.state_reason) == ("cancelled", "idle")
        assert previews_close_idle() == 0

    def test_where_something_waits_for_room_a_minute_is_enough(self) -> None:
        unused = PreviewFactory.create(used_at=clock.db_now() - timedelta(seconds=61), state="running")
        running(unused)
        assert previews_close_idle() == 0
        other = PreviewFactory.create()
        Workload.objects.filter(pk=other.workload_id).update(pool=unused.workload.pool)
        explain([Move(other.workload, "pending", "waiting_for_quota", "")])
        assert previews_close_idle() == 1
        assert fresh(unused).workload.state_reason == "idle"
        assert not fresh(other).is_closing

    def test_use_is_noted_seldom(self) -> None:
        old = clock.db_now() - timedelta(seconds=16)
        preview = PreviewFactory.create(used_at=old)
        preview_touch(preview)
        noted = fresh(preview).used_at
        assert noted > old
        preview_touch(fresh(preview))
        assert fresh(preview).used_at == noted


class _Handler(BaseHTTPRequestHandler):
    """A preview's process: answers as its path of a test says."""

    status, document = 200, {"steps": [], "error": None}

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(type(self).document | {"heard": sent, "by": self.headers["authorization"]}).encode()
        self.send_response(type(self).status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def process() -> Iterator[type[_Handler]]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    handler.address = f"127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    server.server_close()


class TestAsking:
    def test_the_process_is_shown_the_token(self, process: Any) -> None:
        preview = PreviewFactory.create(state="running", address=process.address)
        said = preview_apply(preview=preview, steps=[{"kind": "impute"}])
        assert said["heard"] == {"steps": [{"kind": "impute"}]}
        assert said["by"] == f"Bearer {token_of(preview.pk)}"

    def test_what_the_process_refuses_is_said(self, process: Any) -> None:
        process.status, process.document = 409, {"code": "superseded", "detail": "a newer recipe was sent"}
        preview = PreviewFactory.create(state="running", address=process.address)
        with pytest.raises(PreviewProblem, match="newer") as raised:
            preview_apply(preview=preview, steps=[])
        assert (raised.value.status, raised.value.code, raised.value.retryable) == (409, "superseded", False)

    @pytest.mark.parametrize("document", [{"hello": "world"}, {"steps": ["x" * 5000]}])
    def test_nonsense_and_too_much_is_a_bad_gateway(
        self, process: Any, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preview_asking, "ANSWER_BYTES_MOST", 4000)
        process.document = document
        preview = PreviewFactory.create(state="running", address=process.address)
        with pytest.raises(PreviewProblem) as raised:
            preview_apply(preview=preview, steps=[])
        assert raised.value.status == 502

    def test_before_it_is_ready_and_when_nobody_listens_it_is_asked_again(self) -> None:
        for address in ("", "127.0.0.1:1"):
            with pytest.raises(PreviewNotReady) as raised:
                preview_apply(preview=PreviewFactory.create(state="running", address=address), steps=[])
            assert raised.value.retryable

    def test_one_that_ended_is_not_asked(self) -> None:
        for changes in ({"state": "cancelled"}, {"is_closing": True}):
            with pytest.raises(PreviewEnded):
                preview_apply(preview=PreviewFactory.create(**changes), steps=[])
