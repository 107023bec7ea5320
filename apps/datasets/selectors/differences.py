"""What is different between two versions, from what is stored of them: no data is read."""

from __future__ import annotations

from typing import Any

from apps.datasets.models import DatasetVersion, Profile
from apps.datasets.states import JobState

Column = dict[str, Any]
_PLAIN = ("distinct_count", "minimum", "maximum", "mean", "std")


def version_diff(before: DatasetVersion, after: DatasetVersion) -> dict[str, Any]:
    """Columns by name: added, removed, of another type, with other figures; of rows of `versions_shown()`. A query."""
    found = Profile.objects.filter(version__in=[before, after], state=JobState.SUCCEEDED).order_by("id")
    results = dict(found.values_list("version", "result"))
    profiles = (results.get(before.pk), results.get(after.pk))
    old, new = ({column["name"]: column for column in version.schema} for version in (before, after))
    known = [_by_name(profile) if all(profiles) else {} for profile in profiles]
    names = [*new, *(name for name in old if name not in new)]
    return {
        "before": _shown(before, results),
        "after": _shown(after, results),
        "is_same_content": before.digest == after.digest,
        "columns": [
            _column(name, old.get(name), new.get(name), known[0].get(name), known[1].get(name)) for name in names
        ],
    }


def _column(name: str, old: Column | None, new: Column | None, was: Column | None, now: Column | None) -> Column:
    statistics = _changed(was, now) if was and now else []
    change = "changed" if statistics else "same"
    if old is None or new is None:
        change = "removed" if new is None else "added"
    elif old["type"] != new["type"]:
        change = "type_changed"
    return {
        "name": name,
        "change": change,
        "type_before": old and old["type"],
        "type_after": new and new["type"],
        "nullable_before": old and old["nullable"],
        "nullable_after": new and new["nullable"],
        "statistics": statistics,
    }


def _changed(was: Column, now: Column) -> list[dict[str, Any]]:
    before, after = _statistics(was), _statistics(now)
    return [
        {"name": name, "before": before.get(name), "after": after.get(name)}
        for name in before | after
        if before.get(name) != after.get(name)
    ]


def _statistics(column: Column) -> Column:
    """The figures of a column's profile that are compared, without those that it does not have."""
    found = {"null_ratio": column["null_ratio"], **{name: column.get(name) for name in _PLAIN}}
    found["median"] = (column.get("quantiles") or {}).get("0.5")
    found["mean_length"] = (column.get("text_length") or {}).get("mean")
    return {name: value for name, value in found.items() if value is not None}


def _by_name(profile: dict[str, Any] | None) -> dict[str, Column]:
    if profile is None:
        return {}
    rows = profile["row_count"]
    return {
        column["name"]: {**column, "null_ratio": column.get("null_count", 0) / rows if rows else 0.0}
        for column in profile["columns"]
    }


def _shown(version: Any, results: dict[Any, Any]) -> dict[str, Any]:
    names = ("id", "dataset_name", "number", "row_count", "size_bytes", "digest", "created_at")
    shown = {name: getattr(version, name) for name in names}
    return {**shown, "dataset": version.dataset_id, "has_profile": results.get(version.pk) is not None}
