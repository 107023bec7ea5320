"""Notes of people as HTML: nothing in them runs, and nothing is fetched because they are read."""

from __future__ import annotations

import pytest

from apps.common.markdown import markdown_html

LINK = 'rel="noopener noreferrer nofollow" target="_blank"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Loss is **flat**.", "<p>Loss is <strong>flat</strong>.</p>\n"),
        ("# Plan", "<h3>Plan</h3>\n"),
        ("###### Deep", "<h6>Deep</h6>\n"),
        ("- a\n- ~~b~~", "<ul>\n<li>a</li>\n<li><s>b</s></li>\n</ul>\n"),
        ("[paper](https://example.org)", f'<p><a href="https://example.org" {LINK}>paper</a></p>\n'),
        ("![plot](https://example.org/p.png)", f'<p><a href="https://example.org/p.png" {LINK}>plot</a></p>\n'),
        ("![](p.png)", f'<p><a href="p.png" {LINK}>p.png</a></p>\n'),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>\n"),
        ("a <b onclick=x>", "<p>a &lt;b onclick=x&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("![x](data:text/html,1)", "<p>![x](data:text/html,1)</p>\n"),
        ("", ""),
    ],
)
def test_notes_become_html_that_is_safe(text: str, html: str) -> None:
    assert markdown_html(text) == html
