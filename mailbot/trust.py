"""Who may do what by mail: evidence against what the deed needs.  Pure.

Order of judgement: exactly one clean sender (the parsers see to that), who that is, whether the mail
carries a token that was made for that very person, then what the deed needs on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Proof(StrEnum):
    """One kind of evidence that a mail can carry."""

    REGISTERED = "registered"
    """The sender's address is the one that the directory, or the list of admins, has."""
    TOKEN = "token"  # noqa: S105 - the name of a kind of evidence
    """The mail carries a token of ours that was made for that address."""


class Deed(StrEnum):
    """What somebody wants to do by mail."""

    OPEN = "open a request"
    CONFIRM = "confirm a request"
    DECIDE = "decide"
    OWN = "give a command about a machine"


NEEDS: Mapping[Deed, frozenset[Proof]] = {
    Deed.OPEN: frozenset({Proof.REGISTERED}),
    Deed.CONFIRM: frozenset({Proof.REGISTERED, Proof.TOKEN}),
    Deed.DECIDE: frozenset({Proof.REGISTERED, Proof.TOKEN}),
    Deed.OWN: frozenset({Proof.REGISTERED, Proof.TOKEN}),
}
"""The risk table: what each deed needs."""

_MISSING = {
    Proof.REGISTERED: "your mail did not come from the address that is registered for you",
    Proof.TOKEN: "your mail is not a reply to a letter that was sent to you",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a mail proves about its sender; stored with every decision."""

    sender: str
    proofs: frozenset[Proof]

    def as_facts(self) -> dict[str, Any]:
        """The evidence as it is stored: `{"sender": …, "proofs": […]}`."""
        return {"sender": self.sender, "proofs": sorted(self.proofs)}


def missing(deed: Deed, evidence: Evidence) -> str:
    """What the evidence lacks for the deed, as words for the sender; empty where nothing does."""
    return " and ".join(_MISSING[proof] for proof in sorted(NEEDS[deed] - evidence.proofs))
