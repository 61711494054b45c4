"""Every language that letters can be written in: complete, and every word that it offers is a command."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import pytest

from contrib.languages import lacking, spoken
from mailbot.letters.compose import compose, offers_of
from mailbot.letters.languages import chosen, language, languages
from mailbot.letters.samples import Sample
from mailbot.letters.trying import problems
from mailbot.model import Letter
from mailbot.policy import reading_rules
from mailbot.rules import Rules, ServiceRules
from parsers.reply.commands import read_command
from parsers.text.languages import language_of
from parsers.values import Command
from tests.trying import SAMPLES, SETTINGS, sample_of
from tests.writing import words_of

OTHERS = tuple(code for code in languages() if code != "en")
by_language = pytest.mark.parametrize("code", OTHERS)
by_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
WIDTH = 72


def written(sample: Sample, code: str) -> str:
    return words_of(compose(sample.spoken(code).item, sample.ticket, SETTINGS, sample.now))


def test_french_is_offered() -> None:
    assert languages()[0] == "en"
    assert "fr" in OTHERS == spoken()


@by_language
def test_nothing_is_missing_in_a_language_that_is_offered(code: str) -> None:
    assert list(lacking(code)) == [], "run `make languages`, and translate what it lists"


@by_language
@by_sample
def test_no_sentence_of_a_letter_stays_in_english(code: str, sample: Sample) -> None:
    paragraphs = written(sample, code).split("\n\n")
    own = [one for one in paragraphs if "│" not in one and not one.startswith("    ")]
    assert [one for one in own if language_of(one) == "en"] == []


_ENGLISH = re.compile(
    r"(?i)\b(?:the|is|was|were|are|of|with|has|have|and|than|from|could|cannot|does|did|nobody|there|this|that|until|which|not|more|your|you)\b"
)
_WORDS_OF_OTHERS = re.compile(r"«[^«»]*»|“[^“”]*”|\([^()]*\.example[^()]*\)")


@by_sample
def test_no_english_word_stands_in_a_french_letter_but_those_of_others_which_are_quoted(sample: Sample) -> None:
    """What servers, hosts and people said is marked or quoted; everything else is the program's, and French."""
    message = written(sample, "fr")
    own = " ".join(line for line in message.splitlines() if "│" not in line and not line.startswith("    "))
    assert _ENGLISH.findall(_WORDS_OF_OTHERS.sub(" ", own)) == [], own


@by_language
@by_sample
def test_every_line_that_a_language_offers_is_its_command(code: str, sample: Sample) -> None:
    """Whatever becomes of it: it is read as the very word whose meaning stands beside it."""

    reading = reading_rules(SETTINGS.rules, sample.now)
    spoken_in = language(code)
    for offer in offers_of(sample.item, sample.ticket, SETTINGS, sample.now):
        words = spoken_in.words(offer.words)
        said = read_command(words.partition("<")[0] + ("pas de place" if "<" in words else ""), reading)
        english = read_command(offer.words.partition("<")[0] + ("pas de place" if "<" in words else ""), reading)
        assert isinstance(said, Command), words
        assert isinstance(english, Command)
        assert said.verb is offer.verb
        for name in ("until", "disk_gib", "period_months", "period_days"):
            assert getattr(said, name) == getattr(english, name), words


@by_language
@by_sample
def test_a_letter_in_a_language_keeps_to_its_width_and_commands_nothing(code: str, sample: Sample) -> None:
    reading = reading_rules(SETTINGS.rules, sample.now)
    for line in written(sample, code).splitlines():
        assert len(line) <= WIDTH or line.startswith("    "), line
        assert not isinstance(read_command(line, reading), Command), line


def test_the_same_row_is_the_same_letter_whenever_it_is_tried() -> None:
    sample = sample_of(Letter.WARNING)
    assert written(sample, "fr") == written(sample, "fr") != written(sample, "en")
    assert "Votre machine virtuelle" in written(sample, "fr")


def test_a_language_that_nobody_wrote_is_that_of_the_site() -> None:
    assert written(sample_of(Letter.WARNING), "xx") == written(sample_of(Letter.WARNING), "en")
    assert chosen(("", "xx", "fr")) == "fr"
    assert chosen(("", "xx")) == "en"


def test_french_has_its_own_spaces_plurals_and_dates() -> None:
    french = language("fr")
    assert french.typeset("« approuver » : oui ; non ?") == "«\xa0approuver\xa0»\xa0: oui\xa0; non\xa0?"
    assert [french.count(number, "day") for number in (0, 1, 2)] == ["0 jour", "1 jour", "2 jours"]
    assert french.gib(1536) == "1,5 Gio"
    assert french.short_day(datetime(2027, 4, 2, tzinfo=UTC).date()) == "ven. 2 avr."
    assert french.moment(datetime(2027, 3, 31, 22, tzinfo=UTC), "Europe/Paris") == (
        "le mercredi 31 mars 2027 à minuit (fin de journée)"
    )
    assert french.point(datetime(2027, 4, 1, 8, 5, tzinfo=UTC), "Europe/Paris") == "jeudi 1er avril 2027, 10 h 05"


def test_the_html_part_says_which_language_it_is_in() -> None:
    sample = sample_of(Letter.WARNING)
    mail = compose(sample.spoken("fr").item, sample.ticket, SETTINGS, sample.now)
    message = email.message_from_bytes(mail.data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("html",))
    assert part is not None
    assert '<html lang="fr">' in str(part.get_content())


def test_check_tries_every_language() -> None:
    assert list(problems(SETTINGS)) == []


def test_check_names_a_language_of_the_site_that_letters_cannot_be_written_in() -> None:
    rules = Rules(service=ServiceRules(language="pl"))
    (found,) = problems(replace(SETTINGS, rules=rules))
    assert found.startswith("service.language: letters cannot be written in pl yet")


def test_the_programs_texts_that_a_site_has_not_replaced_are_said_in_the_language_too() -> None:
    assert language("fr").value(Rules().service).contact == "l'équipe de support"
