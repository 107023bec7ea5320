"""What is wrong with machines, draining them, and what is done about idle GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import TEXTAREA_CLASSES

from apps.common.audit import Actor
from apps.common.panel import ReadOnlyAdmin, Verb, VisibleAdmin, VisibleRelatedFilter
from apps.common.panel.cells import NOTHING, link_column, moment_column, word
from apps.common.panel.verbs import PanelForm
from apps.common.templatetags.times import duration
from apps.quotas.admin.changing import superuser
from apps.quotas.models import IdlePolicy, Node, NodeIncident
from apps.quotas.services.idle_policies import idle_policy_set
from apps.quotas.services.nodes import REASON_MOST, node_drain, node_undrain
from apps.quotas.states import WorkloadKind

if TYPE_CHECKING:
    _PolicyForm = forms.ModelForm[IdlePolicy]
else:
    _PolicyForm = forms.ModelForm


class WhyForm(PanelForm):
    """Why, which has to be said."""

    detail = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=REASON_MOST,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "class": " ".join(TEXTAREA_CLASSES)}),
    )


def _drain_effect(node: Node) -> str:
    return gettext("It is given nothing new. What runs there writes its checkpoint, leaves, and waits again.")


def _undrain_effect(node: Node) -> str:
    return gettext("What is open on it is closed, and it is given work again.")


def _drain(node: Node, data: dict[str, Any], request: HttpRequest) -> str:
    node_drain(node, reason=data["detail"], actor=Actor.user(request.user))
    return gettext("%(name)s is drained.") % {"name": node.name}


def _undrain(node: Node, data: dict[str, Any], request: HttpRequest) -> str:
    node_undrain(node, reason=data["detail"], actor=Actor.user(request.user))
    return gettext("%(name)s is given work again.") % {"name": node.name}


def _drain_refused(node: Node) -> str:
    return gettext("It is drained already.") if node.drained_at is not None else ""


def _undrain_refused(node: Node) -> str:
    withheld = node.drained_at is not None or node.cordoned
    return "" if withheld else gettext("Nothing of it is withheld.")


NODE_VERBS = (
    Verb(
        name="drain",
        label=gettext_lazy("Drain machine"),
        effect=_drain_effect,
        run=_drain,
        authorise=superuser,
        refused=_drain_refused,
        form=WhyForm,
        danger=True,
    ),
    Verb(
        name="undrain",
        label=gettext_lazy("Let it work again"),
        effect=_undrain_effect,
        run=_undrain,
        authorise=superuser,
        refused=_undrain_refused,
        form=WhyForm,
    ),
)


def node_health(node: Node) -> SafeString:
    """A badge: ready, with GPUs withheld, drained, away."""
    if node.drained_at is not None:
        found = ("stopping", "⏸", gettext("drained"))
    elif not node.ready:
        found = ("failed", "✕", gettext("away"))
    elif node.cordoned:
        found = ("stopping", "!", gettext("without GPU %(gpus)s") % {"gpus": ", ".join(map(str, node.cordoned))})
    else:
        found = ("succeeded", "✓", gettext("ready"))
    badge = '<span class="badge {}" title="{}"><span aria-hidden="true">{}</span> {}</span>'
    return format_html(badge, found[0], node.drain_reason, *found[1:])


def incidents_told(node: Node) -> dict[str, Any]:
    """For the page of a node: where its incidents are."""
    url = f"{reverse('admin:quotas_nodeincident_changelist')}?node__id__exact={node.pk}"
    return {"links": [{"label": gettext("Incidents of this machine"), "url": url}]}


@admin.register(NodeIncident)
class NodeIncidentAdmin(ReadOnlyAdmin):
    """Closed by letting the machine work again: see its page."""

    empty_text = gettext_lazy("Nothing has been wrong with any machine.")
    list_display = ("node_link", "what", "gpus", "detail", "since", "until")
    list_filter = ("kind", ("node", VisibleRelatedFilter))
    list_select_related = ("node",)
    search_fields = ("node__name", "detail")
    node_link = link_column("node", "machine")
    since = moment_column("opened_at", "since")
    until = moment_column("closed_at", "closed")

    def said(self, row: Any) -> str:
        return f"{word(row.kind)} / {row.node.name}"

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, row: Any) -> str:
        return word(row.kind)

    @admin.display(description=gettext_lazy("GPUs"))
    def gpus(self, row: Any) -> str:
        return ", ".join(map(str, row.devices)) or NOTHING


class IdlePolicyForm(_PolicyForm):
    """With the kinds as boxes."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Holds for"),
        choices=[(kind, gettext_lazy(str(kind))) for kind in WorkloadKind.values],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = IdlePolicy
        fields = ("action", "threshold_ratio", "warn_seconds", "stop_seconds", "grace_seconds", "kinds")


@admin.register(IdlePolicy)
class IdlePolicyAdmin(VisibleAdmin):
    """Set by superusers, by a service; whose it is stays."""

    empty_text = gettext_lazy(
        "No policy is set: owners of idle GPUs are warned after half an hour, and nothing is stopped."
    )
    form = IdlePolicyForm
    list_display = ("pool_link", "whose", "done", "n_threshold", "n_warn", "n_stop")
    list_filter = ("action", ("pool", VisibleRelatedFilter))
    list_select_related = ("pool", "queue__project")
    search_fields = ("pool__name", "queue__project__name")
    pool_link = link_column("pool", "pool")

    def said(self, row: Any) -> str:
        return f"{row.pool.name} / {row.queue.project.name}" if row.queue else str(row.pool.name)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*(("whose",) if obj else ("pool", "queue")), *IdlePolicyForm.Meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("whose",) if obj else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [(value, word(value)) for value, _ in db_field.choices]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("whose"))
    def whose(self, row: Any) -> str:
        return str(row.queue.project) if row.queue else gettext("everybody")

    @admin.display(description=gettext_lazy("what is done"), ordering="action")
    def done(self, row: Any) -> str:
        return word(row.action)

    @admin.display(description=gettext_lazy("idle below"), ordering="threshold_ratio")
    def n_threshold(self, row: Any) -> str:
        return f"{row.threshold_ratio * 100:g} %"

    @admin.display(description=gettext_lazy("warned after"), ordering="warn_seconds")
    def n_warn(self, row: Any) -> str:
        return duration(row.warn_seconds)

    @admin.display(description=gettext_lazy("stopped after that"), ordering="stop_seconds")
    def n_stop(self, row: Any) -> str:
        return duration(row.stop_seconds)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        whose = {"pool": obj.pool, "queue": obj.queue}
        obj.pk = idle_policy_set(**{**whose, **form.cleaned_data}, actor=Actor.user(request.user)).pk
