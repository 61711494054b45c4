"""Quoted words never command, whoever quotes them and however."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import Command, ReadingRules, read, understand
from parsers.text.quoting import split

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
X = "Testbed Support <support@testbed.example>"
INTROS = st.sampled_from(
    [
        f"On Mon, Nov 23, 2026 at 10:12 AM {X} wrote:",
        "On Mon, Nov 23, 2026 at 10:12 AM Testbed Support <\nsupport@testbed.example> wrote:",
        f"Le lun. 23 nov. 2026 à 10:12, {X} a écrit :",
        f"Am Mo., 23. Nov. 2026 um 10:12 Uhr schrieb {X}:",
        f"El lun, 23 nov 2026 a las 10:12, {X} escribió:",
        f"пн, 23 нояб. 2026 г. в 10:12, {X}:",
        f"2026年11月23日(月) 10:12 {X}:",
        f"{X} 于2026年11月23日周一 10:12写道：",
        "-----Original Message-----",
        "-----Message d'origine-----",
        f"From: {X}\nSent: Monday, November 23, 2026 10:12 AM\nTo: Alice\nSubject: VM\n",
        f"De : {X}\nEnvoyé : lundi 23 novembre 2026 10:12\nÀ : Alice\nObjet : VM\n",
        f"{'_' * 32}\nVon: {X}\nGesendet: Montag, 23. November 2026 10:12\nAn: Alice\nBetreff: VM\n",
        f"-----{X} wrote: -----",
    ]
)
COMMANDS = st.sampled_from(
    ["Approve", "approve", "Deny", "Approuvé", "Refusé : non", "release", "I confirm.", "OK approve"]
)
NEUTRAL = st.sampled_from(
    ["", "Thanks, I will look at it.", "Merci, je regarde demain.", "Who is bob?", "FYI", "Hello Bob,", "hm"]
)
MARKS = st.sampled_from(["> ", ">", "", " "])


def mail(body: str) -> bytes:
    head = "From: Alice <alice@example.org>\nSubject: Re: VM\nContent-Type: text/plain; charset=utf-8\n\n"
    return (head + body).encode()


@settings(deadline=None)
@given(NEUTRAL, INTROS, st.lists(COMMANDS, min_size=1, max_size=4), MARKS, st.integers(0, 2))
def test_a_quoted_command_is_never_obeyed(top: str, intro: str, quoted: list[str], mark: str, gap: int) -> None:
    body = f"{top}\n\n{intro}\n" + "\n" * gap + "\n".join(mark + line for line in quoted) + "\n"

    assert not isinstance(understand(read(mail(body), RULES), RULES).meaning, Command)


@settings(deadline=None)
@given(COMMANDS, INTROS, st.lists(COMMANDS, min_size=1, max_size=4), MARKS)
def test_the_command_above_a_quote_is_the_one_that_is_read(top: str, intro: str, quoted: list[str], mark: str) -> None:
    alone = understand(read(mail(f"{top}\n"), RULES), RULES).meaning
    body = f"{top}\n\n{intro}\n" + "\n".join(mark + line for line in quoted) + "\n"

    assert understand(read(mail(body), RULES), RULES).meaning == alone
    assert isinstance(alone, Command)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_the_newest_words_are_lines_of_the_text_in_order(text: str) -> None:
    lines = [line.replace("\t", " ").rstrip() for line in text.split("\n")]
    found = split(text)

    assert list(found.kept) == sorted(set(found.kept))
    assert found.words == "\n".join(lines[number] for number in found.kept)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["one", "two words", "", "three", "1.", "ok"]), max_size=8), INTROS, st.text(max_size=200)
)
def test_words_above_a_quote_survive_whatever_is_quoted(top: list[str], intro: str, quoted: str) -> None:
    words = "\n".join(top).strip("\n")
    if not words.strip():
        words = "some words"
    marked = "\n".join(f"> {line}" for line in quoted.split("\n"))

    assert split(f"{words}\n\n{intro}\n{marked}\n").words == words
