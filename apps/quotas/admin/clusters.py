"""Kubernetes clusters: added and changed by superusers; what connects to one is written here and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import TEXTAREA_CLASSES

from apps.common.audit import Actor
from apps.common.panel import Verb, VisibleAdmin
from apps.common.panel.cells import NOTHING, link_column, moment_column, word
from apps.quotas.admin.changing import superuser
from apps.quotas.models import Cluster
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import (
    ClusterSettings,
    cluster_change,
    cluster_check_request,
    cluster_create,
    cluster_delete,
)
from apps.quotas.states import ConnectionKind

if TYPE_CHECKING:
    _ClusterForm = forms.ModelForm[Cluster]
else:
    _ClusterForm = forms.ModelForm

CONNECTION: Final = ("kind", "kubeconfig", "server", "ca_pem", "token")
SETTINGS: Final = tuple(ClusterSettings.__annotations__)


def _written(label: Any, help_text: Any) -> forms.CharField:
    """Text that goes in and is never shown."""
    widget = forms.Textarea(
        attrs={"rows": 4, "class": " ".join(TEXTAREA_CLASSES), "autocomplete": "off", "spellcheck": "false"}
    )
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


class ClusterForm(_ClusterForm):
    """How to connect is given as a whole; left alone, it stays as it is."""

    kubeconfig = _written(
        gettext_lazy("kubeconfig"),
        gettext_lazy("With the kind kubeconfig. It is kept encrypted and never shown; empty: as it is."),
    )
    token = _written(
        gettext_lazy("token"),
        gettext_lazy("With the kind token. It is kept encrypted and never shown; empty: as it is."),
    )

    class Meta:
        model = Cluster
        fields = ("name", "kind", "server", "ca_pem", *SETTINGS)
        help_texts: ClassVar = {
            "name": gettext_lazy("Small letters, digits and dashes. Its pool has the same name, for good."),
            "server": gettext_lazy("With the kind token: the address of the API server."),
            "ca_pem": gettext_lazy("With the kind token: who may have signed the certificate of the server."),
            "job_api_url": gettext_lazy("The API as pods reach it; empty: as is set for the installation."),
            "runtime_image": gettext_lazy("For jobs without an image of their own; empty: as is set."),
            "makes_namespaces": gettext_lazy("Else an administrator of the cluster makes those of projects."),
            "requests_per_second": gettext_lazy("Most that one process asks the API server."),
            "options": gettext_lazy("What else manifests need, as JSON; see the guide."),
        }

    def _get_validation_exclusions(self) -> set[str]:
        """What is wrong with a cluster, its service says."""
        return {field.name for field in Cluster._meta.fields}

    def validate_constraints(self) -> None:
        """As above: the row is written by the service."""

    def credentials(self) -> Credentials | None:
        """How to connect, if something was said of it."""
        said = self.cleaned_data
        if self.instance.pk and not self.instance._state.adding and not set(CONNECTION) & set(self.changed_data):
            return None
        used = {
            ConnectionKind.KUBECONFIG: ("kubeconfig",),
            ConnectionKind.TOKEN: ("server", "ca_pem", "token"),
        }.get(said["kind"], ())
        return Credentials(said["kind"], **{name: said.get(name, "").strip() for name in used})


def _check(cluster: Cluster, data: dict[str, Any], request: HttpRequest) -> str:
    cluster_check_request(cluster)
    return gettext("%(name)s is being checked.") % {"name": cluster.name}


def _check_effect(cluster: Cluster) -> str:
    return gettext("It is asked whether it is well and allows what is needed.")


def _remove(cluster: Cluster, data: dict[str, Any], request: HttpRequest) -> str:
    cluster_delete(cluster=cluster, actor=Actor.user(request.user))
    return gettext("%(name)s is removed.") % {"name": cluster.name}


def _remove_effect(cluster: Cluster) -> str:
    return gettext("Its credentials and machines are forgotten. Its pool stays, without machines, if it has a past.")


@admin.register(Cluster)
class ClusterAdmin(VisibleAdmin):
    form = ClusterForm
    empty_text = gettext_lazy("No cluster is known: jobs run on this machine. Superusers add one here or by the API.")
    list_display = ("name", "health", "version", "connects", "address", "pool_link", "checked")
    list_filter = ("kind", "healthy")
    list_select_related = ("pool",)
    search_fields = ("name",)
    verbs = (
        Verb(name="check", label=gettext_lazy("Check again"), effect=_check_effect, run=_check, authorise=superuser),
        Verb(
            name="remove",
            label=gettext_lazy("Remove"),
            effect=_remove_effect,
            run=_remove,
            authorise=superuser,
            danger=True,
            leaves=False,
        ),
    )
    pool_link = link_column("pool", "pool")
    checked = moment_column("checked_at", "last check")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("nonce", "ciphertext")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = ("health", "version", "problems_told", "checked") if obj else ()
        written = () if obj and not self.has_change_permission(request, obj) else ("kubeconfig", "token")
        named = [name for name in CONNECTION if name not in ("kubeconfig", "token") or name in written]
        return ("name", *shown, *named, *SETTINGS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "health", "version", "problems_told", "checked") if obj else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [(value, word(value)) for value, _ in db_field.choices]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = Actor.user(request.user)
        wanted = {name: form.cleaned_data[name] for name in SETTINGS if name in form.cleaned_data}
        wanted["options"] = wanted.get("options") or {}
        if change:
            cluster_change(cluster=obj, credentials=form.credentials(), actor=actor, **wanted)
        else:
            obj.pk = cluster_create(
                name=form.cleaned_data["name"], credentials=form.credentials(), actor=actor, **wanted
            ).pk

    @admin.display(description=gettext_lazy("health"), ordering="healthy")
    def health(self, row: Any) -> str:
        if row.checked_at is None:
            return gettext("not checked yet")
        return gettext("well") if row.healthy else gettext("not well")

    @admin.display(description=gettext_lazy("connects by"), ordering="kind")
    def connects(self, row: Any) -> str:
        return word(row.kind)

    @admin.display(description=gettext_lazy("server"), ordering="server")
    def address(self, row: Any) -> str:
        return row.server or NOTHING

    @admin.display(description=gettext_lazy("what is wrong"))
    def problems_told(self, row: Any) -> SafeString | str:
        told = format_html_join("", "<li>{}</li>", ((problem["detail"],) for problem in row.problems))
        return format_html("<ul>{}</ul>", told) if row.problems else NOTHING
