"""What is read of a kubeconfig, and what is refused before anybody connects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.kubeconfigs import CERTIFICATE, KEY, SERVER, TOKEN, encoded, kubeconfig
from workers.contracts.kubeconfig import (
    Kubeconfig,
    KubeconfigRefused,
    ca_check,
    kubeconfig_of,
    server_check,
    token_check,
)

CLIENT = {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY)}


def test_the_current_context_is_read() -> None:
    assert kubeconfig_of(kubeconfig()) == Kubeconfig(SERVER, CERTIFICATE, TOKEN)


def test_a_client_certificate_and_the_name_of_the_server() -> None:
    found = kubeconfig_of(kubeconfig(user=CLIENT, cluster={"tls-server-name": "kubernetes"}))
    assert found == Kubeconfig(SERVER, CERTIFICATE, "", CERTIFICATE, KEY, "kubernetes")


def test_the_only_context_needs_no_name() -> None:
    assert kubeconfig_of(kubeconfig(**{"current-context": ""})).server == SERVER


def test_no_credential_is_shown() -> None:
    shown = repr(kubeconfig_of(kubeconfig(user={**CLIENT, "token": TOKEN})))
    assert TOKEN not in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("text", "not_a_mapping"),
        (None, "not_a_mapping"),
        ([], "not_a_mapping"),
        ({}, "no_context"),
        (kubeconfig(**{"current-context": "gone"}), "no_context"),
        (kubeconfig(clusters=[]), "no_context"),
        (kubeconfig(users="bedplate"), "no_context"),
        (kubeconfig(contexts=[{"name": "gpu", "context": "gpu"}]), "no_context"),
        (kubeconfig(cluster={"server": ""}), "no_server"),
        (kubeconfig(cluster={"server": "http://10.1.2.3"}), "no_server"),
        (kubeconfig(cluster={"server": "https://a:b@10.1.2.3"}), "no_server"),
        (kubeconfig(cluster={"server": "https://[::1"}), "no_server"),
        (kubeconfig(cluster={"server": 5}), "no_context"),
        (kubeconfig(user={"exec": {"command": "aws"}}), "exec_plugin"),
        (kubeconfig(user={"auth-provider": {"name": "gcp"}}), "auth_provider"),
        (kubeconfig(user={"username": "root", "password": "x"}), "basic_auth"),
        (kubeconfig(user={"token": TOKEN, "as": "system:admin"}), "impersonation"),
        (kubeconfig(cluster={"certificate-authority": "/etc/ca.crt"}), "file_path"),
        (kubeconfig(user={"client-certificate": "/root/me.crt", "client-key": "/root/me.key"}), "file_path"),
        (kubeconfig(user={"tokenFile": "/etc/shadow"}), "file_path"),
        (kubeconfig(cluster={"insecure-skip-tls-verify": True}), "insecure"),
        (kubeconfig(cluster={"proxy-url": "http://proxy:3128"}), "proxy"),
        (kubeconfig(user={}), "no_credentials"),
        (kubeconfig(user={"client-certificate-data": encoded(CERTIFICATE)}), "no_credentials"),
        (kubeconfig(user={"token": "two words"}), "no_credentials"),
        (kubeconfig(user={"token": "line\nbreak"}), "no_credentials"),
        (kubeconfig(cluster={"certificate-authority-data": "%%%"}), "bad_certificate"),
        (kubeconfig(cluster={"certificate-authority-data": encoded("nothing")}), "bad_certificate"),
    ],
)
def test_what_is_refused(document: Any, code: str) -> None:
    with pytest.raises(KubeconfigRefused) as refused:
        kubeconfig_of(document)
    assert refused.value.code == code
    assert TOKEN not in str(refused.value)
    assert str(refused.value).endswith((".", "."))


def test_server_certificates_and_token_by_themselves() -> None:
    assert server_check("https://kube.example:6443/") == "https://kube.example:6443"
    assert ca_check("  ") == ""
    assert ca_check(CERTIFICATE.strip()) == CERTIFICATE
    assert token_check(f" {TOKEN}\n") == TOKEN
    for wrong in ("hello", CERTIFICATE + KEY):
        with pytest.raises(KubeconfigRefused):
            ca_check(wrong)
    with pytest.raises(KubeconfigRefused):
        token_check(" ")
