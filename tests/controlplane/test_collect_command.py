"""`manage.py collect`: says what nothing keeps and why; lets it go where it is not only asked."""

from __future__ import annotations

import io
import json
import os
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.common import clock
from apps.common.audit import Actor
from apps.common.deletions import nothing_deleted
from apps.experiments.models import Artifact, SourceBundle
from apps.experiments.services.artifacts import Owner, artifact_put, artifacts_delete
from apps.experiments.services.bundle_files import of_zip
from apps.experiments.services.bundles import bundle_create, bundle_packed, bundle_put
from tests.support.factories.experiments import RunFactory
from tests.support.zips import zip_of
from workers.runtime import environments

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("test")


def said(*words: str) -> list[str]:
    out = StringIO()
    call_command("collect", *words, stdout=out)
    return out.getvalue().splitlines()


def test_what_would_go_is_said_and_stays_and_then_it_goes(settings: Any, tmp_path: Path) -> None:
    settings.BEDPLATE_HOME = tmp_path
    assert said("--dry-run") == []
    run = RunFactory.create(state="succeeded", ended_at=clock.now())
    name = run.project.name
    artifact = artifact_put(owner=Owner(run=run), name="a.txt", chunks=[b"abc"], actor=ACTOR)
    artifacts_delete(owner=Owner(run=run), name="a.txt", actor=ACTOR)
    Artifact.objects.filter(pk=artifact.pk).update(tombstoned_at=clock.db_now() - timedelta(days=8))
    with bundle_packed(of_zip(io.BytesIO(zip_of({"train.py": "1"})))) as packed, nothing_deleted():
        bundle_put(run.project, packed)
        bundle, _ = bundle_create(project=run.project, packed=packed, uploaded_by=None, actor=ACTOR)
    sent_at = clock.db_now() - timedelta(days=8)
    SourceBundle.objects.filter(pk=bundle.pk).update(sent_at=sent_at)
    old = tmp_path / "environments" / "0123"
    old.mkdir(parents=True)
    (old / environments.READY).write_text(json.dumps({"bytes": 7}))
    used_at = time.time() - environments.UNUSED_SECONDS - 60
    os.utime(old / environments.READY, (used_at, used_at))
    since = clock.db_now() - timedelta(days=8)
    would = [
        f"{name}: artifact a.txt {artifact.pk}, 3 bytes: nothing keeps it (grace of 7 d since {since:%Y-%m-%d})",
        f"{name}: source_bundle {bundle.sha256[:12]} {bundle.pk}, {bundle.size_bytes} bytes: nothing keeps it"
        f" (no run, sent {sent_at:%Y-%m-%d})",
        "environment 0123: unused",
    ]
    assert said("--dry-run") == would
    assert said() == [*would, "Gone now: 1 files, 1 source bundles."]
    assert (old.exists(), SourceBundle.objects.exists()) == (False, False)
    assert Artifact.objects.get().gone_at is not None
    assert said("--dry-run") == []
