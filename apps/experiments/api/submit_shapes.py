"""What `POST /runs` takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api import KnownFields, NamedRelatedField, VisibleRelatedField
from apps.common.tags import TAG_CHARACTERS_MOST, TAGS_MOST
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors.references import reference_resolve
from apps.experiments.api import examples
from apps.experiments.api.examples import asked_as
from apps.experiments.api.serializers import DAY_SECONDS, ResourcesSerializer
from apps.experiments.models import Experiment, SourceBundle
from apps.experiments.services.asked import (
    COMMAND_BYTES_MOST,
    SEED_MOST,
    TIME_LIMIT_DEFAULT_SECONDS,
    WORDS_MOST,
    NamedVersion,
)
from apps.experiments.services.requests import SCRIPT_BYTES_MOST
from apps.experiments.states import RunKind
from apps.quotas.models import PriorityClass, ResourcePool
from apps.quotas.services.requests import MEMBERS_MOST
from apps.quotas.services.retrying import ATTEMPTS_MOST, BACK_OFF_MOST_SECONDS, RETRIED
from workers.contracts.package_lock import BYTES_MOST as LOCK_BYTES_MOST
from workers.contracts.specs import Resources


@extend_schema_field({"type": "string"})
class PriorityClassField(serializers.SlugRelatedField[Any]):
    """A priority class by its name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="name", queryset=PriorityClass.objects.all(), **kwargs)

    def get_queryset(self) -> Any:
        """Of all that the caller sees."""
        return PriorityClass.objects.visible_to(self.context["request"].user)


class PoolField(serializers.SlugRelatedField[Any]):
    """A pool by its name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="name", queryset=ResourcePool.objects.all(), **kwargs)

    def get_queryset(self) -> Any:
        """Of all that the caller sees."""
        return ResourcePool.objects.visible_to(self.context["request"].user)


class TagsField(serializers.ListField):
    """Words; kept sorted, each once."""

    child = serializers.CharField(max_length=TAG_CHARACTERS_MOST)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": TAGS_MOST, **kwargs})


@asked_as({"name": "holdout", "dataset_version": "credit-risk/loans@gold"})
class RunInputAskedSerializer(KnownFields):
    """A dataset version that the job finds by `ctx.input(name)`."""

    name = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$", help_text="Letters, digits, _, - and .")
    dataset_version = NamedRelatedField(
        DatasetVersion, named_by=reference_resolve, help_text="Its id, or `project/dataset@version`"
    )


class RetriesSerializer(KnownFields):
    """An attempt that ends for one of these reasons is followed by another, from its last checkpoint."""

    reasons = serializers.ListField(
        child=serializers.ChoiceField([(one.value, one.label) for one in RETRIED]), required=False, default=list
    )
    max_attempts = serializers.IntegerField(
        min_value=1, max_value=ATTEMPTS_MOST, default=3, help_text="That may end so, the first counted"
    )
    backoff_seconds = serializers.IntegerField(
        min_value=0,
        max_value=BACK_OFF_MOST_SECONDS,
        default=10,
        help_text="Before the second; doubled for each further",
    )


class VariablesField(serializers.DictField):
    """Texts by names."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False)


@asked_as(
    {
        "experiment": examples.EXPERIMENT_ID,
        "name": "risk-1",
        "script": examples.RUN["script"],
        "dataset_version": examples.VERSION_ID,
        "parameters": {"epochs": 15, "learning_rate": 0.001},
        "resources": examples.RESOURCES,
        "time_limit_seconds": 600,
    }
)
class RunCreateSerializer(KnownFields):
    experiment = VisibleRelatedField(Experiment)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(RunKind.choices, default=RunKind.SCRIPT, help_text="See `GET /run-kinds`")
    script = serializers.CharField(
        trim_whitespace=False,
        max_length=SCRIPT_BYTES_MOST,
        required=False,
        allow_blank=True,
        default="",
        help_text="Python; runs as `python train.py`. Of the kind `script` only",
    )
    bundle = VisibleRelatedField(
        SourceBundle, required=False, allow_null=True, default=None, help_text="Of the kind `bundle`"
    )
    command = serializers.ListField(
        child=serializers.CharField(max_length=COMMAND_BYTES_MOST, trim_whitespace=False),
        required=False, default=list, max_length=WORDS_MOST,
        help_text="Words, without a shell. Of a bundle, executed in its folder; of an image. `python` is the run's own",
    )  # fmt: skip
    image = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default="", trim_whitespace=False,
        help_text="Of the kind `image`",
    )  # fmt: skip
    requirements = serializers.CharField(
        max_length=LOCK_BYTES_MOST, required=False, allow_blank=True, default="", trim_whitespace=False,
        help_text="Packages of a bundle, each with its version, as `pip freeze` and `pip-compile` write them",
    )  # fmt: skip
    dataset_version = NamedRelatedField(
        DatasetVersion,
        named_by=reference_resolve,
        required=False,
        allow_null=True,
        default=None,
        help_text="Its id, or `project/dataset@version` with a number, an alias or `latest`, as it is now: the job's"
        " `data`. A bundle and an image need none",
    )
    inputs = RunInputAskedSerializer(many=True, required=False, help_text="Further dataset versions, by name")
    parameters = serializers.DictField(required=False, default=dict, help_text="The job's `ctx.parameters`")
    environment = VariablesField(required=False, default=dict, help_text="Variables of the job; secrets go as files")
    seed = serializers.IntegerField(
        min_value=0, max_value=SEED_MOST, required=False, allow_null=True, default=None,
        help_text="The job finds it as `BEDPLATE_SEED` and `ctx.seed`; of a trainer it is its parameter",
    )  # fmt: skip
    resources = ResourcesSerializer(required=False)
    secrets = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, default=list, max_length=50,
        help_text="Names of secrets of the project; the job finds them as files",
    )  # fmt: skip
    time_limit_seconds = serializers.IntegerField(
        min_value=1, max_value=30 * DAY_SECONDS, default=TIME_LIMIT_DEFAULT_SECONDS, help_text="Of one attempt"
    )
    count_min = serializers.IntegerField(
        min_value=1, max_value=MEMBERS_MOST, default=1, help_text="Members that start together at least"
    )
    count_max = serializers.IntegerField(
        min_value=1, max_value=MEMBERS_MOST, default=1, help_text="Members at most, where there is room for more"
    )
    priority_class = PriorityClassField(
        required=False, allow_null=True, default=None, help_text="Name of one, see `GET /priority-classes`; null: 0"
    )
    retries = RetriesSerializer(required=False, help_text="After which ends it is tried again")
    tags = TagsField(required=False, default=list)
    pool = PoolField(
        required=False, allow_null=True, default=None, help_text="Name of one; null: where the project's work runs"
    )

    def validate_resources(self, value: dict[str, Any]) -> Resources:
        return Resources(**value)

    def validate_inputs(self, value: list[dict[str, Any]]) -> list[NamedVersion]:
        return [NamedVersion(each["name"], each["dataset_version"]) for each in value]
