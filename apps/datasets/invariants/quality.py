"""What must hold of data quality: nothing is published that fails, nothing waits for what has been decided."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited, story_of
from apps.common.invariants import Check, by_query, query_check, together
from apps.common.models import Transition
from apps.datasets.models import DatasetVersion, Expectation, QualityHold, QualityOverride, ValidationRun
from apps.quotas.models import Workload

CHECKS: Sequence[Check] = (
    story_of(ValidationRun),
    query_check(
        "dataset_version.quality",
        "A version was published with nothing that blocks failing in its last results of before, or by an override.",
        "version {} was published with {} blocking failures in validation run {} and without an override",
        """
        SELECT v.id, r.blocked_count, r.id FROM {version} v
        JOIN {transition} t ON t.object_id = v.id AND t.noun = 'dataset_version' AND t.to_state = 'published'
        JOIN LATERAL (SELECT r.id, r.blocked_count, r.results FROM {run} r
                      WHERE r.version_id = v.id AND r.state = 'succeeded' AND r.state_at <= t.at
                      ORDER BY r.id DESC LIMIT 1) r ON true
        WHERE r.blocked_count > 0 AND v.state IN ('published', 'deprecated')
            AND NOT EXISTS (SELECT FROM {override} o WHERE o.version_id = v.id)
            AND EXISTS (SELECT FROM jsonb_array_elements(r.results) f JOIN {expectation} e
                        ON e.id = (f->>'expectation')::uuid AND e.revision = (f->>'revision')::int
                        WHERE f->>'severity' = 'block' AND f->>'outcome' IN ('failed', 'error')
                            AND e.is_active AND e.severity = 'block' AND e.changed_at < t.at)
        """,
        version=DatasetVersion,
        transition=Transition,
        run=ValidationRun,
        override=QualityOverride,
        expectation=Expectation,
    ),
    query_check(
        "quality_override.approval",
        "An override was approved, and by somebody else than who asked.",
        "override {} of version {} rests on approval {}, which is {}",
        "SELECT o.id, o.version_id, a.id, a.state FROM {override} o JOIN access_approvalrequest a"
        " ON a.id = o.approval_id WHERE a.state <> 'approved' OR a.applied_at IS NULL"
        " OR a.decided_by_id = a.requested_by_id",
        override=QualityOverride,
    ),
    Check(
        "quality_hold.workload",
        "What is held back waits for a version that is validating, and nothing else is held back for one.",
        together(
            by_query(
                "workload {} is held back, and waits for no version that is validating",
                "SELECT w.id FROM {workload} w WHERE w.is_held AND w.state_reason = 'quality_blocked'"
                " AND NOT EXISTS (SELECT FROM {hold} h JOIN {version} v ON v.id = h.version_id"
                " WHERE h.workload_id = w.id AND h.settled_at IS NULL"
                " AND (v.state = 'validating' OR v.state_at >= %(settled)s))",
                workload=Workload,
                hold=QualityHold,
                version=DatasetVersion,
            ),
            by_query(
                "hold {} of workload {} is open, and version {} is {} since {}",
                "SELECT h.id, h.workload_id, v.id, v.state, v.state_at FROM {hold} h"
                " JOIN {version} v ON v.id = h.version_id WHERE h.settled_at IS NULL"
                " AND v.state <> 'validating' AND v.state_at < %(settled)s",
                hold=QualityHold,
                version=DatasetVersion,
            ),
        ),
    ),
    query_check(
        "validation_run.results",
        "A validation run has its results when it has succeeded.",
        "validation run {} is {} with the results {}",
        "SELECT id, state, coalesce(left(results::text, 40), 'none') FROM {run}"
        " WHERE (state = 'succeeded') <> (results IS NOT NULL AND results <> 'null')",
        run=ValidationRun,
    ),
    audited(ValidationRun, "validation_run.created"),
    audited(Expectation, "expectation.created"),
    audited(DatasetVersion, "dataset_version.published", where="r.state IN ('published', 'deprecated')"),
    audited(DatasetVersion, "dataset_version.rejected", where="r.state = 'rejected'"),
    audited(
        DatasetVersion,
        "dataset_version.overridden",
        where="EXISTS (SELECT FROM {override} o WHERE o.version_id = r.id)",
        override=QualityOverride,
    ),
)
