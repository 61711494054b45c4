"""The risk table: what each action at risk needs, and what a mail lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any

from mailbot.rules import Proof, TrustRules
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, as_one, say


class Risk(StrEnum):
    """What somebody wants to do by mail; those of the risk table are named like its settings."""

    ASK = "ask"
    """To be told how things stand: answered to the registered address, changes nothing."""
    OPEN = "open"
    CONFIRM = "confirm"
    APPROVE = "approve"
    APPROVE_LARGE = "approve_large"
    DENY = "deny"
    EXTEND = "extend"
    RELEASE = "release"
    RESTORE = "restore"
    WITHDRAW = "withdraw"


_LEAST = frozenset({Proof.TOKEN, Proof.REGISTERED})

_MISSING = {
    Proof.REGISTERED: say("your message did not come from your registered address"),
    Proof.TOKEN: say("your message is not a reply to one that was sent to you"),
    Proof.ALIGNED: say("nothing proves that your message was sent by the mail service of your address (DMARC or DKIM)"),
    Proof.SIGNED: say("your message does not have your valid OpenPGP signature"),
    Proof.CONFIRMED: say("it was not confirmed from your registered address"),
}


@frozen
class Checked:
    """What looking at a mail's headers and signatures has shown: proofs, and in words what each look found.

    `disowned` says that the domain of the address wants such a mail to be refused: then the address is
    worth nothing, whatever else the mail carries.
    """

    proofs: frozenset[Proof] = frozenset()
    found: Mapping[str, str] = field(default_factory=dict)
    disowned: bool = False
    failed: bool = False
    """Our border's DMARC check failed, whatever the domain wants done with such mail."""
    unsure: str = ""
    """Why what was not proven now may be later: name servers that did not answer.  Empty where they all did."""
    vouched: bool = False
    """A sealer that the site trusts found the mail aligned before it was passed on: that explains a check that failed since."""


@frozen
class Evidence:
    """What a mail proves about its sender; stored with every decision, together with what was needed for it."""

    sender: str
    proofs: frozenset[Proof]
    found: Mapping[str, str] = field(default_factory=dict)
    risk: Risk | None = None
    needed: frozenset[Proof] = frozenset()
    unsure: str = ""
    """`Checked.unsure`; no part of what is stored: nothing is decided on it."""
    failed: bool = False
    """`Checked.failed`, unless the words are signed: a token and an address may be somebody else's, so more is asked (`demanded`)."""
    disowned: bool = False
    """`Checked.disowned`: nothing that this mail wants is done, and why is said."""

    def as_facts(self) -> dict[str, Any]:
        """The evidence as it is stored: `{"sender": …, "proofs": […], "found": {…}, "risk": …, "needed": […]}`."""
        facts: dict[str, Any] = {"sender": self.sender, "proofs": sorted(self.proofs)}
        if self.found:
            facts["found"] = dict(self.found)
        if self.risk is not None:
            facts |= {"risk": self.risk.value, "needed": sorted(self.needed)}
            facts["verdict"] = "proven" if self.needed <= self.proofs else "not proven"
        return facts

    def with_checked(self, checked: Checked) -> Evidence:
        """The same with what looking at headers and signatures has shown."""
        proofs = self.proofs | checked.proofs
        if checked.disowned:
            proofs -= {Proof.REGISTERED, Proof.ALIGNED}
        failed = checked.failed and Proof.SIGNED not in proofs
        found = {**self.found, **checked.found}
        disowned, unsure = checked.disowned, checked.unsure
        return replace(self, proofs=proofs, found=found, unsure=unsure, failed=failed, disowned=disowned)

    def for_risk(self, risk: Risk, rules: TrustRules) -> Evidence:
        """The same, held against what the action at risk needs."""
        return replace(self, risk=risk, needed=demanded(risk, self, rules))


def together(border: Checked, own: Checked) -> Checked:
    """What our border and our own look show.  Two that disagree about alignment prove nothing, unless a trusted sealer explains it."""
    proofs, found = border.proofs | own.proofs, {**border.found, **own.found}
    if own.vouched:
        return Checked(proofs, found, vouched=True)
    if border.failed:
        proofs -= {Proof.ALIGNED}
    return Checked(proofs, found, border.disowned, border.failed, own.unsure)


def needs(risk: Risk, rules: TrustRules) -> frozenset[Proof]:
    """What an action needs at this site.

    Alignment is asked for only where something can see it.  A release is always confirmed by the
    ticket's life itself, so its mail need not be.
    """
    if risk is Risk.ASK:
        return _LEAST
    wanted: frozenset[Proof] = frozenset(getattr(rules, risk.value))
    if not rules.sees_alignment:
        wanted -= {Proof.ALIGNED}
    if risk is Risk.RELEASE:
        wanted -= {Proof.CONFIRMED}
    return wanted


_ASKED_BACK = frozenset({Risk.ASK, Risk.RELEASE, Risk.CONFIRM})
"""What changes nothing, or not before a letter to the registered address is answered."""


def demanded(risk: Risk, evidence: Evidence, rules: TrustRules) -> frozenset[Proof]:
    """What an action needs of this mail: where it failed our border's check it has to be confirmed, too, unless alignment is asked for anyway."""
    wanted = needs(risk, rules)
    if not evidence.failed or risk in _ASKED_BACK or Proof.ALIGNED in wanted:
        return wanted
    return wanted | {Proof.CONFIRMED}


def missing(risk: Risk, evidence: Evidence, rules: TrustRules) -> Translatable:
    """What the evidence lacks for it, as words for the sender; empty where nothing does."""
    lacks = [_MISSING[proof] for proof in sorted(demanded(risk, evidence, rules) - evidence.proofs)]
    if len(lacks) < 2:
        return lacks[0] if lacks else NOTHING
    return say("{some} and {last}", some=as_one(*lacks[:-1], by=", "), last=lacks[-1])


def cannot_tell(risk: Risk, evidence: Evidence, rules: TrustRules) -> bool:
    """Whether nothing is lacking but an answer of name servers, which would prove the rest."""
    return bool(evidence.unsure) and needs(risk, rules) - evidence.proofs == {Proof.ALIGNED}


def in_words(evidence: Evidence) -> Translatable:
    """How a sender was recognised, one sentence for the admin who decides."""
    if Proof.SIGNED in evidence.proofs:
        return say("The message has a valid OpenPGP signature from the requester.")
    if Proof.ALIGNED in evidence.proofs:
        return say("The mail service of {sender} vouches for the message (DMARC or DKIM).", sender=evidence.sender)
    if Proof.REGISTERED in evidence.proofs:
        return say(
            "The message gives the registered address {sender} as its sender; nothing else proves it.",
            sender=evidence.sender,
        )
    return NOTHING
