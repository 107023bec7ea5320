"""Names of a spec become paths in the store, and no other name does."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_django.fixtures import Settings

from apps.common.addresses import NoDirectAddress
from apps.common.errors import Invalid
from apps.common.storage import store
from apps.datasets.services.resolve import InputMissing, NotAnInput, data_resolve
from apps.quotas.models import Attempt, Workload
from workers.contracts.specs import DataRef, JobSpec, Resources, ServingSpec, spec_to_json

ATTEMPT = UUID("01936f2e-0000-7000-8000-000000000001")
RESOURCES = Resources(1000, 1 << 30)


def _spec(*inputs: DataRef, outputs: tuple[str, ...] = ()) -> JobSpec:
    return JobSpec(("python",), RESOURCES, inputs=inputs, outputs=tuple(DataRef(name, "") for name in outputs))


def _attempt(spec: Any, backend: str = "local") -> Attempt:
    """One that is in no database: what is resolved asks none."""
    workload = Workload(spec=spec_to_json(spec))
    return Attempt(pk=ATTEMPT, workload=workload, handle={"backend": backend, "data": {}})


def _resolve(spec: Any, name: str, mode: str = "read", *, backend: str = "local") -> dict[str, Any]:
    return data_resolve(attempt=_attempt(spec, backend), name=name, mode=mode)


def test_an_output_is_a_folder_of_the_attempt_and_is_made(objects: Path) -> None:
    answer = _resolve(_spec(outputs=("dataset",)), "dataset", "write")
    folder = objects / "attempts" / str(ATTEMPT) / "dataset"
    assert answer == {"name": "dataset", "uri": f"bedplate://attempts/{ATTEMPT}/dataset/", "path": str(folder)}
    assert folder.is_dir()
    assert _resolve(_spec(outputs=("dataset",)), "dataset", "write") == answer


def test_a_file_is_resolved_with_its_size(objects: Path) -> None:
    store().put("sources/a/people.csv", [b"a,b\n"])
    path = str(objects / "sources/a/people.csv")
    assert _resolve(_spec(DataRef("source", "bedplate://sources/a/people.csv")), "source") == {
        "name": "source",
        "uri": "bedplate://sources/a/people.csv",
        "path": path,
        "files": [{"name": "people.csv", "path": path, "url": None, "size_bytes": 4, "sha256": None}],
    }


def test_of_a_folder_only_the_files_of_the_input_are_named(objects: Path) -> None:
    for name in ("part-0", "part-1", "scratch"):
        store().put(f"attempts/x/dataset/{name}", [name.encode()])
    answer = _resolve(_spec(DataRef("data", "bedplate://attempts/x/dataset/", ("part-1", "part-0"))), "data")
    assert answer["path"] == str(objects / "attempts/x/dataset")
    assert [(file["name"], file["size_bytes"]) for file in answer["files"]] == [("part-1", 6), ("part-0", 6)]
    assert answer["files"][0]["path"] == str(objects / "attempts/x/dataset/part-1")


@pytest.mark.parametrize(
    "name, mode", [("other", "read"), ("dataset", "read"), ("source", "write"), ("..", "write"), ("", "write")]
)
def test_a_name_that_the_spec_does_not_have_is_refused(name: str, mode: str, objects: Path) -> None:
    spec = _spec(DataRef("source", "bedplate://sources/a/people.csv"), outputs=("dataset",))
    with pytest.raises(NotAnInput) as refused:
        _resolve(spec, name, mode)
    assert (refused.value.code, refused.value.status) == ("not_an_input", 403)
    assert not objects.exists()


def test_a_served_model_writes_nothing() -> None:
    with pytest.raises(NotAnInput):
        _resolve(ServingSpec(("python",), RESOURCES), "dataset", "write")


@pytest.mark.parametrize("file", ["../secret", "/etc/passwd", "a/../../b", "a\\b"])
def test_a_file_outside_the_input_s_folder_is_refused(file: str) -> None:
    with pytest.raises(Invalid):
        _resolve(_spec(DataRef("data", "bedplate://attempts/x/dataset/", (file,))), "data")


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "bedplate://../x", "bedplate:///etc/passwd", "bedplate://"])
def test_an_address_outside_the_store_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        _resolve(_spec(DataRef("data", uri)), "data")


@pytest.mark.parametrize("name", ["a/b", "..", "."])
def test_an_output_cannot_leave_its_attempt(name: str, objects: Path) -> None:
    spec = _spec(outputs=(name,))
    if name == "a/b":
        assert _resolve(spec, name, "write")["path"].startswith(str(objects / "attempts" / str(ATTEMPT)))
    else:
        with pytest.raises(Invalid):
            _resolve(spec, name, "write")


def test_what_is_gone_is_said_to_be_gone() -> None:
    with pytest.raises(InputMissing, match=r"sources/a/people\.csv is not in the object store"):
        _resolve(_spec(DataRef("source", "bedplate://sources/a/people.csv")), "source")


def test_a_remote_store_that_cannot_sign_says_so(settings: Settings) -> None:
    settings.BEDPLATE_STORAGE_URL = "memory://resolve"
    store().put("sources/a/people.csv", [b"a"])
    with pytest.raises(NoDirectAddress) as refused:
        _resolve(_spec(DataRef("source", "bedplate://sources/a/people.csv")), "source")
    assert refused.value.status == 501
    assert _resolve(_spec(outputs=("dataset",)), "dataset", "write")["path"] is None


def test_a_remote_store_that_signs_gives_short_lived_addresses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BEDPLATE_STORAGE_URL = "memory://signed"
    store().put("sources/a/people.csv", [b"a"])
    monkeypatch.setattr(
        type(store().fs), "sign", lambda self, path, expiration: f"https://store{path}?for={expiration}"
    )
    answer = _resolve(_spec(DataRef("source", "bedplate://sources/a/people.csv")), "source")
    assert answer["path"] is None
    assert answer["files"] == [
        {"name": "people.csv", "path": None, "url": "https://store/signed/sources/a/people.csv?for=3600",
         "size_bytes": 1, "sha256": None}
    ]  # fmt: skip
