"""Which source bundles are kept: the whole truth table, and what the tick does with it."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.common import clock
from apps.common.audit import Actor
from apps.common.deletions import nothing_deleted
from apps.common.errors import Invalid
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.experiments.models import Run, SourceBundle
from apps.experiments.selectors.keeping_bundles import (
    BUNDLE_NEEDS,
    BundleFacts,
    archives_named,
    bundle_reasons_of,
)
from apps.experiments.services.bundle_files import of_zip
from apps.experiments.services.bundle_keeping import bundle_held, bundles_collect
from apps.experiments.services.bundles import bundle_create, bundle_packed, bundle_put
from apps.experiments.services.keeping import file_rule_set
from apps.experiments.services.runs import run_submit
from apps.experiments.states import RunKind
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import pool_ready
from tests.support.factories.experiments import ExperimentFactory, RunFactory
from tests.support.zips import zip_of
from workers.dispatch.objects import bundles_sweep

README = Path(__file__).parents[3] / "apps" / "experiments" / "README.md"
GUIDE = [README.parents[2] / "docs" / tongue / "models.md" for tongue in ("en", "zh")]
TESTER = Actor.system("test")


def published(page: Path) -> dict[str, tuple[str, ...]]:
    """The table between its marks, as reason → needs."""
    rows = re.search(r"<!-- keep-bundles -->\n(.*?)<!-- /keep-bundles -->", page.read_text(), re.S)
    assert rows is not None
    cells = [row.strip("|").split("|") for row in rows[1].splitlines() if row.startswith("| `")]
    return {cell[0].strip(" `"): tuple(re.findall(r"`([^`]+)`", cell[1])) for cell in cells}


@pytest.mark.parametrize("page", [README, *GUIDE], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_the_published_table_is_the_one_that_decides(page: Path) -> None:
    assert published(page) == dict(BUNDLE_NEEDS)


def test_a_bundle_is_kept_while_any_reason_holds_and_only_then() -> None:
    names = [one.name for one in fields(BundleFacts)]
    table = published(README)
    for values in itertools.product((False, True), repeat=len(names)):
        facts = dict(zip(names, values, strict=True))
        expected = [reason for reason, needs in table.items() if all(facts[need] for need in needs)]
        assert bundle_reasons_of(BundleFacts(**facts)) == expected


def sent(project: Project, text: str = "print(1)", *, days_ago: float = 0) -> SourceBundle:
    """A bundle that was sent so long ago."""
    with bundle_packed(of_zip(io.BytesIO(zip_of({"train.py": text})))) as packed, nothing_deleted():
        bundle_put(project, packed)
        bundle, _ = bundle_create(project=project, packed=packed, uploaded_by=None, actor=TESTER)
    SourceBundle.objects.filter(pk=bundle.pk).update(sent_at=clock.db_now() - timedelta(days=days_ago))
    return bundle


def is_there(bundle: SourceBundle) -> tuple[bool, bool]:
    """Its row, and its archive."""
    return SourceBundle.objects.filter(pk=bundle.pk).exists(), store().exists(bundle.path)


@pytest.fixture
def project() -> Project:
    pool_ready()
    made: Project = ProjectFactory.create()
    return made


@pytest.mark.django_db
class TestTick:
    def test_what_no_run_has_goes_after_the_grace(self, project: Project) -> None:
        old, young, ran = (sent(project, text, days_ago=days) for text, days in (("a", 7.1), ("b", 6.9), ("c", 99)))
        RunFactory.create(project=project, bundle=ran, state="failed", ended_at=clock.now(), deleted_at=clock.now())
        assert bundles_collect() == 1
        assert [is_there(one) for one in (old, young, ran)] == [(False, False), (True, True), (True, True)]
        event = AuditEvent.objects.get(action="source_bundle.collected")
        assert (event.detail["sha256"], event.project_id) == (old.sha256, project.pk)
        assert bundles_collect() == 0

    def test_the_grace_is_that_of_the_projects_rule(self, project: Project) -> None:
        rule = {"keep_checkpoints": 1, "keep_best": False, "keep_days": None}
        file_rule_set(project=project, changed_by=None, actor=TESTER, **rule, grace_days=30)
        kept, other = sent(project, days_ago=29), sent(ProjectFactory.create(), days_ago=29)
        assert bundles_collect() == 1
        assert (is_there(kept), is_there(other)) == ((True, True), (False, False))

    def test_what_is_sent_again_is_new(self, project: Project) -> None:
        bundle = sent(project, days_ago=99)
        assert sent(project).pk == bundle.pk
        assert bundles_collect() == 0

    def test_an_archive_that_is_gone_already_is_no_trouble(self, project: Project) -> None:
        bundle = sent(project, days_ago=99)
        store().delete(bundle.path)
        assert bundles_collect() == 1
        assert is_there(bundle) == (False, False)

    def test_a_run_of_what_was_collected_is_refused(self, project: Project) -> None:
        bundle = sent(project, days_ago=99)
        experiment = ExperimentFactory.create(project=project)
        assert bundles_collect() == 1
        with pytest.raises(Invalid, match="send it again"):
            run_submit(
                experiment=experiment, name="risk", actor=TESTER, requested_by=None, kind=RunKind.BUNDLE,
                bundle=bundle, command=["python", "train.py"],
            )  # fmt: skip
        assert not Run.objects.exists()

    def test_an_archive_that_no_row_names_is_swept(self, project: Project) -> None:
        bundle, left = sent(project), f"bundles/{project.pk}/{'0' * 64}.zip"
        store().put(left, [b"left"])
        assert bundles_sweep(archives_named) == [left]
        assert is_there(bundle) == (True, True)
        assert bundles_sweep(archives_named) == []  # not again within the hour

    def test_the_report_says_what_would_go(self, project: Project) -> None:
        old, young = sent(project, "a", days_ago=8), sent(project, "b")
        client = APIClient()
        client.force_authenticate(member(project, Role.VIEWER))
        found = client.get(f"/api/v1/file-rules/report?project={project.pk}").json()["source_bundles"]
        assert found["reasons"] == [
            {"reason": "run", "files": 0, "bytes": 0},
            {"reason": "recent", "files": 1, "bytes": young.size_bytes},
        ]
        assert (found["unkept_files"], found["unkept_bytes"]) == (1, old.size_bytes)
        assert [one["id"] for one in found["unkept"]] == [str(old.pk)]
        assert is_there(old) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_nothing_goes_while_a_backup_copies_or_somebody_sends_it(project: Project) -> None:
    bundle = sent(project, days_ago=99)
    with nothing_deleted():
        assert Thread(bundles_collect).join() == 0
    assert is_there(bundle) == (True, True)
    assert bundles_collect() == 1


@pytest.mark.django_db(transaction=True)
def test_what_somebody_submits_stays(project: Project) -> None:
    bundle = sent(project, days_ago=99)
    with transaction.atomic():
        bundle_held(bundle)
        assert Thread(bundles_collect).join() == 0
        RunFactory.create(project=project, bundle=bundle)
    assert bundles_collect() == 0
    assert is_there(bundle) == (True, True)
