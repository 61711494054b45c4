"""Limits that hold whatever a mail asks for: headers of parts, the area of tables, who it is from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml.html import document_fromstring

from parsers import Mail, ReadingRules, Unreadable, read
from parsers.mail.html import html_to_text
from parsers.mail.layout import MAX_AREA, bound

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = b"To: support@testbed.example\nSubject: Re: VM\nMIME-Version: 1.0\n"


def with_part(header: bytes, body: bytes = b"approve") -> Mail | Unreadable:
    mixed = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + header + b"\n\n" + body + b"\n--b--\n"
    return read(b"From: alice@example.org\n" + HEAD + mixed, RULES)


def test_the_limit_of_a_field_holds_for_the_header_of_a_part() -> None:
    read_mail = with_part(b"Content-Type: text/plain; x=" + b";" * 100_000)

    assert isinstance(read_mail, Unreadable)
    assert "field of a part" in read_mail.why


def test_the_number_of_fields_holds_for_the_header_of_a_part() -> None:
    read_mail = with_part(b"Content-Type: text/plain\n" + b"X: y\n" * 300 + b"Z: z")

    assert isinstance(read_mail, Unreadable)
    assert "fields" in read_mail.why


def test_a_flood_of_parameters_is_left_out_and_the_words_are_read() -> None:
    read_mail = with_part(b"Content-Type: text/plain" + b"; a=b" * 2_000)

    assert isinstance(read_mail, Mail)
    assert read_mail.new_text == "approve"


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>" + "<br>" * 7_500 + "<td>" + "w" * 180_000 + "</table>",
        "<table>"
        + ("<tr>" + "<td>" + "a" * 400) * 3
        + "<tr>"
        + "<td>a" * 3_900
        + ("<tr>" + "<td>" + "b" * 20_000) * 20
        + "</table>",
        "<table><tr><td><pre>" + "\n" * 50_000 + "</pre><td>" + "w" * 50_000 + "</table>",
        "<table><tr><td>" * 40 + "<br>" * 4_000 + "<td>" + "w" * 60_000,
    ],
)
def test_a_table_that_would_fill_the_memory_is_taken_apart(html: str) -> None:
    assert len(html_to_text(html)) < MAX_AREA


def test_a_table_that_people_send_stays_a_table() -> None:
    tree = document_fromstring("<table>" + "<tr><td>username<td>alice" * 50 + "</table>")
    bound(tree)

    assert len(list(tree.iter("table"))) == 1
    assert "username  alice" in html_to_text("<table><tr><td>username<td>alice</table>")


@pytest.mark.parametrize("style", ["padding-left:100000000em", "margin-top:100000000em", "padding:1e9px"])
def test_a_style_pads_nothing(style: str) -> None:
    assert html_to_text(f"<p style='{style}'>hello</p>") == "hello"


def test_lists_indent_as_deep_as_people_nest_them() -> None:
    assert len(html_to_text("<ul><li>" * 100 + "x<br>" * 500)) < 100_000


@pytest.mark.parametrize(
    "value",
    [
        *(
            b'(") <mallory@evil.example>, (") carol@testbed.example',
            b'"a\\" <mallory@evil.example>, " carol@testbed.example',
        ),
        *(
            b"(a (b) <carol@testbed.example>",
            b'"Carol <carol@testbed.example>',
            b"carol@testbed.example (\\) <m@evil.example>",
        ),
        *(b"carol@testbed.example <mallory@evil.example>", b"Team: <carol@testbed.example>;", b'"' + b'\\"' * 7_000),
    ],
)
def test_a_from_whose_quotes_and_comments_hide_a_second_address_is_not_clean(value: bytes) -> None:
    assert isinstance(read(b"From: " + value + b"\n" + HEAD + b"\napprove\n", RULES), Unreadable)


@pytest.mark.parametrize(
    "value",
    [
        *(b"Alice @ Lab <alice@example.org>", b"Smith; Alice <alice@example.org>", b"alice@example.org (who <else>)"),
        *(
            b'"a@b.example (" <alice@example.org>',
            b'(comment \\) " still) <alice@example.org>',
            b"Alice @home <alice@example.org>",
        ),
    ],
)
def test_an_odd_display_name_beside_one_address_is_clean(value: bytes) -> None:
    mail = read(b"From: " + value + b"\n" + HEAD + b"\napprove\n", RULES)

    assert isinstance(mail, Mail)
    assert mail.sender.address == "alice@example.org"


@pytest.mark.parametrize(
    "header", [b"Content-Type: text/plain; name=a.txt", b"Content-Disposition: inline; filename=a.txt"]
)
def test_a_text_with_a_file_name_is_never_the_words(header: bytes) -> None:
    mail = with_part(header)

    assert isinstance(mail, Mail)
    assert (mail.new_text, mail.attachments) == (None, ("a.txt",))


@pytest.mark.parametrize("text", ["\u202eapprove", "a\u0336p\u0336p\u0336r\u0336o\u0336v\u0336e\u0336"])
def test_words_that_are_shown_turned_round_or_struck_out_are_not_those_words(text: str) -> None:
    mail = with_part(b"Content-Type: text/plain; charset=utf-8", text.encode())

    assert isinstance(mail, Mail)
    assert mail.new_text != "approve"
    assert "\ufffd" in (mail.new_text or "")


@pytest.mark.parametrize(
    "html",
    ["<img src=cid:a>", "<p " + "a=b " * 50_000 + ">deny", "<style>" + ".a{display:none}" * 3_000 + "</style>deny"],
)
def test_an_html_form_that_shows_a_picture_or_cannot_be_read_disagrees_with_a_command(html: str) -> None:
    forms = (
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\napprove\n--b\nContent-Type: text/html\n\n"
        + html.encode()
    )
    mail = read(b"From: alice@example.org\n" + HEAD + forms + b"\n--b--\n", RULES)

    assert isinstance(mail, Mail)
    assert mail.parts_disagree
