"""Expectations over REST, and what can be asked and done about versions that do not fulfil them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from apps.access.models import User
from apps.common.models import AuditEvent
from apps.datasets.models import DatasetVersion, Expectation
from apps.datasets.recipes.expectation_forms import EXPECTATION_INPUTS, expectation_forms
from apps.datasets.recipes.expectation_words import EXPECTATION_OPTION_WORDS, EXPECTATION_WORDS
from apps.datasets.recipes.forms import choices_of
from apps.datasets.recipes.words import CHOICE_WORDS
from apps.datasets.selectors.proposals import proposals_of
from apps.datasets.services.validation_asking import changes_of
from apps.datasets.states import ExpectationKind
from tests.support.bulk import clone_many
from tests.support.factories.access import member
from tests.support.factories.datasets import (
    DatasetFactory,
    DatasetVersionFactory,
    ExpectationFactory,
    ProfileFactory,
    QualityHoldFactory,
    ValidationRunFactory,
    VersionAliasFactory,
    pool_ready,
)
from workers.contracts.expectations import KINDS, label, problems
from workers.contracts.recipes.options import Option

API = "/api/v1"


@pytest.fixture
def version(db: None) -> DatasetVersion:
    pool_ready()
    made: DatasetVersion = DatasetVersionFactory.create(state="validating")
    return made


@pytest.fixture
def editor(version: DatasetVersion) -> User:
    return member(version.project)


@pytest.fixture
def client(editor: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(editor)
    return made


def wanted(kind: str = "between", **parameters: Any) -> dict[str, Any]:
    return {"kind": kind, "parameters": parameters or {"column": "age", "minimum": 0}}


class TestExpectations:
    def test_one_is_made_with_every_option_written_out(self, client: APIClient, version: DatasetVersion) -> None:
        body = {"dataset": str(version.dataset_id), **wanted(), "description": "Adults."}
        made = client.post(f"{API}/expectations", body, format="json")
        assert made.status_code == 201
        assert made.data["parameters"] == {"column": "age", "minimum": 0, "maximum": None, "mostly": 1}
        assert (made.data["label"], made.data["severity"], made.data["revision"]) == ("between(age)", "block", 1)
        assert AuditEvent.objects.get(action="expectation.created").detail["parameters"] == made.data["parameters"]

    @pytest.mark.parametrize(
        ("kind", "parameters", "place", "sentence"),
        [
            ("between", {"column": "agee", "minimum": 0}, "column", "There is no column 'agee'. Did you mean 'age'?"),
            ("between", {"column": "age"}, "minimum", "Takes at least one of minimum and maximum."),
            ("between", {"column": "age", "minimum": 2, "maximum": 1}, "maximum", "Is below the minimum."),
            ("between", {"column": "status", "minimum": 1}, "column", "Column 'status' is string"),
            ("in_set", {"column": "status", "values": [1]}, "values", "Column 'status' is string"),
            ("custom", {"expression": "age > > 1"}, "expression", "At character 7: Here should be a value"),
            ("custom", {"expression": "agee > 1"}, "expression", "At character 1: There is no column 'agee'."),
            ("custom", {"expression": "age + 1"}, "expression", "At character 1: an expectation is true or false"),
            ("matches", {"column": "status", "pattern": "a(b"}, "pattern", "At character 2: a `(` is not closed."),
            ("freshness", {"column": "age", "hours": 1}, "column", "Column 'age' is int64"),
            ("not_null", {"column": "age", "mostly": 0}, "mostly", "Takes a number above 0 and at most 1, not 0."),
            ("unique", {"columns": ["age"], "many": 1}, "many", '"many" is not known; known are columns, mostly.'),
        ],
    )
    def test_what_cannot_be_is_refused_with_its_place(
        self, client: APIClient, version: DatasetVersion, kind: str, parameters: Any, place: str, sentence: str
    ) -> None:
        body = {"dataset": str(version.dataset_id), **wanted(kind, **parameters)}
        refused = client.post(f"{API}/expectations", body, format="json")
        assert refused.status_code == 400
        assert refused.json()["fields"][f"parameters.{place}"][0].startswith(sentence)

    def test_another_dataset_is_one_of_the_project_with_that_column(
        self, client: APIClient, version: DatasetVersion
    ) -> None:
        other = DatasetVersionFactory.create(project=version.project)
        stranger = DatasetFactory.create()
        for dataset, target, place in (
            (other.dataset_id, "age", None), (other.dataset_id, "status", "target"), (other.dataset_id, "x", "target"),
            (stranger.pk, "age", "dataset"),
        ):  # fmt: skip
            asked = wanted("foreign_key", column="age", dataset=str(dataset), target=target)
            answer = client.post(f"{API}/expectations", {"dataset": str(version.dataset_id), **asked}, format="json")
            assert answer.status_code == (400 if place else 201)
            assert not place or list(answer.json()["fields"]) == [f"parameters.{place}"]

    def test_several_are_made_or_none(self, client: APIClient, version: DatasetVersion) -> None:
        body = {"dataset": str(version.dataset_id), "expectations": [wanted(), wanted("not_null", column="x")]}
        refused = client.post(f"{API}/expectations/bulk", body, format="json")
        assert list(refused.json()["fields"]) == ["expectations[1].parameters.column"]
        assert Expectation.objects.count() == 0
        body["expectations"][1]["parameters"] = {"column": "status"}
        made = client.post(f"{API}/expectations/bulk", body, format="json")
        assert [one["label"] for one in made.data] == ["between(age)", "not_null(status)"]

    def test_a_change_is_audited_with_what_was_before(self, client: APIClient, version: DatasetVersion) -> None:
        rule = ExpectationFactory.create(dataset=version.dataset)
        changed = client.patch(f"{API}/expectations/{rule.pk}", {"severity": "warn"}, format="json")
        assert (changed.data["severity"], changed.data["revision"]) == ("warn", 1)
        changed = client.patch(
            f"{API}/expectations/{rule.pk}", {"parameters": {"column": "age", "mostly": 0.9}}, format="json"
        )
        assert changed.data["revision"] == 2
        client.patch(f"{API}/expectations/{rule.pk}", {"description": ""}, format="json")  # changes nothing
        first, second = AuditEvent.objects.filter(action="expectation.changed").order_by("id")
        assert (first.detail["before"]["severity"], first.detail["after"]["severity"]) == ("block", "warn")
        assert second.detail["before"]["parameters"] == {"column": "age", "mostly": 1}
        refused = client.patch(f"{API}/expectations/{rule.pk}", {"parameters": {"column": "x"}}, format="json")
        assert refused.status_code == 400

    def test_there_is_an_end_to_how_many(self, client: APIClient, version: DatasetVersion) -> None:
        for _ in range(2):
            clone_many(ExpectationFactory.create(dataset=version.dataset), 99)
        body = {"dataset": str(version.dataset_id), **wanted()}
        assert client.post(f"{API}/expectations", body, format="json").status_code == 409


class TestVersion:
    def result(self, rule: Expectation) -> dict[str, Any]:
        return {
            "expectation": str(rule.pk), "revision": 1, "severity": "block", "kind": rule.kind,
            "label": "not_null(age)", "parameters": rule.parameters,
            "outcome": "failed", "rows_checked": 2, "rows_failed": 1, "ratio": 0.5,
            "observed": {}, "problem": None, "examples": [{"ordinal": 0, "values": {"age": None}}], "seconds": 0.1,
        }  # fmt: skip

    def test_the_whole_of_its_quality(self, client: APIClient, version: DatasetVersion, editor: User) -> None:
        rule = ExpectationFactory.create(dataset=version.dataset)
        run = ValidationRunFactory.create(
            version=version, project=version.project, state="succeeded", **changes_of([self.result(rule)])
        )
        mine = QualityHoldFactory.create(version=version, project=version.project)
        QualityHoldFactory.create(version=version)
        asked = client.post(f"{API}/dataset-versions/{version.pk}/override", {"comment": "Known."}, format="json")
        assert asked.status_code == 200
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = client.get(f"{API}/dataset-versions/{version.pk}/quality").data
        assert len(queries) <= 10
        assert found["newest"]["id"] == str(run.pk)
        assert found["newest"]["results"][0]["examples"] == [{"ordinal": 0, "values": {"age": None}}]
        assert (found["expectation_count"], found["is_outdated"], found["under_way"]) == (1, False, None)
        assert [one["workload"] for one in found["waiting"]] == [mine.workload_id]
        assert found["waiting_count"] == 2
        assert (found["asked"]["comment"], found["asked"]["requested_by_name"]) == ("Known.", editor.username)
        changed = client.patch(f"{API}/expectations/{rule.pk}", {"parameters": {"column": "status"}}, format="json")
        assert (changed.status_code, changed.json()["code"]) == (403, "approval_required"), "it keeps the version back"
        Expectation.objects.filter(pk=rule.pk).update(revision=2)
        assert client.get(f"{API}/dataset-versions/{version.pk}/quality").data["is_outdated"] is True

    def test_an_alias_that_it_is_held_against_stays_where_it_points(
        self, client: APIClient, version: DatasetVersion
    ) -> None:
        of = {"dataset": version.dataset, "project": version.project}
        first, second = (DatasetVersionFactory.create(**of, number=number) for number in (11, 12))
        alias = VersionAliasFactory.create(**of, name="gold", version=first)
        shift = {"columns": None, "dataset": None, "at": "gold", "psi_most": 0.25, "ks_most": None}
        rule = ExpectationFactory.create(dataset=version.dataset, kind="distribution", parameters=shift)
        ValidationRunFactory.create(
            version=version, project=version.project, state="succeeded", **changes_of([self.result(rule)])
        )
        body = {"dataset": str(version.dataset_id), "name": "gold", "version": str(second.pk)}
        moved = client.post(f"{API}/version-aliases", body, format="json")
        removed = client.delete(f"{API}/version-aliases/{alias.pk}")
        for answer in (moved, removed):
            assert (answer.status_code, answer.json()["code"]) == (403, "approval_required")

    def test_validated_again_then_rejected(self, client: APIClient, version: DatasetVersion) -> None:
        ExpectationFactory.create(dataset=version.dataset)
        found = client.post(f"{API}/dataset-versions/{version.pk}/validate").data
        assert found["under_way"]["state"] == "queued"
        assert found["state_message"] == [{"code": "quality_checked", "params": {}}]
        found = client.post(f"{API}/dataset-versions/{version.pk}/reject", {"detail": "No."}, format="json").data
        assert found["state"] == "rejected"
        for verb in ("validate", "reject", "override"):
            again = client.post(f"{API}/dataset-versions/{version.pk}/{verb}", {"comment": "x"}, format="json")
            assert again.status_code == 409

    def test_what_a_profile_suggests_can_be_saved(self, client: APIClient, version: DatasetVersion) -> None:
        path = f"{API}/dataset-versions/{version.pk}/proposed-expectations"
        assert client.get(path).data == {
            "version": version.pk, "dataset": version.dataset_id, "has_profile": False, "proposals": [],
        }  # fmt: skip
        ProfileFactory.create(version=version, project=version.project, state="succeeded", result=PROFILE)
        found = client.get(path).data["proposals"]
        assert [(one["label"], one["severity"], one["reason"]) for one in found] == [
            ("row_count", "warn", "rows_seen"),
            ("not_null(age)", "block", "complete"),
            ("between(age)", "warn", "range_seen"),
            ("not_null(status)", "warn", "nearly_complete"),
            ("in_set(status)", "warn", "values_seen"),
        ]
        chosen = [{key: one[key] for key in ("kind", "parameters", "severity")} for one in found]
        body = {"dataset": str(version.dataset_id), "expectations": chosen}
        assert client.post(f"{API}/expectations/bulk", body, format="json").status_code == 201
        assert {one["exists"] for one in client.get(path).data["proposals"]} == {True}


AGE = {"name": "age", "type": "int64", "null_count": 0, "distinct_count": 60, "minimum": 20, "maximum": 80,
       "top_values": [{"value": 20, "count": 9}]}  # fmt: skip
STATUS = {"name": "status", "type": "string", "null_count": 1, "distinct_count": 2, "minimum": None, "maximum": None,
          "top_values": [{"value": "b", "count": 59}, {"value": "a", "count": 40}]}  # fmt: skip
PROFILE = {"row_count": 100, "columns": [AGE, STATUS]}


def test_proposals_have_margins_and_leave_out_what_was_not_seen_whole() -> None:
    found = {label(one.kind, one.parameters): one.parameters for one in proposals_of(PROFILE)}
    assert found["between(age)"] == {"column": "age", "minimum": 14, "maximum": 86, "mostly": 1}
    assert found["not_null(status)"] == {"column": "status", "mostly": 0.98}
    assert found["in_set(status)"]["values"] == ["a", "b"]
    assert found["row_count"] == {"minimum": 50, "maximum": 200}
    cut = {**STATUS, "top_values": [{"value": "x" * 200 + "…", "count": 59}, {"value": "a", "count": 40}]}
    key = {**AGE, "name": "id", "distinct_count": 100}
    digits = {**STATUS, "name": "code", "distinct_count": 99, "top_values": [], "patterns": {
        "values": 99, "is_sample": False, "is_coarse": False, "kinds": [],
        "shapes": [{"shape": "99-9.", "count": 99, "example": "12-3."}],
    }}  # fmt: skip
    found = {
        label(one.kind, one.parameters): one.parameters
        for one in proposals_of({"row_count": 100, "columns": [cut, key, digits]})
    }
    assert set(found) == {
        "row_count", "not_null(status)", "not_null(id)", "unique(id)", "not_null(code)", "matches(code)",
    }  # fmt: skip
    assert found["matches(code)"]["pattern"] == r"^([0-9]{2}\-[0-9]\.)$"


figures = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b c", "__split", "名", 'q"']),
        "type": st.sampled_from(["int64", "float64", "string", "bool", "date", "timestamp", "image"]),
        "null_count": st.integers(0, 20),
        "distinct_count": st.integers(0, 20),
        "minimum": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text("2a-")),
        "maximum": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)),
        "top_values": st.lists(
            st.fixed_dictionaries({"value": st.text("ab…", max_size=3), "count": st.integers(1, 9)}), max_size=3
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 50), st.lists(figures, max_size=3, unique_by=lambda one: one["name"]))
def test_whatever_a_profile_says_what_is_proposed_can_be_saved(rows: int, columns: list[Any]) -> None:
    types = {one["name"]: one["type"] for one in columns}
    for one in proposals_of({"row_count": rows, "columns": columns}):
        assert problems(one.kind, one.parameters, types) == {}


def test_kinds_are_the_same_everywhere_and_said_in_both_languages(client: APIClient) -> None:
    assert list(KINDS) == ExpectationKind.values == list(EXPECTATION_WORDS)
    options = {(kind, name): option for kind, found in KINDS.items() for name, option in found.options.items()}
    assert set(EXPECTATION_OPTION_WORDS) == set(options)
    assert all(all(words) for words in (*EXPECTATION_WORDS.values(), *EXPECTATION_OPTION_WORDS.values()))
    assert {option.schema["x-input"] for option in options.values()} <= set(EXPECTATION_INPUTS)
    assert all(choice in CHOICE_WORDS for option in options.values() for choice in choices_of(option.schema))
    assert client.get(f"{API}/expectation-kinds").data["kinds"] == expectation_forms()


VALUES: list[Any] = [
    None, True, 0, 1, -1, 0.5, 1.5, 2**60, "", "a", "2026-01-31", "2026-01-31T08:00:00", "x" * 201, [], ["a"],
    ["a", "a"], [1, 2], [1, "a"], [True], {}, "0198c0de-0000-7000-8000-000000000000", "int64", "latest",
]  # fmt: skip


@pytest.mark.parametrize("form", expectation_forms(), ids=lambda form: str(form["kind"]))
def test_a_schema_takes_what_its_test_takes(form: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(form["schema"])
    for name, schema in form["schema"]["properties"].items():
        option: Option = KINDS[form["kind"]].options[name]
        for value in VALUES:
            if option.holds(value):
                Draft202012Validator(schema).validate(value)
        if "default" in schema:
            Draft202012Validator(schema).validate(schema["default"])
            assert option.holds(schema["default"])
