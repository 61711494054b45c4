"""Sentences that can be said in another language: what they keep, and that nothing from outside becomes a pattern."""

from __future__ import annotations

import ast
import copy
import pickle
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.reading.wire import WireError, dumps, loads
from mailbot.letters.requests import RequestApproved
from mailbot.letters.stored import from_json
from parsers.text.languages import language_of
from parsers.translatable import Translatable, as_data, as_one, filled, from_data, say, say_day, say_many
from parsers.values import Problem

ROOT = Path(__file__).parents[2]
DAY = date(2027, 3, 31)


class Shouting:
    """A language that says everything in capitals, and dates as numbers."""

    def pattern(self, key: str, many: str, number: int) -> str:
        return "".join(part.upper() if not at % 2 else f"{{{part}}}" for at, part in enumerate(_split(many or key)))

    def day(self, day: date) -> str:
        return day.isoformat()

    def at(self, moment: datetime) -> str:
        return moment.isoformat()


def _split(key: str) -> list[str]:
    return key.replace("{", "\0").replace("}", "\0").split("\0")


def test_a_sentence_is_its_english_text_for_all_who_only_show_it() -> None:
    sentence = say("The end date is {day}, not {asked}.", day=DAY, asked=date(2027, 4, 1))
    assert sentence == "The end date is Wednesday 31 March 2027, not Thursday 1 April 2027."
    assert f"{sentence} Yes." == "The end date is Wednesday 31 March 2027, not Thursday 1 April 2027. Yes."
    assert say_many("{number} day", "{number} days", 1) == "1 day"
    assert say_many("{number} day", "{number} days", 2) == "2 days"
    assert say("{Words}.", words=say("the machine is running")) == "The machine is running."


def test_it_is_said_in_another_language_with_all_that_is_in_it() -> None:
    sentence = say("The {field} is {day}.", field=say("last day"), day=DAY)
    assert sentence.written(Shouting()) == "THE LAST DAY IS 2027-03-31."
    assert as_one(sentence, "alice", say("Good.")).written(Shouting()) == "THE LAST DAY IS 2027-03-31. alice GOOD."
    assert Translatable("as it was reported").written(Shouting()) == "as it was reported"
    assert say_day(DAY).written(Shouting()) == "2027-03-31"


def test_what_it_was_made_of_outlives_storing_copying_and_handing_over() -> None:
    moment = datetime(2027, 3, 31, 17, 5, tzinfo=UTC)
    sentence = as_one(
        say("Until {day}, seen {when}.", day=DAY, when=moment), say_many("{number} day", "{number} days", 3)
    )
    for again in (from_data(as_data(sentence)), copy.deepcopy(sentence), pickle.loads(pickle.dumps(sentence))):
        assert again == sentence
        assert (
            again.written(Shouting())
            == sentence.written(Shouting())
            == "UNTIL 2027-03-31, SEEN {when}. 3 DAYS".replace("{when}", moment.isoformat())
        )
    problem = Problem("disk_gib", 3, Translatable("1 TB"), sentence)
    assert loads(dumps(problem, Problem), Problem).allowed.written(Shouting()) == sentence.written(Shouting())
    approved = RequestApproved(by="Carol", changed=(sentence,))
    assert from_json(RequestApproved, approved.stored()).changed[0].key == sentence.key


def test_words_of_a_former_version_stay_as_they_are() -> None:
    approved = from_json(RequestApproved, {"by": "Carol", "changed": ["The disk has {disk} GiB."]})
    assert approved.changed[0].written(Shouting()) == "The disk has {disk} GiB."


@pytest.mark.parametrize("key", ["{words.__class__}", "{0}", "{}", "{words!r}", "{words:>99999999}", "{", "{{words}}"])
def test_a_placeholder_is_a_name_and_nothing_else(key: str) -> None:
    data = {"say": key, "with": {"words": "{words} {key}"}}
    assert from_data(data) == key.replace("{words}", "{words} {key}")


def test_a_value_is_never_a_pattern() -> None:
    assert filled("{one} {two}", {"one": "{two}", "two": "2"}) == "{two} 2"


@pytest.mark.parametrize(
    "data",
    [
        3,
        None,
        [],
        {"say": 3},
        {"say": "a", "many": 1},
        {"say": "{a}", "with": {"a": 1.5}},
        {"say": "x", "with": {"x": {"day": "y"}}},
    ],
)
def test_data_that_is_no_sentence_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"words|isoformat"):
        from_data(data)
    with pytest.raises(WireError):
        loads(dumps(data, int) if type(data) is int else str(data).encode(), Translatable)  # type: ignore[arg-type]


def test_every_message_stands_in_the_source_as_it_is() -> None:
    """Else no catalogue has it: `say` of a computed text would be English for ever."""
    computed = []
    for package in ("mailbot", "parsers"):
        for path in (ROOT / package).rglob("*.py"):
            if "cli" in path.parts or path.name == "translatable.py":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in {"say", "say_many"}
                ):
                    messages = node.args[: 2 if node.func.id == "say_many" else 1]
                    if not all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in messages):
                        computed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert computed == ["mailbot/letters/languages.py:" + line for line in _lines_of_count()]


def _lines_of_count() -> list[str]:
    """The one place that says a message of a table of messages."""
    text = (ROOT / "mailbot" / "letters" / "languages.py").read_text(encoding="utf-8").splitlines()
    return [str(number) for number, line in enumerate(text, 1) if "say_many(one, many, number)" in line]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A web server that shows the results of our measurements.", "en"),
        ("Un serveur web qui affiche les résultats de nos mesures, jour et nuit.", "fr"),
        ("Serveur de tests pour l'équipe et le projet.", "fr"),
        ("Ein Server für die Messungen unserer Gruppe, der Tag und Nacht läuft.", "de"),
        ("Un servidor para los resultados de las medidas del proyecto.", "es"),
        ("Un server per i risultati delle misure del nostro progetto.", "it"),
        ("web server", ""),
        ("gitlab.example.org, 31/03/2027", ""),
        ("", ""),
    ],
)
def test_the_language_of_words_is_told_where_it_is_clear(text: str, code: str) -> None:
    assert language_of(text) == code
