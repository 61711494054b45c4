"""Tokens: bound to ticket, version, recipient and purpose; carried in addresses and Message-IDs; keys can be replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot import tokens
from mailbot.model import Purpose
from mailbot.tokens import Reference, TokenKeys

KEYS = TokenKeys((b"the first key, long enough",))
OTHER = TokenKeys((b"another key, also long enough",))
ALICE = "alice@example.org"


@dataclass(frozen=True)
class Own:
    support_address: str = "support@testbed.example"
    message_id_domain: str = "mailbot.testbed.example"


OWN = Own()
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = tokens.day_of(NOW)
REFERENCE = tokens.reference(KEYS, 12, 3, ALICE, Purpose.DECIDE, day=DAY)

tickets = st.integers(min_value=0, max_value=999_999_999_999)
versions = st.integers(min_value=0, max_value=999_999_999)
days = st.integers(min_value=0, max_value=999_999)
takes_answers = st.sampled_from([Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM])
recipients = st.emails()


@given(ticket=tickets, version=versions, recipient=recipients, purpose=takes_answers, day=days, plus=st.booleans())
def test_a_reference_comes_back_from_both_carriers_and_verifies(
    ticket: int, version: int, recipient: str, purpose: Purpose, day: int, plus: bool
) -> None:
    made = tokens.reference(KEYS, ticket, version, recipient, purpose, day=day)
    address = tokens.reply_address(OWN.support_address, made, plus=plus)
    message_id = tokens.message_id(KEYS, made, "a letter", OWN.message_id_domain)
    assert tokens.references_in([message_id], [], OWN) == (made,)
    if "+" in address:
        assert tokens.references_in([], [address.upper()], OWN) == (made,)
        assert len(address.partition("@")[0]) <= 64
    assert tokens.verify(KEYS, made, recipient.upper())


@given(
    mine=st.tuples(tickets, versions, recipients, takes_answers, days),
    theirs=st.tuples(tickets, versions, recipients, takes_answers, days),
)
def test_a_token_is_good_for_nothing_but_what_it_was_made_for(
    mine: tuple[int, int, str, Purpose, int], theirs: tuple[int, int, str, Purpose, int]
) -> None:
    made = tokens.reference(KEYS, *mine[:4], day=mine[4])
    claimed = Reference(theirs[0], theirs[1], theirs[3], theirs[4], made.token)
    same = (*mine[:2], mine[2].lower(), *mine[3:]) == (*theirs[:2], theirs[2].lower(), *theirs[3:])
    assert tokens.verify(KEYS, claimed, theirs[2]) is same


def test_each_part_of_the_binding_counts_on_its_own() -> None:
    assert tokens.verify(KEYS, REFERENCE, ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, ticket_id=13), ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, version=4), ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, purpose=Purpose.OWN), ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, day=DAY + 1), ALICE)
    assert not tokens.verify(KEYS, REFERENCE, "bob@example.org")
    assert not tokens.verify(OTHER, REFERENCE, ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, token=REFERENCE.token[:-1]), ALICE)
    assert not tokens.verify(KEYS, replace(REFERENCE, token=""), ALICE)


def test_a_replaced_key_still_verifies_and_no_longer_signs() -> None:
    rotated = TokenKeys((*OTHER.keys, *KEYS.keys))
    assert tokens.verify(rotated, REFERENCE, ALICE)
    assert tokens.make(rotated, ALICE, REFERENCE) == tokens.make(OTHER, ALICE, REFERENCE)
    assert not tokens.verify(OTHER, REFERENCE, ALICE)


def test_a_purpose_that_takes_no_answer_has_no_token_that_verifies() -> None:
    assert not tokens.verify(KEYS, tokens.reference(KEYS, 12, 3, ALICE, Purpose.NONE), ALICE)


def test_a_token_has_at_least_128_bits() -> None:
    assert len(REFERENCE.token) * 5 >= 128


@pytest.mark.parametrize("keys", [(), (b"short",), (b"a key that is long enough", b"")])
def test_keys_that_are_too_short_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="token key"):
        TokenKeys(keys)


def test_a_key_of_sixteen_bytes_is_long_enough() -> None:
    assert TokenKeys((b"0123456789abcdef",)).keys
    with pytest.raises(ValueError, match="token key"):
        TokenKeys((b"0123456789abcde",))


def test_days_are_counted_from_the_first_of_january_1970_in_utc() -> None:
    new_year = datetime(1970, 1, 1, tzinfo=UTC)
    assert (tokens.day_of(new_year), tokens.moment_of(0)) == (0, new_year)
    assert tokens.day_of(new_year.replace(tzinfo=timezone(timedelta(hours=2)))) == -1
    assert tokens.moment_of(31) == datetime(1970, 2, 1, tzinfo=UTC)
    assert tokens.reference(KEYS, 1, 1, ALICE, Purpose.OWN).day == 0


def test_neither_keys_nor_tokens_are_printed() -> None:
    assert "first key" not in repr(KEYS)
    assert REFERENCE.token not in repr(REFERENCE)


def test_a_message_id_is_the_same_every_time_and_differs_by_letter() -> None:
    first = tokens.message_id(KEYS, REFERENCE, "request-received:1", OWN.message_id_domain)
    assert first == tokens.message_id(KEYS, REFERENCE, "request-received:1", OWN.message_id_domain)
    assert first != tokens.message_id(KEYS, REFERENCE, "vm-ready:2", OWN.message_id_domain)
    assert tokens.is_own_message_id(first, OWN)
    assert not tokens.is_own_message_id(first, Own(message_id_domain="elsewhere.example"))
    assert not tokens.is_own_message_id("<x@mailbot.testbed.example>", OWN)


def test_addresses_and_message_ids_of_others_carry_nothing() -> None:
    mine = tokens.message_id(KEYS, REFERENCE, "k", OWN.message_id_domain)
    address = tokens.reply_address(OWN.support_address, REFERENCE, plus=True)
    elsewhere = [address.replace("testbed.example", "elsewhere.example"), address.replace("support+", "other+")]
    assert tokens.references_in([mine.replace("mailbot.testbed", "evil.testbed")], elsewhere, OWN) == ()
    assert (
        tokens.references_in(
            ["", "<>", "<mb.12@mailbot.testbed.example>", mine[1:]], ["", "support+@testbed.example"], OWN
        )
        == ()
    )


def test_a_support_address_that_has_a_plus_itself_works() -> None:
    own = Own(support_address="help+vm@testbed.example")
    address = tokens.reply_address(own.support_address, REFERENCE, plus=True)
    assert tokens.references_in([], [address], own) == (REFERENCE,)


def test_a_reply_address_that_would_be_too_long_falls_back_to_the_plain_one() -> None:
    long = f"{'s' * 40}@testbed.example"
    assert tokens.reply_address(long, REFERENCE, plus=True) == long
    tag = tokens.reply_address("@testbed.example", REFERENCE, plus=True).partition("@")[0]
    for letters, fits in ((64 - len(tag), True), (65 - len(tag), False)):
        address = f"{'s' * letters}@testbed.example"
        expected = f"{'s' * letters}{tag}@testbed.example" if fits else address
        assert tokens.reply_address(address, REFERENCE, plus=True) == expected
    assert tokens.reply_address(OWN.support_address, None, plus=True) == OWN.support_address


def test_a_letter_that_takes_no_answer_or_a_site_without_plus_addresses_has_the_plain_one() -> None:
    silent = replace(REFERENCE, purpose=Purpose.NONE)
    assert tokens.reply_address(OWN.support_address, silent, plus=True) == OWN.support_address
    assert tokens.reply_address(OWN.support_address, REFERENCE, plus=False) == OWN.support_address
    for reference in (None, silent):
        assert len(tokens.message_id(KEYS, reference, "k", "x").removeprefix("<mb.").removesuffix("@x>")) == 16


def test_no_more_than_five_codes_of_a_mail_are_looked_at() -> None:
    codes = tuple(f"{number}-aaaa-bbbb" for number in range(1, 8))
    assert tokens.codes_in(" ".join((codes[0], *codes))) == codes[:5]


@given(st.text(max_size=300))
def test_whatever_stands_in_a_mail_is_read_without_an_error(words: str) -> None:
    assert (
        tokens.references_in(
            [words, f"<mb.{words}@{OWN.message_id_domain}>"], [words, f"support+{words}@testbed.example"], OWN
        )
        == ()
    )
    assert not tokens.verify(KEYS, Reference(1, 1, Purpose.OWN, DAY, words), words)
    tokens.codes_in(words)


def test_the_visible_code_is_found_in_words_and_bound_like_the_token() -> None:
    code = tokens.short_code(KEYS, REFERENCE, ALICE)
    assert tokens.codes_in(f"approve, code {code.upper()}.") == (code,)
    assert tokens.verify_code(KEYS, code, REFERENCE, ALICE)
    assert tokens.verify_code(TokenKeys((*OTHER.keys, *KEYS.keys)), code, REFERENCE, ALICE)
    assert not tokens.verify_code(KEYS, code, replace(REFERENCE, version=4), ALICE)
    assert not tokens.verify_code(KEYS, code, REFERENCE, "bob@example.org")


def test_a_code_stands_for_its_letter_as_long_as_that_can_be_answered() -> None:
    code = tokens.short_code(KEYS, REFERENCE, ALICE)
    assert tokens.ticket_of_code(code) == 12
    later = NOW + timedelta(days=30)
    assert tokens.reference_of_code(KEYS, code, 3, [ALICE], came=later, now=later, expiry_days=90) == REFERENCE
    assert tokens.reference_of_code(KEYS, code, 4, [ALICE], came=later, now=later, expiry_days=90) is None, (
        "the version has changed"
    )
    assert tokens.reference_of_code(KEYS, code, 3, ["bob@example.org"], came=later, now=later, expiry_days=90) is None
    for days in (0, 1, 89, 90):
        found = tokens.reference_of_code(
            KEYS, code, 3, [ALICE], came=NOW + timedelta(days=days), now=NOW + timedelta(days=days), expiry_days=90
        )
        assert found == REFERENCE, days
    assert (
        tokens.reference_of_code(
            KEYS, code, 3, [ALICE], came=NOW + timedelta(days=91), now=NOW + timedelta(days=91), expiry_days=90
        )
        is None
    )


def test_a_token_expires_and_is_not_good_before_its_day() -> None:
    late = NOW + timedelta(days=400)
    assert not tokens.expired(REFERENCE, NOW, NOW, 90)
    assert not tokens.expired(REFERENCE, NOW + timedelta(days=90), late, 90), "whenever it is read"
    assert tokens.expired(REFERENCE, NOW + timedelta(days=91), late, 90)
    assert not tokens.expired(REFERENCE, NOW - timedelta(days=1), NOW, 90), "by the clock of the mail server"
    assert tokens.expired(REFERENCE, NOW - timedelta(days=1), NOW - timedelta(days=1), 90)


def test_what_is_stored_of_a_message_id_holds_no_token() -> None:
    first, second = (tokens.message_id(KEYS, REFERENCE, key, OWN.message_id_domain) for key in "ab")
    assert REFERENCE.token in first
    assert REFERENCE.token not in tokens.without_token(first)
    assert tokens.without_token(first) != tokens.without_token(second)
    assert tokens.references_in([tokens.without_token(first)], [], OWN) == ()
    assert tokens.is_own_message_id(tokens.without_token(first), OWN)
    assert tokens.without_token("<x@example.org>") == "<x@example.org>"
    assert tokens.without_token("1.1.d.1." + "a" * 32) == "1.1.d.1", "the shortest that there is"


def test_a_token_of_another_ticket_that_had_the_same_number_is_worth_nothing() -> None:
    mine = tokens.reference(KEYS, 12, 3, ALICE, Purpose.DECIDE, day=DAY, nonce="one")
    assert tokens.verify(KEYS, mine, ALICE, nonce="one")
    for nonce in ("", "two"):
        assert not tokens.verify(KEYS, mine, ALICE, nonce=nonce)
    code = tokens.short_code(KEYS, mine, ALICE, nonce="one")
    found = [
        tokens.reference_of_code(KEYS, code, 3, [ALICE], came=NOW, now=NOW, expiry_days=90, nonce=nonce)
        for nonce in ("one", "two")
    ]
    assert found == [mine, None]


def test_a_letter_that_takes_no_answer_is_told_by_its_message_id() -> None:
    nothing = tokens.reference(KEYS, 12, 3, ALICE, Purpose.NONE, day=DAY)
    for reference, without in ((None, True), (nothing, True), (REFERENCE, False)):
        message_id = tokens.message_id(KEYS, reference, "a letter", OWN.message_id_domain)
        assert tokens.has_no_token(f" {message_id} ") is without
        assert not tokens.has_no_token(tokens.without_token(message_id)) or without, "its token is only left out"
