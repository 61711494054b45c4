"""What a mail proves about its sender, looked at only when it matters: the border's header first, our own check where that proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mailbot.handlers.office import Office
from mailbot.model import Ticket
from mailbot.rules import Rules
from mailbot.trust import Checked, Deed, Proof, read_border
from parsers.values import Command, Mail, Unclear, Verb

Look = Callable[[], Checked]
"""Looks at a mail's headers and signatures; may ask name servers, so it is called for known senders only."""


def nothing() -> Checked:
    """What a mail proves that nobody looked at."""
    return Checked()


def look_at(office: Office, raw: bytes, mail: Mail, now: datetime) -> Look:
    """A look at this mail that is done once, when it is first asked for."""
    seen: list[Checked] = []

    def look() -> Checked:
        if not seen:
            seen.append(_checked(office, raw, mail, now))
        return seen[0]

    return look


def _checked(office: Office, raw: bytes, mail: Mail, now: datetime) -> Checked:
    border = read_border(mail.authentication_results, mail.sender.address, office.rules.trust)
    if office.authenticator is None:
        return border
    own = office.authenticator.check(raw, mail, now)
    proofs = own.proofs | border.proofs
    if "dmarc=fail" in border.found.get("border", ""):  # two that disagree prove nothing
        proofs -= {Proof.ALIGNED}
    return Checked(frozenset(proofs), {**border.found, **own.found}, border.disowned)


_BY_VERB = {
    Verb.DENY: Deed.DENY,
    Verb.EXTEND: Deed.EXTEND,
    Verb.RELEASE: Deed.RELEASE,
    Verb.RESTORE: Deed.RESTORE,
    Verb.WITHDRAW: Deed.WITHDRAW,
    Verb.KEEP: Deed.WITHDRAW,
    Verb.CONFIRM: Deed.CONFIRM,
    Verb.PROCEED: Deed.APPROVE_LARGE,
}


def deed_of(said: Command | Unclear, ticket: Ticket, rules: Rules) -> Deed:
    """The row of the risk table that a command falls under; questions, and what is no command, change nothing."""
    if isinstance(said, Unclear):
        return Deed.ASK
    if said.verb is Verb.APPROVE:
        disk_gib = said.disk_gib or (0 if ticket.asked_end_date else ticket.disk_gib)
        return Deed.APPROVE_LARGE if disk_gib > rules.policy.disk_gib else Deed.APPROVE
    return _BY_VERB.get(said.verb, Deed.ASK)
