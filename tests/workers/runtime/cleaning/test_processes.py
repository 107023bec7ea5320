"""The jobs as processes, against a real server, as a backend starts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.disks import files_of_at_most
from tests.support.runtime_api import RuntimeApi
from tests.workers.runtime.cleaning.jobs import CREDIT_DATA, RECIPE, Jobs
from tests.workers.runtime.cleaning.test_credit_data import CLEANED, INGESTED
from workers.contracts import environment as names
from workers.contracts import exit_codes


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RuntimeApi]:
    with RuntimeApi(tmp_path) as server:
        yield server


def run(api: RuntimeApi, job: str, parameters: dict[str, Any], **variables: str) -> tuple[int, str]:
    environment = api.job_environment(parameters, ("dataset",)) | variables
    done = subprocess.run(
        [sys.executable, "-m", "workers.runtime.cleaning", job],
        env=environment,
        cwd=api.work_dir,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def written(api: RuntimeApi) -> list[Path]:
    return sorted((api.store / "attempts" / api.attempt_id / "dataset").iterdir())


def test_a_file_goes_from_upload_to_a_clean_version(api: RuntimeApi) -> None:
    api.add_input("source", [CREDIT_DATA], by_url=api.url)
    assert run(api, "ingest", {"format": "csv"}) == (0, "")
    assert api.result()["digest"] == INGESTED
    assert [path.name for path in written(api)] == ["part-00000.parquet", "profile.json", "sample.json"]

    api.inputs.clear()
    api.add_input("dataset", written(api)[:1])
    assert run(api, "profile", {}) == (0, "")
    assert [column["null_count"] for column in api.result()["columns"]][9] == 381

    api.attempt_id = api.attempt_id[:-1] + "3"
    assert run(api, "clean", {"steps": RECIPE}) == (0, "")
    assert api.result()["digest"] == CLEANED
    beside = ["preprocessor.json", "profile.json", "report.json", "sample.json"]
    assert [path.name for path in written(api)] == ["part-00000.parquet", *beside]


def test_an_error_of_the_user_is_a_result_that_names_the_place(api: RuntimeApi, tmp_path: Path) -> None:
    source = tmp_path / "twice.csv"
    source.write_text("a,a\n1,2\n", encoding="utf-8")
    api.add_input("source", [source])

    code, said = run(api, "ingest", {"format": "csv"})

    detail = "columns 1 and 2 are both named 'a' in line 1 of twice.csv"
    assert code == exit_codes.USER_ERROR
    assert api.result() == {"error": {"code": "duplicate_column_names", "detail": detail}}
    assert said == f"error: duplicate_column_names: {detail}\n"


@pytest.mark.parametrize("job", ["ingest", "clean"])
def test_a_full_disk_is_the_reason_and_leaves_nothing_half_written(
    api: RuntimeApi, tmp_path: Path, jobs: Jobs, job: str
) -> None:
    if job == "ingest":
        source = tmp_path / "wide.csv"
        numbers = "".join(f"{number * 7919 % 100_003}\n" for number in range(100_000))
        source.write_text("a\n" + numbers, encoding="utf-8")
        api.add_input("source", [source])
        parameters: dict[str, Any] = {"format": "csv"}
    else:
        api.add_input("dataset", jobs.parquet({"a": list(range(100_000))}))
        parameters = {"steps": [{"kind": "split", "test_ratio": 0.5}, {"kind": "standardise"}]}
    with files_of_at_most(10_000):
        # Python would leave compiled modules that are cut off there, too.
        code, said = run(api, job, parameters, PYTHONDONTWRITEBYTECODE="1")
    detail = "a disk that the job writes to is full: the log says where; make room and run it again"
    assert (code, api.result()) == (exit_codes.USER_ERROR, {"error": {"code": "disk_full", "detail": detail}})
    assert "No space left on device" in said or "File too large" in said
    assert written(api) == []
    assert run(api, job, parameters)[0] == exit_codes.COMPLETED


def test_an_unknown_runner_is_refused(api: RuntimeApi, tmp_path: Path) -> None:
    source = tmp_path / "part-00000.parquet"
    source.write_bytes(b"")
    api.add_input("dataset", [source])

    code, _ = run(api, "clean", {"steps": RECIPE}, **{names.DATA_RUNNER: "spark"})

    assert code == exit_codes.USER_ERROR
    assert api.result()["error"]["detail"] == "BEDPLATE_DATA_RUNNER is 'native' or 'ray', not 'spark'"


def test_a_superseded_attempt_leaves_with_the_agreed_status(api: RuntimeApi) -> None:
    api.add_input("source", [CREDIT_DATA])
    api.superseded = True

    assert run(api, "ingest", {"format": "csv"})[0] == exit_codes.CONTROL_PLANE_GONE


def test_an_unknown_job_is_refused(api: RuntimeApi) -> None:
    code, said = run(api, "polish", {})

    jobs = "collect|ingest|profile|clean|validate|compare"
    assert (code, said) == (exit_codes.USER_ERROR, f"usage: python -m workers.runtime.cleaning {jobs}\n")


IMPORTS = """
import sys
import workers.runtime.cleaning.__main__, workers.runtime.cleaning.profile
heavy = {"torch", "daft", "numpy", "pandas", "ray", "django", "onnxruntime"}
print(sorted(heavy & {name.split(".")[0] for name in sys.modules}))
import workers.runtime.cleaning.clean, workers.runtime.cleaning.ingest
print(sorted(heavy & {name.split(".")[0] for name in sys.modules}))
"""


def test_a_job_imports_no_more_than_it_needs(api: RuntimeApi) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], env=api.job_environment(), stdout=subprocess.PIPE, text=True, check=True
    )

    assert done.stdout == "['numpy']\n['daft', 'numpy']\n"  # Daft takes most of a second to import


@pytest.mark.parametrize("name", ["key=value", "we[1]rd", "st*r", "wh?t", "o'clock é"])
def test_a_folder_of_any_name_is_only_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    jobs = Jobs(folder)

    ingested = jobs.ingest("a,b\n1,x\n2,x\n3,x\n", f"{name}.csv")
    cleaned = jobs.clean(ingested.files, [{"kind": "split", "test_ratio": 0.3}, {"kind": "one_hot"}])

    assert [column["name"] for column in ingested.result["schema"]] == ["a", "b"]
    assert [column["name"] for column in cleaned.result["schema"]] == ["__split", "a", "b=x"]
    assert [column["name"] for column in jobs.profile(ingested.files)["columns"]] == ["a", "b"]
