"""Which ARC chains are worth checking, and whose results in them count (RFC 8617).  Pure.

A mailing list or a forwarder changes a mail, and the signature of its sender breaks.  What it found out before, it writes into
the mail and seals.  A seal proves who wrote that, not that it is true: only sealers that the site names are believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from mailbot.rules import Proof, TrustRules
from mailbot.trust.border import read_results

MOST = 5
"""A longer chain is not checked at all: each seal costs two signatures and two questions to name servers."""

SEAL, SIGNATURE, RESULTS = "arc-seal", "arc-message-signature", "arc-authentication-results"
_INSTANCE = re.compile(r"\s*i\s*=\s*([1-9][0-9]?)\s*;(.*)", re.DOTALL)

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """One sealer's three headers: what it found, its signature of the mail, its seal over the chain so far."""

    results: str
    signature: Tags
    seal: Tags

    @property
    def sealers(self) -> frozenset[str]:
        """Whose signature and whose seal it is: one domain, or two."""
        return frozenset(tags.get("d", "").strip().rstrip(".").lower() for tags in (self.signature, self.seal))


def chain_of(
    results: Sequence[str], signatures: Sequence[Tags | None], seals: Sequence[Tags | None]
) -> tuple[Link, ...]:
    """The links, newest first; empty where the headers are not exactly one of each kind for each number from 1 on.

    Each comes as it stands in the mail: the values of ARC-Authentication-Results, and the tags of the two others.
    """
    texts = {hit[1]: hit[2] for value in results if (hit := _INSTANCE.fullmatch(value))}
    signed = {tags.get("i", "").strip(): tags for tags in signatures if tags}
    sealed = {tags.get("i", "").strip(): tags for tags in seals if tags}
    numbers = [str(number) for number in range(len(results), 0, -1)]
    if {len(results)} != {len(signatures), len(seals)} or any(
        found.keys() != set(numbers) for found in (texts, signed, sealed)
    ):
        return ()
    return tuple(Link(texts[number], signed[number], sealed[number]) for number in numbers)


def vouching(chain: Sequence[Link], domain: str, rules: TrustRules) -> str:
    """The trusted sealer that found a mail of `domain` aligned, if the chain is intact; empty where none did.

    From the newest link back, as long as each sealer is trusted: what stands below a stranger's seal could be theirs.
    """
    trusted = frozenset(name.lower() for name in rules.arc_sealers)
    for link in takewhile(lambda one: one.sealers <= trusted, chain):
        if Proof.ALIGNED in read_results(link.results, domain).proofs:
            return ", ".join(sorted(link.sealers))
    return ""
