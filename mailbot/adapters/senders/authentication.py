"""Our own look at a mail's signatures: DKIM with alignment and DMARC, seals of forwarders (dkimpy), OpenPGP as an extra."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import dkim

from mailbot.adapters.senders.openpgp import OpenPgp
from mailbot.adapters.senders.resolver import Resolver, ResolverUnavailable
from mailbot.adapters.senders.sealed import check_seals, tags_of
from mailbot.rules import Proof, TrustRules
from mailbot.trust import Checked
from mailbot.trust.signatures import LEAST_KEY_BITS, MOST, aligned, dmarc_policy, policy_places, why_not
from parsers.values import Mail

_LARGEST = 1024 * 1024
# dkimpy takes white space and empty lines together by patterns whose time grows with the square of the longest run.
_LONGEST_RUN = 150
_MOST_COMPUTED = 2
"""Signatures that are computed: a domain signs twice at most, with an old and a new kind of key."""
_LONG_SPACE = re.compile(rb"[ \t]{%d}" % _LONGEST_RUN)
_log = logging.getLogger("mailbot.dkim")
_log.addHandler(logging.NullHandler())
_log.propagate = False


class MailAuthenticator:
    """`ports.Authenticator`, as far as the rules ask for it; looks at one mail at a time."""

    def __init__(self, rules: TrustRules, txt: Callable[[str], tuple[str, ...]] | None = None) -> None:
        self._rules = rules
        self._ask = txt or Resolver(rules.dns_servers, rules.dns_port, rules.dns_seconds).txt
        self._unanswered = ""
        self._openpgp = OpenPgp(rules.openpgp_home, rules.openpgp_signers) if rules.openpgp_home else None

    def check(self, raw: bytes, mail: Mail, now: datetime) -> Checked:
        """What the mail's own signatures prove about its sender; see the port."""
        self._unanswered = ""
        checked = self._domain_proof(raw, mail, now)
        if Proof.ALIGNED not in checked.proofs:
            checked = replace(checked, unsure=self._unanswered)
        if self._openpgp is None:
            return checked
        signed = self._openpgp.check(raw, mail.sender.address, now, self._rules.signature_days)
        return replace(checked, proofs=checked.proofs | signed.proofs, found={**checked.found, **signed.found})

    def _domain_proof(self, raw: bytes, mail: Mail, now: datetime) -> Checked:
        """Whether the sender's domain stands behind the mail: by a signature of its own, or as a trusted forwarder found it."""
        rules = self._rules
        if not rules.check_dkim and not rules.arc_sealers:
            return Checked()
        if len(raw) > _LARGEST or _odd(raw):
            return Checked(found={"dkim": "not checked: the mail is too large or too odd"})
        try:
            checked = self._dkim(raw, mail, now) if rules.check_dkim else Checked()
            if Proof.ALIGNED in checked.proofs or not rules.arc_sealers:
                return checked
            message = dkim.ARC(raw, logger=_log, minkey=LEAST_KEY_BITS, timeout=rules.dns_seconds)
        except dkim.DKIMException as error:
            return Checked(found={"dkim": f"not checked: {type(error).__name__}"})
        sealed = check_seals(message, mail, now, rules, self._key)
        return replace(sealed, found={**checked.found, **sealed.found})

    def _dkim(self, raw: bytes, mail: Mail, now: datetime) -> Checked:
        """Look at each signature in turn, most of them only at what they say of themselves.  Raises DKIMException.

        1. A mail that has too many signatures is not checked.
        2. Names are asked, and anything is computed, only for a signature that is aligned, strong,
           whole, young, and covers what matters.
        3. Where the domain has no DMARC record, or one that asks for strict alignment, only the very domain counts.
        """
        message = dkim.DKIM(raw, logger=_log, minkey=LEAST_KEY_BITS, timeout=self._rules.dns_seconds)
        counts = Counter(name.decode("ascii", "replace").lower() for name, _ in message.headers)
        number = counts["dkim-signature"]
        if not number or number > MOST:
            return Checked(found={"dkim": f"not checked: {number} signatures" if number else "no signature"})
        said: list[str] = []
        computed = 0
        for at in range(number):
            why = self._why_not(message, at, counts, mail, now)
            said.append(why or self._computed(message, at, mail))
            computed += not why
            if computed == _MOST_COMPUTED or said[-1].startswith("pass"):
                break
        good = [one for one in said if one.startswith("pass")]
        if good:
            return Checked(frozenset({Proof.ALIGNED}), {"dkim": good[0]})
        return Checked(found={"dkim": "; ".join(said)[:500]})

    def _why_not(self, message: dkim.DKIM, at: int, counts: Mapping[str, int], mail: Mail, now: datetime) -> str:
        """Why a signature is not computed at all; empty where it may prove something."""
        tags = _tags(message, at)
        if tags is None:
            return "cannot be read"
        return why_not(tags, counts, _domain(mail), now=now, sent=mail.sent_at, rules=self._rules)

    def _computed(self, message: dkim.DKIM, at: int, mail: Mail) -> str:
        tags, domain = _tags(message, at) or {}, _domain(mail)
        signer = tags["d"].strip().rstrip(".").lower()
        try:
            policy = self._policy(domain)
            # Without a record nobody has said that names below or above the domain may speak for it: a tenant's zone, say.
            if not aligned(signer, domain, strict=not policy or policy.get("adkim") == "s"):
                return f"by {signer}, and {domain} does not let it speak for it"
            passed = message.verify(at, dnsfunc=self._key)
        except ResolverUnavailable as error:
            return f"no answer from name servers ({error})"
        except Exception as error:  # noqa: BLE001 - dkimpy raises many kinds for hostile mail: none is a proof
            return f"cannot be checked ({type(error).__name__})"
        return f"{'pass' if passed else 'fail'} by {signer}, DMARC policy {policy.get('p', 'none published')}"

    def _txt(self, name: str) -> tuple[str, ...]:
        """The records of a name; that nobody answered is remembered for the mail that is looked at.  Raises ResolverUnavailable."""
        try:
            return self._ask(name)
        except ResolverUnavailable as error:
            self._unanswered = self._unanswered or str(error)
            raise

    def _policy(self, domain: str) -> Mapping[str, str]:
        for place in policy_places(domain):
            policy = dmarc_policy(self._txt(place))
            if policy is not None:
                return policy
        return {}

    def _key(self, name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG002 - dkimpy passes it by name
        records = self._txt(name.decode("ascii").rstrip("."))
        return records[0].encode("ascii", "replace") if len(records) == 1 else None


def _odd(raw: bytes) -> bool:
    """Whether a mail has more white space or empty lines in a row than people write."""
    if _LONG_SPACE.search(raw):
        return True
    run = 0
    for line in raw.split(b"\n"):
        run = 0 if line.strip() else run + 1
        if run >= _LONGEST_RUN:
            return True
    return False


def _tags(message: dkim.DKIM, at: int) -> dict[str, str] | None:
    """The tags of one DKIM-Signature (RFC 6376 section 3.2), None where it cannot be read."""
    return tags_of([value for name, value in message.headers if name.lower() == b"dkim-signature"][at])


def _domain(mail: Mail) -> str:
    return mail.sender.address.rpartition("@")[2].lower()
