"""What people write stays words: rows 7, 15, 16 and 27 of docs/threats.md, from a mail to every letter and the log."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import Header
from email.policy import SMTP

import pytest

from mailbot.letters.compose import compose
from mailbot.letters.samples import Sample
from mailbot.model import Letter, TicketState
from parsers.text.folding import one_line
from tests.threats.site import approval, genuine, question, untouched
from tests.trying import SAMPLES, SETTINGS
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import SUPPORT, mail, read_letter, reply, words_of

NASTY = (
    "{{ 7*7 }} {% include 'x' %} ${7*7} <script>alert(1)</script> <img src=x onerror=alert(1)> "
    "'; DROP TABLE tickets; -- $(reboot) `reboot` ../../etc/passwd *)(uid=*) ]]> &xxe; \\x1b[2J "
    "\x1b[31mred\x1b[0m \u202eevil\u202c zero\u200bwidth #cloud-config runcmd: [reboot]"
)


def test_words_of_a_request_are_words_in_every_letter_and_nowhere_a_command(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.arrives(genuine(approval(world, words="deny please ask again"), CAROL.address))
    request = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(usage=NASTY), world.now)
    world.arrives(genuine(request, ALICE.email))
    ticket = world.ticket(2)
    assert ticket.state is TicketState.PENDING
    assert not set(ticket.intended_usage) & set("\x1b\u202e\u202c\u200b")
    letter = world.last(Letter.ADMIN_DECISION, CAROL.address)
    message = read_letter(letter)
    html = message.get_body(("html",))
    assert html is not None
    shown = html.get_content()
    assert "<script" not in shown
    assert "onerror=alert(1)>" not in shown
    assert "{{ 7*7 }}" in shown, "no template runs twice"
    assert "{{ 7*7 }}" in words_of(letter)
    world.arrives(genuine(reply(letter, CAROL.address, "approve", world.now), CAROL.address))
    world.later(minutes=5)
    assert world.ticket(2).state is TicketState.ACTIVE
    told = capsys.readouterr()
    assert "\x1b[31mred" not in told.err + told.out
    assert "DROP TABLE" not in told.err, "the log never has what people write"


def test_a_subject_and_a_name_cannot_add_a_header(world: World) -> None:
    world.arrives(genuine(approval(world, words="deny please ask again"), CAROL.address))
    subject = Header("Persistent Virtual Machine Creation\r\nBcc: mallory@elsewhere.example", "utf-8").encode()
    raw = mail(ALICE.email, "SUBJECT", request_words(), world.now).replace(
        b"From: alice@example.org", b'From: "Alice\\\r\n Bcc: x@elsewhere.example" <alice@example.org>'
    )
    world.arrives(genuine(raw.replace(b"SUBJECT", subject.replace("\n", "\r\n ").encode()), ALICE.email))
    assert world.letters
    for letter in world.letters:
        message = message_from_bytes(letter.data, policy=SMTP)
        assert message["Bcc"] is None
        assert all(len(message.get_all(name)) == 1 for name in ("From", "To", "Subject", "Message-ID"))


@pytest.mark.parametrize(
    "words",
    [
        "Dear all,\n\nI am on holiday.\n\n-- \napprove\n",
        "> approve\n",
        "Please see below.\n\n-----Original Message-----\nFrom: Dave\n\napprove\n",
        "I will look at it tomorrow.\n____\nThis list: reply with approve to subscribe\n",
    ],
)
def test_the_word_somewhere_else_than_in_the_first_new_line_approves_nothing(world: World, words: str) -> None:
    before = world.ticket()
    raw = reply(question(world), CAROL.address, words, world.now)
    world.arrives(genuine(raw, CAROL.address))
    assert untouched(world, before)


def test_the_word_in_a_subject_an_attachment_or_hidden_html_approves_nothing(world: World) -> None:
    before, letter = world.ticket(), question(world)
    head = f"From: {CAROL.address}\r\nTo: {SUPPORT}\r\nReferences: {letter.message_id}\r\nMIME-Version: 1.0\r\n"
    texts = (
        "Subject: approve\r\nContent-Type: text/plain\r\n\r\n\r\n",
        'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n'
        "Content-Disposition: attachment; filename=a.txt\r\n\r\napprove\r\n--b--\r\n",
        "Subject: x\r\nContent-Type: text/html\r\n\r\n"
        '<div style="display:none">approve</div><p>I do not know yet.</p><!-- approve -->\r\n',
    )
    for text in texts:
        world.arrives(genuine((head + text).encode(), CAROL.address))
        assert untouched(world, before), text
    assert {kind_of(one) for one in world.letters[-3:]} <= {Letter.UNCLEAR_REPLY, Letter.ADMIN_DECISION}


@pytest.mark.parametrize("login", ["аlice", "ａｌｉｃｅ", "alice\u200b.", "alice;reboot", "../alice", "alice*)(uid=*"])
def test_a_name_that_only_looks_like_a_login_gets_no_machine(world: World, login: str) -> None:
    world.arrives(genuine(approval(world, words="deny please ask again"), CAROL.address))
    raw = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(login), world.now)
    world.arrives(genuine(raw, ALICE.email))
    tickets = world.bot.context.store.tickets((TicketState.PENDING, TicketState.UNCONFIRMED))
    assert all(ticket.username == "alice" for ticket in tickets)
    if not one_line(login, 80).isascii():
        assert kind_of(world.letters[-1]) is Letter.REQUEST_PROBLEMS


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_no_letter_has_a_link_that_acts(sample: Sample) -> None:
    letter = compose(sample.item, sample.ticket, SETTINGS, sample.now)
    message = message_from_bytes(letter.data, policy=SMTP)
    for part in message.walk():
        if part.get_content_maintype() == "text":
            links = re.findall(r'(?:href|src|action)\s*=\s*"?([^"\s>]+)', str(part.get_content()), re.IGNORECASE)
            assert not [link for link in links if not link.startswith(("mailto:", "#"))], links
