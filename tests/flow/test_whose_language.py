"""A letter is in the language that its reader writes, else in that of the directory, else in the site's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.model import Admin, Letter
from mailbot.rules import Rules, ServiceRules
from tests.world import ALICE, BOB, CAROL, World, request_words
from tests.writing import words_of

NADIA = Admin("nadia", "Nadia Admin", "nadia@testbed.example", language="fr")
FRENCH = "Un serveur web pour les résultats de nos mesures."
SHORT = "GitLab, Jenkins"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, admins=(CAROL, NADIA), people=(ALICE, replace(BOB, language="fr")))
    yield world
    world.close()


def is_french(letter: Letter, world: World, to: str = "") -> bool:
    return "Fuseau horaire" in words_of(world.last(letter, to))


def test_who_writes_in_french_is_answered_in_french_and_admins_in_their_own(world: World) -> None:
    world.writes(ALICE.email, request_words(usage=FRENCH))
    assert world.ticket().language == "fr"
    assert is_french(Letter.REQUEST_RECEIVED, world)
    assert not is_french(Letter.ADMIN_DECISION, world, CAROL.address)
    assert is_french(Letter.ADMIN_DECISION, world, NADIA.address)
    assert "Approuver une machine virtuelle pour Alice Martin" in words_of(
        world.last(Letter.ADMIN_DECISION, NADIA.address)
    )


def test_what_the_words_do_not_say_the_directory_does(world: World) -> None:
    world.writes(ALICE.email, request_words(usage=SHORT))
    world.writes(BOB.email, request_words("bob", usage=SHORT))
    assert not is_french(Letter.REQUEST_RECEIVED, world, ALICE.email)
    assert is_french(Letter.REQUEST_RECEIVED, world, BOB.email)


def test_words_count_before_the_directory(world: World) -> None:
    world.writes(BOB.email, request_words("bob", usage="A web server for the results of our measurements."))
    assert not is_french(Letter.REQUEST_RECEIVED, world, BOB.email)


def test_what_nobody_says_is_the_sites(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(service=ServiceRules(language="fr")))
    world.writes(ALICE.email, request_words(usage=SHORT))
    assert is_french(Letter.REQUEST_RECEIVED, world)
    assert is_french(Letter.ADMIN_DECISION, world, CAROL.address)
    world.close()


def test_an_answer_in_another_language_changes_that_of_the_letters_from_then_on(world: World) -> None:
    world.writes(ALICE.email, request_words(usage=SHORT))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=2)
    assert not is_french(Letter.VM_READY, world)
    world.answers(world.last(Letter.VM_READY), "statut")
    world.later(minutes=2)
    assert is_french(Letter.STATUS, world)
    world.answers(world.last(Letter.VM_READY), "libérer")
    assert is_french(Letter.RELEASE_CONFIRM, world)
    assert world.ticket().language == "fr"


def test_an_admin_who_answers_in_french_changes_nothing_for_the_owner(world: World) -> None:
    world.writes(ALICE.email, request_words(usage=SHORT))
    world.answers(world.last(Letter.ADMIN_DECISION, NADIA.address), "d'accord, j'approuve")
    assert not is_french(Letter.REQUEST_APPROVED, world)
    assert is_french(Letter.ADMIN_DECIDED, world, NADIA.address)


def test_problems_of_a_request_are_told_in_the_language_of_the_request(world: World) -> None:
    world.writes(ALICE.email, request_words(usage=FRENCH, until="31/02/2027"))
    told = words_of(world.last(Letter.REQUEST_PROBLEMS))
    assert "il n'y a pas de 31 février 2027" in told
    assert "date d'expiration : <le dernier jour" in told, "the form comes back with what was clear"


def test_a_stranger_is_answered_in_the_language_of_the_request(world: World) -> None:
    world.writes("nobody@elsewhere.example", request_words("nobody", usage=FRENCH))
    assert "Votre message n'a pas été traité" in words_of(world.last(Letter.UNKNOWN_SENDER))


def test_the_row_of_a_letter_says_its_language_whatever_becomes_of_the_ticket(world: World) -> None:
    world.postman.refuse(ALICE.email, 451, "4.3.0 later")
    world.writes(ALICE.email, request_words(usage=FRENCH))
    (waiting,) = [one for one in world.bot.context.store.waiting(1) if one.letter is Letter.REQUEST_RECEIVED]
    assert waiting.language == "fr"
