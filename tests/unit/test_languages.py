"""Every language that letters can be written in: complete, and every word that it offers is a command."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import pytest

from contrib.languages import lacking, read, spoken
from mailbot.letters.catalogue import KINDS
from mailbot.letters.compose import compose, offers_of
from mailbot.letters.languages import chosen, language, languages
from mailbot.letters.own_words import problems
from mailbot.letters.samples import Sample
from mailbot.letters.troubles import WORK
from mailbot.model import Action, Letter
from mailbot.policy import reading_rules
from mailbot.rules import Rules, ServiceRules
from parsers.reply.commands import read_command
from parsers.text.languages import language_of
from parsers.values import Command
from tests.trying import EVERY_LANGUAGE, SAMPLES, SETTINGS, english_in, own_words, sample_of
from tests.writing import words_of

OTHERS = tuple(code for code in languages() if code != "en")
by_language = pytest.mark.parametrize("code", OTHERS)
by_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
WIDTH = 72
REASON = {"fr": "pas de place", "de": "kein Platz"}


def written(sample: Sample, code: str) -> str:
    return words_of(compose(sample.spoken(code).item, sample.ticket, EVERY_LANGUAGE, sample.now))


def html_of(sample: Sample, code: str) -> str:
    mail = compose(sample.spoken(code).item, sample.ticket, EVERY_LANGUAGE, sample.now)
    message = email.message_from_bytes(mail.data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_french_and_german_are_offered() -> None:
    assert languages()[0] == "en"
    assert {"fr", "de"} == set(OTHERS) == set(spoken()) == set(REASON)


@by_language
def test_nothing_is_missing_in_a_language_that_is_offered(code: str) -> None:
    assert list(lacking(code)) == [], "run `make languages`, and translate what it lists"


@by_language
@by_sample
def test_no_sentence_of_a_letter_stays_in_english(code: str, sample: Sample) -> None:
    paragraphs = written(sample, code).split("\n\n")
    own = [one for one in paragraphs if "│" not in one and not one.startswith("    ")]
    assert [one for one in own if language_of(one) == "en"] == []


@by_language
@by_sample
def test_no_english_word_stands_in_a_letter_but_those_of_others_which_are_quoted(code: str, sample: Sample) -> None:
    """What servers, hosts and people said is marked or quoted; everything else is the program's, and in the language."""
    own = own_words(written(sample, code))
    assert english_in(own, code) == set(), own


@by_language
def test_every_letter_and_all_work_is_called_by_words_of_the_language(code: str) -> None:
    assert set(WORK) == set(Action) - {Action.LETTER}
    for called in (*(about.called for about in KINDS.values()), *WORK.values()):
        assert language(code).words(called) != called
        assert english_in(language(code).words(called), code) == set()


_INTERNAL = re.compile(rf"(?<![\w-])(?:{'|'.join(one for one in (*Letter, *Action) if '-' in one)})(?![\w-])")


@pytest.mark.parametrize("code", languages())
@by_sample
def test_no_letter_shows_the_programs_own_name_of_a_letter_or_of_work(code: str, sample: Sample) -> None:
    assert _INTERNAL.findall(own_words(written(sample, code))) == []


def _own_sentences(code: str) -> dict[str, re.Pattern[str]]:
    """The program's English sentences as they would stand in a letter, of three words and more."""
    differ = (one for one in read(code) if one.id and one.string != one.id)
    keys = {key for one in differ for key in (one.id if isinstance(one.id, tuple) else (one.id,))}
    return {key: _said(key) for key in keys if len(re.findall(r"[^\W\d_]{2,}", _VALUE.sub(" ", key))) >= _LEAST_WORDS}


def _said(key: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in _VALUE.split(key)]
    return re.compile(r"(?<!\w)" + ".+?".join(parts) + (r"(?!\w)" if key[-1:].isalnum() else ""), re.IGNORECASE)


_VALUE = re.compile(r"\{\w+\}")
_LEAST_WORDS = 3


@by_language
def test_no_sentence_of_the_program_stands_in_english_in_another_language_not_even_in_quotes(code: str) -> None:
    """What a host, a key or the bot itself says of an error is quoted; what of it is ours has its message, too."""
    own = _own_sentences(code)
    assert len(own) > 300
    for sample in SAMPLES:
        if sample.letter is Letter.ANNOUNCEMENT:  # an admin's own words
            continue
        lines = written(sample, code).splitlines()
        message = " ".join(line.strip(" │") for line in lines)
        assert [key for key, said in own.items() if said.search(message)] == [], sample.name


@by_language
@by_sample
def test_every_line_that_a_language_offers_is_its_command(code: str, sample: Sample) -> None:
    """Whatever becomes of it: it is read as the very word whose meaning stands beside it."""

    reading = reading_rules(EVERY_LANGUAGE.rules, sample.now)
    spoken_in = language(code)
    for offer in offers_of(sample.item, sample.ticket, EVERY_LANGUAGE, sample.now):
        words = spoken_in.words(offer.words)
        said = read_command(words.partition("<")[0] + (REASON[code] if "<" in words else ""), reading)
        english = read_command(offer.words.partition("<")[0] + ("no room" if "<" in words else ""), reading)
        assert isinstance(said, Command), words
        assert isinstance(english, Command)
        assert said.verb is offer.verb
        for name in ("until", "disk_gib", "period_months", "period_days"):
            assert getattr(said, name) == getattr(english, name), words


@by_language
@by_sample
def test_a_letter_in_a_language_keeps_to_its_width_and_commands_nothing(code: str, sample: Sample) -> None:
    reading = reading_rules(EVERY_LANGUAGE.rules, sample.now)
    for line in written(sample, code).splitlines():
        assert len(line) <= WIDTH or line.startswith("    "), line
        assert not isinstance(read_command(line, reading), Command), line


def test_the_same_row_is_the_same_letter_whenever_it_is_tried() -> None:
    sample = sample_of(Letter.WARNING)
    assert written(sample, "fr") == written(sample, "fr") != written(sample, "en")
    assert "Votre machine virtuelle" in written(sample, "fr")


def test_a_language_that_nobody_wrote_is_that_of_the_site() -> None:
    assert written(sample_of(Letter.WARNING), "xx") == written(sample_of(Letter.WARNING), "en")
    assert chosen(("", "xx", "fr"), languages()) == "fr"
    assert chosen(("", "xx"), languages()) == "en"


def test_a_letter_is_in_no_language_whose_commands_the_site_does_not_read() -> None:
    """What it offers would not be understood when it comes back."""
    assert chosen(("de", "fr"), {"en", "fr"}) == "fr"
    sample = sample_of(Letter.WARNING).spoken("de")
    assert "Ihre virtuelle Maschine" in words_of(compose(sample.item, sample.ticket, EVERY_LANGUAGE, sample.now))
    assert "Your virtual machine" in words_of(compose(sample.item, sample.ticket, SETTINGS, sample.now))
    of_the_site = replace(SETTINGS, rules=Rules(service=ServiceRules(language="de")))
    (found,) = problems(of_the_site)
    assert found.startswith("service.language: letters are in English, because service.languages lacks de")


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


def test_german_has_its_own_plurals_and_dates() -> None:
    german = language("de")
    assert [german.count(number, "day") for number in (0, 1, 2)] == ["0 Tage", "1 Tag", "2 Tage"]
    assert german.gib(1536) == "1,5 GiB"
    assert german.short_day(datetime(2027, 4, 2, tzinfo=UTC).date()) == "Fr., 2. Apr."
    assert german.moment(datetime(2027, 3, 31, 22, tzinfo=UTC), "Europe/Paris") == (
        "am Mittwoch, 31. März 2027 um Mitternacht (Ende des Tages)"
    )
    assert (
        german.point(datetime(2027, 4, 1, 8, 5, tzinfo=UTC), "Europe/Paris") == "Donnerstag, 1. April 2027, 10:05 Uhr"
    )


def test_the_html_part_says_which_language_it_is_in() -> None:
    assert '<html lang="fr">' in html_of(sample_of(Letter.WARNING), "fr")


def test_no_line_breaks_within_a_date_a_machine_or_an_amount() -> None:
    french = html_of(sample_of(Letter.WARNING), "fr")
    assert 'jusqu&#39;au <span style="white-space:nowrap">2027-09-30</span>' in french
    assert 'virtuelle <span style="white-space:nowrap">alice-vm</span> sera' in french
    assert '<span style="white-space:nowrap">8 Gio</span>' in html_of(sample_of(Letter.ADMIN_DECISION), "fr")


def test_check_tries_every_language() -> None:
    assert list(problems(SETTINGS)) == []
    assert list(problems(EVERY_LANGUAGE)) == []


def test_check_names_a_language_of_the_site_that_letters_cannot_be_written_in() -> None:
    rules = Rules(service=ServiceRules(language="pl"))
    (found,) = problems(replace(SETTINGS, rules=rules))
    assert found.startswith("service.language: letters cannot be written in pl yet")


def test_the_programs_texts_that_a_site_has_not_replaced_are_said_in_the_language_too() -> None:
    assert language("fr").value(Rules().service).contact == "l'équipe de support"
