"""What an hour of something costs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.common.models import BaseModel
from apps.quotas.models.pool import InPoolManager, ResourcePool
from apps.quotas.states import Resource


class Rate(BaseModel):
    """From when an hour of one resource of a pool costs how much, in the currency of the installation.

    Rows are only added, and the database refuses anything else: what was used keeps the price that it had then.
    """

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="rates")
    resource = models.CharField(max_length=20, choices=Resource.choices)
    flavor = models.CharField(max_length=60, blank=True, default="")
    """The kind of GPU; empty for other resources. Parts of a device cost their part."""
    price = models.DecimalField(max_digits=18, decimal_places=6)
    """Of an hour of a core, of a GiB of memory or of a whole device."""
    valid_from = models.DateTimeField()
    """Until the next one of the same resource and kind."""

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "resource", "flavor", "valid_from"], name="rate_once"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="rate_price"),
            models.CheckConstraint(condition=models.Q(resource__in=Resource.values), name="rate_resource"),
            models.CheckConstraint(
                condition=models.Q(resource=Resource.GPUS) & ~models.Q(flavor="")
                | ~models.Q(resource=Resource.GPUS) & models.Q(flavor=""),
                name="rate_flavor_of_gpus",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price} for {self.flavor or self.resource} in {self.pool_id}"
