"""What makes a mail a request, and what each part of it is understood to be; whole mails are in fixtures/mail/requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from parsers.request.reading import filled_template, find_request, is_request_subject
from parsers.values import Address, Fields, Mail, ReadingRules, Request

RULES = ReadingRules(
    now=datetime(2026, 11, 22, 11, tzinfo=UTC),
    timezone=ZoneInfo("Europe/Paris"),
    own_addresses=frozenset({"support@testbed.example"}),
)
SUBJECT = "Persistent Virtual Machine Creation"
TEMPLATE = "username: alice\n\nintended usage: A web server.\n\nexpiration date: 2027-03-31\n"
ALICE = Fields("alice", "A web server.", date(2027, 3, 31), expiration_text="2027-03-31")


def a_mail(
    text: str, subject: str = SUBJECT, *, new_text: str | None = None, attachments: tuple[str, ...] = ()
) -> Mail:
    return Mail(
        "", 0, None, Address("alice@example.org"), subject, text=text, new_text=new_text, attachments=attachments
    )


def read(text: str, subject: str = SUBJECT, new_text: str | None = None) -> Request | None:
    return find_request(a_mail(text, subject, new_text=new_text), RULES)


def read_request(text: str, subject: str = SUBJECT, new_text: str | None = None) -> Request:
    request = read(text, subject, new_text)
    assert request is not None
    return request


def quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    "subject",
    [
        SUBJECT, SUBJECT.lower(), SUBJECT.upper(), f"Re: {SUBJECT}", f"RE : {SUBJECT}", f"Re[2]: {SUBJECT}", f"TR: {SUBJECT}",
        f"Fwd: Re: {SUBJECT}", f"AW: WG: {SUBJECT}", f"[support] {SUBJECT}", f"Re: [support] {SUBJECT}", f"{SUBJECT} - alice",
        f"{SUBJECT} (alice)", f"{SUBJECT} request", f"{SUBJECT} for alice", f"  {SUBJECT}.  ", "Persistent  virtual machine\tcreation",
    ],
)  # fmt: skip
def test_these_subjects_ask_for_a_vm(subject: str) -> None:
    assert is_request_subject(subject, RULES)
    assert read_request(TEMPLATE, subject).fields == ALICE


@pytest.mark.parametrize(
    "subject", ["", "Re:", f"Question about {SUBJECT}", f"{SUBJECT}?", f"{SUBJECT} fails", "Persistent Virtual Machine"]
)
def test_these_subjects_do_not(subject: str) -> None:
    assert not is_request_subject(subject, RULES)
    assert read("Hello", subject) is None


def test_the_subject_is_the_site_s_own() -> None:
    rules = replace(RULES, request_subject="Demande de machine virtuelle")
    assert is_request_subject("TR : demande de machine virtuelle", rules)
    assert not is_request_subject(SUBJECT, rules)


def test_the_whole_template_is_a_request_under_any_subject() -> None:
    assert read_request(TEMPLATE, "my VM").fields == ALICE
    assert (
        read_request(f"See below.\n\nFrom: Alice <alice@example.org>\nSent: Monday\n\n{TEMPLATE}", "FW: my VM").fields
        == ALICE
    )


@pytest.mark.parametrize(
    "text",
    [
        "username: alice\npassword: lost\nexpiration date: 2027-01-01\n",
        "The intended usage of the persistent virtual machine is unclear to me.",
        "The template says intended usage: and I wonder about it.",
        "intended usage: A web server.\n",
        quoted(TEMPLATE),
        "username: <Fill with your login>\nintended usage: <Fill with the intended usage for the VM, in 5-10 lines>\n",
    ],
)
def test_other_mails_with_some_of_its_words_are_none(text: str) -> None:
    assert read(text, "Some question") is None


def test_a_reply_without_template_lines_is_none() -> None:
    assert read("Thank you!", f"Re: {SUBJECT}") is None
    assert read("Hello", SUBJECT) is not None


def test_people_who_talk_above_a_quoted_template_make_no_request() -> None:
    text = f"Your end date is wrong.\n\nOn Monday, Bob <bob@example.org> wrote:\n{quoted(TEMPLATE)}"
    assert read(text, f"Re: {SUBJECT}", "Your end date is wrong.") is None
    outlook = f"Your end date is wrong.\n\nFrom: Bob <bob@example.org>\nSent: Monday\n\n{TEMPLATE}"
    assert read(outlook, f"RE: {SUBJECT}", "Your end date is wrong.") is None


def test_a_quote_of_our_own_letter_counts_whatever_stands_above_it() -> None:
    text = f"I have corrected it.\n\nOn Monday, VM service <support@testbed.example> wrote:\n{quoted(TEMPLATE)}"
    assert read_request(text, f"Re: {SUBJECT}", "I have corrected it.").fields == ALICE


def test_a_forwarded_template_counts_whoever_wrote_it() -> None:
    text = (
        f"Please see.\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\nTo: Alice\n\n{TEMPLATE}"
    )
    assert read_request(text, f"Fwd: {SUBJECT}", "Please see.").fields == ALICE
    assert read_request(text, SUBJECT, "Please see.").fields == ALICE


def test_each_part_is_taken_from_the_newest_words_that_have_it() -> None:
    older = TEMPLATE.replace("alice", "bob").replace("2027-03-31", "2027-01-01")
    text = f"username: alice\n\nOn Monday, support@testbed.example wrote:\n> expiration date: 2027-03-31\n>\n{quoted(quoted(older))}"
    assert read_request(text, f"Re: {SUBJECT}", "username: alice").fields == ALICE


def test_an_empty_new_line_does_not_hide_the_quoted_answer() -> None:
    assert read_request(f"username:\n\n{quoted(TEMPLATE)}", f"Re: {SUBJECT}").fields == ALICE


def test_a_signature_is_no_answer() -> None:
    assert read_request("intended usage: CI\nexpiration date: 2027-03-31\nusername:\n\nAlice\n").fields.username is None
    request = read_request(
        "username: alice\nintended usage: CI\nexpiration date:\n\nI hope that this is all you need.\n"
    )
    assert [(problem.field, problem.line, problem.found) for problem in request.problems] == [
        ("expiration_date", 3, "")
    ]
    assert read_request("username: alice\nintended usage: CI\nexpiration date:\n\n2027-03-31\n").problems == ()


def test_other_words_for_a_label_in_a_reply_do_not_quietly_change_the_quoted_answer() -> None:
    request = read_request(f"Date: 22.11.2026\n\n{quoted(TEMPLATE)}", f"Re: {SUBJECT}")
    assert [problem.field for problem in request.problems] == ["expiration_date"]
    bad = TEMPLATE.replace("2027-03-31", "31 February 2027")
    corrected = read_request(f"Date: 31 March 2027\n\n{quoted(bad)}", f"Re: {SUBJECT}")
    assert corrected.fields.expiration_date == date(2027, 3, 31)


def test_lines_of_a_mail_header_are_no_answers() -> None:
    header = "Received: from x\nDate: Tue, 24 Nov 2026 09:30:00 +0000\nFrom: VM service <support@testbed.example>\nTo: Alice\n\n"
    assert read_request(f"{header}{TEMPLATE}").fields == ALICE
    assert read_request(quoted(f"{header}{TEMPLATE}"), f"Re: {SUBJECT}").fields == ALICE


def test_a_reply_with_one_stray_word_for_a_label_is_none() -> None:
    assert read("Date: see below\n> END: VCALENDAR\n> UID: 12\n", f"Re: {SUBJECT}") is None


def test_words_of_people_that_our_letters_show_behind_a_bar_are_no_answers() -> None:
    letter = f"You asked:\n\n    │ username: root\n    │ expiration date: 2028-01-01\n\n{TEMPLATE}"
    assert read_request(quoted(letter), f"Re: {SUBJECT}").fields == ALICE


def test_a_heading_above_an_explanation_is_no_second_answer() -> None:
    letter = f"Expiration date (line 7)\n\nWe read: 03/04/2027\n\nYour request:\n\n{TEMPLATE}"
    assert read_request(quoted(letter), f"Re: {SUBJECT}").fields == ALICE


def test_lines_are_counted_from_one_in_the_readable_text() -> None:
    request = read_request(f"Hello,\n\n{TEMPLATE.replace('alice', 'a b').replace('2027-03-31', 'soon')}")
    assert [(problem.field, problem.line, problem.found) for problem in request.problems] == [
        ("username", 3, "a b"),
        ("expiration_date", 7, "soon"),
    ]


def test_every_problem_says_what_would_be_accepted_with_an_example() -> None:
    request = read_request("username: a b\nexpiration date: soon\n")
    assert [problem.field for problem in request.problems] == ["username", "intended_usage", "expiration_date"]
    assert all("for example" in problem.allowed for problem in request.problems)


def test_what_was_found_is_shortened_and_shown_without_invisible_characters() -> None:
    request = read_request(TEMPLATE.replace("2027-03-31", "never \u202eever " * 30))
    (problem,) = request.problems
    assert len(problem.found) == 80
    assert problem.found.endswith("…")
    assert "\u202e" not in problem.found


def test_attachments_are_named_only_where_the_mail_has_no_lines() -> None:
    empty = find_request(a_mail("See the form.", attachments=("form.docx",)), RULES)
    assert empty is not None
    assert empty.problems[0].field == "request"
    assert "form.docx" in empty.problems[0].allowed
    filled = find_request(a_mail(TEMPLATE, attachments=("form.docx",)), RULES)
    assert filled is not None
    assert filled.problems == ()


def test_several_requests_show_the_problems_of_each() -> None:
    text = TEMPLATE.replace("alice", "a b") + TEMPLATE.replace("2027-03-31", "soon")
    request = read_request(text)
    assert [(problem.field, problem.line) for problem in request.problems] == [
        ("request", 6),
        ("username", 1),
        ("expiration_date", 10),
    ]


def test_the_same_template_twice_is_one_request() -> None:
    assert read_request(f"{TEMPLATE}\n{TEMPLATE}") == Request(ALICE)


def test_assumptions_and_corrections_are_noted() -> None:
    request = read_request("username: Alice\nintented usage: A web server.\nexpiration date: in 2 years")
    assert request.problems == ()
    assert request.notes == (
        "the login was written Alice, and read as alice",
        'the label "intented usage" was read as intended usage',
        "expiration date: counted from 22 November 2026",
    )


def test_invisible_characters_are_taken_out_of_the_usage() -> None:
    usage = read_request(TEMPLATE.replace("A web", "A\u202e\x1b[31m we\u200bb")).fields.intended_usage
    assert usage == "A[31m web server."


def test_a_disk_wish_carries_the_line_of_the_usage_when_it_must_be_asked_back() -> None:
    request = read_request(TEMPLATE.replace("A web server.", "I need 40 to 50 GB for logs."))
    assert [(problem.field, problem.line) for problem in request.problems] == [("disk_gib", 3)]


@pytest.mark.parametrize(
    "fields",
    [
        Fields(),
        Fields("alice"),
        ALICE,
        Fields(
            "alice",
            "One line\n\nusername: bob\nexpiration date: 2027-01-01\nintended usage: nothing\nthe end",
            date(2027, 1, 1),
        ),
        Fields(
            None, "I need 40 GB because the traces are large.", None, 40, "I need 40 GB because the traces are large."
        ),
    ],
)
def test_the_template_sent_back_is_read_as_what_was_filled_in(fields: Fields) -> None:
    text = filled_template(fields)
    for form in (text, quoted(text), f"Hello\n\n{text}\n-- \nAlice"):
        again = read_request(form, f"Re: {SUBJECT}").fields
        assert again.username == fields.username
        assert again.expiration_date == fields.expiration_date
        assert (again.intended_usage or "").split() == (fields.intended_usage or "").split()
        assert again.disk_gib == fields.disk_gib


def test_the_template_sent_back_has_a_placeholder_for_each_part_that_is_not_known() -> None:
    assert filled_template(Fields("alice")) == (
        "username: alice\n\n"
        "intended usage: <what the VM is for, in 5 to 10 lines; if you need more disk, how much and why>\n\n"
        "expiration date: <the last day on which you need the VM>"
    )
    request = read_request(filled_template(Fields()))
    assert [problem.field for problem in request.problems] == ["username", "intended_usage", "expiration_date"]


def test_a_filled_in_placeholder_keeps_the_answer() -> None:
    text = filled_template(Fields()).replace("<your login>", "<your login> alice")
    text = text.replace(
        "<the last day on which you need the VM>", "<the last day on which you need the VM: 31/03/2027>"
    )
    fields = read_request(text).fields
    assert (fields.username, fields.expiration_date) == ("alice", date(2027, 3, 31))


def test_a_wish_for_disk_beside_the_date_is_heard() -> None:
    fields = read_request(TEMPLATE.replace("2027-03-31", "2027-03-31 (I need 40 GB for traces)")).fields
    assert (fields.expiration_date, fields.disk_gib) == (date(2027, 3, 31), 40)


def test_a_usage_in_one_long_line_is_kept_whole_or_its_cut_is_noted() -> None:
    assert read_request(TEMPLATE.replace("A web", "very " * 1900)).notes == ()
    request = read_request(TEMPLATE.replace("A web", "very " * 2100))
    assert request.notes == ("the usage was cut after 10000 characters",)


def test_a_mail_of_nothing_but_template_lines_is_read_to_the_end_of_patience() -> None:
    request = read_request("intended usage: x\nusername: a\nexpiration date: 2027-01-01\n" * 3000)
    assert request.problems == ()


@pytest.mark.parametrize("mark", ["-", "=", "~"])
def test_an_underlined_heading_is_a_label_whose_answer_stands_below(mark: str) -> None:
    headings = {"username": "alice", "intended usage": "A web server.", "expiration date": "2027-03-31"}
    text = "\n\n".join(f"{label.capitalize()}\n{mark * len(label)}\n{answer}" for label, answer in headings.items())
    assert read_request(text).fields == ALICE


@pytest.mark.parametrize(
    "labels",
    [
        ("nome de utilizador", "utilização prevista", "data de expiração"),
        ("gebruikersnaam", "beoogd gebruik", "vervaldatum"),
        ("nombre de usuario", "uso previsto", "fecha de vencimiento"),
    ],
)
def test_labels_in_other_languages_are_read(labels: tuple[str, str, str]) -> None:
    answers = ("alice", "A web server.", "2027-03-31")
    text = "\n\n".join(f"{label}: {answer}" for label, answer in zip(labels, answers, strict=True))
    assert read_request(text).fields == ALICE
