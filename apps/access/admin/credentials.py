"""Tokens, secrets and requests for approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.models import ApiToken, ApprovalRequest, Secret
from apps.access.permissions import caller, require
from apps.access.services.approvals import approval_approve, approval_deny
from apps.access.services.deciding import closed, own_bar_of, with_bars
from apps.access.services.secrets import secret_delete
from apps.access.services.tokens import token_revoke
from apps.access.states import Barred, Role, TokenState
from apps.common.api import is_uuid
from apps.common.audit import Actor
from apps.common.errors import Forbidden, NotFound
from apps.common.panel import ReadOnlyAdmin, Verb
from apps.common.panel.cells import NOTHING, link_column, moment_column, state_column, until
from apps.common.panel.verbs import CommentForm


def _owner(user: Any, token: ApiToken) -> None:
    if not user.is_superuser and token.user_id != user.pk:
        raise NotFound


def _revoke(token: ApiToken, data: dict[str, Any], request: HttpRequest) -> str:
    token_revoke(token=token, actor=Actor.user(request.user))
    return _("%(name)s is revoked.") % {"name": token.name}


def _revoke_effect(token: ApiToken) -> str:
    told = _("What uses bp_%(prefix)s_… of %(who)s is refused from now on. A token that is revoked stays so.")
    return told % {"prefix": token.prefix, "who": token.user.username}


def _revoke_refused(token: ApiToken) -> str:
    return "" if token.state == TokenState.ACTIVE else _("It has ended already.")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """A person's own tokens; a superuser sees everybody's."""

    empty_text = gettext_lazy(
        "No token yet. People make their own in the dashboard, with a name, scopes and an expiry."
    )
    list_display = ("name", "owner", "prefix_shown", "state_said", "scopes_said", "ends", "last_used")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("name", "=prefix", "=user__username")
    hidden = ("digest",)
    verbs = (
        Verb(
            name="revoke",
            label=gettext_lazy("Revoke"),
            effect=_revoke_effect,
            run=_revoke,
            authorise=_owner,
            refused=_revoke_refused,
            danger=True,
            many=True,
        ),
    )
    state_said = state_column()
    last_used = moment_column("last_used_at", "last used")

    def get_queryset(self, request: HttpRequest) -> Any:
        if request.user.is_superuser:
            return ApiToken.objects.select_related("user").order_by("-pk")
        return super().get_queryset(request)

    @admin.display(description=gettext_lazy("user"), ordering="user__username")
    def owner(self, row: Any) -> str:
        return str(row.user.username)

    @admin.display(description=gettext_lazy("begins with"), ordering="prefix")
    def prefix_shown(self, row: Any) -> SafeString:
        return format_html("<code>bp_{}_…</code>", row.prefix)

    @admin.display(description=gettext_lazy("scopes"))
    def scopes_said(self, row: Any) -> str:
        return ", ".join(row.scopes)

    @admin.display(description=gettext_lazy("expires"), ordering="expires_at")
    def ends(self, row: Any) -> SafeString | str:
        return until(row.expires_at) if row.expires_at else _("never")


def _admin(user: Any, row: Any) -> None:
    require(user, row.project, Role.ADMIN)


def _delete(secret: Secret, data: dict[str, Any], request: HttpRequest) -> str:
    secret_delete(secret=secret, actor=Actor.user(request.user))
    return _("%(name)s is deleted.") % {"name": secret.name}


def _delete_effect(secret: Secret) -> str:
    return _("Jobs that start from now on do not find it; those that run keep their copy. It cannot be brought back.")


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("No secret yet. Admins of a project set them by the API; no page shows a value.")
    list_display = ("name", "project_link", "key_id", "replaced", "made")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("name",)
    hidden = ("nonce", "ciphertext")
    verbs = (
        Verb(
            name="remove",
            label=gettext_lazy("Delete"),
            effect=_delete_effect,
            run=_delete,
            authorise=_admin,
            danger=True,
            leaves=False,
        ),
    )
    project_link = link_column("project", "project")
    replaced = moment_column("replaced_at", "replaced")
    made = moment_column("created_at", "when")


NOT_THEIRS: Mapping[str, Any] = {
    Barred.OWN_REQUEST: gettext_lazy("Who asked may not decide."),
    Barred.NEEDS_SUPERUSER: gettext_lazy("Only an administrator of the installation decides about this."),
}
CLOSED: Mapping[str, Any] = {
    Barred.DECIDED: gettext_lazy("It was decided already."),
    Barred.EXPIRED: gettext_lazy("It has expired."),
}


def _decider(user: Any, approval: ApprovalRequest) -> None:
    require(user, approval.project, Role.ADMIN)
    bar = own_bar_of(approval, user)
    if bar in NOT_THEIRS:
        raise Forbidden(str(NOT_THEIRS[bar]))


def _undecided(approval: ApprovalRequest) -> str:
    return str(CLOSED.get(closed(approval), ""))


def _approve(approval: ApprovalRequest, data: dict[str, Any], request: HttpRequest) -> str:
    user = caller(request)
    approval_approve(approval=approval, decided_by=user, comment=data["detail"], actor=Actor.user(user))
    return _("Approved. The command is checked again and run.")


def _deny(approval: ApprovalRequest, data: dict[str, Any], request: HttpRequest) -> str:
    user = caller(request)
    approval_deny(approval=approval, decided_by=user, comment=data["detail"], actor=Actor.user(user))
    return _("Denied. The command is dropped.")


def _asked(approval: ApprovalRequest) -> str:
    told = {key: value for key, value in approval.arguments.items() if value != "" and not is_uuid(str(value))}
    arguments = ", ".join(f"{key} {value}" for key, value in told.items())
    return f"{approval.command}: {arguments}" if arguments else approval.command


def _approve_effect(approval: ApprovalRequest) -> str:
    told = _("In %(project)s this runs, if the rules still allow it: %(command)s. Asked by %(who)s.")
    named = {"project": _place(approval), "command": _asked(approval), "who": approval.requested_by.username}
    return told % named + (f" “{approval.comment}”" if approval.comment else "")


def _deny_effect(approval: ApprovalRequest) -> str:
    told = _("In %(project)s this does not run: %(command)s. %(who)s has to ask again.")
    named = {"project": _place(approval), "command": _asked(approval), "who": approval.requested_by.username}
    return told % named


def _place(approval: ApprovalRequest) -> str:
    return approval.project.name if approval.project else _("the whole installation")


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("Nobody has asked for anything yet, like for more quota.")
    list_display = ("command", "asked", "project_link", "state_said", "who", "decider", "ends", "applied")
    list_filter = ("state", "project")
    list_select_related = ("project", "requested_by", "decided_by")
    search_fields = ("=command", "=requested_by__username")
    verbs = (
        Verb(
            name="approve",
            label=gettext_lazy("Approve"),
            effect=_approve_effect,
            run=_approve,
            authorise=_decider,
            refused=_undecided,
            form=CommentForm,
        ),
        Verb(
            name="deny",
            label=gettext_lazy("Deny"),
            effect=_deny_effect,
            run=_deny,
            authorise=_decider,
            refused=_undecided,
            form=CommentForm,
            danger=True,
        ),
    )
    project_link = link_column("project", "project")
    state_said = state_column()

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_bars(super().get_queryset(request), request.user)

    def said(self, row: Any) -> str:
        return f"{row.command} · {row.project.name}"

    applied = moment_column("applied_at", "ran")

    @admin.display(description=gettext_lazy("asks for"))
    def asked(self, row: Any) -> str:
        shown = [str(value) for value in row.arguments.values() if value != "" and not is_uuid(str(value))]
        return ", ".join(shown) or NOTHING

    @admin.display(description=gettext_lazy("asked by"), ordering="requested_by__username")
    def who(self, row: Any) -> str:
        return str(row.requested_by.username)

    @admin.display(description=gettext_lazy("decided by"), ordering="decided_by__username")
    def decider(self, row: Any) -> str:
        return row.decided_by.username if row.decided_by else NOTHING

    @admin.display(description=gettext_lazy("open until"), ordering="expires_at")
    def ends(self, row: Any) -> SafeString | str:
        return until(row.expires_at)
