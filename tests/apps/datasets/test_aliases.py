"""What versions are called: aliases that move, tags, and references that mean one version."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import AuditEvent
from apps.datasets.invariants import CHECKS
from apps.datasets.models import CleaningRun, DatasetVersion, VersionAlias
from apps.datasets.models.alias import ALIAS
from apps.datasets.selectors.references import alias_history, reference_of, reference_resolve
from apps.datasets.services.aliases import version_alias_delete, version_alias_set, version_tags_set
from apps.datasets.services.cleaning import cleaning_run_create
from apps.datasets.services.versions import version_deprecate
from apps.datasets.states import VersionState
from tests.support.damage import damage, wrong
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.datasets import TESTER, DatasetFactory, DatasetVersionFactory, RecipeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions() -> list[DatasetVersion]:
    """1 deprecated, 2 and 3 published, 4 validating; of `risk/loans`."""
    project = ProjectFactory.create(name="risk")
    dataset = DatasetFactory.create(project=project, name="loans")
    states = (VersionState.DEPRECATED, VersionState.PUBLISHED, VersionState.PUBLISHED, VersionState.VALIDATING)
    return [
        DatasetVersionFactory.create(project=project, dataset=dataset, number=number, state=state)
        for number, state in enumerate(states, 1)
    ]


def _point(version: DatasetVersion, name: str = "gold", **kwargs: Any) -> VersionAlias:
    return version_alias_set(dataset=version.dataset, name=name, version=version, actor=TESTER, **kwargs)


def test_an_alias_moves_and_its_moves_are_kept(versions: list[DatasetVersion]) -> None:
    ada = UserFactory.create(username="ada")
    alias = _point(versions[1])
    moved = version_alias_set(
        dataset=versions[2].dataset, name="gold", version=versions[2], moved_by=ada, actor=Actor.user(ada)
    )
    again = _point(versions[2])
    assert (moved.pk, again.pk, again.version, again.moved_by) == (alias.pk, alias.pk, versions[2], ada)
    moves = [(move["by"], move["number_before"], move["number"]) for move in alias_history(moved)]
    assert moves == [("ada", 2, 3), ("test", None, 2)], "pointing it there again is no move"
    detail = AuditEvent.objects.get(action="version_alias.moved").detail
    assert (detail["before"], detail["version"]) == (str(versions[1].pk), str(versions[2].pk))

    version_alias_delete(moved, actor=TESTER)
    assert not VersionAlias.objects.exists()
    assert AuditEvent.objects.get(action="version_alias.deleted").detail["number"] == 3


def test_an_alias_points_at_a_published_version_of_its_own_dataset(versions: list[DatasetVersion]) -> None:
    for version, state in ((versions[0], "deprecated"), (versions[3], "validating")):
        with pytest.raises(Conflict, match=f"is {state}; an alias points at a published version"):
            _point(version)
    with pytest.raises(Invalid, match="another dataset"):
        version_alias_set(dataset=DatasetFactory.create(), name="gold", version=versions[1], actor=TESTER)
    _point(versions[1])
    with pytest.raises(Conflict, match="gold points at version 2; let it point elsewhere first"):
        version_deprecate(versions[1], actor=TESTER)
    assert wrong(CHECKS, "version_alias.target") == []
    damage("UPDATE datasets_datasetversion SET state = 'deprecated'")
    (finding,) = wrong(CHECKS, "version_alias.target")
    assert "which is deprecated" in finding


@pytest.mark.parametrize("name", ["latest", "3", "3rd", "Gold", "", "a" * 61, "a b", "a/b"])
def test_names_that_no_reference_could_mean_are_none(name: str) -> None:
    with pytest.raises(ValidationError):
        ALIAS(name)


@pytest.mark.parametrize(
    "words, number",
    [("risk/loans@2", 2), ("bedplate://risk/loans@gold", 2), ("risk/loans@latest", 3), ("risk/loans@1", 1),
     ("risk/loans@4", 4)],
)  # fmt: skip
def test_a_reference_means_one_version(versions: list[DatasetVersion], words: str, number: int) -> None:
    _point(versions[1])
    user = member(versions[0].project, "viewer")
    found = reference_resolve(user, words)
    assert (found.number, found.reference) == (number, words.removeprefix("bedplate://"))
    assert reference_of(found) == f"risk/loans@{number}"


@pytest.mark.parametrize(
    "words, error",
    [("risk/loans", Invalid), ("risk/loans@", Invalid), ("loans@1", Invalid), ("s3://risk/loans@1", Invalid),
     ("risk/loans@1@2", Invalid), ("risk/loans@5", NotFound), ("risk/loans@silver", NotFound), ("risk/x@1", NotFound),
     ("x/loans@latest", NotFound), ("risk/loans@99999999999999999999", NotFound), ("risk/none@latest", Conflict)],
)  # fmt: skip
def test_words_that_mean_none_are_refused(versions: list[DatasetVersion], words: str, error: type[Exception]) -> None:
    empty = DatasetFactory.create(project=versions[0].project, name="none")
    DatasetVersionFactory.create(project=empty.project, dataset=empty, state=VersionState.REJECTED)
    with pytest.raises(error):
        reference_resolve(member(versions[0].project, "viewer"), words)


def test_what_one_may_not_see_is_not_there(versions: list[DatasetVersion]) -> None:
    for words in ("risk/loans@2", "risk/loans@latest"):
        with pytest.raises(NotFound):
            reference_resolve(UserFactory.create(), words)


@pytest.mark.usefixtures("pool")
def test_a_cleaning_run_says_by_which_words_its_version_was_named(versions: list[DatasetVersion]) -> None:
    user = member(versions[0].project, "editor")
    recipe = RecipeFactory.create(project=versions[0].project)
    for named, said in ((reference_resolve(user, "risk/loans@latest"), "risk/loans@latest"), (versions[2], "")):
        run = cleaning_run_create(recipe=recipe, input_version=named, requested_by=user, actor=TESTER)
        run = CleaningRun.objects.get(pk=run.pk)
        assert (run.input_version, run.input_reference) == (versions[2], said)


def test_tags_take_the_place_of_those_it_had(versions: list[DatasetVersion]) -> None:
    tagged = version_tags_set(versions[1], tags=[" q1 ", "gold", "q1"], actor=TESTER)
    assert tagged.tags == ["gold", "q1"]
    version_tags_set(tagged, tags=["gold", "q1"], actor=TESTER)
    (said,) = AuditEvent.objects.filter(action="dataset_version.tagged")
    assert said.detail == {"tags": ["gold", "q1"], "before": []}
    with pytest.raises(Invalid):
        version_tags_set(tagged, tags=[""], actor=TESTER)
