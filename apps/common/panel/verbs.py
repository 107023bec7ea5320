"""What may be done to a row: a page that says the effect and asks, then one service is called.

A verb that a person may not use is absent; one that cannot be used now says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.widgets import INPUT_CLASSES, TEXTAREA_CLASSES

from apps.common.errors import BedplateError, Forbidden, NotFound

MANY_MOST = 200
"""Rows that one action takes at most."""


class PanelForm(forms.Form):
    """A form with the panel's looks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            classes = TEXTAREA_CLASSES if isinstance(field.widget, forms.Textarea) else INPUT_CLASSES
            field.widget.attrs.setdefault("class", " ".join(classes))


class CommentForm(PanelForm):
    """Why, for people."""

    detail = forms.CharField(label=gettext_lazy("Why"), max_length=500, required=False, strip=True)


def always(row: Any) -> str:
    """It can be done at any time."""
    return ""


@dataclass(frozen=True)
class Verb:
    """One verb of a noun.

    Args:
        name: of the page: `…/<id>/<name>/`.
        label: on the button, in the reader's language.
        effect: a sentence: what will become of this row.
        run: calls one service with the row, the form's data and the request; gives the sentence that says it is done.
        authorise: takes the user and the row; raises Forbidden or NotFound.
        refused: why it cannot be done to this row now; empty: it can.
        many: offered for the selected rows of a list, too.
        leaves: there is a row afterwards.
        named_refused: the page says why it cannot be done now; else the verb is absent then.
    """

    name: str
    label: Any
    effect: Callable[[Any], str]
    run: Callable[[Any, dict[str, Any], HttpRequest], str]
    authorise: Callable[[Any, Any], None]
    refused: Callable[[Any], str] = always
    form: type[forms.Form] = PanelForm
    danger: bool = False
    many: bool = False
    leaves: bool = True
    named_refused: bool = True

    def may(self, user: Any, row: Any) -> bool:
        """Whether the user may do it to this row at all."""
        try:
            self.authorise(user, row)
        except (Forbidden, NotFound):
            return False
        return True

    def why_not(self, user: Any, row: Any) -> str:
        """Why the user cannot do it to this row now, or nothing."""
        try:
            self.authorise(user, row)
        except (Forbidden, NotFound) as error:
            return error.detail
        return self.refused(row)


class Named:
    """A row under another name than its own, which is English."""

    def __init__(self, row: Any, name: str) -> None:
        self._row, self._name = row, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._row, attribute)

    def __str__(self) -> str:
        return self._name


class VerbPages:
    """The pages of an admin class's `verbs`: a mixin below `ModelAdmin`."""

    verbs: Sequence[Verb] = ()
    dashboard: str = ""
    """Where the dashboard shows a row, with `{}` for its id."""
    change_form_outer_before_template = "common/admin/verbs.html"
    opts: Any
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        found: list[URLPattern] = super().get_urls()  # type: ignore[misc]  # of ModelAdmin
        return [*(self._url(verb) for verb in self.verbs), *found]

    def _url(self, verb: Verb) -> URLPattern:
        def page(request: HttpRequest, object_id: str) -> HttpResponse:
            return self.verb_page(request, object_id, verb)

        name = f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}"
        found: URLPattern = path(f"<path:object_id>/{verb.name}/", self.admin_site.admin_view(page), name=name)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of a row, with the verbs that its reader may use."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]  # of ModelAdmin
        offered = [
            {"label": verb.label, "url": self._address(row, verb), "danger": verb.danger, "refused": verb.refused(row)}
            for verb in self.verbs
            if verb.may(request.user, row) and (verb.named_refused or not verb.refused(row))
        ]
        extra = {"verbs": offered, **self.page_context(request, row), **(extra_context or {})}
        if self.dashboard:
            inside = {"label": gettext("Open in the dashboard"), "url": self.dashboard.format(row.pk), "main": True}
            extra["links"] = [inside, *extra.get("links", [])]
        extra |= {"original": Named(row, self.said(row)), "subtitle": self.said(row)}
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra)  # type: ignore[misc]
        return answer

    def said(self, row: Any) -> str:
        """The row's name, in the reader's language."""
        return str(row)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the templates of the row's page need beside the row."""
        return {}

    def _address(self, row: Any, what: Verb | str) -> str:
        name = what if isinstance(what, str) else what.name
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[row.pk])

    def _list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def verb_page(self, request: HttpRequest, object_id: str, verb: Verb) -> HttpResponse:
        """GET says the effect, POST has it."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]  # of ModelAdmin
        back = self._address(row, "change")
        try:
            verb.authorise(request.user, row)
        except Forbidden as error:
            raise PermissionDenied(error.detail) from error
        except NotFound as error:
            raise Http404 from error
        form = verb.form(request.POST if request.method == "POST" else None)
        problem = verb.refused(row)
        if request.method == "POST" and not problem and form.is_valid():
            try:
                with transaction.atomic():
                    said = verb.run(row, form.cleaned_data, request)
            except BedplateError as error:
                problem = told(error)
            else:
                messages.success(request, said)
                return HttpResponseRedirect(back if verb.leaves else self._list())
        context = {
            **self.admin_site.each_context(request),
            "title": verb.label,
            "opts": self.opts,
            "original": Named(row, self.said(row)),
            "verb": verb,
            "form": form,
            "problem": problem,
            "effect": "" if problem else verb.effect(row),
            "back": back,
        }
        return TemplateResponse(request, "common/admin/verb.html", context, status=200 if not problem else 409)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those of the verbs that take many rows; what is in a row's way is said on the page that asks."""
        if not any(verb.many for verb in self.verbs):
            return {}
        return {f"verb_{verb.name}": (_many(verb), f"verb_{verb.name}", verb.label) for verb in self.verbs if verb.many}

    def verb_many(self, request: HttpRequest, rows: Any, verb: Verb) -> HttpResponse | None:
        """Ask once for all selected rows; then one transaction each, so that one that fails stops no other."""
        chosen = list(rows[:MANY_MOST])
        items = [(row, verb.why_not(request.user, row)) for row in chosen]
        form = verb.form(request.POST if "confirmed" in request.POST else None)
        if "confirmed" in request.POST and form.is_valid():
            self._run_many(request, [row for row, why in items if not why], verb, form.cleaned_data)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": verb.label,
            "opts": self.opts,
            "verb": verb,
            "form": form,
            "items": [(row, why, "" if why else verb.effect(row)) for row, why in items],
            "possible": sum(not why for _, why in items),
            "most": MANY_MOST if len(chosen) == MANY_MOST else 0,
            "back": self._list(),
        }
        return TemplateResponse(request, "common/admin/verb_many.html", context)

    def _run_many(self, request: HttpRequest, rows: list[Any], verb: Verb, data: dict[str, Any]) -> None:
        done = 0
        for row in rows:
            try:
                with transaction.atomic():
                    verb.run(row, data, request)
            except BedplateError as error:
                messages.error(request, f"{row}: {told(error)}")
            else:
                done += 1
        said = ngettext("%(verb)s: done for %(count)d row.", "%(verb)s: done for %(count)d rows.", done)
        messages.success(request, said % {"verb": verb.label, "count": done})


def _many(verb: Verb) -> Callable[[Any, HttpRequest, Any], HttpResponse | None]:
    def run(page: Any, request: HttpRequest, rows: Any) -> HttpResponse | None:
        answer: HttpResponse | None = page.verb_many(request, rows, verb)
        return answer

    return run


def told(error: BedplateError) -> str:
    """What happened, in the reader's language, and the details as the API says them."""
    title = gettext(error.title)
    return title if error.detail == error.title else f"{title}: {error.detail}"
