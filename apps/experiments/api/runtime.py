"""What the job of a run calls with its attempt token: artifacts and checkpoints. Metrics go to `api/ingest.py`."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.common.storage import uri_of
from apps.experiments.api.examples import ATTEMPT_ID, SHA256
from apps.experiments.models.artifact import NAME
from apps.experiments.models.artifact import SHA256 as DIGEST
from apps.experiments.services.files import artifact_register, checkpoint_register, checkpoint_resume, run_of
from apps.experiments.services.run_facts import run_parameters_log
from apps.experiments.states import ArtifactKind
from apps.quotas.models import Attempt
from apps.quotas.permissions import AttemptAuthentication, IsAttempt
from apps.quotas.services.distance import object_place

STEP_MOST = 2**53
PARAMETERS_MOST, NAME_CHARACTERS_MOST, VALUE_CHARACTERS_MOST = 100, 250, 6000


class AnnouncedFileSerializer(serializers.Serializer[Any]):
    """Base: a file that the job wrote into one of its outputs."""

    uri = serializers.CharField(max_length=500)
    sha256 = serializers.CharField(validators=[DIGEST])
    size_bytes = serializers.IntegerField(min_value=0, max_value=1 << 60)
    metadata = serializers.DictField(required=False, default=dict)


class ArtifactAnnouncedSerializer(AnnouncedFileSerializer):
    name = serializers.CharField(validators=[NAME])
    kind = serializers.ChoiceField(ArtifactKind.choices)


class CheckpointAnnouncedSerializer(AnnouncedFileSerializer):
    step = serializers.IntegerField(min_value=0, max_value=STEP_MOST)


class ParameterValueField(serializers.JSONField):
    """A text, a number, true, false or null."""

    def to_internal_value(self, data: Any) -> Any:
        value: object = super().to_internal_value(data)
        if not isinstance(value, str | int | float | bool | None):
            raise serializers.ValidationError("must be a text, a number, true, false or null")
        if isinstance(value, str) and len(value) > VALUE_CHARACTERS_MOST:
            raise serializers.ValidationError(f"must have at most {VALUE_CHARACTERS_MOST} characters")
        return value


class LoggedParametersSerializer(serializers.Serializer[Any]):
    parameters = serializers.DictField(child=ParameterValueField(allow_null=True), allow_empty=False)

    def validate_parameters(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > PARAMETERS_MOST:
            raise serializers.ValidationError(f"at most {PARAMETERS_MOST} at once")
        for name in value:
            if not 0 < len(name) <= NAME_CHARACTERS_MOST or not name.isprintable():
                raise serializers.ValidationError(f"a name has 1 to {NAME_CHARACTERS_MOST} printable characters")
        return value


class AcknowledgedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class LatestCheckpointSerializer(serializers.Serializer[Any]):
    step = serializers.IntegerField()
    uri = serializers.CharField()
    path = serializers.CharField(allow_null=True, help_text="Where the job shares a disk with the store")
    url = serializers.CharField(allow_null=True, help_text="Short-lived, elsewhere")
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    metadata = serializers.DictField()


_FILE = {"sha256": SHA256, "size_bytes": 40_120, "metadata": {}}
_ARTIFACT = {
    "name": "model", "kind": "model", "uri": f"bedplate://attempts/{ATTEMPT_ID}/artifacts/model/model.onnx", **_FILE
}  # fmt: skip
_CHECKPOINT = {"step": 50, "uri": f"bedplate://attempts/{ATTEMPT_ID}/checkpoints/step-50.pt", **_FILE}
_LATEST = {**_CHECKPOINT, "path": f"/var/bedplate/objects/attempts/{ATTEMPT_ID}/checkpoints/step-50.pt", "url": None}


_PARAMETERS = {"parameters": {"optimiser": "adamw", "warmup_steps": 500}}


class RunJobView(APIView):
    """Base: for jobs only."""

    authentication_classes = (AttemptAuthentication,)
    permission_classes = (IsAttempt,)

    def attempt(self) -> Attempt:
        return cast(Attempt, self.request.auth)


class ArtifactsView(RunJobView):
    """Files that stay with the run."""

    @extend_schema(
        summary="Announce an artifact",
        tags=["runtime"],
        request=ArtifactAnnouncedSerializer,
        responses={201: AcknowledgedSerializer},
        examples=[OpenApiExample("A model", _ARTIFACT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """201 once the store was seen to hold exactly that file; announcing it again changes nothing."""
        asked = ArtifactAnnouncedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        artifact = artifact_register(attempt=self.attempt(), **asked.validated_data)
        return Response({"id": str(artifact.pk)}, status=status.HTTP_201_CREATED)


class CheckpointsView(RunJobView):
    """States of the training loop."""

    @extend_schema(
        summary="Announce a checkpoint",
        tags=["runtime"],
        request=CheckpointAnnouncedSerializer,
        responses={201: AcknowledgedSerializer},
        examples=[OpenApiExample("A checkpoint", _CHECKPOINT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """201 once the store was seen to hold exactly that file: from then on it counts."""
        asked = CheckpointAnnouncedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        checkpoint = checkpoint_register(attempt=self.attempt(), **asked.validated_data)
        return Response({"id": str(checkpoint.pk)}, status=status.HTTP_201_CREATED)


class LoggedParametersView(RunJobView):
    """Parameters that the code of a run chose itself."""

    @extend_schema(
        summary="Say parameters of the run",
        tags=["runtime"],
        request=LoggedParametersSerializer,
        responses=LoggedParametersSerializer,
        examples=[OpenApiExample("Two parameters", _PARAMETERS)],
    )
    def post(self, request: Request) -> Response:
        """Each is written once: the same value again changes nothing, another is refused, and then none is written."""
        asked = LoggedParametersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        run, given = run_of(self.attempt()), asked.validated_data["parameters"]
        run_parameters_log(run_id=run.pk, parameters=given, actor=Actor.system("job"))
        return Response({"parameters": given})


class LatestCheckpointView(RunJobView):
    """Where to continue."""

    @extend_schema(
        summary="The checkpoint to continue from",
        tags=["runtime"],
        responses=LatestCheckpointSerializer,
        examples=[OpenApiExample("A checkpoint", _LATEST, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The highest step of the latest attempt whose file is there; 404 without one.

        Where it is an earlier attempt's, metric points of earlier attempts after its step are superseded.
        """
        found = checkpoint_resume(attempt=self.attempt())
        if found is None:
            raise NotFound("This run has no checkpoint.")
        return Response(
            {
                "step": found.step,
                "uri": uri_of(found.path),
                **object_place(self.attempt(), found.path, found.sha256),
                "sha256": found.sha256,
                "size_bytes": found.size_bytes,
                "metadata": found.metadata,
            }
        )
