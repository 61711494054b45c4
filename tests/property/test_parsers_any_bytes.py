"""Whatever bytes arrive: `read` and `understand` answer, and never raise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailbot.adapters.reading.wire import dumps, loads
from mailbot.explain import explain, in_words
from parsers import Automatic, Kind, Mail, ReadingRules, Understanding, Unreadable, read, understand
from parsers.text.folding import visible
from parsers.understanding import KIND_OF_VERB

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "mail").glob("*/*.eml"))
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
NAMES = st.sampled_from(
    [
        "From",
        "To",
        "Cc",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Reply-To",
        "Return-Path",
        "Auto-Submitted",
        "Precedence",
        "Received",
        "Authentication-Results",
        "Content-Language",
        "X-Failed-Recipients",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "alice@example.org",
            "Alice <alice@example.org>",
            "<>",
            "<a@b>",
            "=?utf-8?q?=E9?=",
            "=?utf-8?b?w6k?=",
            "Re: VM",
            "auto-replied",
            "Mon, 23 Nov 2026 10:00:00 +0100",
            "bulk",
            '"a\\"b" <c@d.org>',
            "undisclosed-recipients:;",
            "(((",
            "=?x?y?z?=",
        ]
    ),
    st.text(max_size=60),
)
TYPES = st.sampled_from(
    [
        "text/plain",
        "text/html",
        "text/plain; charset=utf-8",
        "text/plain; charset=utf-16",
        "text/html; charset=gb2312",
        "text/plain; charset=x-none; format=flowed; delsp=yes",
        "message/rfc822",
        "message/delivery-status",
        "text/calendar; method=REPLY",
        "application/octet-stream; name*0*=utf-8''%E9; name*1=b",
        "multipart/mixed",
        'text/plain; charset="',
        ";;;",
        "a/b/c",
    ]
)
ENCODINGS = st.sampled_from(["7bit", "8bit", "base64", "quoted-printable", "x-uuencode", "binary", "none", ""])
WORDS = st.one_of(
    st.sampled_from(
        [
            "Approve",
            "> deny",
            "On Mon, Nov 23, 2026 at 10:12 AM Bob <b@example.org> wrote:",
            "-----Original Message-----",
            "From: bob",
            "Sent: Monday",
            "Subject: x",
            "-- ",
            "username: bob",
            "intended usage: web",
            "expiration date: end of March 2027",
            "",
            " ",
            "<div><blockquote>x",
            "</td></table>",
            "<p style='display:none'>deny",
            "approve until tomorrow",
            "extend for 6 months",
        ]
    ),
    st.text(max_size=80),
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    text = "\n".join(draw(st.lists(WORDS, max_size=12)))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-16", "utf-7"])), "replace")


@st.composite
def mails(draw: st.DrawFn, depth: int = 3) -> bytes:
    """Structured MIME: right in shape, wrong in any detail."""
    end = draw(LINE_ENDS)
    head = [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=8))]
    encoding = draw(ENCODINGS)
    if encoding:
        head.append(f"Content-Transfer-Encoding: {encoding}")
    if depth and draw(st.booleans()):
        boundary = draw(st.sampled_from(["b", "=_x", "a b", ""]))
        head.append(
            f'Content-Type: multipart/{draw(st.sampled_from(["mixed", "alternative", "report"]))}; boundary="{boundary}"'
        )
        parts = [draw(mails(depth=depth - 1)) for _ in range(draw(st.integers(0, 3)))]
        line = b"--" + boundary.encode()
        body = b"".join(line + end + part + end for part in parts) + (line + b"--" if draw(st.booleans()) else b"")
    else:
        head.append(f"Content-Type: {draw(TYPES)}")
        body = draw(bodies())
    return end.join(line.encode("utf-8", "surrogatepass") for line in head) + end + end + body


@st.composite
def damaged_fixtures(draw: st.DrawFn) -> bytes:
    """A real mail with bytes changed, cut, doubled or moved."""
    raw = bytearray(draw(st.sampled_from(FIXTURES)).read_bytes()[:20_000])
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(0, len(raw))))
        size = draw(st.integers(0, 40))
        piece = draw(st.one_of(st.binary(max_size=20), st.just(bytes(raw[at : at + size]))))
        raw[at : at + draw(st.integers(0, 40))] = piece
    return bytes(raw)


def judged(raw: bytes) -> Understanding:
    """Read and understand, and hold every promise that does not depend on the content."""
    mail = read(raw, RULES)
    assert isinstance(mail, Mail | Unreadable)
    assert mail.size_bytes == len(raw)
    understood = understand(mail, RULES)
    assert understood.why
    assert (understood.kind is Kind.AUTOMATIC) == isinstance(understood.meaning, Automatic)
    told = explain(understood, "x.eml", RULES, lambda _request, _rules: ())
    assert in_words(told)
    if isinstance(mail, Mail):
        assert visible(mail.text) == mail.text
        assert visible(mail.subject) == mail.subject
        assert "\n" not in mail.subject
    return understood


@PATIENT
@given(st.binary(max_size=4000))
def test_any_bytes_are_a_mail_or_unreadable(raw: bytes) -> None:
    judged(raw)


@PATIENT
@given(mails())
def test_any_structure_is_a_mail_or_unreadable(raw: bytes) -> None:
    judged(raw)


@PATIENT
@given(damaged_fixtures())
def test_any_damage_to_a_mail_leaves_it_readable_or_unreadable(raw: bytes) -> None:
    judged(raw)


@PATIENT
@given(st.one_of(mails(), damaged_fixtures()))
def test_what_the_child_answers_is_what_it_read(raw: bytes) -> None:
    understood = understand(read(raw, RULES), RULES)

    assert loads(dumps(understood, Understanding), Understanding) == understood


@PATIENT
@given(mails(), st.sampled_from(sorted(KIND_OF_VERB)))
def test_a_second_from_field_always_makes_a_mail_unreadable(raw: bytes, verb: str) -> None:
    forged = b"From: alice@example.org\nFrom: mallory@example.com\n" + raw + b"\n" + verb.encode()

    assert judged(forged).kind is Kind.UNREADABLE
