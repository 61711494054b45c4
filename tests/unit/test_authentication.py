"""Our own check of DKIM: real keys and signatures, a zone in a dict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import parsers
from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.adapters.senders.resolver import ResolverUnavailable
from mailbot.rules import Proof, TrustRules
from mailbot.trust import Checked
from parsers.values import Mail, ReadingRules
from tests.dkim_signing import HEADERS, ed25519_key, key, sign
from tests.writing import mail

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = TrustRules(check_dkim=True)
ZONE = {
    "s1._domainkey.testbed.example": key().record,
    "s1._domainkey.mail.testbed.example": key().record,
    **{f"b{bits}._domainkey.testbed.example": key("short", bits).record for bits in (1023, 1024)},
    "s1._domainkey.elsewhere.example": key("elsewhere").record,
    "_dmarc.testbed.example": "v=DMARC1; p=reject",
    "s1._domainkey.mail.strict.example": key().record,
    "s1._domainkey.mail.silent.example": key().record,
    "ed._domainkey.testbed.example": ed25519_key().record,
    "_dmarc.strict.example": "v=DMARC1; p=none; adkim=s",
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


def _mail(sender: str = "carol@testbed.example", words: str = "approve") -> bytes:
    return mail(sender, "Re: a request", words, NOW)


def _check(raw: bytes, names: Names | None = None, rules: TrustRules = RULES, now: datetime = NOW) -> Checked:
    read = parsers.read(raw, ReadingRules(now, UTC))
    assert isinstance(read, Mail)
    return MailAuthenticator(rules, names or Names()).check(raw, read, now)


def _proven(raw: bytes, names: Names | None = None, rules: TrustRules = RULES, now: datetime = NOW) -> bool:
    return Proof.ALIGNED in _check(raw, names, rules, now).proofs


def test_a_signature_of_the_senders_domain_is_a_proof() -> None:
    checked = _check(sign(_mail(), "testbed.example", NOW))
    assert checked.proofs == {Proof.ALIGNED}
    assert checked.found["dkim"] == "pass by testbed.example, DMARC policy reject"


@pytest.mark.parametrize(
    ("domain", "counts"), [("testbed.example", True), ("strict.example", False), ("silent.example", False)]
)
def test_a_signature_of_a_domain_below_counts_only_where_the_dmarc_record_lets_it(domain: str, counts: bool) -> None:
    checked = _check(sign(_mail(f"carol@{domain}"), f"mail.{domain}", NOW))

    assert bool(checked.proofs) is counts
    assert counts or "does not let it speak" in checked.found["dkim"]


def test_an_ed25519_signature_is_checked_too() -> None:
    signed = sign(_mail(), "testbed.example", NOW, selector="ed", by=ed25519_key(), algorithm=b"ed25519-sha256")

    assert _proven(signed)
    assert not _proven(signed.replace(b"approve", b"approvE"))


@pytest.mark.parametrize(
    "added", [b"In-Reply-To: <a@b.example>", b"Content-Transfer-Encoding: base64", b"References: <a@b.example>"]
)
def test_a_header_that_was_added_to_a_signed_mail_takes_the_proof_away(added: bytes) -> None:
    plain = b"From: carol@testbed.example\r\nSubject: a\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <a@t.example>\r\n\r\nYXBwcm92ZQ==\r\n"
    signed = sign(plain, "testbed.example", NOW)
    assert _proven(signed)

    assert not _proven(added + b"\r\n" + signed)


def test_a_valid_signature_of_somebody_else_is_none_and_costs_no_question() -> None:
    names = Names()
    assert not _proven(sign(_mail(), "elsewhere.example", NOW, by=key("elsewhere")), names)
    assert names.asked == []


@pytest.mark.parametrize(("old", "new"), [(b"approve", b"approvE"), (b"Subject: Re: a", b"Subject: Re: b")])
def test_a_mail_that_was_changed_after_it_was_signed_proves_nothing(old: bytes, new: bytes) -> None:
    signed = sign(_mail(), "testbed.example", NOW)
    assert old in signed
    assert not _proven(signed.replace(old, new))


def test_the_key_of_somebody_else_proves_nothing() -> None:
    assert not _proven(sign(_mail(), "testbed.example", NOW, by=key("elsewhere")))


@pytest.mark.parametrize(("bits", "counts"), [(1023, False), (1024, True)])
def test_a_key_counts_from_1024_bits_on(bits: int, counts: bool) -> None:
    signed = sign(_mail(), "testbed.example", NOW, selector=f"b{bits}", by=key("short", bits))
    assert _proven(signed) is counts
    assert counts or "Key" in _check(signed).found["dkim"]


def test_sha1_a_length_and_unsigned_headers_prove_nothing() -> None:
    assert not _proven(sign(_mail(), "testbed.example", NOW, algorithm=b"rsa-sha1"))
    assert not _proven(sign(_mail(), "testbed.example", NOW, length=True))
    for left_out in (b"subject", b"content-type", b"message-id", b"date", b"to", b"content-transfer-encoding"):
        headers = tuple(name for name in HEADERS if name != left_out)
        assert not _proven(sign(_mail(), "testbed.example", NOW, headers=headers)), left_out


def test_a_header_that_a_provider_does_not_sign_can_be_let_go() -> None:
    headers = tuple(name for name in HEADERS if name != b"content-type")
    rules = TrustRules(check_dkim=True, signed_headers=("from", "subject", "date", "message-id"))
    assert _proven(sign(_mail(), "testbed.example", NOW, headers=headers), rules=rules)


def test_an_old_signature_proves_nothing() -> None:
    signed = sign(_mail(), "testbed.example", NOW)
    assert _proven(signed, now=NOW + timedelta(days=6))
    assert not _proven(signed, now=NOW + timedelta(days=8))
    assert not _proven(signed, now=NOW - timedelta(days=1))


def test_more_than_five_signatures_are_not_looked_at() -> None:
    signed = sign(_mail(), "testbed.example", NOW)
    line = signed[: signed.index(b"From:")]
    names = Names()
    assert not _proven(line * 50 + signed, names)
    assert names.asked == []
    assert _proven(line.replace(b"d=testbed", b"d=another") * 4 + signed)
    assert not _proven(line.replace(b"d=testbed", b"d=another") * 5 + signed)


def test_name_servers_that_do_not_answer_prove_nothing() -> None:
    checked = _check(sign(_mail(), "testbed.example", NOW), Names(down=True))
    assert not checked.proofs
    assert "no answer from name servers" in checked.found["dkim"]


def test_white_space_that_would_take_long_to_fold_is_not_computed() -> None:
    signed = sign(_mail(), "testbed.example", NOW)
    assert "too odd" in _check(signed + b" " * 600 + b"x\r\n").found["dkim"]
    assert "too odd" in _check(signed + b"\r\n" * 250 + b"x").found["dkim"]
    assert "too odd" in _check(signed + b" \r\n" * 250 + b"x").found["dkim"]
    assert "too odd" in _check(signed + b" \n\t\n" * 250 + b"x").found["dkim"]


def test_a_mail_without_a_signature_proves_nothing() -> None:
    assert _check(_mail()) == Checked(found={"dkim": "no signature"})
    assert _check(_mail(), rules=TrustRules()) == Checked()


@pytest.mark.parametrize(
    "value", [b"", b"x", b"v=1; a=rsa-sha256; d=testbed.example; s=s1; h=from; b=; bh=", b"\xff=\xff"]
)
def test_a_broken_signature_proves_nothing(value: bytes) -> None:
    assert not _proven(b"DKIM-Signature: " + value + b"\r\n" + _mail())
