"""The sign-in form of the pages and of the admin: failures are counted together with the API's."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import BASE_INPUT_CLASSES

from apps.access.services.sign_in import sign_in
from apps.access.services.users import user_password_set
from apps.common.audit import Actor
from apps.common.errors import RateLimited, Unauthenticated


class SignInForm(AuthenticationForm):
    """Signs in by the service, at its bounded rate."""

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password:
            address = str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
            try:
                self.user_cache = sign_in(username=name, password=password, address=address)
            except RateLimited as error:
                raise ValidationError(error.detail, code=error.code) from error
            except Unauthenticated as error:
                raise self.get_invalid_login_error() from error
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The same for the admin, which lets staff in only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)


def own_password_form(request: HttpRequest) -> type[AdminOwnPasswordChangeForm]:
    """The form by which somebody changes their own password, saved by the service."""

    class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # no types
        def save(self, commit: bool = True) -> Any:
            password = self.cleaned_data["new_password1"]
            user_password_set(user=self.user, password=password, actor=Actor.user(request.user))
            self.user.refresh_from_db()
            return self.user

    return OwnPasswordForm
