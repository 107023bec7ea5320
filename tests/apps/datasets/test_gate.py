"""The gate: what is published, what stays, what is let through by approval, what is rejected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from apps.access.models import ApprovalRequest, Project, User
from apps.access.services.approvals import approval_approve, approval_deny
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import ApprovalRequired, Conflict, Forbidden
from apps.common.models import AuditEvent
from apps.datasets.models import (
    CleaningRun,
    DatasetVersion,
    Expectation,
    QualityOverride,
    ValidationRun,
    VersionAlias,
)
from apps.datasets.selectors.quality import evaluation_of
from apps.datasets.services.aliases import version_alias_delete, version_alias_set
from apps.datasets.services.approvals import approval_apply, override_request
from apps.datasets.services.cleaning import cleaning_run_create
from apps.datasets.services.expectations import expectation_change
from apps.datasets.services.gate import version_reject
from apps.datasets.services.ingestions import ingestion_create, ingestion_reconcile
from apps.datasets.services.profiles import profile_create
from apps.datasets.services.validation_runs import validate, validation_run_reconcile
from apps.quotas.models import Workload
from tests.support.factories.access import member
from tests.support.factories.datasets import (
    TESTER,
    DatasetFactory,
    DatasetVersionFactory,
    ExpectationFactory,
    IngestionFactory,
    RecipeFactory,
    SourceFactory,
    dataset_result,
    fresh,
    succeeded,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
FILES = {"part-00000.parquet": b"PAR1"}


def evaluated(expectation: Expectation, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    return {"expectation": str(expectation.pk), "revision": expectation.revision, "outcome": outcome, **more}


def failed(expectation: Expectation, rows: int = 1) -> dict[str, Any]:
    examples = [{"ordinal": 0, "values": {"age": None}}]
    return evaluated(expectation, "failed", rows_checked=2, rows_failed=rows, ratio=0.5, examples=examples)


def ingested(dataset: Any, results: list[dict[str, Any]] | None) -> DatasetVersion:
    """The version of an ingestion whose job found that."""
    source = SourceFactory.create(dataset=dataset, project=dataset.project)
    ingestion = IngestionFactory.create(source=source, project=dataset.project)
    more = {} if results is None else {"expectations": results}
    succeeded(ingestion, dataset_result(FILES, **more), FILES)
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "succeeded"
    return DatasetVersion.objects.get(ingestion=ingestion)


def again(run: ValidationRun, results: list[dict[str, Any]]) -> DatasetVersion:
    """The version once that run has found this."""
    succeeded(run, {"expectations": results})
    validation_run_reconcile(run.workload_id)
    return DatasetVersion.objects.get(pk=run.version_id)


def audit(action: str) -> list[dict[str, Any]]:
    return list(AuditEvent.objects.filter(action=action).order_by("id").values_list("detail", flat=True))


def states_of(version: DatasetVersion) -> list[str]:
    return [step.to_state for step in version.story()]


def test_without_expectations_everything_is_published() -> None:
    version = ingested(DatasetFactory.create(), None)
    assert states_of(version) == ["validating", "published"]
    assert ValidationRun.objects.count() == 0


def test_what_fulfils_everything_is_published_with_its_results() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [evaluated(rule, rows_checked=2, rows_failed=0, ratio=1)])
    run = ValidationRun.objects.get(version=version)
    assert (version.state, version.state_detail) == ("published", "")
    assert (run.state, run.passed_count, run.warned_count, run.blocked_count) == ("succeeded", 1, 0, 0)
    assert run.workload_id == version.ingestion.workload_id
    found = run.results[0]
    assert (found["label"], found["severity"], found["outcome"]) == ("not_null(age)", "block", "passed")


def test_a_blocking_failure_keeps_it_back_with_its_results() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [failed(rule)])
    assert (version.state, version.state_detail) == ("validating", "Fails expectations: not_null(age).")
    run = ValidationRun.objects.get(version=version)
    assert (run.blocked_count, run.results[0]["rows_failed"]) == (1, 1)
    assert run.results[0]["examples"] == [{"ordinal": 0, "values": {"age": None}}]
    assert audit("dataset_version.published") == []


def test_what_cannot_be_evaluated_blocks_too_and_what_only_warns_does_not() -> None:
    rule = ExpectationFactory.create(severity="warn")
    other = ExpectationFactory.create(dataset=rule.dataset, parameters={"column": "status", "mostly": 1})
    version = ingested(rule.dataset, [failed(rule), evaluated(other)])
    assert (version.state, version.state_detail) == ("published", "Published with warnings: not_null(age).")
    assert ValidationRun.objects.get(version=version).warned_count == 1
    gone = {"problem": {"code": "does_not_fit", "detail": "No.", "params": {}}}
    broken = ingested(rule.dataset, [evaluated(rule), evaluated(other, "error", **gone)])
    assert (broken.state, broken.state_detail) == ("validating", "Fails expectations: not_null(status).")
    skipped = ingested(rule.dataset, [evaluated(rule), evaluated(other, "skipped")])
    assert skipped.state == "published"


@pytest.mark.parametrize("results", [None, "of another revision", "of none"])
def test_what_was_not_evaluated_as_it_is_now_is_evaluated_first(results: str | None) -> None:
    rule = ExpectationFactory.create(revision=2)
    known = {None: None, "of none": [], "of another revision": [{**evaluated(rule), "revision": 1}]}
    version = ingested(rule.dataset, known[results])
    run = ValidationRun.objects.get(version=version)
    assert (version.state, version.state_detail) == ("validating", "Its expectations are being evaluated.")
    workload = Workload.objects.get(pk=run.workload_id)
    assert workload.spec["command"][-1] == "validate"
    assert workload.spec["parameters"]["expectations"][0]["id"] == str(rule.pk)
    assert again(run, [evaluated(rule)]).state == "published"
    assert fresh(run).passed_count == 1


def test_an_expectation_that_changed_meanwhile_is_looked_at_again() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, None)
    first = ValidationRun.objects.get(version=version)
    old = evaluated(rule)
    expectation_change(rule, changes={"parameters": {"column": "status"}}, changed_by=None, actor=TESTER)
    assert again(first, [old]).state == "validating"
    second = ValidationRun.objects.exclude(pk=first.pk).get()
    assert second.state == "queued"
    rule.refresh_from_db()
    assert again(second, [evaluated(rule)]).state == "published"


def test_a_run_that_fails_leaves_it_validating_and_says_so() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, None)
    run = ValidationRun.objects.get(version=version)
    workload_to(run.workload, "failed", reason="out_of_memory", detail="Member 0 held too much.")
    validation_run_reconcile(run.workload_id)
    version.refresh_from_db()
    assert version.state_detail == "Its expectations could not be evaluated: Member 0 held too much."
    second, made = validate(version, requested_by=None, actor=TESTER)
    assert made
    assert validate(version, requested_by=None, actor=TESTER) == (second, False)
    assert second is not None
    assert again(second, [failed(rule)]).state == "validating"


def test_a_bad_result_fails_the_run_alone() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, None)
    run = ValidationRun.objects.get(version=version)
    assert again(run, [{"expectation": str(rule.pk)}]).state == "validating"
    assert (fresh(run).state, fresh(run).state_reason) == ("failed", "bad_result")


def test_validated_again_after_the_rule_was_put_right() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [failed(rule)])
    expectation_change(rule, changes={"parameters": {"column": "age", "mostly": 0.4}}, changed_by=None, actor=TESTER)
    run, _ = validate(version, requested_by=None, actor=TESTER)
    assert run is not None
    rule.refresh_from_db()
    assert again(run, [evaluated(rule)]).state == "published"


def test_with_its_last_expectation_put_out_of_use_it_is_published_at_once() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [failed(rule)])
    expectation_change(rule, changes={"is_active": False}, changed_by=None, actor=TESTER)
    version.refresh_from_db()
    assert version.state == "validating"  # only when somebody asks
    assert validate(version, requested_by=None, actor=TESTER) == (None, False)
    version.refresh_from_db()
    assert version.state == "published"
    with pytest.raises(Conflict):
        validate(version, requested_by=None, actor=TESTER)


def test_a_published_version_may_be_looked_at_again_and_stays_published() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [evaluated(rule)])
    run, made = validate(version, requested_by=None, actor=TESTER)
    assert made
    assert run is not None
    assert again(run, [failed(rule)]).state == "published"
    assert fresh(run).blocked_count == 1


class TestOverride:
    def asked(self, project: Project) -> tuple[DatasetVersion, ApprovalRequest, Expectation]:
        rule = ExpectationFactory.create(dataset=DatasetFactory.create(project=project))
        version = ingested(rule.dataset, [failed(rule)])
        user = member(project)
        return version, override_request(version=version, comment="Known.", requested_by=user, actor=TESTER), rule

    def test_an_approved_override_publishes_and_is_audited(self) -> None:
        version, approval, _ = self.asked(DatasetFactory.create().project)
        admin = member(version.project, "admin")
        with pytest.raises(Conflict):
            override_request(version=version, comment="", requested_by=admin, actor=TESTER)
        with pytest.raises(Forbidden):
            approval_approve(approval=approval, decided_by=approval.requested_by, actor=TESTER)
        approval_approve(approval=approval, decided_by=admin, actor=Actor.user(admin))
        for _ in range(2):
            approval_apply(approval.pk)
        version.refresh_from_db()
        assert version.state == "published"
        detail = "Published by an approved override, although it fails: not_null(age)."
        assert version.state_detail == detail
        override = QualityOverride.objects.get(version=version)
        assert (override.approval_id, override.failing) == (approval.pk, ["not_null(age)"])
        assert override.validation == ValidationRun.objects.get(version=version)
        assert audit("dataset_version.overridden") == [
            {"approval": str(approval.pk), "failing": ["not_null(age)"], "requested_by": str(approval.requested_by_id)}
        ]
        assert audit("dataset_version.published")[0]["failing"] == ["not_null(age)"]
        approval.refresh_from_db()
        assert approval.outcome == "Version 1 is published, although 1 expectations fail."

    def test_what_was_denied_stays(self) -> None:
        version, approval, _ = self.asked(DatasetFactory.create().project)
        approval_deny(approval=approval, decided_by=member(version.project, "admin"), actor=TESTER)
        approval_apply(approval.pk)
        version.refresh_from_db()
        assert version.state == "validating"

    @pytest.mark.parametrize("event", ["validated again", "rejected", "no editor any more"])
    def test_the_rules_of_that_time_decide(self, event: str) -> None:
        version, approval, rule = self.asked(DatasetFactory.create().project)
        approval_approve(approval=approval, decided_by=member(version.project, "admin"), actor=TESTER)
        if event == "validated again":
            run, _ = validate(version, requested_by=None, actor=TESTER)
            assert run is not None
            again(run, [failed(rule, 2)])
        elif event == "rejected":
            version_reject(version, actor=TESTER)
        else:
            version.project.user_permissions.filter(user=approval.requested_by).delete()
        approval_apply(approval.pk)
        approval.refresh_from_db()
        assert approval.outcome.startswith("Refused: ")
        version.refresh_from_db()
        assert version.state == ("rejected" if event == "rejected" else "validating")
        assert QualityOverride.objects.count() == 0

    def test_only_what_is_validating_needs_one(self) -> None:
        version = DatasetVersionFactory.create()
        with pytest.raises(Conflict):
            override_request(version=version, comment="", requested_by=member(version.project), actor=TESTER)


def test_a_rejected_version_ends_its_validation_and_is_never_published() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, None)
    run = ValidationRun.objects.get(version=version)
    version_reject(version, detail="Wrong branch.", actor=TESTER)
    run.workload.refresh_from_db()
    assert run.workload.state == "cancelled"
    validation_run_reconcile(run.workload_id)
    assert fresh(run).state == "cancelled"
    version.refresh_from_db()
    assert (version.state, version.state_detail) == ("rejected", "Wrong branch.")
    assert audit("dataset_version.rejected") == [{"number": 1, "detail": "Wrong branch."}]
    with pytest.raises(Conflict):
        version_reject(version, actor=TESTER)
    with pytest.raises(Conflict):
        validate(version, requested_by=None, actor=TESTER)


def test_a_validating_version_can_be_cleaned_and_profiled() -> None:
    rule = ExpectationFactory.create()
    version = ingested(rule.dataset, [failed(rule)])
    steps = [{"kind": "drop_columns", "columns": ["status"]}]
    recipe = RecipeFactory.create(project=version.project, steps=steps)
    cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    run = CleaningRun.objects.get()
    assert run.workload.spec["parameters"]["expectations"][0]["id"] == str(rule.pk)
    profile_create(version=version, requested_by=None, actor=TESTER)
    version_reject(version, actor=TESTER)
    version.refresh_from_db()
    with pytest.raises(Conflict):
        cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)


def test_versions_that_rules_refer_to_become_inputs_of_the_job() -> None:
    dataset = DatasetFactory.create()
    other = DatasetVersionFactory.create(project=dataset.project, number=3)
    key = {"column": "age", "dataset": str(other.dataset_id), "at": "latest", "target": "age", "mostly": 1}
    ExpectationFactory.create(dataset=dataset, kind="foreign_key", parameters=key)
    ExpectationFactory.create(dataset=dataset, kind="foreign_key", parameters={**key, "at": "3"})
    ExpectationFactory.create(dataset=dataset, kind="foreign_key", parameters={**key, "at": "4"})
    shift = {"columns": None, "dataset": None, "at": "latest", "psi_most": 0.25, "ks_most": None}
    ExpectationFactory.create(dataset=dataset, kind="distribution", parameters=shift)
    found = evaluation_of(dataset)
    assert [(one["input"], one["is_optional"]) for one in found.expectations] == [
        ("reference-1", False), ("reference-1", False), (None, False), (None, True),
    ]  # fmt: skip
    assert [one.name for one in found.inputs] == ["reference-1"]
    DatasetVersionFactory.create(dataset=dataset, project=dataset.project)
    assert evaluation_of(dataset).expectations[-1]["input"] == "reference-2"
    now = clock.db_now()
    gone = {"data_tombstoned_at": now - timedelta(days=8), "data_deleted_at": now}
    DatasetVersionFactory.create(dataset=other.dataset, project=dataset.project, number=4, **gone)
    assert [one["input"] for one in evaluation_of(dataset).expectations] == [
        "reference-1", "reference-1", None, "reference-2",
    ]  # fmt: skip
    source = SourceFactory.create(dataset=dataset, project=dataset.project)
    ingestion = ingestion_create(dataset=dataset, source=source, options={}, requested_by=None, actor=TESTER)
    spec = ingestion.workload.spec_object()
    assert [one.name for one in spec.inputs] == ["source", "reference-1", "reference-2"]


class TestLoosening:
    """Who may not publish what fails may not make it pass by another rule."""

    LOOSER: ClassVar[list[dict[str, Any]]] = [
        {"is_active": False},
        {"severity": "warn"},
        {"parameters": {"column": "age", "mostly": 0.1}},
        {"parameters": {"column": "status"}},
    ]

    @pytest.mark.parametrize("changes", LOOSER, ids=str)
    @pytest.mark.parametrize("known", [True, False], ids=["fails", "not evaluated"])
    def test_what_keeps_a_version_back_is_for_who_may_approve(self, changes: dict[str, Any], known: bool) -> None:
        rule = ExpectationFactory.create()
        version = ingested(rule.dataset, [failed(rule)] if known else None)
        with pytest.raises(ApprovalRequired, match="keeps version 1 back"):
            self.change(rule, changes, member(rule.project))
        assert Expectation.objects.get(revision=1, is_active=True, severity="block") == rule
        assert audit("expectation.changed") == []
        self.change(rule, changes, member(rule.project, "admin"))
        assert [told["after"] != told["before"] for told in audit("expectation.changed")] == [True]
        version.refresh_from_db()
        assert version.state == "validating", "until somebody validates"

    def test_what_holds_it_back_no_more_is_for_every_editor(self) -> None:
        rule = ExpectationFactory.create()
        editor = member(rule.project)
        version = ingested(rule.dataset, [failed(rule)])
        self.change(rule, {"description": "Ages are known."}, editor)
        fulfilled = ExpectationFactory.create(dataset=rule.dataset, parameters={"column": "status", "mostly": 1})
        warns = ExpectationFactory.create(dataset=rule.dataset, severity="warn")
        self.change(fulfilled, {"is_active": False}, editor)  # written down after the version was made
        self.change(warns, {"is_active": False}, editor)
        version_reject(version, actor=TESTER)
        self.change(rule, {"is_active": False}, editor)
        rule.refresh_from_db()
        assert rule.is_active is False

    def test_what_the_version_fulfils_may_change_while_another_keeps_it_back(self) -> None:
        rule = ExpectationFactory.create()
        other = ExpectationFactory.create(dataset=rule.dataset, parameters={"column": "status", "mostly": 1})
        ingested(rule.dataset, [failed(rule), evaluated(other)])
        self.change(other, {"is_active": False}, member(rule.project))
        other.refresh_from_db()
        assert other.is_active is False

    def test_what_failed_by_other_parameters_keeps_it_back_still(self) -> None:
        rule = ExpectationFactory.create()
        other = ExpectationFactory.create(dataset=rule.dataset)
        version = ingested(rule.dataset, [failed(rule)])
        for later in (rule, other):  # as if both were written down after the version was made
            Expectation.objects.filter(pk=later.pk).update(created_at=clock.db_now())
            later.refresh_from_db()
        self.evaluate(version, [failed(rule), evaluated(other)])
        self.change(rule, {"parameters": {"column": "age", "mostly": 0.9}}, member(rule.project, "admin"))
        self.change(other, {"parameters": {"column": "status", "mostly": 1}}, member(rule.project))
        self.change(other, {"is_active": False}, member(rule.project))
        rule.refresh_from_db()
        self.evaluate(version, [failed(ExpectationFactory.create(dataset=rule.dataset))])  # which says nothing of it
        with pytest.raises(ApprovalRequired, match="keeps version 1 back"):
            self.change(rule, {"is_active": False}, member(rule.project))
        self.evaluate(version, [evaluated(rule)])
        self.change(rule, {"is_active": False}, member(rule.project))

    @pytest.mark.parametrize("own", [True, False], ids=["of the same dataset", "of another"])
    def test_what_it_is_held_against_is_moved_by_who_may_approve(self, own: bool) -> None:
        dataset = DatasetFactory.create()
        referred = dataset if own else DatasetFactory.create(project=dataset.project)
        first, second = (
            DatasetVersionFactory.create(dataset=referred, project=dataset.project, number=number) for number in (1, 2)
        )
        alias = self.point(first, "gold", None)
        self.point(first, "silver", None)
        at = {"dataset": None if own else str(referred.pk), "at": "gold"}
        shift = {"columns": None, **at, "psi_most": 0.25, "ks_most": None}
        rule = ExpectationFactory.create(dataset=dataset, kind="distribution", parameters=shift)
        editor, admin = member(dataset.project), member(dataset.project, "admin")
        self.point(second, "gold", editor)  # nothing is kept back
        version = ingested(dataset, [failed(rule)])
        with pytest.raises(ApprovalRequired, match=f"refers to gold keeps version {version.number} of"):
            self.point(first, "gold", editor)
        with pytest.raises(ApprovalRequired, match="refers to gold"):
            version_alias_delete(alias, deleted_by=editor, actor=TESTER)
        alias.refresh_from_db()
        assert alias.version == second
        self.point(second, "gold", editor)  # where it points already
        self.point(second, "silver", editor)
        self.point(first, "gold", admin)
        version_reject(version, actor=TESTER)
        self.point(second, "gold", editor)
        version_alias_delete(alias, deleted_by=editor, actor=TESTER)

    def point(self, version: DatasetVersion, name: str, user: User | None) -> VersionAlias:
        return version_alias_set(dataset=version.dataset, name=name, version=version, moved_by=user, actor=TESTER)

    def evaluate(self, version: DatasetVersion, results: list[dict[str, Any]]) -> None:
        """Results as they are after a run, with no say in whether it is published."""
        run, _ = validate(version, requested_by=None, actor=TESTER)
        assert run is not None
        succeeded(run, {"expectations": results})
        ValidationRun.objects.filter(pk=run.pk).update(state="succeeded", results=results)

    def change(self, rule: Expectation, changes: dict[str, Any], user: User) -> None:
        expectation_change(rule, changes=changes, changed_by=user, actor=Actor.user(user))
