"""The closed grammar of replies: what is a command, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from parsers.reply.commands import is_command, read_command
from parsers.reply.document import documentation
from parsers.reply.grammar import BY_CONFIGURATION
from parsers.reply.language import Language
from parsers.values import Command, ReadingRules, Unclear, Verb

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"


def verb(words: str) -> Verb | None:
    read = read_command(words, RULES)
    return read.verb if isinstance(read, Command) else None


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("approve", Verb.APPROVE),
        ("Approve", Verb.APPROVE),
        ("APPROVE.", Verb.APPROVE),
        ("Approved, thanks!", Verb.APPROVE),
        ("OK approve", Verb.APPROVE),
        ("Ok, approved.", Verb.APPROVE),
        ("I approve this request", Verb.APPROVE),
        ("We hereby approve her extension.", Verb.APPROVE),
        ("I have approved it", Verb.APPROVE),
        ("This request has been approved.", Verb.APPROVE),
        ("J'approuve cette demande", Verb.APPROVE),
        ("Nous validons la demande", Verb.APPROVE),
        ("The request is declined", Verb.DENY),
        ("extend 6 months", Verb.EXTEND),
        ("Extend my machine for another 3 months", Verb.EXTEND),
        ("Withdraw it", Verb.WITHDRAW),
        ("release\n\nI don't need it any more.", Verb.RELEASE),
        ("withdraw\n\nThe machine is no longer needed.", Verb.WITHDRAW),
        ("Yes, I approve.", Verb.APPROVE),
        ("*approve*", Verb.APPROVE),
        ("“Approve”", Verb.APPROVE),
        ("approve 👍", Verb.APPROVE),
        ("Hi all,\n\napprove", Verb.APPROVE),
        ("Bonjour,\n\nJ'approuve la demande.\n\nAlice", Verb.APPROVE),
        ("J’approuve, merci", Verb.APPROVE),
        ("Approuvé !", Verb.APPROVE),
        ("d'accord, accepté", Verb.APPROVE),
        ("Looks good, approved", Verb.APPROVE),
        ("Approve\n\nPlease mind the maintenance on Friday.", Verb.APPROVE),
        ("Hi Bob, approved.", Verb.APPROVE),
        ("Bonjour Alice, j'approuve, merci Bob !", Verb.APPROVE),
        ("Approved, thanks Bob!", Verb.APPROVE),
        ("deny", Verb.DENY),
        ("Denied, thanks", Verb.DENY),
        ("Sorry, denied: no room", Verb.DENY),
        ("refusé : plus de place", Verb.DENY),
        ("Non, je refuse", Verb.DENY),
        ("extend until 31 March 2027", Verb.EXTEND),
        ("Please extend for 6 months, thank you", Verb.EXTEND),
        ("prolonger jusqu'au 31 mars 2027", Verb.EXTEND),
        ("prolonger de 6 mois", Verb.EXTEND),
        ("release", Verb.RELEASE),
        ("libérer ma VM", Verb.RELEASE),
        ("withdraw my request", Verb.WITHDRAW),
        ("keep", Verb.KEEP),
        ("Keep it please!", Verb.KEEP),
        ("restore", Verb.RESTORE),
        ("I confirm.", Verb.CONFIRM),
        ("je confirme", Verb.CONFIRM),
        ("proceed", Verb.PROCEED),
        ("status", Verb.STATUS),
        ("Help!", Verb.HELP),
        ("aide", Verb.HELP),
        ("CAUTION: This email originated from outside of the organization.\n\nApprove", Verb.APPROVE),
    ],
)
def test_one_command_with_politeness_is_read(words: str, meant: Verb) -> None:
    assert verb(words) is meant


@pytest.mark.parametrize(
    "words",
    [
        "Approve?",
        "I do not approve",
        "I don't approve this",
        "not approved",
        "Do we approve?",
        "approve all",
        "approve it if he promises to keep backups",
        "approved or denied, I do not know",
        "approve or deny",
        "approve-ish",
        "disapprove",
        "unapproved",
        "I would approve",
        "Je n'approuve pas",
        "pas approuvé",
        "non approuvé",
        "No, approved",
        "No approve",
        "deny? approve?",
        "Denied by mistake, please approve",
        "Should I approve",
        "approve until",
        "approve until tomorrow or so, maybe",
        "approve until 03/04/2027",
        "approve disk lots",
        "approve disk 20 TB",
        "approve for bob",
        "extend",
        "extend until 2027-01-31 for 6 months",
        "extend it a bit",
        "release the prisoners",
        "keep calm",
        "help me decide what to do about bob",
        "status quo",
        "confirm or not?",
        "restore my faith",
        "I will approve tomorrow",
        "approved by whom",
        "Thanks",
        "Approved, thanks but no",
        "Hi Bob, I approve of your style",
        "Hello, is it approved",
        "approve Bob",
        "Approve - January",
        "Approve - Pending",
        "approve bob's request",
        "I can approve this",
        "annule",
        "release\n\nbut not before Friday",
        "approve\n\nI don't need it any more.",
        "ok",
        "yes",
        "+1",
        "approve\nno wait, deny",
        "approve\nbut only until May",
        "deny\nOn second thought: approve",
        "approve\nUnless bob has another one.",
        "approve@example.org",
        "approve/deny",
        "x" * 500 + " approve",
    ],
)
def test_what_is_not_clearly_one_command_decides_nothing(words: str) -> None:
    assert isinstance(read_command(words, RULES), Unclear)


@pytest.mark.parametrize("words", [None, "", "\n \n", "...", "👍"])
def test_no_words_are_no_command(words: str | None) -> None:
    assert read_command(words, RULES) is None


def test_an_approval_carries_its_date_and_its_disk() -> None:
    read = read_command("Approve until 2027-01-31 disk 20 GB, thanks", RULES)

    assert isinstance(read, Command)
    assert (read.until, read.disk_gib) == (date(2027, 1, 31), 20)


def test_the_options_come_in_any_order() -> None:
    read = read_command("approuvé avec disque 40 Go jusqu'au 31 janvier 2027", RULES)

    assert isinstance(read, Command)
    assert (read.verb, read.until, read.disk_gib) == (Verb.APPROVE, date(2027, 1, 31), 40)


def test_a_date_that_is_ambiguous_is_asked_back_in_words() -> None:
    read = read_command("approve until 03/04/2027", RULES)

    assert isinstance(read, Unclear)
    assert "2027" in read.why


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("deny no room on the hosts", "no room on the hosts"),
        ("Deny: no room.", "no room"),
        ("Denied because the disk is too large", "the disk is too large"),
        ("refusé, car le disque est trop grand", "le disque est trop grand"),
        ("deny\n\nThere is no room.\nAsk again in May.", "There is no room. Ask again in May."),
        ("deny", ""),
    ],
)
def test_a_denial_carries_its_reason_as_written(words: str, reason: str) -> None:
    read = read_command(words, RULES)

    assert isinstance(read, Command)
    assert read.reason == reason


def test_a_period_is_read_in_months_and_days() -> None:
    read = read_command("extend for 6 months", RULES)

    assert isinstance(read, Command)
    assert (read.period_months, read.period_days, read.until) == (6, None, None)


def test_the_document_of_commands_is_what_the_code_reads() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == documentation(), "write it again: make docs"


def test_every_taught_form_is_read_as_its_own_command() -> None:
    taught = {
        "approve": "approve until 2027-01-31 disk 20",
        "deny": "deny no room",
        "extend": "extend until 2027-01-31",
    }
    for meant in Verb:
        assert verb(taught.get(meant, str(meant))) is meant


@pytest.mark.parametrize(
    ("language", "words", "meant"),
    [
        ("de", "Genehmigt", Verb.APPROVE),
        ("de", "Ja, ich genehmige den Antrag. Danke!", Verb.APPROVE),
        ("de", "Abgelehnt, weil kein Platz ist", Verb.DENY),
        ("de", "Bitte verlängern um 6 Monate", Verb.EXTEND),
        ("de", "Meine VM zurückgeben", Verb.RELEASE),
        ("de", "Ich bestätige meine Anfrage", Verb.CONFIRM),
        ("es", "Aprobado, gracias", Verb.APPROVE),
        ("es", "Lo siento, denegado: no hay sitio", Verb.DENY),
        ("es", "Prorrogar por tres meses", Verb.EXTEND),
        ("es", "Confirmo mi solicitud", Verb.CONFIRM),
        ("it", "Approvato, grazie", Verb.APPROVE),
        ("it", "Rifiutato: non c'è posto", Verb.DENY),
        ("it", "Prolungare per un anno", Verb.EXTEND),
        ("it", "Confermo", Verb.CONFIRM),
    ],
)
def test_other_languages_are_read_where_the_site_names_them(language: str, words: str, meant: Verb) -> None:
    read = read_command(words, replace(RULES, languages=("en", "fr", language)))

    assert isinstance(read, Command)
    assert read.verb is meant
    assert not isinstance(read_command(words, RULES), Command)


@pytest.mark.parametrize("language", BY_CONFIGURATION, ids=lambda language: language.code)
def test_every_listed_phrase_of_a_language_is_its_command(language: Language) -> None:
    rules = replace(RULES, languages=("en", "fr", language.code))
    options = {Verb.EXTEND: f" {language.until[0]} 2027-01-31", Verb.DENY: ": 42"}

    for verb, phrases in language.listed.items():
        for phrase in phrases:
            read = read_command(phrase + options.get(verb, ""), rules)
            assert isinstance(read, Command), phrase
            assert read.verb is verb, phrase


@pytest.mark.parametrize(
    "words", ["release alice-vm", "Release alice-vm.nancy.testbed.example.", "please release alice-vm"]
)
def test_a_command_may_name_its_machine(words: str) -> None:
    read = read_command(words, RULES)

    assert isinstance(read, Command)
    assert (read.verb, read.machine) == (Verb.RELEASE, "alice-vm")


def test_a_banner_of_the_sites_own_gateway_is_passed_over() -> None:
    banner = "-- Geprüft durch das Rechenzentrum --"

    assert not isinstance(read_command(f"{banner}\n\napprove", RULES), Command)
    assert isinstance(read_command(f"{banner}\n\napprove", replace(RULES, banners=(banner,))), Command)


def test_a_line_alone_is_a_command_by_the_quick_way_exactly_where_it_is_one() -> None:
    fixtures = Path(__file__).parents[2] / "fixtures" / "mail"
    lines = {line for file in fixtures.glob("*/*.eml") for line in file.read_text(errors="replace").splitlines()}
    every = replace(RULES, languages=tuple(language.code for language in BY_CONFIGURATION))
    listed = {phrase for language in BY_CONFIGURATION for phrases in language.listed.values() for phrase in phrases}
    asked = sorted(lines | listed | {f"  {phrase}, thanks. " for phrase in listed})
    found = {line: is_command(line, every) for line in asked}
    assert found == {line: isinstance(read_command(line, every), Command) for line in asked}
    assert sum(found.values()) > 300
