"""Notes of absence without any mark are a machine's; who wants something is a person, whatever they say of their holidays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsers import ReadingRules, read, understand
from parsers.values import Kind

RULES = ReadingRules(now=datetime(2026, 11, 26, 9, tzinfo=UTC), timezone=UTC)


def kind(text: str, subject: str = "Re: [Testbed #12] VM for alice") -> Kind:
    raw = f"""From: Carol Admin <carol@example.org>
To: support@testbed.example
Subject: {subject}
In-Reply-To: <1@testbed.example>
Message-ID: <9@example.org>
Content-Type: text/plain; charset=utf-8

{text}
"""
    return understand(read(raw.encode(), RULES), RULES).kind


@pytest.mark.parametrize(
    "text",
    [
        "I am on sabbatical from October to March.",
        "Presently on leave. Dave answers for me.",
        "I work part time and am not in on Wednesdays.",
        "My last working day was 31 August. Write to Dave.",
        "I retired in summer.",
        "Bonjour,\n\nje suis en mission à l'étranger et lis peu mes messages.",
        "J'ai quitté l'université fin août. Écrivez à Dave.",
        "Je serai injoignable du 3 au 9 janvier.",
        "Guten Tag,\n\nich bin erst am 4. Januar wieder erreichbar.",
        "Zurzeit bin ich auf Dienstreise.",
        "Ich habe die Firma zum 31.8. verlassen.",
        "Ya no trabajo para la universidad.",
        "Attualmente sono in trasferta.",
        "Non lavoro più per il gruppo.",
        "Dank voor je bericht. Ik ben op vakantie tot 4 januari.",
        "Ik ben deze week niet bereikbaar.",
        "Ik werk niet langer bij de universiteit.",
        "Encontro-me ausente até janeiro.",
        "15 Ocak'a kadar izindeyim.",
        "Carol would like to recall the message “VM for alice”.",
    ],
)
def test_a_note_of_absence_is_a_machines_in_many_languages(text: str) -> None:
    assert kind(text) is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "Currently the VM is not reachable.",
        "Derzeit ist die Maschine nicht erreichbar.",
        "Actuellement la machine est injoignable.",
        "I am on vacation until 5 January. Please extend it until then.",
        "I am away next week, please keep it running.",
        "I'm on leave from Monday - could somebody restart it?",
        "Je suis en congé dès lundi, qui surveille la machine ?",
        "I am not working with this machine any more, Dave is.",
        "I have left the lab, so please give it to Dave.",
        "I am sure that it is unavailable.",
    ],
)
def test_who_wants_something_or_speaks_of_a_machine_is_a_person(text: str) -> None:
    assert kind(text) is Kind.UNCLEAR


@pytest.mark.parametrize(
    "subject",
    ["Fuori sede: VM for alice", "Assenza dal lavoro: VM for alice", "Je suis absent : VM", "Urlaub Re: VM for alice"],
)
def test_a_subject_that_puts_an_absence_before_another_is_a_machines(subject: str) -> None:
    assert kind("Dave answers for me.", subject) is Kind.AUTOMATIC
    assert kind("Which of you can stop the machine in August?", subject.replace(" Re:", ":")) is not Kind.AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\nthanks for writing. I am taking a few days off. Dave can be reached at dave@example.org.\n\nCarol",
        "I receive a large number of e-mails and may take days to respond.",
        "This address is no longer read. Write to carol@other.example.",
        "Our institute is closed from 24 December to 2 January.",
        "Ihre Anfrage wurde weitergeleitet. Wir antworten so bald wie möglich.\n\nMit freundlichen Grüßen\nIhr Team",
        "Vom 20.12. bis zum 3.1. bin ich nicht erreichbar.",
        "Notre bureau est fermé du 24 au 31 décembre. En cas d'urgence, contactez Dave.",
        "Su mensaje ha sido recibido. Le responderemos pronto.",
        "L'indirizzo non è più letto. Scrivete a Dave, contatto in sede.",
        "Ons kantoor is gesloten tot 4 januari.",
    ],
)
def test_a_note_all_of_whose_sentences_are_a_machines_is_one(text: str) -> None:
    assert kind(text) is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "I will be back on Monday.",
        "I have received your message, thank you.",
        "We have received your request and decided to support it.",
        "We have received your message and wonder: who pays?",
        "Dave is on vacation until Monday. Please contact Erin.",
        "The office is closed, I cannot get it signed.",
        "I have received your message and will reply soon, but the disk is too small.",
        "My address has changed, please update it. Contact me there.",
        "Please contact Dave instead.",
    ],
)
def test_one_sentence_that_no_machine_writes_makes_it_a_persons(text: str) -> None:
    assert kind(text) is Kind.UNCLEAR


@pytest.mark.parametrize(
    "text",
    [
        "Ab Montag, dem 4. Januar, bin ich wieder im Dienst.",
        "Wegen einer Dienstreise kann ich Ihre Nachricht nicht beantworten.",
        "Vanaf maandag ben ik met verlof.",
        "Fino al 6 gennaio sarò in vacanza.",
        "Non sono in ufficio oggi.",
        "No estaré disponible esta tarde.",
        "En raison d'un déplacement, je ne pourrai vous répondre avant lundi.",
        "I'm off until the fourth.",
        "This is to inform you that I am on sick leave.",
        "Ich habe bis 4. Januar Urlaub.",
    ],
)
def test_a_note_may_begin_with_a_time_a_cause_or_a_no(text: str) -> None:
    assert kind(text) is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "Estoy disponible mañana.",
        "Sono in ufficio domani.",
        "Ab Montag bin ich im Urlaub, also bitte vorher entscheiden.",
        "Ab Montag bin ich im Urlaub, die Maschine kann weg.",
        "Due to a mistake I am locked out.",
        "I am off to a good start.",
        "Du coup je suis perdu.",
    ],
)
def test_who_is_there_or_speaks_of_something_else_is_a_person(text: str) -> None:
    assert kind(text) is Kind.UNCLEAR
