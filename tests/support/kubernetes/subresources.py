"""Evictions, tokens, bindings, scales, and the reviews that store nothing."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes import answers, bodies, patches, pods
from tests.support.kubernetes.budgets import health
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.disruption import disrupt
from tests.support.kubernetes.http import Request, Response, as_json
from tests.support.kubernetes.kinds import BUDGETS, PODS, SERVICEACCOUNTS
from tests.support.kubernetes.rbac import AUDIENCE, AUTHENTICATED, Access, User
from tests.support.kubernetes.routing import Asked, Target
from tests.support.kubernetes.selectors import selects
from tests.support.kubernetes.store import Object

EVICTION = "Eviction API: evicting"


class Subresources:
    """Of pods, ServiceAccounts, and of users themselves."""

    def __init__(self, cluster: Cluster, access: Access) -> None:
        self._cluster, self._access = cluster, access

    def evict(self, target: Target, request: Request) -> Response:
        options = bodies.options(request).get("deleteOptions") or {}
        with self._cluster.store.lock:
            pod = self._cluster.store.get(PODS, target.name, target.namespace)
            if pod is None:
                raise answers.not_found(PODS, target.name)
            if not pods.terminal(pod):
                self._check_budget(pod)
                disrupt(self._cluster, pod, "EvictionByEvictionAPI", EVICTION)
            self._cluster.delete(PODS, target.name, target.namespace, grace=options.get("gracePeriodSeconds"))
        return as_json(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    def _check_budget(self, pod: Object) -> None:
        labels, namespace = pod["metadata"].get("labels") or {}, pod["metadata"]["namespace"]
        for budget in self._cluster.store.all(BUDGETS, namespace):
            if not selects(budget["spec"].get("selector"), labels):
                continue
            healthy, needed, _ = health(self._cluster, budget)
            if healthy - 1 < needed:
                name = budget["metadata"]["name"]
                message = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
                raise answers.Refusal(
                    429, "Cannot evict pod as it would violate the pod's disruption budget.", "TooManyRequests",
                    {"causes": [{"reason": "DisruptionBudget", "message": message}]},
                )  # fmt: skip

    def token(self, target: Target, request: Request) -> Response:
        body = bodies.options(request)
        spec: dict[str, Any] = body.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        if seconds < 600:
            cause = answers.invalid_value(
                "spec.expirationSeconds", str(seconds), "may not specify a duration less than 10 minutes"
            )
            kind = type(SERVICEACCOUNTS)("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest")
            raise answers.invalid(kind, target.name, [cause])
        with self._cluster.store.lock:
            account = self._cluster.store.get(SERVICEACCOUNTS, target.name, target.namespace)
            if account is None:
                raise answers.not_found(SERVICEACCOUNTS, target.name)
            audiences = tuple(spec.get("audiences") or (AUDIENCE,))
            token = self.account_token(account, seconds, audiences, spec.get("boundObjectRef"))
        given = {
            "audiences": list(audiences),
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        }
        expires = self._cluster.clock.stamp(self._cluster.clock.now() + seconds)
        metadata = {key: account["metadata"][key] for key in ("name", "namespace", "uid", "creationTimestamp")}
        kind_of = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": metadata}
        return as_json(201, {**kind_of, "spec": given, "status": {"token": token, "expirationTimestamp": expires}})

    def account_token(
        self, account: Object, seconds: float, audiences: tuple[str, ...] = (AUDIENCE,), bound: Any = None
    ) -> str:
        metadata = account["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        user = User(f"system:serviceaccount:{namespace}:{name}", groups, metadata["uid"])
        claims: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": name, "uid": metadata["uid"]}}
        if bound:
            claims[bound["kind"].lower()] = {"name": bound["name"], "uid": bound.get("uid", "")}
        return self._access.issue(user, seconds, audiences, {"kubernetes.io": claims})

    def scale(self, target: Target, request: Request) -> Response:
        """GET, PATCH and PUT of the scale of a Deployment or a ReplicaSet."""
        with self._cluster.store.lock:
            found = self._cluster.store.get(target.kind, target.name, target.namespace)
            if found is None:
                raise answers.not_found(target.kind, target.name)
            if request.method != "GET":
                body = bodies.patch(request)
                shown = {"spec": {"replicas": found["spec"]["replicas"]}}
                wanted = patches.json_patch(shown, body) if isinstance(body, list) else patches.merge(shown, body)
                found = self._scaled(target, wanted["spec"]["replicas"]) or found
        metadata = {
            key: found["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        }
        labels = (found["spec"].get("selector") or {}).get("matchLabels") or {}
        status = {
            "replicas": found["status"].get("replicas", 0),
            "selector": ",".join(f"{k}={v}" for k, v in labels.items()),
        }
        kind = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata}
        return as_json(200, {**kind, "spec": {"replicas": found["spec"]["replicas"]}, "status": status})

    def _scaled(self, target: Target, replicas: int) -> Object | None:
        def change(each: Object) -> None:
            if each["spec"]["replicas"] != replicas:
                each["spec"]["replicas"] = replicas
                each["metadata"]["generation"] += 1

        return self._cluster.change(target.kind, target.name, target.namespace, change)

    def access_review(self, user: User, request: Request) -> Response:
        spec = bodies.options(request).get("spec") or {}
        found = spec.get("resourceAttributes")
        status: dict[str, Any] = {"allowed": False}
        if found is not None:
            wanted = Asked(
                found.get("group", ""), found.get("version", "v1"), found.get("resource", ""),
                found.get("namespace", ""), found.get("name", ""), found.get("subresource", ""),
                found.get("verb", ""),
            )  # fmt: skip
            why = self._access.allows(user, wanted, found.get("name", ""))
            if why is not None:
                status = {"allowed": True, **({"reason": why} if why.startswith("RBAC") else {})}
        kind = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
        return as_json(201, {**kind, "spec": spec, "status": status})

    def self_review(self, user: User) -> Response:
        info: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
        if user.uid:
            info["uid"] = user.uid
        metadata = {"creationTimestamp": self._cluster.clock.stamp()}
        kind = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": metadata}
        return as_json(201, {**kind, "status": {"userInfo": info}})

    def rules_review(self, user: User, request: Request) -> Response:
        namespace = (bodies.options(request).get("spec") or {}).get("namespace", "")
        rules = {"resourceRules": self._access.rules(user, namespace), "nonResourceRules": [], "incomplete": False}
        kind = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
        return as_json(201, {**kind, "spec": {}, "status": rules})

    def token_review(self, request: Request) -> Response:
        spec = bodies.options(request).get("spec") or {}
        known = self._access.tokens.get(spec.get("token", ""))
        wanted = tuple(spec.get("audiences") or (AUDIENCE,))
        status: dict[str, Any]
        if known is None or known.expires <= self._cluster.clock.now():
            status = {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
        elif not set(wanted) & set(known.audiences):
            which = f'token audiences ["{known.audiences[0]}"] is invalid for the target audiences ["{wanted[0]}"]'
            status = {"user": {}, "error": f"[invalid bearer token, {which}]"}
        else:
            user = {"username": known.user.name, "uid": known.user.uid, "groups": list(known.user.groups)}
            status = {
                "authenticated": True,
                "user": user,
                "audiences": [each for each in wanted if each in known.audiences],
            }
        kind = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
        return as_json(201, {**kind, "spec": spec, "status": status})
