"""Doors of ARCHITECTURE §3: which room may import which."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from django.apps import apps as django_apps

from tests.architecture.tree import (
    APPS,
    DOORS,
    LAYERS,
    OPEN_TO_OTHER_APPS,
    PACKAGES,
    PURE_PACKAGES,
    ROOT,
    Import,
    files,
    imports,
    module_name,
    modules,
    nodes,
    room,
)


def _own(target: str) -> bool:
    return target.split(".")[0] in PACKAGES


def _is_command(module: str) -> bool:
    return module.startswith("controlplane.management.commands.")


def test_every_import_goes_through_a_door() -> None:
    wrong = [
        str(found)
        for found in imports()
        if _own(found.target)
        and room(found.target) != room(found.module)
        and room(found.target) not in DOORS.get(room(found.module), set())
        and not (_is_command(found.module) and room(found.target) != "controlplane")
    ]
    assert wrong == []


def test_every_room_has_its_doors_written_down() -> None:
    packages = {"apps", "workers"}
    assert {room(module) for module in modules() if module not in packages} == set(DOORS)


def test_other_apps_import_only_the_open_rooms() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.module.startswith("apps.")
        and found.target.startswith("apps.")
        and room(found.module) != room(found.target)
        and room(found.target) != "apps.common"
        and found.target.split(".")[2:3] not in [[name] for name in OPEN_TO_OTHER_APPS]
    ]
    assert wrong == []


def test_layers_inside_an_app() -> None:
    wrong = []
    for found in imports():
        if not found.module.startswith("apps.") or room(found.target) != room(found.module):
            continue
        app, layer = found.module.split(".")[1], [*found.module.split("."), ""][2]
        if app == "common" or layer not in LAYERS:
            continue
        target = [*found.target.split("."), "", ""][2]
        if target not in LAYERS[layer] and not (
            target == PURE_PACKAGES.get(app) and layer in {"services", "selectors"}
        ):
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("app, package", PURE_PACKAGES.items())
def test_pure_packages_import_neither_django_nor_the_clock(app: str, package: str) -> None:
    prefix = f"apps.{app}.{package}"
    wrong = [
        str(found)
        for found in imports()
        if (found.module == prefix or found.module.startswith(prefix + "."))
        and (
            found.target.split(".")[0] in {"django", "rest_framework", "celery", "time"}
            or (_own(found.target) and not found.target.startswith((prefix, "workers.contracts")))
        )
    ]
    assert wrong == []


def test_contracts_and_wrapper_use_the_standard_library_only() -> None:
    def foreign(found: Import) -> bool:
        top = found.target.split(".")[0]
        ours = ("workers.contracts", "workers.runtime.wrapper", "workers.runtime.prepare")
        return top not in sys.stdlib_module_names and not found.target.startswith(ours)

    wrong = [
        str(found)
        for found in imports()
        if found.module.startswith(("workers.contracts", "workers.runtime.wrapper", "workers.runtime.prepare"))
        and foreign(found)
    ]
    assert wrong == []


def test_no_import_inside_a_function_and_no_star() -> None:
    assert [str(found) for found in imports() if found.inner] == []
    stars = [
        f"{module_name(path)}:{node.lineno}"
        for path in files()
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and any(alias.name == "*" for alias in node.names)
        and "settings" not in path.parts
    ]
    assert stars == []


def test_no_signals_and_no_lazy_model_lookup() -> None:
    words = ("django.db.models.signals", "get_model(", "post_save", "pre_save", "m2m_changed")
    wrong = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files()
        for word in words
        if path.is_relative_to(ROOT / "apps") and word in path.read_text()
    ]
    assert wrong == []


def test_only_env_reads_the_environment() -> None:
    allowed = {
        "controlplane.env",
        "workers.runtime.context",
        "workers.runtime.prepare",
        "workers.runtime.wrapper",
        "workers.runtime.wrapper_facts",
        "workers.runtime.wrapper_place",
        "workers.runtime.wrapper_reporting",
    }
    wrong = [
        module_name(path)
        for path in files()
        if module_name(path) not in allowed and any(word in path.read_text() for word in ("os.environ", "os.getenv"))
    ]
    assert wrong == []


def test_relations_do_not_cross_a_door() -> None:
    """A string foreign key would slip past the import contracts."""
    wrong = []
    for app in APPS:
        for model in django_apps.get_app_config(app).get_models():
            for relation in model._meta.get_fields():
                other = relation.related_model if relation.is_relation and not relation.auto_created else None
                label = other._meta.app_label if other is not None and not isinstance(other, str) else app
                if label in APPS and label != app and f"apps.{label}" not in DOORS[f"apps.{app}"]:
                    wrong.append(f"{model.__name__}.{relation.name} → {label}")
    assert wrong == []


_WITHOUT_DJANGO = """
import importlib, pkgutil, sys
for name in ("django", "rest_framework", "celery"):
    sys.modules[name] = None
import workers.contracts, workers.runtime, workers.backends
for package in (workers.contracts, workers.runtime, workers.backends):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print("ok")
"""


def test_runtime_and_backends_import_where_django_cannot() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_DJANGO], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr[-2000:]


_WEB = """
import django, sys
django.setup()
import controlplane.asgi
print(sorted(name for name in ("torch", "daft", "duckdb", "kubernetes", "onnxruntime", "workers.backends.local")
             if name in sys.modules))
"""


def test_web_process_loads_no_heavy_library() -> None:
    done = subprocess.run([sys.executable, "-c", _WEB], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr[-2000:]
