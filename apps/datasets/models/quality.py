"""What data has to fulfil before it is published, whether it does, and what waits for it."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import ApprovalRequest, ProjectScoped, User
from apps.common.states import StateMachine
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.job import DataJob
from apps.datasets.models.version import DatasetVersion
from apps.datasets.states import VALIDATION_RUN, ExpectationKind, JobState, Severity
from apps.quotas.models import Workload


class Expectation(ProjectScoped):
    """Something that every version of a dataset has to fulfil: blocking ones before it may be published."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="expectations")
    kind = models.CharField(max_length=20, choices=ExpectationKind.choices)
    parameters = models.JSONField()
    """Every option written out; see `workers.contracts.expectations`."""
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.BLOCK)
    is_active = models.BooleanField(default=True)
    description = models.CharField(max_length=500, blank=True)
    revision = models.PositiveIntegerField(default=1, editable=False)
    """Goes up when what is evaluated changes: results of another revision say nothing."""
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=ExpectationKind.values), name="expectation_kind"),
            models.CheckConstraint(condition=models.Q(severity__in=Severity.values), name="expectation_severity"),
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="expectation_revision"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="expectation_project"),
            models.Index(fields=["dataset", "id"], condition=models.Q(is_active=True), name="expectation_active"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.dataset_id}"


class ValidationRun(DataJob):
    """Evaluates a dataset's expectations over one of its versions, or notes what the job found that made it."""

    machine: ClassVar[StateMachine] = VALIDATION_RUN
    state = VALIDATION_RUN.field()
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="validation_runs")
    results = models.JSONField(null=True, encoder=DjangoJSONEncoder, editable=False)
    """`[{"expectation", "revision", "severity", "kind", "parameters", "label", "outcome", "rows_checked",
    "rows_failed", "ratio", "observed", "problem", "examples", "seconds"}]`, as they were when it was evaluated."""
    passed_count = models.PositiveIntegerField(default=0, editable=False)
    warned_count = models.PositiveIntegerField(default=0, editable=False)
    blocked_count = models.PositiveIntegerField(default=0, editable=False)
    """Expectations that are not fulfilled, by what that means: a warning, or that it may not be published."""

    class Meta:
        constraints: ClassVar = [
            VALIDATION_RUN.constraint("validation_run_state"),
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="validation_run_once",
            ),
            models.CheckConstraint(
                condition=models.Q(results=None) | models.Q(state=JobState.SUCCEEDED), name="validation_run_results"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="validation_run_project"),
            models.Index(fields=["version", "-id"], name="validation_run_version"),
            models.Index(
                fields=["id"], condition=models.Q(state__in=sorted(VALIDATION_RUN.active)), name="validation_run_active"
            ),
        ]

    def __str__(self) -> str:
        return f"validation of {self.version_id}"


class QualityHold(ProjectScoped):
    """A workload that waits until a version is published, or is ended when it is rejected."""

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="holds")
    workload = models.ForeignKey(Workload, models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True, editable=False)
    """When it was let into the line, or ended."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workload", "version"], name="quality_hold_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="quality_hold_project"),
            models.Index(fields=["version"], condition=models.Q(settled_at=None), name="quality_hold_open"),
        ]

    def __str__(self) -> str:
        return f"{self.workload_id} waits for {self.version_id}"


class QualityOverride(ProjectScoped):
    """That a version was published although blocking expectations failed, because somebody approved it."""

    version = models.OneToOneField(DatasetVersion, models.PROTECT, related_name="quality_override")
    approval = models.OneToOneField(ApprovalRequest, models.PROTECT, related_name="+")
    validation = models.ForeignKey(ValidationRun, models.PROTECT, related_name="+", null=True)
    """The results that were known; None where the expectations could not be evaluated."""
    failing = models.JSONField(default=list)
    """Labels of the expectations that failed: `between(age)`."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="quality_override_project")]

    def __str__(self) -> str:
        return f"override of {self.version_id}"
