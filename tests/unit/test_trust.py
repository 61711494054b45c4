"""Which evidence is enough for what is at risk, and what a mail's headers prove."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any

import pytest

from mailbot.config.checks import of_rules
from mailbot.rules import Rules, TrustRules
from mailbot.trust import Checked, Evidence, Proof, Risk, demanded, in_words, missing, needs, read_border, together
from mailbot.trust.border import read_results
from mailbot.trust.chain import chain_of, vouching
from mailbot.trust.signatures import aligned, dmarc_policy, policy_places, why_not
from mailbot.trust.table import cannot_tell

ALL = frozenset(Proof)
SUBSETS = [frozenset(some) for some in chain.from_iterable(combinations(Proof, size) for size in range(len(Proof) + 1))]
PLAIN = TrustRules()
SEEING = TrustRules(authserv_id="mx.testbed.example")
BY_REPLY = sorted(set(Risk) - {Risk.ASK, Risk.OPEN})
ADMIN = "carol@testbed.example"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("rules", [PLAIN, SEEING])
@pytest.mark.parametrize("risk", Risk)
def test_every_deed_needs_a_registered_sender(risk: Risk, rules: TrustRules) -> None:
    assert Proof.REGISTERED in needs(risk, rules)


@pytest.mark.parametrize("risk", BY_REPLY)
def test_what_changes_a_ticket_needs_a_token(risk: Risk) -> None:
    assert Proof.TOKEN in needs(risk, PLAIN)


@pytest.mark.parametrize("rules", [PLAIN, SEEING])
@pytest.mark.parametrize("risk", Risk)
@pytest.mark.parametrize("proofs", SUBSETS, ids=lambda proofs: "+".join(sorted(proofs)) or "nothing")
def test_evidence_is_enough_exactly_when_it_covers_the_needs(
    risk: Risk, proofs: frozenset[Proof], rules: TrustRules
) -> None:
    lack = missing(risk, Evidence("alice@example.org", proofs), rules)
    assert bool(lack) == bool(needs(risk, rules) - proofs)


def test_everything_that_lacks_is_said_at_once() -> None:
    lack = missing(Risk.APPROVE, Evidence("mallory@elsewhere.example", frozenset()), SEEING)
    assert "registered" in lack
    assert "not a reply to one" in lack
    assert "DMARC or DKIM" in lack
    two = missing(Risk.APPROVE, Evidence("mallory@elsewhere.example", frozenset()), PLAIN)
    assert " and your message is not a reply" in two


def test_alignment_is_asked_for_only_where_something_can_see_it() -> None:
    assert Proof.ALIGNED not in needs(Risk.APPROVE, PLAIN)
    assert Proof.ALIGNED in needs(Risk.APPROVE, SEEING)
    assert Proof.ALIGNED in needs(Risk.APPROVE, TrustRules(check_dkim=True))
    assert Proof.ALIGNED not in needs(Risk.CONFIRM, SEEING), "who cannot sign must be able to confirm"


@pytest.mark.parametrize("risk", Risk)
def test_what_failed_the_check_has_to_be_confirmed_where_nothing_stronger_is_asked_for(risk: Risk) -> None:
    for rules, failed in ((SEEING, True), (SEEING, False)):
        evidence = Evidence(ADMIN, frozenset(), failed=failed)
        more = demanded(risk, evidence, rules) - needs(risk, rules)
        asked = failed and risk in {Risk.DENY, Risk.EXTEND, Risk.RESTORE, Risk.WITHDRAW}
        assert more == ({Proof.CONFIRMED} if asked else set())
        assert evidence.for_risk(risk, rules).needed == needs(risk, rules) | more
    assert Proof.CONFIRMED in demanded(Risk.OPEN, Evidence(ADMIN, frozenset(), failed=True), PLAIN)


def test_what_nobody_has_looked_at_has_not_failed_a_check() -> None:
    unseen = Evidence(ADMIN, frozenset({Proof.TOKEN, Proof.REGISTERED}))
    assert demanded(Risk.DENY, unseen, SEEING) == needs(Risk.DENY, SEEING)
    assert (unseen.failed, unseen.disowned) == (False, False)


def test_a_failed_check_is_remembered_unless_the_words_are_signed_or_a_sealer_explains_it() -> None:
    failed = Checked(found={"border": "dmarc=fail"}, failed=True)
    evidence = Evidence(ADMIN, frozenset({Proof.TOKEN, Proof.REGISTERED}))
    assert evidence.with_checked(failed).failed
    assert not evidence.with_checked(Checked()).failed
    assert not evidence.with_checked(together(failed, Checked(frozenset({Proof.SIGNED})))).failed
    assert not evidence.with_checked(together(failed, Checked(frozenset({Proof.ALIGNED}), vouched=True))).failed


def test_evidence_is_stored_with_the_deed_and_the_verdict() -> None:
    evidence = Evidence("alice@example.org", frozenset({Proof.TOKEN, Proof.REGISTERED}))
    checked = evidence.with_checked(Checked(found={"border": "dmarc=fail for example.org"}))
    assert checked.for_risk(Risk.APPROVE, SEEING).as_facts() == {
        "sender": "alice@example.org",
        "proofs": ["registered", "token"],
        "found": {"border": "dmarc=fail for example.org"},
        "risk": "approve",
        "needed": ["aligned", "registered", "token"],
        "verdict": "not proven",
    }
    assert evidence.for_risk(Risk.APPROVE, PLAIN).as_facts()["verdict"] == "proven"
    assert evidence.as_facts() == {"sender": "alice@example.org", "proofs": ["registered", "token"]}


def _wrong(**settings: Any) -> list[str]:
    trust = replace(PLAIN, **settings)
    return [f"{place}: {said}" for place, said in of_rules(Rules(trust=trust))]


def test_the_risk_table_can_ask_for_more_and_never_for_less_than_token_and_address() -> None:
    assert _wrong() == []
    assert _wrong(deny=(Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED)) == []
    assert "trust.approve: must have token" in _wrong(approve=(Proof.REGISTERED,))[0]
    assert "trust.extend: must have registered" in _wrong(extend=(Proof.TOKEN,))[0]
    assert "only open and release" in _wrong(approve=(Proof.TOKEN, Proof.REGISTERED, Proof.CONFIRMED))[0]
    assert "openpgp_home" in _wrong(approve=(Proof.TOKEN, Proof.REGISTERED, Proof.SIGNED))[0]
    assert "not an address and a fingerprint" in _wrong(openpgp_signers=("carol",))[0]
    assert "trust.authserv_id" in _wrong(relays=("mx",))[0]


# the border


@pytest.mark.parametrize(
    ("value", "proven"),
    [
        ("mx.testbed.example; dmarc=pass header.from=testbed.example", True),
        ("MX.Testbed.Example; dmarc=pass (p=reject) header.from=Testbed.example", True),
        ("mx.testbed.example; dkim=pass header.d=testbed.example header.s=s1", True),
        ("mx.testbed.example; dkim=pass header.d=mail.testbed.example", False),
        (
            "mx.testbed.example;\tdkim=pass (2048-bit key; unprotected) header.d=testbed.example header.i=@testbed.example "
            "header.a=rsa-sha256 header.s=s1 header.b=SwEOqSFE;\tdkim-atps=neutral",
            True,
        ),
        (
            "mx.testbed.example;       dkim=pass header.i=@testbed.example header.s=s1 header.b=AbC1;       "
            "spf=pass (testbed.example: domain of carol@testbed.example designates 192.0.2.1 as permitted sender) "
            "smtp.mailfrom=carol@testbed.example;       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=testbed.example",
            True,
        ),
        (
            'mx.testbed.example; dkim=pass header.d=testbed.example header.s=s1 header.b="a/b+c=="; '
            "dmarc=pass (policy=reject) header.from=testbed.example; spf=pass smtp.mailfrom=carol@testbed.example",
            True,
        ),
        ("mx.testbed.example 1; dmarc=pass header.from=testbed.example", True),
        ("mx.testbed.example; dmarc=pass header.from=testbed.example; dmarc=fail header.from=testbed.example", False),
        ("mx.testbed.example; dmarc=fail header.from=testbed.example; dkim=pass header.d=testbed.example", False),
        ("mx.testbed.example; dmarc=pass header.from=elsewhere.example", False),
        ("mx.testbed.example; dmarc=pass header.from=testbed.example header.from=elsewhere.example", False),
        ('mx.testbed.example; dmarc=pass header.from="x@testbed.example"', False),
        ("mx.testbed.example; dkim=pass header.d=elsewhere.example", False),
        ("mx.testbed.example; dkim=pass header.d=eviltestbed.example", False),
        ("mx.testbed.example; dkim=pass header.i=@testbed.example", False),
        ("mx.testbed.example; dkim=fail header.d=testbed.example", False),
        ("mx.testbed.example; spf=pass smtp.mailfrom=testbed.example", False),
        ("mx.testbed.example; spf=pass header.d=testbed.example", False),
        ("mx.testbed.example; dmarc=pass policy.from=testbed.example", False),
        ("mx.testbed.example; dmarc=pass header.to=testbed.example", False),
        ("mx.testbed.example; none", False),
        ("mx.elsewhere.example; dmarc=pass header.from=testbed.example", False),
        ("mx.testbed.example.evil.example; dmarc=pass header.from=testbed.example", False),
        ("i=1; mx.testbed.example; dmarc=pass header.from=testbed.example", False),
        ("spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x; dkim=pass;dmarc=pass action=none", False),
        ("", False),
        (";" * 9000, False),
        ("mx.testbed.example; dmarc=pass header.from=testbed.example " + "x" * 10_000, False),
    ],
)
def test_only_our_own_border_speaking_of_that_domain_proves_anything(value: str, proven: bool) -> None:
    assert (Proof.ALIGNED in read_border((value,), ADMIN, SEEING).proofs) is proven


def test_a_header_of_ten_thousand_characters_is_the_longest_that_is_read() -> None:
    value = "mx.testbed.example; dmarc=pass header.from=testbed.example "
    for length, proven in ((10_000, True), (10_001, False)):
        padded = f"{value}({'x' * (length - len(value) - 2)})"
        assert bool(read_border((padded,), ADMIN, SEEING).proofs) is proven


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ("dmarc=pass header.from=testbed.example", "dmarc=pass for testbed.example"),
        ("dmarc=fail (p=none) header.from=testbed.example", "dmarc=fail for testbed.example"),
        (
            "dmarc=fail (p=reject) header.from=testbed.example",
            "dmarc=fail for testbed.example, and its policy is to refuse such mail",
        ),
        (
            "dmarc=pass header.from=testbed.example; dmarc=fail (p=reject) header.from=testbed.example",
            "dmarc=fail, pass for testbed.example",
        ),
        ("dkim=pass header.d=testbed.example", "dkim=pass by testbed.example"),
        ("spf=pass smtp.mailfrom=testbed.example; dkim=fail header.d=testbed.example", "dkim=fail, spf=pass"),
        ("none", "none"),
    ],
)
def test_what_our_border_found_is_told_in_its_words(results: str, said: str) -> None:
    checked = read_border((f"mx.testbed.example; {results}",), ADMIN, SEEING)
    assert checked.found == {"border": said}
    assert checked.failed is ("dmarc=fail" in said)


def test_no_more_than_two_hundred_characters_of_results_are_told() -> None:
    results = "; ".join(f"x-{'a' * 20}{number}=pass" for number in range(10, 30))
    (said,) = read_border((f"mx.testbed.example; {results}",), ADMIN, SEEING).found.values()
    assert len(said) == 200


@pytest.mark.parametrize(
    ("proofs", "said"),
    [
        ({Proof.REGISTERED, Proof.ALIGNED, Proof.SIGNED}, "OpenPGP signature from the requester"),
        ({Proof.REGISTERED, Proof.ALIGNED}, f"The mail service of {ADMIN} vouches"),
        ({Proof.REGISTERED}, "nothing else proves it"),
        ({Proof.TOKEN}, ""),
    ],
)
def test_an_admin_reads_by_what_a_requester_was_recognised(proofs: set[Proof], said: str) -> None:
    words = in_words(Evidence(ADMIN, frozenset(proofs)))
    assert said in words if said else words == ""


def test_only_the_topmost_result_of_ours_counts() -> None:
    good = "mx.testbed.example; dmarc=pass header.from=testbed.example"
    bad = "mx.testbed.example; dmarc=fail header.from=testbed.example"
    assert not read_border((bad, good), ADMIN, SEEING).proofs
    assert read_border((good, bad), ADMIN, SEEING).proofs
    assert read_border(("elsewhere.example; dmarc=fail", good), ADMIN, SEEING).proofs


def test_without_a_named_border_no_header_proves_anything() -> None:
    assert read_border(("mx; dmarc=pass header.from=testbed.example",), ADMIN, PLAIN) == Checked()


def test_an_address_whose_domain_wants_the_mail_refused_is_worth_nothing() -> None:
    evidence = Evidence(ADMIN, frozenset({Proof.TOKEN, Proof.REGISTERED}))
    for policy, left in (("reject", {Proof.TOKEN}), ("quarantine", {Proof.TOKEN}), ("none", evidence.proofs)):
        value = f"mx.testbed.example; dmarc=fail (p={policy} dis=none) header.from=testbed.example"
        checked = read_border((value,), ADMIN, SEEING)
        assert checked.disowned is (policy != "none")
        assert evidence.with_checked(checked).proofs == left
    passed = read_border(("mx.testbed.example; dmarc=pass (p=reject) header.from=testbed.example",), ADMIN, SEEING)
    assert not passed.disowned


# what others sealed


def test_what_others_found_never_speaks_against_an_address() -> None:
    found = read_results("mx.list.example; dmarc=fail (p=reject) header.from=testbed.example", "testbed.example")
    assert (found.proofs, found.disowned) == (frozenset(), False)


def test_two_seals_of_one_number_are_no_chain() -> None:
    one = {"i": "1", "d": "lists.example"}
    assert chain_of(["i=1; x"], [one], [one])
    assert chain_of(["i=1; x"], [one], [one, one]) == ()
    assert chain_of(["i=2; x"], [one], [one]) == ()


def test_a_sealer_who_is_the_only_one_that_is_trusted_vouches() -> None:
    one = {"i": "1", "d": "lists.example"}
    sealed = chain_of(["i=1; lists.example; dmarc=pass header.from=testbed.example"], [one], [one])
    only = TrustRules(arc_sealers=("lists.example",))
    assert vouching(sealed, "testbed.example", only) == "lists.example"
    assert vouching(sealed, "testbed.example", PLAIN) == ""


def test_who_vouches_explains_a_failed_check_and_nothing_else_does() -> None:
    failed = Checked(found={"border": "dmarc=fail"}, disowned=True, failed=True)
    aligned_by_us = Checked(frozenset({Proof.ALIGNED}))
    assert together(failed, replace(aligned_by_us, vouched=True)) == Checked(
        frozenset({Proof.ALIGNED}), {"border": "dmarc=fail"}, vouched=True
    )
    assert together(failed, aligned_by_us) == Checked(frozenset(), {"border": "dmarc=fail"}, disowned=True, failed=True)


def test_a_release_is_confirmed_by_its_own_question_and_a_request_by_a_mail() -> None:
    wanted = (Proof.TOKEN, Proof.REGISTERED, Proof.CONFIRMED)
    assert needs(Risk.RELEASE, TrustRules(release=wanted)) == {Proof.TOKEN, Proof.REGISTERED}
    assert needs(Risk.OPEN, TrustRules(open=wanted)) == set(wanted)


@pytest.mark.parametrize(
    ("proofs", "unsure", "wait"),
    [
        ({Proof.TOKEN, Proof.REGISTERED}, True, True),
        ({Proof.TOKEN, Proof.REGISTERED}, False, False),
        ({Proof.TOKEN}, True, False),
        ({Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED}, True, False),
    ],
)
def test_name_servers_are_waited_for_only_where_they_alone_are_lacking(
    proofs: set[Proof], unsure: bool, wait: bool
) -> None:
    said = "no name server answers" if unsure else ""
    evidence = replace(Evidence(ADMIN, frozenset(proofs)), unsure=said)
    assert cannot_tell(Risk.APPROVE, evidence, SEEING) is wait


# signatures


@pytest.mark.parametrize(
    ("signer", "domain", "relaxed", "strict"),
    [
        ("example.org", "example.org", True, True),
        ("mail.example.org", "example.org", True, False),
        ("example.org", "lab.example.org", True, False),
        ("evilexample.org", "example.org", False, False),
        ("elsewhere.example", "example.org", False, False),
        ("org", "example.org", False, False),
        ("", "example.org", False, False),
    ],
)
def test_alignment_is_the_same_domain_or_one_below_the_other(
    signer: str, domain: str, relaxed: bool, strict: bool
) -> None:
    assert aligned(signer, domain) is relaxed
    assert aligned(signer, domain, strict=True) is strict


GOOD = {
    "d": "testbed.example",
    "a": "rsa-sha256",
    "h": "From:Subject:Date:Message-ID:Content-Type",
    "t": str(int(NOW.timestamp())),
}
COUNTS = {"from": 1, "subject": 1, "date": 1, "message-id": 1, "content-type": 1}


def _why(counts: dict[str, int] | None = None, sent: datetime | None = NOW, **tags: str) -> str:
    given = {name: value for name, value in (GOOD | tags).items() if value != "-"}
    return why_not(given, counts or COUNTS, "testbed.example", now=NOW, sent=sent, rules=PLAIN)


def test_a_good_signature_is_checked() -> None:
    assert _why() == ""
    assert _why(t="-") == ""


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"d": "elsewhere.example"}, "does not speak for"),
        ({"d": "-"}, "does not speak for"),
        ({"a": "rsa-sha1"}, "too weak"),
        ({"a": "-"}, "too weak"),
        ({"l": "10"}, "part of the text"),
        ({"h": "From:Date:Message-ID:Content-Type"}, "header subject"),
        ({"h": "From:Subject:Date:Message-ID"}, "header content-type"),
        ({"h": "Subject:Date:Message-ID:Content-Type"}, "header from"),
        ({"t": str(int((NOW - timedelta(days=8)).timestamp()))}, "older than 7 days"),
        ({"t": str(int((NOW + timedelta(hours=1)).timestamp()))}, "future"),
        ({"x": str(int((NOW - timedelta(hours=1)).timestamp()))}, "expired"),
        ({"t": str(int((NOW - timedelta(days=7, seconds=1)).timestamp()))}, "older than 7 days"),
        ({"t": str(int((NOW + timedelta(minutes=10, seconds=1)).timestamp()))}, "future"),
        ({"x": str(int((NOW - timedelta(seconds=1)).timestamp()))}, "expired"),
        ({"d": "-"}, "by nobody, which"),
        ({"d": f"{'x' * 100}yz.example"}, f"by {'x' * 100}, which"),
        ({"a": "-"}, "with no algorithm, which"),
        ({"a": f"{'x' * 40}yz"}, f"with {'x' * 40}, which"),
    ],
)
def test_a_signature_that_is_weak_old_or_covers_too_little_is_not(tags: dict[str, str], said: str) -> None:
    assert said in _why(**tags)


@pytest.mark.parametrize(
    "tags",
    [
        {"t": str(int((NOW - timedelta(days=7)).timestamp()))},
        {"t": str(int((NOW + timedelta(minutes=10)).timestamp()))},
        {"x": str(int(NOW.timestamp()))},
        {"t": "12x"},
        {"t": "\u0661\u0662\u0663"},
        {"t": "99999999999"},
    ],
)
def test_a_signature_at_the_edge_of_its_time_counts_and_a_time_that_cannot_be_read_is_none(
    tags: dict[str, str],
) -> None:
    assert _why(**tags) == ""


def test_a_second_subject_that_is_not_signed_spoils_the_signature() -> None:
    assert "header subject" in _why(counts=COUNTS | {"subject": 2})


def test_a_header_that_the_mail_does_not_have_need_not_be_signed() -> None:
    assert _why(counts={"from": 1}, h="From") == ""


def test_a_signature_without_any_date_is_not_checked() -> None:
    assert "without a date" in _why(t="-", sent=None)
    assert "older" in _why(t="-", sent=NOW - timedelta(days=30))


def test_dmarc_records_are_looked_for_at_the_domain_and_above_it() -> None:
    assert policy_places("a.b.example.org") == ("_dmarc.a.b.example.org", "_dmarc.b.example.org", "_dmarc.example.org")
    assert policy_places("org") == ()
    assert policy_places("a.b.c.d.e.example.org")[-1] == "_dmarc.d.e.example.org"
    long = f"{'a' * 245}.example"
    assert (len(long), policy_places(long)) == (253, (f"_dmarc.{long}",))
    assert policy_places(f"a{long}") == ()
    assert dmarc_policy(("v=spf1 -all", "v=DMARC1; p=reject; adkim=s")) == {
        "v": "dmarc1",
        "p": "reject",
        "adkim": "s",
    }
    assert dmarc_policy(("v=DMARC1; p=none", "v=DMARC1; p=reject")) is None
    assert dmarc_policy(()) is None
