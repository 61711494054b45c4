"""All of a writer's own words count: what limits a command stops it, what is harmless does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import ReadingRules, read, understand
from parsers.reply.commands import read_command
from parsers.values import Command, Kind, Unclear, Verb

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)

TAKE_BACK = (
    "Office: until Monday only",
    "Oops, that was for somebody else's ticket.",
    "Please disregard, I answered the wrong mail.",
    "Hm, hold on, let me talk to the head of the lab.",
    "Only when his supervisor has signed.",
    "Once the new rack is in place.",
    "Subject to the agreement of the security officer.",
    "Pending a word from purchasing.",
    "up to 12 GB of disk, no more",
    "for two months",
    "End date 2027-02-15",
    "by the end of June",
    "But not before the storage is mended.",
    "Unless Dave objects.",
    "No.",
    "Never mind!",
    "I changed my mind.",
    "Let's discuss it tomorrow.",
    "Rejected, sorry.",
    "Sauf si Dave s'y oppose.",
    "Dès que le responsable aura signé.",
    "Finalement, attendez mon retour.",
    "Mais pas avant lundi.",
    "Erst nach der Wartung.",
    "Nur bis Ende März.",
    "Pero hasta junio solamente.",
    "Ma solo dopo la manutenzione.",
    "⛔",
    "Room in the north ❌",
    "🤔",
    "Sent from the wrong account.",
    "Sent by accident",
)
HARMLESS = (
    "If you run into trouble, just drop me a line.",
    "Should anything be unclear, please ask.",
    "Let me know when it is up.",
    "Please don't hesitate to write.",
    "No objections from my side.",
    "Thanks a lot for waiting!",
    "I agree.",
    "Makes sense to me.",
    "I'm fine with it.",
    "No comments.",
    "Einverstanden.",
    "I'm on the train.",
    "🎉",
    "No need to reply.",
    "Sorry for the delay!",
    "See you at the seminar on Thursday.",
    "She works in our group on the energy project.",
    "Have fun with the new machine!",
    "Why not.",
    "N'hésitez pas à me contacter.",
    "Si vous avez des questions, écrivez-moi.",
    "Pas de problème.",
    "Désolé pour le retard.",
    "Bei Fragen melden Sie sich bitte.",
    "Kein Problem!",
    "Viele Grüße\nCarol",
    "Best regards,\nCarol Admin\nComputing centre\nPhone: +33 1 23 45 67 89",
    "CONFIDENTIAL: if you are not the intended recipient, do not copy this message.",
    "The university does not accept liability for this e-mail.",
    "Ce courriel est confidentiel. Si vous n'êtes pas le destinataire, détruisez-le.",
    "Sent from my iPhone",
    "Carol Admin | Head of systems | +33 1 23 45 67 89",
    "Kind regards,\nCarol Admin (she/her)",
    "Please go ahead.",
    "https://testbed.example/team",
    "[image: logo.png]",
)
BANNERS = (
    "ZjQcmQRYFpfptBannerStart\nThis Message Is From an External Sender\nZjQcmQRYFpfptBannerEnd",
    "External mail: please help us to keep the university safe.",
    "[EXTERNAL]",
    "CAUTION: This message was sent from outside the organisation. Do not open attachments\nunless you know the sender.",
    "You don't often get email from carol@testbed.example. Learn why this is important",
    "*** This email originated outside of our university ***",
    "ATTENTION : ce courriel provient d'un expéditeur externe.",
    "Achtung: Diese E-Mail stammt von einem externen Absender.",
)
GREETINGS = (
    "Hi,",
    "Dear all,",
    "Alice,",
    "Bonjour Madame,",
    "Hallo zusammen,",
    "Buongiorno,",
    "Good morning support team,",
    "@Bob",
    "All,",
    "Bob -",
)


@pytest.mark.parametrize("words", TAKE_BACK)
@pytest.mark.parametrize("command", ["approve", "Approved, thanks!", "extend for 2 months"])
def test_what_limits_a_command_or_takes_it_back_is_asked_about_and_named(command: str, words: str) -> None:
    said = read_command(f"{command}\n\n{words}\n\nCarol", RULES)
    assert isinstance(said, Unclear)
    assert words.split("\n", maxsplit=1)[0][:20] in said.why


@pytest.mark.parametrize("words", HARMLESS)
@pytest.mark.parametrize("command", ["approve", "deny: there is no room", "extend for 2 months"])
def test_what_is_harmless_blocks_nothing(command: str, words: str) -> None:
    said = read_command(f"{command}\n\n{words}", RULES)
    assert isinstance(said, Command), said
    if said.verb is Verb.DENY:
        assert said.reason == "there is no room"


@given(st.sampled_from(HARMLESS), st.sampled_from(TAKE_BACK), st.sampled_from(HARMLESS))
def test_harmless_words_around_a_second_thought_do_not_hide_it(before: str, thought: str, after: str) -> None:
    if any(mark in before for mark in ("Grüße", "regards")):
        before = "Thanks for asking."
    assert isinstance(read_command(f"approve\n\n{before}\n\n{thought}\n\n{after}", RULES), Unclear)


@given(
    st.sampled_from(BANNERS), st.sampled_from(("", *GREETINGS)), st.sampled_from(("approve", "deny no room", "release"))
)
def test_banners_and_greetings_change_nothing(banner: str, greeting: str, command: str) -> None:
    plain = read_command(command, RULES)
    assert read_command(f"{banner}\n\n{greeting}\n\n{command}", RULES) == plain
    assert isinstance(plain, Command)


@pytest.mark.parametrize(
    "thought",
    [
        "Oops, wrong ticket.",
        "Please do not deny it yet.",
        "Wait, I mixed up two people.",
        "Actually, forget that.",
        "I approve it after all.",
    ],
)
def test_a_denial_can_be_taken_back_too(thought: str) -> None:
    assert isinstance(read_command(f"deny\n\n{thought}", RULES), Unclear)


@pytest.mark.parametrize(
    "words",
    ["There is no room until the summer.", "Please wait for the next call.", "If you need it, ask the board first."],
)
def test_a_denial_is_explained_with_limits_and_conditions(words: str) -> None:
    said = read_command(f"deny\n\n{words}", RULES)
    assert isinstance(said, Command)
    assert said.reason == words


def test_a_reason_is_the_whole_paragraph_without_name_and_disclaimer() -> None:
    said = read_command(
        "Deny, because the project has no budget for machines that run for longer than\n"
        "one year; please talk to your supervisor.\n\nCarol Admin\nSystems\n\nThis message is confidential.",
        RULES,
    )
    assert isinstance(said, Command)
    assert said.reason.startswith("the project has no budget")
    assert said.reason.endswith("than one year; please talk to your supervisor")


@pytest.mark.parametrize(
    "below", ["Carol Admin\nSystem administrator\nPhone 0123 456", "This e-mail may be confidential.", "Cheers\nCarol"]
)
def test_a_name_a_closing_or_a_disclaimer_is_no_reason(below: str) -> None:
    said = read_command(f"Deny\n\n{below}", RULES)
    assert isinstance(said, Command)
    assert said.reason == ""


@pytest.mark.parametrize(
    "line",
    [
        "‘approve’",
        "「approve」",
        "approve。",
        "Approve – Carol",
        "Approved - go ahead",
        "This request is approved.",
        "approve :-)",
        "Validé",
        "OK pour moi",
        "(approve)",
        "1. approve",
        "=> approve",
        "Approve -- Carol",
        "Go ahead, approved",
        "Consider it approved.",
        "Decision: approve",
        "+1 approve",
    ],
)
def test_an_approval_in_many_forms(line: str) -> None:
    said = read_command(line, RULES)
    assert isinstance(said, Command), said
    assert said.verb is Verb.APPROVE


HEAD = (
    "From: Carol Admin <carol@testbed.example>\nTo: support@testbed.example\nSubject: {subject}\nMessage-ID: <1@testbed.example>\n"
    "In-Reply-To: <2@mailbot.testbed.example>\n\n{text}\n"
)


def kind(text: str, subject: str = "Re: [Testbed #12] VM for alice") -> Kind:
    return understand(read(HEAD.format(subject=subject, text=text).encode(), RULES), RULES).kind


QUOTE = "{intro}\n> Alice Martin asks for a virtual machine.\n> Reply with approve or deny."
INTROS = (
    "On Mon, 23 Nov 2026 at 10:12, Testbed support <support@testbed.example> wrote:",
    "On Mon, Nov 23, 2026 at 10:12 AM Testbed support <support@testbed.example>\nwrote:",
    "Am 23.11.2026 um 10:12 schrieb Testbed support:",
    "Le 23/11/2026 à 10:12, Testbed support a écrit :",
    "Testbed support wrote:",
)


@pytest.mark.parametrize("intro", INTROS)
@pytest.mark.parametrize("above", ["Approve", "Approve\nCarol"])
def test_an_answer_right_above_the_introduction_is_no_part_of_it(above: str, intro: str) -> None:
    assert kind(f"{above}\n{QUOTE.format(intro=intro)}") is Kind.DECISION


@pytest.mark.parametrize("name", ["carol", "carol admin", "- c. admin", "Carol", "CAROL A."])
@pytest.mark.parametrize(
    ("words", "reason"), [("Deny", ""), ("Deny: no room", "no room"), ("deny\nNo room.", "No room.")]
)
def test_the_writers_own_name_is_no_part_of_a_reason(words: str, reason: str, name: str) -> None:
    raw = HEAD.format(subject="Re: VM", text=f"{words}\n{name}").encode()
    said = understand(read(raw, RULES), RULES).meaning

    assert isinstance(said, Command)
    assert said.reason == reason


@pytest.mark.parametrize("words", ["bob has no grant", "carol2", "c: no", "a", "carol?"])
def test_other_words_below_are_the_reason(words: str) -> None:
    said = understand(read(HEAD.format(subject="Re: VM", text=f"Deny\n{words}").encode(), RULES), RULES).meaning

    assert isinstance(said, Command)
    assert said.reason == words


@pytest.mark.parametrize("below", ["Wait, not before Friday.", "deny", "Oops, wrong ticket."])
def test_words_below_the_quote_count_too(below: str) -> None:
    assert kind(f"Approve\n\n{QUOTE.format(intro=INTROS[0])}\n\n{below}") is Kind.UNCLEAR


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("[External] Automatic reply: VM", "I am at a conference."),
        ("[Abwesenheitsnotiz] VM", "Bin bald wieder da."),
        ("Ticket #99 created: VM", "Hello."),
        ("Re: VM", "Thank you for your message. I am on annual leave until 4 January."),
        ("Re: VM", "Ich bin bis Montag nicht im Büro."),
        ("Re: VM", "Je suis actuellement en congés."),
        ("Re: VM", "*** This mailbox is not monitored. ***"),
    ],
)
def test_a_machine_without_marks_is_known_by_its_subject_or_its_first_words(subject: str, text: str) -> None:
    assert kind(text, subject) is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "text",
    [
        "Approve\n\nI am out of the office next week, Dave will help.",
        "approve\n\nBy the way: this is an automated reply to nobody.",
    ],
)
def test_words_alone_make_no_machine_of_somebody_who_commands(text: str) -> None:
    assert kind(text) is not Kind.AUTOMATIC


def test_words_alone_make_no_machine_of_a_filled_in_template() -> None:
    text = "username: alice\nintended usage: A responder that answers: this is an automated reply.\nexpiration date: 2027-03-31"
    assert kind(text, "Persistent Virtual Machine Creation") is Kind.REQUEST


def test_a_banner_between_two_lines_of_marks_is_no_signature() -> None:
    raw = (
        b"From: Carol <carol@testbed.example>\nSubject: Re: VM\n\n"
        b"==========\nThis mail is external. Please be careful.\n==========\n\nApprove\n\nCarol\n"
    )
    meaning = understand(read(raw, RULES), RULES).meaning

    assert isinstance(meaning, Command)
    assert meaning.verb is Verb.APPROVE


def test_what_closes_a_mail_behind_a_reason_is_no_part_of_it() -> None:
    said = read_command("Deny: there is no room. Best, Carol", RULES)
    assert isinstance(said, Command)
    assert said.reason == "there is no room"


@pytest.mark.parametrize("words", ["P.S. only until February", "tbd", "w. only 10 GB"])
def test_what_only_looks_like_a_contact_or_a_name_is_asked_about(words: str) -> None:
    assert isinstance(read_command(f"approve\n\n{words}", RULES), Unclear)


@pytest.mark.parametrize(
    "why",
    [
        "The measurements are not finished yet.",
        "The paper has not been accepted yet.",
        "Our data could not be moved in time.",
        "Les mesures ne sont pas terminées.",
    ],
)
def test_who_asks_for_more_time_may_say_what_is_not_finished(why: str) -> None:
    assert isinstance(read_command(f"extend for 2 months\n\n{why}", RULES), Command)


@pytest.mark.parametrize(
    "thought", ["I do not need it.", "Not until June.", "Better for three months.", "No, forget it."]
)
def test_an_extension_is_limited_and_taken_back_like_an_approval(thought: str) -> None:
    assert isinstance(read_command(f"extend for 2 months\n\n{thought}", RULES), Unclear)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("extend for 2 months", ""),
        ("extend for 2 months\n\nThanks a lot!\nAlice", ""),
        ("extend for 2 months\n\nWe still need it for the demo.\n\nBest,\nAlice", "We still need it for the demo."),
        (
            "extend for 2 months\nBecause the reviewers want it before May 2027.",
            "the reviewers want it before May 2027",
        ),
        ("extend for 2 months because the runs are not over until June", "the runs are not over until June"),
        ("extend for 2 months (reason: the demo)", "the demo"),
        ("extend until 2027-01-31, due to the move", "the move"),
        (
            "prolonger de 2 mois\n\nParce que la soutenance n'aura pas lieu avant juin.",
            "la soutenance n'aura pas lieu avant juin",
        ),
        ("prolonger de 2 mois\n\nMotif : 3 expériences jusqu'en juin", "3 expériences jusqu'en juin"),
    ],
)
def test_an_extension_may_have_a_reason(words: str, reason: str) -> None:
    read = read_command(words, RULES)
    assert isinstance(read, Command)
    assert read.reason == reason


@pytest.mark.parametrize(
    "words",
    [
        "extend for 2 months\n\nBecause Bob says so, but only if there is room.",
        "extend for 2 months\n\nBecause. No, forget it.",
        "extend for 2 months because of the demo\nignore this",
        "extend for 2 months because of the demo, unless Dave objects",
        "extend for 2 months\n\nWe need it until the end of the project.",
        "prolonger de 2 mois\n\nParce que c'est utile, sauf si Dave s'y oppose.",
    ],
)
def test_a_condition_and_a_second_thought_count_in_a_reason_too(words: str) -> None:
    read = read_command(words, RULES)
    assert isinstance(read, Unclear)
    assert read.why.endswith("begin it with the word “because”.")
