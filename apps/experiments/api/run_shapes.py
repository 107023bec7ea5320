"""Shapes of what runs report: JSON columns whose parts a client wants typed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.experiments.selectors.evaluations import evaluation_typed, numbers_in
from apps.experiments.selectors.goals import mode_of
from apps.quotas.states import Reason

ANY_VALUES = {"type": "object", "additionalProperties": {}}


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]})
class ValueField(serializers.FloatField):
    """A number, or the text for what JSON has no number for."""


class MetricSummarySerializer(serializers.Serializer[Any]):
    """All points of a metric that count, in a few numbers: of finite values, null where there is none."""

    last = ValueField(help_text="At the highest step")
    last_step = serializers.IntegerField()
    last_time = serializers.FloatField(required=False, help_text="Unix seconds")
    min = serializers.FloatField(allow_null=True)
    min_step = serializers.IntegerField(required=False, allow_null=True, help_text="Where it was first met")
    max = serializers.FloatField(allow_null=True)
    max_step = serializers.IntegerField(required=False, allow_null=True, help_text="Where it was first met")
    mean = serializers.FloatField(allow_null=True)
    sum = serializers.FloatField()
    count = serializers.IntegerField()
    not_finite = serializers.IntegerField(required=False, help_text="Of them, NaN or infinite; where some are")
    best = serializers.FloatField(allow_null=True, help_text="By the goal of the experiment, else by the metric's name")
    best_step = serializers.IntegerField(required=False, allow_null=True)


class SeriesSerializer(serializers.Serializer[Any]):
    steps = serializers.ListField(child=serializers.IntegerField())
    values = serializers.ListField(child=ValueField())
    times = serializers.ListField(child=serializers.FloatField(), help_text="Unix seconds")


@extend_schema_field(serializers.DictField(child=MetricSummarySerializer()))
class SummaryField(serializers.JSONField):
    """By key of the metric, with the best value by the goal of the experiment (`selectors.runs.with_names`)."""

    def get_attribute(self, instance: Any) -> Any:
        named, chosen = getattr(instance, "goal_metric", ""), getattr(instance, "goal_mode", "")
        entries: Any = super().get_attribute(instance)
        return {key: _with_best(entry, mode_of(key, chosen if key == named else "")) for key, entry in entries.items()}


def _with_best(entry: dict[str, Any], mode: str) -> dict[str, Any]:
    return {**entry, "best": entry.get(mode), "best_step": entry.get(f"{mode}_step")}


@extend_schema_field(ANY_VALUES)
class ParametersField(serializers.JSONField):
    """As they were given."""


class RetryRuleSerializer(serializers.Serializer[Any]):
    """Empty: no end of its own is tried again."""

    reasons = serializers.ListField(child=serializers.ChoiceField(Reason.choices), required=False)
    max_attempts = serializers.IntegerField(required=False)
    backoff_seconds = serializers.IntegerField(required=False)


@extend_schema_field(RetryRuleSerializer)
class RetriesField(serializers.JSONField):
    """As they were asked for."""


class RocSerializer(serializers.Serializer[Any]):
    """By falling threshold; at most 200 points."""

    false_positive_rate = serializers.ListField(child=serializers.FloatField())
    true_positive_rate = serializers.ListField(child=serializers.FloatField())
    thresholds = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="Null: above every score"
    )


class PrecisionRecallSerializer(serializers.Serializer[Any]):
    """By falling threshold; at most 200 points."""

    recall = serializers.ListField(child=serializers.FloatField())
    precision = serializers.ListField(child=serializers.FloatField())
    thresholds = serializers.ListField(child=serializers.FloatField())


class ThresholdSerializer(serializers.Serializer[Any]):
    """What comes of calling positive whatever has at least this score."""

    threshold = serializers.FloatField()
    true_positives = serializers.IntegerField()
    false_positives = serializers.IntegerField()
    true_negatives = serializers.IntegerField()
    false_negatives = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True, help_text="Null: nothing is called positive")
    recall = serializers.FloatField()
    f1 = serializers.FloatField(allow_null=True)
    accuracy = serializers.FloatField()


class CalibrationBinSerializer(serializers.Serializer[Any]):
    """Rows whose score lies within; empty bins are there with a count of 0."""

    lower = serializers.FloatField()
    upper = serializers.FloatField()
    mean_predicted = serializers.FloatField(allow_null=True)
    fraction_positive = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()


class ClassMeasuresSerializer(serializers.Serializer[Any]):
    """How well one class is told."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field, which the class takes out of the way
    precision = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    f1 = serializers.FloatField(allow_null=True)
    support = serializers.IntegerField(help_text="Rows of the class")


class ResidualsSerializer(serializers.Serializer[Any]):
    """How often the actual value was so much more than the predicted one."""

    edges = serializers.ListField(child=serializers.FloatField(), help_text="Of the bins: one more than there are")
    counts = serializers.ListField(child=serializers.IntegerField())


class RegressionSerializer(serializers.Serializer[Any]):
    """How well a number is predicted, in its own unit."""

    r2 = serializers.FloatField(allow_null=True, help_text="0: as well as by the mean; null: all values are equal")
    mae = serializers.FloatField(help_text="Mean distance of predicted and actual")
    rmse = serializers.FloatField(help_text="Root of the mean squared distance")
    mean_error = serializers.FloatField(help_text="Mean of actual less predicted")
    residuals = ResidualsSerializer()
    actual = serializers.ListField(child=serializers.FloatField(), help_text="Of some rows, evenly over all")
    predicted = serializers.ListField(child=serializers.FloatField(), help_text="Of the same rows")


class EvaluationSerializer(serializers.Serializer[Any]):
    """On held-out rows. A script reports what it likes: each of these may be missing, and others may be there."""

    auc = serializers.FloatField(required=False)
    accuracy = serializers.FloatField(required=False)
    average_precision = serializers.FloatField(required=False)
    brier = serializers.FloatField(required=False, help_text="Mean squared distance of score and label")
    log_loss = serializers.FloatField(required=False)
    rows = serializers.IntegerField(required=False)
    threshold = serializers.FloatField(required=False, help_text="Of the confusion matrix and the classes")
    confusion_matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        required=False,
        help_text="Row: true class, column: predicted; [[TN, FP], [FN, TP]] of two",
    )
    roc = RocSerializer(required=False)
    precision_recall = PrecisionRecallSerializer(required=False)
    thresholds = ThresholdSerializer(many=True, required=False)
    calibration = CalibrationBinSerializer(many=True, required=False, help_text="Ten bins of equal width")
    classes = ClassMeasuresSerializer(many=True, required=False)
    regression = RegressionSerializer(required=False)


@extend_schema_field(EvaluationSerializer)
class EvaluationField(serializers.JSONField):
    """Without parts that are not of the form that they should have."""

    def to_representation(self, value: Any) -> Any:
        return evaluation_typed(value)


@extend_schema_field(serializers.DictField(child=serializers.FloatField()))
class NumbersField(serializers.JSONField):
    """Numbers by name; what is none is left out."""

    def to_representation(self, value: Any) -> Any:
        return numbers_in(value)


class ResultErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class ResultModelSerializer(serializers.Serializer[Any]):
    artifact = serializers.CharField(required=False, help_text="Name of the artifact that is the model")


class ResultSerializer(serializers.Serializer[Any]):
    """What the job left. A script reports what it likes: each of these may be missing, and others may be there."""

    metrics = serializers.DictField(child=serializers.FloatField(), required=False)
    evaluation = EvaluationSerializer(required=False)
    model = ResultModelSerializer(required=False)
    error = ResultErrorSerializer(required=False)


@extend_schema_field(ResultSerializer(allow_null=True))
class ResultField(serializers.JSONField):
    """Parts that clients draw are of the form that they should have, or left out."""

    def to_representation(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return None
        typed = {"metrics": numbers_in, "evaluation": evaluation_typed, "model": _object, "error": _object}
        return {name: typed[name](part) if name in typed else part for name, part in value.items()}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
