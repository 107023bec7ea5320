"""Origins and schedules: what is asked of a job, what becomes of what it fetched, and when it comes again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.access.models import ProjectUserPermission
from apps.access.states import Role
from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Forbidden, Invalid
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.datasets.models import AllowedOrigin, DatasetVersion, Ingestion, IngestionSchedule, Source
from apps.datasets.selectors import objects_named
from apps.datasets.services.ingestions import ingestion_create, ingestion_reconcile
from apps.datasets.services.origins import OriginNotAllowed, allowed_origin_create, normalised
from apps.datasets.services.schedules import (
    _take,
    schedule_create,
    schedule_pause,
    schedule_resume,
    schedule_run,
    schedules_start_due,
)
from apps.quotas.models import Workload
from tests.support.factories.access import ProjectFactory, SecretFactory, UserFactory, member
from tests.support.factories.datasets import (
    AllowedOriginFactory,
    DatasetFactory,
    DatasetVersionFactory,
    SourceFactory,
    attempt_of,
    dataset_result,
    described,
    running,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
HOST = "data.example.org"
ORIGIN = {"kind": "url", "url": f"https://{HOST}/loans.csv"}
FILES = {"part-00000.parquet": b"PAR1"}


@pytest.fixture
def dataset() -> Any:
    made = DatasetFactory.create()
    AllowedOriginFactory.create(project=made.project, pattern=HOST)
    return made


def _ask(dataset: Any, origin: dict[str, Any] = ORIGIN, **values: Any) -> Ingestion:
    user = UserFactory.create()
    return ingestion_create(
        dataset=dataset, origin=origin, options={}, requested_by=user, actor=Actor.user(user), **values
    )


def _ends(ingestion: Ingestion, raw: bytes | None = b"a,b\n1,2\n", digest: str = "", state: str = "") -> Ingestion:
    """Let its job end: with a file, with nothing new, or as `state` says."""
    came = {"name": "loans.csv", "file": "", "size_bytes": 0, "sha256": "0" * 64, "etag": '"v1"', "last_modified": ""}
    if state:
        workload_to(running(ingestion), state, reason="exit_nonzero")
    else:
        result: dict[str, Any] = {"unchanged": True, "fetched": came}
        if raw is not None:
            file = described("loans.csv", raw)
            came |= {"file": "loans.csv", "size_bytes": file["size_bytes"], "sha256": file["sha256"]}
            numbered = {"rows_hash": "f" * 32, "last_ordinal": 2 * Ingestion.objects.count() - 1}
            result = dataset_result(FILES, fetched=came, **numbered, **({"digest": digest} if digest else {}))
        attempt = attempt_of(running(ingestion), result, FILES)
        if raw is not None:
            store().put(f"attempts/{attempt.pk}/raw/loans.csv", [raw])
        workload_to(ingestion.workload, "succeeded", reason="completed")
    ingestion_reconcile(ingestion.workload_id)
    return Ingestion.objects.get(pk=ingestion.pk)


def test_the_job_is_told_what_it_may_and_not_what_is_secret(dataset: Any, settings: Settings) -> None:
    SecretFactory.create(project=dataset.project, name="loans-login")
    settings.BEDPLATE_FETCH_HOSTS = ("*.example.com",)
    settings.BEDPLATE_SOURCE_MOST_BYTES = 1000
    ingestion = _ask(dataset, {**ORIGIN, "credentials": "loans-login"})
    spec = Workload.objects.get(pk=ingestion.workload_id).spec
    assert spec["command"][-1] == "collect"
    assert (spec["secrets"], spec["inputs"]) == (["loans-login"], [])
    assert [ref["name"] for ref in spec["outputs"]] == ["raw", "dataset"]
    assert spec["parameters"] == {
        "format": "csv",
        "origin": {
            **ORIGIN, "credentials": "loans-login", "allowed": ["*.example.com", HOST], "private": [],
            "most_bytes": 1000, "seconds": 14400, "seen": {},
        },
    }  # fmt: skip
    assert (ingestion.source, ingestion.workload.name) == (None, "ingest loans.csv")


@pytest.mark.parametrize(
    "origin, error, said",
    [
        ({"kind": "url", "url": "https://elsewhere.org/a.csv"}, OriginNotAllowed, "not on the list"),
        ({"kind": "url", "url": f"https://{HOST}:8443/a.csv"}, OriginNotAllowed, "not on the list"),
        ({"kind": "url", "url": f"https://ada:word@{HOST}/a.csv"}, Invalid, "put it into a secret"),
        ({"kind": "url", "url": "file:///etc/passwd"}, Invalid, "begins with"),
        ({"kind": "url"}, Invalid, "begins with"),
        ({"kind": "carrier pigeon"}, Invalid, "Is one of"),
        ({**ORIGIN, "headers": "x"}, Invalid, "Is not known"),
        ({**ORIGIN, "credentials": "nothing"}, Invalid, "has no secret nothing"),
        ({"kind": "url", "url": f"http://{HOST}/a.csv", "credentials": "nothing"}, Invalid, "over https only"),
        ({"kind": "url", "url": f"https://{HOST}/export"}, Invalid, "does not say its format"),
        ("nonsense", Invalid, "Is one of"),
        ({"kind": "sql", "query": "DELETE FROM a", "credentials": "nothing"}, Invalid, "begins with SELECT"),
        ({"kind": "sql", "query": "SELECT 1"}, Invalid, "Is the secret with the address"),
        ({"kind": "sql", "query": "SELECT 1", "credentials": "x", "partitions": "99"}, Invalid, "from 1 to 16"),
        ({"kind": "sql", "query": "SELECT 1", "url": "https://a.org/b"}, Invalid, "Is not known"),
    ],
)
def test_what_is_refused_before_any_work(dataset: Any, origin: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        _ask(dataset, origin)
    assert (Ingestion.objects.count(), Workload.objects.count()) == (0, 0)


def test_a_query_is_asked_for_with_the_name_of_its_secret(dataset: Any) -> None:
    SecretFactory.create(project=dataset.project, name="people-db")
    origin = {"kind": "sql", "query": "SELECT 1 AS a", "credentials": "people-db", "partition_column": ""}
    ingestion = _ask(dataset, origin)
    spec = Workload.objects.get(pk=ingestion.workload_id).spec
    assert (spec["secrets"], spec["parameters"]["format"]) == (["people-db"], "parquet")
    assert ingestion.origin == {"kind": "sql", "query": "SELECT 1 AS a", "credentials": "people-db"}


def test_what_came_becomes_a_source_beside_its_version(dataset: Any) -> None:
    ingestion = _ends(_ask(dataset))
    assert ingestion.state == "succeeded", ingestion.state_detail
    source, version = Source.objects.get(), DatasetVersion.objects.get()
    attempt = ingestion.workload.current_attempt()
    assert attempt is not None
    assert (ingestion.state, ingestion.source, version.ingestion) == ("succeeded", source, ingestion)
    assert (source.pk, source.origin, source.path) == (ingestion.pk, ORIGIN, f"attempts/{attempt.pk}/raw/loans.csv")
    assert store().measure(source.path).sha256 == source.sha256
    assert source.path in objects_named([attempt.pk]), "else it would be swept"


def test_a_file_that_is_not_what_the_job_said_makes_nothing(dataset: Any) -> None:
    ingestion = _ask(dataset)
    came = {"name": "loans.csv", "file": "loans.csv", "size_bytes": 3, "sha256": "0" * 64}
    attempt = attempt_of(running(ingestion), dataset_result(FILES, fetched=came), FILES)
    store().put(f"attempts/{attempt.pk}/raw/loans.csv", [b"abc"])
    workload_to(ingestion.workload, "succeeded", reason="completed")
    ingestion_reconcile(ingestion.workload_id)
    ingestion.refresh_from_db()
    assert (ingestion.state, ingestion.state_reason, Source.objects.count()) == ("failed", "bad_result", 0)


def _schedule(dataset: Any, **values: Any) -> IngestionSchedule:
    user = member(dataset.project, Role.EDITOR)
    times: dict[str, Any] = {"every_seconds": 3600, **values}
    return schedule_create(dataset=dataset, origin=ORIGIN, options={}, created_by=user, actor=Actor.user(user), **times)


def _due(schedule: IngestionSchedule) -> None:
    IngestionSchedule.objects.filter(pk=schedule.pk).update(next_at=clock.db_now() - timedelta(seconds=1))


def test_a_schedule_comes_once_and_then_when_it_is_due_again(dataset: Any) -> None:
    schedule = _schedule(dataset)
    assert schedules_start_due() == 0
    _due(schedule)
    assert (schedules_start_due(), schedules_start_due()) == (1, 0)
    schedule.refresh_from_db()
    assert schedule.next_at > clock.db_now() + timedelta(minutes=59)
    ingestion = Ingestion.objects.get(schedule=schedule)
    assert ingestion.requested_by == schedule.created_by
    _due(schedule)
    assert schedules_start_due() == 0, "the one before still runs"
    schedule.refresh_from_db()
    assert (schedule.skipped_count, schedule.next_at > clock.db_now()) == (1, True)
    _ends(ingestion)
    _due(schedule)
    assert schedules_start_due() == 1


def test_of_two_ticks_that_saw_it_due_one_starts_it(dataset: Any) -> None:
    schedule = _schedule(dataset)
    _due(schedule)
    both = [IngestionSchedule.objects.get(pk=schedule.pk) for _ in range(2)]
    assert [_take(seen) for seen in both] == [True, False]


def test_what_has_not_changed_makes_no_version(dataset: Any) -> None:
    schedule = _schedule(dataset)

    def comes(**how: Any) -> Ingestion:
        _due(schedule)
        assert schedules_start_due() == 1
        return _ends(Ingestion.objects.filter(schedule=schedule).latest("id"), **how)

    first = comes(digest="sha256:" + "1" * 64)
    schedule.refresh_from_db()
    assert schedule.seen["etag"] == '"v1"'
    told = Workload.objects.get(pk=comes(raw=None).workload_id).spec["parameters"]["origin"]["seen"]
    assert told == {"etag": '"v1"', "sha256": first.source.sha256}
    # Other bytes, the same rows: a database that gives them in another order, a file with another line end.
    third = comes(raw=b"a,b\r\n1,2\r\n", digest="sha256:" + "1" * 64)
    assert (third.state, third.state_reason) == ("succeeded", "unchanged")
    assert (DatasetVersion.objects.count(), Source.objects.count()) == (1, 1)
    assert comes(raw=b"a,b\n3,4\n", digest="sha256:" + "2" * 64).state_reason == "completed"
    assert DatasetVersion.objects.count() == 2


def test_rows_are_appended_to_what_was_collected_once_and_in_turn(dataset: Any) -> None:
    schedule, actor = _schedule(dataset, mode="append"), Actor.system("test")

    def comes(letter: str, **how: Any) -> Ingestion:
        asked = schedule_run(schedule, requested_by=schedule.created_by, actor=actor)
        return _ends(asked, raw=letter.encode(), digest="sha256:" + letter * 64, **how)

    assert comes("1").append_to is None, "there is nothing yet"
    first = DatasetVersion.objects.get()
    DatasetVersionFactory.create(dataset=dataset, number=first.number + 1, splits={"train": []})
    again = comes("1")
    assert (again.append_to, again.state_reason) == (first, "unchanged"), "the same rows are not appended once more"
    asked = schedule_run(schedule, requested_by=schedule.created_by, actor=actor)
    kept = DatasetVersionFactory.create(dataset=dataset, number=9, ingestion=asked, state="validating")
    Ingestion.objects.filter(pk=asked.pk).update(state="succeeded", state_reason="completed")
    _due(schedule)
    assert schedules_start_due() == 0, "what came before is kept back"
    with pytest.raises(Conflict, match="not published yet"):
        schedule_run(schedule, requested_by=schedule.created_by, actor=actor)
    DatasetVersion.objects.filter(pk=kept.pk).update(state="rejected")
    assert schedule_run(schedule, requested_by=schedule.created_by, actor=actor).append_to == first


def _by_hand(dataset: Any, base: DatasetVersion) -> Ingestion:
    source = SourceFactory.create(project=dataset.project, dataset=dataset)
    return ingestion_create(
        dataset=dataset, source=source, options={}, append_to=base, requested_by=None, actor=Actor.system("test")
    )


def test_of_two_schedules_that_append_the_second_begins_with_the_rows_of_the_first(dataset: Any) -> None:
    first, second = (_schedule(dataset, mode="append") for _ in range(2))
    for schedule in (first, second):
        _due(schedule)
    assert schedules_start_due() == 1, "the second waits for its turn"
    second.refresh_from_db()
    assert (second.skipped_count, second.next_at < clock.db_now() + timedelta(minutes=2)) == (0, True)
    with pytest.raises(Conflict, match="Something else is appended"):
        schedule_run(second, requested_by=second.created_by, actor=Actor.system("test"))
    running_one = Ingestion.objects.get()
    kept = DatasetVersionFactory.create(dataset=dataset, number=7, ingestion=running_one, state="validating")
    Ingestion.objects.update(state="succeeded", state_reason="completed")
    _due(second)
    assert schedules_start_due() == 0, "it is not decided yet whether the second has to begin with these rows"
    DatasetVersion.objects.update(state="published", manifest={**kept.manifest, "rows_hash": "f", "next_ordinal": 2})
    _due(second)
    assert schedules_start_due() == 1
    assert Ingestion.objects.get(schedule=second).append_to == kept


def test_what_people_append_beside_a_schedule_is_appended_in_turn(dataset: Any) -> None:
    schedule, actor = _schedule(dataset, mode="append"), Actor.system("test")
    manifest = {**DatasetVersionFactory.build().manifest, "rows_hash": "f" * 32, "next_ordinal": 2}
    old, new = (DatasetVersionFactory.create(dataset=dataset, number=n, manifest=manifest) for n in (1, 2))
    with pytest.raises(Conflict, match="A schedule appends to version 2"):
        _by_hand(dataset, old)
    asked = schedule_run(schedule, requested_by=schedule.created_by, actor=actor)
    with pytest.raises(Conflict, match="still runs or is not published yet"):
        _by_hand(dataset, new)
    _ends(asked, state="failed")
    by_hand = _by_hand(dataset, new)
    _due(schedule)
    assert schedules_start_due() == 0, "what was appended by hand still runs"
    _ends(by_hand, state="failed")
    IngestionSchedule.objects.update(state="retired", next_at=None)
    assert [_by_hand(dataset, old).append_to for _ in range(2)] == [old, old], "no schedule loses anything"


def test_a_schedule_appends_to_what_has_its_data_and_takes_its_tombstone(dataset: Any) -> None:
    manifest = {**DatasetVersionFactory.build().manifest, "rows_hash": "f" * 32, "next_ordinal": 2}
    now, values = clock.db_now(), {"dataset": dataset, "manifest": manifest}
    old = DatasetVersionFactory.create(**values, number=1, data_tombstoned_at=now)
    gone = {"data_tombstoned_at": now - timedelta(days=2), "data_deleted_at": now}
    DatasetVersionFactory.create(**values, number=2, **gone)
    schedule = _schedule(dataset, mode="append")
    _due(schedule)
    assert schedules_start_due() == 1
    old.refresh_from_db()
    assert (Ingestion.objects.get().append_to, old.data_tombstoned_at) == (old, None)
    assert AuditEvent.objects.get(action="dataset_version.kept").detail == {"number": 1, "reasons": ["in_use"]}


def test_a_schedule_that_fails_too_often_pauses_itself(dataset: Any) -> None:
    schedule = _schedule(dataset, failures_most=2)
    for state in ("failed", "", "failed", "failed"):
        schedule.refresh_from_db()
        assert schedule.state == "active"
        _due(schedule)
        schedules_start_due()
        _ends(Ingestion.objects.filter(schedule=schedule).latest("id"), state=state)
    schedule.refresh_from_db()
    assert (schedule.state, schedule.state_reason, schedule.next_at) == ("paused", "failing", None)
    assert schedule.state_detail.startswith("The last 2 ingestions failed")
    schedule_resume(schedule, actor=Actor.system("test"))
    _due(schedule)
    schedules_start_due()
    _ends(Ingestion.objects.filter(schedule=schedule).latest("id"), state="failed")
    schedule.refresh_from_db()
    assert schedule.state == "active", "what failed before it was resumed does not count"


def test_who_may_not_any_more_asks_for_nothing(dataset: Any) -> None:
    schedule = _schedule(dataset)
    ProjectUserPermission.objects.filter(user=schedule.created_by).delete()
    _due(schedule)
    assert schedules_start_due() == 0
    schedule.refresh_from_db()
    assert (schedule.state, schedule.state_reason, Ingestion.objects.count()) == ("paused", "not_allowed", 0)


def test_a_host_that_is_taken_off_the_list_pauses_it(dataset: Any) -> None:
    schedule = _schedule(dataset)
    AllowedOrigin.objects.all().delete()
    _due(schedule)
    assert schedules_start_due() == 0
    schedule.refresh_from_db()
    assert (schedule.state, schedule.state_reason, Ingestion.objects.count()) == ("paused", "invalid", 0)
    assert "not on the list" in schedule.state_detail


def test_run_now_and_paused_ones(dataset: Any) -> None:
    schedule, actor = _schedule(dataset, every_seconds=None, cron="0  6 * * *"), Actor.system("test")
    assert schedule.cron == "0 6 * * *"
    schedule_pause(schedule, actor=actor)
    _due(schedule)
    assert schedules_start_due() == 0
    IngestionSchedule.objects.update(next_at=None)
    user = UserFactory.create()
    first = schedule_run(schedule, requested_by=user, actor=actor)
    with pytest.raises(Conflict, match="still runs"):
        schedule_run(schedule, requested_by=user, actor=actor)
    assert (first.requested_by, first.schedule) == (user, schedule)


@pytest.mark.parametrize(
    "times",
    [
        {"every_seconds": 30},
        {"every_seconds": None},
        {"cron": "0 6 * * *"},
        {"every_seconds": None, "cron": "nonsense"},
        {"every_seconds": None, "cron": "0 6 * * *", "time_zone": "Mars"},
    ],
)
def test_times_that_are_none(dataset: Any, times: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        _schedule(dataset, **times)


def test_private_hosts_are_for_administrators_of_the_installation() -> None:
    project, actor = ProjectFactory.create(), Actor.system("test")
    admin, root = member(project, Role.ADMIN), UserFactory.create(is_superuser=True)
    with pytest.raises(Forbidden):
        allowed_origin_create(project=project, pattern="db.internal", is_private=True, created_by=admin, actor=actor)
    for pattern in ("https://a.org", "a b", "*.*", "s3://", ""):
        with pytest.raises(Invalid):
            allowed_origin_create(project=project, pattern=pattern, created_by=admin, actor=actor)
    allowed_origin_create(project=project, pattern="DB.internal", is_private=True, created_by=root, actor=actor)
    with pytest.raises(Invalid, match="already"):
        allowed_origin_create(project=project, pattern="db.internal", created_by=admin, actor=actor)
    assert normalised(project, {"kind": "url", "url": "http://db.internal/a.csv", "region": ""}) == {
        "kind": "url", "url": "http://db.internal/a.csv",
    }  # fmt: skip
