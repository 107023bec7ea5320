"""The card of a model version: only what is known, and nothing that people wrote makes markup of its own."""

from __future__ import annotations

import inspect
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rest_framework.test import APIClient

from apps.access.states import ApprovalState, Role
from apps.common.audit import Actor
from apps.common.markdown import markdown_html
from apps.experiments.models import ModelVersion, RegisteredModel
from apps.experiments.selectors import card_markdown
from apps.experiments.selectors.card_markdown import markdown_of
from apps.experiments.selectors.card_words import ZH
from apps.experiments.selectors.cards import card_of
from apps.experiments.services.registering import model_version_create
from apps.experiments.services.verifying import model_version_verify
from apps.experiments.states import ModelVersionReason, ModelVersionState
from tests.support.factories.access import member
from tests.support.factories.experiments import RegisteredModelFactory, succeeded_run
from workers.contracts.inspection.reports import Verdict

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")
NASTY = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![a](http://evil/x.png)",
    "| a | b |", "a\n# b", "a\n\n<b>c</b>", "`x` **y** _z_ ~~w~~", "a\\|b", "https://evil.example/x",
    "<https://evil.example>",
    "&lt;b&gt; &amp;", "- item\n- item", "1. one", "> quoted", "```\ncode\n```", "---", "&#60;script&#62;",
    "名字 | 模型 <b>", "\u202egnp.exe",
    "www.evil.example", "a@evil.example", "$x^2$", "{{ 7*7 }}", "\x00a", "a\u2028b", "=====", "[x]: http://evil",
]  # fmt: skip


def version_of(**columns: Any) -> ModelVersion:
    run = succeeded_run()
    model = RegisteredModelFactory.create(project=run.project)
    made = model_version_create(model=model, run=run, actor=TESTER, registered_by=None)
    ModelVersion.objects.filter(pk=made.pk).update(**columns)
    return ModelVersion.objects.select_related("model", "project", "run", "registered_by").get(pk=made.pk)


class Tags(HTMLParser):
    """Names of elements, and their addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def tags_of(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    return found


def test_a_card_says_what_is_known() -> None:
    version = version_of(metrics={"accuracy": 0.91}, evaluation={"auc": 0.88, "rows": [1]}, labels={"team": "risk"})
    model_version_verify(version.pk)
    version.refresh_from_db()
    card = card_of(version)
    run = version.run
    assert run is not None
    assert card["model"] == {"name": version.model.name, "project": version.project.name, "description": ""}
    said = card["version"]
    assert (said["number"], said["state"], said["aliases"], said["labels"]) == (1, "ready", [], {"team": "risk"})
    assert (card["metrics"], card["evaluation"]) == ({"accuracy": 0.91}, {"auc": 0.88})
    assert (card["run"]["id"], card["run"]["state"], card["parameters"]) == (str(run.pk), "succeeded", run.parameters)
    assert [(one["name"], one["sha256"]) for one in card["files"]] == [
        (file["name"], file["sha256"]) for file in version.files
    ]
    assert card["manifest"] == version.manifest
    assert card["inspection"]["verdict"] == version.inspection["verdict"]
    assert card["approvals"] == []
    text = markdown_of(card)
    for fact in (version.manifest, "0.91", "0.88", run.name, version.files[0]["sha256"], "## Metrics", "| ready |"):
        assert fact in text.replace("\\", "")
    chinese = markdown_of(card, "zh")
    assert len(chinese.splitlines()) == len(text.splitlines())
    for fact in (version.manifest, "0.91", run.name, "## 指标", "| 可用 |"):
        assert fact in chinese.replace("\\", "")


@pytest.mark.parametrize("nasty", NASTY)
def test_what_people_wrote_makes_no_markup(nasty: str) -> None:
    clean = nasty.replace("\x00", "")
    version = version_of(
        description=clean, labels={clean: clean}, metrics={clean: 1.0}, source=clean[:1000], state_detail=clean
    )
    RegisteredModel.objects.filter(pk=version.model_id).update(name=clean[:200], description=clean)
    assert version.run is not None
    type(version.run).objects.filter(pk=version.run.pk).update(name=clean[:200], parameters={clean: clean})
    version = ModelVersion.objects.select_related("model", "project", "run", "registered_by").get(pk=version.pk)
    plain = version_of(description="x", labels={"a": "b"}, metrics={"m": 1.0}, source="s", state_detail="d")
    assert plain.run is not None
    type(plain.run).objects.filter(pk=plain.run.pk).update(parameters={"p": "q"})
    plain = ModelVersion.objects.select_related("model", "project", "run", "registered_by").get(pk=plain.pk)
    expected, text = markdown_of(card_of(plain)), markdown_of(card_of(version))
    for render in (markdown_html, MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render):
        found, wanted = tags_of(render(text)), tags_of(render(expected))
        assert found.links == []
        assert set(found.seen) == set(wanted.seen)
        assert (found.seen.count("tr"), found.seen.count("h2")) == (wanted.seen.count("tr"), wanted.seen.count("h2"))


def test_a_card_is_a_file_that_is_saved() -> None:
    version = version_of(description="# <b>x</b>")
    client = APIClient()
    client.force_authenticate(member(version.project, Role.VIEWER))
    answer = client.get(f"/api/v1/model-versions/{version.pk}/card", {"form": "markdown"})
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="model-card-\d+\.md"', answer["Content-Disposition"])
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/api/v1/model-versions/{version.pk}/card").json()["version"]["description"] == "# <b>x</b>"


def test_every_word_of_a_card_is_there_in_chinese() -> None:
    source = inspect.getsource(card_markdown)
    ours = set(re.findall(r'_(?:said|section)\("([^"]+)"', source)) | set(
        re.findall(r'^ +\("([A-Z][^"]+)"', source, re.M)
    )
    heads = re.findall(r"_table\(\(([^)]*)\)", source)
    ours |= {word for head in heads for word in re.findall(r'"([^",]+)"', head)}
    states = {str(one) for kind in (ModelVersionState, ModelVersionReason, ApprovalState, Verdict) for one in kind}
    wanted = ours | {one for one in states if one}
    assert len(ours) > 35
    assert wanted - ZH.keys() == set()
