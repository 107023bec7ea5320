from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from controlplane import env, prepared


def url() -> str:
    found = connection.settings_dict
    return f"postgresql://{found['USER']}:{quote(found['PASSWORD'])}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.mark.django_db(transaction=True)
def test_a_missing_migration_is_seen() -> None:
    assert prepared.migrations_applied(url())
    row = MigrationRecorder.Migration.objects.filter(app="common").latest("id")
    MigrationRecorder.Migration.objects.filter(id=row.id).delete()
    assert not prepared.migrations_applied(url())
    row.save(force_insert=True)
    assert prepared.migrations_applied(url())


@pytest.mark.django_db
def test_an_empty_database_is_not_prepared() -> None:
    server, _, _ = url().rpartition("/")
    assert not prepared.migrations_applied(f"{server}/postgres")


def test_static_files_are_collected_again_when_packages_change(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    assert not prepared.static_is_current()
    call_command("collectstatic", verbosity=0, interactive=False)
    prepared.static_was_collected()
    assert prepared.static_is_current()
    assert (tmp_path / "static" / "admin" / "css" / "base.css").is_file()
    monkeypatch.setattr(prepared.metadata, "distributions", lambda: [])
    assert not prepared.static_is_current()


def test_static_files_of_an_image_are_not_collected_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = env.read({"BEDPLATE_ENV_FILE": "", "BEDPLATE_STATIC_FOLDER": str(tmp_path)})
    monkeypatch.setattr(env, "current", lambda: given)
    assert prepared.static_is_current()
