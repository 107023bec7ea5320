"""Schedules of ingestions: made, paused, run. The tick starts those that are due, each once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, transaction

from apps.access.models import User
from apps.access.permissions import role_of
from apps.access.states import Role
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import BedplateError, Conflict, Forbidden, Invalid
from apps.common.states import transition
from apps.datasets.models import Dataset, DatasetVersion, Ingestion, IngestionSchedule
from apps.datasets.recipes.parsing import parsing_problems
from apps.datasets.selectors.references import appending_base, appends_open
from apps.datasets.services.ingestions import ingestion_create
from apps.datasets.services.keeping import version_restore
from apps.datasets.services.origins import format_said, normalised
from apps.datasets.services.schedule_notes import schedule_halt
from apps.datasets.services.timetable import BadTimes, next_after
from apps.datasets.states import INGESTION, ScheduleMode, ScheduleReason, ScheduleState, VersionState
from workers.contracts.sentences import say

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
"""Started by one tick."""
ACTIVE_MOST: Final = 200
"""Of a project."""
TURN: Final = timedelta(minutes=1)
"""How long one waits while something else is appended to its dataset, until it asks again."""


@transaction.atomic
def schedule_create(
    *,
    dataset: Dataset,
    origin: dict[str, Any],
    options: dict[str, Any],
    mode: str = ScheduleMode.REPLACE,
    cron: str = "",
    every_seconds: int | None = None,
    time_zone: str = "UTC",
    failures_most: int = 3,
    created_by: User,
    actor: Actor,
) -> IngestionSchedule:
    """Ask for an ingestion at times to come, in the caller's name.

    Raises:
        Invalid: the times, the origin or an option.
        OriginNotAllowed: the project may not fetch from there.
    """
    found = _checked(dataset, origin, options)
    if bool(cron) is (every_seconds is not None):
        raise Invalid("Say cron or every_seconds.", fields={"cron": ["Say this or every_seconds."]})
    if IngestionSchedule.objects.filter(project=dataset.project, state=ScheduleState.ACTIVE).count() >= ACTIVE_MOST:
        raise Conflict(f"The project has {ACTIVE_MOST} active schedules, which is the most.")
    times = {"cron": " ".join(cron.split()), "every_seconds": every_seconds, "time_zone": time_zone}
    schedule: IngestionSchedule = IngestionSchedule.objects.create(
        project=dataset.project,
        dataset=dataset,
        origin=found,
        options=options,
        mode=mode,
        failures_most=failures_most,
        next_at=_next(clock.db_now(), times),
        created_by=created_by,
        **times,
    )
    record(actor, "ingestion_schedule.created", schedule, detail=times)
    return schedule


def _checked(dataset: Dataset, origin: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
    found = normalised(dataset.project, origin)
    problems = parsing_problems(options)
    if not problems and not (options.get("format") or format_said(found)):
        problems["options.format"] = ["The address does not say its format: say it here."]
    if problems:
        raise Invalid("; ".join(f"{at}: {text}" for at, texts in problems.items() for text in texts), fields=problems)
    return found


def _next(moment: datetime, times: dict[str, Any]) -> datetime:
    try:
        return next_after(moment, **times)
    except BadTimes as error:
        field = "time_zone" if "time zone" in str(error) else "cron" if times["cron"] else "every_seconds"
        raise Invalid(f"{field}: {error}.", fields={field: [f"{error}."]}) from None


def times_of(schedule: IngestionSchedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in ("cron", "every_seconds", "time_zone")}


@transaction.atomic
def schedule_pause(schedule: IngestionSchedule, *, actor: Actor) -> None:
    """Let it not come any more until it is resumed; an ingestion that runs goes on."""
    transition(schedule, ScheduleState.PAUSED, actor=actor, reason=ScheduleReason.BY_USER, next_at=None)
    record(actor, "ingestion_schedule.paused", schedule)


@transaction.atomic
def schedule_resume(schedule: IngestionSchedule, *, actor: Actor) -> None:
    """Let it come again, at its next time from now."""
    following = _next(clock.db_now(), times_of(schedule))
    transition(schedule, ScheduleState.ACTIVE, actor=actor, next_at=following)
    record(actor, "ingestion_schedule.resumed", schedule)


@transaction.atomic
def schedule_retire(schedule: IngestionSchedule, *, actor: Actor) -> None:
    """End it for good; what it asked for stays."""
    transition(schedule, ScheduleState.RETIRED, actor=actor, next_at=None)
    record(actor, "ingestion_schedule.retired", schedule)


@transaction.atomic
def schedule_run(schedule: IngestionSchedule, *, requested_by: User, actor: Actor) -> Ingestion:
    """Ask for its ingestion now, out of turn.

    Raises:
        Conflict: it is retired, the ingestion before still runs, what that one made is kept back, or something else
            is being appended to the dataset.
    """
    locked: IngestionSchedule = IngestionSchedule.objects.select_for_update(of=("self",)).get(pk=schedule.pk)
    _lock(locked)
    if locked.is_terminal:
        raise Conflict("The schedule is retired.")
    if _is_running(locked):
        raise Conflict("The ingestion before still runs.")
    if _is_kept_back(locked):
        raise Conflict("What came before is not published yet: validate it again, or reject it.")
    if _waits(locked):
        raise Conflict("Something else is appended to the dataset, and still runs or is not published yet.")
    return _ask(locked, requested_by=requested_by, actor=actor)


def schedules_start_due() -> int:
    """Start the schedules whose time has come; returns how many ingestions were asked for.

    Each comes once, however many ticks run: its next time moves by a conditional update, in the transaction in which
    the ingestion is made.
    """
    due: Any = IngestionSchedule.objects.filter(state=ScheduleState.ACTIVE, next_at__lte=clock.db_time())
    count = 0
    for pk in list(due.order_by("next_at").values_list("pk", flat=True)[:AT_ONCE]):
        try:
            count += _start(pk)
        except (BedplateError, DatabaseError):
            log.exception("could not start the schedule %s; it is tried again", pk)
    return count


def _start(pk: UUID) -> int:
    schedule = IngestionSchedule.objects.select_related("project", "dataset__project", "created_by").get(pk=pk)
    who = schedule.created_by
    if who is None or role_of(who, schedule.project) not in (Role.EDITOR, Role.ADMIN):
        detail = say("schedule_not_allowed", name=who.get_username() if who is not None else "?")
        schedule_halt(schedule, reason=ScheduleReason.NOT_ALLOWED, detail=detail)
        return 0
    try:
        with transaction.atomic():
            if not _take(schedule):
                return 0
            _ask(schedule, requested_by=who, actor=Actor.system("schedule"))
            return 1
    except (Invalid, Conflict, Forbidden) as error:
        halted = IngestionSchedule.objects.select_related("project").get(pk=pk)
        schedule_halt(halted, reason=ScheduleReason.INVALID, detail=str(error))
        return 0


def _take(schedule: IngestionSchedule) -> bool:
    """Move its time on; whether this tick is the one that starts it."""
    now = clock.db_now()
    if schedule.next_at is None or schedule.next_at > now:
        return False
    row: Any = IngestionSchedule.objects.filter(pk=schedule.pk, state=ScheduleState.ACTIVE, next_at=schedule.next_at)
    if row.select_for_update(of=("self",)).first() is None:
        return False
    _lock(schedule)
    following = _next(now, times_of(schedule))
    if _is_running(schedule) or _is_kept_back(schedule):
        row.update(next_at=following, skipped_count=schedule.skipped_count + 1)
        return False
    if _waits(schedule):  # not passed over: of two that come at the same times the second would never come
        row.update(next_at=min(following, now + TURN))
        return False
    return bool(row.update(next_at=following))


def _lock(schedule: IngestionSchedule) -> None:
    """Its dataset, after itself: nothing is appended meanwhile, and no version published."""
    Dataset.objects.select_for_update(of=("self",), no_key=True).get(pk=schedule.dataset_id)


def _is_running(schedule: IngestionSchedule) -> bool:
    return schedule.ingestions.filter(state__in=sorted(INGESTION.active)).exists()


def _is_kept_back(schedule: IngestionSchedule) -> bool:
    """Whether rows that it brought are in a version that nobody has decided about: those of the next would be
    appended to what was there before them, and they would be missing from then on."""
    undecided = DatasetVersion.objects.filter(state__in=[VersionState.DRAFT, VersionState.VALIDATING])
    return schedule.mode == ScheduleMode.APPEND and undecided.filter(ingestion__schedule=schedule).exists()


def _waits(schedule: IngestionSchedule) -> bool:
    """Whether something that it did not ask for is being appended: two that begin with the same rows are two versions,
    and the next would begin with one's rows only."""
    return schedule.mode == ScheduleMode.APPEND and bool(appends_open(schedule.dataset_id).exists())


def _ask(schedule: IngestionSchedule, *, requested_by: User, actor: Actor) -> Ingestion:
    base = appending_base(schedule.dataset_id) if schedule.mode == ScheduleMode.APPEND else None
    if base is not None and base.data_tombstoned_at is not None:
        base = version_restore(base, reasons=["in_use"], actor=actor)
    ingestion = ingestion_create(
        dataset=schedule.dataset,
        origin=schedule.origin,
        options=schedule.options,
        append_to=base,
        schedule=schedule,
        requested_by=requested_by,
        actor=actor,
    )
    IngestionSchedule.objects.filter(pk=schedule.pk).update(last_at=clock.db_time())
    return ingestion
