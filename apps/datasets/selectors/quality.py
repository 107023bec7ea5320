"""What a version has to fulfil, whether it does, and what waits for it: reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.access.models import ApprovalRequest
from apps.access.states import ApprovalState
from apps.datasets import specs
from apps.datasets.models import Dataset, DatasetVersion, Expectation, QualityHold, ValidationRun
from apps.datasets.states import VALIDATION_RUN, JobState, Outcome, Severity, VersionState
from workers.contracts.expectations import KINDS, label
from workers.contracts.expectations.kinds import LATEST
from workers.contracts.specs import DataRef, JobSpec

NOT_FULFILLED = frozenset({Outcome.FAILED, Outcome.ERROR})
OVERRIDE = "dataset_version.publish"
"""The command that publishes what fails."""
LABELS_MOST = 5
NUMBER_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a job has to evaluate, and the versions that it holds the data against."""

    expectations: list[dict[str, Any]]
    """`{"id", "revision", "kind", "parameters", "input", "is_optional"}`: the input is None where there is none."""
    inputs: tuple[DataRef, ...] = ()

    def added_to(self, spec: JobSpec, **parameters: Any) -> JobSpec:
        """The same job, which also evaluates."""
        if not self.expectations:
            return spec
        more = {"expectations": self.expectations, **parameters}
        return replace(spec, inputs=(*spec.inputs, *self.inputs), parameters={**spec.parameters, **more})


def active_expectations(dataset_id: Any) -> list[Expectation]:
    """Those that count, oldest first."""
    return list(Expectation.objects.filter(dataset=dataset_id, is_active=True).order_by("id"))


def evaluation_of(dataset: Dataset) -> Evaluation:
    """What a version of the dataset has to fulfil now. One query, and one for each version that is referred to."""
    listed, inputs = [], dict[Any, DataRef]()
    for one in active_expectations(dataset.pk):
        parameters = one.parameters
        version = _referred(dataset, parameters) if KINDS[one.kind].refers else None
        if version is not None and version.pk not in inputs:
            name = f"reference-{len(inputs) + 1}"
            inputs[version.pk] = specs.version_ref(
                name=name, project_id=version.project_id, manifest=version.manifest, preprocessor=None
            )
        listed.append(
            {
                "id": str(one.pk),
                "revision": one.revision,
                "kind": one.kind,
                "parameters": parameters,
                "input": inputs[version.pk].name if version is not None else None,
                "is_optional": _is_own(dataset, parameters) and parameters.get("at") == LATEST,
            }
        )
    return Evaluation(listed, tuple(inputs.values()))


def published_named(dataset: Dataset, at: str) -> DatasetVersion | None:
    """The published version of a dataset that these words name, if it has its data: `latest`, a number, or an alias."""
    published = DatasetVersion.objects.filter(dataset=dataset, state=VersionState.PUBLISHED, data_deleted_at=None)
    if at == LATEST:
        return published.order_by("-number").first()
    if at.isascii() and at.isdigit():
        return published.filter(number=int(at)).first() if len(at) < NUMBER_DIGITS else None
    return published.filter(aliases__name=at).first()


def versions_held_against(dataset_id: UUID) -> set[UUID]:
    """Versions of a dataset against which active expectations hold others: without their data these fail for ever."""
    dataset: Dataset = Dataset.objects.get(pk=dataset_id)
    rows = _referring(dataset)
    found = (published_named(dataset, at) for at in sorted(set(rows.values_list("parameters__at", flat=True))))
    return {version.pk for version in found if version is not None}


def kept_back_through(dataset: Dataset, alias: str) -> DatasetVersion | None:
    """A version that an expectation keeps back by what this alias of the dataset points at; None where there is none.
    One query, and those of `kept_back_by` for each expectation that refers to it."""
    rows = _referring(dataset).filter(parameters__at=alias, severity=Severity.BLOCK)
    return next((version for one in rows.order_by("id") if (version := kept_back_by(one)) is not None), None)


def _referring(dataset: Dataset) -> QuerySet[Expectation]:
    """Active expectations that hold data against versions of the dataset."""
    refer = [kind for kind, one in KINDS.items() if one.refers]
    own = Q(dataset=dataset.pk, parameters__dataset=None) | Q(parameters__dataset=str(dataset.pk))
    return Expectation.objects.filter(own, project=dataset.project_id, is_active=True, kind__in=refer)


def _referred(dataset: Dataset, parameters: Mapping[str, Any]) -> DatasetVersion | None:
    other: Dataset | None = dataset
    if not _is_own(dataset, parameters):
        other = Dataset.objects.filter(pk=parameters["dataset"], project=dataset.project_id).first()
    return published_named(other, parameters["at"]) if other is not None else None


def _is_own(dataset: Dataset, parameters: Mapping[str, Any]) -> bool:
    return parameters.get("dataset") in (None, str(dataset.pk))


def newest_results(version: DatasetVersion) -> ValidationRun | None:
    """The last evaluation of a version that came to an end well. One query."""
    runs = ValidationRun.objects.filter(version=version, state=JobState.SUCCEEDED)
    found: ValidationRun | None = runs.order_by("-id").first()
    return found


@dataclass(frozen=True, slots=True)
class Lacks:
    """What a validating version lacks to be published; nothing of these: its expectations have changed."""

    is_under_way: bool = False
    """It is being evaluated."""
    error: str = ""
    """Why it has no results; `-` where nobody knows."""
    blocking: str = ""
    """The expectations that are not fulfilled, for a sentence."""


def lacks_of(version: DatasetVersion) -> Lacks:
    """From what is stored. Three queries at most."""
    newest = ValidationRun.objects.filter(version=version).order_by("-id").defer("results").first()
    if newest is not None and newest.state in VALIDATION_RUN.active:
        return Lacks(is_under_way=True)
    found = newest_results(version)
    if found is None:
        return Lacks(error=(newest.state_detail if newest is not None else "") or "-")
    expectations = active_expectations(version.dataset_id)
    return Lacks(blocking=labels(failing(found.results or [], expectations, Severity.BLOCK)))


def kept_back_by(expectation: Expectation) -> DatasetVersion | None:
    """A version that is not published because of this expectation: it does not fulfil it, or was not evaluated by it
    although the expectation was there before it, or did not when it was evaluated last, by whatever parameters. None
    where there is none. Three queries at most for each that is validating."""
    if not expectation.is_active or expectation.severity != Severity.BLOCK:
        return None
    validating = DatasetVersion.objects.filter(dataset=expectation.dataset_id, state=VersionState.VALIDATING)
    return next((one for one in validating.order_by("number") if _keeps_back(expectation, one)), None)


def _keeps_back(expectation: Expectation, version: DatasetVersion) -> bool:
    newest = newest_results(version)
    results = (newest.results or []) if newest is not None else []
    if covers(results, [expectation]):
        return bool(failing(results, [expectation], Severity.BLOCK))
    return expectation.created_at < version.created_at or _failed_last(expectation, version)


def _failed_last(expectation: Expectation, version: DatasetVersion) -> bool:
    """Whether the version did not fulfil it in the last evaluation that had it, in any revision. One query."""
    about = [{"expectation": str(expectation.pk)}]
    runs = ValidationRun.objects.filter(version=version, state=JobState.SUCCEEDED, results__contains=about)
    last = runs.order_by("-id").first()
    return last is not None and bool(failing(last.results or [], [expectation], Severity.BLOCK))


def open_requests(version: DatasetVersion) -> Any:
    """Requests to publish this version that nobody has decided."""
    asked = ApprovalRequest.objects.filter(project=version.project_id, command=OVERRIDE, state=ApprovalState.PENDING)
    return asked.filter(arguments__dataset_version=str(version.pk))


def covers(results: Iterable[Mapping[str, Any]], expectations: Iterable[Expectation]) -> bool:
    """Whether each of these expectations was evaluated as it is now."""
    seen = {(one["expectation"], one["revision"]) for one in results}
    return all((str(one.pk), one.revision) in seen for one in expectations)


def failing(
    results: Iterable[Mapping[str, Any]], expectations: Iterable[Expectation], severity: Severity
) -> list[dict[str, Any]]:
    """Results of those expectations, with this severity by now, that are not fulfilled."""
    counted = {str(one.pk) for one in expectations if one.severity == severity}
    return [dict(one) for one in results if one["expectation"] in counted and one["outcome"] in NOT_FULFILLED]


def labels(results: Sequence[Mapping[str, Any]]) -> str:
    """`not_null(age), between(age), +3`: how a sentence names expectations."""
    named = [str(one["label"]) for one in results[:LABELS_MOST]]
    more = len(results) - len(named)
    return ", ".join([*named, *([f"+{more}"] if more else [])])


def label_of(expectation: Expectation) -> str:
    return label(expectation.kind, expectation.parameters)


def versions_waited_for() -> list[DatasetVersion]:
    """Versions that something waits for. One query."""
    held = QualityHold.objects.filter(settled_at=None).values("version")
    return list(DatasetVersion.objects.filter(pk__in=held).select_related("dataset").order_by("id"))
