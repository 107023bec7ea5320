"""The role in the guide is what is needed on a cluster, in both languages, and its options are taken as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.backends.kubernetes.rights import RIGHTS
from workers.contracts.cluster_options import options_checked

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
