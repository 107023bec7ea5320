"""What the API says and takes of budgets, rates and what was used. Amounts are decimals, as text: nothing is rounded on
the way but to six digits after the point."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from apps.access.models import Organisation, Project, Team
from apps.common import clock
from apps.common.api import VisibleRelatedField
from apps.common.errors import Invalid
from apps.quotas.models import Budget, Rate, ResourcePool
from apps.quotas.models.budget import SCOPES
from apps.quotas.scheduling import budget as pure
from apps.quotas.selectors.budgets import Active
from apps.quotas.selectors.usage_report import KEYS, Line
from apps.quotas.states import BudgetAction, BudgetPeriod, BudgetUnit, Resource

LONG = timedelta(days=30)
LINES_MOST = 10_000


class FigureField(serializers.DecimalField):
    """An amount that was computed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 30, "decimal_places": 6, **kwargs})


class AmountField(serializers.DecimalField):
    """An amount that somebody sets."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 4, "min_value": 0, **kwargs})


class BudgetThresholdSerializer(serializers.Serializer[Any]):
    """From a share of the amount on, what is done."""

    ratio = serializers.DecimalField(max_digits=6, decimal_places=4, help_text="`0.8`: 80 % of the amount.")
    action = serializers.ChoiceField(BudgetAction.choices)


class BudgetReachedSerializer(serializers.Serializer[Any]):
    """A threshold of which it was told in the running period."""

    period_begins = serializers.DateTimeField()
    amount = serializers.CharField(help_text="Of the budget at that time.")
    ratio = serializers.CharField()
    action = serializers.ChoiceField(BudgetAction.choices)
    at = serializers.DateTimeField()
    spent = serializers.CharField()
    reserved = serializers.CharField()


class BudgetStandingSerializer(serializers.Serializer[Any]):
    """How far a budget is used up in its running period."""

    period_begins = serializers.DateTimeField(source="period.begins")
    period_ends = serializers.DateTimeField(source="period.ends")
    spent = FigureField(source="view.use.spent", help_text="Held until now, from admission on.")
    reserved = FigureField(
        source="view.use.reserved",
        help_text="What holds something, until its declared limit or the end of the period; 0 without a limit.",
    )
    queued = FigureField(source="view.use.queued", help_text="Declared by what waits in the line.")
    action = serializers.SerializerMethodField(help_text="The strictest whose threshold is reached; null: none.")

    @extend_schema_field(serializers.ChoiceField(BudgetAction.choices, allow_null=True))
    def get_action(self, found: Active) -> str | None:
        reached = [one.action for one in pure.reached(found.view)]
        return max(reached, key=lambda action: pure.STRICT.get(action, 0), default=None)


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    organisation_name = serializers.CharField(source="organisation.name", read_only=True)
    team_name = serializers.CharField(source="team.name", read_only=True, allow_null=True)
    project_name = serializers.CharField(source="project.name", read_only=True, allow_null=True)
    scope = serializers.ChoiceField([(scope, scope) for scope in SCOPES], read_only=True)
    currency = serializers.SerializerMethodField(help_text="Of the installation; null for GPU-hours.")
    thresholds = BudgetThresholdSerializer(many=True)
    reached = BudgetReachedSerializer(many=True, help_text="Thresholds of which it was told in the running period.")
    standing = serializers.SerializerMethodField(help_text="Null: it is not valid now.")

    class Meta:
        model = Budget
        fields = [
            *("id", "name", "scope", "organisation", "organisation_name", "team", "team_name", "project"),
            *("project_name", "unit", "currency", "amount", "period", "starts_on", "ends_on", "thresholds"),
            *("reached", "standing", "created_at"),
        ]

    def get_currency(self, budget: Budget) -> str | None:
        return str(settings.BEDPLATE_CURRENCY) if budget.unit == BudgetUnit.MONEY else None

    @extend_schema_field(BudgetStandingSerializer(allow_null=True))
    def get_standing(self, budget: Budget) -> Any:
        found = self.context["standings"](budget)
        return BudgetStandingSerializer(found).data if found is not None else None


class BudgetChangeSerializer(serializers.Serializer[Any]):
    """What of a budget may be changed; what is left out stays."""

    name = serializers.SlugField(max_length=60, required=False)
    unit = serializers.ChoiceField(BudgetUnit.choices, required=False)
    amount = AmountField(required=False, help_text="Per period: GPU-hours, or money in the installation's currency.")
    period = serializers.ChoiceField(BudgetPeriod.choices, required=False)
    starts_on = serializers.DateField(allow_null=True, required=False, help_text="First day, of UTC.")
    ends_on = serializers.DateField(allow_null=True, required=False, help_text="Last day, of UTC.")
    thresholds = BudgetThresholdSerializer(many=True, required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A hundred GPU-hours a month: above the half somebody decides, above all of it work waits",
            value={
                "project": "0198c0de-0000-7000-8000-000000000000",
                "name": "vision",
                "unit": "gpu_hours",
                "amount": "100",
                "period": "month",
                "thresholds": [
                    {"ratio": "0.4", "action": "warn"},
                    {"ratio": "0.5", "action": "require_approval"},
                    {"ratio": "1", "action": "block"},
                ],
            },
            request_only=True,
        )
    ]
)
class BudgetCreateSerializer(BudgetChangeSerializer):
    """A budget of a project, else of a team, else of an organisation: name one of them."""

    project = VisibleRelatedField(Project, required=False)
    team = VisibleRelatedField(Team, required=False)
    organisation = VisibleRelatedField(Organisation, required=False)
    name = serializers.SlugField(max_length=60)
    unit = serializers.ChoiceField(BudgetUnit.choices)
    amount = AmountField(help_text="Per period: GPU-hours, or money in the installation's currency.")
    period = serializers.ChoiceField(BudgetPeriod.choices)
    thresholds = BudgetThresholdSerializer(
        many=True, required=False, help_text="By default a warning at 80 % and a block at 100 %."
    )

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """With the organisation."""
        named = [name for name in SCOPES if name in wanted]
        if len(named) != 1:
            raise Invalid("project, team, organisation: name one of them", fields={"project": ["name one of them"]})
        owner = wanted[named[0]]
        return {**wanted, "organisation": owner if named == ["organisation"] else owner.organisation}


class BurnDownQuerySerializer(serializers.Serializer[Any]):
    on = serializers.DateField(required=False, help_text="A day of the period that is asked for; by default the last.")


class BurnDaySerializer(serializers.Serializer[Any]):
    """The end of a day; all figures are sums since the beginning of the period."""

    on = serializers.DateField(help_text="Of UTC.")
    spent = FigureField(allow_null=True, help_text="Null: the day has not begun.")
    reserved = FigureField(help_text="Spent by then, and by what runs if it uses its declared limits up.")
    projected = FigureField(
        allow_null=True, help_text="If it goes on as in the last seven days; null for days that are over."
    )


class BurnDownSerializer(serializers.Serializer[Any]):
    """A budget over one of its periods."""

    budget = serializers.UUIDField()
    unit = serializers.ChoiceField(BudgetUnit.choices)
    currency = serializers.CharField(allow_null=True)
    amount = FigureField()
    period_begins = serializers.DateTimeField()
    period_ends = serializers.DateTimeField()
    at = serializers.DateTimeField(help_text="Until when it is spent: now, or the end of the period.")
    daily = FigureField(help_text="The pace: what is spent a day, mean of the last seven.")
    exhausted_on = serializers.DateField(allow_null=True, help_text="By when it is used up; null: not in this period.")
    days = BurnDaySerializer(many=True)


class RateSerializer(serializers.ModelSerializer[Rate]):
    pool_name = serializers.CharField(source="pool.name", read_only=True)
    currency = serializers.SerializerMethodField()

    class Meta:
        model = Rate
        fields = ["id", "pool", "pool_name", "resource", "flavor", "price", "currency", "valid_from", "created_at"]

    def get_currency(self, rate: Rate) -> str:
        return str(settings.BEDPLATE_CURRENCY)


class RateCreateSerializer(serializers.Serializer[Any]):
    """What an hour costs from a moment on: of a core, of a GiB of memory, or of a whole device of a kind."""

    pool = VisibleRelatedField(ResourcePool)
    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="The kind of GPU.")
    price = serializers.DecimalField(max_digits=18, decimal_places=6, min_value=0)
    valid_from = serializers.DateTimeField(
        required=False, help_text="Now by default; the past only where there is no rate yet."
    )


class ReportQuerySerializer(serializers.Serializer[Any]):
    """`from` and `to` default to the last thirty days, `by` to project and kind of GPU."""

    to = serializers.DateTimeField(required=False, help_text="Now by default; never later than now.")
    by = serializers.CharField(
        default="project,flavor", help_text=f"Any of {', '.join(KEYS)}, separated by commas; days are those of UTC."
    )
    project = VisibleRelatedField(Project, required=False, help_text="Only this project's.")
    pool = VisibleRelatedField(ResourcePool, required=False, help_text="Only in this pool.")
    flavor = serializers.CharField(required=False, allow_blank=True, help_text="Only this kind of GPU; empty: none.")

    def get_fields(self) -> Any:
        """With `from`, which Python keeps for itself."""
        since = serializers.DateTimeField(required=False, source="since", help_text="30 days before `to` by default.")
        return {"from": since, **super().get_fields()}

    def validate_by(self, text: str) -> tuple[str, ...]:
        """Keys in the order of the columns."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        unknown = sorted(set(words) - set(KEYS))
        if unknown:
            raise Invalid(f"by: {', '.join(unknown)} is none of {', '.join(KEYS)}", fields={"by": ["unknown word"]})
        return tuple(key for key in KEYS if key in words)

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Both ends, in order."""
        now = clock.db_now()
        until = min(asked.pop("to", None) or now, now)
        since = asked.get("since") or until - LONG
        if since >= until:
            raise Invalid("from: lies not before `to`", fields={"from": ["lies not before `to`"]})
        return {**asked, "since": since, "until": until}


class ReportPageQuerySerializer(ReportQuerySerializer):
    limit = serializers.IntegerField(min_value=1, max_value=LINES_MOST, default=1000, help_text="Most rows.")


class _HoursField(FigureField):
    """Hours of a column of seconds."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value / 3600)


class ReportLineSerializer(serializers.Serializer[Line]):
    """A row of a report; keys that it is not by are null."""

    day = serializers.DateField(allow_null=True, help_text="Of UTC.")
    project = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    user = serializers.UUIDField(allow_null=True, help_text="Who asked for it; null also: nobody, such as a schedule.")
    user_name = serializers.CharField(allow_null=True)
    flavor = serializers.CharField(allow_null=True, help_text="The kind of GPU; empty: of what held none.")
    pool = serializers.UUIDField(allow_null=True)
    pool_name = serializers.CharField(allow_null=True)
    gpu_hours_requested = _HoursField(source="gpu_seconds_requested", help_text="Reserved, from admission: billed.")
    gpu_hours_used = _HoursField(source="gpu_seconds_used", help_text="Of it, from when it ran.")
    gpu_hours_unpriced = _HoursField(source="gpu_seconds_unpriced", help_text="Requested in times without a rate.")
    core_hours_requested = _HoursField(source="core_seconds_requested")
    core_hours_used = _HoursField(source="core_seconds_used")
    cost = FigureField(help_text="In the installation's currency, by the rates of that time.")


class UsageReportSerializer(serializers.Serializer[Any]):
    """What was requested, used and paid, by what was asked for; one row where it is by nothing."""

    zone = serializers.ChoiceField([("UTC", "UTC")])
    by = serializers.ListField(child=serializers.ChoiceField([(key, key) for key in KEYS]))
    currency = serializers.CharField()
    is_complete = serializers.BooleanField(help_text="False: there are more rows than `limit`.")
    rows = ReportLineSerializer(many=True)

    def get_fields(self) -> Any:
        """With `from` and `to`."""
        ends = {"from": serializers.DateTimeField(source="since"), "to": serializers.DateTimeField(source="until")}
        return {**ends, **super().get_fields()}
