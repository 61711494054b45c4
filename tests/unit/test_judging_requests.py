"""One form: whose it is, what is wrong with it and who reads that, and what it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import EventKind, Letter, TicketState
from mailbot.rules import Rules, TrustRules
from mailbot.turns.judgement import STRANGERS_PER_DAY
from tests.threats.site import OURS, genuine, results
from tests.world import ALICE, BOB, CAROL, ERIN, FRANK, World, kind_of, request_words
from tests.writing import mail, reply, words_of

S = TicketState
FORM = "Persistent Virtual Machine Creation"
BORDER = Rules(trust=TrustRules(authserv_id=OURS))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[World]:
    """A site whose border says who wrote."""
    made = World(tmp_path, rules=BORDER)
    yield made
    made.close()


def got(world: World, before: int = 0) -> list[tuple[Letter, str]]:
    return [(kind_of(one), one.envelope_to) for one in world.letters[before:]]


def problems(world: World) -> str:
    return " ".join(words_of(world.last(Letter.REQUEST_PROBLEMS)).split())


def notes(world: World) -> list[str]:
    with world.bot.context.store.engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT why FROM ledger ORDER BY id").scalars())


# what is wrong, and who reads it


def test_somebody_elses_login_is_answered_with_the_own_one_and_nothing_of_the_others(world: World) -> None:
    for login in ("alice", "erin", "nobody"):
        world.writes(BOB.email, request_words(login))
    assert got(world)[0] == (Letter.CONFIRM_REQUEST, ALICE.email), "for alice it is complete: she is asked"
    assert got(world)[1:] == [(Letter.REQUEST_PROBLEMS, BOB.email)] * 2
    for letter in world.letters[1:]:
        words = " ".join(words_of(letter).split())
        assert "the login that belongs to your address is bob" in words
        assert "locked" not in words


@pytest.mark.parametrize(("who", "why"), [(ERIN, "locked"), (FRANK, "SSH key")])
def test_what_is_wrong_with_an_account_its_owner_reads(world: World, who: object, why: str) -> None:
    assert who in (ERIN, FRANK)
    person = ERIN if who is ERIN else FRANK
    world.writes(person.email, request_words(person.login))
    assert got(world) == [(Letter.REQUEST_PROBLEMS, person.email)]
    assert why in problems(world)


def test_a_stranger_learns_nothing_whatever_the_login(world: World) -> None:
    world.writes("mallory@elsewhere.example", request_words("erin"))
    world.writes("trudy@elsewhere.example", request_words("nobody"))
    assert {kind for kind, _to in got(world)} == {Letter.UNKNOWN_SENDER}
    assert all("erin" not in words_of(one) and "locked" not in words_of(one) for one in world.letters)


def test_strangers_get_one_line_each_and_not_more_than_fifty_a_day_in_all(world: World) -> None:
    world.inbox.deliver(mail("s1@elsewhere.example", FORM, request_words("nobody", usage="Once."), world.now))
    for number in range(STRANGERS_PER_DAY + 2):
        world.inbox.deliver(mail(f"s{number}@elsewhere.example", FORM, request_words("nobody"), world.now))
    world.once()
    assert len(world.letters) == len({one.envelope_to for one in world.letters}) == STRANGERS_PER_DAY
    world.later(days=1)
    world.writes(f"s{STRANGERS_PER_DAY}@elsewhere.example", request_words("nobody", usage="And again."))
    assert len(world.letters) == STRANGERS_PER_DAY + 1


@pytest.mark.parametrize(
    ("form", "note"),
    [
        ("username: alice\n\nintended usage: a web server\n\nexpiration date: 2020-01-01", "a request with 1 problem"),
        ("username: alice\n\nintended usage: \n\nexpiration date: 2020-01-01", "a request with 2 problems"),
        ("username: nobody\n\nintended usage: web\n\nexpiration date: 2020-01-01", "a request with 2 problems"),
        ("username: a.b.c\n\nintended usage: a web server\n\nexpiration date: 2027-03-31", "a request with 1 problem"),
    ],
)
def test_the_log_says_how_many_problems_there_were(world: World, form: str, note: str) -> None:
    world.writes(ALICE.email, form)
    assert notes(world) == [note]


def test_the_form_that_comes_back_has_the_login_that_was_right_or_the_writers_own(world: World) -> None:
    world.writes(BOB.email, "username: alice\n\nintended usage: a web server\n\nexpiration date: 2020-01-01")
    assert "username: alice" in words_of(world.last(Letter.REQUEST_PROBLEMS))
    world.writes(BOB.email, "username: a.b.c\n\nintended usage: a web server\n\nexpiration date: 2020-01-01")
    assert "username: bob" in words_of(world.last(Letter.REQUEST_PROBLEMS))


def test_while_the_service_is_closed_a_request_is_answered_with_the_admins_words(world: World) -> None:
    operator.close(world.bot.context, CAROL.login, "Moving to another building until May.")
    world.writes(ALICE.email, request_words())
    assert "none at the moment: Moving to another building until May." in problems(world)
    operator.reopen(world.bot.context, CAROL.login)
    world.writes(ALICE.email, request_words())
    assert world.ticket().state is S.PENDING


@pytest.mark.parametrize("proven", [True, False])
def test_corrections_are_fewer_where_nothing_proves_who_wrote(guarded: World, proven: bool) -> None:
    for number in range(guarded.rules.answers.per_address_and_day + 2):
        raw = mail(BOB.email, FORM, request_words("bob", until="2020-01-01", usage=f"Use {number}."), guarded.now)
        guarded.arrives(genuine(raw, BOB.email) if proven else raw)
    limits = guarded.rules.answers
    assert len(guarded.letters) == (limits.per_address_and_day if proven else limits.unproven_per_day)


# what it becomes


def test_a_complete_form_is_a_ticket_that_names_its_mail(world: World) -> None:
    world.writes(ALICE.email, request_words() + "\ndisk: 20 GB, because our data are large\n")
    ticket = world.ticket()
    assert (ticket.state, ticket.disk_gib) == (S.PENDING, 20)
    line = world.bot.context.store.history(1)[0]
    assert line.event is EventKind.REQUESTED
    assert line.actor.message_id == ticket.thread != ""
    question = " ".join(words_of(world.last(Letter.ADMIN_DECISION)).split())
    assert "The directory has at least one usable SSH key for this person." in question


def test_without_a_size_the_disk_has_the_usual_one(world: World) -> None:
    world.writes(ALICE.email, request_words())
    assert world.ticket().disk_gib == world.rules.policy.disk_gib


def test_every_address_of_a_person_is_theirs(guarded: World) -> None:
    (alias,) = ALICE.aliases
    guarded.arrives(genuine(mail(alias, FORM, request_words(), guarded.now), alias))
    assert guarded.ticket().state is S.PENDING


def test_a_proven_mail_of_somebody_else_opens_nothing_in_a_persons_name(guarded: World) -> None:
    guarded.arrives(genuine(mail(BOB.email, FORM, request_words("alice"), guarded.now), BOB.email))
    assert guarded.ticket().state is S.UNCONFIRMED
    assert got(guarded) == [(Letter.CONFIRM_REQUEST, ALICE.email)]


def asked_for(world: World, times: int, verdict: str = "") -> int:
    """So many forms in alice's name, each from a day on which she has none open; gives how many letters that made."""
    before = len(world.letters)
    for _ in range(times):
        raw = mail(ALICE.email, FORM, request_words(), world.now)
        world.arrives((results(ALICE.email, verdict) if verdict else b"") + raw)
        for ticket in world.bot.context.store.tickets([S.UNCONFIRMED, S.PENDING]):
            operator.withdraw(world.bot.context, ticket.id, CAROL.login)
    return sum(kind is Letter.CONFIRM_REQUEST for kind, _to in got(world, before))


def test_forged_requests_leave_answers_for_the_owners_own(guarded: World) -> None:
    limits = guarded.rules.answers
    assert asked_for(guarded, limits.unproven_per_day + 3, "fail") == limits.unproven_per_day
    assert asked_for(guarded, limits.unproven_reserve + 3) == limits.unproven_reserve
    assert asked_for(guarded, 1, "fail") == 0


def test_a_proven_request_is_never_one_too_many(guarded: World) -> None:
    asked_for(guarded, guarded.rules.answers.unproven_per_day + 3)
    guarded.arrives(genuine(mail(ALICE.email, FORM, request_words(), guarded.now), ALICE.email))
    assert len(guarded.bot.context.store.tickets([S.PENDING])) == 1


# a second one


def test_a_second_proven_form_takes_the_place_of_the_first_with_all_that_it_says(guarded: World) -> None:
    guarded.arrives(genuine(mail(ALICE.email, FORM, request_words() + "\ndisk: 20 GB", guarded.now), ALICE.email))
    words = request_words(usage="Another experiment altogether.", until="2027-02-28")
    guarded.arrives(genuine(mail(ALICE.email, FORM, words, guarded.now, Cc=BOB.email), ALICE.email))
    ticket = guarded.ticket()
    assert (ticket.intended_usage, ticket.end_date.isoformat()) == ("Another experiment altogether.", "2027-02-28")
    assert ticket.disk_gib == guarded.rules.policy.disk_gib, "it says nothing of a disk"
    line = guarded.bot.context.store.history(1)[-1]
    assert (line.event, line.actor.message_id) == (EventKind.REPLACED, ticket.thread)
    assert len(guarded.bot.context.store.tickets()) == 1


def test_a_second_form_that_nothing_proves_changes_nothing(world: World) -> None:
    world.writes(ALICE.email, request_words())
    before = world.ticket()
    world.writes(ALICE.email, request_words(until="2027-02-28"))
    assert world.ticket() == before
    assert "there is already one for alice (#1)" in problems(world)


@pytest.mark.parametrize(("days", "counts"), [(10, True), (91, False)])
def test_an_answer_to_the_receipt_proves_the_owner_until_its_token_expires(
    guarded: World, days: int, counts: bool
) -> None:
    guarded.rules = replace(guarded.rules, lease=replace(guarded.rules.lease, lapse_days=200))
    guarded.restart()
    guarded.arrives(genuine(mail(ALICE.email, FORM, request_words(until="2028-06-30"), guarded.now), ALICE.email))
    receipt = guarded.last(Letter.REQUEST_RECEIVED)
    guarded.clock.advance(timedelta(days=days))
    guarded.arrives(reply(receipt, ALICE.email, request_words(until="2028-02-28"), guarded.now))
    assert (guarded.ticket().end_date.isoformat() == "2028-02-28") is counts


def test_a_receipt_that_others_were_sent_proves_nothing_alone(guarded: World) -> None:
    guarded.arrives(genuine(mail(ALICE.email, FORM, request_words(until="2028-06-30"), guarded.now), ALICE.email))
    receipt = guarded.last(Letter.REQUEST_RECEIVED)
    guarded.arrives(reply(receipt, ALICE.email, "help", guarded.now, Cc=BOB.email))
    guarded.arrives(reply(receipt, ALICE.email, request_words(until="2028-02-28"), guarded.now))
    assert guarded.ticket().end_date.isoformat() == "2028-06-30"


def test_a_form_with_a_living_machine_asks_for_more_time_only_where_it_is_proven(guarded: World) -> None:
    guarded.arrives(genuine(mail(ALICE.email, FORM, request_words(), guarded.now), ALICE.email))
    operator.approve(guarded.bot.context, 1, CAROL.login)
    guarded.once()
    guarded.later(minutes=1)
    longer = request_words(until="30 June 2027")
    guarded.arrives(mail(ALICE.email, FORM, longer, guarded.now))
    assert guarded.ticket().asked_end_date is None
    kind, to = got(guarded)[-1]
    assert (kind, to) == (Letter.COMMAND_REFUSED, ALICE.email)
    assert "expiration date: 30 June 2027" in words_of(guarded.letters[-1])
    guarded.arrives(genuine(mail(ALICE.email, FORM, longer, guarded.now), ALICE.email))
    assert str(guarded.ticket().asked_end_date) == "2027-06-30"
