"""The tree as the architecture tests see it: modules, their imports, the doors of ARCHITECTURE §3."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("controlplane", "apps", "workers")
APPS = ("common", "access", "quotas", "datasets", "experiments", "deployments")

_COMMON = {"apps.common"}
_ACCESS = {"apps.access", *_COMMON}
_QUOTAS = {"apps.quotas", "workers.contracts", *_ACCESS}
_DATASETS = {"apps.datasets", *_QUOTAS}
_EXPERIMENTS = {"apps.experiments", *_DATASETS}
_ALL_APPS = {"apps.deployments", *_EXPERIMENTS}

DOORS: dict[str, set[str]] = {
    "workers.contracts": set(),
    "workers.runtime": {"workers.contracts"},
    "workers.backends": {"workers.contracts"},
    "apps.common": set(),
    "apps.access": _COMMON,
    "apps.quotas": {*_ACCESS, "workers.contracts"},
    "apps.datasets": _QUOTAS,
    "apps.experiments": _DATASETS,
    "apps.deployments": _EXPERIMENTS,
    "workers.dispatch": {"apps.quotas", "apps.access", "apps.common", "workers.backends", "workers.contracts"},
    "workers.tasks": {"workers.dispatch", *_ALL_APPS},
    "controlplane": {*_ALL_APPS, "workers.contracts", "workers.backends", "workers.dispatch", "workers.tasks"},
}
"""room → the other rooms it may import."""

OPEN_TO_OTHER_APPS = {"models", "services", "selectors", "states", "permissions"}
"""What one app may import of another."""

LAYERS = {
    "models": {"models", "states"},
    "states": {"states"},
    "services": {"services", "selectors", "specs", "models", "states", "permissions"},
    "selectors": {"selectors", "specs", "models", "states", "permissions"},
    "specs": {"specs", "models", "states"},
    "permissions": {"permissions", "selectors", "services", "models", "states"},
    "live": {"live", "models", "selectors", "states"},
    "lineage": {"lineage", "models", "states"},
    "invariants": {"invariants", "services", "selectors", "specs", "models", "states", "permissions"},
}
"""Inside an app: room → rooms of the same app it may import; the pure package counts as allowed for services."""

PURE_PACKAGES = {"quotas": "scheduling", "datasets": "recipes", "experiments": "search", "deployments": "analysis"}


@dataclass(frozen=True)
class Import:
    """One import statement's target."""

    module: str
    """Importing module, dotted."""
    target: str
    """Imported module, dotted; for `from a import b` both `a` and `a.b` may be modules: `a.b` where it is one."""
    line: int
    inner: bool
    """Inside a function."""
    typing_only: bool
    """Under `if TYPE_CHECKING`."""

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def files() -> Iterator[Path]:
    """Every shipped Python file, without migrations."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a Python file: each is parsed and walked once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> frozenset[str]:
    return frozenset(module_name(path) for path in files())


def room(module: str) -> str:
    """`apps.quotas.services.x` → `apps.quotas`; `controlplane.urls` → `controlplane`."""
    parts = module.split(".")
    return parts[0] if parts[0] == "controlplane" else ".".join(parts[:2])


@cache
def imports() -> tuple[Import, ...]:
    """Every import in the tree."""
    return tuple(found for path in files() for found in _imports_of(path))


def _imports_of(path: Path) -> Iterator[Import]:
    module = module_name(path)
    inner = {
        id(x)
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for x in ast.walk(node)
    }
    typing = {
        id(x)
        for node in nodes(path)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for x in ast.walk(node)
    }
    for node in nodes(path):
        for target in _targets(node, module, path.name == "__init__.py"):
            yield Import(module, target, node.lineno, id(node) in inner, id(node) in typing)  # type: ignore[attr-defined]


def _targets(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            keep = module.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
            base = ".".join([*keep, *([base] if base else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in modules() else base
