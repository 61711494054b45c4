"""What our own mail server found out about a mail: the Authentication-Results header (RFC 8601).  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import authres

from mailbot.rules import Proof, TrustRules
from mailbot.trust.signatures import aligned
from mailbot.trust.table import Checked

_POLICY = re.compile(r"\(\s*p(?:olicy)?=(?:reject|quarantine)\b", re.IGNORECASE)
"""How OpenDMARC, rspamd and others write the domain's policy: as a comment behind the result."""
_DOMAIN = re.compile(r"[a-z0-9_.-]{1,253}\Z")
_LONGEST = 10_000
"""Longer headers are nobody's results."""


def read_border(headers: Sequence[str], sender: str, rules: TrustRules) -> Checked:
    """What the topmost header of our own authserv-id says about the domain of `sender`.

    `headers` are the values above the trusted border (`Mail.authentication_results`), topmost first.
    Only `dmarc=pass` for that domain, or `dkim=pass` by that very domain, proves anything (that one below or above it may
    speak for it is for its DMARC record to say, which is not known here); SPF
    alone does not.  What cannot be parsed, or speaks of other domains, is no result (RFC 8601 section 7.1).
    """
    if not rules.authserv_id:
        return Checked()
    domain = sender.rpartition("@")[2].lower()
    for value in headers:
        parsed = _parsed(value)
        if parsed is None or str(parsed.authserv_id or "").lower() != rules.authserv_id.lower():
            continue
        return _judged(parsed.results, domain, disowned=bool(_POLICY.search(value)))
    return Checked(found={"border": "no result of ours"})


def read_results(value: str, domain: str) -> Checked:
    """What one header's results say about `domain`, whoever wrote them: `value` is what stands behind its name."""
    parsed = _parsed(value)
    return Checked() if parsed is None else _judged(parsed.results, domain, disowned=False)


def _parsed(value: str) -> Any | None:
    if len(value) > _LONGEST:
        return None
    try:
        return authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
    except Exception:  # noqa: BLE001 - whatever cannot be parsed, by whatever error, is no result
        return None


def _judged(results: Sequence[Any], domain: str, *, disowned: bool) -> Checked:
    """DMARC decides where it is there; else a DKIM pass whose domain is aligned.

    A fail under a policy of reject or quarantine (`disowned`) speaks against the address itself.
    """
    dmarc = [result for result in results if result.method == "dmarc" and _about(result, "from") == domain]
    if dmarc:
        said = {str(result.result).lower() for result in dmarc}
        proofs = frozenset({Proof.ALIGNED}) if said == {"pass"} else frozenset[Proof]()
        disowned = disowned and said == {"fail"}
        policy = ", and its policy is to refuse such mail" if disowned else ""
        return Checked(
            proofs, {"border": f"dmarc={', '.join(sorted(said))} for {domain}{policy}"}, disowned, "fail" in said
        )
    for result in results:
        signer = _about(result, "d")
        if result.method == "dkim" and str(result.result).lower() == "pass" and aligned(signer, domain, strict=True):
            return Checked(frozenset({Proof.ALIGNED}), {"border": f"dkim=pass by {signer}"})
    said = {f"{result.method}={result.result}" for result in results}
    return Checked(found={"border": ", ".join(sorted(said))[:200] or "none"})


def _about(result: Any, name: str) -> str:
    """The value of `header.<name>`, as a domain; empty where there are several, or it is no plain domain."""
    values = {
        str(one.value).strip().rstrip(".").lower()
        for one in getattr(result, "properties", ())
        if str(one.type).lower() == "header" and str(one.name).lower() == name
    }
    value = values.pop() if len(values) == 1 else ""
    return value if _DOMAIN.match(value) else ""
