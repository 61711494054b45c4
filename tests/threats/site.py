"""What the tests of threats share: our border's verdicts, and how nothing is seen to have happened."""

from __future__ import annotations

from mailbot.model import Letter, OutboundMail, Ticket, TicketState
from tests.world import CAROL, World
from tests.writing import reply

OURS = "mx.testbed.example"
"""The name under which the site's own mail server writes its results."""


def results(sender: str, verdict: str = "pass", by: str = OURS) -> bytes:
    """An Authentication-Results header about the domain of `sender`."""
    return f"Authentication-Results: {by}; dmarc={verdict} header.from={sender.rpartition('@')[2]}\r\n".encode()


def genuine(raw: bytes, sender: str) -> bytes:
    """The mail as our own border delivers it when it is what it says."""
    return results(sender) + raw


def question(world: World, admin: str = CAROL.address) -> OutboundMail:
    """The letter that asks this admin."""
    return world.last(Letter.ADMIN_DECISION, admin)


def approval(world: World, sender: str = CAROL.address, words: str = "approve", **headers: str) -> bytes:
    """A reply to carol's letter, without anything of our border's."""
    return reply(question(world), sender, words, world.now, **headers)


def untouched(world: World, before: Ticket) -> bool:
    """Whether nothing has happened to the ticket, and it still waits."""
    now = world.ticket()
    return now == before and now.state is TicketState.PENDING
