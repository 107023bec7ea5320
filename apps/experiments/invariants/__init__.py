"""What must hold of runs, their curves, their files, and the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from apps.common.checks import audited, audited_all, story_of
from apps.common.invariants import Check, Finding, Instant, Level, NamedObject, by_query, listed, query_check, together
from apps.experiments.invariants.files import FILES, REGISTRY
from apps.experiments.models import (
    Artifact,
    Checkpoint,
    Experiment,
    MetricBatch,
    MetricSender,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Run,
    SourceBundle,
)
from apps.experiments.models.packing import PLAIN
from apps.experiments.services.runs import FOLLOWS, OWNER_KIND
from apps.experiments.services.summaries import entries_agree, summary_rebuild
from apps.experiments.states import RUN
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import WORKLOAD

_PARAMS: Mapping[str, Any] = {
    "follows": [f"{state}>{to}" for state, to in FOLLOWS.items()],
    "ended": listed(WORKLOAD.terminal),
    "final": listed(RUN.terminal),
    "kind": OWNER_KIND,
}


def stored_files() -> Iterator[NamedObject]:
    """Every file that a row of this app names."""
    for model, noun in ((Artifact, "artifact"), (Checkpoint, "checkpoint")):
        files: Any = model._default_manager
        named = files.filter(gone_at=None).order_by("id").values_list("id", "path", "size_bytes", "sha256")
        for pk, *file in named.iterator(chunk_size=1000):
            yield NamedObject(f"{noun} {pk}", *file)
    archives = SourceBundle.objects.order_by("id").values_list("id", "path", "size_bytes", "archive_sha256")
    for pk, *file in archives.iterator(chunk_size=1000):
        yield NamedObject(f"source bundle {pk}", *file)


def _summaries(instant: Instant) -> Iterator[Finding]:
    recorded = Q(Exists(MetricBatch.objects.filter(run=OuterRef("pk")))) | ~Q(summary={})
    runs = Run.objects.filter(recorded).defer("script", "result", "parameters")
    for run in runs.order_by("id").iterator(chunk_size=100):
        rebuilt = summary_rebuild(run)
        wrong = sorted(
            key
            for key in rebuilt.keys() | run.summary.keys()
            if not entries_agree(rebuilt.get(key), run.summary.get(key))
        )
        if wrong:
            said, is_so = (summary.get(wrong[0]) for summary in (run.summary, rebuilt))
            yield Finding(
                f"run {run.pk}: the summary of {', '.join(wrong)} is not that of its points: {said}, not {is_so}"
            )


def _compact_rows(instant: Instant) -> Iterator[Finding]:
    for row in MetricBatch.objects.exclude(form=PLAIN).order_by("id").iterator(chunk_size=50):
        try:
            steps, _, times = row.columns
        except ValueError as error:
            yield Finding(f"row {row.pk} of metric points cannot be read: {error}")
            continue
        ends = [steps.min(), steps.max(), times.min(), times.max()]
        if ends != [row.first_step, row.last_step, row.first_time, row.last_time]:
            yield Finding(f"row {row.pk} of metric points goes from {ends[0]} to {ends[1]}, and says otherwise")


_RUNS: Sequence[Check] = (
    Check(
        "run.workload",
        "The state of a run is where its workload led it, with its times and its result.",
        together(
            by_query(
                "run {} is {}, and its workload {} is {} since {}",
                "SELECT r.id, r.state, w.id, w.state, w.state_at FROM {run} r JOIN {workload} w ON w.id = r.workload_id"
                " WHERE w.state || '>' || r.state <> ALL(%(follows)s) AND"
                " (w.state_at < %(settled)s OR (r.state = ANY(%(final)s) AND w.state <> ALL(%(ended)s)))",
                _PARAMS,
                run=Run,
                workload=Workload,
            ),
            by_query(
                "run {} is {} and has no workload",
                "SELECT id, state FROM {run} WHERE state <> 'draft' AND workload_id IS NULL AND kind <> 'tracked'",
                run=Run,
            ),
            by_query(
                "workload {} says it works for run {}, which is none of its own",
                "SELECT w.id, w.owner_id FROM {workload} w WHERE w.owner_kind = %(kind)s AND NOT EXISTS"
                " (SELECT FROM {run} r WHERE r.id = w.owner_id AND r.workload_id = w.id)",
                _PARAMS,
                run=Run,
                workload=Workload,
            ),
            by_query(
                "run {} ended at {}, its workload at {}",
                "SELECT r.id, r.ended_at, w.ended_at FROM {run} r JOIN {workload} w ON w.id = r.workload_id"
                " WHERE r.state = ANY(%(final)s) AND r.ended_at IS DISTINCT FROM w.ended_at",
                _PARAMS,
                run=Run,
                workload=Workload,
            ),
            by_query(
                "run {} ended without the result that its last attempt {} left",
                "SELECT r.id, a.id FROM {run} r JOIN {workload} w ON w.id = r.workload_id"
                " JOIN {attempt} a ON a.workload_id = w.id AND a.number = w.attempts_made"
                " WHERE r.state = ANY(%(final)s) AND r.state_at < %(settled)s"
                " AND r.result IS NULL AND a.result IS NOT NULL",
                _PARAMS,
                run=Run,
                workload=Workload,
                attempt=Attempt,
            ),
        ),
    ),
    query_check(
        "run.starts",
        "A run knows from where each attempt went on that recorded anything.",
        "run {} has points of attempt {}, of which it does not know where it began",
        """
        SELECT DISTINCT b.run_id, a.number FROM {batch} b JOIN {attempt} a ON a.id = b.attempt_id
        JOIN {run} r ON r.id = b.run_id
        WHERE NOT r.attempt_starts ? a.number::text AND NOT starts_with(b.key, 'system/')
        """,
        batch=MetricBatch,
        attempt=Attempt,
        run=Run,
    ),
    Check("run.summary", "The summary of a run is that of its points that count.", _summaries, is_thorough=True),
)
_METRICS: Sequence[Check] = (
    query_check(
        "metric_batch.once",
        "A batch is kept once.",
        "batch {} of member {} of attempt {} is kept {} times for {}",
        """
        SELECT sequence, rank, attempt_id, count(*), key FROM {batch}
        GROUP BY run_id, attempt_id, rank, sequence, key HAVING count(*) > 1
        """,
        batch=MetricBatch,
    ),
    query_check(
        "metric_batch.packed",
        "A batch holds as many steps, values and times as it says, of a run and its own attempt.",
        "row {} of run {} and attempt {} says {} points; packed are {}, {} and {} bytes",
        """
        SELECT b.id, b.run_id, b.attempt_id, b.count,
               octet_length(b.steps), octet_length(b.values), octet_length(b.times)
        FROM {batch} b LEFT JOIN {attempt} a ON a.id = b.attempt_id JOIN {run} r ON r.id = b.run_id
        WHERE b.form = 0 AND (octet_length(b.steps) <> 8 * b.count OR octet_length(b.values) <> 8 * b.count
            OR octet_length(b.times) <> 8 * b.count)
            OR b.attempt_id IS NOT NULL AND a.workload_id IS DISTINCT FROM r.workload_id
        """,
        batch=MetricBatch,
        attempt=Attempt,
        run=Run,
    ),
    Check(
        "metric_batch.compact",
        "A row that compaction left holds the points that it says, and they can be read.",
        _compact_rows,
        is_thorough=True,
    ),
    query_check(
        "metric_batch.received",
        "Each row is of a batch that its member is known to have sent.",
        "row {} of member {} of attempt {} is of batch {}, which is not known to have come",
        """
        SELECT b.id, b.rank, b.attempt_id, b.sequence FROM {batch} b WHERE NOT EXISTS (
            SELECT FROM {sender} s CROSS JOIN jsonb_array_elements(s.received) AS span
            WHERE (s.attempt_id = b.attempt_id OR b.attempt_id IS NULL AND s.run_id = b.run_id) AND s.rank = b.rank
                AND b.sequence >= (span->>0)::bigint AND b.sequence < (span->>1)::bigint)
        """,
        batch=MetricBatch,
        sender=MetricSender,
    ),
    query_check(
        "metric_batch.merged",
        "What was merged into a row came after the row before it: no point is in two rows.",
        "row {} holds points of {} from row {} on, and row {} is kept beside it",
        """
        SELECT id, key, merged_id, before FROM (
            SELECT id, key, merged_id, lag(id) OVER (PARTITION BY run_id, attempt_id, rank, key ORDER BY id) AS before
            FROM {batch}) AS lined
        WHERE merged_id <= before
        """,
        batch=MetricBatch,
    ),
    query_check(
        "metric_batch.gaps",
        "Batches of one member follow each other without a hole.",
        "of the points of member {} of attempt {} these batches came and none between: {}",
        "SELECT rank, attempt_id, received FROM {sender}"
        " WHERE jsonb_array_length(received) > 1 OR (received->0->>0)::bigint > 0",
        level=Level.WARNING,
        sender=MetricSender,
    ),
)
CHECKS: Sequence[Check] = (
    story_of(Run),
    story_of(ModelVersion),
    *_RUNS,
    *_METRICS,
    *FILES,
    *REGISTRY,
    *audited_all(
        [
            (Experiment, "experiment.created"),
            (RegisteredModel, "registered_model.created"),
            (ModelVersion, "model_version.registered"),
            (ModelAlias, "model_alias.set"),
        ]
    ),
    audited(Run, "run.submitted", where="r.state <> 'draft' AND r.kind <> 'tracked'"),
    audited(Run, "run.tracked", where="r.kind = 'tracked'"),
    audited(ModelVersion, "model_version.archived", where="r.state_reason = 'archived_by_user'"),
)
