"""What people do with runs that they keep: notes, deleting, restoring. For the viewset of runs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import require
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.markdown import markdown_html
from apps.experiments.api import serializers as shapes
from apps.experiments.api.examples import asked_as, shown_as
from apps.experiments.models import Run
from apps.experiments.services.notes import NOTES_CHARACTERS_MOST, run_notes_set
from apps.experiments.services.tracked import run_delete, run_restore


@shown_as({"notes": "Loss is **flat** after step 400.", "html": "<p>Loss is <strong>flat</strong> after step 400.</p>"})
class NotesSerializer(serializers.Serializer[Any]):
    notes = serializers.CharField(allow_blank=True, help_text="Markdown")
    html = serializers.CharField(allow_blank=True, help_text="Safe to show: HTML inside the notes is text")


@asked_as({"notes": "Loss is **flat** after step 400.", "before": ""})
class NotesSetSerializer(serializers.Serializer[Any]):
    notes = serializers.CharField(
        allow_blank=True, max_length=NOTES_CHARACTERS_MOST, trim_whitespace=False, help_text="Markdown"
    )
    before = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        default=None,
        max_length=NOTES_CHARACTERS_MOST,
        trim_whitespace=False,
        help_text="The notes as you saw them: where they are others by now, nothing is written (409, `stale_state`)",
    )


class KeepingMixin:
    """What people do with runs that they keep."""

    @extend_schema(summary="Notes of a run", responses=NotesSerializer, operation_id="runs_notes")
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def notes(self: Any, request: Request, pk: str) -> Response:
        """As they were written, and as HTML."""
        return _shown(self.get_object())

    @extend_schema(
        summary="Write notes on a run",
        request=NotesSetSerializer,
        responses=NotesSerializer,
        operation_id="runs_notes_set",
    )
    @notes.mapping.put
    def notes_set(self: Any, request: Request, pk: str) -> Response:
        """In the place of those that it has."""
        run: Run = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        asked = NotesSetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return _shown(run_notes_set(run=run, **asked.validated_data, actor=Actor.user(request.user)))

    @extend_schema(summary="Delete a run", responses={204: None})
    def destroy(self: Any, request: Request, pk: str) -> Response:
        """Out of sight; nothing is lost, and it can be restored. 409 while its job is not over."""
        run: Run = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        run_delete(run=run, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Restore a deleted run", request=None, responses=shapes.RunSerializer)
    @action(detail=True, methods=["post"])
    def restore(self: Any, request: Request, pk: str) -> Response:
        """Back into the lists."""
        run: Run = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        run_restore(run=run, actor=Actor.user(request.user))
        return Response(self.represent(run))


def _shown(run: Run) -> Response:
    return Response({"notes": run.notes, "html": markdown_html(run.notes)})
