"""Our own look at an ARC chain (RFC 8617), by dkimpy: who found a mail aligned before it was passed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from mailbot.adapters.senders.resolver import ResolverUnavailable
from mailbot.rules import Proof, TrustRules
from mailbot.trust import Checked
from mailbot.trust.chain import MOST, RESULTS, SEAL, SIGNATURE, Link, chain_of, vouching
from mailbot.trust.signatures import too_weak
from parsers.values import Mail

PublicKey = Callable[..., bytes | None]
"""The TXT record with a signer's key, as dkimpy asks for it.  Raises ResolverUnavailable."""


def check_seals(message: dkim.ARC, mail: Mail, now: datetime, rules: TrustRules, key: PublicKey) -> Checked:
    """What the mail's ARC chain proves about its sender.

    1. A chain that is too long or not whole proves nothing.
    2. Names are asked, and anything is computed, only where a trusted sealer says that the mail was aligned, and where its
       signature of the mail as it came out of its hands is strong, young, and covers what matters.
    3. Then the whole chain must be intact: dkimpy computes every seal, and the newest signature.
    """
    number = sum(name.lower() == SEAL.encode() for name, _ in message.headers)
    if not number or number > MOST:
        return Checked(found={"arc": f"not checked: {number} seals"} if number else {})
    chain = _chain(message)
    if not chain:
        return Checked(found={"arc": "the chain is not whole"})
    sealer = vouching(chain, mail.sender.address.rpartition("@")[2].lower(), rules)
    if not sealer:
        return Checked(found={"arc": "no sealer that is trusted found it aligned"})
    counts = Counter(name.decode("ascii", "replace").lower() for name, _ in message.headers)
    why = too_weak(chain[0].signature, counts, now=now, sent=mail.sent_at, rules=rules)
    why = f"sealed by {sealer}, but {why}" if why else _computed(message, number, key)
    if why:
        return Checked(found={"arc": why})
    return Checked(frozenset({Proof.ALIGNED}), {"arc": f"{sealer} found it aligned and sealed that"}, vouched=True)


def _computed(message: dkim.ARC, number: int, key: PublicKey) -> str:
    """Why the chain of so many links is not intact; empty where it is."""
    try:
        result, links, said = message.verify(dnsfunc=key)
    except ResolverUnavailable as error:
        return f"no answer from name servers ({error})"
    except Exception as error:  # noqa: BLE001 - dkimpy raises many kinds for hostile mail: none is a proof
        return f"cannot be checked ({type(error).__name__})"
    if result == dkim.CV_Pass and len(links) != number:  # headers that dkimpy numbers in another way than we do
        return "the chain is not whole"
    return "" if result == dkim.CV_Pass else f"the chain is broken ({said})"[:200]


def _chain(message: dkim.ARC) -> tuple[Link, ...]:
    def values(kind: str) -> list[bytes]:
        return [value for name, value in message.headers if name.lower() == kind.encode()]

    return chain_of(
        [value.decode("utf-8", "replace") for value in values(RESULTS)],
        [tags_of(value) for value in values(SIGNATURE)],
        [tags_of(value) for value in values(SEAL)],
    )


def tags_of(value: bytes) -> dict[str, str] | None:
    """The tags of a signature (RFC 6376 section 3.2), None where it cannot be read."""
    try:
        return {key.decode(): tag.decode() for key, tag in parse_tag_value(value).items()}
    except (InvalidTagValueList, UnicodeDecodeError):
        return None
