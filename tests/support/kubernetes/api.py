"""A request's way through the server: faults, who asks, may they, and then the verb."""

from __future__ import annotations

from tests.support.kubernetes import answers, discovery, reading, routing
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.faults import Fault, Faults
from tests.support.kubernetes.http import Dropped, Request, Response, as_json
from tests.support.kubernetes.kinds import (
    REVIEWS,
    SELF_ACCESS_REVIEWS,
    SELF_REVIEWS,
    SELF_RULES_REVIEWS,
)
from tests.support.kubernetes.kubelet import Kubelet
from tests.support.kubernetes.podlogs import Logs
from tests.support.kubernetes.proxying import Proxy
from tests.support.kubernetes.rbac import Access, User
from tests.support.kubernetes.routing import Asked, Target
from tests.support.kubernetes.subresources import Subresources
from tests.support.kubernetes.watch import watch
from tests.support.kubernetes.writing import Writer


class Api:
    """Answers requests."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        self._cluster = cluster
        self.access = Access(cluster.store, cluster.clock)
        self.faults = Faults(cluster.store.changed)
        self.writer = Writer(cluster)
        self.failures: list[Exception] = []
        """What went wrong in answering; the server raises the first when it closes."""
        self.logs = Logs(cluster, kubelet)
        self.proxy = Proxy(cluster)
        self.subresources = Subresources(cluster, self.access)

    def answer(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except answers.Refusal as refusal:
            return as_json(refusal.code, refusal.body(), refusal.headers)
        except Dropped:
            raise
        except Exception as error:
            self.failures.append(error)
            refusal = answers.Refusal(500, f"Internal error occurred: {error!r}", "InternalError", {})
            return as_json(500, refusal.body())

    def _answer(self, request: Request) -> Response:
        wanted = routing.asked(request)
        if wanted is None:
            user = self.access.who(request)
            self.access.check_path(user, request.method, request.path)
            return discovery.answer(self._cluster.kinds, request.path)
        fault = self.faults.take(wanted)
        user_name, status = "", 0
        try:
            if fault is not None and (early := self.faults.before(fault)) is not None:
                status = early.status
                return early
            user = self.access.who(request)
            user_name = user.name
            response = self._acted(request, wanted, user)
            status = response.status
            return self._late(fault, response)
        except answers.Refusal as refusal:
            status = refusal.code
            return self._late(fault, as_json(refusal.code, refusal.body(), refusal.headers))
        finally:
            self.faults.count(wanted, user_name, status)

    def _late(self, fault: Fault | None, response: Response) -> Response:
        return response if fault is None else self.faults.after(fault, response)

    def _acted(self, request: Request, wanted: Asked, user: User) -> Response:
        self.access.check(user, wanted, self._name_asked(request, wanted))
        target = routing.find(self._cluster.kinds, request, wanted)
        if target.kind in REVIEWS:
            return self._review(request, target, user)
        if target.subresource and target.subresource not in {"status", "finalize"}:
            return self._subresource(request, target)
        return self._verb(request, target, user)

    @staticmethod
    def _name_asked(request: Request, wanted: Asked) -> str | None:
        """A list or watch of one name by a field selector is checked as that name."""
        selector = request.query.get("fieldSelector", "")
        if wanted.verb in {"list", "watch"} and selector.startswith("metadata.name=") and "," not in selector:
            return selector.partition("=")[2].lstrip("=")
        return None

    def _verb(self, request: Request, target: Target, user: User) -> Response:
        cluster = self._cluster
        if target.verb == "get":
            return reading.get(cluster, target, request.query)
        if target.verb == "list":
            return reading.listed(cluster, target, request.query)
        if target.verb == "watch":
            return self._watch(request, target)
        if target.verb == "create":
            return self.writer.create(request, target)
        if target.verb == "update":
            return self.writer.update(request, target)
        if target.verb == "patch":
            return self.writer.patch(request, target, lambda verb: self._check_too(user, target, verb))
        if target.verb == "delete":
            return self.writer.delete(request, target)
        matches = reading.chosen(target.kind, request.query)
        found = [obj for obj in cluster.store.all(target.kind, target.namespace) if all(test(obj) for test in matches)]
        return self.writer.delete_collection(target, found, request)

    def _check_too(self, user: User, target: Target, verb: str) -> None:
        wanted = Asked(
            target.group, target.version, target.plural, target.namespace, target.name, target.subresource, verb
        )
        self.access.check(user, wanted)

    def _watch(self, request: Request, target: Target) -> Response:
        fault = self.faults.opened(target.plural)
        try:
            response = watch(self._cluster, target, request.query, fault)
        except answers.Refusal:
            self.faults.ended(fault)
            raise
        response.after = lambda: self.faults.ended(fault)
        return response

    def _review(self, request: Request, target: Target, user: User) -> Response:
        if target.kind is SELF_ACCESS_REVIEWS:
            return self.subresources.access_review(user, request)
        if target.kind is SELF_REVIEWS:
            return self.subresources.self_review(user)
        if target.kind is SELF_RULES_REVIEWS:
            return self.subresources.rules_review(user, request)
        return self.subresources.token_review(request)

    def _subresource(self, request: Request, target: Target) -> Response:
        if target.subresource == "log":
            fault = self.faults.opened("pods/log")
            try:
                response = self.logs.get(target, request.query, fault)
            except answers.Refusal:
                self.faults.ended(fault)
                raise
            if response.stream is None:
                self.faults.ended(fault)
            else:
                response.after = lambda: self.faults.ended(fault)
            return response
        if target.subresource == "proxy":
            return self.proxy.get(target, request)
        if target.subresource == "eviction":
            return self.subresources.evict(target, request)
        if target.subresource == "token":
            return self.subresources.token(target, request)
        if target.subresource == "scale":
            return self.subresources.scale(target, request)
        raise answers.no_such_path()
