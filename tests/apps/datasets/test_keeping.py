"""Rules decide which versions keep their data; what goes is due, unshared, seen to be gone, and still known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

from apps.common import clock
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import AuditEvent
from apps.common.storage import ObjectStore, store
from apps.datasets.invariants import stored_files
from apps.datasets.invariants.keeping import CHECKS
from apps.datasets.models import Dataset, DatasetVersion, KeepRule
from apps.datasets.selectors import companion_of, dataset_input, version_file
from apps.datasets.selectors.keeping import Facts, kept
from apps.datasets.selectors.references import reference_resolve
from apps.datasets.selectors.would_keep import would_keep
from apps.datasets.services import keeping
from apps.datasets.services.keeping import keep_rule_delete, keep_rule_set, version_pin, versions_collect
from apps.datasets.services.lineage import edge_add
from apps.datasets.services.profiles import profile_create
from apps.datasets.states import VersionState
from tests.support.damage import everything
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import TESTER, DatasetFactory, DatasetVersionFactory, described

NOW = datetime(2026, 6, 30, tzinfo=UTC)
RULE = {"keep_last": None, "keep_days": None, "keep_named": True, "keep_parents": False}


def _facts(number: int, **changes: Any) -> Facts:
    plain: dict[str, Any] = dict.fromkeys(("is_named", "is_pinned", "is_referenced", "is_in_use"), False)
    made = NOW - timedelta(days=100 - number)
    return Facts(
        **{"id": UUID(int=number), "number": number, "created_at": made, "parent_id": None, **plain, **changes}
    )


@pytest.mark.parametrize(
    "rule, changes, expected",
    [
        ({"keep_last": 2}, {}, {4: ["last"], 3: ["last"], 2: [], 1: []}),
        ({"keep_days": 98}, {}, {4: ["recent"], 3: ["recent"], 2: [], 1: []}),
        ({"keep_last": 1}, {1: {"is_named": True}}, {4: ["last"], 3: [], 2: [], 1: ["named"]}),
        ({"keep_last": 1, "keep_named": False}, {1: {"is_named": True}}, {4: ["last"], 3: [], 2: [], 1: []}),
        (
            {"keep_last": 1},
            {1: {"is_referenced": True}, 2: {"is_in_use": True}, 3: {"is_pinned": True}},
            {4: ["last"], 3: ["pinned"], 2: ["in_use"], 1: ["referenced"]},
        ),
        (
            {"keep_last": 1, "keep_parents": True},
            {4: {"parent_id": UUID(int=2)}, 2: {"parent_id": UUID(int=1)}, 3: {"parent_id": UUID(int=1)}},
            {4: ["last"], 3: [], 2: ["parent"], 1: ["parent"]},
        ),
    ],
)
def test_a_rule_keeps_what_it_says_and_what_is_used(
    rule: dict[str, Any], changes: dict[int, Any], expected: dict[int, list[str]]
) -> None:
    facts = [_facts(number, **changes.get(number, {})) for number in range(1, 5)]
    found = kept(facts, SimpleNamespace(**{**RULE, **rule}), NOW)
    assert {pk.int: reasons for pk, reasons in found.items()} == expected


@pytest.fixture
def dataset(db: None) -> Dataset:
    return DatasetFactory.create(project=ProjectFactory.create(name="risk"), name="loans")


def _version(dataset: Dataset, number: int, *contents: bytes, **kwargs: Any) -> DatasetVersion:
    """A version whose parts are in the store."""
    files = []
    for n, content in enumerate(contents):
        file = described(f"part-{n}.parquet", content)
        file["path"] = f"parts/{dataset.project_id}/{file['sha256'][:2]}/{file['sha256']}.parquet"
        store().put(file["path"], [content])
        files.append(file)
    made: DatasetVersion = DatasetVersionFactory.create(
        project=dataset.project, dataset=dataset, number=number, manifest={"files": files}, row_count=2 * len(files),
        size_bytes=sum(map(len, contents)), **kwargs,
    )  # fmt: skip
    return made


def _rule(dataset: Dataset, **rule: Any) -> KeepRule:
    told = {**RULE, "grace_days": 7, "keep_last": 1, **rule}
    return keep_rule_set(project=dataset.project, dataset=dataset, changed_by=None, actor=TESTER, **told)


def _later(days: int) -> None:
    """Let the grace of what has a tombstone have begun so long ago."""
    DatasetVersion.objects.exclude(data_tombstoned_at=None).update(
        data_tombstoned_at=clock.db_now() - timedelta(days=days)
    )


def _numbers(**having: Any) -> list[int]:
    return sorted(DatasetVersion.objects.filter(**having).values_list("number", flat=True))


def _there(versions: Sequence[DatasetVersion]) -> list[list[bool]]:
    return [[store().exists(file["path"]) for file in version.manifest["files"]] for version in versions]


def test_tombstone_grace_deletion_and_proof(dataset: Dataset) -> None:
    versions = [
        _version(dataset, 1, b"one", b"both"),
        _version(dataset, 2, b"both", b"two"),
        _version(dataset, 3, b"x"),
    ]
    user = member(dataset.project, "viewer")
    assert versions_collect() == 0, "without a rule everything is kept"
    _rule(dataset)
    dry = would_keep(dataset, KeepRule.objects.get())
    assert (dry["freed_versions"], dry["freed_bytes"]) == (2, len(b"onebothtwo"))
    assert [version["reasons"] for version in dry["versions"]] == [["last"], [], []]

    assert versions_collect() == 0
    assert _numbers(data_tombstoned_at__isnull=False) == [1, 2]
    with pytest.raises(Conflict, match="the data of version 2 is to be deleted, because no rule keeps it: pin"):
        dataset_input(DatasetVersion.objects.get(number=2), "data")
    _later(6)
    assert versions_collect() == 0, "the grace is seven days"

    restored = version_pin(versions[1], is_pinned=True, actor=TESTER)
    assert (restored.data_tombstoned_at, dataset_input(restored, "data").name) == (None, "data")
    _later(8)
    assert versions_collect() == 1
    assert _there(versions) == [[False, True], [True, True], [True]], "what version 2 has as well stays"
    gone = DatasetVersion.objects.get(number=1)
    assert None not in (gone.data_deleted_at, gone.data_gone_at)
    assert (gone.state, gone.digest, len(gone.manifest["files"])) == ("published", versions[0].digest, 2)
    assert gone.pk not in {named.owner.removeprefix("dataset_version ") for named in stored_files()}
    with pytest.raises(Conflict, match="the data of version 1 was deleted on"):
        dataset_input(gone, "data")
    with pytest.raises(NotFound, match="the data of version 1 was deleted"):
        version_file(gone, "part-0.parquet")
    with pytest.raises(Conflict, match="cannot be had back"):
        version_pin(gone, is_pinned=True, actor=TESTER)
    assert companion_of(gone, "sample") is None
    assert reference_resolve(user, "risk/loans@1") == gone, "it is still known"
    assert AuditEvent.objects.get(action="dataset_version.data_deleted").detail["number"] == 1
    assert versions_collect() == 0
    assert everything(CHECKS) == []


def test_a_long_grace_of_many_keeps_nobody_else_waiting(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    other = DatasetFactory.create(project=dataset.project)
    for number in (1, 2, 3):
        _version(dataset, number, b"%d" % number)
    _version(other, 1, b"old"), _version(other, 2, b"new")
    _rule(dataset, grace_days=90)
    versions_collect()
    _later(9)
    _rule(other, grace_days=7)
    versions_collect()
    DatasetVersion.objects.filter(dataset=other, number=1).update(data_tombstoned_at=clock.db_now() - timedelta(days=8))
    assert versions_collect() == 1
    assert _numbers(dataset=other, data_gone_at__isnull=False) == [1]
    assert _numbers(dataset=dataset, data_deleted_at__isnull=False) == []


def test_what_comes_to_be_used_within_the_grace_is_kept(dataset: Dataset, pool: None) -> None:
    versions = [_version(dataset, number, b"%d" % number) for number in (1, 2, 3, 4)]
    profile_create(version=versions[1], requested_by=None, actor=TESTER)
    _rule(dataset)
    versions_collect()
    assert _numbers(data_tombstoned_at__isnull=False) == [1, 3], "a job reads version 2"
    edge_add(
        project=dataset.project, from_kind="run", from_id=uuid7(), relation="trained_on", to_kind="dataset_version",
        to_id=versions[0].pk,
    )  # fmt: skip
    _later(9)
    assert versions_collect() == 1
    assert _numbers(data_deleted_at__isnull=False) == [3]
    assert _numbers(data_tombstoned_at__isnull=False) == [3]
    keep_rule_delete(KeepRule.objects.get(), actor=TESTER)
    versions_collect()
    assert _there(versions[:2]) == [[True], [True]]


def test_whoever_is_killed_on_the_way_is_followed(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = _version(dataset, 1, b"one", b"two"), _version(dataset, 2, b"x")
    _rule(dataset)
    versions_collect()
    _later(8)
    real, calls = ObjectStore.delete, []

    def dies(self: ObjectStore, path: str) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "delete", dies)
        with pytest.raises(KeyboardInterrupt):
            versions_collect()
    assert _there([old]) in ([[False, True]], [[True, False]])
    found = DatasetVersion.objects.get(number=1)
    assert (found.data_deleted_at is not None, found.data_gone_at) == (True, None), "nobody believes in half of it"
    assert versions_collect() == 1
    assert _there([old]) == [[False, False]]


def test_while_a_backup_runs_nothing_is_deleted(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = _version(dataset, 1, b"one"), _version(dataset, 2, b"x")
    _rule(dataset)
    versions_collect()
    _later(8)
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "deleting", lambda: _Refused())
        assert versions_collect() == 0
    assert _there([old]) == [[True]]
    assert versions_collect() == 1


class _Refused:
    def __enter__(self) -> bool:
        return False

    def __exit__(self, *_: object) -> None: ...


def test_a_version_of_before_there_were_parts_loses_its_folder(dataset: Dataset, objects: Path) -> None:
    old = DatasetVersionFactory.with_objects({"part-0.parquet": b"x"}, project=dataset.project, dataset=dataset)
    _version(dataset, 2, b"x")
    _rule(dataset)
    versions_collect()
    _later(8)
    assert versions_collect() == 1
    assert not (objects / old.manifest["prefix"] / "part-0.parquet").exists()


def test_rules_of_a_project_hold_where_a_dataset_has_none(dataset: Dataset) -> None:
    other = DatasetFactory.create(project=dataset.project)
    for one in (dataset, other):
        _version(one, 1, b"x"), _version(one, 2, b"y"), _version(one, 3, b"z", state=VersionState.VALIDATING)
    keep_rule_set(
        project=dataset.project,
        dataset=None,
        changed_by=None,
        actor=TESTER,
        **{**RULE, "keep_last": 1, "grace_days": 1},
    )
    _rule(dataset, keep_last=5)
    versions_collect()
    assert _numbers(dataset=dataset, data_tombstoned_at__isnull=False) == []
    assert _numbers(dataset=other, data_tombstoned_at__isnull=False) == [1], "of one that validates nothing is decided"
    assert _rule(dataset, keep_last=2).pk == _rule(dataset, keep_last=4).pk
    assert AuditEvent.objects.filter(action="keep_rule.set").last().detail["before"]["keep_last"] in (2, 5)  # type: ignore[union-attr]
    for wrong in ({"keep_last": None}, {"keep_last": 0}):
        with pytest.raises(Invalid, match="a rule without either would keep none"):
            _rule(dataset, **wrong)
    with pytest.raises(Invalid, match="another project"):
        keep_rule_set(
            project=ProjectFactory.create(), dataset=dataset, changed_by=None, actor=TESTER,
            **{**RULE, "keep_last": 1, "grace_days": 1},
        )  # fmt: skip
