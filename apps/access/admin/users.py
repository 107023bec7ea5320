"""Accounts: superusers only. Every change goes through a service and is audited; nobody is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import INPUT_CLASSES

from apps.access.models import User
from apps.access.permissions import require_superuser
from apps.access.selectors import only_admin_of
from apps.access.services.users import user_activate, user_change, user_create, user_deactivate, user_password_set
from apps.common.audit import Actor
from apps.common.panel import Verb, VisibleAdmin
from apps.common.panel.cells import NOTHING, moment_column
from apps.common.panel.verbs import PanelForm

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin


class PasswordForm(PanelForm):
    """A new password, twice."""

    password1 = forms.CharField(label=gettext_lazy("New password"), strip=False, widget=forms.PasswordInput)
    password2 = forms.CharField(label=gettext_lazy("The same again"), strip=False, widget=forms.PasswordInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"autocomplete": "new-password", "class": " ".join(INPUT_CLASSES)}
        self.fields["password1"].help_text = " ".join(password_validators_help_texts())

    def clean_password2(self) -> str:
        """Both are the same; whether it is a good one is for the service to say."""
        second = str(self.cleaned_data["password2"])
        if self.cleaned_data.get("password1") != second:
            raise ValidationError(_("These two are not the same."))
        return second


def _superuser(user: Any, row: User) -> None:
    require_superuser(user)


def _deactivate(user: User, data: dict[str, Any], request: HttpRequest) -> str:
    user_deactivate(user=user, actor=Actor.user(request.user))
    return _("%(name)s is deactivated.") % {"name": user.username}


def _deactivate_effect(user: User) -> str:
    told = _("Nobody signs in as %(name)s any more; sessions, open pages and API tokens of theirs end at once.")
    alone = only_admin_of(user)
    if alone:
        told += " " + _("These projects are left without an active admin: %(projects)s.")
    return told % {"name": user.username, "projects": ", ".join(alone)}


def _activate(user: User, data: dict[str, Any], request: HttpRequest) -> str:
    user_activate(user=user, actor=Actor.user(request.user))
    return _("%(name)s is active again.") % {"name": user.username}


def _activate_effect(user: User) -> str:
    return _("%(name)s may sign in again, with the roles and tokens from before.") % {"name": user.username}


def _reset(user: User, data: dict[str, Any], request: HttpRequest) -> str:
    user_password_set(user=user, password=data["password1"], actor=Actor.user(request.user))
    return _("%(name)s has another password. Tell it to them by a way that you trust.") % {"name": user.username}


def _reset_effect(user: User) -> str:
    told = _("The password from before stops working, and all sessions of %(name)s end. API tokens stay.")
    return told % {"name": user.username}


@admin.register(User)
class UserAdmin(VisibleAdmin, _UserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    ordering = ("username",)
    list_display = ("username", "full_name", "organisation", "standing", "may", "signed_in")
    list_filter = ("is_active", "is_staff", "is_superuser", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("username", "first_name", "last_name", "email")
    filter_horizontal = ()
    readonly_fields = ("standing", "last_login", "date_joined")
    fieldsets = (
        (gettext_lazy("Person"), {"fields": ("username", "first_name", "last_name", "email")}),
        (gettext_lazy("Place"), {"fields": ("organisation", "teams")}),
        (gettext_lazy("Access"), {"fields": ("standing", "is_staff", "is_superuser")}),
        (gettext_lazy("Times"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("username", "organisation", "usable_password", "password1", "password2")},
        ),
    )
    verbs = (
        Verb(
            name="reset-password",
            label=gettext_lazy("Reset password"),
            effect=_reset_effect,
            run=_reset,
            authorise=_superuser,
            form=PasswordForm,
        ),
        Verb(
            name="deactivate",
            label=gettext_lazy("Deactivate"),
            effect=_deactivate_effect,
            run=_deactivate,
            authorise=_superuser,
            refused=lambda row: "" if row.is_active else _("The account is not active."),
            named_refused=False,
            danger=True,
        ),
        Verb(
            name="activate",
            label=gettext_lazy("Activate"),
            effect=_activate_effect,
            run=_activate,
            authorise=_superuser,
            refused=lambda row: _("The account is active.") if row.is_active else "",
            named_refused=False,
        ),
    )
    signed_in = moment_column("last_login", "last signed in")

    def get_urls(self) -> list[URLPattern]:
        """Without Django's own page for passwords, which saves past the service."""
        return [url for url in super().get_urls() if url.name != "auth_user_password_change"]

    @admin.display(description=gettext_lazy("name"))
    def full_name(self, row: Any) -> str:
        return row.get_full_name() or NOTHING

    @admin.display(description=gettext_lazy("account"), ordering="is_active")
    def standing(self, row: Any) -> SafeString:
        tone, mark, said = ("succeeded", "✓", _("active")) if row.is_active else ("cancelled", "⊘", _("inactive"))
        return format_html('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>', tone, mark, said)

    @admin.display(description=gettext_lazy("may"))
    def may(self, row: Any) -> str:
        if row.is_superuser:
            return _("everything")
        return _("see the admin pages") if row.is_staff else NOTHING

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, data = Actor.user(request.user), form.cleaned_data
        if change:
            wanted = {name: data[name] for name in form.changed_data if name in data and name != "password"}
            user_change(user=obj, changes=wanted, actor=actor)
            return
        password = data["password1"] if data.get("usable_password", "true") == "true" else None
        made = user_create(username=data["username"], password=password, organisation=data["organisation"], actor=actor)
        obj.pk = made.pk
        obj._state.adding = False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Teams are the service's, too."""
