"""What a mail proves about its sender, looked at only when it matters: the border's header first, our own check where that proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mailbot import trust
from mailbot.commands import ROWS
from mailbot.errors import SenderUncertain
from mailbot.model import Admin, Ticket
from mailbot.rules import Rules
from mailbot.trust import Checked, Evidence, Proof, Risk, read_border, together
from mailbot.turns.context import TurnContext
from parsers.translatable import NOTHING, Translatable, say
from parsers.values import Command, Mail, Unclear

Look = Callable[[], Checked]
"""Looks at a mail's headers and signatures; may ask name servers, so it is called for known senders only."""


def nothing() -> Checked:
    """What a mail proves that nobody looked at."""
    return Checked()


def look_at(context: TurnContext, raw: bytes, mail: Mail, now: datetime, *, patient: bool = True) -> Look:
    """A look at this mail that is done once, when it is first asked for.

    Where nobody is `patient` any more, what name servers did not say is taken for not proven.
    """
    seen: list[Checked] = []

    def look() -> Checked:
        if not seen:
            checked = _checked(context, raw, mail, now)
            seen.append(checked if patient else replace(checked, unsure=""))
        return seen[0]

    return look


def _checked(context: TurnContext, raw: bytes, mail: Mail, now: datetime) -> Checked:
    border = read_border(mail.authentication_results, mail.sender.address, context.rules.trust)
    if context.authenticator is None:
        return border
    return together(border, context.authenticator.check(raw, mail, now))


def proven(admin: Admin, look: Look) -> Evidence:
    """What an admin's answer to a letter about no single ticket proves."""
    return Evidence(admin.address, frozenset({Proof.TOKEN, Proof.REGISTERED})).with_checked(look())


FAILED = say(
    "Nothing was done: your message failed the check that shows whether the mail service of your address sent it (DMARC). This happens to forged messages, and to genuine ones that a mailing list or a forwarding has changed. If you wrote it, reply to this message with the same words. If you did not, you do not need to do anything."
)
"""What lacks where a mail failed our border's check and nothing else does."""

_DISOWNED = say(
    "Nothing was done: your message failed the check that shows whether the mail service of your address sent it (DMARC), and the domain of your address asks for such messages to be refused or set aside. If you wrote it, please send it again through the mail service of your address."
)


def lack_of(context: TurnContext, evidence: Evidence, risk: Risk) -> Translatable:
    """Why the evidence is not enough for that risk, as words for the sender; empty where it is.  Raises SenderUncertain."""
    rules = context.rules.trust
    if evidence.disowned:
        return _DISOWNED
    if trust.demanded(risk, evidence, rules) - evidence.proofs == {Proof.CONFIRMED}:
        return FAILED
    if trust.cannot_tell(risk, evidence, rules):
        raise SenderUncertain(evidence.unsure)
    lack = trust.missing(risk, evidence, rules)
    return say("Nothing was done: {lack}.", lack=lack) if lack else NOTHING


def risk_of(said: Command | Unclear, ticket: Ticket, rules: Rules) -> Risk:
    """The row of the risk table that a command falls under; what is no command changes nothing."""
    return Risk.ASK if isinstance(said, Unclear) else ROWS[said.verb].risk(said, ticket, rules)
