"""The panel's first page: the state of the installation at a glance, as far as its reader may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.models import ApiToken, ApprovalRequest, Project, User
from apps.access.selectors import audit_visible_to
from apps.access.services.deciding import approvals_to_decide, with_bars
from apps.access.states import ApprovalState, TokenState
from apps.common import clock
from apps.common.models import AuditEvent
from apps.common.templatetags.times import duration
from apps.datasets.models import Dataset
from apps.deployments.models import Revision
from apps.deployments.states import RevisionState
from apps.experiments.models import Run
from apps.quotas.models import Node, ResourcePool, Workload
from apps.quotas.selectors.usage import Capacity, Summary, workload_summary
from apps.quotas.states import WorkloadState
from controlplane.panel.health import Part, parts
from controlplane.panel.vitals import database_vitals, publisher_lag, redis_vitals

LIST_MOST = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with what it means and where it leads."""

    title: str
    value: int
    note: str
    url: str
    tone: str = ""
    """A state's colour; nothing is none of it."""


@dataclass(slots=True)
class Overview:
    figures: list[Figure]
    capacity: list[Capacity]
    machines: bool
    """Some machine is known."""
    approvals: list[ApprovalRequest]
    """Those that the reader may decide."""
    failures: list[Workload]
    nodes_away: list[Node]
    audit: list[AuditEvent]
    totals: list[Figure]
    health: list[Part] = field(default_factory=list)
    """For superusers only."""

    @property
    def quiet(self) -> bool:
        """Nothing needs anybody."""
        return not (self.approvals or self.failures or self.nodes_away or any(not part.ok for part in self.health))


def overview(user: Any) -> Overview:
    """Everything on the page; the number of queries is the same for any number of rows."""
    mine = Workload.objects.visible_to(user)
    pools = ResourcePool.objects.visible_to(user)
    summary = workload_summary(mine, pools, clock.db_now())
    nodes = Node.objects.visible_to(user)
    approvals = ApprovalRequest.objects.visible_to(user).filter(state=ApprovalState.PENDING)
    decidable = approvals_to_decide(with_bars(approvals, user), user)
    failed = mine.filter(state=WorkloadState.FAILED, ended_at__gte=summary.failed_since)
    return Overview(
        figures=_figures(summary, mine, approvals, nodes),
        capacity=summary.capacity,
        machines=any(one.capacity for one in summary.capacity),
        approvals=list(decidable.select_related("project", "requested_by").order_by("created_at")[:LIST_MOST]),
        failures=list(failed.select_related("project").defer("spec").order_by("-ended_at")[:LIST_MOST]),
        nodes_away=list(nodes.filter(ready=False).select_related("pool").order_by("name")[:LIST_MOST]),
        audit=list(audit_visible_to(user).order_by("-id")[: LIST_MOST + 2]),
        totals=_totals(user),
        health=_health() if user.is_superuser else [],
    )


def _figures(summary: Summary, mine: Any, approvals: Any, nodes: Any) -> list[Figure]:
    oldest = mine.filter(state=WorkloadState.PENDING, is_held=False).aggregate(at=Min("created_at"))["at"]
    running = sum(row["count"] for row in summary.running if row["state"] == WorkloadState.RUNNING)
    ready = nodes.aggregate(all=Count("pk"), ready=Count("pk", filter=Q(ready=True)))
    asked, held = approvals.count(), _("%(count)d hold quota") % {"count": summary.running_total}
    away, of_all = ready["ready"] < ready["all"], _("of %(count)d") % {"count": ready["all"]}
    return [
        Figure(_("Running"), running, held, _workloads("running"), "running"),
        Figure(_("Waiting"), summary.waiting_total, _waited(oldest), _workloads("pending"), "waiting"),
        Figure(
            _("Failed in 24 hours"), summary.failed_total, _("workloads of all kinds"), _workloads("failed"), "failed"
        ),
        Figure(_("Approvals"), asked, _("wait for a decision"), _undecided(), "waiting"),
        Figure(_("Nodes ready"), ready["ready"], of_all, _list("quotas_node"), "failed" if away else ""),
    ]


def _workloads(state: str) -> str:
    return f"{_list('quotas_workload')}?state__exact={state}"


def _undecided() -> str:
    return f"{_list('access_approvalrequest')}?state__exact={ApprovalState.PENDING.value}"


def _waited(oldest: datetime | None) -> str:
    if oldest is None:
        return _("nothing waits")
    return _("the oldest for %(span)s") % {"span": duration((clock.now() - oldest).total_seconds())}


def _totals(user: Any) -> list[Figure]:
    """How much there is of everything."""
    tokens = ApiToken.objects.all() if user.is_superuser else ApiToken.objects.visible_to(user)
    ready = Q(state=RevisionState.READY)
    revisions = Revision.objects.visible_to(user).aggregate(ready=Count("pk", filter=ready))
    found = [
        Figure(_("Projects"), Project.objects.visible_to(user).count(), "", _list("access_project")),
        Figure(_("Datasets"), Dataset.objects.visible_to(user).count(), "", _list("datasets_dataset")),
        Figure(_("Runs"), Run.objects.visible_to(user).count(), "", _list("experiments_run")),
        Figure(_("Revisions ready"), revisions["ready"], "", _list("deployments_revision")),
        Figure(_("Active tokens"), tokens.filter(state=TokenState.ACTIVE).count(), "", _list("access_apitoken")),
    ]
    if user.is_superuser:
        active = User.objects.filter(is_active=True).count()
        found.insert(0, Figure(_("Active users"), active, "", _list("access_user")))
    return found


def _health() -> list[Part]:
    redis = redis_vitals()
    return parts(database_vitals(), redis, publisher_lag(redis.horizon))


def _list(page: str) -> str:
    return reverse(f"admin:{page}_changelist")
