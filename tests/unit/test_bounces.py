"""What a delivery report means: gone for good, or on its way still; and what is no report at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailbot.model import Letter
from parsers import ReadingRules, read
from parsers.values import Automatic, AutomaticKind
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import mail

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
REPORT = """\
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: support@testbed.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <report-1@mx.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

I could not deliver your message.

  alice@example.org
    Mailbox is over its quota

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; alice@example.org
Action: {action}
Status: {status}
{more}
--b
Content-Type: text/rfc822-headers

Message-ID: <mb.1.abc@mailbot.testbed.example>

--b--
"""


def reported(action: str, status: str, more: str = "") -> Automatic:
    found = read(REPORT.format(action=action, status=status, more=more).encode(), RULES)
    automatic = getattr(found, "automatic", None)
    assert isinstance(automatic, Automatic)
    return automatic


@pytest.mark.parametrize(
    ("action", "status", "kind", "permanent"),
    [
        ("failed", "5.1.1", AutomaticKind.BOUNCE, True),
        ("failed", "4.4.1", AutomaticKind.BOUNCE, True),
        ("failed", "4.2.2", AutomaticKind.BOUNCE, True),
        ("delayed", "4.4.7", AutomaticKind.BOUNCE, True),
        ("delayed", "4.4.1", AutomaticKind.DELAY, False),
        ("delayed", "4.2.2", AutomaticKind.DELAY, False),
    ],
)
def test_failed_is_final_whatever_the_class_and_only_a_delay_is_for_now(
    action: str, status: str, kind: AutomaticKind, permanent: bool
) -> None:
    automatic = reported(action, status)
    assert (automatic.kind, automatic.permanent) == (kind, permanent)


def test_where_no_diagnostic_code_is_given_the_words_under_the_address_count() -> None:
    assert reported("failed", "5.0.0").diagnostic == "Mailbox is over its quota"
    assert reported("failed", "5.0.0", "Diagnostic-Code: smtp; 552 full").diagnostic == "smtp; 552 full"


def test_an_absence_note_about_a_letter_is_no_bounce_and_moves_nothing(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    warning = world.last(Letter.VM_READY)
    before = world.ticket()
    note = mail(ALICE.email, "Automatic reply: your machine", "I am away.", world.now, In_Reply_To=warning.message_id)
    for number in range(3):
        world.arrives(note.replace(b"Message-ID: <", f"Message-ID: <{number}".encode(), 1))
        world.clock.advance(timedelta(days=1))
    accepted = world.bot.context.store.accepted(1)
    assert not [one for one in accepted if one.bounced_at]
    assert world.ticket().email == before.email
