"""Which object or list a path of the API names, and which verb a request asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.kubernetes import answers
from tests.support.kubernetes.http import Request
from tests.support.kubernetes.kinds import NAMESPACES, Kind, Kinds


@dataclass(frozen=True)
class Asked:
    """A path as RBAC reads it, whether there is such a kind or not."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    subresource: str
    verb: str
    """create, get, list, watch, update, patch, delete, deletecollection."""

    @property
    def resource(self) -> str:
        """As RBAC and counters name it: `pods`, `pods/log`."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


@dataclass(frozen=True)
class Target(Asked):
    """What a request is about, of a kind that there is."""

    kind: Kind


_ONE = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MANY = {"GET": "list", "POST": "create", "DELETE": "deletecollection", "PUT": "update", "PATCH": "patch"}
_POSTED = {"eviction", "token", "binding"}
_READ = {"log", "proxy"}


def asked(request: Request) -> Asked | None:
    """Of a path under /api or /apis that names a resource; None: of another path."""
    parts = [part for part in request.path.split("/") if part]
    if not parts or parts[0] not in {"api", "apis"}:
        return None
    group, rest = ("", parts[1:]) if parts[0] == "api" else ("".join(parts[1:2]), parts[2:])
    if len(rest) < 2:
        return None
    version, rest, namespace = rest[0], rest[1:], ""
    if rest[0] == "namespaces" and len(rest) > 2 and (group or rest[2] not in NAMESPACES.subresources):
        namespace, rest = rest[1], rest[2:]
    elif rest[0] == "namespaces" and len(rest) > 1 and not group:
        namespace = rest[1]
    name = rest[1] if len(rest) > 1 else ""
    part = "proxy" if rest[2:3] == ["proxy"] else "/".join(rest[2:])  # what follows is a path of the pod's own
    watches = request.query.get("watch", "").lower() in {"true", "1"}
    verb = (_ONE if name else _MANY).get(request.method, request.method.lower())
    return Asked(group, version, rest[0], namespace, name, part, "watch" if watches and verb == "list" else verb)


def find(kinds: Kinds, request: Request, wanted: Asked) -> Target:
    """
    Raises:
        Refusal: 404 for a kind that there is not, 405 for a method that it does not have.
    """
    kind = kinds.find(wanted.group, wanted.version, wanted.plural)
    if kind is None or (wanted.subresource and wanted.subresource not in kind.subresources):
        raise answers.no_such_path()
    if wanted.namespace and not kind.namespaced and kind is not NAMESPACES:
        raise answers.no_such_path()
    allowed = {"POST"} if wanted.subresource in _POSTED else {"GET"} if wanted.subresource in _READ else set(_ONE)
    if not wanted.subresource and wanted.name:
        allowed = set(_ONE) - {"POST"}
    elif not wanted.name:
        outside = kind.namespaced and not wanted.namespace
        allowed = {"GET"} if outside else {"GET", "POST", "DELETE"}
    if request.method not in allowed:
        raise answers.method_not_allowed()
    namespace = wanted.namespace if kind.namespaced else ""
    return Target(
        wanted.group, wanted.version, wanted.plural, namespace, wanted.name, wanted.subresource, wanted.verb, kind
    )
