"""Appending makes a version of the base's parts and the new ones; of the base nothing is read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from apps.common.errors import Conflict, Invalid
from apps.common.storage import store
from apps.datasets.invariants import CHECKS
from apps.datasets.models import DatasetVersion, Ingestion, LineageEdge, Profile
from apps.datasets.selectors import companion_of, dataset_input
from apps.datasets.services import appending
from apps.datasets.services.ingestions import ingestion_create, ingestion_reconcile
from apps.datasets.states import VersionState
from apps.quotas.models import Workload
from tests.support.damage import everything
from tests.support.factories.datasets import (
    SCHEMA,
    TESTER,
    DatasetVersionFactory,
    SourceFactory,
    attempt_of,
    dataset_result,
    described,
    fresh,
    running,
    succeeded,
    workload_to,
)
from workers.contracts.dataset_digest import digest_of
from workers.runtime.cleaning import sample as drawn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
COLUMNS = [(column["name"], column["type"]) for column in SCHEMA]
NEW = [{**SCHEMA[0], "nullable": True}, {**SCHEMA[1], "nullable": False}]


def _rows(first: int, last: int) -> bytes:
    """A sample file of rows with those ordinals: all first, all drawn."""
    rows = [{"ordinal": n, "values": [n, "x"]} for n in range(first, last + 1)]
    return json.dumps({"columns": [{"name": "age"}, {"name": "status"}], "first": rows, "random": rows}).encode()


def _ends(job: Ingestion, content: bytes, rows_hash: str, *, first: int, last: int, **changes: Any) -> None:
    """Let a job end well that wrote two rows in one part, with a sample and statistics."""
    beside = {"sample.json": _rows(first, last), "profile.json": b'{"row_count": 2, "columns": []}'}
    companions = {name.removesuffix(".json"): described(name, text) for name, text in beside.items()}
    for file in companions.values():
        del file["rows"]
    result = dataset_result({"part-00000.parquet": content}, rows_hash=rows_hash, last_ordinal=last, **changes)
    succeeded(job, {**result, "companions": companions}, {"part-00000.parquet": content, **beside})
    ingestion_reconcile(job.workload_id)


def _base() -> DatasetVersion:
    """A version of two rows, with ordinals 0 and 4."""
    source = SourceFactory.create()
    job = ingestion_create(dataset=source.dataset, source=source, options={}, requested_by=None, actor=TESTER)
    _ends(job, b"PAR1 base", "f" * 32, first=3, last=4)
    found: DatasetVersion = fresh(job).version
    return found


def _append(base: DatasetVersion) -> Ingestion:
    source = SourceFactory.create(project=base.project, dataset=base.dataset)
    return ingestion_create(
        dataset=base.dataset, source=source, options={}, append_to=base, requested_by=None, actor=TESTER
    )


def test_the_new_version_has_the_parts_of_both_and_the_digest_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    base = _base()
    job = _append(base)
    spec = Workload.objects.get(pk=job.workload_id).spec
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS]
    assert spec["parameters"] == {"format": "csv", "first_ordinal": 5, "declared_schema": columns}

    read: list[str] = []
    real = type(store()).open
    monkeypatch.setattr(type(store()), "open", lambda self, path: (read.append(path), real(self, path))[1])
    _ends(job, b"PAR1 more", "0" * 15 + "2" + "0" * 15 + "1", first=5, last=7, schema=NEW)

    version = fresh(job).version
    assert (version.number, version.parent, version.row_count) == (2, base, 4)
    assert version.size_bytes == len(b"PAR1 base") + len(b"PAR1 more")
    summed = "0" * 15 + "1" + "0" * 16
    assert version.digest == digest_of(COLUMNS, 4, summed), "each lane wrapped at 2^64"
    assert (version.manifest["rows_hash"], version.manifest["next_ordinal"]) == (summed, 8)
    old, new = version.manifest["files"]
    assert (old, new["name"]) == (base.manifest["files"][0], "part-00001.parquet")
    assert store().measure(new["path"]).sha256 == hashlib.sha256(b"PAR1 more").hexdigest()
    assert [column["nullable"] for column in version.schema] == [True, True], "missing in one is missing"
    assert dataset_input(version, "data").files == ("part-00000.parquet", "part-00001.parquet")
    assert old["path"] not in read, "its digest is known, and nothing else is of interest"
    edges = set(LineageEdge.objects.filter(from_id=version.pk).values_list("relation", "to_id"))
    assert edges == {("ingested_from", job.source_id), ("appended_to", base.pk)}
    assert Profile.objects.filter(version=version).count() == 0, "statistics of the new rows are not those of all"
    assert [row["ordinal"] for row in (companion_of(version, "sample") or {})["first"]] == [3, 4, 5, 6, 7]
    assert everything([check for check in CHECKS if check.name.startswith("dataset_version.")]) == []


def test_a_joint_sample_is_the_one_that_a_pass_over_all_rows_draws() -> None:
    assert (appending.SAMPLE_ROWS, appending.SAMPLE_CELLS) == (drawn.ROWS, drawn.CELLS)
    spread = eval(drawn.SPREAD.replace(drawn.ORDINAL, "7777777777"))
    assert appending._place({"ordinal": 7777777777})[0] == spread

    base = _base()
    job = _append(base)
    _ends(job, b"PAR1 more", "1" * 32, first=5, last=104)
    found = companion_of(fresh(job).version, "sample") or {}
    by_hash = sorted(range(3, 105), key=lambda n: appending._place({"ordinal": n}))
    assert [row["ordinal"] for row in found["random"]] == sorted(by_hash[: drawn.ROWS])
    assert [row["ordinal"] for row in found["first"]] == list(range(3, 3 + drawn.ROWS))


def test_two_that_append_to_one_base_are_two_versions_of_it_each() -> None:
    base = _base()
    jobs = [_append(base), _append(base)]
    for job, content in zip(reversed(jobs), (b"PAR1 b", b"PAR1 a"), strict=True):
        _ends(job, content, "1" * 32, first=5, last=6)
    versions = [fresh(job).version for job in jobs]
    assert [version.number for version in versions] == [3, 2]
    assert {version.parent for version in versions} == {base}
    assert [version.row_count for version in versions] == [4, 4], "neither has the rows of the other"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"manifest": {"prefix": "attempts/x/", "files": []}}, "was made before rows could be appended"),
        ({"splits": {"train": 1, "test": 1}}, "is split or encoded"),
        ({"preprocessor": {"name": "p.json", "path": "x"}}, "is split or encoded"),
    ],
)
def test_a_base_that_cannot_be_added_to_is_refused(changes: dict[str, Any], said: str) -> None:
    good = {"files": [], "rows_hash": "0" * 32, "next_ordinal": 2}
    base = DatasetVersionFactory.create(**{"manifest": good, **changes})
    with pytest.raises(Invalid, match=said) as refused:
        _append(base)
    assert list(refused.value.fields) == ["append_to"]
    assert (Ingestion.objects.count(), Workload.objects.count()) == (0, 0)


def test_a_base_of_elsewhere_or_not_published_is_refused() -> None:
    good = {"files": [], "rows_hash": "0" * 32, "next_ordinal": 2}
    base = DatasetVersionFactory.create(manifest=good, state=VersionState.DEPRECATED)
    with pytest.raises(Conflict, match="version 1 is deprecated; rows are appended to published versions only"):
        _append(base)
    source = SourceFactory.create(project=base.project)
    with pytest.raises(Invalid, match="Belongs to another dataset"):
        ingestion_create(
            dataset=source.dataset, source=source, options={}, append_to=base, requested_by=None, actor=TESTER
        )


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"schema": [SCHEMA[0]]}, "The new rows have the columns age int64; those of the version that they are"),
        ({"last": 5}, "The new rows are not numbered on from 5."),
        ({"rows_hash": None}, "The new rows are not numbered on from 5."),
    ],
)
def test_rows_that_do_not_go_with_the_base_publish_nothing(changes: dict[str, Any], said: str) -> None:
    job = _append(_base())
    told = {"first": 5, "last": 6, "rows_hash": "0" * 32, **changes}
    _ends(job, b"PAR1 more", **told)
    found = fresh(job)
    assert (found.state, found.state_reason) == ("failed", "bad_result")
    assert said in found.state_detail
    assert DatasetVersion.objects.count() == 1


def test_a_cancelled_append_leaves_the_base_alone() -> None:
    base = _base()
    job = _append(base)
    attempt_of(running(job))
    workload_to(job.workload, "stopping", "cancelled", reason="cancelled_by_user")
    ingestion_reconcile(job.workload_id)
    assert (fresh(job).state, DatasetVersion.objects.get()) == ("cancelled", base)
