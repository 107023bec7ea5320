"""What must hold of versions whose data is deleted."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited, audited_all
from apps.common.invariants import Check, Level, query_check
from apps.datasets.models import DatasetVersion, KeepRule, VersionAlias

CHECKS: Sequence[Check] = (
    query_check(
        "dataset_version.named_data",
        "Nothing that an alias points at has lost its data.",
        "alias {} points at version {}, whose data was deleted at {}",
        "SELECT a.name, v.id, v.data_deleted_at FROM {alias} a JOIN {version} v ON v.id = a.version_id"
        " WHERE v.data_deleted_at IS NOT NULL",
        alias=VersionAlias,
        version=DatasetVersion,
    ),
    query_check(
        "dataset_version.gone",
        "What was deleted is seen to be gone within a day.",
        "the files of version {} were deleted at {} and are not known to be gone",
        "SELECT id, data_deleted_at FROM {version} WHERE data_gone_at IS NULL"
        " AND data_deleted_at < %(at)s - interval '1 day'",
        level=Level.WARNING,
        version=DatasetVersion,
    ),
    *audited_all([(KeepRule, "keep_rule.set")]),
    audited(DatasetVersion, "dataset_version.data_deleted", where="r.data_deleted_at IS NOT NULL"),
)
