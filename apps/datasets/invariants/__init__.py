"""What must hold of datasets: versions and their files, the jobs that made them, and where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from apps.common.checks import audited, audited_all, story_of
from apps.common.invariants import Check, NamedObject, by_query, listed, query_check, together
from apps.datasets.invariants.keeping import CHECKS as KEEPING
from apps.datasets.invariants.quality import CHECKS as QUALITY
from apps.datasets.invariants.quarantine import quarantined
from apps.datasets.models import (
    AllowedOrigin,
    CleaningRun,
    DataJob,
    Dataset,
    DatasetVersion,
    Ingestion,
    IngestionSchedule,
    LineageEdge,
    Profile,
    Recipe,
    Source,
    Upload,
    ValidationRun,
    VersionAlias,
    VersionComparison,
)
from apps.datasets.selectors import JOBS
from apps.datasets.services.results import BadResult, content_of
from apps.datasets.specs import OUTPUT, file_path
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import WORKLOAD, WorkloadState

_ENDED = {"ended": listed(WORKLOAD.terminal)}


def stored_files() -> Iterator[NamedObject]:
    """Every file that a row of this app names, and those that a job left which has not been followed yet."""
    sources = Source.objects.order_by("id").values_list("id", "path", "size_bytes", "sha256")
    for pk, *file in sources.iterator(chunk_size=1000):
        yield NamedObject(f"source {pk}", *file)
    kept = DatasetVersion.objects.filter(data_deleted_at=None).order_by("id")
    versions = kept.values_list("id", "manifest", "preprocessor", "companions")
    for pk, manifest, preprocessor, companions in versions.iterator(chunk_size=100):
        for one in [*manifest["files"], *([preprocessor] if preprocessor else []), *companions.values()]:
            path = file_path(manifest, one)
            yield NamedObject(f"dataset_version {pk}", path, one["size_bytes"], one["sha256"])
    for model in (Ingestion, CleaningRun):
        yield from _left_by(model)
    yield from quarantined()


def _left_by(model: type[DataJob]) -> Iterator[NamedObject]:
    """What jobs that ended well say they left, while their rows have not followed them."""
    jobs: Any = model._default_manager
    behind = jobs.filter(state__in=sorted(model.machine.active), workload__state=WorkloadState.SUCCEEDED)
    for job in behind.select_related("workload").order_by("id"):
        attempt: Attempt | None = job.workload.current_attempt()
        try:
            files = content_of(attempt.result).stored_files if attempt else []
        except BadResult:  # it will fail, and needs no file for that
            continue
        for file in files:
            path = f"attempts/{attempt.pk}/{OUTPUT}/{file.name}" if attempt else ""
            yield NamedObject(f"{model.machine.noun} {job.pk}", path, file.size_bytes, file.sha256)


def _follows(model: type[DataJob]) -> Check:
    noun = model.machine.noun
    states = {
        **_ENDED,
        "active": listed(model.machine.active),
        "noun": noun,
    }
    return Check(
        f"{noun}.workload",
        f"The state of each {noun} is where its workload led it.",
        together(
            by_query(
                f"{noun} {{}} is {{}}, and its workload {{}} is {{}} since {{}}",
                "SELECT j.id, j.state, w.id, w.state, w.state_at FROM {job} j JOIN {workload} w ON w.id = j.workload_id"
                " WHERE j.state = ANY(%(active)s) AND w.state = ANY(%(ended)s) AND w.state_at < %(settled)s",
                states,
                job=model,
                workload=Workload,
            ),
            by_query(
                f"{noun} {{}} is {{}}, and its workload {{}} is {{}}",
                "SELECT j.id, j.state, w.id, w.state FROM {job} j JOIN {workload} w ON w.id = j.workload_id"
                " WHERE j.state <> ALL(%(active)s) AND w.state <> j.state"
                " AND NOT (j.state = 'failed' AND w.state = 'succeeded' AND j.state_reason = 'bad_result')",
                states,
                job=model,
                workload=Workload,
            ),
            by_query(
                f"the workload {{}} of project {{}} says it works for {noun} {{}}, which is none of its own",
                "SELECT w.id, w.project_id, w.owner_id FROM {workload} w WHERE w.owner_kind = %(noun)s AND NOT EXISTS"
                " (SELECT FROM {job} j WHERE j.id = w.owner_id AND j.workload_id = w.id)",
                states,
                job=model,
                workload=Workload,
            ),
        ),
    )


CHECKS: Sequence[Check] = (
    *KEEPING,
    *(story_of(model) for model in (Ingestion, Profile, CleaningRun, DatasetVersion)),
    story_of(Upload),
    story_of(VersionComparison),
    _follows(VersionComparison),
    story_of(IngestionSchedule),
    query_check(
        "ingestion.source",
        "An ingestion has what it parses, or the origin from which its job fetches that.",
        "ingestion {} is {} without a source",
        "SELECT id, state FROM {ingestion} WHERE source_id IS NULL"
        " AND (origin = '{{}}' OR (state = 'succeeded' AND state_reason <> 'unchanged'))",
        ingestion=Ingestion,
    ),
    query_check(
        "ingestion_schedule.next",
        "A schedule has its next time while it is active.",
        "schedule {} is {} and comes next at {}",
        "SELECT id, state, coalesce(next_at::text, 'no time') FROM {schedule}"
        " WHERE (state = 'active') <> (next_at IS NOT NULL)",
        schedule=IngestionSchedule,
    ),
    query_check(
        "upload.source",
        "An upload is complete once all has arrived and there is a source of it.",
        "upload {} is {} with {} of {} bytes and the source {}",
        "SELECT id, state, offset_bytes, size_bytes, coalesce(source_id::text, 'none') FROM {upload}"
        " WHERE (state = 'completed') <> (source_id IS NOT NULL)"
        " OR (state = 'completed' AND offset_bytes < size_bytes)",
        upload=Upload,
    ),
    *(_follows(model) for model in JOBS),
    _follows(ValidationRun),
    *QUALITY,
    Check(
        "dataset_version.content",
        "The versions of a dataset are numbered without holes, and the manifest adds up to rows and bytes.",
        together(
            by_query(
                "dataset {} has {} versions, the last one number {}",
                "SELECT dataset_id, count(*), max(number) FROM {version} GROUP BY dataset_id"
                " HAVING count(*) <> max(number)",
                version=DatasetVersion,
            ),
            by_query(
                "version {} says {} rows and {} bytes; its files have {} and {}",
                """
                SELECT v.id, v.row_count, v.size_bytes, f.row_count, f.size_bytes FROM {version} v
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum((file->>'rows')::bigint), 0) AS row_count,
                           coalesce(sum((file->>'size_bytes')::bigint), 0) AS size_bytes
                    FROM jsonb_array_elements(v.manifest->'files') AS file) f
                WHERE v.row_count <> f.row_count OR v.size_bytes <> f.size_bytes
                """,
                version=DatasetVersion,
            ),
        ),
    ),
    Check(
        "dataset_version.origin",
        "An ingestion or cleaning run that succeeded has its version, and the version says where it came from.",
        together(
            *(
                by_query(
                    f"{noun} {{}} has succeeded without a version",
                    "SELECT j.id FROM {job} j WHERE j.state = 'succeeded' AND j.state_reason <> 'unchanged'"
                    " AND NOT EXISTS (SELECT FROM {version} v WHERE j.id IN (v.ingestion_id, v.cleaning_run_id))",
                    job=model,
                    version=DatasetVersion,
                )
                for noun, model in (("ingestion", Ingestion), ("cleaning run", CleaningRun))
            ),
            by_query(
                "version {} came of {} {}, which is {}",
                """
                SELECT v.id, 'ingestion', i.id, i.state FROM {version} v JOIN {ingestion} i ON i.id = v.ingestion_id
                WHERE i.state <> 'succeeded'
                UNION ALL
                SELECT v.id, 'cleaning run', c.id, c.state
                FROM {version} v JOIN {cleaning} c ON c.id = v.cleaning_run_id
                WHERE c.state <> 'succeeded'
                """,
                version=DatasetVersion,
                ingestion=Ingestion,
                cleaning=CleaningRun,
            ),
            by_query(
                "version {} has no lineage to {}",
                """
                SELECT v.id, coalesce(i.source_id, v.parent_id) FROM {version} v
                LEFT JOIN {ingestion} i ON i.id = v.ingestion_id
                WHERE (v.ingestion_id IS NOT NULL OR v.cleaning_run_id IS NOT NULL) AND NOT EXISTS (
                    SELECT FROM {edge} e WHERE e.from_id = v.id AND e.to_id = coalesce(i.source_id, v.parent_id)
                    AND e.relation IN ('ingested_from', 'cleaned_from'))
                """,
                version=DatasetVersion,
                ingestion=Ingestion,
                edge=LineageEdge,
            ),
            by_query(
                "version {} was appended to {}, and its parent is {}, its lineage to it {}",
                """
                SELECT v.id, i.append_to_id, coalesce(v.parent_id::text, 'none'),
                       CASE WHEN e.id IS NULL THEN 'missing' ELSE 'there' END
                FROM {version} v JOIN {ingestion} i ON i.id = v.ingestion_id
                LEFT JOIN {edge} e ON e.from_id = v.id AND e.to_id = i.append_to_id AND e.relation = 'appended_to'
                WHERE i.append_to_id IS NOT NULL AND (e.id IS NULL OR v.parent_id IS DISTINCT FROM i.append_to_id)
                """,
                version=DatasetVersion,
                ingestion=Ingestion,
                edge=LineageEdge,
            ),
        ),
    ),
    query_check(
        "version_comparison.result",
        "A comparison has what it found when it has succeeded.",
        "comparison {} is {} with the result {}",
        "SELECT id, state, coalesce(left(result::text, 40), 'none') FROM {comparison}"
        " WHERE (state = 'succeeded') <> (result IS NOT NULL AND result <> 'null')",
        comparison=VersionComparison,
    ),
    query_check(
        "version_alias.target",
        "An alias points at a published version of its own dataset.",
        "alias {} of dataset {} points at version {} of dataset {}, which is {}",
        "SELECT a.name, a.dataset_id, v.id, v.dataset_id, v.state FROM {alias} a"
        " JOIN {version} v ON v.id = a.version_id WHERE a.dataset_id <> v.dataset_id OR v.state <> 'published'",
        alias=VersionAlias,
        version=DatasetVersion,
    ),
    query_check(
        "profile.result",
        "A profile has its statistics when it has succeeded.",
        "profile {} is {} with the result {}",
        "SELECT id, state, coalesce(left(result::text, 40), 'none') FROM {profile}"
        " WHERE (state = 'succeeded') <> (result IS NOT NULL AND result <> 'null')",
        profile=Profile,
    ),
    query_check(
        "recipe.numbers",
        "Recipes of one name are numbered without holes.",
        "project {} has {} recipes named {}, the last one number {}",
        "SELECT project_id, count(*), name, max(number) FROM {recipe} GROUP BY project_id, name"
        " HAVING count(*) <> max(number)",
        recipe=Recipe,
    ),
    *audited_all(
        [
            (Dataset, "dataset.created"),
            (Source, "source.created"),
            (Upload, "upload.created"),
            (AllowedOrigin, "allowed_origin.created"),
            (IngestionSchedule, "ingestion_schedule.created"),
            (Recipe, "recipe.created"),
            (Ingestion, "ingestion.created"),
            (Profile, "profile.created"),
            (CleaningRun, "cleaning_run.created"),
            (VersionComparison, "version_comparison.created"),
        ]
    ),
    audited(DatasetVersion, "dataset_version.deprecated", where="r.state = 'deprecated'"),
)
