"""How a cluster is reached, and what is refused before anybody connects."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.tls import Authority
from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import (
    ClusterConnection,
    connection_from_kubeconfig,
    connection_in_cluster,
    connection_with_token,
)
from workers.backends.kubernetes.refusal import Unreachable
from workers.contracts.kubeconfig import KubeconfigRefused

EVERYTHING = ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},)


def jwt(**claims: Any) -> str:
    parts = [{"alg": "RS256"}, claims]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def changed(text: str, part: str, **changes: Any) -> str:
    """A kubeconfig with other fields in its `user` or `cluster`."""
    document = yaml.safe_load(text)
    entry = document[f"{part}s"][0][part]
    entry.update(changes)
    return yaml.safe_dump(document)


def refused(text: str) -> tuple[str, str]:
    with pytest.raises(KubeconfigRefused) as error:
        connection_from_kubeconfig(text)
    return error.value.code, str(error.value)


def asks(connection: ClusterConnection) -> str:
    """The user that the server takes it for: what it may do it says in its refusals."""
    api = Api.of(connection)
    try:
        return str(json.loads(api.get("/version"))["gitVersion"])
    finally:
        api.transport.close()


class TestConnecting:
    def test_by_a_token_in_a_kubeconfig(self, cluster: KubernetesServer) -> None:
        assert asks(connection_from_kubeconfig(cluster.kubeconfig())) == "v1.36.2"

    def test_by_a_client_certificate(self, cluster: KubernetesServer) -> None:
        connection = connection_from_kubeconfig(cluster.kubeconfig(pair=cluster.certificate("ann")))
        api = Api.of(connection)
        assert json.loads(api.get("/api/v1/nodes"))["kind"] == "NodeList"
        assert connection.token == ""
        api.transport.close()

    def test_by_a_server_an_authority_and_a_token(self, cluster: KubernetesServer) -> None:
        assert asks(connection_with_token(f"{cluster.url}/", cluster.ca_pem, f"{cluster.admin_token}\n")) == "v1.36.2"

    def test_in_a_pod_the_token_is_read_anew(self, cluster: KubernetesServer, tmp_path: Path) -> None:
        (tmp_path / "ca.crt").write_text(cluster.ca_pem)
        (tmp_path / "token").write_text("stale")
        api = Api.of(connection_in_cluster(cluster.url, tmp_path))
        with pytest.raises(Unreachable) as error:
            api.get("/api/v1/nodes")
        assert str(error.value) == f"{cluster.url} does not accept the credentials (401)."
        (tmp_path / "token").write_text(cluster.token(rules=EVERYTHING))
        assert json.loads(api.get("/api/v1/nodes"))["kind"] == "NodeList"
        (tmp_path / "token").unlink()
        with pytest.raises(BackendUnavailable, match="token cannot be read"):
            api.get("/api/v1/nodes")
        api.transport.close()

    def test_outside_of_pods_there_is_no_service_account(self, tmp_path: Path) -> None:
        with pytest.raises(KubeconfigRefused) as error:
            connection_in_cluster(folder=tmp_path)
        assert error.value.code == "not_in_cluster"

    def test_what_is_secret_is_not_shown(self, cluster: KubernetesServer) -> None:
        pair = cluster.certificate("ann")
        connection = ClusterConnection(cluster.url, token="s3cret", client_key_pem=pair.key)
        assert "s3cret" not in repr(connection)
        assert "PRIVATE KEY" not in repr(connection)


class TestTrust:
    def test_another_authority_is_not_trusted(self, cluster: KubernetesServer) -> None:
        with pytest.raises(Unreachable) as error:
            asks(connection_with_token(cluster.url, Authority().pem, cluster.admin_token))
        assert error.value.cause == "tls"
        assert f"The certificate of {cluster.url} is not signed by the authority that was given" in str(error.value)

    def test_without_an_authority_only_those_of_this_machine_count(self, cluster: KubernetesServer) -> None:
        with pytest.raises(Unreachable, match="an authority that this machine trusts"):
            asks(connection_with_token(cluster.url, "", cluster.admin_token))

    def test_a_certificate_for_another_name_is_refused(self, cluster: KubernetesServer) -> None:
        text = changed(cluster.kubeconfig(), "cluster", **{"tls-server-name": "elsewhere.example.com"})
        with pytest.raises(Unreachable, match="is not for that address"):
            asks(connection_from_kubeconfig(text))

    def test_nobody_there_is_said_at_once(self) -> None:
        api = Api.of(ClusterConnection("https://127.0.0.1:9", token="t")).within(0.05)
        with pytest.raises(Unreachable, match=r"https://127\.0\.0\.1:9 takes no connection: .*refused"):
            api.get("/version")


class TestRefused:
    def test_a_program_that_gets_credentials(self, cluster: KubernetesServer) -> None:
        text = changed(cluster.kubeconfig(), "user", exec={"command": "sh", "args": ["-c", "touch /tmp/ran"]})
        code, sentence = refused(text)
        assert code == "exec_plugin"
        assert "would run on the server" in sentence

    @pytest.mark.parametrize(
        "part, name", [("user", "client-key"), ("user", "tokenFile"), ("cluster", "certificate-authority")]
    )
    def test_files_of_this_machine(self, cluster: KubernetesServer, part: str, name: str) -> None:
        assert refused(changed(cluster.kubeconfig(), part, **{name: "/etc/shadow"}))[0] == "file_path"

    def test_no_verification(self, cluster: KubernetesServer) -> None:
        assert refused(changed(cluster.kubeconfig(), "cluster", **{"insecure-skip-tls-verify": True}))[0] == "insecure"

    @pytest.mark.parametrize(
        "text, code",
        [
            ("", "not_a_mapping"),
            ("[]", "not_a_mapping"),
            ("a: [b", "not_yaml"),
            ("a: !!python/object/apply:os.system ['true']", "not_yaml"),
            ("kind: Config\ncontexts: []", "no_context"),
            ("x" * 70_000, "too_large"),
        ],
    )
    def test_what_is_no_kubeconfig(self, text: str, code: str) -> None:
        assert refused(text)[0] == code

    def test_the_place_of_a_mistake_is_said_and_its_words_are_not(self) -> None:
        assert refused("token: s3cret\na: [b")[1] == "This is no kubeconfig: it cannot be read as YAML (line 2)."

    def test_a_broken_authority(self, cluster: KubernetesServer) -> None:
        broken = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nbm90\n-----END CERTIFICATE-----\n").decode()
        text = changed(cluster.kubeconfig(), "cluster", **{"certificate-authority-data": broken})
        assert refused(text)[0] == "bad_certificate"

    def test_a_key_of_another_certificate(self, cluster: KubernetesServer) -> None:
        other = base64.b64encode(cluster.certificate("bob").key.encode()).decode()
        text = changed(cluster.kubeconfig(pair=cluster.certificate("ann")), "user", **{"client-key-data": other})
        assert refused(text) == (
            "bad_certificate",
            "The client certificate or its key cannot be read, or they do not belong together.",
        )

    def test_several_contexts_and_none_chosen(self, cluster: KubernetesServer) -> None:
        document = yaml.safe_load(cluster.kubeconfig())
        document["contexts"].append({"name": "other", "context": document["contexts"][0]["context"]})
        assert connection_from_kubeconfig(yaml.safe_dump(document)).server == cluster.url
        del document["current-context"]
        assert refused(yaml.safe_dump(document))[0] == "no_context"


class TestExpiry:
    def test_of_a_token_that_says_so(self) -> None:
        connection = ClusterConnection("https://c.example.com", token=jwt(exp=1_900_000_000))
        assert connection.expires_at() == datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)

    @pytest.mark.parametrize("token", ["plain", "a.b.c", jwt(), jwt(exp="soon"), jwt(exp=1e300)])
    def test_others_say_nothing(self, token: str) -> None:
        assert ClusterConnection("https://c.example.com", token=token).expires_at() is None

    def test_of_a_client_certificate(self, cluster: KubernetesServer) -> None:
        at = connection_from_kubeconfig(cluster.kubeconfig(pair=cluster.certificate("ann"))).expires_at()
        assert at is not None
        assert at > datetime.now(UTC)

    def test_it_is_said_when_the_server_does_not_accept_them(self, cluster: KubernetesServer) -> None:
        connection = connection_with_token(cluster.url, cluster.ca_pem, jwt(exp=1_600_000_000))
        with pytest.raises(Unreachable) as error:
            Api.of(connection).get("/api/v1/nodes")
        assert str(error.value) == (
            f"{cluster.url} does not accept the credentials: they expired at 2020-09-13 12:26 UTC."
        )
