"""Forms whose changes are commands: done at once, or asked for where a second person decides them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.models import ApprovalRequest
from apps.access.permissions import caller, require_superuser
from apps.common.panel import VisibleAdmin
from apps.quotas.services.approvals import Changed, change


def plain(value: Any) -> Any:
    """What a form gives as an argument of a command."""
    return str(value.pk) if isinstance(value, models.Model) else value


def superuser(user: Any, row: Any) -> None:
    """Who may do a verb of a row: administrators of the installation."""
    require_superuser(user)


def told_of(request: HttpRequest, asked: ApprovalRequest) -> None:
    """Say that nothing was changed yet."""
    said = _("Nothing is changed yet: %(command)s waits for the decision of another administrator.")
    messages.info(request, said % {"command": asked.command})


class ChangingAdmin(VisibleAdmin):
    """Superusers change the columns of a form; the command of the service writes and audits what was changed."""

    command_change: ClassVar[str] = ""
    command_create: ClassVar[str] = ""
    argument: ClassVar[str] = ""
    """Of the command: what is changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.command_create) and super().has_add_permission(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        names = form.changed_data if change else [name for name in form.cleaned_data if form.cleaned_data[name] != ""]
        wanted = {name: plain(form.cleaned_data[name]) for name in names if name in form.cleaned_data}
        done = self._do(request, wanted | ({self.argument: str(obj.pk)} if change else {}), change)
        if done.asked is None and done.row is not None:
            obj.pk = done.row.pk
            obj._state.adding = False

    def _do(self, request: HttpRequest, wanted: dict[str, Any], is_change: bool) -> Changed:
        done = change(self.command_change if is_change else self.command_create, wanted, user=caller(request))
        request.asked = done.asked  # type: ignore[attr-defined]  # for the answer to the same request
        return done

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._answer(request) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._answer(request) or super().response_change(request, obj)

    def _answer(self, request: HttpRequest) -> HttpResponse | None:
        asked: ApprovalRequest | None = getattr(request, "asked", None)
        if asked is None:
            return None
        told_of(request, asked)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
