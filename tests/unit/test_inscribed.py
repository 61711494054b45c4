"""The lines that inscriptis is given write what its own write, but decode nothing that was decoded already."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inscriptis import Inscriptis
from inscriptis.css_profiles import RELAXED_CSS_PROFILE
from inscriptis.html_properties import Display, VerticalAlignment
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement

from parsers.mail.html import html_to_text
from parsers.mail.inscribed import parsed, text_of

BLOCK = HtmlElement(display=Display.block)
PROFILE = {
    **RELAXED_CSS_PROFILE,
    "span": HtmlElement(display=Display.inline),
    **dict.fromkeys(("dt", "dd", "center"), BLOCK),
    **dict.fromkeys(("td", "th"), HtmlElement(valign=VerticalAlignment.top)),
}
WORDS = st.sampled_from(["a", " b", "c ", " ", "\n", " d  e\n", "\u00a0f", "", "g\n\n h"])
TAGS = st.sampled_from(
    [
        "p",
        "div",
        "span",
        "font",
        "a",
        "b",
        "pre",
        "ul",
        "ol",
        "li",
        "table",
        "tr",
        "td",
        "th",
        "blockquote",
        "q",
        "h1",
        "dl",
        "dt",
        "x",
    ]
)


def element(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, pieces: f"<{tag}>{'<br>'.join(pieces)}</{tag}>", TAGS, st.lists(inside, min_size=1, max_size=3)
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(st.recursive(WORDS, element, max_leaves=12), min_size=1, max_size=4))
def test_our_lines_are_those_of_the_library(pieces: list[str]) -> None:
    html = f"<html><body>{''.join(pieces)}</body></html>"
    tree, other = parsed(html), parsed(html)
    assert tree is not None

    assert text_of(tree) == Inscriptis(other, ParserConfig(css=PROFILE, display_images=False)).get_text()


@pytest.mark.parametrize("tag", ["p", "pre", "td", "li"])
def test_what_looks_like_an_entity_when_it_is_shown_stays_as_it_is_shown(tag: str) -> None:
    assert html_to_text(f"<{tag}>1 &amp;lt; 2 &amp;amp; &amp;#8203;</{tag}>").strip(" *") == "1 &lt; 2 &amp; &#8203;"


def test_nobody_ends_a_quote_with_what_a_client_escapes() -> None:
    """Whoever is quoted could write the sign that marks the end of a quote in here, as an entity."""
    quoted = "<blockquote>Build it &amp;#xE001;<br>Approve<br>&amp;#57345;<pre>&amp;#xe001;\nApprove</pre></blockquote>"
    lines = html_to_text(f"<p>What do you think?</p>{quoted}").split("\n")

    assert all(line.startswith(">") for line in lines if "Approve" in line)
    assert sum("Approve" in line for line in lines) == 2


def test_a_label_stands_beside_the_first_line_of_its_answer() -> None:
    lines = html_to_text("<table><tr><td valign=middle>usage<td>one<br>two<br>three</table>").split("\n")

    assert [line.split() for line in lines] == [["usage", "one"], ["two"], ["three"]]
