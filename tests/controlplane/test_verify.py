"""`manage.py verify`: every check over one instant, files too, and an exit status that says whether all is well."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from apps.common.audit import Actor
from apps.common.events import emit
from apps.common.models import Event
from apps.common.storage import store
from apps.datasets.models import Dataset, Source
from apps.datasets.services.datasets import dataset_create
from apps.datasets.services.sources import source_create, source_store
from controlplane.verification import CHECKS, OBJECTS
from tests.support.factories.access import ProjectFactory

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("test")
MADE_BY_FACTORIES = {"project.audited.created", "organisation.audited.created", "team.audited.created"}


@pytest.fixture
def source(settings: Any, tmp_path: Any) -> Source:
    """An uploaded file in a store of its own."""
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    dataset: Dataset = dataset_create(project=ProjectFactory.create(), name="people", created_by=None, actor=ACTOR)
    source_id = Source().pk
    stored = source_store(source_id=source_id, name="people.csv", chunks=[b"age\n1\n"])
    return source_create(
        source_id=source_id, dataset=dataset, name="people.csv", stored=stored, uploaded_by=None, actor=ACTOR
    )


def verify(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and the checks as JSON."""
    out, status = StringIO(), 0
    try:
        call_command("verify", "--json", *words, stdout=out)
    except SystemExit as left:
        status = int(str(left.code))
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def by_name(checks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in checks if check["check"] not in MADE_BY_FACTORIES}


def test_an_empty_database_is_well_and_every_check_says_so() -> None:
    status, checks = verify()
    assert status == 0
    assert [check["check"] for check in checks] == [*(check.name for check in CHECKS), OBJECTS]
    assert {check["ok"] for check in checks} == {True}
    names = [check.name for check in CHECKS]
    assert sorted(set(names)) == sorted(names)


def test_people_get_a_line_per_check_and_what_is_wrong_below_it(source: Source) -> None:
    store().put(source.path, [b"age\n2\n"])
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify", stdout=out)
    assert left.value.code == 1
    lines = out.getvalue().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(f"WRONG {OBJECTS} ")]
    digest = store().measure(source.path).sha256
    assert lines[at + 1] == (
        f"      wrong: source {source.pk}: {source.path} has the SHA-256 {digest}, and {source.sha256} is its own"
    )
    assert lines[-1] == f"{len(CHECKS) + 1} checks, 4 found something wrong."


def test_files_that_are_missing_or_of_another_size_are_named_and_strangers_counted(source: Source) -> None:
    store().put("attempts/forgotten", [b"12345"])
    assert by_name(verify()[1])[OBJECTS]["examples"] == [
        {"level": "note", "text": "1 files of 5 bytes in the store are named by no row"}
    ]
    store().put(source.path, [b"longer than it was"])
    store().delete("attempts/forgotten")
    (found,) = by_name(verify()[1])[OBJECTS]["examples"]
    assert found["text"] == f"source {source.pk}: {source.path} has 18 bytes, and 6 are its size"
    store().delete(source.path)
    (found,) = by_name(verify()[1])[OBJECTS]["examples"]
    assert found["text"] == f"source {source.pk}: {source.path} is not there"


def test_a_quick_look_reads_no_object_and_not_every_point(source: Source) -> None:
    store().delete(source.path)
    checks = by_name(verify("--quick")[1])
    assert OBJECTS not in checks
    assert "run.summary" not in checks
    assert {check["ok"] for check in checks.values()} == {True}


def test_all_is_counted_and_so_much_shown(source: Source) -> None:
    for _ in range(7):
        emit("light.turned", source)
    Event.objects.update(transaction_id=987654321)
    status, checks = verify("--examples", "2")
    found = by_name(checks)["outbox.transactions"]
    assert (status, found["ok"], found["found"]) == (1, False, {"wrong": 8, "warning": 0, "note": 0})
    assert len(found["examples"]) == 2
