"""Endpoints and revisions: made, led by their workloads, handing over, stopped."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.models import AuditEvent, Event
from apps.datasets.models import LineageEdge
from apps.deployments.models import Endpoint, Revision
from apps.deployments.selectors.endpoints import Replicas, active_revisions, endpoint_state, gateway_routes
from apps.deployments.services.endpoints import endpoint_create, endpoint_stop
from apps.deployments.services.reconcile import reconcile_due
from apps.deployments.services.revisions import revision_create, revision_reconcile, wanted_state
from apps.experiments.models import ModelVersion
from apps.quotas.models import Attempt, Workload
from apps.quotas.selectors import addresses_in
from apps.quotas.states import Reason, WorkloadState
from tests.support.concurrency import Thread
from tests.support.factories.access import UserFactory
from tests.support.factories.datasets import attempt_of, pool_ready, workload_to
from tests.support.factories.deployments import EndpointFactory, RevisionFactory
from tests.support.factories.experiments import ArtifactFactory, ModelVersionFactory

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")
LAUNCHED = (WorkloadState.ADMITTED, WorkloadState.LAUNCHING)
RUNNING = (*LAUNCHED, WorkloadState.RUNNING)


def serve(version: ModelVersion | None = None, *, replicas: int = 1, **kwargs: Any) -> Endpoint:
    pool_ready()
    version = version or ModelVersionFactory.create()
    asked: dict[str, Any] = {"project": version.project, "name": "risk", **kwargs}
    return endpoint_create(
        model_version=version, replicas=replicas, actor=TESTER, requested_by=UserFactory.create(), **asked
    )


def next_revision(endpoint: Endpoint, **kwargs: Any) -> Revision:
    version = kwargs.pop("model_version", None) or ModelVersionFactory.create(project=endpoint.project)
    asked: dict[str, Any] = {"replicas": 1, "actor": TESTER, "requested_by": None, **kwargs}
    return revision_create(endpoint=endpoint, model_version=version, **asked)


def revision_of(endpoint: Endpoint, number: int = 1) -> Revision:
    found: Revision = endpoint.revisions.get(number=number)
    return found


def workload_of(revision: Revision) -> Workload:
    return Workload.objects.get(pk=revision.workload_id)


def moved(revision: Revision, *states: str, **more: Any) -> Revision:
    """Move the revision's workload and reconcile."""
    workload = workload_of(revision)
    workload_to(workload, *states, **more)
    revision_reconcile(workload.pk)
    return Revision.objects.get(pk=revision.pk)


def with_members(revision: Revision, *members: tuple[bool, str]) -> Revision:
    """Let the open attempt (a new one by default) have these members, ready or not, and reconcile."""
    workload = workload_of(revision)
    attempt = workload.attempts.filter(ended_at=None).first() or attempt_of(workload)
    seen = [{"index": n, "phase": "running", "ready": ready, "address": at} for n, (ready, at) in enumerate(members)]
    Attempt.objects.filter(pk=attempt.pk).update(members=seen)
    revision_reconcile(workload.pk)
    return Revision.objects.get(pk=revision.pk)


def ready(revision: Revision, *addresses: str) -> Revision:
    """Let a pending revision become ready with these replicas."""
    moved(revision, *RUNNING)
    return with_members(revision, *((True, address) for address in addresses or ("127.0.0.1:41001",)))


class TestCreate:
    def test_an_endpoint_comes_with_a_revision_and_a_workload(self) -> None:
        endpoint = serve(replicas=3)
        version = ModelVersion.objects.get()
        assert (endpoint.path, endpoint.project) == (f"{version.project.name}/risk", version.project)
        revision = revision_of(endpoint)
        assert (revision.number, revision.state, revision.replicas, revision.weight) == (1, "pending", 3, 0)
        workload = workload_of(revision)
        assert workload.spec == {
            "kind": "serving",
            "command": ["python", "-m", "workers.runtime.serving"],
            "resources": {"cpu_millis": 250, "memory_bytes": 512 << 20, "gpus": 0, "flavor": ""},
            "image": "",
            "inputs": [
                {
                    "name": name,
                    "uri": f"bedplate://{file.path}",
                    "files": [],
                    "sha256": file.sha256,
                }
                for name, file in (("model", version.artifact), ("preprocessor", version.preprocessor))
            ],
            "parameters": {"threshold": 0.5, "model_version": str(version.pk)},
            "files": {},
            "environment": {},
            "secrets": [],
            "health_path": "/readyz",
            "start_timeout_seconds": 120,
        }
        assert (workload.owner_kind, workload.owner_id, workload.kind) == ("revision", revision.pk, "serving")
        assert (workload.count_min, workload.count_max) == (1, 3)
        edge = LineageEdge.objects.get(from_kind="revision")
        assert (edge.from_id, edge.relation, edge.to_id) == (revision.pk, "serves", version.pk)
        assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
            "endpoint.created", "revision.created",
        ]  # fmt: skip

    def test_a_name_is_taken_once_in_a_project(self) -> None:
        endpoint = serve()
        with pytest.raises(Invalid) as error, transaction.atomic():
            endpoint_create(
                project=endpoint.project, name="risk", model_version=ModelVersion.objects.get(), replicas=1,
                actor=TESTER, requested_by=None,
            )  # fmt: skip
        assert error.value.fields == {"name": ["is taken"]}
        assert Workload.objects.filter(owner_kind="revision").count() == 1

    @pytest.mark.parametrize("state", ["pending", "archived"])
    def test_only_a_ready_version_is_served(self, state: str) -> None:
        with pytest.raises(Conflict), transaction.atomic():
            serve(ModelVersionFactory.create(state=state))
        assert (Endpoint.objects.count(), Workload.objects.filter(owner_kind="revision").count()) == (0, 0)

    def test_a_version_without_a_preprocessor_is_refused(self) -> None:
        with pytest.raises(Invalid, match="no preprocessor"):
            serve(ModelVersionFactory.create(preprocessor=None))

    def test_a_model_in_another_format_is_refused(self) -> None:
        version = ModelVersionFactory.create()
        version.artifact = ArtifactFactory.create(project=version.project, path="attempts/x/model.pt")
        version.save()
        with pytest.raises(Invalid, match="no ONNX file"):
            serve(version)

    @pytest.mark.parametrize("kind", ["text_classifier", "image_classifier"])
    def test_a_model_of_what_is_no_row_is_refused(self, kind: str) -> None:
        version = ModelVersionFactory.create()
        type(version.run).objects.filter(pk=version.run_id).update(kind=kind)
        with pytest.raises(Invalid, match=f"models of the trainer {kind} are not served yet"):
            serve(ModelVersion.objects.get())

    def test_a_model_that_gives_a_number_is_served(self) -> None:
        version = ModelVersionFactory.create()
        type(version.run).objects.filter(pk=version.run_id).update(kind="tabular_regressor")
        assert serve(ModelVersion.objects.get()).revisions.get().workload is not None

    def test_the_database_lets_one_revision_take_the_requests(self) -> None:
        endpoint = EndpointFactory.create()
        RevisionFactory.create(endpoint=endpoint, project=endpoint.project, state="ready", weight=100)
        with pytest.raises(IntegrityError), transaction.atomic():
            RevisionFactory.create(endpoint=endpoint, project=endpoint.project, number=2, state="ready", weight=1)
        with pytest.raises(IntegrityError), transaction.atomic():
            RevisionFactory.create(project=endpoint.project, state="loading", weight=1)


class TestReconcile:
    def test_a_revision_follows_its_workload_until_it_is_ready(self) -> None:
        revision = revision_of(serve(replicas=2))
        Workload.objects.update(state_reason="waiting_for_capacity", state_detail="No room.")
        assert revision_reconcile(workload_of(revision).pk) is True
        revision.refresh_from_db()
        assert (revision.state, revision.state_reason, revision.state_detail) == (
            "pending", "waiting_for_capacity", "No room.",
        )  # fmt: skip
        assert moved(revision, *LAUNCHED).state == "loading"
        assert moved(revision, WorkloadState.RUNNING).state == "loading"
        revision = with_members(revision, (False, ""), (True, "127.0.0.1:41002"))
        assert (revision.state, revision.weight) == ("ready", 100)
        assert (revision.ready_replicas, revision.addresses) == (1, ["127.0.0.1:41002"])
        revision = with_members(revision, (True, "127.0.0.1:41001"), (True, "127.0.0.1:41002"))
        assert (revision.ready_replicas, revision.addresses) == (2, ["127.0.0.1:41001", "127.0.0.1:41002"])
        assert [step.to_state for step in revision.story()] == ["loading", "ready"]

    def test_a_second_time_changes_nothing(self) -> None:
        revision = ready(revision_of(serve()))
        events = Event.objects.count()
        assert revision_reconcile(workload_of(revision).pk) is False
        assert reconcile_due() == 0
        assert Event.objects.count() == events
        assert Revision.objects.get() == revision

    def test_a_replica_that_is_gone_leaves_the_table_and_the_revision_stays_ready(self) -> None:
        revision = ready(revision_of(serve()))
        revision = with_members(revision, (False, "127.0.0.1:41001"))
        assert (revision.state, revision.weight, revision.ready_replicas, revision.addresses) == ("ready", 100, 0, [])
        revision = with_members(revision, (True, "127.0.0.1:41009"))
        assert revision.addresses == ["127.0.0.1:41009"]

    @pytest.mark.parametrize("way", [(WorkloadState.PENDING,), (WorkloadState.STOPPING,)])
    def test_a_lost_or_preempted_workload_leaves_it_ready_without_replicas(self, way: tuple[str, ...]) -> None:
        revision = ready(revision_of(serve()))
        reason = "backing_off" if way == (WorkloadState.PENDING,) else "preempted"
        revision = moved(revision, *way, reason=reason)
        assert (revision.state, revision.state_reason, revision.addresses) == ("ready", reason, [])
        assert endpoint_state([revision]) == "loading"

    def test_members_of_an_attempt_that_ended_do_not_count(self) -> None:
        revision = ready(revision_of(serve()))
        moved(revision, WorkloadState.PENDING)
        workload = workload_of(revision)
        attempt_of(workload)
        revision = moved(revision, *LAUNCHED)
        assert revision.addresses == []

    def test_what_cannot_start_fails_in_words(self) -> None:
        revision = moved(
            revision_of(serve()), WorkloadState.FAILED, reason="exceeds_quota", detail="The quota is 0 cores."
        )
        assert (revision.state, revision.state_reason, revision.state_detail) == (
            "failed", "exceeds_quota", "The quota is 0 cores.",
        )  # fmt: skip

    def test_a_workload_that_somebody_stopped_drains_and_retires(self) -> None:
        revision = ready(revision_of(serve()))
        revision = moved(revision, WorkloadState.STOPPING, reason="cancelled_by_user")
        assert (revision.state, revision.weight, revision.addresses) == ("draining", 0, [])
        revision = moved(revision, WorkloadState.CANCELLED, reason="cancelled_by_user")
        assert (revision.state, revision.state_reason) == ("retired", "cancelled_by_user")

    def test_steps_that_were_missed_are_made_up_for(self) -> None:
        revision = revision_of(serve())
        workload_to(workload_of(revision), *RUNNING)
        revision = with_members(revision, (True, "127.0.0.1:41001"))
        assert [step.to_state for step in revision.story()] == ["loading", "ready"]

    def test_a_workload_of_somebody_else_is_left_alone(self) -> None:
        revision = revision_of(serve())
        assert revision_reconcile(revision.pk) is False

    def test_the_tick_finds_what_is_behind_in_one_query(self, django_assert_num_queries: Any) -> None:
        revision = revision_of(serve())
        next_revision(revision.endpoint)
        workload_to(workload_of(revision), *RUNNING)
        attempt = attempt_of(workload_of(revision))
        Attempt.objects.filter(pk=attempt.pk).update(
            members=[{"index": 0, "phase": "running", "ready": True, "address": "127.0.0.1:41001"}]
        )
        with django_assert_num_queries(1):
            found = list(active_revisions())
        assert [(one.number, seen.addresses) for one, _, seen in found] == [(1, ["127.0.0.1:41001"]), (2, [])]
        assert reconcile_due() == 1
        assert Revision.objects.get(pk=revision.pk).weight == 100
        assert reconcile_due() == 0

    @pytest.mark.parametrize(
        "state, reason, addresses, expected",
        [
            ("pending", "", [], "pending"),
            ("admitted", "", [], "pending"),
            ("launching", "", [], "loading"),
            ("running", "", [], "loading"),
            ("running", "", ["a"], "ready"),
            ("stopping", "preempted", [], "pending"),
            ("stopping", "cancelled_by_user", [], "draining"),
            ("stopping", "scaled_down", ["a"], "draining"),
            ("succeeded", "", [], "retired"),
            ("cancelled", "", [], "retired"),
            ("failed", "", [], "failed"),
        ],
    )
    def test_where_a_revision_belongs(self, state: str, reason: str, addresses: list[str], expected: str) -> None:
        assert wanted_state(Workload(state=state, state_reason=reason), Replicas(addresses)) == expected


class TestHandOver:
    def test_the_new_revision_takes_the_requests_only_once_it_is_ready(self) -> None:
        endpoint = serve()
        old = ready(revision_of(endpoint))
        new = moved(next_revision(endpoint), *RUNNING)
        old.refresh_from_db()
        assert [(one.number, one.state, one.weight) for one in (old, new)] == [(1, "ready", 100), (2, "loading", 0)]
        new = with_members(new, (True, "127.0.0.1:42001"))
        old.refresh_from_db()
        assert (new.state, new.weight, new.addresses) == ("ready", 100, ["127.0.0.1:42001"])
        assert (old.state, old.weight, old.addresses) == ("draining", 0, [])
        assert (old.state_reason, old.state_detail) == ("scaled_down", "Revision 2 takes the requests.")
        assert (workload_of(old).state, workload_of(old).state_reason) == ("stopping", "scaled_down")
        assert moved(old, WorkloadState.CANCELLED, reason="scaled_down").state == "retired"

    def test_one_that_fails_leaves_the_old_one_serving(self) -> None:
        endpoint = serve()
        ready(revision_of(endpoint))
        moved(next_revision(endpoint), *RUNNING, WorkloadState.FAILED, reason="exit_nonzero")
        assert [(one.number, one.state, one.weight) for one in endpoint.revisions.order_by("number")] == [
            (1, "ready", 100), (2, "failed", 0),
        ]  # fmt: skip

    def test_one_that_still_waits_is_stopped_when_a_newer_one_is_ready(self) -> None:
        endpoint = serve()
        ready(next_revision(endpoint), "127.0.0.1:42001")
        first = revision_of(endpoint)
        assert (first.state, first.state_reason) == ("retired", "scaled_down")
        assert workload_of(first).state == "cancelled"

    def test_one_that_gets_ready_too_late_takes_nothing(self) -> None:
        endpoint = serve()
        first = revision_of(endpoint)
        second = next_revision(endpoint)
        workload_to(workload_of(second), *RUNNING)
        second = with_members(second, (True, "127.0.0.1:42001"))
        # As if the stop of the first had been lost: it goes on and gets ready.
        Revision.objects.filter(pk=first.pk).update(state="loading")
        Workload.objects.filter(pk=first.workload_id).update(state="running", count_granted=1)
        first = with_members(first, (True, "127.0.0.1:41001"))
        assert (first.state, first.weight, first.state_detail) == ("draining", 0, "Revision 2 was ready first.")
        assert Revision.objects.get(pk=second.pk).weight == 100


class TestStop:
    def test_every_revision_is_stopped(self) -> None:
        endpoint = serve()
        ready(revision_of(endpoint))
        next_revision(endpoint)
        endpoint_stop(endpoint=endpoint, actor=Actor("user", "1", "ada"))
        assert [(one.number, one.state, one.state_reason) for one in endpoint.revisions.order_by("number")] == [
            (1, "draining", "cancelled_by_user"), (2, "retired", "cancelled_by_user"),
        ]  # fmt: skip
        assert {one.state for one in Workload.objects.filter(owner_kind="revision")} == {"stopping", "cancelled"}
        assert AuditEvent.objects.get(action="endpoint.stopped").detail == {"revisions": [1, 2]}

    def test_a_stopped_endpoint_stays_stopped(self) -> None:
        endpoint = serve()
        endpoint_stop(endpoint=endpoint, actor=TESTER)
        endpoint_stop(endpoint=endpoint, actor=TESTER)
        assert AuditEvent.objects.filter(action="endpoint.stopped").count() == 1

    def test_a_new_revision_brings_it_back(self) -> None:
        endpoint = serve()
        endpoint_stop(endpoint=endpoint, actor=TESTER)
        assert ready(next_revision(endpoint)).weight == 100


@pytest.mark.django_db(transaction=True)
def test_revisions_made_at_once_get_numbers_of_their_own() -> None:
    endpoint = serve()
    version = ModelVersionFactory.create(project=endpoint.project)
    twins = [Thread(lambda: next_revision(endpoint, model_version=version).number) for _ in range(3)]
    assert sorted(twin.join() for twin in twins) == [2, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_revisions_that_get_ready_at_once_leave_one_that_takes_the_requests() -> None:
    endpoint = serve()
    version = ModelVersionFactory.create(project=endpoint.project)
    for _ in range(3):
        next_revision(endpoint, model_version=version)
    for one in endpoint.revisions.all():
        workload_to(workload_of(one), *RUNNING)
        attempt = attempt_of(workload_of(one))
        seen = [{"index": 0, "phase": "running", "ready": True, "address": f"127.0.0.1:4100{one.number}"}]
        Attempt.objects.filter(pk=attempt.pk).update(members=seen)
    workloads = list(endpoint.revisions.values_list("workload_id", flat=True))
    twins = [Thread(lambda workload=workload: revision_reconcile(workload)) for workload in workloads]  # type: ignore[misc]
    assert {type(twin.join()) for twin in twins} == {bool}
    reconcile_due()
    assert [(one.number, one.weight) for one in endpoint.revisions.order_by("number")] == [
        (1, 0), (2, 0), (3, 0), (4, 100),
    ]  # fmt: skip
    assert {one.state for one in endpoint.revisions.exclude(number=4)} == {"draining"}


class TestRoutes:
    def test_the_table_has_who_serves_and_who_is_on_the_way(self, django_assert_num_queries: Any) -> None:
        endpoint = serve()
        project = endpoint.project.name
        unready = {"project": project, "endpoint": "risk", "endpoint_id": str(endpoint.pk), "revisions": []}
        assert gateway_routes() == {"endpoints": [unready]}
        first = ready(revision_of(endpoint), "127.0.0.1:41001", "127.0.0.1:41002")
        next_revision(endpoint)
        with django_assert_num_queries(1):
            table = gateway_routes()
        serving = {"revision_id": str(first.pk), "number": 1, "weight": 100}
        assert table == {
            "endpoints": [unready | {"revisions": [serving | {"replicas": ["127.0.0.1:41001", "127.0.0.1:41002"]}]}]
        }
        endpoint_stop(endpoint=endpoint, actor=TESTER)
        assert gateway_routes() == {"endpoints": []}

    def test_addresses_are_those_of_ready_members_by_rank(self) -> None:
        members = [
            {"index": 2, "ready": True, "address": "c"},
            {"index": 0, "ready": True, "address": "a"},
            {"index": 1, "ready": False, "address": "b"},
            {"index": 3, "ready": True, "address": ""},
        ]
        assert addresses_in(members) == ["a", "c"]

    @pytest.mark.parametrize(
        "revisions, expected",
        [
            ([], "stopped"),
            ([("pending", 0)], "loading"),
            ([("ready", 0)], "loading"),
            ([("ready", 1)], "serving"),
            ([("failed", 0), ("ready", 1)], "serving"),
            ([("failed", 0)], "failed"),
            ([("draining", 0)], "stopped"),
            ([("retired", 0)], "stopped"),
            ([("loading", 0), ("draining", 0)], "loading"),
        ],
    )
    def test_what_an_endpoint_does(self, revisions: list[tuple[str, int]], expected: str) -> None:
        assert endpoint_state([Revision(state=state, ready_replicas=count) for state, count in revisions]) == expected


def test_every_reason_of_a_workload_is_one_of_a_revision() -> None:
    assert Revision.machine.reasons is Reason
