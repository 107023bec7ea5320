"""The chart as the tests read it: rendered by Helm's own engine for a version of Kubernetes and a set of values."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "bedplate"
RELEASE, NAMESPACE = "bedplate", "ai"
VERSIONS = tuple(f"1.{minor}.0" for minor in range(30, 38))

Manifest = dict[str, Any]
Values = dict[str, Any]


class ChartRefused(Exception):
    """Helm did not render it; the message is what a user reads."""


@dataclass(frozen=True)
class Rendered:
    """What Helm would send to a cluster, and what it would say."""

    manifests: tuple[Manifest, ...]
    notes: str

    def of(self, kind: str) -> dict[str, Manifest]:
        """Objects of a kind by their name."""
        return {each["metadata"]["name"]: each for each in self.manifests if each["kind"] == kind}

    def one(self, kind: str, name: str) -> Manifest:
        return self.of(kind)[name]

    def pods(self) -> dict[str, Manifest]:
        """Every template of a pod, and every pod, by `<kind>/<name>` of what it belongs to."""
        found = {}
        for each in self.manifests:
            name = f"{each['kind']}/{each['metadata']['name']}"
            if each["kind"] in ("Deployment", "StatefulSet", "Job"):
                found[name] = each["spec"]["template"]
            elif each["kind"] == "Pod":
                found[name] = each
        return found


class _Strict(yaml.CSafeLoader):
    """A key that comes twice is a mistake of a template, not the later one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"twice in one mapping: {sorted(twice)} at {node.start_mark}")
        return super().construct_mapping(node, deep=deep)


@cache
def _engine() -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.deploy.helm_engine", str(CHART)]
    engine = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def leave() -> None:
        engine.communicate(timeout=10)

    atexit.register(leave)
    return engine


def _asked(**request: Any) -> Any:
    engine = _engine()
    assert engine.stdin
    assert engine.stdout
    engine.stdin.write(json.dumps(request) + "\n")
    engine.stdin.flush()
    line = engine.stdout.readline()
    assert line, "Helm's engine has ended"
    answer = json.loads(line)
    if "refused" in answer:
        raise ChartRefused(answer["refused"])
    return answer["made"]


@cache
def _rendered(texts: str, kube_version: str, options: str) -> Rendered:
    made: dict[str, str] = _asked(
        verb="render", values=json.loads(texts), kube_version=kube_version, options=json.loads(options)
    )
    manifests: list[Manifest] = []
    for path, text in sorted(made.items()):
        if path.endswith("NOTES.txt"):
            continue
        try:
            manifests += [each for each in yaml.load_all(text, Loader=_Strict) if each]
        except yaml.YAMLError as error:
            raise ChartRefused(f"{path} is no YAML: {error}\n{text}") from error
    return Rendered(tuple(manifests), next(text for path, text in made.items() if path.endswith("NOTES.txt")))


def render(
    values: Values,
    *,
    kube_version: str = "1.36.0",
    name: str = RELEASE,
    namespace: str = NAMESPACE,
    upgrade: bool = False,
) -> Rendered:
    """What an install, or an upgrade, makes of these values. Do not change what it returns: it is kept.

    Raises:
        ChartRefused: the schema or the chart says no.
    """
    options = {"name": name, "namespace": namespace, "revision": 1 + upgrade, "strict": True}
    options |= {"is_install": not upgrade, "is_upgrade": upgrade}
    return _rendered(json.dumps(values, sort_keys=True), kube_version, json.dumps(options, sort_keys=True))


def lint(values: Values, *, kube_version: str = "1.36.0") -> list[str]:
    """What `helm lint --strict` complains of."""
    report = _asked(verb="lint", values=values, kube_version=kube_version)
    complaints = [f"{each['path']}: {each['error']}" for each in report["messages"] if each["severity"] > 1]
    return [*complaints, *map(str, report["errors"])]


def merged(values: Values, **changes: Any) -> Values:
    """These values with some changed: a dotted path with `__` for the dot, `storage__url=…`."""
    found = deepcopy(values)
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return found
