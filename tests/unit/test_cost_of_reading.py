"""What reading a mail costs, in calls of functions: a figure that no busy machine changes.

More of them than here means that something is asked again, or of every line, or of a library that need not be asked.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from bench.mail_set import requests
from parsers import ReadingRules, read, understand

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
COUNTED = frozenset({"call", "c_call"})
REPLY = b"""\
Received: from out.example.org (out.example.org [192.0.2.7])
\tby in.testbed.example (Postfix) with ESMTPS id 4F2A;
\tMon, 23 Nov 2026 10:12:13 +0100 (CET)
From: Carol Admin <carol@example.org>
To: Testbed support <support@testbed.example>, "Smith, Bob" <bob@example.org>
Cc: alice@example.org
Subject: Re: [testbed] A machine for alice
Date: Mon, 23 Nov 2026 10:12:13 +0100
Message-ID: <1.2@laptop.example.org>
In-Reply-To: <1@testbed.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_1"

--=_1
Content-Type: text/plain; charset=utf-8

Approve until 2027-03-31

Regards,
Carol

On Mon, 23 Nov 2026 at 09:00, Testbed support <support@testbed.example> wrote:
> Alice asks for a machine on which a new scheduler is to be tried until the end
> of March.  She is in the directory, and it is her first one.
>
> Answer with the one word approve, or with deny and a reason.

--=_1
Content-Type: application/pdf; name=plan.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--=_1--
"""


def calls_of(raws: list[bytes]) -> int:
    """How many calls reading and understanding a mail takes, on average, once everything is loaded."""
    for raw in raws:
        understand(read(raw, RULES), RULES)
    count = 0

    def note(_frame: Any, happened: str, _what: Any) -> None:
        nonlocal count
        count += happened in COUNTED

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        # what is remembered of the mail before must not be of this one
        for raw in raws:
            understand(read(raw.replace(b"10:12", b"10:13"), RULES), RULES)
    finally:
        sys.setprofile(before)
    return count // len(raws)


def test_an_answer_is_read_in_some_thousand_calls() -> None:
    assert calls_of([REPLY]) < 2_500


def test_a_request_is_read_in_some_twenty_thousand_calls() -> None:
    assert calls_of(list(requests(20, "example.org", "support@testbed.example"))) < 20_500


def test_a_style_that_is_written_at_every_element_is_read_once() -> None:
    style = "font-family: Arial, sans-serif; font-size: 11pt; color: rgb(34, 34, 34); margin: 0cm 0cm 8pt; line-height: 107%"
    words = f'<p style="{style}">The machine of 10:12 is <span style="{style}">still</span> needed.</p>' * 50
    html = REPLY.partition(b"Content-Type")[0] + b"Content-Type: text/html\n\n" + words.encode("ascii")

    assert calls_of([html]) < 23_000
