"""Shares of GPUs: kinds of their own that are parts of one device of another kind."""

from __future__ import annotations

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import Conflict
from apps.common.events import emit
from apps.quotas.models import ResourceFlavor
from apps.quotas.services.changes import between_check, refuse
from apps.quotas.services.locks import pool_locked

WHOLE = 1000


@transaction.atomic
def flavor_share_create(*, share_of: ResourceFlavor, share_millis: int, name: str = "", actor: Actor) -> ResourceFlavor:
    """Let a part of one device be asked for, by a name like `H200/4`.

    What it holds counts for the quotas of the whole kind. Nothing isolates the holders of one device from each other.

    Args:
        share_millis: thousandths of a device.
        name: empty means one that says how much of what it is.

    Raises:
        Invalid: not less than a device, or a share of a share.
        Conflict: the pool has a kind of that name.
    """
    pool = pool_locked(share_of.pool_id)
    between_check("share_millis", share_millis, 1, WHOLE - 1)
    if share_of.share_of_id is not None:
        refuse("share_of", f"{share_of.name} is a share already; name the kind of the whole device")
    made = ResourceFlavor(
        pool=pool,
        name=name.strip() or share_name(share_of.name, share_millis),
        gpu_model=share_of.gpu_model,
        gpu_memory_bytes=share_of.gpu_memory_bytes * share_millis // WHOLE,
        simulated=share_of.simulated,
        share_of=share_of,
        share_millis=share_millis,
        isolated=False,
    )
    made.clean_fields()
    if ResourceFlavor.objects.filter(pool=pool, name=made.name).exists():
        raise Conflict(f"{pool.name} has a kind of GPU named {made.name} already.")
    made.save()
    after = {"name": made.name, "share_of": share_of.name, "share_millis": share_millis}
    record(actor, "resource_flavor.created", made, detail={"after": after})
    emit("pool.changed", pool, noun="pool")
    return made


def share_name(kind: str, share_millis: int) -> str:
    """`H200/4` for a quarter, `H200 30%` for what is no whole part."""
    if WHOLE % share_millis == 0:
        return f"{kind}/{WHOLE // share_millis}"
    return f"{kind} {share_millis / 10:g}%"
