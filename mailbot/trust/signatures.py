"""Which DKIM signatures are worth checking: alignment decides, not validity (RFC 6376, RFC 7489 section 3.1).  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mailbot.rules import TrustRules

MOST = 5
"""A mail with more signatures is not checked at all: each costs questions to name servers (RFC 6376 section 8.4)."""
LEAST_KEY_BITS = 1024
_ALGORITHMS = frozenset({"rsa-sha256", "ed25519-sha256"})  # RFC 8301: sha1 must not be used
_AHEAD = timedelta(minutes=10)
_LONGEST_NAME = 253


def aligned(signer: str, domain: str, *, strict: bool = False) -> bool:
    """Whether a signature of `signer` speaks for addresses at `domain` (both lower-case).

    Strict: the same domain.  Relaxed: also when one lies below the other.  That is narrower than
    RFC 7489 (no sisters), and needs no list of public suffixes: nobody can publish a key for one.
    """
    if not signer or not domain or "." not in signer:
        return False
    if signer == domain:
        return True
    return not strict and (domain.endswith(f".{signer}") or signer.endswith(f".{domain}"))


def why_not(
    tags: Mapping[str, str],
    counts: Mapping[str, int],
    domain: str,
    *,
    now: datetime,
    sent: datetime | None,
    rules: TrustRules,
) -> str:
    """Why a signature proves nothing before anything is computed; empty where it may be checked.

    `tags` are those of the DKIM-Signature, `counts` how often the mail has each header (lower-case),
    `domain` that of the sender's address, `sent` the mail's Date.
    """
    signer = tags.get("d", "").strip().rstrip(".").lower()
    if not aligned(signer, domain):
        return f"by {signer[:100] or 'nobody'}, which does not speak for {domain}"
    return too_weak(tags, counts, now=now, sent=sent, rules=rules)


def too_weak(
    tags: Mapping[str, str], counts: Mapping[str, int], *, now: datetime, sent: datetime | None, rules: TrustRules
) -> str:
    """Why a signature proves nothing, whoever made it: its algorithm, what it covers, its age; empty where it may be checked."""
    if tags.get("a", "").strip().lower() not in _ALGORITHMS:
        return f"with {tags.get('a', 'no algorithm')[:40]}, which is too weak"
    if "l" in tags:
        return "of a part of the text only (l=)"
    return _headers(tags, counts, rules) or _age(tags, now, rules, sent)


def _headers(tags: Mapping[str, str], counts: Mapping[str, int], rules: TrustRules) -> str:
    """Each header that matters, wherever the mail has it, must be signed as often as it stands there."""
    signed = [name.strip().lower() for name in tags.get("h", "").split(":")]
    for name in ("from", *(one.lower() for one in rules.signed_headers)):
        if counts.get(name, 0) > signed.count(name):
            return f"without the header {name}"
    return ""


def _age(tags: Mapping[str, str], now: datetime, rules: TrustRules, sent: datetime | None) -> str:
    made, ends = _moment(tags.get("t", "")), _moment(tags.get("x", ""))
    made = made or sent
    if made is None:
        return "without a date"
    if made > now + _AHEAD:
        return "from the future"
    if made < now - timedelta(days=rules.signature_days):
        return f"older than {rules.signature_days} days"
    return "that has expired" if ends is not None and ends < now else ""


def _moment(text: str) -> datetime | None:
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        return None
    return datetime.fromtimestamp(int(text), UTC)


def policy_places(domain: str) -> tuple[str, ...]:
    """Where a domain's DMARC record may stand: at itself, then above it, never at a top-level domain."""
    labels = domain.split(".")
    if len(domain) > _LONGEST_NAME:
        return ()
    steps = range(max(len(labels) - 1, 0))
    return tuple(f"_dmarc.{'.'.join(labels[step:])}" for step in steps)[:4]


def dmarc_policy(records: tuple[str, ...]) -> Mapping[str, str] | None:
    """The tags of the one DMARC record among TXT records (RFC 7489 section 6.6.3), None where there is not exactly one."""
    found = [record for record in records if record.replace(" ", "").lower().startswith("v=dmarc1")]
    if len(found) != 1:
        return None
    pairs = (part.partition("=") for part in found[0].split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}
