"""Times and durations as the pages say them: short, in the reader's language."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.translation import gettext as _

from apps.common.clock import now

register = template.Library()
MINUTE, HOUR, DAY = 60, 3600, 86400


@register.filter
def ago(moment: datetime) -> str:
    """`just now`, `4 m 05 s ago`, `2 d 03 h ago`."""
    seconds = (now() - moment).total_seconds()
    return _("just now") if seconds < 5 else _("%(span)s ago") % {"span": duration(seconds)}


def duration(seconds: float) -> str:
    """Two units at most, the second with two digits, so that columns keep their width."""
    whole = max(0, int(seconds))
    if whole < 10:
        return _("%(s)s s") % {"s": f"{max(seconds, 0):.1f}"}
    if whole < MINUTE:
        return _("%(s)s s") % {"s": whole}
    if whole < HOUR:
        return _("%(m)d m %(s)02d s") % {"m": whole // MINUTE, "s": whole % MINUTE}
    if whole < DAY:
        return _("%(h)d h %(m)02d m") % {"h": whole // HOUR, "m": whole % HOUR // MINUTE}
    return _("%(d)d d %(h)02d h") % {"d": whole // DAY, "h": whole % DAY // HOUR}
