"""ARC (RFC 8617): what a list or a forwarder that the site trusts found out counts; a stranger's word does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import parsers
from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.adapters.senders.resolver import ResolverUnavailable
from mailbot.rules import Proof, TrustRules
from mailbot.trust import Checked, Evidence, together
from parsers.values import Mail, ReadingRules
from tests.dkim_signing import HEADERS, key, seal, sign
from tests.writing import mail

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = TrustRules(check_dkim=True, arc_sealers=("lists.example", "Gateway.example"))
CAROL = "carol@testbed.example"
PASSED = "dmarc=pass header.from=testbed.example"
ZONE = {
    "s1._domainkey.testbed.example": key().record,
    "s1._domainkey.lists.example": key("lists").record,
    "s1._domainkey.gateway.example": key("gateway").record,
    "s1._domainkey.stranger.example": key("stranger").record,
    "_dmarc.testbed.example": "v=DMARC1; p=reject",
}


class Names:
    """Answers from `ZONE`, and remembers what was asked."""

    def __init__(self, down: bool = False) -> None:
        self.asked: list[str] = []
        self.down = down

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        if self.down:
            raise ResolverUnavailable(name)
        return (ZONE[name],) if name in ZONE else ()


def written(words: str = "approve") -> bytes:
    return mail(CAROL, "Re: a request", words, NOW)


def sealed(raw: bytes, by: str, results: str = PASSED, headers: tuple[bytes, ...] = HEADERS) -> bytes:
    return seal(raw, f"{by}.example", NOW, results, by=key(by), headers=headers)


def check(raw: bytes, rules: TrustRules = RULES, names: Names | None = None, now: datetime = NOW) -> Checked:
    read = parsers.read(raw, ReadingRules(now, UTC))
    assert isinstance(read, Mail)
    return MailAuthenticator(rules, names or Names()).check(raw, read, now)


def proven(raw: bytes, rules: TrustRules = RULES, names: Names | None = None) -> bool:
    return Proof.ALIGNED in check(raw, rules, names).proofs


def test_what_a_trusted_list_found_before_it_changed_the_mail_counts() -> None:
    signed = sign(written(), "testbed.example", NOW)
    changed = signed.replace(b"approve", b"approve\r\n\r\n-- \r\nthe list")
    assert not proven(changed)

    checked = check(sealed(changed, "lists"))

    assert checked.proofs == {Proof.ALIGNED}
    assert checked.vouched
    assert checked.found["arc"] == "lists.example found it aligned and sealed that"


@pytest.mark.parametrize(
    "results", ["dkim=pass header.d=testbed.example", f"spf=pass smtp.mailfrom=x.example; {PASSED}"]
)
def test_a_pass_of_dkim_or_dmarc_for_the_very_domain_counts(results: str) -> None:
    assert proven(sealed(written(), "lists", results))


@pytest.mark.parametrize(
    "results",
    [
        "dmarc=fail header.from=testbed.example",
        "dmarc=pass header.from=elsewhere.example",
        "dkim=pass header.d=mail.testbed.example",
        "spf=pass smtp.mailfrom=testbed.example",
        "none",
    ],
)
def test_other_results_prove_nothing_and_cost_no_question(results: str) -> None:
    names = Names()
    assert not proven(sealed(written(), "lists", results), TrustRules(arc_sealers=("lists.example",)), names)
    assert names.asked == []


def test_a_sealer_whom_the_site_does_not_name_proves_nothing_and_costs_no_question() -> None:
    names = Names()
    assert not proven(sealed(written(), "stranger"), names=names)
    assert not proven(sealed(written(), "lists"), TrustRules(check_dkim=True), names)
    assert names.asked == []


def test_a_chain_of_trusted_sealers_counts_and_what_stands_below_a_stranger_does_not() -> None:
    by_list = sealed(written(), "lists")
    assert proven(sealed(by_list, "gateway", "arc=pass; dmarc=fail header.from=testbed.example"))
    assert not proven(sealed(by_list, "stranger", f"arc=pass; {PASSED}"))
    by_stranger = sealed(written(), "stranger")
    assert not proven(sealed(by_stranger, "lists", "arc=pass; dmarc=fail header.from=testbed.example"))
    assert proven(sealed(by_stranger, "lists", f"arc=pass; {PASSED}")), "the list has looked for itself"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n\r\napprove", b"\r\n\r\ndeny"),
        (b"Subject: Re: a", b"Subject: Re: b"),
        (b"dmarc=pass", b"arc=none; dmarc=pass"),
    ],
)
def test_a_mail_or_a_result_that_was_changed_after_it_was_sealed_proves_nothing(old: bytes, new: bytes) -> None:
    raw = sealed(written(), "lists")
    assert old in raw
    assert proven(raw)

    assert not proven(raw.replace(old, new))


def test_a_seal_of_somebody_elses_key_proves_nothing() -> None:
    assert not proven(seal(written(), "lists.example", NOW, PASSED, by=key("stranger")))


def test_results_that_were_added_to_a_chain_prove_nothing() -> None:
    raw = sealed(written(), "lists", "dmarc=fail header.from=testbed.example")
    forged = f"ARC-Authentication-Results: i=1; lists.example; {PASSED}\r\n".encode()
    for added in (forged, forged.replace(b"i=1", b"i=2"), forged.replace(b"i=1; ", b"")):
        assert not proven(added + raw)
        assert not proven(raw.replace(b"From: ", added + b"From: ", 1))


@pytest.mark.parametrize(
    "left_out", [b"to", b"subject", b"message-id", b"date", b"content-type", b"content-transfer-encoding"]
)
def test_the_newest_signature_must_cover_what_a_signature_of_the_sender_must(left_out: bytes) -> None:
    raw = sealed(written(), "lists", headers=tuple(name for name in HEADERS if name != left_out))
    assert not proven(raw)
    assert f"without the header {left_out.decode()}" in check(raw).found["arc"]


def test_a_header_that_was_added_after_the_seal_takes_the_proof_away() -> None:
    raw = sealed(written(), "lists")
    assert proven(raw)
    assert not proven(b"In-Reply-To: <token@mailbot.example>\r\n" + raw)


def test_an_old_seal_proves_nothing() -> None:
    raw = sealed(written(), "lists")
    assert not check(raw, now=NOW + timedelta(days=8)).proofs
    assert check(raw, now=NOW + timedelta(days=6)).proofs


def test_a_chain_longer_than_five_is_not_looked_at() -> None:
    raw = sealed(written(), "lists")
    for _ in range(4):
        raw = sealed(raw, "lists", f"arc=pass; {PASSED}")
    assert proven(raw)
    names = Names()
    assert not proven(sealed(raw, "lists", f"arc=pass; {PASSED}"), TrustRules(arc_sealers=("lists.example",)), names)
    assert names.asked == []


def test_name_servers_that_do_not_answer_prove_nothing() -> None:
    assert "no answer from name servers" in check(sealed(written(), "lists"), names=Names(down=True)).found["arc"]


@pytest.mark.parametrize("missing", [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"])
def test_a_set_that_is_not_whole_proves_nothing(missing: bytes) -> None:
    assert not proven(sealed(written(), "lists").replace(missing, b"X-" + missing))


def test_a_trusted_seal_explains_why_the_border_saw_a_broken_signature() -> None:
    failed = Checked(found={"border": "dmarc=fail for testbed.example"}, disowned=True, failed=True)
    evidence = Evidence(CAROL, frozenset({Proof.TOKEN, Proof.REGISTERED}))

    vouched = evidence.with_checked(together(failed, check(sealed(written(), "lists"))))
    assert vouched.proofs == {Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED}

    not_vouched = evidence.with_checked(together(failed, check(sealed(written(), "stranger"))))
    assert not_vouched.proofs == {Proof.TOKEN}


def test_a_border_and_our_own_look_that_disagree_prove_nothing() -> None:
    own = check(sign(written(), "testbed.example", NOW))
    assert own.proofs == {Proof.ALIGNED}

    assert together(Checked(found={"border": "dmarc=fail"}, failed=True), own).proofs == frozenset()
    assert together(Checked(), own).proofs == {Proof.ALIGNED}
