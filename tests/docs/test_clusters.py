"""The role in the guide is what is needed on a cluster, in both languages, and its options are taken as they stand."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.backends.kubernetes import check
from workers.backends.kubernetes.rights import RIGHTS
from workers.contracts.cluster_options import options_checked
from workers.dispatch import cluster_settings

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def _blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / language / "clusters.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_role_has_each_right_and_no_other(language: str) -> None:
    [role] = (yaml.safe_load(block) for block in _blocks(language, "yaml"))
    rules: list[dict[str, Any]] = role["rules"]
    given = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert given == {(right.group, right.resource, right.verb) for right in RIGHTS}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_options_are_taken(language: str) -> None:
    [options] = (json.loads(block) for block in _blocks(language, "json"))
    assert options_checked(options) == options


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_kind_of_problem_of_a_cluster_is_said_in_both_languages(language: str) -> None:
    written = "".join(inspect.getsource(module) for module in (check, cluster_settings))
    codes = set(re.findall(r'Problem\(\s*"([a-z_]+)"|"code": "([a-z_]+)"', written))
    found = {one or other for one, other in codes} | set(check.CODES.values())
    features = DOCS.parent / "frontend" / "src" / "features" / "clusters" / "locale"
    said = json.loads((features / f"{language}.json").read_text(encoding="utf-8"))["said"]
    assert found - {"missing_permission"} <= set(said)
    assert {"missing_crd", "tls", "too_old", "no_store_egress"} <= found
