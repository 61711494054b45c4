"""A letter's bytes are those that the standard library would write, and its lines are those of textwrap."""

from __future__ import annotations

import textwrap
from email import message_from_bytes
from email.generator import BytesGenerator
from email.policy import compat32, default
from html import unescape
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.letters.blocks import Block, BlockKind
from mailbot.letters.compose import compose
from mailbot.letters.languages import languages
from mailbot.letters.message import attachment, html_part, multipart, part, text_part
from mailbot.letters.plain import WIDTH, to_text
from tests.trying import SAMPLES, SETTINGS

POLICY = compat32.clone(linesep="\r\n", max_line_length=None)
WORDS = st.lists(st.text("ab-.,«\N{NO-BREAK SPACE}é", min_size=1, max_size=90).map(lambda word: f"x{word}"), min_size=1)


def by_the_library(data: bytes) -> bytes:
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=POLICY).flatten(message_from_bytes(data))
    return out.getvalue()


@pytest.mark.parametrize("language", languages())
def test_every_letter_is_as_the_standard_library_writes_it(language: str) -> None:
    for sample in (one.spoken(language) for one in SAMPLES):
        data = compose(sample.item, sample.ticket, SETTINGS, sample.now).data
        assert by_the_library(data) == data, sample.name


def test_parts_within_parts_are_as_the_standard_library_writes_them() -> None:
    both = multipart("alternative", "=_inner", (text_part("plain", "a = é\n" * 30), text_part("html", ".\n")))
    whole = multipart("mixed", "=_outer", (both, attachment("text/calendar", "a.ics", b"\x00" * 100)), [("To", "a@b")])
    assert by_the_library(whole.encode("ascii")).decode("ascii") == whole


@pytest.mark.parametrize(
    ("html", "encoding"),
    [
        ("<p>Ren\xe9 «approve» 小林 \N{PILE OF POO}</p>\n", "7bit"),
        (f"<p>{'x' * 991}</p>\n", "7bit"),
        (f"<p>{'x' * 992}</p>\n", "quoted-printable"),  # a longer line than servers must take
        ("<style>.a{content:'»'}</style><p>«a»</p>\n", "quoted-printable"),  # a reference would be five letters there
    ],
)
def test_html_is_sent_as_it_is_where_that_is_safe(html: str, encoding: str) -> None:
    whole = multipart("alternative", "=_a", (html_part(html),)).encode("ascii")
    assert max(map(len, whole.split(b"\r\n"))) <= 998
    assert by_the_library(whole) == whole
    (sent,) = message_from_bytes(whole, policy=default).iter_parts()
    assert sent["Content-Transfer-Encoding"] == encoding
    assert unescape(sent.get_content()) == html.replace("\n", "\r\n")


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.org", "a\nb", "a\r b", "a\x00b", "é"])
def test_no_header_begins_another_line_or_leaves_ascii(value: str) -> None:
    with pytest.raises(ValueError, match="Subject"):
        part((("Subject", value),), "")


@given(WORDS, st.integers(1, 3))
def test_paragraphs_are_wrapped_as_textwrap_wraps_them(words: list[str], blanks: int) -> None:
    text = (" " * blanks).join(words)
    wrapped = textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    expected = text if len(text) <= WIDTH else wrapped
    assert to_text((Block(BlockKind.PARAGRAPH, ((text, ""),)),), str) == f"{expected}\n"


@given(WORDS)
def test_a_list_is_wrapped_with_its_indent(words: list[str]) -> None:
    text = " ".join(words)
    expected = textwrap.fill(
        text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    assert to_text((Block(BlockKind.ITEMS, ((text, ""),)),), str) == f"{expected}\n"
