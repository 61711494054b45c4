"""Bytes to a mail: everything that the bot needs later is taken out of it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parsers import Address, Mail, ReadingRules, Unreadable, read
from parsers.mail.bodies import unflow
from parsers.mail.html import html_to_text
from parsers.text.charsets import decode, repair_mojibake
from parsers.text.folding import beyond_ascii, visible

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)


def mail(raw: bytes | str) -> Mail:
    found = read(raw.encode() if isinstance(raw, str) else raw, RULES)
    assert isinstance(found, Mail), found
    return found


FULL = """Authentication-Results: mx.testbed.example; dkim=pass header.d=example.org
Authentication-Results: mx.testbed.example; spf=pass
Received: from mail.example.org by mx.testbed.example; Mon, 23 Nov 2026 10:00:02 +0000
Authentication-Results: mx.testbed.example; dmarc=pass
From: "Alice A." <Alice@Example.ORG>
To: Support <support+t0ken@Testbed.Example>, carol@example.org
Cc: dave@example.org
Delivered-To: support@testbed.example
X-Original-To: support+t0ken@testbed.example
Reply-To: alice.private@example.org
Subject: =?utf-8?q?Re=3A_d=C3=A9mande?=
Message-ID: <one@example.org>
In-Reply-To: <letter.3@testbed.example>
References: <letter.1@testbed.example>
 <letter.2@testbed.example> <letter.3@testbed.example>
Date: Mon, 23 Nov 2026 11:00:00 +0100
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Approve

> ok?
--b
Content-Type: application/pdf; name="plan.pdf"
Content-Transfer-Encoding: base64

AAAA
--b--
"""


def test_every_header_that_matters_is_read() -> None:
    found = mail(FULL)

    assert found.sender == Address("Alice@example.org", "Alice A.")
    assert found.recipients == (
        "support+t0ken@testbed.example",
        "carol@example.org",
        "dave@example.org",
        "support@testbed.example",
    )
    assert found.reply_to == ("alice.private@example.org",)
    assert found.subject == "Re: démande"
    assert found.message_id == "<one@example.org>"
    assert found.references == (
        "<letter.3@testbed.example>",
        "<letter.2@testbed.example>",
        "<letter.1@testbed.example>",
    )
    assert found.sent_at == datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    assert found.attachments == ("plan.pdf",)
    assert (found.sha256, found.size_bytes) == (hashlib.sha256(FULL.encode()).hexdigest(), len(FULL.encode()))


def test_only_results_above_the_topmost_received_are_kept() -> None:
    assert mail(FULL).authentication_results == (
        "mx.testbed.example; dkim=pass header.d=example.org",
        "mx.testbed.example; spf=pass",
    )


def test_the_newest_words_and_the_whole_text_are_both_there() -> None:
    found = mail(FULL)

    assert found.new_text == "Approve"
    assert "> ok?" in found.text
    assert found.quotes


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("alice@example.org", "alice@example.org"),
        ("<alice@example.org>", "alice@example.org"),
        ("alice@example.org (Alice)", "alice@example.org"),
        ('"Alice, of the team" <alice@example.org>', "alice@example.org"),
        ('"bob@example.com" <alice@example.org>', "alice@example.org"),
        ("=?utf-8?q?Al=C3=AFce?= <alice@EXAMPLE.org>", "alice@example.org"),
        ("Alice (the admin) <alice@example.org>", "alice@example.org"),
        ("alice@example.org <alice@example.org>", "alice@example.org"),
        ("O'Neil <o'neil+x@example.org>", "o'neil+x@example.org"),
    ],
)
def test_one_clean_from_is_the_sender(field: str, address: str) -> None:
    assert mail(f"From: {field}\n\nhi").sender.address == address


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Alice",
        "alice@localhost@example.org",
        "alice@example.org, bob@example.org",
        "<alice@example.org> <bob@example.org>",
        "Alice <alice@example.org",
        "Admins:alice@example.org;",
        "bob@example.org <alice@example.org>",
        "alice@exam..ple.org",
        "Alice <alice@exämple.org>",
        "=?utf-8?q?alice=40example.org?=",
    ],
)
def test_what_is_not_one_clean_from_is_quarantined(field: str) -> None:
    found = read(f"From: {field}\n\nhi".encode(), RULES)

    assert isinstance(found, Unreadable)
    assert "From" in found.why


def test_a_folded_from_is_one_from() -> None:
    assert mail("From: Alice\n <alice@example.org>\n\nhi").sender.address == "alice@example.org"


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("réservé".encode(), "utf-8", "réservé"),
        ("réservé".encode(), "iso-8859-1", "réservé"),
        ("réservé".encode(), None, "réservé"),
        ("réservé".encode("latin-1"), "utf-8", "réservé"),
        ("l’été – 5 €".encode("cp1252"), "iso-8859-1", "l’été – 5 €"),
        ("批准".encode("gb18030"), "gb2312", "批准"),
        ("承認".encode("iso-2022-jp"), "iso-2022-jp", "承認"),
        ("approve".encode("utf-16"), None, "approve"),
        ("approve".encode("utf-16-le"), "us-ascii", "approve"),
        (b"\x81\x8d\xff", "utf-8", "\x81\x8dÿ"),
        (b"+AGEAcABw-", "utf-7", "+AGEAcABw-"),
        (b"abc", "no-such-charset", "abc"),
    ],
)
def test_bytes_are_read_by_what_they_are_not_by_what_they_claim(data: bytes, charset: str | None, text: str) -> None:
    assert decode(data, charset)[0] == text


def test_a_wrong_charset_is_told() -> None:
    assert "iso-8859-1" in decode("é".encode(), "iso-8859-1")[1]
    assert decode(b"plain", "iso-8859-1")[1] == ""


@pytest.mark.parametrize("text", ["réservé", "l’été", "naïve – 5 €", "日本", "Příliš", "ÄÖÜ ß"])
def test_mojibake_is_repaired(text: str) -> None:
    garbled = text.encode().decode("cp1252", "replace")
    if "\ufffd" in garbled:
        garbled = text.encode().decode("latin-1")

    assert repair_mojibake(garbled) == (text, True)


@pytest.mark.parametrize("text", ["Âge", "Ã", "São Paulo", "café", "£5", "Ça va", "Straße"])
def test_honest_letters_are_left_alone(text: str) -> None:
    assert repair_mojibake(text) == (text, False)


def test_what_is_beyond_ascii_keeps_its_order() -> None:
    assert beyond_ascii("plain\x7f\n") == ""
    assert beyond_ascii("caf\u00e9 \U0001f600 \ud800na\u00efve\x80") == "\u00e9\U0001f600\ud800\u00ef\x80"


def test_unseen_characters_that_a_repair_brings_out_are_dropped() -> None:
    garbled = "\u202eevorppA déjà à".encode().decode("latin-1").encode()
    found = mail(b"From: alice@example.org\nContent-Type: text/plain; charset=utf-8\n\n" + garbled)

    assert found.text == "evorppA déjà à"


def test_unseen_characters_are_dropped() -> None:
    assert visible("a\u200bp\u202ep\x00r\x1b[31m\ufeffo\u00adve\r\nx\u2028y\u00a0z") == "appr[31move\nx\ny z"


def test_flowed_lines_are_joined_at_their_own_depth_only() -> None:
    text = "one \ntwo\n> three \n> four\n>> five \nsix\n-- \nname"

    assert unflow(text) == "one two\n> three four\n>> five \nsix\n-- \nname"
    assert unflow("Ap\nprove \nd", delete_space=True) == "Ap\nproved"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two", "one\ntwo"),
        ("<blockquote>quoted<blockquote>deeper</blockquote></blockquote>own", "> quoted\n>> deeper\nown"),
        ('<p hidden>no</p><p style="display: none">no</p><span style="font-size:0px">no</span>yes', "yes"),
        ("<style>p{}</style><script>x</script><!-- no -->yes", "yes"),
        ("", ""),
        ('<?xml version="1.0" encoding="utf-8"?><p>x</p>', "x"),
    ],
)
def test_html_is_read_as_the_reader_sees_it(html: str, text: str) -> None:
    assert "\n".join(line for line in html_to_text(html).split("\n") if line) == text.replace("\n\n", "\n")


def test_a_table_keeps_label_and_value_on_one_line() -> None:
    table = (
        "<table><tr><td>username:</td><td>bob</td></tr><tr><td>expiration date:</td><td>2027-01-31</td></tr></table>"
    )

    assert [line.split() for line in html_to_text(table).split("\n") if line.strip()] == [
        ["username:", "bob"],
        ["expiration", "date:", "2027-01-31"],
    ]


def test_the_name_of_an_attachment_is_readable_text() -> None:
    raw = (
        "From: alice@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n"
        "--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf\n\nx\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: x@example.org\n\nApprove\n--b--\n"
    )

    assert mail(raw).attachments == ("résumé.pdf", "(message/rfc822)")


def test_reading_twice_gives_the_same_mail() -> None:
    assert read(FULL.encode(), RULES) == read(FULL.encode(), RULES)


@pytest.mark.parametrize("field", [b"Subject: hi\rFrom: carol@testbed.example", b"Subject: a\x00b", b"X: y\r\rapprove"])
def test_a_header_that_programs_read_in_different_ways_is_quarantined(field: bytes) -> None:
    raw = b"From: mallory@testbed.example\r\n" + field + b"\r\nTo: support@testbed.example\r\n\r\nhello\r\n"

    unreadable = read(raw, RULES)

    assert isinstance(unreadable, Unreadable)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of alice, in one file."""
    file = tmp_path_factory.mktemp("smime") / "alice.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alice", "-keyout", str(file)]
    made = subprocess.run(command, capture_output=True, check=True)
    file.write_bytes(file.read_bytes() + made.stdout)
    return file


def opaque(certificate: Path, entity: bytes, *options: str) -> bytes:
    """The entity signed by openssl, DER, with the content inside."""
    command = [
        "openssl",
        "cms",
        "-sign",
        "-nodetach",
        "-binary",
        "-signer",
        str(certificate),
        "-outform",
        "DER",
        *options,
    ]
    return subprocess.run(command, input=entity, capture_output=True, check=True).stdout


def enveloped(envelope: bytes) -> bytes:
    head = b"From: alice@example.org\nMIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
    return head + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(envelope)


@pytest.mark.parametrize("options", [(), ("-stream",)], ids=["of known length", "streamed"])
@pytest.mark.parametrize("length", [0, 200_000])
def test_the_words_of_an_opaque_signed_mail_are_read(certificate: Path, options: tuple[str, ...], length: int) -> None:
    entity = b"Content-Type: text/plain\r\n\r\napprove\r\n\r\n-- \r\n" + b"x" * length + b"\r\n"

    mail = read(enveloped(opaque(certificate, entity, *options)), RULES)

    assert isinstance(mail, Mail)
    assert (mail.new_text, mail.attachments) == ("approve", ())


def test_an_envelope_that_is_broken_anywhere_is_an_attachment_or_fewer_words(certificate: Path) -> None:
    whole = opaque(certificate, b"Content-Type: text/plain\r\n\r\napprove\r\n")
    for cut in range(0, 120, 7):
        for broken in (whole[:cut], whole[:cut] + b"\xff" + whole[cut + 1 :]):
            assert isinstance(read(enveloped(broken), RULES), Mail)


TEMPLATE = "username: alice\nintended usage: a web server\nexpiration date: 31 March 2027\n"


def in_two_forms(text: str, html: str) -> str:
    return (
        "From: alice@example.org\nSubject: hello\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{text}\n--b\nContent-Type: text/html\n\n{html}\n--b--\n"
    )


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (TEMPLATE, False),
        (f"Hello,\n\n{TEMPLATE}\n-- \nAlice\n\nOn Mon, bob wrote:\n> approve\n", False),
        ("", True),
        ("approve", True),
        (f"approve\n\n{TEMPLATE}", False),  # which decides nothing
        (TEMPLATE.replace("intended usage", "what for"), True),
        ("On Mon, bob wrote:\n" + "".join(f"> {line}\n" for line in TEMPLATE.splitlines()), True),
    ],
)
def test_html_is_read_unless_the_text_fills_in_the_whole_template(
    monkeypatch: pytest.MonkeyPatch, text: str, *, is_read: bool
) -> None:
    asked: list[str] = []

    def noted(html: str) -> str:
        asked.append(html)
        return html_to_text(html)

    monkeypatch.setattr("parsers.mail.bodies.html_to_text", noted)
    found = mail(in_two_forms(text, "<p>deny</p>"))
    assert bool(asked) is is_read
    assert found.parts_disagree is (is_read and bool(text))
    assert found.text.startswith(text[:5] or "deny")
