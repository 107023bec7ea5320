"""What may be submitted beside a script: source bundles, images, several versions, variables, seeds, retries."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common import clock
from apps.common.storage import store
from apps.datasets.models import DatasetVersion, QualityHold
from apps.datasets.states import VersionState
from apps.experiments.models import Run, RunInput, SourceBundle
from apps.quotas.models import Attempt, Cluster, ResourcePool, Workload
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import DatasetVersionFactory, pool_ready
from tests.support.factories.experiments import ExperimentFactory
from tests.support.factories.quotas import AttemptFactory
from tests.support.zips import zip_of

pytestmark = pytest.mark.django_db
API = "/api/v1"
LOCK = "# ours\nidna==3.10\ncertifi==2026.1.1 \\\n    --hash=sha256:00\n"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def project() -> Project:
    pool_ready()
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def user(project: Project) -> User:
    return member(project, Role.EDITOR)


@pytest.fixture
def client(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def bundle(project: Project) -> SourceBundle:
    path = f"bundles/{project.pk}/one.zip"
    stored = store().put(path, [zip_of({"train.py": "print(1)"})])
    made: SourceBundle = SourceBundle.objects.create(
        project=project, sha256="a" * 64, path=path, archive_sha256=stored.sha256, size_bytes=stored.size_bytes
    )
    return made


def body_of(project: Project, source: SourceBundle | None, **changes: Any) -> dict[str, Any]:
    asked = {
        "experiment": str(ExperimentFactory.create(project=project).pk),
        "name": "risk",
        "kind": "bundle",
        "bundle": str(source.pk) if source is not None else None,
        "command": ["python", "train.py", "--epochs", "3"],
    }
    return {**asked, **changes}


def submitted(client: APIClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{API}/runs", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def cluster_pool() -> ResourcePool:
    cluster = Cluster.objects.create(
        name="east", kind="in_cluster", options={"image_policy": ["ghcr.io/acme"]}, server=""
    )
    pool: ResourcePool = ResourcePool.objects.create(name="east", backend=cluster.backend, cluster=cluster)
    return pool


def end(run: dict[str, Any]) -> Run:
    Run.objects.filter(pk=run["id"]).update(state="succeeded", ended_at=clock.now())
    return Run.objects.get(pk=run["id"])


def test_a_bundle_runs_its_command_with_its_packages_and_needs_no_data(
    client: APIClient, project: Project, bundle: SourceBundle
) -> None:
    run = submitted(client, body_of(project, bundle, requirements=LOCK, seed=7, environment={"MODE": "fast"}))
    assert (run["kind"], run["bundle"], run["dataset_version"]) == ("bundle", str(bundle.pk), None)
    assert (run["seed"], run["environment"], run["requirements"]) == (7, {"MODE": "fast"}, LOCK)
    spec = Workload.objects.get(pk=run["workload"]).spec
    assert spec["command"] == ["python", "-m", "workers.runtime.source", "--", "python", "train.py", "--epochs", "3"]
    assert spec["environment"] == {"MODE": "fast", "BEDPLATE_SEED": "7"}
    assert spec["files"] == {".bedplate/packages.lock": "idna==3.10\ncertifi==2026.1.1 --hash=sha256:00\n"}
    source = {"name": "source", "uri": f"bedplate://{bundle.path}", "files": [], "sha256": bundle.archive_sha256}
    assert spec["inputs"] == [source]
    assert Run.objects.get(pk=run["id"]).provenance["bundle_sha256"] == bundle.sha256


def test_a_run_reads_several_versions_by_name(client: APIClient, project: Project, bundle: SourceBundle) -> None:
    first, second = (DatasetVersionFactory.create(project=project) for _ in range(2))
    reference = f"{project.name}/{second.dataset.name}@{second.number}"
    inputs = [{"name": "holdout", "dataset_version": reference}]
    run = submitted(client, body_of(project, bundle, dataset_version=str(first.pk), inputs=inputs))
    spec = Workload.objects.get(pk=run["workload"]).spec
    assert [ref["name"] for ref in spec["inputs"]] == ["data", "holdout", "source"]
    kept = RunInput.objects.get()
    assert (kept.name, kept.dataset_version_id, kept.reference) == ("holdout", second.pk, reference)
    shown = client.get(f"{API}/runs/{run['id']}/provenance").json()
    assert [(one["name"], one["dataset_version"], one["digest"]) for one in shown["inputs"]] == [
        ("data", str(first.pk), first.digest),
        ("holdout", str(second.pk), second.digest),
    ]
    asked = client.get(f"{API}/runs/{run['id']}/as-request").json()
    assert asked["inputs"] == [{"name": "holdout", "dataset_version": str(second.pk)}]
    again = submitted(client, asked)
    assert (again["command"], again["bundle"], again["name"]) == (run["command"], run["bundle"], "risk-2")


def test_a_retry_policy_reaches_the_workload(client: APIClient, project: Project, bundle: SourceBundle) -> None:
    retries = {"reasons": ["out_of_memory", "lost"], "max_attempts": 5, "backoff_seconds": 30}
    run = submitted(client, body_of(project, bundle, retries=retries))
    workload = Workload.objects.get(pk=run["workload"])
    assert (run["retries"], workload.retries, workload.max_attempts) == (retries, retries, 5)


def test_the_seed_of_a_trainer_is_its_parameter(client: APIClient, project: Project) -> None:
    version = str(DatasetVersionFactory.create(project=project).pk)
    trained = {"kind": "tabular_classifier", "command": [], "dataset_version": version, "seed": 11}
    run = submitted(client, body_of(project, None, **trained))
    assert run["parameters"]["seed"] == 11
    named = submitted(client, body_of(project, None, **{**trained, "parameters": {"seed": 3}}))
    assert named["parameters"]["seed"] == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bundle": None}, "bundle"),
        ({"command": []}, "command"),
        ({"command": [""]}, "command.0"),
        ({"command": ["python", "a\0b"]}, "command.1"),
        ({"command": ["x" * 131_000, "y" * 200]}, "command"),
        ({"command": "python train.py"}, "command"),
        ({"script": "print(1)"}, "script"),
        ({"image": "python:3.12"}, "image"),
        ({"requirements": "numpy>=2"}, "requirements"),
        ({"requirements": "-e ."}, "requirements"),
        ({"requirements": "git+https://example.org/x"}, "requirements"),
        ({"requirements": "--index-url https://me:secret@example.org/simple\nx==1"}, "requirements"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"environment": {"BEDPLATE_RANK": "1"}}, "environment.BEDPLATE_RANK"),
        ({"environment": {"MLFLOW_TRACKING_URI": "x"}}, "environment.MLFLOW_TRACKING_URI"),
        ({"environment": {"PATH": "/bin"}}, "environment.PATH"),
        ({"environment": {"LD_PRELOAD": "/x.so"}}, "environment.LD_PRELOAD"),
        ({"environment": {"A": "x\0y"}}, "environment.A"),
        ({"environment": {"INDEX": "https://me:word@example.org/simple"}}, "environment.INDEX"),
        ({"environment": {"bedplate_x": "1"}}, "environment.bedplate_x"),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"serviceAccountName": "admin"}, "serviceAccountName"),
        ({"resources": {"cpu_millis": 100, "privileged": True}}, "resources.privileged"),
        ({"retries": {"reasons": ["lost"], "max_attempt": 2}}, "retries.max_attempt"),
        ({"retries": {"reasons": ["lost"], "max_attempts": 10**30}}, "retries.max_attempts"),
        ({"time_limit_seconds": 0}, "time_limit_seconds"),
        ({"time_limit_seconds": 10**30}, "time_limit_seconds"),
        ({"environment": {"WANDB_API_KEY": "x"}}, "environment.WANDB_API_KEY"),
        ({"environment": {"DB_PASSWORD": "x"}}, "environment.DB_PASSWORD"),
        ({"environment": {"1A": "x"}}, "environment.1A"),
        ({"environment": {"A": "x" * (2 << 20)}}, "environment.A"),
        ({"environment": {f"A{number}": "" for number in range(201)}}, "environment"),
        ({"retries": {"reasons": ["cancelled_by_user"]}}, "retries.reasons.0"),
        ({"retries": {"reasons": ["lost"], "max_attempts": 21}}, "retries.max_attempts"),
        ({"kind": "tracked"}, "bundle"),
    ],
    ids=lambda each: str(each)[:60],
)
def test_what_cannot_be_asked_for_is_refused_by_field_and_nothing_is_made(
    client: APIClient, project: Project, bundle: SourceBundle, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{API}/runs", body_of(project, bundle, **changes))
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert field in answer.json()["fields"], answer.content[:600]
    assert not Run.objects.exists()
    assert not Workload.objects.exists()


@pytest.mark.parametrize("name", ["source", "artifacts", "checkpoints", "data"])
def test_names_of_other_things_are_no_inputs(
    client: APIClient, project: Project, bundle: SourceBundle, name: str
) -> None:
    version = str(DatasetVersionFactory.create(project=project).pk)
    inputs = [{"name": name, "dataset_version": version}]
    answer = client.post(f"{API}/runs", body_of(project, bundle, dataset_version=version, inputs=inputs))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [f"inputs.{name}"])


def test_a_bundle_of_another_project_is_not_run(client: APIClient, user: User, bundle: SourceBundle) -> None:
    other = ProjectFactory.create(organisation=user.organisation)
    answer = client.post(f"{API}/runs", body_of(other, bundle))
    assert answer.status_code == 404


def test_an_image_is_refused_where_no_containers_run(client: APIClient, project: Project) -> None:
    answer = client.post(f"{API}/runs", body_of(project, None, kind="image", image="python:3.12"))
    assert answer.status_code == 400
    assert "starts processes on its machines (local) and cannot run containers" in answer.json()["detail"]
    assert list(answer.json()["fields"]) == ["image"]


def test_an_image_runs_on_a_cluster_that_takes_it(client: APIClient, project: Project) -> None:
    pool = cluster_pool()
    asked = {"kind": "image", "pool": pool.name, "command": ["python", "-c", "print(1)"]}
    run = submitted(client, body_of(project, None, **asked, image=f"ghcr.io/acme/train@{DIGEST}"))
    spec = Workload.objects.get(pk=run["workload"]).spec
    assert (spec["image"], spec["command"], spec["files"]) == (
        f"ghcr.io/acme/train@{DIGEST}",
        ["python", "-c", "print(1)"],
        {},
    )
    assert client.get(f"{API}/runs/{run['id']}/provenance").json()["image_digest"] == DIGEST
    for image, said in (
        ("docker.io/library/python:3.12", "images come from ghcr.io/acme only"),
        ("ghcr.io/acme/../x", "is not the name of an image"),
        ("UPPER/case", "is not the name of an image"),
        (" ghcr.io/acme/train", "is not the name of an image"),
        ("ghcr.io/acme/train\n", "is not the name of an image"),
        ("ghcr.io/acme/train;id", "is not the name of an image"),
        ("-ghcr.io/acme/train", "is not the name of an image"),
        ("ghcr.io/acme/tr\u0430in", "is not the name of an image"),
        ("ghcr.io/acme/train@sha256:0", "is not a digest"),
        ("ghcr.io/" + "a" * 5000, "no more than 500 characters"),
    ):
        answer = client.post(f"{API}/runs", body_of(project, None, **asked, image=image))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["image"])
        assert said in answer.json()["detail"]


def test_a_run_is_repeated_exactly_and_what_differs_in_its_environment_is_said(
    client: APIClient, project: Project, bundle: SourceBundle
) -> None:
    version = DatasetVersionFactory.create(project=project)
    asked = {"dataset_version": str(version.pk), "seed": 5, "requirements": LOCK, "environment": {"A": "1"}}
    run = submitted(client, body_of(project, bundle, **asked))
    address = f"{API}/runs/{run['id']}/repeat"
    assert client.post(address).json()["code"] == "conflict"
    end(run)
    answer = client.post(address, {}, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 201, answer.content
    again = answer.json()
    for name in ("bundle", "command", "requirements", "seed", "environment", "dataset_version", "resources"):
        assert again[name] == run[name]
    assert (again["retry_of"], again["name"]) == (run["id"], "risk-2")
    assert client.post(address, {}, headers={"Idempotency-Key": "once"}).json()["id"] == again["id"]
    specs = [Workload.objects.get(pk=one["workload"]).spec for one in (run, again)]
    assert specs[0] == specs[1]
    rest = {"platform": "Linux", "cpu_count": 4, "torch": None, "gpus": [], "git_commit": ""}
    told = {**rest, "python": "3.11.7", "driver": "1", "packages": {"numpy": "2.2.5", "idna": "3.10"}, "hostname": "a"}
    later = {**rest, "python": "3.11.7", "driver": "2", "packages": {"numpy": "2.2.6", "tqdm": "4"}, "hostname": "b"}
    for one, environment in ((run, told), (again, later)):
        workload = Workload.objects.get(pk=one["workload"])
        AttemptFactory.create(workload=workload, project=project, environment=environment)
    shown = client.get(f"{API}/runs/{again['id']}/provenance").json()
    assert (shown["repeats"], shown["repeats_name"], shown["obstacles"]) == (run["id"], "risk", [])
    assert shown["differences"] == [
        {"what": "driver", "before": "1", "after": "2"},
        {"what": "packages.idna", "before": "3.10", "after": None},
        {"what": "packages.numpy", "before": "2.2.5", "after": "2.2.6"},
        {"what": "packages.tqdm", "before": None, "after": "4"},
    ]
    assert Attempt.objects.count() == 2


def test_what_is_gone_or_differs_refuses_a_repetition_by_name(
    client: APIClient, project: Project, bundle: SourceBundle
) -> None:
    version: DatasetVersion = DatasetVersionFactory.create(project=project)
    run = end(submitted(client, body_of(project, bundle, dataset_version=str(version.pk))))
    DatasetVersion.objects.filter(pk=version.pk).update(state=VersionState.DEPRECATED)
    Run.objects.filter(pk=run.pk).update(secrets=["wandb"], provenance={"inputs": {"data": "other"}})
    store().delete(bundle.path)
    answer = client.post(f"{API}/runs/{run.pk}/repeat")
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_repeat")
    assert answer.json()["fields"] == {
        "inputs.data": ["is deprecated", f"has the digest {version.digest} now; it was other"],
        "bundle": ["is gone from the object store"],
        "secrets.wandb": ["is no secret of the project any more"],
    }
    obstacles = client.get(f"{API}/runs/{run.pk}/provenance").json()["obstacles"]
    assert [one["what"] for one in obstacles] == ["inputs.data", "inputs.data", "bundle", "secrets.wandb"]
    assert Run.objects.count() == 1


def test_an_image_named_by_a_tag_is_not_exactly_repeated(client: APIClient, project: Project) -> None:
    asked = {"kind": "image", "pool": cluster_pool().name, "image": "ghcr.io/acme/train:1"}
    run = end(submitted(client, body_of(project, None, **asked)))
    answer = client.post(f"{API}/runs/{run.pk}/repeat")
    assert (answer.status_code, list(answer.json()["fields"])) == (409, ["image"])


def test_a_run_that_ran_elsewhere_is_not_repeated(client: APIClient, project: Project) -> None:
    run = Run.objects.create(
        project=project, experiment=ExperimentFactory.create(project=project), name="x", kind="tracked",
        state="succeeded", ended_at=clock.now(),
    )  # fmt: skip
    for verb in ("repeat", "retry"):
        answer = client.post(f"{API}/runs/{run.pk}/{verb}")
        assert (answer.status_code, "ran elsewhere" in answer.json()["detail"]) == (409, True)


def test_a_held_run_waits_for_all_its_versions(client: APIClient, project: Project, bundle: SourceBundle) -> None:
    versions = [DatasetVersionFactory.create(project=project, state=VersionState.VALIDATING) for _ in range(2)]
    inputs = [{"name": "more", "dataset_version": str(versions[1].pk)}]
    run = submitted(client, body_of(project, bundle, dataset_version=str(versions[0].pk), inputs=inputs))
    workload = Workload.objects.get(pk=run["workload"])
    assert workload.is_held
    held = QualityHold.objects.filter(workload=workload, settled_at=None)
    assert set(held.values_list("version", flat=True)) == {one.pk for one in versions}
