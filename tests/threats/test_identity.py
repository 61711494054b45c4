"""Who is not who they say: rows 1 to 6, 9, 12 to 14 of docs/threats.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import tokens
from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.model import Letter, TicketState
from mailbot.rules import Rules, TrustRules
from tests.dkim_signing import key, sign
from tests.threats.site import OURS, approval, genuine, question, results, untouched
from tests.world import ALICE, BOB, CAROL, DAVE, World, kind_of, request_words
from tests.writing import SUPPORT, forwarded, mail, reply, words_of

MALLORY = "mallory@elsewhere.example"


def test_a_forged_admin_with_the_right_token_approves_nothing(world: World) -> None:
    before = world.ticket()
    for head in (b"", results(CAROL.address, "fail"), results(CAROL.address, "none"), results("x@elsewhere.example")):
        world.arrives(head + approval(world))
        assert untouched(world, before), head
    answer = words_of(world.last(Letter.COMMAND_REFUSED, CAROL.address))
    assert "DMARC or DKIM" in answer
    world.arrives(genuine(approval(world), CAROL.address))
    assert world.ticket().state is TicketState.APPROVED
    evidence = world.bot.context.store.history(1)[1].actor.evidence
    assert evidence["verdict"] == "proven"
    assert evidence["proofs"] == ["aligned", "registered", "token"]
    assert evidence["found"] == {"border": "dmarc=pass for testbed.example"}


def test_a_sender_whose_domain_disowns_the_mail_can_not_even_deny(world: World) -> None:
    before = world.ticket()
    disowned = results(CAROL.address, "fail").replace(b"dmarc=fail", b"dmarc=fail (p=reject dis=none)")
    world.arrives(disowned + approval(world, words="deny there is no room"))
    assert untouched(world, before)
    told = " ".join(words_of(world.last(Letter.COMMAND_REFUSED, CAROL.address)).split())
    assert "asks for such messages to be refused" in told
    world.arrives(approval(world, words="deny there is no room"))
    assert world.ticket().state is TicketState.DENIED, "a site may ask for more in trust.deny"


RECEIVED = b"Received: from elsewhere.example (192.0.2.7) by %s with ESMTP id 1; Mon, 23 Nov 2026 09:00:00 +0000\r\n"


@pytest.mark.parametrize("relays", [(), ("store.testbed.example",), ("store.testbed.example", OURS)])
def test_forged_results_inside_a_mail_prove_nothing(world: World, relays: tuple[str, ...]) -> None:
    before = world.ticket()
    rules = Rules(trust=TrustRules(authserv_id=OURS, relays=relays))
    world.rules = rules
    world.restart()
    delivered = RECEIVED % b"store.testbed.example" + results(CAROL.address, "fail") + RECEIVED % OURS.encode()
    forged = results(CAROL.address) + RECEIVED % b"laptop.elsewhere.example"
    world.arrives(delivered + forged + approval(world))
    world.arrives(
        delivered.replace(results(CAROL.address, "fail"), b"") + RECEIVED % b"evil.example" + forged + approval(world)
    )
    assert untouched(world, before)


def _with_own_check(world: World, zone: dict[str, str]) -> None:
    world.rules = Rules(trust=TrustRules(check_dkim=True))
    world.restart()
    checker = MailAuthenticator(world.rules.trust, lambda name: (zone[name],) if name in zone else ())
    world.bot = replace(world.bot, context=replace(world.bot.context, authenticator=checker))


def test_a_valid_signature_of_somebody_else_or_a_weak_one_approves_nothing(world: World) -> None:
    before = world.ticket()
    zone = {
        "s1._domainkey.elsewhere.example": key("elsewhere").record,
        "s1._domainkey.testbed.example": key().record,
        "_dmarc.testbed.example": "v=DMARC1; p=reject",
    }
    _with_own_check(world, zone)
    raw, now = approval(world), world.now
    signed = sign(raw, "testbed.example", now)
    weak = [
        sign(approval(world), "elsewhere.example", now, by=key("elsewhere")),
        sign(approval(world), "testbed.example", now, by=key("elsewhere")),
        sign(approval(world), "testbed.example", now, length=True),
        sign(approval(world), "testbed.example", now, algorithm=b"rsa-sha1"),
        sign(approval(world), "testbed.example", now, headers=(b"from", b"date", b"message-id")),
        sign(approval(world), "testbed.example", now - timedelta(days=30)),
        signed[: signed.index(b"From:")] * 6 + approval(world),
    ]
    for one in weak:
        world.arrives(one)
        assert untouched(world, before), one[:300]
    world.arrives(signed)
    assert world.ticket().state is TicketState.APPROVED


def test_an_approval_acts_once_however_it_comes_back(world: World) -> None:
    raw = genuine(approval(world), CAROL.address)
    world.arrives(raw)
    world.later(minutes=5)
    active = world.ticket()
    assert active.state is TicketState.ACTIVE
    letters = len(world.letters)
    world.arrives(raw)
    world.arrives(b"Received: by mx2.example.org\r\n" + raw)
    assert len(world.letters) == letters, "the same mail is not even answered"
    world.arrives(genuine(approval(world, words="deny no more room"), CAROL.address))
    assert kind_of(world.letters[-1]) is Letter.ADMIN_ALREADY_DECIDED
    assert world.ticket() == active
    assert len(world.machines()) == 1


@pytest.mark.parametrize("thief", [MALLORY, ALICE.email, BOB.email, DAVE.address])
def test_a_leaked_token_is_worth_nothing_to_anybody_else(world: World, thief: str) -> None:
    before = world.ticket()
    leaked = forwarded(question(world), CAROL.address, thief, world.now)
    world.arrives(genuine(reply(leaked, thief, "approve", world.now), thief))
    assert untouched(world, before)


def test_a_token_that_has_expired_is_refused_and_the_answer_says_what_to_do(world: World) -> None:
    world.settings = replace(world.settings, expiry_days=3)
    world.restart()
    letter = question(world)
    world.later(days=4)
    before = world.ticket()
    world.arrives(genuine(reply(letter, CAROL.address, "approve", world.now), CAROL.address))
    assert untouched(world, before)
    refusal = world.last(Letter.COMMAND_REFUSED, CAROL.address)
    assert "older than 3 days" in words_of(refusal)
    world.arrives(genuine(reply(refusal, CAROL.address, "approve", world.now), CAROL.address))
    assert world.ticket().state is TicketState.APPROVED


def test_the_visible_code_counts_like_the_token_and_only_from_its_recipient(world: World) -> None:
    before, letter = world.ticket(), question(world)
    code = tokens.codes_in(words_of(letter))[0]
    words = f"approve\n\ncode {code}"

    def bare(sender: str) -> bytes:
        return mail(sender, "about that machine", words, world.now)

    for raw in (
        genuine(bare(DAVE.address), DAVE.address),
        genuine(bare(MALLORY), MALLORY),
        bare(CAROL.address),
        genuine(bare(CAROL.address).replace(code.encode(), b"1-aaaa-bbbb"), CAROL.address),
    ):
        world.arrives(raw)
        assert untouched(world, before)
    world.arrives(genuine(bare(CAROL.address), CAROL.address))
    assert world.ticket().state is TicketState.APPROVED
    assert world.bot.context.store.history(1)[1].actor.evidence["found"]["token"] == "the visible code"


def test_a_replaced_key_breaks_no_open_question(world: World) -> None:
    old = world.settings.keys.keys
    world.settings = replace(world.settings, keys=tokens.TokenKeys((b"the new key, also long enough...", *old)))
    world.restart()
    world.arrives(genuine(approval(world), CAROL.address))
    assert world.ticket().state is TicketState.APPROVED


def test_a_key_that_was_taken_away_makes_its_tokens_worthless(world: World) -> None:
    before = world.ticket()
    raw = genuine(approval(world), CAROL.address)
    world.settings = replace(world.settings, keys=tokens.TokenKeys((b"the new key, also long enough...",)))
    world.restart()
    world.arrives(raw)
    assert untouched(world, before)


def test_a_requester_who_quotes_an_admins_approval_to_all_approves_nothing(world: World) -> None:
    before = world.ticket()
    sent = approval(world).decode()
    quoted = "\n".join(f"> {line}" for line in sent.splitlines())
    for words in (f"Thank you!\n\nOn Monday, Carol Admin wrote:\n\n{quoted}\n", "approve"):
        own = reply(world.last(Letter.REQUEST_RECEIVED), ALICE.email, words, world.now, Cc=CAROL.address)
        world.arrives(genuine(own, ALICE.email))
        assert untouched(world, before)
        with_hers = reply(question(world), ALICE.email, words, world.now)
        world.arrives(genuine(with_hers, ALICE.email))
        assert untouched(world, before)


def test_text_and_html_that_say_different_things_decide_nothing(world: World) -> None:
    before = world.ticket()
    letter = question(world)
    head = (
        f"From: {CAROL.address}\r\nTo: {SUPPORT}\r\nSubject: Re: x\r\nMessage-ID: <both@testbed.example>\r\n"
        f"References: {letter.message_id}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    )
    body = "--b\r\nContent-Type: text/plain\r\n\r\napprove\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>deny no room</p>\r\n--b--\r\n"
    world.arrives(genuine((head + body).encode(), CAROL.address))
    assert untouched(world, before)
    assert kind_of(world.letters[-1]) is Letter.UNCLEAR_REPLY


def test_our_own_letters_that_come_back_are_never_answered(world: World) -> None:
    before, letters = world.ticket(), len(world.letters)
    for letter in world.letters:
        world.arrives(letter.data)
        world.arrives(genuine(letter.data.replace(b"\r\nTo:", b"\r\nX-Loop: 1\r\nTo:", 1), SUPPORT))
    assert len(world.letters) == letters
    assert untouched(world, before)


def test_somebody_elses_name_gets_few_letters_however_many_are_forged(world: World) -> None:
    before = len(world.letters)
    limit = world.rules.answers.per_address_and_day
    for _ in range(limit + 5):
        forged = mail(BOB.email, "Persistent Virtual Machine Creation", request_words("bob"), world.now)
        world.arrives(results(BOB.email, "fail") + forged)
    letters = world.letters[before:]
    assert {kind_of(one) for one in letters} == {Letter.CONFIRM_REQUEST}, "no admin is bothered"
    assert {one.envelope_to for one in letters} == {BOB.email}
    assert len(letters) == world.rules.answers.unproven_per_day < limit


def test_corrections_of_forged_requests_are_few_too(world: World) -> None:
    before = len(world.letters)
    for number in range(world.rules.answers.per_address_and_day):
        words = request_words("bob", until=f"2026-01-0{number % 9 + 1}")
        world.arrives(mail(BOB.email, "Persistent Virtual Machine Creation", words, world.now))
    letters = world.letters[before:]
    assert {kind_of(one) for one in letters} == {Letter.REQUEST_PROBLEMS}
    assert len(letters) == world.rules.answers.unproven_per_day


def test_strangers_get_one_neutral_line_a_day(world: World) -> None:
    before = len(world.letters)
    for _ in range(5):
        world.writes(MALLORY, "username: alice\n")
    letters = world.letters[before:]
    assert [kind_of(one) for one in letters] == [Letter.UNKNOWN_SENDER]
    assert "Alice" not in words_of(letters[0])


def test_a_ticket_number_alone_authorises_nobody(world: World) -> None:
    before = world.ticket()
    for subject in ("Re: #1", "[#1] approve", "Re: Persistent Virtual Machine Creation #1"):
        raw = mail(
            CAROL.address, subject, "approve\n\n#1", world.now, References="<mb.admins.1@mailbot.testbed.example>"
        )
        world.arrives(genuine(raw, CAROL.address))
    assert untouched(world, before)
    assert len(world.inbox.inbox()) == 3, "people will read them"


def test_an_admin_who_was_removed_decides_nothing_any_more(world: World) -> None:
    before, raw = world.ticket(), genuine(approval(world), CAROL.address)
    world.admins = (DAVE,)
    world.restart()
    world.arrives(raw)
    assert untouched(world, before)


def test_a_request_that_is_not_proven_bothers_nobody_but_its_registered_address(world: World) -> None:
    before = len(world.letters)
    forged = mail(BOB.email, "Persistent Virtual Machine Creation", request_words("bob"), world.now)
    world.arrives(forged)
    assert [(kind_of(one), one.envelope_to) for one in world.letters[before:]] == [(Letter.CONFIRM_REQUEST, BOB.email)]
    assert world.ticket(2).state is TicketState.UNCONFIRMED
    letter = world.last(Letter.CONFIRM_REQUEST)
    world.arrives(genuine(reply(letter, MALLORY, "confirm", world.now), MALLORY))
    assert world.ticket(2).state is TicketState.UNCONFIRMED
    world.arrives(reply(letter, BOB.email, "confirm", world.now))
    assert world.ticket(2).state is TicketState.PENDING


def test_an_unproven_request_lapses_without_a_further_letter(world: World) -> None:
    world.arrives(mail(BOB.email, "Persistent Virtual Machine Creation", request_words("bob"), world.now))
    before = [one for one in world.letters if one.envelope_to == BOB.email]
    world.later(days=8)
    assert world.ticket(2).state is TicketState.LAPSED
    assert [one for one in world.letters if one.envelope_to == BOB.email] == before


def test_a_release_is_confirmed_from_the_registered_address(world: World) -> None:
    world.arrives(genuine(approval(world), CAROL.address))
    world.later(minutes=5)
    ready = world.last(Letter.VM_READY)
    world.arrives(results(ALICE.email, "fail") + reply(ready, ALICE.email, "release", world.now))
    assert world.ticket().state is TicketState.ACTIVE
    asked = world.last(Letter.RELEASE_CONFIRM)
    assert asked.envelope_to == ALICE.email
    world.arrives(genuine(reply(asked, MALLORY, "confirm", world.now), MALLORY))
    world.arrives(genuine(reply(ready, ALICE.email, "confirm", world.now), ALICE.email))
    assert world.ticket().state is TicketState.ACTIVE, "only the letter that asks can be confirmed"
    world.arrives(reply(asked, ALICE.email, "confirm", world.now))
    assert world.ticket().state in {TicketState.RETIRING, TicketState.ARCHIVED}


@pytest.fixture
def plain(tmp_path: Path) -> World:
    """A site that sees no alignment, with alice's request waiting."""
    world = World(tmp_path)
    world.writes(ALICE.email, request_words("alice"))
    return world


def test_a_token_that_went_to_others_proves_nothing_alone(plain: World) -> None:
    asked = reply(question(plain), CAROL.address, "Alice, what do you need it for?", plain.now, Cc=ALICE.email)
    plain.arrives(asked)
    forged = reply(question(plain), CAROL.address, "approve disk 100", plain.now)

    plain.arrives(forged)

    assert plain.ticket().state is TicketState.PENDING
    assert "also went to other people" in " ".join(words_of(plain.last(Letter.COMMAND_REFUSED, CAROL.address)).split())


def test_a_decision_of_which_others_get_a_copy_counts_and_so_does_a_letter_of_another_day(plain: World) -> None:
    letter = question(plain)
    plain.arrives(reply(letter, CAROL.address, "What is it for?", plain.now, Cc=ALICE.email))
    plain.clock.advance(timedelta(days=1))
    plain.arrives(reply(letter, CAROL.address, "status", plain.now))
    plain.arrives(reply(plain.last(Letter.STATUS, CAROL.address), CAROL.address, "approve", plain.now, Cc=ALICE.email))

    assert plain.ticket().state is not TicketState.PENDING


def test_a_robot_without_any_mark_gets_no_second_answer(plain: World) -> None:
    for _ in range(3):
        plain.arrives(reply(question(plain), CAROL.address, "Your mail is in our queue.", plain.now))
        plain.clock.advance(timedelta(minutes=5))
    answers = [letter for letter in plain.letters if kind_of(letter) is Letter.UNCLEAR_REPLY]
    assert len(answers) == 1

    plain.arrives(reply(question(plain), CAROL.address, "What is a queue?", plain.now))
    assert len([letter for letter in plain.letters if kind_of(letter) is Letter.UNCLEAR_REPLY]) == 2
