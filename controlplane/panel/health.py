"""The health page: each part of the control plane in words. It needs PostgreSQL, as sessions do, and not Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from apps.common.panel.cells import size
from apps.common.templatetags.times import duration
from controlplane.panel.vitals import DatabaseVitals, Lag, RedisVitals, database_vitals, publisher_lag, redis_vitals


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the control plane: is it well, and in words."""

    name: str
    ok: bool
    text: str
    figure: str = ""


def health_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """For superusers: it is about the installation, not about anybody's work."""
    user: Any = request.user
    if not user.is_superuser:
        raise PermissionDenied("The health of the installation is for its administrators.")
    database, redis = database_vitals(), redis_vitals()
    lag = publisher_lag(redis.horizon)
    context |= {
        "title": _("Health"),
        "parts": parts(database, redis, lag),
        "database": database,
        "redis": redis,
        "lag": lag,
    }
    return TemplateResponse(request, "controlplane/health.html", context)


def parts(database: DatabaseVitals, redis: RedisVitals, lag: Lag) -> list[Part]:
    """Every part, those that something is wrong with first."""
    found = [_database(database), _redis(redis)]
    if not redis.error:
        found += [_beat(redis), _workers(redis), _queues(redis)]
    found.append(_publisher(database, redis, lag))
    return sorted(found, key=lambda part: part.ok)


def _database(found: DatabaseVitals) -> Part:
    text = _("Answers; %(used)d of %(most)d connections are in use.")
    told = text % {"used": found.connections, "most": found.connections_most}
    return Part("PostgreSQL", found.connections < 0.9 * found.connections_most, told, _ms(found.milliseconds))


def _redis(found: RedisVitals) -> Part:
    if found.error:
        text = _(
            "Does not answer (%(error)s). Runs go on and start, a few seconds later; live news stop,"
            " and failed sign-ins are not counted. Nothing is lost."
        )
        return Part("Redis", False, text % {"error": found.error})
    return Part(
        "Redis", True, _("Answers; holds %(size)s.") % {"size": size(found.memory_bytes)}, _ms(found.milliseconds)
    )


def _beat(found: RedisVitals) -> Part:
    late = [tick.name for tick in found.ticks if tick.late]
    last = min((tick.sent_ago for tick in found.ticks if tick.sent_ago is not None), default=None)
    figure = _("%(span)s ago") % {"span": duration(last)} if last is not None else ""
    if late and len(late) == len(found.ticks):
        return Part(_("Beat"), False, _("Sends no ticks: what hints do not start waits. Start beat."), figure)
    if late:
        return Part(_("Beat"), False, _("Late: %(names)s.") % {"names": ", ".join(late)}, figure)
    return Part(_("Beat"), True, _("Every tick was sent in its time."), figure)


def _workers(found: RedisVitals) -> Part:
    alive = [worker for worker in found.workers if not worker.gone]
    if not alive:
        return Part(_("Workers"), False, _("No worker has been heard for half a minute: nothing starts or ends."), "0")
    return Part(_("Workers"), True, _("Heard within the last half minute."), str(len(alive)))


def _queues(found: RedisVitals) -> Part:
    stuck = [line.name for line in found.queues if line.stuck]
    waiting = str(sum(line.waiting for line in found.queues))
    if stuck:
        told = _("Messages pile up in %(names)s: no worker takes them, or not fast enough.")
        return Part(_("Task queues"), False, told % {"names": ", ".join(stuck)}, waiting)
    return Part(_("Task queues"), True, _("Messages are taken as they come."), waiting)


def _publisher(database: DatabaseVitals, redis: RedisVitals, lag: Lag) -> Part:
    name = _("Publisher")
    if not database.publisher_leads:
        return Part(name, False, _("None runs: browsers are told nothing until they load again. Start it."))
    if redis.error or not lag.known:
        return Part(name, False, _("Waits for Redis; what happened meanwhile is told afterwards."))
    figure = _("%(count)d behind") % {"count": lag.events}
    if lag.late:
        told = _("Is behind by %(span)s; browsers see what happened late.") % {"span": duration(lag.seconds)}
        return Part(name, False, told, figure)
    return Part(name, True, _("Tells browsers what happened as it is committed."), figure)


def _ms(milliseconds: float) -> str:
    return _("%(count)s ms") % {"count": f"{milliseconds:.1f}"}
