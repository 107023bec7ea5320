"""`manage.py cluster`, and the cluster that an installation is in itself."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.quotas.models import Cluster, ResourcePool
from apps.quotas.services.cluster_credentials import credentials_open
from apps.quotas.services.clusters import Checked
from controlplane.management.commands import prepare
from tests.support.factories.quotas import ClusterFactory, WorkloadFactory, make_queue
from tests.support.jobs import sent
from tests.support.kubeconfigs import CERTIFICATE, SERVER, TOKEN, kubeconfig_text
from workers.backends.base import BackendUnavailable
from workers.dispatch import clusters

__all__ = ["sent"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch, sent: Any) -> None:
    """Every cluster answers, and allows too little."""
    problem = {"code": "missing_permission", "detail": "The account may not create jobs.", "params": {}}
    monkeypatch.setattr(clusters, "cluster_look", lambda row: Checked(False, "v1.36.2", [problem]))


def run(*words: str) -> str:
    out = StringIO()
    call_command("cluster", *words, stdout=out)
    return out.getvalue()


def test_a_cluster_is_added_by_a_kubeconfig_and_checked(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig_text())
    said = run("add", "gpu", "--kubeconfig", str(tmp_path / "config"), "--job-api-url", "http://web:8000")
    assert said == f"gpu: {SERVER}, v1.36.2 not well\n  The account may not create jobs.\n"
    cluster = Cluster.objects.get()
    assert (cluster.kind, cluster.job_api_url, cluster.pool.backend) == (
        "kubeconfig",
        "http://web:8000",
        "kubernetes/gpu",
    )
    assert run("list") == said == run("check", "gpu")


def test_by_a_token_and_again_with_another(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "ca").write_text(CERTIFICATE)
    words = ("add", "gpu", "--server", SERVER, "--token-file", str(tmp_path / "token"))
    run(*words, "--ca-file", str(tmp_path / "ca"))
    assert (Cluster.objects.get().ca_pem, credentials_open(Cluster.objects.get())) == (CERTIFICATE, TOKEN)
    (tmp_path / "token").write_text("another")
    run(*words)
    assert (Cluster.objects.get().ca_pem, credentials_open(Cluster.objects.get())) == ("", "another")
    run(*words[:2], "--in-cluster", "--keep")
    assert Cluster.objects.get().kind == "token"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "gpu", "--server", SERVER), "--server needs --token-file"),
        (("add", "gpu", "--kubeconfig", "/nowhere"), "/nowhere cannot be read"),
        (("add", "No", "--in-cluster"), "name: Small letters"),
        (("check", "gpu"), "There is no cluster gpu."),
        (("remove", "gpu"), "There is no cluster gpu."),
    ],
)
def test_what_cannot_be_is_said(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*words)
    assert Cluster.objects.count() == 0


def test_the_own_cluster_is_said_anew_at_every_upgrade(sent: Any) -> None:
    """Nobody is asked: the pod that prepares an installation has no rights on the cluster."""
    words = ("add", "own", "--in-cluster", "--unchecked", "--makes-namespaces", "no", "--namespace-prefix", "ai")
    said = run(*words, "--options", '{"priority_class": "low"}')
    assert said == "own: in this cluster, not checked yet\n"
    first = Cluster.objects.get()
    assert (first.makes_namespaces, first.namespace_prefix, first.options) == (False, "ai", {"priority_class": "low"})
    run(*words, "--options", '{"priority_class": "low"}')
    assert Cluster.objects.get().revision == first.revision
    run("add", "own", "--in-cluster", "--unchecked", "--makes-namespaces", "yes", "--options", "{}")
    later = Cluster.objects.get()
    assert (later.makes_namespaces, later.options, later.revision) == (True, {}, first.revision + 1)
    assert later.checked_at is None
    with pytest.raises(CommandError, match="--options is no JSON"):
        run("add", "own", "--in-cluster", "--options", "{priority_class: low}")
    with pytest.raises(CommandError, match="priority"):
        run("add", "own", "--in-cluster", "--options", '{"priority": "low"}')


def test_a_broken_kubeconfig_says_why(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig_text(user={"exec": {"command": "aws"}}))
    with pytest.raises(CommandError, match="which would run on the server"):
        run("add", "gpu", "--kubeconfig", str(tmp_path / "config"))


def test_one_with_work_stays() -> None:
    busy, idle = ClusterFactory.create(), ClusterFactory.create()
    WorkloadFactory.create(queue=make_queue(busy.pool), state="running")
    with pytest.raises(CommandError, match="run or wait on"):
        run("remove", busy.name)
    assert run("remove", idle.name) == ""
    assert list(Cluster.objects.all()) == [busy]


# The cluster of the installation ------------------------------------------------------------------------------------


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Path:
    """Everything is prepared but the installation's own cluster; returns the folder of a pod's service account."""
    settings.BEDPLATE_BACKEND = "kubernetes/own"
    for name in ("servers_answer", "refuse_later_database"):
        monkeypatch.setattr(prepare, name, lambda: None)
    monkeypatch.setattr(prepare, "static_is_current", lambda: True)
    monkeypatch.setattr(prepare, "SERVICE_ACCOUNT_FOLDER", tmp_path)
    return tmp_path


def test_in_a_pod_the_own_cluster_is_known_from_the_start(prepared: Path) -> None:
    (prepared / "token").write_text(TOKEN)
    for _ in range(2):
        call_command("prepare", stdout=StringIO())
    assert [(row.name, row.kind) for row in Cluster.objects.all()] == [("own", "in_cluster")]
    assert ResourcePool.objects.get().backend == "kubernetes/own"


def test_what_jobs_run_on_can_be_left_to_others(prepared: Path) -> None:
    call_command("prepare", "--no-machines", stdout=StringIO())
    assert not Cluster.objects.exists()
    assert not ResourcePool.objects.exists()


def test_elsewhere_somebody_says_how_to_connect(prepared: Path) -> None:
    with pytest.raises(CommandError, match=r"manage\.py cluster add own --kubeconfig FILE"):
        call_command("prepare", stdout=StringIO())
    ClusterFactory.create(name="own", kind="token", server=SERVER, key_id="k1")
    call_command("prepare", stdout=StringIO())
    assert Cluster.objects.get().kind == "token"


def test_a_cluster_that_does_not_answer_keeps_nothing_from_starting(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(row: Cluster) -> Checked:
        raise BackendUnavailable("The API server does not answer.")

    monkeypatch.setattr(clusters, "cluster_look", away)
    (prepared / "token").write_text(TOKEN)
    out = StringIO()
    call_command("prepare", stdout=out)
    assert "own: in this cluster, not well\n  The API server does not answer." in out.getvalue()
