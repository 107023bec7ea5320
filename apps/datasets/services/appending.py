"""Appending: the parts of a version and those of the new rows are the next version. Nothing of the base is read.

The job parses the new rows only, with ordinals from where the base ends and in its schema. The digest of all rows is
made of the sums of both (`workers.contracts.dataset_digest`), and so is the sample, whose rows are chosen by ordinal.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from apps.common.errors import Conflict, Invalid
from apps.common.storage import store
from apps.datasets.models import Dataset, DatasetVersion, IngestionSchedule
from apps.datasets.selectors import companion_of, data_check
from apps.datasets.selectors.references import appending_base, appends_open
from apps.datasets.services.results import BadResult, Checked, Content, StoredFile, output_checked
from apps.datasets.specs import COMPANION_BYTES_MOST
from apps.datasets.states import ScheduleMode, ScheduleState, VersionState
from apps.quotas.models import Attempt
from workers.contracts.dataset_digest import digest_of, joined
from workers.contracts.sentences import say

SAMPLE = "sample"
SAMPLE_FILE = "sample-of-all.json"
SAMPLE_ROWS, SAMPLE_CELLS = 50, 4_000
"""Of each part of a sample; as `workers.runtime.cleaning.sample` has them: a test holds the two together."""
COLUMNS_SAID = 20


def base_check(base: DatasetVersion, *, dataset: Dataset) -> None:
    """Refuse a version to which no rows can be appended.

    Raises:
        Invalid: it is of another dataset, or was not made in a way that rows can be added to.
        Conflict: it is not published.
    """
    problem = ""
    if base.dataset_id != dataset.pk:
        problem = f"Belongs to another dataset than {dataset.name!r}."
    elif base.splits or base.preprocessor:
        problem = f"Version {base.number} is split or encoded: append to the version that it was cleaned from."
    elif not base.manifest.get("rows_hash") or base.manifest.get("next_ordinal") is None:
        problem = (
            f"Version {base.number} was made before rows could be appended: ingest its source again, or clean it"
            " with a recipe, and append to the version that comes of it."
        )
    if problem:
        raise Invalid(f"append_to: {problem}", fields={"append_to": [problem]})
    data_check(base)
    if base.state != VersionState.PUBLISHED:
        raise Conflict(f"version {base.number} is {base.state}; rows are appended to published versions only")


def turn_check(base: DatasetVersion | None, *, dataset: Dataset, schedule: IngestionSchedule | None) -> None:
    """Refuse rows that would be lost, or make a schedule lose its own: the next version that it makes begins with the
    rows of one version only. Where no schedule appends, people append to whichever they like, and two that append to
    the same are two versions, each with the rows of that base and its own. In a transaction.

    Args:
        schedule: who asks, which has looked whose turn it is before it asked.

    Raises:
        Conflict: something else is being appended, or the base is not the version to which the schedule appends.
    """
    if base is None or schedule is not None:
        return
    Dataset.objects.select_for_update(of=("self",), no_key=True).get(pk=dataset.pk)
    schedules = IngestionSchedule.objects.filter(dataset=dataset, mode=ScheduleMode.APPEND)
    is_scheduled = schedules.exclude(state=ScheduleState.RETIRED).exists()
    others = appends_open(dataset.pk)
    if (others if is_scheduled else others.filter(schedule__isnull=False)).exists():
        raise Conflict(
            "A schedule appends to the dataset, and what was appended last still runs or is not published yet:"
            " append when it is."
        )
    newest = appending_base(dataset.pk) if is_scheduled else None
    if newest is not None and newest.pk != base.pk:
        raise Conflict(
            f"A schedule appends to version {newest.number}: append to that one too, or retire the schedule."
        )


def base_parameters(base: DatasetVersion) -> dict[str, Any]:
    """What the job is told of the version that it appends to."""
    columns = [{"name": column["name"], "type": column["type"]} for column in base.schema]
    return {"first_ordinal": base.manifest["next_ordinal"], "declared_schema": columns}


def appended_checked(base: DatasetVersion, attempt: Attempt) -> Checked:
    """What a job that appends left, held against its base; its statistics, of the new rows only, are let go. Blocks.

    Raises:
        BadResult: it is not what was agreed, or does not go with the base.
        OSError, StorageUnavailable: the store cannot be asked now.
    """
    prefix, content, _ = output_checked(attempt)
    old, new = (_columns(schema) for schema in (base.schema, msgspec.to_builtins(content.schema)))
    if old != new:
        raise BadResult(say("append_columns", found=_said(new), wanted=_said(old)))
    last, first = content.last_ordinal, int(base.manifest["next_ordinal"])
    if content.rows_hash is None or last is None or last - first + 1 < content.row_count:
        raise BadResult(say("append_ordinals", first=first))
    sample = _sample_of_all(base, prefix, content)
    beside = {SAMPLE: sample} if sample else {}
    return prefix, msgspec.structs.replace(content, companions=beside), None


def appended(base: DatasetVersion, content: Content, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of the version that holds the rows of its base and new ones.

    Args:
        files: of the new rows, as the manifest has them.
    """
    rows_hash = joined([base.manifest["rows_hash"], str(content.rows_hash)])
    row_count = base.row_count + content.row_count
    nullable = {column.name: column.nullable for column in content.schema}
    old = base.manifest["files"]
    return {
        "digest": digest_of(_columns(base.schema), row_count, rows_hash),
        "schema": [{**column, "nullable": column["nullable"] or nullable[column["name"]]} for column in base.schema],
        "manifest": {
            "files": [*old, *({**file, "name": f"part-{n:05}.parquet"} for n, file in enumerate(files, len(old)))],
            "rows_hash": rows_hash,
            "next_ordinal": int(content.last_ordinal or 0) + 1,
        },
        "row_count": row_count,
        "size_bytes": base.size_bytes + content.size_bytes,
    }


def _columns(schema: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(column["name"], column["type"]) for column in schema]


def _said(columns: list[tuple[str, str]]) -> str:
    more = ", …" if len(columns) > COLUMNS_SAID else ""
    return ", ".join(f"{name} {kind}" for name, kind in columns[:COLUMNS_SAID]) + more


def _sample_of_all(base: DatasetVersion, prefix: str, content: Content) -> StoredFile | None:
    """The sample that one pass over all rows would have drawn, written beside what the job left.

    The first rows are the base's. The others are those whose ordinals hash lowest, of each part and so of both.
    """
    old, file = companion_of(base, SAMPLE), content.companions.get("sample")
    if old is None or file is None:
        return None
    with store().open(f"{prefix}{file.name}") as opened:
        new = json.loads(opened.read(COMPANION_BYTES_MOST))
    count = max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(old["columns"]))))
    drawn = sorted([*old["random"], *new["random"]], key=_place)[:count]
    first = [*old["first"], *new["first"]][:count]
    joint = {**old, "first": first, "random": sorted(drawn, key=lambda row: int(row["ordinal"]))}
    text = json.dumps(joint, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    stored = store().put(f"{prefix}{SAMPLE_FILE}", [text])
    return StoredFile(SAMPLE_FILE, stored.size_bytes, stored.sha256)


def _place(row: dict[str, Any]) -> tuple[int, int]:
    """In which order rows are drawn: as `workers.runtime.cleaning.sample.SPREAD`."""
    ordinal = int(row["ordinal"])
    return (ordinal % 2147483648) * 2654435761 % 4294967296, ordinal
