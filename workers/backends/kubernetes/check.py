"""Whether a cluster can be used as it was described: its address, its version, and what the account may do there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes import rights
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import ClusterConnection
from workers.backends.kubernetes.operators import crds, installed
from workers.backends.kubernetes.operators.choice import operators_of
from workers.backends.kubernetes.refusal import Refusal, Unreachable, status_of
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.kubeconfig import KubeconfigRefused

OLDEST: Final = (1, 30)
"""The first version whose Jobs do all that is asked of them."""
SOON: Final = timedelta(days=14)
LEAST_PER_SECOND: Final = 20.0
"""A check asks some fifty things, now and then: a cluster that is otherwise asked less is not to look silent for it."""
CODES: Final = {"tls": "tls", "unauthorised": "unauthorised"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    code: str
    """`unreachable`, `tls`, `unauthorised`, `expired`, `expires_soon`, `bad_credentials`, `not_kubernetes`, `too_old`,
    `missing_permission`, `missing_crd`."""
    sentence: str
    params: dict[str, str] = field(default_factory=dict)
    blocking: bool = True
    """False for a warning: jobs run all the same."""


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """What was found."""

    version: str
    """`v1.36.2`; empty when it did not say."""
    problems: tuple[Problem, ...] = ()

    @property
    def healthy(self) -> bool:
        return not any(problem.blocking for problem in self.problems)


def check_cluster(
    connection: ClusterConnection,
    site: ClusterSite,
    *,
    namespaces: Sequence[str] = (),
    timeout_seconds: float = 10.0,
) -> ClusterCheck:
    """Ask a cluster what it is and what we may do. Never raises; takes as long as it may at most.

    Args:
        namespaces: where the rights must be, when they need not be everywhere.
    """
    problems: list[Problem] = []
    version = ""
    try:
        problems += _expiry(connection)
        rate = max(connection.requests_per_second, LEAST_PER_SECOND)
        api = Api.of(replace(connection, requests_per_second=rate)).within(timeout_seconds)
        try:
            version = _version(api)
            problems += _age(version)
            if version:
                problems += _missing(api, site, namespaces)
                problems += _absent(api, site)
        finally:
            api.transport.close()
    except Unreachable as error:
        if not (error.cause == "unauthorised" and any(problem.code == "expired" for problem in problems)):
            problems.append(Problem(CODES.get(error.cause, "unreachable"), str(error)))
    except (BackendUnavailable, KubeconfigRefused) as error:
        problems.append(Problem("bad_credentials", str(error)))
    except Refusal as refusal:
        problems.append(_not_kubernetes(connection, refusal))
    return ClusterCheck(version, tuple(problems))


def _version(api: Api) -> str:
    """Empty: whoever answers there is no API server."""
    found: dict[str, Any] = status_of(api.get("/version"))
    version = found.get("gitVersion")
    return version if isinstance(version, str) else ""


def _age(version: str) -> list[Problem]:
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None:
        return [Problem("not_kubernetes", "What answers there is no API server of Kubernetes: it has no version.")]
    if (int(found[1]), int(found[2])) >= OLDEST:
        return []
    oldest = ".".join(map(str, OLDEST))
    sentence = f"The cluster has version {version}; jobs need {oldest} or a later one."
    return [Problem("too_old", sentence, {"version": version, "oldest": oldest})]


def _not_kubernetes(connection: ClusterConnection, refusal: Refusal) -> Problem:
    sentence = f"{connection.server} does not answer as an API server of Kubernetes does: {refusal}"
    return Problem("not_kubernetes", sentence)


def _expiry(connection: ClusterConnection) -> list[Problem]:
    at, now = connection.expires_at(), datetime.now(UTC)
    if at is None or at > now + SOON:
        return []
    written = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    if at <= now:
        return [Problem("expired", f"The credentials expired at {written}.", {"at": written})]
    sentence = f"The credentials expire at {written}; until then put others in their place."
    return [Problem("expires_soon", sentence, {"at": written}, blocking=False)]


def _missing(api: Api, site: ClusterSite, namespaces: Sequence[str]) -> list[Problem]:
    """What the account may not do. Asking needs no right."""
    found = []
    needed = rights.needed(makes_namespaces=site.makes_namespaces)
    for right in (*needed, *rights.of_operators(site), *rights.of_dcgm(site)):
        for namespace in _where(right, namespaces):
            resource, _, subresource = right.resource.partition("/")
            asked = {
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "verb": right.verb,
                "namespace": namespace,
            }
            if not api.review({name: text for name, text in asked.items() if text}):
                found.append(_may_not(right, namespace))
    return found


def _where(right: rights.Right, namespaces: Sequence[str]) -> Sequence[str]:
    if right.namespace:
        return [right.namespace]
    return [""] if right.cluster_wide or not namespaces else namespaces


def _absent(api: Api, site: ClusterSite) -> list[Problem]:
    """Kinds of others' operators that the options ask for and the cluster does not have."""
    asked = [kind for each in operators_of(site) for kind in (each.resource, *each.needs)]
    absent = [kind for kind in asked if not installed.is_served(api, kind)]
    if site.operators.queue and not installed.kueue_version(api):
        absent.append(crds.workloads(crds.KUEUE_VERSIONS[0]))
    return [Problem("missing_crd", crds.absent(kind), {"crd": crds.crd(kind)}) for kind in absent]


def _may_not(right: rights.Right, namespace: str) -> Problem:
    place = f"in {namespace}" if namespace else "in the cluster" if right.cluster_wide else "in all namespaces"
    params = {"group": right.group, "resource": right.resource, "verb": right.verb, "namespace": namespace}
    blocking = right.part != rights.QUOTAS
    return Problem("missing_permission", f"The account may not {right.text} {place}.", params, blocking=blocking)
