"""Which evidence is enough for which deed."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from mailbot.trust import NEEDS, Deed, Evidence, Proof, missing

ALL = frozenset(Proof)
SUBSETS = [frozenset(some) for some in chain.from_iterable(combinations(Proof, size) for size in range(len(Proof) + 1))]


@pytest.mark.parametrize("deed", Deed)
def test_every_deed_has_its_needs_and_needs_a_registered_sender(deed: Deed) -> None:
    assert Proof.REGISTERED in NEEDS[deed]


@pytest.mark.parametrize("deed", [Deed.CONFIRM, Deed.DECIDE, Deed.OWN])
def test_what_changes_a_ticket_needs_a_token(deed: Deed) -> None:
    assert Proof.TOKEN in NEEDS[deed]


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("proofs", SUBSETS, ids=lambda proofs: "+".join(sorted(proofs)) or "nothing")
def test_evidence_is_enough_exactly_when_it_covers_the_needs(deed: Deed, proofs: frozenset[Proof]) -> None:
    lack = missing(deed, Evidence("alice@example.org", proofs))
    assert bool(lack) == bool(NEEDS[deed] - proofs)


def test_everything_that_lacks_is_said_at_once() -> None:
    lack = missing(Deed.DECIDE, Evidence("mallory@elsewhere.example", frozenset()))
    assert "registered" in lack
    assert "reply to a letter" in lack


def test_evidence_is_stored_in_a_fixed_order() -> None:
    facts = Evidence("alice@example.org", ALL).as_facts()
    assert facts == {"sender": "alice@example.org", "proofs": sorted(Proof)}
