"""A new project, made by a superuser for somebody who becomes its first admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.models import Team, User
from apps.access.services.projects import project_create
from apps.common.audit import Actor
from apps.common.errors import BedplateError
from apps.common.panel.verbs import PanelForm, told


class NewProjectForm(PanelForm):
    """What a project is, and whose."""

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("It begins the address of every endpoint, and stays: letters, digits, - and _."),
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120, required=False)
    team = forms.ModelChoiceField(
        Team.objects.select_related("organisation").order_by("organisation__name", "name"), label=gettext_lazy("Team")
    )
    owner = forms.CharField(
        label=gettext_lazy("Owner"),
        max_length=150,
        help_text=gettext_lazy("User name of the person who becomes its first admin."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.label_from_instance = lambda row: f"{row.organisation.name} / {row.name}"

    def clean_owner(self) -> User:
        """The account of that name."""
        found = User.objects.filter(username=self.cleaned_data["owner"], is_active=True).first()
        if found is None:
            raise ValidationError(_("Nobody active has this name."))
        return found


def new_project_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Make a project; for superusers, others make their own in the dashboard."""
    user: Any = request.user
    if not user.is_superuser:
        raise PermissionDenied("Only an administrator of the installation makes projects here.")
    form, problem = NewProjectForm(request.POST if request.method == "POST" else None), ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = project_create(**data, organisation=data["team"].organisation, actor=Actor.user(user))
        except BedplateError as error:
            problem = told(error)
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("%(name)s is made.") % {"name": made.name})
            return HttpResponseRedirect(reverse("admin:access_project_change", args=[made.pk]))
    context |= {"title": _("New project"), "form": form, "problem": problem}
    return TemplateResponse(request, "access/admin/new_project.html", context, status=409 if problem else 200)
