"""What a job calls with its attempt token: heartbeat, logs, exit, should-stop."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt
from apps.quotas.services.logs import log_append
from apps.quotas.services.plain import text_cleaned
from apps.quotas.services.reports import (
    Order,
    attempt_exit_reported,
    environment_note,
    heartbeat,
    member_start,
    order_for,
)

NATIVE_NUMBERS = ("rank", "sequence", "first_line")


class GpuSampleSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(min_value=0)
    utilisation_ratio = serializers.FloatField(min_value=0, default=0)
    memory_bytes = serializers.IntegerField(min_value=0, default=0)


class HeartbeatSerializer(serializers.Serializer[Any]):
    """A member lives, and what it uses."""

    rank = serializers.IntegerField(min_value=0)
    cpu_ratio = serializers.FloatField(min_value=0, default=0, help_text="Of one core.")
    memory_bytes = serializers.IntegerField(min_value=0, default=0)
    gpus = GpuSampleSerializer(many=True, default=list)
    dropped_log_lines = serializers.IntegerField(min_value=0, default=0)


class OrderSerializer(serializers.Serializer[Any]):
    should_stop = serializers.CharField(help_text="Why the job must leave; empty while it may go on.")
    grace_seconds = serializers.IntegerField(help_text="Time to leave, from now, before it is killed.")
    deadline_at = serializers.DateTimeField(allow_null=True, help_text="When it is killed; null while it may go on.")


class LogAppendSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(min_value=0)
    sequence = serializers.IntegerField(min_value=0)
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=None)
    first_line = serializers.IntegerField(min_value=0, default=0)

    def to_internal_value(self, data: Any) -> Any:
        """Clean the text first: a program may print any character, and REST framework would refuse some."""
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            data = {**data, "text": text_cleaned(data["text"])}
        return super().to_internal_value(data)


class ExitSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(min_value=0)
    exit_code = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True, max_length=40, default="")
    result = serializers.DictField(allow_null=True, default=None)


class RuntimeView(APIView):
    """Base of what only a job may call."""

    authentication_classes = [AttemptAuthentication]
    permission_classes = [IsAttempt]

    @property
    def attempt(self) -> Attempt:
        found = self.request.auth
        if not isinstance(found, Attempt):
            raise TypeError("IsAttempt let somebody else in")
        return found

    def taken(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The request's body, valid."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


def ordered(order: Order) -> Response:
    return Response(OrderSerializer(order).data)


class HeartbeatView(RuntimeView):
    """Every five seconds, by every member."""

    @extend_schema(request=HeartbeatSerializer, responses=OrderSerializer)
    def post(self, request: Request) -> Response:
        sample = self.taken(HeartbeatSerializer)
        return ordered(heartbeat(self.attempt, rank=sample.pop("rank"), sample=sample))


class EnvironmentGpuSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(min_value=0)
    name = serializers.CharField(max_length=200)
    memory_bytes = serializers.IntegerField(min_value=0)


class EnvironmentTorchSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=60)
    cuda = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="That it was built for")


class EnvironmentSerializer(serializers.Serializer[Any]):
    """What a job runs in."""

    python = serializers.CharField(max_length=60, allow_blank=True, help_text="Empty: there is none")
    platform = serializers.CharField(max_length=200, allow_blank=True, default="")
    hostname = serializers.CharField(max_length=255, allow_blank=True, default="")
    cpu_count = serializers.IntegerField(min_value=0, default=0)
    torch = EnvironmentTorchSerializer(allow_null=True, default=None)
    gpus = EnvironmentGpuSerializer(many=True, default=list)
    driver = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="Of the GPUs")
    git_commit = serializers.CharField(
        max_length=64, allow_blank=True, default="", help_text="Of its working copy, or as GIT_COMMIT says"
    )
    packages = serializers.DictField(child=serializers.CharField(max_length=100), default=dict, help_text="Versions")


class EnvironmentView(RuntimeView):
    """What the job runs in; the first that comes is kept."""

    @extend_schema(request=EnvironmentSerializer, responses={200: None})
    def post(self, request: Request) -> Response:
        environment_note(self.attempt, self.taken(EnvironmentSerializer))
        return Response({})


class StartSerializer(serializers.Serializer[Any]):
    """A member is about to start."""

    rank = serializers.IntegerField(min_value=0, allow_null=True, default=None, help_text="A replica has none")
    member = serializers.CharField(max_length=100, help_text="What tells it from another of its rank: uid of its pod")


class StartedSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField()


class StartView(RuntimeView):
    """One process per member: a second one of the same rank must not start."""

    @extend_schema(request=StartSerializer, responses=StartedSerializer)
    def post(self, request: Request) -> Response:
        """409 `member_superseded` where another process has the place; the same one may ask again."""
        return Response({"rank": member_start(self.attempt, **self.taken(StartSerializer))})


class ShouldStopView(RuntimeView):
    """Whether the job must leave, and why."""

    @extend_schema(responses=OrderSerializer)
    def get(self, request: Request) -> Response:
        return ordered(order_for(self.attempt))


class LogsView(RuntimeView):
    """One numbered chunk of output; sending it again changes nothing. In the web process `ingest.py` answers first."""

    @extend_schema(
        request={"application/json": LogAppendSerializer, "text/plain": OpenApiTypes.STR},
        parameters=[
            OpenApiParameter(name, int, description="Of a chunk in the form text/plain") for name in NATIVE_NUMBERS
        ],
        responses={200: None},
    )
    def post(self, request: Request) -> Response:
        """As JSON with at most 256 KiB of text; or the text alone, at most 2 MiB, plain or deflated (RFC 1950)."""
        log_append(self.attempt, **self.taken(LogAppendSerializer))
        return Response({})


class ExitView(RuntimeView):
    """What the wrapper says at the end; sending it again changes nothing."""

    @extend_schema(request=ExitSerializer, responses={200: None})
    def post(self, request: Request) -> Response:
        attempt_exit_reported(self.attempt, **self.taken(ExitSerializer))
        return Response({})
