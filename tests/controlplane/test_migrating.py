"""Migrating in place says to the database what Django's own way says, at a tenth of the work."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from controlplane.migrating import additions_in_place

pytestmark = pytest.mark.django_db
LAST = 6


def statements(steps: list[migrations.Migration], state: ProjectState) -> list[str]:
    said: list[str] = []
    for step in steps:
        with connection.schema_editor(collect_sql=True) as editor:
            state = step.apply(state, editor, collect_sql=True)
        said += editor.collected_sql
    return said


def test_the_last_migrations_say_what_they_would_say() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    before, steps = ProjectState(real_apps=executor.loader.unmigrated_apps), [step for step, _ in plan]
    for step in steps[:-LAST]:
        step.mutate_state(before, preserve=False)
    plain = statements(steps[-LAST:], before.clone())
    with additions_in_place():
        assert statements(steps[-LAST:], before.clone()) == plain
    assert [line for line in plain if line.startswith("ALTER TABLE")]


def test_code_in_a_migration_sees_what_was_added_and_nothing_else() -> None:
    seen: dict[str, Any] = {}

    def look(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        shelf, book = apps.get_model("library", "Shelf"), apps.get_model("library", "Book")
        one = book.objects.create(shelf=shelf.objects.create())
        seen["fields"] = [field.name for field in shelf._meta.get_fields()]
        seen["constraints"] = [each.name for each in book._meta.constraints]
        seen["indexes"] = [each.name for each in book._meta.indexes]
        seen["values"] = book.objects.filter(shelf__book=one).values_list("pages", "title").get()

    key = ("id", models.AutoField(primary_key=True))
    step = migrations.Migration("first", "library")
    step.operations = [
        migrations.CreateModel("Shelf", [key]),
        migrations.CreateModel("Book", [key, ("title", models.TextField(default="untitled"))]),
        migrations.AddField("Book", "shelf", models.ForeignKey("library.Shelf", models.CASCADE)),
        migrations.AddField("Book", "pages", models.IntegerField(default=7), preserve_default=False),
        migrations.RunSQL("INSERT INTO library_shelf DEFAULT VALUES"),
        migrations.AddField("Shelf", "room", models.IntegerField(default=3), preserve_default=False),
        migrations.AddConstraint("Book", models.CheckConstraint(condition=models.Q(pages__gt=0), name="some_pages")),
        migrations.AddConstraint("Book", models.UniqueConstraint(fields=["title"], name="one_title")),
        migrations.RemoveConstraint("Book", "one_title"),
        migrations.AddIndex("Book", models.Index(fields=["pages"], name="by_pages")),
        migrations.AddField("Book", "code", models.IntegerField(default=1, unique=True)),
        migrations.AddConstraint("Book", models.UniqueConstraint(fields=["code"], name="one_code")),
        migrations.AlterField("Book", "code", models.IntegerField(default=1)),
        migrations.AlterField("Book", "pages", models.IntegerField(default=9)),
        migrations.AlterField("Shelf", "room", models.IntegerField(default=4)),
        migrations.RunPython(look),
    ]
    with additions_in_place(), connection.schema_editor() as editor:
        state = step.apply(ProjectState(), editor)
    assert seen == {
        "fields": ["book", "id", "room"],
        "constraints": ["some_pages", "one_code"],
        "indexes": ["by_pages"],
        "values": (9, "untitled"),
    }
    assert state.models["library", "book"].fields["pages"].default == 9
    with connection.cursor() as cursor:
        cursor.execute("SELECT room FROM library_shelf ORDER BY id")
        assert cursor.fetchall() == [(3,), (4,)]
        found = connection.introspection.get_constraints(cursor, "library_book")
    unique = [name for name, one in found.items() if one["unique"] and not one["primary_key"]]
    assert unique == ["one_code"], "neither what was taken back nor that of the field itself"
    assert {"some_pages", "by_pages"} <= set(found)


def test_django_is_as_it_was_afterwards() -> None:
    before = dict(vars(ProjectState))
    with additions_in_place():
        assert dict(vars(ProjectState)) != before
    assert dict(vars(ProjectState)) == before
