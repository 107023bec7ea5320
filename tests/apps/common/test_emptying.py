"""What a test that commits leaves behind is gone before the next one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import TransactionTestCase

from apps.quotas.models import PriorityClass
from tests.support.emptying import KEPT, empty_database
from tests.support.factories.datasets import DatasetVersionFactory
from tests.support.factories.quotas import LogChunkFactory, UsageRecordFactory

pytestmark = pytest.mark.django_db(transaction=True)


def rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            found[name] = cursor.fetchone()[0]
    return {name: count for name, count in found.items() if count}


def test_all_rows_go_but_what_migrations_made() -> None:
    """Rows that nobody may delete are among them, and rows that others point at."""
    made = {name: list(PriorityClass.objects.order_by("pk").values_list(name, flat=True)) for name in ("name", "value")}
    PriorityClass.objects.filter(name="high").update(value=7)
    LogChunkFactory.create()
    UsageRecordFactory.create()
    DatasetVersionFactory.create()
    before = rows()
    assert len(before) > 10
    empty_database(TransactionTestCase())
    assert rows() == {name: before[name] for name in (*KEPT, PriorityClass._meta.db_table)}
    assert sorted(made["name"]) == ["high", "low", "normal"]
    found = {name: list(PriorityClass.objects.order_by("pk").values_list(name, flat=True)) for name in made}
    assert found == made


def test_permissions_that_a_test_changed_are_made_anew() -> None:
    before = Permission.objects.count()
    Permission.objects.filter(codename="view_user").delete()
    empty_database(TransactionTestCase())
    assert Permission.objects.filter(codename="view_user").exists()
    assert Permission.objects.count() == before
