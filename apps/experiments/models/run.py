"""One execution of training code, with what it read."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import ProjectScoped, ScopedStateful, User
from apps.common.states import StateMachine
from apps.datasets.models import DatasetVersion
from apps.experiments.models.bundle import SourceBundle
from apps.experiments.models.experiment import Experiment
from apps.experiments.states import RUN, RunKind, RunState
from apps.quotas.models import PriorityClass, Workload


class Why(NamedTuple):
    """A reason of the closed list, and its words for people."""

    reason: str
    detail: str


class Run(ScopedStateful):
    """Code, its data and parameters, what it asks for, and what came out.

    Its state follows its workload's; nothing else moves it. A tracked run has none: its code says how it goes.
    """

    machine: ClassVar[StateMachine] = RUN
    state = RUN.field()
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="runs", db_index=False)
    name = models.CharField(max_length=250)
    kind = models.CharField(max_length=20, choices=RunKind.choices, default=RunKind.SCRIPT, editable=False)
    script = models.TextField()
    """Python, at most 256 KiB; the job finds it as `train.py`."""
    bundle = models.ForeignKey(SourceBundle, models.PROTECT, related_name="+", null=True, editable=False)
    command = models.JSONField(default=list, editable=False)
    """Words of what a bundle or an image executes; empty: what its kind does."""
    image = models.CharField(max_length=500, blank=True, editable=False)
    """Of the container; empty: the runtime image of the installation."""
    environment = models.JSONField(default=dict, editable=False)
    """Variables that the job gets, with their texts."""
    requirements = models.TextField(blank=True, editable=False)
    """Packages of a bundle's environment, as pip locks them; empty: those of the runtime."""
    seed = models.BigIntegerField(null=True, editable=False)
    retries = models.JSONField(default=dict, editable=False)
    """Which ends are tried again, and how often; empty: as the installation does."""
    dataset_version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+", null=True)
    """What it reads as `data`; null: nothing. More are its `inputs`."""
    dataset_reference = models.CharField(max_length=200, blank=True, editable=False)
    """By which words the version was named, `project/dataset@alias`; empty where it was by its id."""
    parameters = models.JSONField(default=dict)
    resources = models.JSONField(default=dict)
    """What it asks for: `{"cpu_millis", "memory_bytes", "gpus", "flavor"}`."""
    count_min = models.PositiveIntegerField(default=1, db_default=1)
    count_max = models.PositiveIntegerField(default=1, db_default=1)
    """Members, each with these resources: at least `count_min` run together, more of them where there is room."""
    priority_class = models.ForeignKey(
        PriorityClass, models.PROTECT, related_name="+", null=True, editable=False, db_index=False
    )
    """With which it was submitted; null: priority 0, and it takes nobody's place."""
    secrets = models.JSONField(default=list)
    """Names of secrets of the project that the job gets as files."""
    time_limit_seconds = models.PositiveIntegerField(null=True)
    """Of one attempt; null: of a tracked run, which nobody stops."""
    tags = models.JSONField(default=list, blank=True)
    """Words that people put on it: sorted, each once."""
    labels = models.JSONField(default=dict, blank=True)
    """Keys and texts that a client put on it."""
    outputs = models.JSONField(default=list, editable=False)
    """Models that its code says it made: `[{"model": id, "step"}]`, each once, newest last."""
    notes = models.TextField(blank=True)
    """Markdown of people."""
    retry_of = models.ForeignKey("self", models.PROTECT, related_name="+", null=True, editable=False)
    """The run whose request this one repeats."""
    workload = models.ForeignKey(Workload, models.PROTECT, related_name="+", null=True, editable=False)
    summary = models.JSONField(default=dict, editable=False)
    """By metric `{"last", "last_step", "min", "max", "mean", "sum", "count"}`, so that no table scans points."""
    attempt_starts = models.JSONField(default=dict, editable=False)
    """Attempt number (as text) → step of the checkpoint from which it continued; null: from the beginning.

    Points of earlier attempts after that step are superseded. An attempt is entered with its first metric batch, or
    when it is given a checkpoint of an earlier attempt.
    """
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder, editable=False)
    """What the job left as its result."""
    provenance = models.JSONField(default=dict, editable=False)
    """What is needed to do it again: packages, hardware, commit, as its attempts reported them."""
    deleted_at = models.DateTimeField(null=True, editable=False)
    """Since when it is out of sight; it can be restored."""
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            RUN.constraint("run_state"),
            models.UniqueConstraint(
                fields=["experiment", "name"], condition=~models.Q(kind=RunKind.TRACKED), name="run_name_once"
            ),
            models.UniqueConstraint(
                fields=["workload"], condition=models.Q(workload__isnull=False), name="run_workload_once"
            ),
            models.CheckConstraint(
                condition=models.Q(time_limit_seconds__gte=1) | models.Q(kind=RunKind.TRACKED), name="run_time_limit"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind=RunKind.TRACKED) | models.Q(workload__isnull=True), name="run_tracked"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=RunKind.values), name="run_kind"),
            models.CheckConstraint(
                condition=~models.Q(state__in=sorted(RUN.terminal)) | models.Q(ended_at__isnull=False),
                name="run_ended_at",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="run_project"),
            models.Index(fields=["experiment", "-id"], name="run_experiment"),
            models.Index(
                "experiment",
                models.F("started_at").desc(nulls_last=True),
                models.F("id").desc(),
                name="run_experiment_started",
            ),
            models.Index(fields=["state", "-id"], name="run_state_id"),
            # None on parameters or summary: a batch of metrics changes the summary, and would then change indexes too.
            GinIndex(fields=["tags"], name="run_tags", opclasses=["jsonb_path_ops"]),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(result__isnull=True, ended_at__isnull=False),
                name="run_without_result",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def why(self) -> Why:
        """Why it is in its state: while it is queued its workload knows what it waits for."""
        source = self.workload if self.state == RunState.QUEUED and self.workload is not None else self
        return Why(source.state_reason, source.state_detail)


class RunInput(ProjectScoped):
    """Something more that a run reads, or said that it read."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="inputs", db_index=False)
    name = models.CharField(max_length=500)
    """By which the job asks for it, or by which its code calls it."""
    dataset_version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+", null=True)
    """Null: none that is kept here."""
    reference = models.CharField(max_length=200, blank=True)
    """By which words the version was named."""
    document = models.JSONField(default=dict)
    """What code said of it: `{"digest", "source_type", "source", "schema", "profile", "tags"}`."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "name"],
                condition=models.Q(dataset_version__isnull=False),
                name="run_input_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "name"], name="run_input_run"),
            models.Index(fields=["dataset_version"], name="run_input_dataset_version"),
        ]

    def __str__(self) -> str:
        return self.name
