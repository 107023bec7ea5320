"""Names and labels: legal whatever people call their things, and never the same for two of them."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.workers.kubernetes.cases import ATTEMPT, INSTALLATION, NAME, SITE, TENANT, launch
from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import names
from workers.backends.kubernetes.site import Tenant

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
SLUGS = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=60)
TEXTS = st.text(max_size=90) | SLUGS
SHORT = st.text("ab-", min_size=1, max_size=4)
TENANTS = st.builds(Tenant, TEXTS | SHORT, st.just("risk"), SLUGS | SHORT)


@given(st.uuids())
def test_objects_are_called_after_their_attempt(attempt: object) -> None:
    name = names.object_name(str(attempt))
    assert len(name) == 35
    assert DNS_LABEL.fullmatch(f"{name}-99999")
    assert names.attempt_of(name) == str(attempt)


@pytest.mark.parametrize(
    "attempt_id", ["", "1", "../etc", ATTEMPT.upper(), f"{{{ATTEMPT}}}", ATTEMPT.replace("-", ""), f"{ATTEMPT}\n"]
)
def test_what_is_no_attempt_has_no_name(attempt_id: str) -> None:
    with pytest.raises(LaunchRefused, match="cannot name a job"):
        names.object_name(attempt_id)


@pytest.mark.parametrize("name", ["", "bp-", "bp-1", f"{NAME}-0", NAME.upper(), NAME.replace("bp-", "other-")])
def test_a_strangers_name_has_no_attempt(name: str) -> None:
    assert names.attempt_of(name) is None


@given(TENANTS)
def test_a_namespace_is_a_dns_label(tenant: Tenant) -> None:
    assert DNS_LABEL.fullmatch(names.namespace_of(tenant, SITE))


@given(TENANTS, TENANTS)
@example(Tenant("a", "risk", "b-c"), Tenant("a-b", "risk", "c"))
@example(Tenant("acme", "risk", "credit"), Tenant("Acme", "risk", "credit"))
@example(Tenant("a", "risk", "b" * 60), Tenant("a", "risk", "b" * 59))
def test_two_projects_never_share_a_namespace(one: Tenant, other: Tenant) -> None:
    assume((one.organisation, one.project) != (other.organisation, other.project))
    assert names.namespace_of(one, SITE) != names.namespace_of(other, SITE)


def test_nobody_can_take_the_namespace_of_another_by_its_hash() -> None:
    theirs = names.namespace_of(Tenant("a-b", "risk", "c"), SITE)
    assert theirs == "bedplate-a-b-c-xa28045995eea"
    project = theirs.removeprefix("bedplate-a-")
    assert names.namespace_of(Tenant("a", "risk", project), SITE) != theirs


@pytest.mark.parametrize(
    ("organisation", "project", "namespace"),
    [
        ("acme", "credit-risk", "bedplate-acme-credit-risk"),
        ("acme", "0x", "bedplate-acme-0x"),
        ("风控", "credit", "bedplate-credit-x0ea113f8a89a"),
        ("acme", "Credit_Risk", "bedplate-acme-credit-risk-x783db4b55c0a"),
        ("acme", "-", "bedplate-acme-x328730ef5e6b"),
    ],
)
def test_a_namespace_says_whose_it_is(organisation: str, project: str, namespace: str) -> None:
    assert names.namespace_of(Tenant(organisation, "risk", project), SITE) == namespace


@given(TEXTS)
def test_every_text_has_a_legal_value_of_a_label(text: str) -> None:
    value = names.label_value(text)
    assert LABEL_VALUE.fullmatch(value)
    assert value == text or not LABEL_VALUE.fullmatch(text) or re.search("x[0-9a-f]{12}$", text)


@given(TEXTS | SHORT, TEXTS | SHORT)
@example("a/b", "a-b")
@example("a" * 64, "a" * 65)
def test_two_texts_never_share_a_value(one: str, other: str) -> None:
    assume(one != other)
    assert names.label_value(one) != names.label_value(other)


@given(st.uuids())
def test_ids_stay_as_they_are(uuid: object) -> None:
    assert names.label_value(str(uuid)) == str(uuid)


def test_a_launch_says_whose_it_is() -> None:
    assert names.tenant_of(launch()) == TENANT
    with pytest.raises(LaunchRefused, match="does not say its team"):
        names.tenant_of(launch(labels={"organisation": "acme", "project": "credit-risk"}))


def test_what_is_ours_is_known_by_its_labels() -> None:
    ours = names.attempt_labels("job", launch(), SITE)
    assert names.is_ours(ours, SITE)
    assert names.is_ours(ours, SITE, ATTEMPT)
    assert not names.is_ours(ours, SITE, INSTALLATION)
    assert not names.is_ours({**ours, names.INSTALLATION: "another"}, SITE)
    assert not names.is_ours({**ours, names.MANAGED_BY: "helm"}, SITE)
    assert not names.is_ours(None, SITE)
    assert names.installation_selector(SITE) == (
        f"app.kubernetes.io/managed-by=bedplate,bedplate.io/installation={INSTALLATION}"
    )
