"""What the server says of itself: version, groups, resources, health."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes import answers
from tests.support.kubernetes.http import Response, as_json
from tests.support.kubernetes.kinds import REVIEWS, VERBS, Kind, Kinds

VERSION = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "0" * 40, "gitTreeState": "clean",
    "buildDate": "2026-06-01T00:00:00Z", "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip


def answer(kinds: Kinds, path: str) -> Response:
    """
    Raises:
        Refusal: 404.
    """
    parts = [part for part in path.split("/") if part]
    if path in {"/healthz", "/livez", "/readyz"}:
        return Response(200, b"ok", "text/plain; charset=utf-8")
    if parts == ["version"]:
        return as_json(200, VERSION)
    if parts == ["api"]:
        return as_json(200, {"kind": "APIVersions", "versions": ["v1"]})
    groups = _groups(kinds)
    if parts == ["apis"]:
        found = [_group(name, versions) for name, versions in sorted(groups.items()) if name]
        return as_json(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": found})
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in groups:
        return as_json(200, {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])})
    group, version = ("", parts[1]) if parts[:1] == ["api"] and len(parts) == 2 else ("", "")
    if parts[:1] == ["apis"] and len(parts) == 3:
        group, version = parts[1], parts[2]
    resources = [
        line for kind in kinds.all() if (kind.group, kind.version) == (group, version) for line in _lines(kind)
    ]
    if not resources:
        raise answers.no_such_path()
    name = f"{group}/{version}" if group else version
    return as_json(200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources})


def _groups(kinds: Kinds) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in kinds.all():
        versions = found.setdefault(kind.group, [])
        if kind.version not in versions:
            versions.append(kind.version)
    return found


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    shown = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": shown, "preferredVersion": shown[0]}


def _lines(kind: Kind) -> list[dict[str, Any]]:
    verbs = ["create"] if kind in REVIEWS else list(VERBS)
    line = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
    below = [
        {
            **line,
            "name": f"{kind.plural}/{each}",
            "singularName": "",
            "verbs": ["get"] if each == "log" else ["create", "get", "patch", "update"],
        }
        for each in kind.subresources
    ]
    return [{**line, "verbs": verbs}, *below]
