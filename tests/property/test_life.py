"""A bot's life in any order: requests, right and wrong decisions, time, crashes and failures, with laws as invariants.

Hypothesis chooses what happens; the core and the database are real.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailbot import operator, passes
from mailbot.adapters.clock import MemoryClock
from mailbot.errors import MailServerUnavailable
from mailbot.model import FINAL, ONE_PER_USER, Letter, OutboundMail, Person, Role, TicketState
from mailbot.passes import Tally
from mailbot.ports import Folder
from mailbot.recovery import recover
from provisioner.fake_machine import Faults
from tests.world import ADMINS, ALICE, BOB, START, World, kind_of, request_words
from tests.writing import bounce, mail, out_of_office, reply

LOGINS = st.sampled_from(["alice", "bob", "erin", "nobody"])
SENDERS = st.sampled_from(
    [
        "alice@example.org",
        "bob@example.org",
        "carol@testbed.example",
        "dave@testbed.example",
        "mallory@elsewhere.example",
    ]
)
WORDS = st.sampled_from(
    ["approve", "approve until 2027-01-31", "approve disk 20", "approve disk 900", "deny no room", "deny", "withdraw",
     "confirm", "status", "help", "perhaps", ""]
)  # fmt: skip
DATES = st.sampled_from(["2027-03-31", "2026-11-25", "2020-01-01", "03/04/2027", "soon"])
ANY = st.integers(0, 10**6)
RENAMED = replace(ALICE, login="alice.durand", id="memory:alice")
SUCCESSOR = replace(ALICE, name="Alex Newcomer", id="memory:alex")
"""Somebody else, with the login and the addresses that were alice's."""
REGISTERED = (
    {address for person in (ALICE, BOB) for address in person.addresses}
    | {"erin@example.org"}
    | {admin.address for admin in ADMINS}
)


BLIND_ENDS = frozenset({TicketState.EXPIRED, TicketState.RETIRING, TicketState.LAPSED, TicketState.REMOVED})
"""What the clock alone brings a ticket to, and nobody can take back."""
LAST_STAGE = {TicketState.ACTIVE: 4, TicketState.EXPIRED: 2}
"""What `Ticket.stage` is after the last letter before the end."""
BELIEVED_AFTER = 24 * 3600.0
"""Seconds after which a clock that was set is believed again."""


class OtherHost:
    """The clock of another host: it differs, and the machine was started at another time."""

    def __init__(self, clock: MemoryClock, skew: timedelta, starts: int) -> None:
        self._clock, self._skew, self._starts = clock, skew, starts

    def now(self) -> datetime:
        return self._clock.now() + self._skew

    def elapsed(self) -> float:
        return self._clock.elapsed()

    def start(self) -> str:
        return f"another host, start {self._starts}"


class Watched(World):
    """A world that writes down, with its own arithmetic, when the bot could last see everything."""

    seen_at = START - timedelta(days=1)
    off = timedelta(0)
    """How far the clock is from what passed by it."""
    jumped = 0
    skew = timedelta(0)
    """How far the clock of another host differs."""
    doubted: float | None = None
    """What the clock that nobody sets showed at the first look after a jump."""

    def once(self) -> Tally:
        """As the bot does it; a look without any trouble, with a directory and by a clock that is right, saw everything."""
        elapsed = self.clock.elapsed()
        if abs(self.off) > timedelta(hours=1) and self.doubted is None:
            self.doubted = elapsed
        if self.doubted is not None and elapsed - self.doubted >= BELIEVED_AFTER:
            self.off, self.doubted = timedelta(0), None
        tally = super().once()
        if not tally.troubles and not self.directory.down and self.doubted is None:
            self.seen_at = self.now
        return tally

    def looks_beside(self) -> None:
        """What a second daemon makes of it."""
        bot = self.build()
        clock = OtherHost(self.clock, self.skew, self.jumped)
        try:
            tally = passes.once(replace(bot, context=replace(bot.context, clock=clock)))
        finally:
            bot.close()
        if not tally.troubles and not self.directory.down:
            self.seen_at = max(self.seen_at, clock.now())

    def jumps(self, by: timedelta) -> None:
        """Somebody sets the clock; where it is right again by that, it is believed."""
        self.clock.jump(self.now + by)
        self.off += by
        self.jumped += 1
        if abs(self.off) <= timedelta(hours=1):
            self.doubted = None


class Life(RuleBasedStateMachine):
    """One world; every rule is something that happens to it."""

    @initialize(far=st.integers(0, 5), skew=st.sampled_from([-30, -11, 11, 30]))
    def begin(self, far: int, skew: int) -> None:
        """A world in which alice has asked (1), was approved (2), has her machine (3), which is to be stopped (4) or removed (5) soon;
        or nothing has happened."""
        self.root = Path(tempfile.mkdtemp(prefix="mailbot-life-"))
        self.world = Watched(self.root)
        self.world.skew = timedelta(minutes=skew)
        self.backup: Path | None = None
        self.outlived: set[str] = set()
        self.void: set[str] = set()
        self.known: dict[int, tuple[int, frozenset[str]]] = {}
        self.lines: Counter[int] = Counter()
        self.due: dict[int, datetime | None] = {}
        self.arrived = 0
        self.ended: dict[int, TicketState] = {}
        self.others: set[str] = set()
        self.mails: dict[str, tuple[str, str]] = {}
        self.read: Counter[int] = Counter()
        self.asleep = False
        self.succeeded = False
        if far > 0:
            self.a_user_asks(ALICE)
        if far > 1:
            self.a_question_is_answered(0, "approve")
        if far > 2:
            self.world.later(minutes=1)
        for state in (TicketState.ACTIVE, TicketState.EXPIRED)[: max(far - 3, 0)]:
            self._nearly_at_the_end_of(state)

    def _nearly_at_the_end_of(self, state: TicketState) -> None:
        """An hour before the clock would stop or remove the machine, with all the notice that this needs."""
        world = self.world
        while world.ticket().state is not state or world.ticket().stage < LAST_STAGE[state]:
            world.clock.set(max(world.ticket().due_at or world.now, world.now) + timedelta(minutes=1))
            world.once()
        world.clock.set((world.ticket().due_at or world.now) - timedelta(hours=1))
        world.once()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
            shutil.rmtree(self.root)

    def _arrives(self, raw: bytes) -> None:
        self.world.inbox.deliver(raw)
        self.arrived += 1
        headers = message_from_bytes(raw)
        self.mails[headers["Message-ID"]] = (parseaddr(headers["From"])[1], headers["In-Reply-To"] or "")
        if not self.asleep:
            self.world.once()

    def _letter(self, number: int) -> OutboundMail:
        return self.world.letters[number % len(self.world.letters)]

    # people

    @rule(who=st.sampled_from([ALICE, ALICE, BOB]))
    def a_user_asks(self, who: Person) -> None:
        self.others.add(who.email)
        words = request_words(who.login)
        self._arrives(mail(who.email, "Persistent Virtual Machine Creation", words, self.world.now))

    @precondition(lambda self: self._questions())
    @rule(number=ANY, words=st.sampled_from(["approve", "approve", "approve until 2027-01-31", "deny no room"]))
    def a_question_is_answered(self, number: int, words: str) -> None:
        questions = self._questions()
        letter = questions[-1 - number % min(3, len(questions))]
        words = "confirm" if kind_of(letter) is Letter.CONFIRM_REQUEST else words
        self._arrives(reply(letter, letter.envelope_to, words, self.world.now))

    def _questions(self) -> list[OutboundMail]:
        asking = {Letter.ADMIN_DECISION, Letter.ADMIN_REMINDER, Letter.CONFIRM_REQUEST}
        return [letter for letter in self.world.letters if kind_of(letter) in asking]

    @rule(sender=SENDERS, login=LOGINS, until=DATES)
    def somebody_asks(self, sender: str, login: str, until: str) -> None:
        self.others.add(sender)
        self._arrives(
            mail(sender, "Persistent Virtual Machine Creation", request_words(login, until=until), self.world.now)
        )

    @rule(sender=SENDERS)
    def somebody_writes_to_people(self, sender: str) -> None:
        self._arrives(mail(sender, "Hello", "Could somebody look at node 12?", self.world.now))

    @precondition(lambda self: self.world.letters)
    @rule(number=ANY, words=WORDS)
    def a_recipient_answers(self, number: int, words: str) -> None:
        letter = self._letter(number)
        self._arrives(reply(letter, letter.envelope_to, words, self.world.now))

    @precondition(lambda self: self.world.letters)
    @rule(number=ANY, words=WORDS, sender=SENDERS)
    def anybody_answers(self, number: int, words: str, sender: str) -> None:
        self.others.add(sender)
        self._arrives(reply(self._letter(number), sender, words, self.world.now))

    @precondition(lambda self: self.world.letters)
    @rule(number=ANY, words=WORDS)
    def somebody_forges_a_token(self, number: int, words: str) -> None:
        letter = self._letter(number)
        old = letter.message_id
        data = re.sub(rb"\b[a-z2-7]{4}-[a-z2-7]{4}\b", b"aaaa-bbbb", letter.data)
        forged = replace(letter, message_id=old.replace("a", "b").replace("2", "3"), data=data)
        if forged.message_id != old:
            self._arrives(reply(forged, letter.envelope_to, words, self.world.now))

    @precondition(lambda self: self.arrived)
    @rule(number=ANY)
    def a_mail_comes_again(self, number: int) -> None:
        folders = [*self.world.inbox.folder(Folder.HANDLED), *self.world.inbox.inbox()]
        if folders:
            self._arrives(folders[number % len(folders)])

    @precondition(lambda self: self.world.letters)
    @rule(number=ANY, status=st.sampled_from(["5.1.1", "4.4.1"]))
    def a_letter_bounces(self, number: int, status: str) -> None:
        self._arrives(bounce(self._letter(number), self.world.now, status))

    @precondition(lambda self: self.world.letters)
    @rule(number=ANY)
    def a_machine_answers(self, number: int) -> None:
        letter = self._letter(number)
        self._arrives(out_of_office(letter, letter.envelope_to, self.world.now, "approve"))

    @rule(verb=st.sampled_from(["approve", "deny", "retry"]), number=st.integers(1, 3))
    def an_admin_decides_at_the_command_line(self, verb: str, number: int) -> None:
        context = self.world.bot.context
        with contextlib.suppress(operator.Refused):
            match verb:
                case "approve":
                    operator.approve(context, number, "carol")
                case "deny":
                    operator.deny(context, number, "dave", "no room")
                case _:
                    operator.retry(context, number, "dave")

    @rule(locked=st.sampled_from([False, False, True]), renamed=st.sampled_from([False, False, True]))
    def the_directory_changes(self, locked: bool, renamed: bool) -> None:
        """Alice is there, perhaps locked, perhaps with another login; whoever had hers meanwhile is not."""
        self.succeeded = False
        self._has(replace(RENAMED if renamed else ALICE, locked=locked))

    @precondition(lambda self: not self.world.directory.down and not self.succeeded)
    @rule()
    def somebody_else_gets_the_login_and_the_addresses(self) -> None:
        """Alice is gone; a day later the bot has seen it, however short the directory is away from then on."""
        self._has(SUCCESSOR)
        self.world.later(hours=25)
        self.succeeded = True
        store = self.world.bot.context.store
        self.known = {
            one.id: (len(store.history(one.id)), frozenset(proof.message_id for proof in store.accepted(one.id)))
            for one in store.tickets()
        }

    def _has(self, person: Person) -> None:
        for login in (ALICE.login, RENAMED.login):
            self.world.directory.remove(login)
        self.world.directory.put(person)

    @rule(both=st.booleans())
    def an_admin_leaves_or_comes(self, both: bool) -> None:
        self.world.admins = ADMINS if both else ADMINS[1:]
        self.world.restart()

    # the world

    @rule(asleep=st.sampled_from([False, False, False, True]))
    def the_bot_sleeps_or_works(self, asleep: bool) -> None:
        self.asleep = asleep
        if not asleep:
            self.world.once()

    @rule(hours=st.sampled_from([0.02, 0.02, 1, 30, 24 * 8]))
    def time_passes(self, hours: float) -> None:
        self.world.later(hours=hours)

    @rule()
    def the_bot_is_started_again(self) -> None:
        self.world.restart()

    @rule(operation=st.sampled_from(["position", "fetch", "file_away"]))
    def the_mailbox_fails_once(self, operation: str) -> None:
        self.world.inbox.faults.plan(operation, MailServerUnavailable("gone"))

    @rule(operation=st.sampled_from(["send", "answer"]))
    def the_mail_server_fails_once(self, operation: str) -> None:
        self.world.postman.faults.plan(operation)

    @rule(down=st.sampled_from([False, False, True]))
    def the_directory_is_down_or_back(self, down: bool) -> None:
        self.world.directory.down = down

    @rule(
        site=st.sampled_from(["north", "south"]),
        faults=st.sampled_from(
            [Faults(), Faults(unreachable=True), Faults(full=True), Faults(foreign=frozenset({"alice-vm"}))]
        ),
    )
    def a_site_changes(self, site: str, faults: Faults) -> None:
        self.world.sites[site].faults = faults

    @rule()
    def the_mailbox_is_made_anew(self) -> None:
        self.world.inbox.recreate()

    @rule(gone=st.sampled_from([False, False, True]))
    def the_mailbox_cannot_be_read_or_can_again(self, gone: bool) -> None:
        """For as long as it takes: replies lie unread meanwhile."""
        self.world.inbox.faults.planned.clear()
        if gone:
            self.world.inbox.faults.plan("position", MailServerUnavailable("it refuses the password"), times=10**9)

    @rule(hours=st.sampled_from([-24 * 30, -3, -0.5, 0.5, 3, 24 * 30]))
    def the_clock_is_set(self, hours: float) -> None:
        self.world.jumps(timedelta(hours=hours))
        if not self.asleep:
            self.world.once()

    @precondition(lambda self: self.world.off)
    @rule()
    def the_clock_is_set_right(self) -> None:
        self.world.jumps(-self.world.off)
        if not self.asleep:
            self.world.once()

    @precondition(lambda self: not self.world.off)
    @rule()
    def another_daemon_looks_too(self) -> None:
        """Over the same database, mailbox and sites, on another host, whose clock differs by less than a jump."""
        self.world.looks_beside()

    @rule()
    def a_backup_is_made(self) -> None:
        """A copy of the database, beside the one in use."""
        self.backup = self.root / "backup.sqlite"
        with (
            closing(sqlite3.connect(self.root / "mailbot.sqlite")) as source,
            closing(sqlite3.connect(self.backup)) as target,
        ):
            source.backup(target)

    @precondition(lambda self: self.backup is not None and not self.succeeded)
    @rule()
    def the_backup_is_restored(self) -> None:
        """As an operator does it: put back, recovered, looked at, resumed; what cannot be recovered now waits for later."""
        assert self.backup is not None
        self.world.bot.close()
        for beside in self.root.glob("mailbot.sqlite-*"):
            beside.unlink()
        shutil.copy(self.backup, self.root / "mailbot.sqlite")
        self.world.bot = self.world.build()
        self.outlived |= {name.partition("-vm@")[0] for name in self.world.machines()}
        # What was written before a restore counts for nothing after it.
        self.void = {letter.message_id for letter in self.world.letters}
        self._recover()
        store = self.world.bot.context.store
        self.read = Counter({one.id: len(store.history(one.id)) for one in store.tickets()})
        self.lines = Counter(self.read)
        self.ended.clear()

    def _recover(self) -> None:
        """With everything within reach, which is what the operator waits for."""
        world, faults = self.world, {name: site.faults for name, site in self.world.sites.items()}
        down, planned = world.directory.down, world.inbox.faults.planned
        world.directory.down, world.inbox.faults.planned = False, []
        for site in world.sites.values():
            site.faults = Faults()
        bot = world.bot
        recover(bot.context, bot.inbox, bot.reader, bot.sites, account=bot.account)
        operator.resume(bot.context, "dave")
        world.directory.down, world.inbox.faults.planned = down, planned
        for name, site in world.sites.items():
            site.faults = faults[name]

    # laws

    @invariant()
    def nothing_that_cannot_be_taken_back_happens_while_the_bot_is_blind(self) -> None:
        """Since it came due, there was a look that saw everything."""
        store = self.world.bot.context.store
        for ticket in store.tickets():
            history = store.history(ticket.id)
            for line in history[self.lines[ticket.id] :]:
                if line.event == "TimePassed" and line.after in BLIND_ENDS and line.before is not line.after:
                    due = min(self.due.get(ticket.id) or line.at, line.at)
                    assert self.world.seen_at >= due, f"{line.summary}: due {due}, seen {self.world.seen_at}"
            self.lines[ticket.id] = len(history)
            self.due[ticket.id] = ticket.due_at

    @invariant()
    def no_machine_without_an_approval_by_an_admin(self) -> None:
        store = self.world.bot.context.store
        approved = {
            ticket.username
            for ticket in store.tickets()
            for line in store.history(ticket.id)
            if line.event == "Approved"
        }
        for name in self.world.machines():
            assert name.partition("-vm@")[0] in approved | self.outlived

    @invariant()
    def every_decision_answers_a_letter_that_was_sent_to_whoever_decided(self) -> None:
        store = self.world.bot.context.store
        letters = (one for one in self.world.letters if one.message_id not in self.void)
        sent = {letter.message_id: letter.envelope_to for letter in letters}
        for ticket in store.tickets():
            history = store.history(ticket.id)
            for line in history[self.read[ticket.id] :]:
                if line.event in {"Approved", "Denied"}:
                    assert line.actor.who in {admin.address for admin in self.world.admins}
                if (
                    line.event in {"Approved", "Denied", "Withdrawn", "Confirmed"}
                    and line.actor.role is not Role.OPERATOR
                ):
                    sender, answered = self.mails[line.actor.message_id]
                    assert sent[answered] == sender == line.actor.who
            self.read[ticket.id] = len(history)

    @invariant()
    def at_most_one_place_and_one_machine_a_user(self) -> None:
        places = Counter(one.username for one in self.world.bot.context.store.tickets(tuple(ONE_PER_USER)))
        assert all(count == 1 for count in places.values())
        running = Counter(name.partition("@")[0] for name, one in self.world.machines().items() if one.running)
        assert all(count == 1 for count in running.values())

    @invariant()
    def letters_go_to_registered_addresses_and_strangers_get_one_neutral_line(self) -> None:
        for letter in self.world.letters:
            assert letter.envelope_to in REGISTERED or kind_of(letter) is Letter.UNKNOWN_SENDER
            if letter.envelope_to not in REGISTERED:
                assert letter.envelope_to in self.others

    @invariant()
    def somebody_else_with_the_login_gets_nothing_of_the_former_owner(self) -> None:
        if not self.succeeded:
            return
        store = self.world.bot.context.store
        for ticket in (one for one in store.tickets() if one.person_id == "memory:alice"):
            lines, proofs = self.known.get(ticket.id, (0, frozenset()))
            assert not [line for line in store.history(ticket.id)[lines:] if line.actor.role is Role.OWNER]
            to = {proof.to for proof in store.accepted(ticket.id) if proof.message_id not in proofs}
            assert not to & ALICE.addresses

    @invariant()
    def nothing_leaves_a_final_state(self) -> None:
        for ticket in self.world.bot.context.store.tickets():
            if ticket.id in self.ended:
                assert ticket.state is self.ended[ticket.id]
            elif ticket.state in FINAL:
                self.ended[ticket.id] = ticket.state

    @invariant()
    def every_mail_is_in_exactly_one_folder(self) -> None:
        inbox = self.world.inbox
        assert len(inbox.inbox()) + sum(len(inbox.folder(folder)) for folder in Folder) == self.arrived

    @invariant()
    def no_letter_is_written_twice(self) -> None:
        store = self.world.bot.context.store
        for ticket in store.tickets():
            proofs = store.accepted(ticket.id)
            assert len({(proof.key, proof.to) for proof in proofs}) == len(proofs)
            assert len({proof.message_id for proof in proofs}) == len(proofs)

    @invariant()
    def nothing_is_quarantined_that_can_be_read(self) -> None:
        assert self.world.inbox.folder(Folder.QUARANTINE) == []


Life.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLife = Life.TestCase
