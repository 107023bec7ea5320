"""What endpoints were asked and how fast they answered: per second for an hour, per minute for a month."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.deployments.models.endpoint import Endpoint
from apps.deployments.models.revision import Revision
from apps.deployments.states import SeenBy


class EndpointFigures(models.Model):
    """Requests of one revision in a stretch of time, as the gateways or the replicas counted them.

    Without a revision: what no replica got. There is no foreign key constraint: it would lock the endpoint's row
    every second against those who lead its revisions. Endpoints and revisions are never deleted.
    """

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    revision = models.ForeignKey(
        Revision, models.CASCADE, related_name="+", null=True, db_index=False, db_constraint=False
    )
    seen_by = models.CharField(max_length=10, choices=SeenBy.choices)
    at = models.DateTimeField()
    """Its begin, by the database's clock."""
    requests = models.PositiveBigIntegerField()
    caller_errors = models.PositiveBigIntegerField()
    """Answered with 4xx, or the caller went away."""
    server_errors = models.PositiveBigIntegerField()
    """Answered with 5xx."""
    latencies = models.BinaryField()
    """`workers.contracts.latencies`: packed pieces, one after the other."""

    class Meta:
        abstract = True


class EndpointSecond(EndpointFigures):
    """One second as one process counted it. It is there once, however often it was sent."""

    source = models.UUIDField()
    """The process; a new one at each start."""
    number = models.BigIntegerField()
    """Of the second, by the clock of the process."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "number", "endpoint", "revision"], nulls_distinct=False, name="endpoint_second_once"
            ),
            models.CheckConstraint(condition=models.Q(seen_by__in=SeenBy.values), name="endpoint_second_seen_by"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "at"], name="endpoint_second_series"),
            models.Index(fields=["at"], name="endpoint_second_at"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.at}: {self.requests}"


class EndpointMinute(EndpointFigures):
    """One minute, merged over all processes."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "at", "seen_by", "revision"], nulls_distinct=False, name="endpoint_minute_once"
            ),
            models.CheckConstraint(condition=models.Q(seen_by__in=SeenBy.values), name="endpoint_minute_seen_by"),
        ]
        indexes: ClassVar = [models.Index(fields=["at"], name="endpoint_minute_at")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.at}: {self.requests}"


class EndpointPulse(models.Model):
    """Which second of an endpoint was told last to whoever follows it."""

    endpoint = models.OneToOneField(Endpoint, models.CASCADE, related_name="+", primary_key=True, db_constraint=False)
    at = models.DateTimeField()
    requests = models.PositiveBigIntegerField()
    """In that second; 0: it was told that the traffic stopped."""

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.at}: {self.requests}"
