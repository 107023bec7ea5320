"""The admin shows every noun, changes none, and hides what is of other projects."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.states import Role
from tests.support.factories.access import UserFactory, member
from tests.support.factories.datasets import (
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    LineageEdgeFactory,
    ProfileFactory,
    RecipeFactory,
    SourceFactory,
)

pytestmark = pytest.mark.django_db
FACTORIES: list[Any] = [
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    LineageEdgeFactory,
    ProfileFactory,
    RecipeFactory,
    SourceFactory,
]


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory._meta.model.__name__)
def test_rows_are_shown_and_not_changed(factory: Any) -> None:
    row = factory.create()
    name = row._meta.model_name
    page, rows = (reverse(f"admin:datasets_{name}_change", args=[row.pk]), reverse(f"admin:datasets_{name}_changelist"))
    superuser, staff, stranger = Client(), Client(), Client()
    superuser.force_login(UserFactory.create(is_superuser=True, is_staff=True))
    staff.force_login(member(row.project, Role.VIEWER, is_staff=True))
    stranger.force_login(UserFactory.create(is_staff=True))

    assert [client.get(page).status_code for client in (superuser, staff, stranger)] == [200, 200, 404]
    assert str(row.pk) in superuser.get(rows).content.decode()
    assert str(row.pk) not in stranger.get(rows).content.decode()
    assert superuser.post(page, {"name": "other"}).status_code == 403
    assert superuser.post(reverse(f"admin:datasets_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()
