from __future__ import annotations

import base64
from pathlib import Path

import pytest

from apps.common import queues
from controlplane import env
from controlplane.env import Environment, SettingsRefused

NO_FILE = {"BEDPLATE_ENV_FILE": ""}


def read(**variables: str) -> Environment:
    return env.read(NO_FILE | variables)


def refusal(**variables: str) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read(**variables)
    return refused.value.problems


def test_defaults_are_one_machine() -> None:
    found = read()
    assert found.home == env.ROOT / "var"
    assert found.database_url is None
    assert found.redis_url is None
    assert found.storage_url == f"file://{env.ROOT}/var/objects"
    assert (found.host, found.port, found.gateway_port, found.worker_metrics_port) == ("127.0.0.1", 8000, 8001, 8002)
    assert (found.gateway_url, found.job_api_url) == ("http://127.0.0.1:8001", "http://127.0.0.1:8000")
    assert found.debug is False


def test_addresses_follow_host_and_port() -> None:
    found = read(BEDPLATE_HOST="10.0.0.7", BEDPLATE_PORT="9000")
    assert found.job_api_url == "http://10.0.0.7:9000"
    assert found.allowed_hosts == ("localhost", "127.0.0.1", "[::1]", "10.0.0.7")


def test_everywhere_is_reached_on_loopback() -> None:
    assert read(BEDPLATE_HOST="0.0.0.0").gateway_url == "http://127.0.0.1:8001"
    assert read(BEDPLATE_HOST="::1").gateway_url == "http://[::1]:8001"


def test_the_host_that_jobs_call_is_allowed() -> None:
    assert "api.internal" in read(BEDPLATE_JOB_API_URL="https://api.internal/").allowed_hosts


def test_values_are_typed() -> None:
    found = read(BEDPLATE_DEBUG="yes", BEDPLATE_ALLOWED_HOSTS="a.example, b.example", BEDPLATE_HOME="elsewhere")
    assert found.debug is True
    assert found.allowed_hosts == ("a.example", "b.example")
    assert found.home == env.ROOT / "elsewhere"


def test_a_worker_serves_the_queues_that_it_is_given() -> None:
    assert read().worker_queues == queues.QUEUES
    assert read(BEDPLATE_WORKER_QUEUES="data, notify").worker_queues == ("data", "notify")
    (problem,) = refusal(BEDPLATE_WORKER_QUEUES="data,mail")
    assert "`control`, `dispatch`, `data`, `notify`" in problem
    (problem,) = refusal(BEDPLATE_WORKER_QUEUES=",")
    assert problem.startswith("BEDPLATE_WORKER_QUEUES")


def test_empty_counts_as_unset() -> None:
    assert read(BEDPLATE_PORT="").port == 8000


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("PORT", "80x", "BEDPLATE_PORT is '80x'; it takes a port, 1 to 65535"),
        ("PORT", "65536", "BEDPLATE_PORT is '65536'; it takes a port, 1 to 65535"),
        ("DEBUG", "maybe", "BEDPLATE_DEBUG is 'maybe'; it takes `true` or `false`"),
        (
            "BACKEND",
            "kubernetes",
            "BEDPLATE_BACKEND is 'kubernetes'; it takes `local`, or `kubernetes/` and the name of a cluster",
        ),
        ("HOST", "http://a", "BEDPLATE_HOST is 'http://a'; it takes a host name or an IP address"),
        (
            "STORAGE_URL",
            "objects",
            "BEDPLATE_STORAGE_URL is 'objects'; it takes `file:///absolute/folder` or `s3://bucket[/prefix]`",
        ),
        (
            "JOB_API_URL",
            "http://a:99999",
            "BEDPLATE_JOB_API_URL is 'http://a:99999'; it takes `http://host[:port]` or `https://host[:port]`",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_it_takes(name: str, text: str, said: str) -> None:
    assert refusal(**{f"BEDPLATE_{name}": text}) == [said]


def test_a_wrong_secret_is_refused_without_showing_it() -> None:
    assert refusal(BEDPLATE_SECRET_KEY="hunter2", BEDPLATE_DATABASE_URL="mysql://u:hunter2@h/d") == [
        "BEDPLATE_DATABASE_URL is a value that is not shown here; "
        "it takes `postgresql://user:password@host:port/database`",
        "BEDPLATE_SECRET_KEY is a value that is not shown here; it takes text of at least 32 characters",
    ]


def test_secrets_are_not_in_the_representation() -> None:
    assert "swordfish" not in repr(read(BEDPLATE_SECRET_KEY="swordfish" * 4))


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("BEDPLATE_PORT=9001\nBEDPLATE_GATEWAY_PORT=9002\nOTHER=x\n")
    found = env.read({"BEDPLATE_ENV_FILE": str(file), "BEDPLATE_PORT": "9003"})
    assert (found.port, found.gateway_port) == (9003, 9002)


def test_a_misspelt_name_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("BEDPLATE_PROT=9001\n")
    with pytest.raises(SettingsRefused) as refused:
        env.read({"BEDPLATE_ENV_FILE": str(file)})
    assert refused.value.problems == [f"BEDPLATE_PROT in {file} is no setting; did you mean BEDPLATE_PORT?"]


def test_keys_are_generated_once_and_closed_to_others(tmp_path: Path) -> None:
    found = read(BEDPLATE_HOME=str(tmp_path))
    key = found.needed_secret_key()
    file = found.needed_encryption_key_file()
    assert read(BEDPLATE_HOME=str(tmp_path)).needed_secret_key() == key
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    identifier, _, encoded = file.read_text().strip().partition(":")
    assert (identifier, len(base64.b64decode(encoded))) == ("k1", 32)


def test_an_encryption_key_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    with pytest.raises(SettingsRefused) as refused:
        read(BEDPLATE_ENCRYPTION_KEY_FILE=str(missing)).needed_encryption_key_file()
    assert refused.value.problems == [f"BEDPLATE_ENCRYPTION_KEY_FILE: {missing} cannot be read"]


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SettingsRefused, match=r"^BEDPLATE_HOME: .*/home cannot be used by this account: "):
        read(BEDPLATE_HOME=str(tmp_path / "home")).needed_secret_key()


def test_the_gateway_token_follows_the_secret_key() -> None:
    first, second = (read(BEDPLATE_SECRET_KEY=letter * 40).needed_gateway_token() for letter in "ab")
    assert first != second
    assert len(first) == 64
    assert read(BEDPLATE_SECRET_KEY="a" * 40).needed_gateway_token() == first


def test_production_names_what_is_missing() -> None:
    with pytest.raises(SettingsRefused) as refused:
        read(BEDPLATE_REDIS_URL="redis://h:1").require("database_url", "redis_url", "secret_key")
    assert refused.value.problems == [
        "BEDPLATE_DATABASE_URL is unset; production needs it",
        "BEDPLATE_SECRET_KEY is unset; production needs it",
    ]


def test_a_child_reads_what_its_parent_read() -> None:
    found = read(
        BEDPLATE_PORT="9000", BEDPLATE_DEBUG="true", BEDPLATE_ALLOWED_HOSTS="a,b", BEDPLATE_REDIS_URL="redis://h:1/0"
    )
    assert env.read(env.for_children(found)) == found


def test_the_readme_has_the_table() -> None:
    """`python -m controlplane.env` prints what belongs between the markers."""
    text = (env.ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- settings: made by `python -m controlplane.env` -->")
    table, _, _ = rest.partition("<!-- end of settings -->")
    assert table.strip() == env.markdown_table()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "it has no key"),
        ("# none\n", "it has no key"),
        ("# old\nk1:swordfish\n", "line 2 is not `key_id:base64 of"),
    ],
)
def test_a_file_of_keys_that_is_not_one_is_refused_at_start(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(SettingsRefused) as refused:
        read(BEDPLATE_ENCRYPTION_KEY_FILE=str(path)).needed_encryption_key_file()
    assert f"BEDPLATE_ENCRYPTION_KEY_FILE: {path}: {wrong}" in str(refused.value)
    assert "swordfish" not in str(refused.value)
    path.write_text(f"# new\nk1:{base64.b64encode(bytes(32)).decode()}\n")
    assert read(BEDPLATE_ENCRYPTION_KEY_FILE=str(path)).needed_encryption_key_file() == path


def test_who_is_given_the_gateways_token_needs_no_key(tmp_path: Path) -> None:
    assert read(BEDPLATE_HOME=str(tmp_path), BEDPLATE_GATEWAY_TOKEN="t" * 32).needed_gateway_token() == "t" * 32
    assert list(tmp_path.iterdir()) == []
