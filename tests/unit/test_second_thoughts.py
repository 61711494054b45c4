"""What stands beside a command, looked at again: what only looks like a name, a wish or a footer, and where a reason may be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsers import ReadingRules, read, understand
from parsers.reply.commands import read_command
from parsers.values import Command, Unclear, Verb

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = """From: Carol Admin <carol@example.org>
To: support@testbed.example
Subject: {subject}
Message-ID: <3@example.org>
In-Reply-To: <1@testbed.example>
Content-Type: text/plain; charset=utf-8

{text}
"""


@pytest.mark.parametrize(
    "words",
    [
        "TBA",
        "NAK",
        "I'm on the side of Dave here.",
        "I hope that Dave signs it.",
        "Happy for Dave to decide.",
        "Moment!",
        "Well…",
        "DRAFT",
        "ping",
    ],
)
def test_what_only_begins_like_a_wish_or_initials_is_asked_about(words: str) -> None:
    assert isinstance(read_command(f"Approve\n\n{words}", RULES), Unclear)


@pytest.mark.parametrize("line", ["approve ❌", "Approve 👎", "🛑 approve", "extend for 2 months 🤔"])
def test_a_pictograph_that_refuses_or_doubts_makes_no_command(line: str) -> None:
    assert isinstance(read_command(line, RULES), Unclear)


def test_a_command_once_more_below_the_quote_is_the_same_one() -> None:
    assert isinstance(read_command("Approve", RULES, "approve"), Command)
    assert isinstance(read_command("Approve", RULES, "approve disk 8"), Unclear)


@pytest.mark.parametrize(
    ("words", "below", "reason"),
    [
        ("deny", "There is a build service for that.\n\nCarol", "There is a build service for that."),
        ("deny, see below:", "There is a build service.", "see below: There is a build service."),
        ("deny, in short:", "", "in short"),
        ("deny", "Best regards,\nCarol", ""),
    ],
)
def test_a_reason_may_stand_below_the_quoted_words(words: str, below: str, reason: str) -> None:
    read_ = read_command(words, RULES, below)

    assert isinstance(read_, Command)
    assert read_.reason == reason


@pytest.mark.parametrize("line", ["Release, we do not need it any more", "Withdraw, I have found another machine"])
def test_who_gives_something_back_says_why_behind_a_comma(line: str) -> None:
    assert isinstance(read_command(line, RULES), Command)


@pytest.mark.parametrize(
    "line", ["Release, on Friday please", "Release, but later", "Release, if Bob agrees", "Release, tonight"]
)
def test_what_limits_it_behind_a_comma_is_asked_about(line: str) -> None:
    assert isinstance(read_command(line, RULES), Unclear)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("deny\n\nHello Alice,\n\nthe hosts are full.", "the hosts are full."),
        ("deny\n\nDear Alice,\nthe hosts are full.\nCarol", "the hosts are full."),
        (
            "Deny. If you shorten it to two months I will approve it.",
            "If you shorten it to two months I will approve it",
        ),
        ("Denied: too much, I can approve 8 GB", "too much, I can approve 8 GB"),
        ("deny: too much 👎", "too much"),
    ],
)
def test_a_reason_follows_a_greeting_and_may_promise(words: str, reason: str) -> None:
    read_ = read_command(words, RULES)

    assert isinstance(read_, Command)
    assert (read_.verb, read_.reason) == (Verb.DENY, reason)


@pytest.mark.parametrize("words", ["deny, no, approve", "Deny. I approve it.", "deny or I will approve"])
def test_yes_and_no_in_one_line_is_asked_about(words: str) -> None:
    assert isinstance(read_command(words, RULES), Unclear)


@pytest.mark.parametrize("behind", [" -- Carol", " / carol", " (Carol A.)", " – Carol Admin"])
def test_the_writers_own_name_behind_a_mark_is_no_part_of_a_reason(behind: str) -> None:
    raw = HEAD.format(subject="Re: VM", text=f"Deny: no room{behind}").encode()
    said = understand(read(raw, RULES), RULES).meaning

    assert isinstance(said, Command)
    assert said.reason == "no room"


def test_another_name_behind_a_mark_is() -> None:
    raw = HEAD.format(subject="Re: VM", text="Deny: no room / Dave").encode()
    said = understand(read(raw, RULES), RULES).meaning

    assert isinstance(said, Command)
    assert said.reason == "no room / Dave"


@pytest.mark.parametrize(
    "words",
    [
        "Your text is incomplete.",
        "You share it with Dave.",
        "Merci de vérifier avec Dave.",
        "Merci de bien vouloir attendre.",
        "Pour Dave",
        "See Dave",
        "whatever",
        "Mouais",
        "Widerwillig",
        "Stopp",
        "Zinloos.",
        "だめ",
        "le temps du stage",
        "Su jefe paga",
        "안돼요",
    ],
)
def test_what_looks_like_words_to_the_requester_or_a_name_is_asked_about(words: str) -> None:
    assert isinstance(read_command(f"Approve\n\n{words}", RULES), Unclear)


@pytest.mark.parametrize(
    "words",
    [
        "Merci de votre patience.",
        "Rien à redire.",
        "À lundi !",
        "Tout à fait d'accord.",
        "En cas de souci, écrivez-moi.",
        "Gutes Gelingen!",
        "Klingt sinnvoll.",
        "Entschuldigung für die späte Antwort.",
        "Bei Problemen bitte melden.",
        "Sin objeciones.",
        "Nessuna obiezione.",
        "Veel plezier!",
        "Dave Miller",
        "Du hast es dir verdient.",
        "Je suis ravie.",
        "Good to go.",
        "dave",
    ],
)
def test_courtesies_of_other_languages_and_names_block_nothing(words: str) -> None:
    assert isinstance(read_command(f"Approve\n\n{words}", RULES), Command)


@pytest.mark.parametrize(
    "line",
    [
        "approve until 2027-01-31 until 2027-02-28",
        "extend until 31 January 2027 till 28 February 2027",
        "approuvé jusqu'au 31 janvier 2027 jusqu'au 28 février 2027",
        "approve disk -10",
        "approve disk 10 disk 20",
    ],
)
def test_two_days_or_an_amount_below_nothing_are_asked_about(line: str) -> None:
    assert isinstance(read_command(line, RULES), Unclear)


@pytest.mark.parametrize("line", ["approve - disk 10", "approve disk - 10 GB", "approve disk: 10"])
def test_a_dash_that_sets_off_an_amount_is_no_sign(line: str) -> None:
    read_ = read_command(line, RULES)

    assert isinstance(read_, Command)
    assert read_.disk_gib == 10


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Deny: her supervisor did not approve", "her supervisor did not approve"),
        ("Denied, it was not accepted by the board", "it was not accepted by the board"),
        ("Deny: no room\nThis e-mail is confidential and for its addressee only.", "no room"),
        (
            "Deny: the e-mail of the board\nsays that there is no room",
            "the e-mail of the board says that there is no room",
        ),
    ],
)
def test_a_reason_may_say_who_did_not_approve_and_ends_before_a_disclaimer(words: str, reason: str) -> None:
    read_ = read_command(words, RULES)

    assert isinstance(read_, Command)
    assert (read_.verb, read_.reason) == (Verb.DENY, reason)


@pytest.mark.parametrize("words", ["Deny, why not approve it", "Deny not, approve", "Deny - no, approve"])
def test_a_no_beside_a_yes_is_asked_about(words: str) -> None:
    assert isinstance(read_command(words, RULES), Unclear)
