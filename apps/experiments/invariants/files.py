"""What must hold of files of runs and of the registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apps.common.invariants import Check, Finding, Instant, Level, by_query, query_check, together
from apps.experiments.models import (
    Artifact,
    ArtifactUpload,
    Checkpoint,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Run,
)
from apps.experiments.selectors.model_files import files_of, manifest_of
from apps.quotas.models import Attempt


def _attempts(model: type[Artifact] | type[Checkpoint], noun: str) -> Check:
    return query_check(
        f"{noun}.attempt",
        f"Each {noun} is of an attempt of its own run, in that attempt's folder.",
        f"{noun} {{}} of run {{}} is of attempt {{}} at {{}}",
        """
        SELECT f.id, f.run_id, f.attempt_id, f.path FROM {file} f
        JOIN {attempt} a ON a.id = f.attempt_id JOIN {run} r ON r.id = f.run_id
        WHERE a.workload_id IS DISTINCT FROM r.workload_id OR NOT starts_with(f.path, 'attempts/' || a.id || '/')
        """,
        file=model,
        attempt=Attempt,
        run=Run,
    )


def _gone(model: type[Artifact] | type[Checkpoint], noun: str) -> Check:
    return query_check(
        f"{noun}.gone",
        f"No {noun} goes without a tombstone, and none before its grace.",
        f"{noun} {{}} has its tombstone since {{}} and went at {{}}",
        "SELECT id, tombstoned_at, gone_at FROM {file}"
        " WHERE gone_at IS NOT NULL AND (tombstoned_at IS NULL OR gone_at < tombstoned_at + interval '1 day')",
        file=model,
    )


def _manifests(instant: Instant) -> Iterator[Finding]:
    versions = ModelVersion.objects.exclude(manifest="").only("id", "files", "manifest")
    for version in versions.order_by("id").iterator(chunk_size=100):
        if manifest_of(files_of(version)) != version.manifest:
            yield Finding(f"version {version.pk} has other files than its manifest {version.manifest}")


FILES: Sequence[Check] = (
    _attempts(Artifact, "artifact"),
    _attempts(Checkpoint, "checkpoint"),
    _gone(Artifact, "artifact"),
    _gone(Checkpoint, "checkpoint"),
    query_check(
        "artifact.content",
        "What came through the server lies by its content.",
        "artifact {} with the SHA-256 {} lies at {}",
        "SELECT id, sha256, path FROM {artifact} WHERE attempt_id IS NULL AND NOT starts_with(path,"
        " 'artifacts/' || project_id || '/sha256/' || left(sha256, 2) || '/' || sha256)",
        artifact=Artifact,
    ),
    query_check(
        "artifact_upload.artifact",
        "An upload is complete when it is an artifact, and only then.",
        "upload {} is {} and of artifact {}",
        "SELECT id, state, artifact_id FROM {upload} WHERE (state = 'completed') <> (artifact_id IS NOT NULL)",
        upload=ArtifactUpload,
    ),
)
REGISTRY: Sequence[Check] = (
    Check(
        "model_version.origin",
        "Versions of a model are numbered without holes, each of a run that succeeded or of what a client logged, and"
        " of its file.",
        together(
            by_query(
                "model {} made {} versions; it has {}, the last one number {}",
                """
                SELECT m.id, m.versions_made, count(v.id), coalesce(max(v.number), 0) FROM {model} m
                LEFT JOIN {version} v ON v.model_id = m.id GROUP BY m.id
                HAVING count(v.id) <> m.versions_made OR coalesce(max(v.number), 0) <> m.versions_made
                """,
                model=RegisteredModel,
                version=ModelVersion,
            ),
            by_query(
                "version {} with the digest {} is of run {}, which is {}, and of an artifact of run {} with SHA-256 {}",
                """
                SELECT v.id, v.digest, r.id, r.state, a.run_id, a.sha256 FROM {version} v
                LEFT JOIN {run} r ON r.id = v.run_id JOIN {artifact} a ON a.id = v.artifact_id
                WHERE v.digest <> 'sha256:' || a.sha256
                    OR (v.source = '' AND (r.state IS DISTINCT FROM 'succeeded' OR a.run_id IS DISTINCT FROM r.id))
                """,
                version=ModelVersion,
                run=Run,
                artifact=Artifact,
            ),
            by_query(
                "version {} is pending since {}",
                "SELECT id, created_at FROM {version} WHERE state = 'pending' AND state_reason <> 'runs_code'"
                " AND created_at < %(settled)s - interval '5 minutes'",
                level=Level.WARNING,
                version=ModelVersion,
            ),
        ),
    ),
    query_check(
        "model_version.files",
        "Every file of a version that is not archived is there, as a row says.",
        "version {} has {} at {}, which no row has any more",
        """
        SELECT v.id, f.one ->> 'name', f.one ->> 'path' FROM {version} v
        CROSS JOIN jsonb_array_elements(v.files) AS f(one)
        WHERE v.state <> 'archived' AND NOT EXISTS (
            SELECT FROM {artifact} a WHERE a.path = f.one ->> 'path' AND a.gone_at IS NULL)
        """,
        version=ModelVersion,
        artifact=Artifact,
    ),
    Check("model_version.manifest", "The manifest of a version is that of its files.", _manifests, is_thorough=True),
    query_check(
        "model_version.approved",
        "A version whose loading runs code is ready only once that was approved.",
        "version {} is ready without an approval, and its files are {}",
        "SELECT id, inspection ->> 'verdict' FROM {version} WHERE state = 'ready' AND approval_id IS NULL"
        " AND inspection ->> 'verdict' IN ('executable', 'unreadable')",
        version=ModelVersion,
    ),
    query_check(
        "model_alias.target",
        "An alias points at a version of its own model that is ready, or was found damaged since.",
        "alias {} of model {} points at version {} of model {}, which is {}",
        "SELECT a.name, a.model_id, v.id, v.model_id, v.state FROM {alias} a JOIN {version} v ON v.id = a.version_id"
        " WHERE v.model_id <> a.model_id OR (v.state <> 'ready' AND v.state_reason <> 'file_damaged')",
        alias=ModelAlias,
        version=ModelVersion,
    ),
)
