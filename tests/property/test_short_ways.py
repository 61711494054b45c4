"""What is read by a short way is read as the library reads it that is asked for all the rest."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import document_fromstring

from parsers.mail import headers, layout, limits
from parsers.mail.parsing import parsed
from parsers.reply import language
from parsers.reply.grammar import ALWAYS, BY_CONFIGURATION
from parsers.request import disk
from parsers.text import charsets, folding
from parsers.text.quote_marks import MAX_INTRO_LINES, is_intro, may_be_of_intro
from parsers.values import Verb

LINE_ENDS = st.sampled_from(["\n", "\r\n"])
BOUNDARIES = ["b", "bb", "=_x.1", "b b"]
KINDS = st.sampled_from(
    [f"multipart/{kind}; boundary={mark}" for kind in ("mixed", "report", "digest") for mark in ("b", "bb", '"b b"')]
    + ["text/plain", "text/html; charset=utf-8", "message/rfc822", "message/delivery-status", "image/png", "nonsense"]
)
LINES = st.sampled_from(
    [
        *(
            "",
            "words",
            " indented",
            "From: bob@example.org",
            "Subject: folded\n on",
            "X-Empty:",
            "no field",
            "From bob",
        ),
        *(": nameless", "Größe: 1", "Status: 5.1.1", "a\rb", "\t", "--"),
        *(f"--{mark}{end}" for mark in BOUNDARIES for end in ("", "--", " ", "--\t", "x")),
    ]
)


def shape(message: Message) -> Any:
    """Everything of a tree that reading asks for."""
    payload: Any = message._payload  # type: ignore[attr-defined]  # as it is: `get_payload` decodes it
    inside = [shape(part) for part in payload] if isinstance(payload, list) else payload
    return list(message.raw_items()), message.get_content_type(), inside


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    end = draw(LINE_ENDS)
    lines = [f"Content-Type: {draw(KINDS)}", *(f"X-{number}: a" for number in range(draw(st.integers(0, 2))))]
    for _ in range(draw(st.integers(0, 4))):
        lines += draw(st.lists(LINES, max_size=4))
        if draw(st.booleans()):
            mark = draw(st.sampled_from(BOUNDARIES))
            lines += [f"--{mark}", f"Content-Type: {draw(KINDS)}", "", *draw(st.lists(LINES, max_size=3))]
    if draw(st.booleans()):
        lines.insert(1, "")
    return end.join(lines).encode("utf-8")


@settings(max_examples=1_000, deadline=None)
@given(mails())
def test_a_mail_has_the_tree_that_the_stdlib_makes(raw: bytes) -> None:
    assert shape(parsed(raw)) == shape(message_from_bytes(raw))


def test_a_boundary_over_two_lines_is_left_to_the_stdlib() -> None:
    raw = b'Content-Type: multipart/mixed; boundary="a\n b"\n\n--a\n b\n\nwords\n--a\n b--\n'
    assert shape(parsed(raw)) == shape(message_from_bytes(raw))


def test_a_content_type_that_is_replaced_is_the_new_one() -> None:
    message = parsed(b"Content-Type: text/plain; charset=utf-8\n\nwords\n")
    assert message.get_content_type() == "text/plain"
    message.replace_header("Content-Type", "text/html")
    assert message.get_content_type() == "text/html"


PEOPLE = st.sampled_from(
    [
        "",
        "Bob ",
        '"Smith, Bob" ',
        "Bob (at work) ",
        "=?utf-8?q?J=C3=B6rg?= ",
        "=?utf-8?b?!?= ",
        "Jörg ",
        "B. o'N ",
        "a: ",
    ]
)
MAILBOXES = st.sampled_from(
    [
        *(
            "bob@example.org",
            "<bob@example.org>",
            "<Bob.X+y@EXAMPLE.org>",
            "<bob@>",
            "bob",
            "<bob@a..b>",
            "<@a:bob@c.d>",
        ),
        *('<"x y"@c.d>', "<bob@c.d> (c)", "<bob@c.d>;", "<a@b@c.d>", "<bob @ c.d>", "<bob@[192.0.2.1]>", "<>", ""),
    ]
)
DATES = st.sampled_from(
    [
        *(
            "Mon, 23 Nov 2026 10:12:13 +0100",
            "23 Nov 2026 10:12 -0530",
            "Mon, 3 Nov 2026 10:12:13 +0100 (CET)",
            "never",
        ),
        *("Mon, 31 Feb 2026 10:12:13 +0100", "Mon, 23 Nov 2026 10:12:60 +0100", "Mon, 23 Nov 2026 25:12:13 +0000"),
        *(
            "Mon, 23 Nov 26 10:12:13 GMT",
            "Sun, 23 Nov 2026 10:12:13 +9959",
            "31 Dec 9999 23:59:59 -2359",
            "23 Nov 2026",
        ),
        *("Mon, 23 Nov 2026 10:12:13 +0199", "mon, 23 nov 2026 10:12:13 +0100", "1 Jan 1899 00:00:00 +0000", ""),
    ]
)


@st.composite
def address_lists(draw: st.DrawFn) -> str:
    people = draw(st.lists(st.tuples(PEOPLE, MAILBOXES), min_size=1, max_size=3))
    return draw(st.sampled_from([", ", ",", ",\n ", "; ", " "])).join(f"{name}{mailbox}" for name, mailbox in people)


NAMES = ["To", "Cc", "Delivered-To", "X-Original-To", "Reply-To"]


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), address_lists()), max_size=4), st.lists(DATES, max_size=2))
def test_a_header_says_what_mail_parser_reads_in_it(people: list[tuple[str, str]], dates: list[str]) -> None:
    lines = [f"{name}: {value}" for name, value in [*people, *(("Date", date) for date in dates)]]
    message = message_from_bytes("\n".join([*lines, "", "words"]).encode("utf-8"))
    fields, here = headers.fields_of(message), headers.told(message)
    there = headers.by_mail_parser([(name.lower(), str(value)) for name, value in message.raw_items()])
    assert headers.recipients(here, fields) == headers.recipients(there, fields)
    assert headers.addresses(here, fields, ("reply-to",)) == headers.addresses(there, fields, ("reply-to",))
    assert (here and here.sent_at) == (there and there.sent_at)


PIECES = st.sampled_from(
    [
        *(
            "On Mon, 23 Nov 2026 at 10:12, Bob <bob@example.org> wrote:",
            "On Mon, 23 Nov 2026 at 10:12",
            "Bob wrote:",
            "***",
        ),
        *(
            "wrote",
            "Bob <bob@example.org>",
            "Quoting Bob",
            "Quoting",
            "Bob (2026-11-23 10:12:13)",
            "2026-11-23 10:12",
            "_",
        ),
        *(
            "UTC+01:00 Bob",
            "Bob, le 23/11/2026 à 10:12",
            "Bob,",
            "le 23/11/2026 à 10:12",
            "2026",
            "words",
            "写道",
            "x ---",
        ),
        *("2026-11-23 10:12 GMT+01:00 Bob *", "am 23.11.2026 schrieb Bob: **", "said...", "", "Bob, le"),
    ]
)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=MAX_INTRO_LINES))
def test_every_introduction_has_a_line_that_may_be_of_one(lines: list[str]) -> None:
    assert not is_intro(" ".join(lines)) or any(map(may_be_of_intro, lines))


TAGS = st.sampled_from(["table", "tr", "td", "th", "tbody", "p", "div", "br", "li", "ul", "pre", "b", "caption"])
WORDS = st.sampled_from(["", "word", " two words ", "\n", "several words in one cell of a table\nand a second line"])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.booleans(), TAGS, WORDS), max_size=40))
def test_tables_never_take_more_than_their_bound(pieces: list[tuple[bool, str, str]]) -> None:
    html = "".join(f"<{'' if opens else '/'}{tag}>{words}" for opens, tag, words in pieces)
    tree = document_fromstring(f"<table><tr><td>{html}")
    room = layout.Room(layout.MAX_AREA)
    assert layout.measured(tree, room) is not None
    assert layout.MAX_AREA - room.left <= layout.most_area(list(tree.iter("table")))


SEEN = st.text(
    st.sampled_from(
        [
            *"ab \n\t\r\x00\x0b\x85\xa0\xad",
            *"\u034f\u115f\u17b4\u180b\u180e\u180f\u200b\u202e\u2028\u2060\u3000\ue000é’小",
        ]
    ),
    max_size=12,
)


def all_three_passes(text: str) -> str:
    lines = re.sub("\r\n|\r|\u2028|\u2029|\x85|\x0b|\x0c", "\n", text)
    return folding._UNSEEN.sub("", folding._SPACES.sub(" ", lines))


@given(SEEN)
def test_what_is_seen_of_a_text_is_what_all_three_passes_leave(text: str) -> None:
    passed = all_three_passes(text)
    assert folding.visible(text) == passed
    assert folding.without_unseen(text) == folding._UNSEEN.sub("", text)


@given(SEEN | st.text(st.sampled_from("ab  é\n"), max_size=12), st.sampled_from([1, 2, 5, 998]))
def test_one_line_is_what_all_three_passes_and_a_split_leave(text: str, limit: int) -> None:
    assert folding.one_line(text, limit) == " ".join(all_three_passes(text[: 4 * limit]).split())[:limit]


@given(st.binary(max_size=4) | st.text(st.sampled_from("ab\r\n"), max_size=12).map(str.encode))
def test_a_header_ends_before_the_first_empty_line(raw: bytes) -> None:
    assert limits.header_block(raw) == re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]


GARBLED = st.text(
    st.one_of(st.sampled_from("aÃÂâðÄïÊ©¼€™œ\x9d\x80¿¯"), st.characters(max_codepoint=0x2200)), max_size=12
)


@given(GARBLED)
def test_garbled_letters_are_found_where_one_of_three_forms_stands(text: str) -> None:
    c = charsets._CONTINUATION
    plain = re.compile(f"[\u00c2-\u00df]{c}|[\u00e0-\u00ef]{c}{{2}}|[\u00f0-\u00f4]{c}{{3}}")
    assert [one.span() for one in charsets._MOJIBAKE.finditer(text)] == [one.span() for one in plain.finditer(text)]


SENTENCES = st.lists(
    st.sampled_from(
        [
            "approx.",
            "e.g.",
            "i.e.",
            "env.",
            "etc.",
            "ca.",
            "z.B.",
            "mind.",
            "eca.",
            "end.",
            "a",
            " ",
            "\n",
            "\n\n",
            "- ",
            "x: y",
            "?",
            "; ",
        ]
    ),
    max_size=12,
).map("".join)


@given(SENTENCES)
def test_sentences_end_where_the_plain_expression_ends_them(text: str) -> None:
    plain = re.compile(
        r"(?<!approx)(?<!e\.g)(?<!i\.e)(?<!env)(?<!etc)(?<!\bca)(?<!z\.B)(?<!\bmind)[.!?;](?=\s)|\n\s{0,9}\n|\n(?=\s{0,9}[-*•–]\s)|\n(?=[^\n:]{2,40}:)"
    )
    assert disk._SENTENCE_END.split(text) == plain.split(text)


def test_each_word_for_disk_holds_what_a_text_about_disk_is_known_by() -> None:
    assert [word for word in disk._DISK if not any(part in word for part in disk._OF_DISK)] == []


@given(
    st.lists(
        st.sampled_from(
            ["I need", "20", " GB", "   GB", " \n ", "-GiB", "To", " more", " disk", " stockage", ".", " ", "G", "\n"]
        ),
        max_size=7,
    ).map("".join)
)
def test_a_text_that_cannot_speak_of_disk_asks_for_none(text: str) -> None:
    if not disk._may_speak_of_disk(text):
        squeezed = " ".join(text.split())
        assert disk._amounts(squeezed, 8, labelled=False) == []
        assert disk._no_amount([squeezed], [], labelled=False) == disk.DiskReading()


PIECES_OF_SENTENCES = st.lists(
    st.sampled_from(["a", "b", "my", " ", "  ", " it", "a b", " my vm", ""]), max_size=5
).map("".join)


@settings(max_examples=1_000, deadline=None)
@given(
    st.frozensets(st.sampled_from(["a", "i a", "a b", "my vm"])),
    st.frozensets(st.sampled_from(["", " it", " b", " my vm", " my vm a"])),
    PIECES_OF_SENTENCES,
)
def test_sentences_kept_as_parts_are_all_that_can_be_built_of_them(
    heads: frozenset[str], tails: frozenset[str], form: str
) -> None:
    sentences = language.Sentences(heads, tails)
    built = {head + tail for head in heads for tail in tails}
    assert all(each in sentences for each in built)
    assert (form in sentences) == (form in built)
    forms = language.forms_of(["b c"], [sentences])
    assert (form in forms) == (form in built | {"b c"})
    for each in built | {"b c"}:
        assert any(each == start or each.startswith(f"{start} ") for start in forms.beginnings)


@pytest.mark.parametrize("verb", list(Verb))
def test_what_stands_behind_the_head_of_a_sentence_begins_a_word(verb: Verb) -> None:
    languages = (*ALWAYS, *BY_CONFIGURATION)
    tails = {tail for one in languages for some in one.sentences(verb) for tail in some.tails}
    assert all(not tail or tail.startswith(" ") for tail in tails)
    assert all(
        head == head.strip() and head for one in languages for some in one.sentences(verb) for head in some.heads
    )
