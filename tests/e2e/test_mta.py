"""Mails of honest people and of forgers go through a real border (Postfix, OpenDKIM, OpenDMARC) to Dovecot and the bot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.adapters.senders.resolver import Resolver, ResolverUnavailable
from mailbot.adapters.transport import Security
from mailbot.cli.findings import Level
from mailbot.cli.senders import senders
from mailbot.config import Config, load
from mailbot.contexts import make_context
from mailbot.model import Letter, Person, TicketState
from mailbot.rules import Rules, TrustRules
from mailbot.storage import open_store, system_clock
from mailbot.turns.context import TurnContext
from mailbot.wiring import Bot
from tests.border import DNS_ADDRESS, INSIDE, NAME, Border
from tests.clock import wall
from tests.dkim_signing import key, sign
from tests.world import ALICE, CAROL, World, key_of, kind_of, request_words
from tests.writing import SUPPORT, mail, reply, words_of

pytestmark = pytest.mark.e2e

ZONE = {
    "s1._domainkey.testbed.example": key().record,
    "mail._domainkey.testbed.example": key("mail").record,
    "_dmarc.testbed.example": "v=DMARC1; p=reject; adkim=s",
    "testbed.example": "v=spf1 ip4:192.0.2.1 -all",
    "s1._domainkey.example.org": key("alice").record,
    "_dmarc.example.org": "v=DMARC1; p=quarantine",
    "s1._domainkey.elsewhere.example": key("elsewhere").record,
    "_dmarc.elsewhere.example": "v=DMARC1; p=none",
    "elsewhere.example": "v=spf1 ip4:127.0.0.1 -all",
}
MALLORY = "mallory@elsewhere.example"
FORGED = (
    f"Authentication-Results: {NAME};\r\n dkim=pass header.d=testbed.example\r\n"
    f"Authentication-Results: {NAME}; dmarc=pass header.from=testbed.example\r\n"
).encode()
GRACE = Person("grace", "Grace Hopeful", "grace@example.org", ssh_keys=(key_of("grace"),))


class Site:
    """A bot that reads the mailbox behind the border."""

    def __init__(self, root: Path, mailserver: MailServer, border: Border, trust: TrustRules) -> None:
        self.mailserver = mailserver
        self.border = border
        self.world = World(root, rules=Rules(trust=trust), people=(ALICE, GRACE))
        self.world.clock.set(wall())
        self.world.inbox = ImapInbox(  # type: ignore[assignment]
            ImapSettings(
                host="127.0.0.1",
                port=mailserver.imap_port,
                username="support",
                password=lambda: "secret",
                security=Security.PLAIN,
                handled_folder="mailbot/handled",
                quarantine_folder="mailbot/quarantine",
            )
        )
        self.world.restart()
        if trust.check_dkim:
            self.world.bot = _with_own_check(self.world.bot, trust)

    def arrives(self, raw: bytes, envelope_from: str, client: str = "127.0.0.1") -> None:
        """The mail goes in at the border, and the bot does what is due once it lies in the mailbox."""
        before = len(self._lying())
        self.border.submit(raw, envelope_from, SUPPORT, client)
        deadline = time.monotonic() + 60
        while len(self._lying()) == before:
            assert time.monotonic() < deadline, self.border.log()
            time.sleep(0.05)
        self.world.clock.set(wall())
        self.world.once()

    def _lying(self) -> list[bytes]:
        """Mails in the inbox and in both folders."""
        folders = ("INBOX", "mailbot/handled", "mailbot/quarantine")
        return [raw for folder in folders for raw in self.mailserver.mailbox("support", folder)]

    def close(self) -> None:
        self.world.close()


def _with_own_check(bot: Bot, trust: TrustRules) -> Bot:
    context: TurnContext = replace(bot.context, authenticator=MailAuthenticator(trust))
    return replace(bot, context=context)


@pytest.fixture(scope="module")
def border() -> Iterator[tuple[MailServer, Border]]:
    with (
        MailServer({"support": "secret"}, "testbed.example") as mailserver,
        Border(ZONE, mailserver.smtp_port) as border,
    ):
        yield mailserver, border


BORDER = TrustRules(authserv_id=NAME)
OWN = TrustRules(check_dkim=True, dns_servers=(DNS_ADDRESS,))


@pytest.mark.parametrize("trust", [BORDER, OWN], ids=["the border's word", "our own check"])
def test_mails_of_honest_people_and_forgers_through_a_real_border(
    border: tuple[MailServer, Border], trust: TrustRules, tmp_path: Path
) -> None:
    site = Site(tmp_path, *border, trust)
    world = site.world
    try:
        # somebody in alice's name, signed by their own domain: nobody but alice hears of it
        forged = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), wall())
        site.arrives(sign(forged, "elsewhere.example", wall(), by=key("elsewhere")), MALLORY)
        assert world.ticket().state is TicketState.UNCONFIRMED
        assert {one.envelope_to for one in world.letters} == {ALICE.email}
        # alice herself
        honest = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), wall())
        site.arrives(sign(honest, "example.org", wall(), by=key("alice")), "forwarder@elsewhere.example")
        assert world.ticket(2).state is TicketState.PENDING
        before, letter = world.ticket(2), world.last(Letter.ADMIN_DECISION, CAROL.address)

        def approval() -> bytes:
            return reply(letter, CAROL.address, "approve", wall())

        def signed(domain: str, name: str = "") -> bytes:
            return sign(approval(), domain, wall(), by=key(name))

        attempts = {
            "nothing signed": approval(),
            "another domain's signature": signed("elsewhere.example", "elsewhere"),
            "a domain below, which DMARC does not let speak": signed("mail.testbed.example"),
            "the right domain, another key": signed("testbed.example", "elsewhere"),
            "changed after it was signed": signed("testbed.example").replace(b"\r\napprove\r\n", b"\r\nAPPROVE\r\n"),
            "results in the border's name": FORGED + approval(),
            "results in the border's name below a Received": FORGED
            + b"Received: from a by b; now\r\n"
            + FORGED
            + approval(),
            "results and another domain's signature": FORGED + signed("elsewhere.example", "elsewhere"),
        }
        for what, raw in attempts.items():
            site.arrives(raw, MALLORY)
            assert world.ticket(2) == before, f"{what}:\n{site.mailserver.mailbox('support', 'mailbot/handled')[-1]!r}"
        refusal = words_of(world.last(Letter.COMMAND_REFUSED, CAROL.address))
        assert "DMARC" in refusal
        # carol herself, and then somebody who has a copy of her mail
        genuine = signed("testbed.example")
        site.arrives(genuine, "forwarder@elsewhere.example")  # so that SPF cannot be what makes it genuine
        approved = world.ticket(2)
        assert approved.state in {TicketState.APPROVED, TicketState.ACTIVE}, words_of(world.letters[-1])
        evidence = next(one for one in world.bot.context.store.history(2) if one.event == "Approved").actor.evidence
        assert evidence["verdict"] == "proven"
        assert evidence["found"]
        letters = [kind_of(one) for one in world.letters].count(Letter.ADMIN_DECIDED)
        site.arrives(genuine, MALLORY)
        site.arrives(genuine.replace(b"Message-ID: <", b"Message-ID: <again."), MALLORY)
        assert [kind_of(one) for one in world.letters].count(Letter.ADMIN_DECIDED) == letters
        assert len(world.machines()) <= 1
    finally:
        site.close()


@pytest.mark.parametrize(
    ("trust", "proven"), [(BORDER, False), (replace(OWN, authserv_id=NAME), True)], ids=["the border's word", "both"]
)
def test_what_own_users_hand_in_is_signed_there_and_proven_by_our_own_check_only(
    border: tuple[MailServer, Border], trust: TrustRules, proven: bool, tmp_path: Path
) -> None:
    site = Site(tmp_path, *border, trust)
    try:
        request = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), wall())
        site.arrives(sign(request, "example.org", wall(), by=key("alice")), ALICE.email)
        approval = reply(site.world.last(Letter.ADMIN_DECISION, CAROL.address), CAROL.address, "approve", wall())
        site.arrives(approval, CAROL.address, INSIDE)
        assert (site.world.ticket().state is not TicketState.PENDING) is proven, site.border.log()
    finally:
        site.close()


def test_names_are_asked_and_silence_is_told_from_absence(border: tuple[MailServer, Border]) -> None:
    resolver = Resolver((DNS_ADDRESS,), 53, 5)
    assert resolver.txt("_dmarc.testbed.example") == (ZONE["_dmarc.testbed.example"],)
    assert resolver.txt("s1._domainkey.testbed.example") == (key().record,), "a long record comes whole"
    assert resolver.txt("nothing.testbed.example") == ()
    with pytest.raises(ResolverUnavailable):
        Resolver(("127.53.0.2",), 53, 1).txt("testbed.example")


def _configuration(root: Path, imap_port: int, smtp_port: int, trust: str) -> Config:
    (root / "keys").write_text("a-key-for-tests-only-of-at-least-32-characters\n")
    (root / "config.toml").write_text(
        f"""
admins = [{{login = "carol", name = "Carol", address = "carol@testbed.example"}}]
sites = [{{name = "main", dns_domain = "main.testbed.example"}}]
[mailbox]
host = "127.0.0.1"
port = {imap_port}
security = "plain"
username = "support"
password = "secret"
[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "plain"
from_address = "{SUPPORT}"
[tokens]
key_file = "keys"
[trust]
{trust}
"""
    )
    return load(root / "config.toml", {})


def test_doctor_sees_whether_a_forged_result_would_be_believed(
    border: tuple[MailServer, Border], tmp_path: Path
) -> None:
    mailserver, mta = border
    trust = f'authserv_id = "{NAME}"'
    behind = _configuration(tmp_path, mailserver.imap_port, mta.port, trust)
    told = list(senders(behind))
    assert [(one.what, one.level) for one in told] == [("border", Level.OK)], told
    without = _configuration(tmp_path, mailserver.imap_port, mailserver.smtp_port, trust)
    told = list(senders(without))
    assert [(one.what, one.level) for one in told] == [("border", Level.FAIL)]
    assert "would be believed" in told[0].said


def test_doctor_asks_name_servers_and_says_who_publishes_no_policy(
    border: tuple[MailServer, Border], tmp_path: Path
) -> None:
    mailserver, mta = border
    here = f'check_dkim = true\ndns_servers = ["{DNS_ADDRESS}"]'
    told = list(senders(_configuration(tmp_path, mailserver.imap_port, mta.port, here)))
    assert [(one.what, one.level, one.said) for one in told] == [("names", Level.OK, "name servers answer")]
    away = 'check_dkim = true\ndns_seconds = 1\ndns_servers = ["127.53.0.2"]'
    told = list(senders(_configuration(tmp_path, mailserver.imap_port, mta.port, away)))
    assert [(one.what, one.level) for one in told] == [("names", Level.FAIL)]


@pytest.mark.parametrize(
    ("trust", "looks"), [("", False), (f'authserv_id = "{NAME}"', False), ("check_dkim = true", True)]
)
def test_mails_are_looked_at_themselves_only_where_the_site_wants_that(tmp_path: Path, trust: str, looks: bool) -> None:
    config = _configuration(tmp_path, 1, 1, trust)
    context = make_context(config, open_store(config), system_clock())
    assert (context.authenticator is not None) is looks
    assert context.rules.trust == config.trust
    assert context.reading(wall()).relays == config.trust.relays
