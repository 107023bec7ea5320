"""Who asks, and what they may do: tokens, client certificates, Roles and their bindings."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.support.kubernetes import answers
from tests.support.kubernetes.clock import Clock
from tests.support.kubernetes.http import Request
from tests.support.kubernetes.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES, Kind
from tests.support.kubernetes.routing import Asked
from tests.support.kubernetes.store import Object, Store

AUDIENCE = "https://kubernetes.default.svc.cluster.local"
MASTERS, AUTHENTICATED, ANONYMOUS = "system:masters", "system:authenticated", "system:anonymous"
SELF_REVIEWS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
OPEN_PATHS = ("/api", "/apis", "/healthz", "/livez", "/readyz", "/openapi", "/version")


@dataclass(frozen=True)
class User:
    """Who a request comes from."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


@dataclass(frozen=True)
class Token:
    """A bearer token that the server gave."""

    user: User
    audiences: tuple[str, ...]
    expires: float


class Access:
    """Authentication and authorisation of one server."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.tokens: dict[str, Token] = {}
        self.admin = self.issue(User("kubernetes-admin", (MASTERS, AUTHENTICATED)), 10**9)

    def issue(
        self, user: User, seconds: float, audiences: tuple[str, ...] = (AUDIENCE,), claims: Mapping[str, Any] = {}
    ) -> str:
        """A new token, shaped like a JSON web token; its signature is none."""
        now = self._clock.now()
        said = {"aud": list(audiences), "exp": int(now + seconds), "iat": int(now), "iss": AUDIENCE, "sub": user.name}
        body = {**said, "jti": str(uuid.uuid4()), **claims}
        head = {"alg": "RS256", "kid": "fake"}
        parts = [base64.urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=") for part in (head, body)]
        token = ".".join([*parts, uuid.uuid4().hex])
        self.tokens[token] = Token(user, audiences, now + seconds)
        return token

    def revoke(self, token: str) -> None:
        self.tokens.pop(token, None)

    def who(self, request: Request) -> User:
        """
        Raises:
            Refusal: 401 for a token that is unknown, expired or for another audience.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            if request.client is not None:
                return User(request.client[0], (*request.client[1], AUTHENTICATED))
            return User(ANONYMOUS, ("system:unauthenticated",))
        known = self.tokens.get(token.strip())
        if scheme.lower() != "bearer" or known is None or known.expires <= self._clock.now():
            raise answers.unauthorized()
        if AUDIENCE not in known.audiences:
            raise answers.unauthorized()
        return known.user

    def check_path(self, user: User, method: str, path: str) -> None:
        """Of a path that is no resource."""
        if MASTERS in user.groups:
            return
        known = any(path == each or path.startswith(each + "/") for each in OPEN_PATHS)
        if not known or (AUTHENTICATED not in user.groups and not path.startswith(("/version", "/healthz", "/livez"))):
            verb = {"GET": "get", "POST": "post", "PUT": "put", "DELETE": "delete"}.get(method, method.lower())
            message = f'forbidden: User "{user.name}" cannot {verb} path "{path}"'
            raise answers.Refusal(403, message, "Forbidden", {})

    def check(self, user: User, wanted: Asked, name: str | None = None) -> None:
        """
        Raises:
            Refusal: 403 with the words that name verb, resource and namespace.
        """
        named = wanted.name if name is None else name
        if self.allows(user, wanted, named):
            return
        where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
        qualified = f"{wanted.plural}.{wanted.group}" if wanted.group else wanted.plural
        subject = f'{qualified} "{named}"' if named else qualified
        message = (
            f'{subject} is forbidden: User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" '
            f'in API group "{wanted.group}" {where}'
        )
        group = {"group": wanted.group} if wanted.group else {}
        details = {**({"name": named} if named else {}), **group, "kind": wanted.plural}
        raise answers.Refusal(403, message, "Forbidden", details)

    def allows(self, user: User, wanted: Asked, name: str = "") -> str | None:
        """Why it is allowed; None when it is not."""
        if MASTERS in user.groups:
            return "masters"
        if wanted.plural in SELF_REVIEWS and wanted.verb == "create" and AUTHENTICATED in user.groups:
            return "self"
        for kind, binding, role_kind, role in self._bound(user, wanted.namespace):
            if any(_permits(rule, wanted, name) for rule in role.get("rules") or ()):
                return _because(kind, binding, role_kind, user)
        return None

    def rules(self, user: User, namespace: str) -> list[Object]:
        """Of everything that the user may do there, for a SelfSubjectRulesReview."""
        found: list[Object] = [
            {
                "verbs": ["create"],
                "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
            },
            {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
        ]
        if MASTERS in user.groups:
            found.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        return found + [rule for *_, role in self._bound(user, namespace) for rule in role.get("rules") or ()]

    def _bound(self, user: User, namespace: str) -> Iterator[tuple[Kind, Object, Kind, Object]]:
        for binding in self._store.all(CLUSTERROLEBINDINGS):
            if _is_subject(user, binding, "") and (found := self._role(binding, "")):
                yield CLUSTERROLEBINDINGS, binding, *found
        if namespace:
            for binding in self._store.all(ROLEBINDINGS, namespace):
                if _is_subject(user, binding, namespace) and (found := self._role(binding, namespace)):
                    yield ROLEBINDINGS, binding, *found

    def _role(self, binding: Object, namespace: str) -> tuple[Kind, Object] | None:
        reference = binding["roleRef"]
        kind = ROLES if reference["kind"] == "Role" else CLUSTERROLES
        found = self._store.get(kind, reference["name"], namespace if kind is ROLES else "")
        return None if found is None else (kind, found)


def _is_subject(user: User, binding: Object, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        if subject["kind"] == "ServiceAccount":
            if user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}":
                return True
        elif (subject["kind"] == "User" and subject["name"] == user.name) or (
            subject["kind"] == "Group" and subject["name"] in user.groups
        ):
            return True
    return False


def _permits(rule: Mapping[str, Any], wanted: Asked, name: str) -> bool:
    if not {"*", wanted.verb} & set(rule.get("verbs") or ()):
        return False
    if not {"*", wanted.group} & set(rule.get("apiGroups") or ()):
        return False
    resources = {"*", wanted.resource}
    if wanted.subresource:
        resources.add(f"*/{wanted.subresource}")
    if not resources & set(rule.get("resources") or ()):
        return False
    names = rule.get("resourceNames") or ()
    return not names or name in names


def _because(kind: Kind, binding: Object, role_kind: Kind, user: User) -> str:
    metadata = binding["metadata"]
    where = f"{metadata['name']}/{metadata['namespace']}" if metadata.get("namespace") else metadata["name"]
    *_, namespace, name = ("", *user.name.split(":"))
    account = user.name.startswith("system:serviceaccount:")
    whom = f'ServiceAccount "{name}/{namespace}"' if account else f'User "{user.name}"'
    return f'RBAC: allowed by {kind.kind} "{where}" of {role_kind.kind} "{binding["roleRef"]["name"]}" to {whom}'
