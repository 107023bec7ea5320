"""Names and labels of objects on a cluster, derived from ids and from names that people chose. Pure.

Two different ids or names never get the same name here: where a name must be changed or cut to be legal, a hash of
what it was follows, and no name that could be kept as it was looks like one with a hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final
from uuid import UUID

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.contracts.launch import LaunchContext

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "bedplate"
"""Value of `MANAGED_BY`, and the field manager of what is applied."""
INSTALLATION: Final = "bedplate.io/installation"
ATTEMPT: Final = "bedplate.io/attempt"
WORKLOAD: Final = "bedplate.io/workload"
KIND: Final = "bedplate.io/kind"
ORGANISATION: Final = "bedplate.io/organisation"
TEAM: Final = "bedplate.io/team"
PROJECT: Final = "bedplate.io/project"

STOP: Final = "bedplate.io/stop"
"""Annotation of a Job or Deployment: the order to stop it was given."""
NEVER: Final = "bedplate.io/never"
"""Annotation of what starts nothing. `"true"`: it was stopped before anybody submitted it; `DELETED`."""
DELETED: Final = "deleted"
"""Value of `NEVER`: it takes the place of one that somebody deleted."""

JOB_NAME: Final = "batch.kubernetes.io/job-name"
COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
HOSTNAME: Final = "kubernetes.io/hostname"

SERVICE_ACCOUNT: Final = "bedplate-job"
MAIN: Final = "main"
PREPARE: Final = "prepare"

LABEL_BYTES: Final = 63
_HASH_BYTES: Final = 13
_HASHED: Final = re.compile("(?:.*-)?x[0-9a-f]{12}")
"""What ends in a hash. Its first letter is in no UUID, so these stay as they are."""
_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]+")
_NOT_VALUE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def object_name(attempt_id: str) -> str:
    """Name of Job, Deployment, Service and Secret of an attempt: 35 characters, also legal with `-<rank>` after it.

    Raises:
        LaunchRefused: this is no UUID, in its usual form.
    """
    if not _UUID.fullmatch(attempt_id):
        raise LaunchRefused(f"The attempt id {attempt_id!r} cannot name a job.")
    return f"bp-{attempt_id.replace('-', '')}"


def attempt_of(name: str) -> str | None:
    """The attempt id in the name of an object; None for a name that is not of ours."""
    prefix, _, digits = name.partition("-")
    return str(UUID(digits)) if prefix == "bp" and re.fullmatch("[0-9a-f]{32}", digits) else None


def namespace_of(tenant: Tenant, site: ClusterSite) -> str:
    """Namespace of a project: a DNS label, `<prefix>-<organisation>-<project>` where that is one and says both."""
    exact = (site.namespace_prefix, tenant.organisation, tenant.project)
    parts = [_NOT_NAME.sub("-", part.lower()).strip("-") for part in exact]
    name = "-".join(filter(None, parts))
    said = tuple(parts) == exact and all(parts) and "-" not in tenant.organisation
    return _kept_or_hashed(name, exact, keep=said)


def dns_name(*parts: str) -> str:
    """One DNS label of several names, `<part>-<part>`; of names that say it otherwise, with a hash."""
    legal = [_NOT_NAME.sub("-", part.lower()).strip("-") for part in parts]
    said = tuple(legal) == parts and all(legal) and not any("-" in part for part in parts[:-1])
    return _kept_or_hashed("-".join(filter(None, legal)), parts, keep=said)


def label_value(text: str) -> str:
    """A legal value of a label for any text: the text itself where it is one."""
    value = _NOT_VALUE.sub("-", text).strip("-_.")
    return _kept_or_hashed(value, (text,), keep=value == text)


def _kept_or_hashed(name: str, exact: tuple[str, ...], *, keep: bool) -> str:
    if keep and len(name) <= LABEL_BYTES and not _HASHED.fullmatch(name):
        return name
    digest = "x" + hashlib.sha256(json.dumps(exact).encode()).hexdigest()[: _HASH_BYTES - 1]
    room = LABEL_BYTES - _HASH_BYTES - 1
    return "-".join(filter(None, (name[:room].rstrip("-_."), digest)))


def tenant_of(launch: LaunchContext) -> Tenant:
    """The project of a launch. Raises LaunchRefused: its labels do not name one."""
    try:
        return Tenant(launch.labels["organisation"], launch.labels["team"], launch.labels["project"])
    except KeyError as error:
        raise LaunchRefused(f"The launch does not say its {error.args[0]}, so it has no namespace.") from None


def owner_labels(tenant: Tenant, site: ClusterSite) -> dict[str, str]:
    """Labels of everything that this installation makes for a project."""
    return {
        MANAGED_BY: MANAGER,
        INSTALLATION: label_value(site.installation),
        ORGANISATION: label_value(tenant.organisation),
        TEAM: label_value(tenant.team),
        PROJECT: label_value(tenant.project),
    }


def attempt_labels(kind: str, launch: LaunchContext, site: ClusterSite) -> dict[str, str]:
    """Labels of everything of an attempt: its Job or Deployment, its pods, and what goes with them."""
    return {
        **owner_labels(tenant_of(launch), site),
        ATTEMPT: launch.attempt_id,
        WORKLOAD: label_value(launch.workload_id),
        KIND: kind,
    }


def installation_selector(site: ClusterSite) -> str:
    """Label selector of all that this installation has on a cluster."""
    return f"{MANAGED_BY}={MANAGER},{INSTALLATION}={label_value(site.installation)}"


def is_ours(labels: dict[str, str] | None, site: ClusterSite, attempt_id: str = "") -> bool:
    """Whether labels say that an object is of this installation, and, where one is given, of that attempt."""
    found = labels or {}
    ours = found.get(MANAGED_BY) == MANAGER and found.get(INSTALLATION) == label_value(site.installation)
    return ours and (not attempt_id or found.get(ATTEMPT) == attempt_id)
