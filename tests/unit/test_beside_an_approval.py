"""What stands beside an approval: words that a machine must not be built against, and words on which nothing hangs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from parsers import read, understand
from parsers.reply.commands import read_command
from parsers.values import Command, Kind, ReadingRules, Unclear, Verb

RULES = ReadingRules(now=datetime(2026, 11, 26, 9, tzinfo=UTC), timezone=UTC)

LIMITING = (
    "but ask her for the project number",
    "but ask me first",
    "but come to my office before",
    "Sorry, I missed that the disk is too large.",
    "Sorry, I overlooked that she has no grant.",
    "Sorry I was thinking of Bob.",
    "Sorry for the mixup, this was for Bob.",
    "Apologies for the confusion, I meant Bob's.",
    "Sorry for my mistake.",
    "Désolé du retard, plutôt en janvier.",
    "Désolé pour l'erreur, c'est pour Bob.",
    "See you on Monday to discuss the size.",
    "Call me before it runs.",
    "Talk to you tomorrow before you build it.",
    "Let me know before it is built.",
    "If there are any doubts, ask Dave first.",
    "If there is no budget, tell her no.",
    "I am away, Dave will decide.",
    "I'm on leave, Bob will take over the decision.",
    "Do not hesitate to make it smaller.",
    "Never hesitate to refuse.",
    "Don't forget the limit of 10 GB.",
    "Please don't worry if it's denied.",
    "Keine Eile, ab Januar reicht.",
    "Bei Fragen erst Bob fragen.",
    "Please be aware she left.",
    "Remember to shrink it.",
    "She is part of the team that left.",
    "Until later.",
    "Sure, why so big?",
    "If in doubt, ask Bob before.",
    "Good idea, in January.",
    "Fine with me from January.",
    "Go ahead in spring.",
    "You can build it at the other site.",
    "Please build it on Monday.",
    "OK for now.",
    "OK for the moment",
    "No problem if it is short.",
    "Mind the budget: it ends in March.",
    "Please remember that she leaves in March.",
    "Please note that the disk is too large.",
    "Happy to help, from Monday on.",
    "See you on Monday, do nothing before.",
    "I am on vacation, wait for me.",
    "Out of the office until Monday, so hold this.",
    "Let me know when it is cheaper.",
    "Feel free to build it if there is room.",
    "Don't forget to reduce the disk.",
    "P.S. 8 GB",
    "PS: three months",
    "- P.S. 8 GB",
    "Bitte mit Bob absprechen.",
    "Vorbehaltlich der Zustimmung von Bob",
    "Vorläufig",
    "Befristet",
    "Temporarily",
    "Provisoirement",
    "只到三月",
    "3月まで",
    "As usual, one month.",
    "Nice project, too large though.",
    "Thanks, but with less disk.",
    "Perfect for a trial.",
    "All good once Paul is back.",
    "alleen tot maart",
    "bara till mars",
    "tylko do marca",
    "только до марта",
)
HARMLESS = (
    "but do ask if you need anything",
    "but say hello to Dave",
    "but come and see us",
    "Sounds like a nice project!",
    "Good idea.",
    "Please read the terms of use.",
    "Any questions, just ask.",
    "If in doubt, ask.",
    "But do come and say hi, Alice!",
    "Thanks a lot for looking after this.",
    "Please go ahead and build it.",
    "If you need more disk later, just tell us.",
    "Sorry, I missed your mail.",
    "Sorry, I overlooked this one.",
    "C",
    "C.A.",
    "xx Carol",
    "+1",
    "Sí",
    "Sì",
    "Of course.",
    "Sounds good to me.",
    "This sounds interesting.",
    "Very nice project.",
    "Good to see this moving forward.",
    "I know Alice well.",
    "I am her supervisor.",
    "I fully support this.",
    "I have no objections.",
    "No problem from my side.",
    "Aucun problème pour moi.",
    "Go ahead with it, please.",
    "Please proceed as planned.",
    "Alice: welcome aboard!",
    "Have a nice day, Alice",
    "I am in the office today.",
    "I'm on holiday next week, Bob will be there.",
    "Back in the office on Monday.",
    "Ich bin nächste Woche im Urlaub.",
    "Je suis en congé la semaine prochaine, Paul pourra répondre.",
    "Sorry I missed this one.",
    "Pardon the delay!",
    "See you on Monday, Alice.",
    "Please mind the maintenance on Friday.",
    "Don't forget to water the plants.",
    "Tout va bien.",
    "Alles klar.",
    "Très beau projet.",
    "In bocca al lupo!",
    "Prettig weekend",
    "Trevlig helg!",
    "Miłego dnia",
    "Merry Christmas",
    "Be green, keep it on the screen.",
    "My working days are Monday to Wednesday.",
    "Wysłane z iPhone'a",
    "cc: Bob",
)


@pytest.mark.parametrize("words", LIMITING)
def test_nothing_is_built_against_these(words: str) -> None:
    for between in ("\n", "\n\n"):
        assert isinstance(read_command(f"Approve{between}{words}", RULES), Unclear)


@pytest.mark.parametrize("words", HARMLESS)
def test_nothing_hangs_on_these(words: str) -> None:
    for between in ("\n", "\n\n"):
        assert isinstance(read_command(f"Approve{between}{words}", RULES), Command)


@pytest.mark.parametrize(
    "words",
    [
        "Our institute is closed until 4 January. We will answer your message then.",
        "Attention: I am OOO until Monday",
        "Please note I'm on sick leave.",
        "On leave till 3rd December, expect a late answer.",
        "I am attending a workshop and read mail in the evening.",
        "I am out sick today.",
        "Currently on a business trip.",
        "You have reached my vacation responder.",
        "Absent du bureau jusqu'au 3 décembre",
        "Je ne suis pas joignable jusqu'au 3 décembre.",
        "Merci pour votre message, je suis en déplacement.",
        "Bin bis 3.12. abwesend.",
        "Ich habe derzeit keinen Zugriff auf meine Mails.",
        "Danke für deine Mail! Ich bin gerade auf Reisen.",
        "Jsem na dovolené.",
        "Я в отпуске до 3 декабря.",
        "我正在休假。",
        "This address is no longer monitored.",
        "We have received your message and will get back to you within two days.",
    ],
)
def test_notes_of_absence_and_receipt_without_a_mark_are_machines(words: str) -> None:
    head = "From: Vicky <vicky@testbed.example>\nTo: support@testbed.example\nSubject: Re: VM\n"
    raw = f"{head}Content-Type: text/plain; charset=utf-8\n\n{words}\n\nVicky\n".encode()
    assert understand(read(raw, RULES), RULES).kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "words",
    [
        "Je suis en vacances la semaine prochaine, pouvez-vous attendre ?",
        "I am away next week. Can I answer later?",
        "Ich bin im Urlaub, wann läuft die Frist ab?",
    ],
)
def test_who_asks_something_is_a_person_on_holiday(words: str) -> None:
    head = "From: Vicky <vicky@testbed.example>\nTo: support@testbed.example\nSubject: Re: VM\n"
    raw = f"{head}Content-Type: text/plain; charset=utf-8\n\n{words}\n".encode()
    assert understand(read(raw, RULES), RULES).kind is Kind.UNCLEAR


def test_a_bracket_at_the_end_belongs_to_the_reason() -> None:
    said = read_command("Deny: your group has two already (see the minutes)", RULES)

    assert isinstance(said, Command)
    assert said.reason == "your group has two already (see the minutes)"


@pytest.mark.parametrize(
    ("line", "verb", "machine"),
    [
        ("I would like to extend until 30 June 2027", Verb.EXTEND, ""),
        ("Could you please extend my machine until 30 June 2027", Verb.EXTEND, ""),
        ("extend please until 30 June 2027", Verb.EXTEND, ""),
        ("extend alice-vm until 30 June 2027", Verb.EXTEND, "alice-vm"),
        ("Please restart my machine", Verb.RESTART, ""),
        ("release alice-vm please", Verb.RELEASE, "alice-vm"),
        ("Release. The project is over.", Verb.RELEASE, ""),
        ("Extend until 30 June 2027. The paper is under review.", Verb.EXTEND, ""),
        ("Approved. Have fun, Alice!", Verb.APPROVE, ""),
    ],
)
def test_owners_ask_politely_name_their_machine_and_say_more(line: str, verb: Verb, machine: str) -> None:
    said = read_command(line, RULES)

    assert isinstance(said, Command)
    assert (said.verb, said.machine) == (verb, machine)
    assert said.until == (date(2027, 6, 30) if verb is Verb.EXTEND else None)


@pytest.mark.parametrize(
    "line",
    [
        "Release. But not before Friday.",
        "Approved. Only 8 GB.",
        "I would like to approve",
        "Could you approve",
        "extend alice-vm",
        "extend alice-vmx until 30 June 2027",
        "Extend until 31. The paper is under review.",
    ],
)
def test_what_follows_on_the_line_is_judged_and_a_decision_is_not_wished_for(line: str) -> None:
    assert isinstance(read_command(line, RULES), Unclear)


ENDINGS = (
    "Carol Admin (she/her)",
    "Carol Admin\nPronouns: she/her",
    "~ Carol ~",
    "i.A. Carol Admin",
    "*Carol Admin* _Engineer_",
    "Carol Admin - Ingénieure de recherche",
    "Carol Admin | +33 4 76 00 00 00 | Bureau 312",
    "On behalf of the testbed team,\nCarol",
    "L'équipe support",
    "With best regards from Grenoble,\nCarol",
    "Herzliche Grüße aus Berlin\nCarol",
    "Un saludo cordial,\nCarol",
    "Com os melhores cumprimentos,\nCarol",
    "Happy Thursday!\nCarol",
    "よろしくお願いいたします。",
    "Diese Nachricht wurde digital signiert.",
    "E-mails are not encrypted and may be read by third parties.",
    "Book a meeting with me: https://calendar.example/carol",
    "I do not expect an answer outside your own working hours.",
    "Provenance : Courrier pour Windows",
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_blocks_nothing_and_is_no_reason(ending: str) -> None:
    assert isinstance(read_command(f"Approve\n\n{ending}", RULES), Command)
    for text, reason in ((f"Deny\n\n{ending}", ""), (f"Deny: no room\n\n{ending}", "no room")):
        said = read_command(text, RULES)
        assert isinstance(said, Command)
        assert said.reason == reason


@pytest.mark.parametrize(
    "reason", ["Budget - there is none", "Duplicate of #12", "quota", "The network team has no addresses left."]
)
def test_what_only_begins_like_an_ending_is_a_reason(reason: str) -> None:
    said = read_command(f"Deny\n\n{reason}", RULES)

    assert isinstance(said, Command)
    assert said.reason == reason


@pytest.mark.parametrize("command", ["release", "confirm", "withdraw", "reinstall"])
@pytest.mark.parametrize(
    "words",
    [
        "In a week.",
        "Who asked for this?",
        "Je garde la machine.",
        "(joke)",
        "dans deux semaines",
        "Will my data survive?",
    ],
)
def test_what_cannot_be_taken_back_is_not_done_beside_a_question_or_another_time(command: str, words: str) -> None:
    assert isinstance(read_command(f"{command}\n\n{words}", RULES), Unclear)


@pytest.mark.parametrize("command", ["release", "confirm", "withdraw", "reinstall"])
@pytest.mark.parametrize("words", ["Thanks for everything!", "The project is over.", "Alice", "It was me."])
def test_what_owners_add_to_a_command_does_not_stop_it(command: str, words: str) -> None:
    assert isinstance(read_command(f"{command}\n\n{words}", RULES), Command)


def test_when_a_paper_is_due_is_a_reason_for_more_time() -> None:
    assert isinstance(read_command("extend until 2027-06-30\n\nThe review comes in two months.", RULES), Command)
