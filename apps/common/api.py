"""Manners of the REST API: pages by cursor, ordering, idempotent creation, viewsets of three lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils.crypto import salted_hmac
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.common.errors import IdempotencyMismatch, Invalid, NotFound, Unauthenticated
from apps.common.models import IdempotencyKey
from apps.common.pages import CursorPagination as CursorPagination
from apps.common.pages import OrderingFilter as OrderingFilter
from apps.common.pages import RowFilterBackend

IDEMPOTENCY_HEADER = "Idempotency-Key"


class VisibleRelatedField(serializers.PrimaryKeyRelatedField[Any]):
    """A reference by id to an object that the caller can see; anything else is 404, missing or not."""

    def __init__(self, model: type[models.Model] | None = None, **kwargs: Any) -> None:
        self.model = model
        if model is not None and not kwargs.get("read_only"):
            kwargs["queryset"] = model._default_manager.all()
        kwargs.setdefault("pk_field", serializers.UUIDField())
        super().__init__(**kwargs)

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        return queryset.visible_to(self.context["request"].user)

    def fail(self, key: str, **kwargs: Any) -> Any:
        if key == "does_not_exist":
            raise NotFound(f"{self.field_name}: not found")
        return super().fail(key, **kwargs)


@extend_schema_field({"type": "string"})
class NamedRelatedField(VisibleRelatedField):
    """A reference by id, or by words with a `/` in them, to an object that the caller can see.

    Args:
        named_by: user and words → the object; raises a BedplateError for words that mean none.
    """

    def __init__(
        self, model: type[models.Model], *, named_by: Callable[[Any, str], models.Model], **kwargs: Any
    ) -> None:
        self.named_by = named_by
        super().__init__(model, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and "/" in data:
            return self.named_by(self.context["request"].user, data)
        return super().to_internal_value(data)


class KnownFields(serializers.Serializer[Any]):
    """A request of which every word counts: a field that it has not is refused, never passed over in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [str(name)[:100] for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            known = f"is no field of this request; it has {', '.join(self.fields)}"
            raise serializers.ValidationError({name: [known] for name in unknown[:20]})
        return super().to_internal_value(data)


class VisibleViewSet(GenericViewSet[Any]):
    """Reads start at `.visible_to(user)`; what is not visible does not exist.

    A view names the columns it filters and orders by: `filterset_fields`, `ordering_fields`.
    """

    filter_backends: Sequence[Any] = (RowFilterBackend, OrderingFilter)
    ordering_fields: ClassVar[Sequence[str]] = ("created_at",)

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.visible_to(self.request.user)


class ReadViewSet(VisibleViewSet, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """List and retrieve."""

    def represent(self, obj: models.Model) -> Any:
        """The answer about an object that was made or changed: the same as reading it."""
        return self.get_serializer(self.get_queryset().get(pk=obj.pk)).data


class CreateViewSet(ReadViewSet):
    """List, retrieve and idempotent create.

    A view sets `create_serializer_class` (input) and `serializer_class` (output), and turns validated input into
    one service call in `perform_service`. With an `Idempotency-Key` header a second request gets the first answer.
    """

    create_serializer_class: ClassVar[type[serializers.BaseSerializer[Any]]]

    def get_serializer_class(self) -> Any:
        if self.action == "create":
            return self.create_serializer_class
        return super().get_serializer_class()

    def perform_service(self, data: dict[str, Any]) -> models.Model:
        """Call the one service that creates; `data` is the validated input."""
        raise AssertionError(f"{type(self).__name__} does not say how to create")

    def represent(self, obj: models.Model) -> Any:
        fresh = self.get_queryset().get(pk=obj.pk)
        return super().get_serializer_class()(fresh, context=self.get_serializer_context()).data

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        return once(request, data, lambda: (self.represent(self.perform_service(data)), status.HTTP_201_CREATED))


def once(
    request: Request,
    data: dict[str, Any],
    produce: Callable[[], tuple[Any, int]],
    *,
    shown_once: Collection[str] = (),
) -> Response:
    """Run `produce` in a transaction, at most once per caller and idempotency key.

    A twin that comes meanwhile waits for the first and gets its answer; if the first failed, the twin runs.

    Args:
        data: the validated input; with the key, decides whether it is the same request.
        produce: gives the answer's body and status.
        shown_once: names in the body that are not stored, hence absent from a repeated answer: a token.

    Raises:
        IdempotencyMismatch: the key was used for another request.
    """
    key = request.headers.get(IDEMPOTENCY_HEADER, "")
    if not key:
        with transaction.atomic():
            body, code = produce()
        return Response(body, status=code)
    if len(key) > 200:
        raise Invalid(f"{IDEMPOTENCY_HEADER} is longer than 200 characters")
    caller, digest = _caller(request), _digest(request, data)
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(caller=caller, key=key, request_digest=digest)
            body, code = produce()
            kept = {name: value for name, value in body.items() if name not in shown_once} if shown_once else body
            row.response_status, row.response_body = code, kept
            row.save(update_fields=["response_status", "response_body"])
    except IntegrityError:
        replayed = _replay(caller, key, digest)
        if replayed is None:  # not about the key: the service's own integrity error goes on
            raise
        return replayed
    return Response(body, status=code)


def _replay(caller: str, key: str, digest: str) -> Response | None:
    row = IdempotencyKey.objects.filter(caller=caller, key=key).first()
    if row is None:
        return None
    if row.request_digest != digest:
        raise IdempotencyMismatch
    return Response(row.response_body, status=row.response_status, headers={"Idempotency-Replayed": "true"})


def is_uuid(text: str) -> bool:
    """Whether this is an id rather than a name."""
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _caller(request: Request) -> str:
    """Whose key it is: the person's, or the attempt's that a job's token names."""
    who = request.user.pk or getattr(request.auth, "pk", None)
    if who is None:
        raise Unauthenticated
    return str(who)


def _digest(request: Request, data: dict[str, Any]) -> str:
    """Keyed, so that nobody who reads the table can try out what a short secret in a request was."""
    text = json.dumps([request.method, request.path, data], sort_keys=True, default=_plain)
    return salted_hmac("apps.common.api.once", text, algorithm="sha256").hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, File):
        return [value.name, value.size, _content_digest(value)]
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return DjangoJSONEncoder().default(value)


def _content_digest(upload: File[Any]) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()
