"""What MLflow's clients send and read: fields of requests, ids, limits, times. Pure.

A request is one JSON object, or the query of a GET; a field that is null is a field that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from apps.experiments.api.mlflow.errors import MlflowError, invalid, missing

KEY_CHARACTERS_MOST: Final = 250
"""Of a metric, a parameter, a tag."""
PARAM_CHARACTERS_MOST: Final = 6000
TAG_CHARACTERS_MOST: Final = 8000
EXPERIMENT_TAG_CHARACTERS_MOST: Final = 20_000
EXPERIMENT_NAME_CHARACTERS_MOST: Final = 500
RUN_NAME_CHARACTERS_MOST: Final = 250
METRICS_MOST: Final = 1000
PARAMS_MOST: Final = 100
TAGS_MOST: Final = 100
ENTITIES_MOST: Final = 1000
"""Metrics, parameters and tags of one batch together."""
DATASETS_MOST: Final = 1000
DATASET_NAME_CHARACTERS_MOST: Final = 500
DATASET_DIGEST_CHARACTERS_MOST: Final = 36
RESULTS_MOST: Final = 50_000
EXPERIMENTS_MOST: Final = 1000
"""Experiments that one search may name."""
INT64_MOST: Final = 2**63 - 1

DEFAULT_EXPERIMENT: Final = "0"
"""The id of the experiment that a client logs to when it was told none."""
DEFAULT_EXPERIMENT_NAME: Final = "Default"

MODEL_PREFIX: Final = "m-"
"""Before the id of a logged model."""
ACTIVE: Final = "active"
DELETED: Final = "deleted"

_KEY = re.compile(r"[\w.\- :/]+")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}")
_EXPERIMENT_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,63}")
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_000
"""The last second of the year 9999."""


class Asked:
    """The fields of one request, or of an object in it, read by type.

    Every method raises MlflowError with INVALID_PARAMETER_VALUE for a value that is not of its type.
    """

    def __init__(self, values: Mapping[str, Any], at: str = "") -> None:
        self.values, self.at = values, at

    @classmethod
    def of_json(cls, body: Any) -> Self:
        """Of a decoded body; nothing at all is an empty object."""
        if body is None or body == "":
            body = {}
        if not isinstance(body, Mapping):
            raise invalid("The body of the request must be a JSON object.")
        return cls(body)

    @classmethod
    def of_query(cls, query: Mapping[str, Sequence[str]]) -> Self:
        """Of a query as `dict(QueryDict.lists())`: a field that stands there once is one text, else a list."""
        return cls({name: values[0] if len(values) == 1 else list(values) for name, values in query.items()})

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "", *, most: int = 0) -> str:
        """Args: most: characters; 0: as many as there are."""
        found = self.values.get(name)
        if found is None:
            return default
        if not isinstance(found, str):
            raise self._wrong(name, found, "text")
        if "\x00" in found:
            raise self._wrong(name, found, "text without NUL characters")
        if most and len(found) > most:
            raise too_long(f"{self.at}{name}", found, most)
        return found

    def needed(self, name: str, *, most: int = 0) -> str:
        """A text that is there and not empty."""
        found = self.text(name, most=most)
        if not found:
            raise self.lacking(name)
        return found

    def one_of(self, *names: str) -> str:
        """The first of these fields that is there: a field and its older name."""
        found = next((self.text(name) for name in names if self.has(name)), "")
        if not found:
            raise self.lacking(names[0])
        return found

    def key(self, name: str = "key") -> str:
        """The name of a metric, parameter or tag."""
        found = self.needed(name)
        key_check(found, f"{self.at}{name}")
        return found

    def number(self, name: str, default: int, *, least: int = 0, most: int = INT64_MOST) -> int:
        """A whole number, also as text: so JSON of protobuf writes those of 64 bits."""
        found = self.values.get(name)
        if found is None:
            return default
        if isinstance(found, str) and _WHOLE.fullmatch(found):
            found = int(found)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int):
            raise self._wrong(name, found, "a whole number")
        if not least <= found <= most:
            raise self._wrong(name, found, f"a number from {least} to {most}")
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts; one text is a list of one."""
        found = self.values.get(name)
        if found is None:
            return []
        if isinstance(found, str):
            found = [found]
        if not isinstance(found, list) or not all(isinstance(each, str) and "\x00" not in each for each in found):
            raise self._wrong(name, found, "a list of texts")
        return list(found)

    def flag(self, name: str, *, default: bool = False) -> bool:
        found = self.values.get(name)
        if found is None:
            return default
        if found in ("true", "false"):
            return bool(found == "true")
        if not isinstance(found, bool):
            raise self._wrong(name, found, "true or false")
        return found

    def inner(self, name: str) -> Asked:
        """An object; an empty one where there is none."""
        found = self.values.get(name)
        if found is None:
            found = {}
        if not isinstance(found, Mapping):
            raise self._wrong(name, found, "an object")
        return Asked(found, f"{self.at}{name}.")

    def items(self, name: str) -> list[Asked]:
        """A list of objects."""
        found = self.values.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
            raise self._wrong(name, found, "a list of objects")
        return [Asked(each, f"{self.at}{name}[{number}].") for number, each in enumerate(found)]

    def pairs(self, name: str, *, most: int, value_most: int) -> dict[str, str]:
        """A list of `{"key", "value"}` as a dict; of a key that comes twice the last value counts.

        Args:
            most: pairs.
            value_most: characters of a value.
        """
        found = self.items(name)
        if len(found) > most:
            raise invalid(f"A request may have at most {most} {name}. Got {len(found)}.")
        return {each.key(): each.text("value", most=value_most) for each in found}

    def moment(self, name: str) -> datetime | None:
        """Milliseconds since 1970; null and 0 are no time."""
        found = self.number(name, 0, most=_LATEST_MS)
        return at_ms(found) if found else None

    def lacking(self, name: str) -> MlflowError:
        return invalid(f"Missing value for required parameter '{self.at}{name}'.")

    def _wrong(self, name: str, value: Any, wanted: str) -> MlflowError:
        said = repr(value)
        said = said if len(said) <= 100 else f"{said[:100]}…"
        return invalid(f"Invalid value {said} for parameter '{self.at}{name}' supplied: it must be {wanted}.")


def key_check(key: str, at: str = "key") -> None:
    """Raise for a name that no metric, parameter or tag can have: too long, with odd characters, or like a path that
    leads elsewhere."""
    if len(key) > KEY_CHARACTERS_MOST:
        raise too_long(at, key, KEY_CHARACTERS_MOST)
    if _KEY.fullmatch(key) is None:
        raise invalid(
            f"Invalid value {key[:100]!r} for parameter '{at}' supplied: names may only contain alphanumerics,"
            " underscores (_), dashes (-), periods (.), spaces ( ), colon (:) and slashes (/)."
        )
    parts = key.split("/")
    if key.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise invalid(
            f"Invalid value {key[:100]!r} for parameter '{at}' supplied: names may be treated as files in certain"
            " cases, and must not resolve to other names when treated as such."
        )


def too_long(at: str, value: str, most: int) -> MlflowError:
    return invalid(f"'{at}' exceeds the maximum length of {most} characters. Got a value of length {len(value)}.")


def hex_of(number: UUID) -> str:
    """Our id as it stands on the wire: 32 hex digits."""
    return number.hex


def run_uuid(text: str) -> UUID:
    """The id of a run.

    Raises:
        MlflowError: INVALID_PARAMETER_VALUE for what no id looks like, RESOURCE_DOES_NOT_EXIST for another's id.
    """
    if _RUN_ID.fullmatch(text) is None:
        raise invalid(f"Invalid run ID: {text[:100]!r}")
    found = uuid_or_none(text)
    if found is None:
        raise missing(f"Run with id={text} not found")
    return found


def experiment_uuid(text: str) -> UUID:
    """The id of an experiment; raises as `run_uuid`."""
    if _EXPERIMENT_ID.fullmatch(text) is None:
        raise invalid(f"Invalid experiment ID: {text[:100]!r}")
    found = uuid_or_none(text)
    if found is None:
        raise missing(f"No Experiment with id={text} exists")
    return found


def logged_model_uuid(text: str) -> UUID:
    """The id of a logged model. Raises MlflowError for what is none."""
    found = uuid_or_none(text.removeprefix(MODEL_PREFIX)) if text.startswith(MODEL_PREFIX) else None
    if found is None:
        raise missing(f"Logged model with ID '{text[:100]}' not found.")
    return found


def uuid_or_none(text: str) -> UUID | None:
    """32 hex digits, or the same with dashes."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if text.lower() in (found.hex, str(found)) else None


def ms_of(moment: datetime | None) -> int | None:
    """Milliseconds since 1970."""
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def at_ms(number: int) -> datetime:
    """The time of so many milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=number)


def pairs_of(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """A dict as a list of `{"key", "value"}`, by key."""
    return [{"key": key, "value": str(values[key])} for key in sorted(values)]
