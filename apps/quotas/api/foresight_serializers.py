"""What the API says of why something waits and until when."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.stories import StateMessageField
from apps.quotas.api.pool_serializers import PlaceSerializer, StartBandSerializer
from apps.quotas.models import StartEstimate
from apps.quotas.scheduling import blocked
from apps.quotas.scheduling.why import BEHIND, COHORT, POOL, QUEUE, in_units
from apps.quotas.states import Reason, Resource, WorkloadState

PLACES = [(kind, kind) for kind in (QUEUE, COHORT, POOL)]
KINDS = [
    (kind, kind)
    for kind in (
        blocked.CAP,
        blocked.CAP_GPUS,
        blocked.NO_QUOTA,
        blocked.QUOTA,
        blocked.PROMISED,
        blocked.MACHINES,
        blocked.KEPT,
        BEHIND,
    )
]


class _Amount(serializers.FloatField):
    """An amount in its own unit: cores in thousandths, bytes, devices."""

    def get_attribute(self, instance: Any) -> Any:
        amount = super().get_attribute(instance)
        return None if amount is None else in_units(instance.resource, amount)


class BoundSerializer(serializers.Serializer[Any]):
    """A limit that is in the way. Amounts in their own unit: thousandths of a core, bytes, devices."""

    kind = serializers.ChoiceField(PLACES, help_text="Whose limit it is; `pool`: all that the machines have.")
    id = serializers.UUIDField(allow_null=True, help_text="Of the queue or cohort.")
    name = serializers.CharField(allow_blank=True)
    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True)
    nominal = _Amount(help_text="Guaranteed.")
    limit = _Amount(allow_null=True, help_text="Most that it may hold; null: as much as others leave idle.")
    held = _Amount()
    left = _Amount(help_text="Of it, as much may still be taken.")
    needed = _Amount(help_text="By the members without which it does not start.")


class BorrowerSerializer(serializers.Serializer[Any]):
    """Who holds more than it is guaranteed of what is short."""

    kind = serializers.ChoiceField(PLACES)
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    amount = serializers.FloatField(help_text="Beyond its nominal, in the unit of the resource.")


class FreeSerializer(serializers.Serializer[Any]):
    """What is free on the machines, of a kind that would do."""

    flavor = serializers.CharField(allow_blank=True, help_text="Empty: it wants no GPU.")
    devices = serializers.IntegerField(help_text="Whole ones that nobody holds.")
    members = serializers.IntegerField(help_text="Of this workload, that would find room now.")


class NeverSerializer(serializers.Serializer[Any]):
    """It could not run even if nothing else did: why, and the largest that could."""

    reason = serializers.ChoiceField(Reason.choices)
    detail = serializers.CharField()
    message = StateMessageField(source="detail")


class StartEstimateSerializer(serializers.ModelSerializer[StartEstimate]):
    """When it was expected to start, and once it has started how far off that was."""

    class Meta:
        model = StartEstimate
        fields = [
            "made_at", "start_at", "low_at", "high_at", "is_first", "started_at", "error_seconds", "inside",
        ]  # fmt: skip


class AccuracySerializer(serializers.Serializer[Any]):
    """How good the first estimates for this queue have been."""

    count = serializers.IntegerField()
    median_error_seconds = serializers.FloatField(allow_null=True, help_text="Without its sign.")
    median_lateness_seconds = serializers.FloatField(
        allow_null=True, help_text="Above 0: work tends to start later than was said."
    )
    coverage_ratio = serializers.FloatField(
        allow_null=True, help_text="How often work started inside the band, which is made for 0.8."
    )
    since = serializers.DateTimeField()


class WhySerializer(serializers.Serializer[Any]):
    """Why a workload waits, what would have to change, and until when."""

    workload = serializers.UUIDField(source="workload.pk")
    state = serializers.ChoiceField(WorkloadState.choices, source="workload.state")
    reason = serializers.ChoiceField(Reason.choices, source="workload.state_reason", allow_blank=True)
    detail = serializers.CharField(source="workload.state_detail", allow_blank=True)
    message = StateMessageField(source="workload.state_detail")
    place = PlaceSerializer(allow_null=True, help_text="Null: it does not wait in the line.")
    kind = serializers.ChoiceField(
        KINDS,
        source="why.kind",
        default=None,
        allow_null=True,
        help_text="What is in its way, looked at alone; of what is held back, what will be.",
    )
    bound = BoundSerializer(source="why.bound", default=None, allow_null=True)
    borrowers = serializers.SerializerMethodField(help_text="Whose return of what they borrow would let it start.")
    free = FreeSerializer(source="why.free", many=True, default=[])
    possible_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When what is in its way is gone at the latest, by the time limits of what runs; null: nobody knows.",
    )
    never = NeverSerializer(
        source="why.never", default=None, allow_null=True, help_text="Not null: as things are it will not start at all."
    )
    avoids = serializers.ListField(
        source="why.avoids",
        child=serializers.CharField(),
        default=[],
        help_text="Machines on which its last start took too long: it is not placed there for a while.",
    )
    estimate = StartBandSerializer(allow_null=True)
    history = StartEstimateSerializer(many=True, help_text="Latest first, at most 50.")
    accuracy = AccuracySerializer()

    @extend_schema_field(BorrowerSerializer(many=True))
    def get_borrowers(self, obj: Any) -> list[dict[str, Any]]:
        if obj.why is None:
            return []
        resource = obj.why.bound.resource if obj.why.bound is not None else Resource.GPUS
        rows = [{**one._asdict(), "amount": in_units(resource, one.amount)} for one in obj.why.borrowers]
        return list(BorrowerSerializer(rows, many=True).data)
