"""A small world: the real core and a real database, with people, a mailbox, sites and a clock that a test moves."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid5

from mailbot import operator, passes
from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.database import migrate
from mailbot.adapters.database.store import Database
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.reading.direct import DirectReader
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.letters.settings import LetterSettings
from mailbot.machines.work import Site
from mailbot.model import Admin, Letter, OutboundMail, Person, Ticket, TicketState
from mailbot.passes import Tally
from mailbot.pulse import Pulse
from mailbot.rules import Rules
from mailbot.tokens import TokenKeys
from mailbot.turns.context import TurnContext
from mailbot.wiring import Bot
from provisioner.fake import FakeSite, fake_host_key
from provisioner.fake_machine import FakeMachine
from tests.writing import SUPPORT, mail, read_letter, reply

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday."""


def key_of(login: str) -> str:
    """A well-formed SSH public key."""
    return f"{fake_host_key(uuid5(UUID(int=0), login))} {login}@laptop"


ALICE = Person(
    "alice", "Alice Martin", "alice@example.org", aliases=("a.martin@lab.example.org",), ssh_keys=(key_of("alice"),)
)
BOB = Person("bob", "Bob Durand", "bob@example.org", ssh_keys=(key_of("bob"),))
ERIN = Person("erin", "Erin Locked", "erin@example.org", ssh_keys=(key_of("erin"),), locked=True)
FRANK = Person("frank", "Frank Keyless", "frank@example.org", ssh_keys=("ssh-dss AAAAB3NzaC1kc3MAAAA= frank@laptop",))
PEOPLE = (ALICE, BOB, ERIN, FRANK)
CAROL = Admin("carol", "Carol Admin", "carol@testbed.example")
DAVE = Admin("dave", "Dave Admin", "dave@testbed.example")
ADMINS = (CAROL, DAVE)

TEMPLATE = """\
username: {username}

intended usage: {usage}

expiration date: {until}
"""


def request_words(
    username: str = "alice", usage: str = "A web server for the results of our campaign.", until: str = "2027-03-31"
) -> str:
    """The template, filled in."""
    return TEMPLATE.format(username=username, usage=usage, until=until)


@cache
def empty_database() -> bytes:
    """An empty database at head, made once: copying it is faster than migrating each."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite"
        migrate.upgrade(f"sqlite:///{file}")
        return file.read_bytes()


class World:
    """The bot among stand-ins for mail servers, hypervisors, directory and clock; the database and all decisions are real."""

    def __init__(
        self,
        root: Path,
        *,
        rules: Rules | None = None,
        people: Sequence[Person] = PEOPLE,
        admins: Sequence[Admin] = ADMINS,
        sites: Sequence[str] = ("north", "south"),
        digests: bool = False,
        clock: MemoryClock | None = None,
        database: Callable[..., Database] = Database,
    ) -> None:
        self.root = root
        self.url = f"sqlite:///{root / 'mailbot.sqlite'}"
        self.database = database
        (root / "mailbot.sqlite").write_bytes(empty_database())
        self.rules = rules or Rules()
        if not digests:  # only few tests want a letter every Monday
            self.rules = replace(self.rules, lease=replace(self.rules.lease, digest_day="never"))
        self.admins = tuple(admins)
        self.clock = clock or MemoryClock(START)
        self.inbox = MemoryInbox(SUPPORT)
        self.postman = MemoryPostman()
        self.directory = MemoryDirectory(people)
        self.sites = {name: FakeSite(name) for name in sites}
        self.settings = LetterSettings(
            support_address=SUPPORT,
            message_id_domain="mailbot.testbed.example",
            keys=TokenKeys((b"a key for tests only, 32 bytes..",)),
            rules=self.rules,
            from_name="Testbed support",
        )
        self.bot = self.build()

    def build(self) -> Bot:
        """The bot, made again over the same database and the same world, as after a start."""
        context = TurnContext(
            store=self.database(self.url, self.rules.letters),
            directory=self.directory,
            clock=self.clock,
            rules=self.rules,
            admins=self.admins,
            letters=replace(self.settings, rules=self.rules),
            own_addresses=frozenset({SUPPORT}),
        )
        reader = DirectReader(context.reading(START))
        sites = {
            name: Site(site, f"{name}.testbed.example", site, piece_bytes=100) for name, site in self.sites.items()
        }
        closers = (reader.close, context.store.close)
        return Bot(context, self.inbox, reader, self.postman, sites, SUPPORT, closers=closers)

    def restart(self) -> None:
        """Forget all that is not on disk or outside."""
        self.bot.close()
        self.bot = self.build()

    def close(self) -> None:
        self.bot.close()

    # what happens

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def once(self) -> Tally:
        """Let the bot do all that is due."""
        return passes.once(self.bot)

    def later(self, **duration: float) -> Tally:
        """Time passes, and the bot does what is due then."""
        self.clock.advance(timedelta(**duration))
        return self.once()

    def arrives(self, raw: bytes) -> Tally:
        """A mail arrives, and the bot does what is due."""
        self.inbox.deliver(raw)
        return self.once()

    def writes(self, sender: str, words: str, subject: str = "Persistent Virtual Machine Creation") -> Tally:
        return self.arrives(mail(sender, subject, words, self.now))

    def answers(self, letter: OutboundMail, words: str, sender: str | None = None) -> Tally:
        """A reply to a letter, by its recipient where nobody else is named."""
        return self.arrives(reply(letter, sender or letter.envelope_to, words, self.now))

    def gets_a_machine(self, person: Person = ALICE, number: int = 1) -> None:
        """Somebody asks, an admin approves, and the machine is ready; the number is that of the ticket."""
        self.writes(person.email, request_words(person.login))
        operator.approve(self.bot.context, number, CAROL.login)
        self.once()
        self.later(minutes=1)

    def gives_it_back(self) -> None:
        """Alice gives her machine back, and its disk is kept."""
        self.answers(self.last(Letter.VM_READY), "release")
        self.answers(self.last(Letter.RELEASE_CONFIRM), "confirm")
        for _ in range(5):
            self.later(minutes=11)
        assert self.ticket().state is TicketState.ARCHIVED

    # what is seen

    @property
    def letters(self) -> list[OutboundMail]:
        return self.postman.letters

    def last(self, letter: Letter, to: str = "") -> OutboundMail:
        """The newest letter of that kind (to that address)."""
        return next(one for one in reversed(self.letters) if kind_of(one) is letter and to in {"", one.envelope_to})

    def ticket(self, number: int = 1) -> Ticket:
        ticket = self.bot.context.store.ticket(number)
        assert ticket is not None, f"there is no ticket #{number}"
        return ticket

    def machines(self) -> dict[str, FakeMachine]:
        """Everything that exists at any site, as `name@site`; half-built ones too."""
        return {f"{one.name}@{name}": one for name, site in self.sites.items() for one in site.machines().values()}


def kind_of(letter: OutboundMail) -> Letter:
    return Letter(read_letter(letter)["X-Mailbot-Letter"])


class Raising(MemoryDirectory):
    """Whoever asks it for an address gets that error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(PEOPLE)
        self._error = error

    def by_address(self, address: str) -> Person | None:
        raise self._error


class Listening(Pulse):
    """Keeps what `systemctl status` would show after each tick."""

    def __init__(self) -> None:
        super().__init__()
        self.said: queue.Queue[str] = queue.Queue()

    def status(self, text: str) -> None:
        self.said.put(text)
