"""Conversations as files: `fixtures/conversations/*.md` are read here and played against a `World`.

A file is Markdown that a person can read.  Each `### ` heading is a step; a fenced block under it holds
the words of a mail, or the lines of a letter that matter (in order; white space and the bars of quoted words do not count, `…`
stands for what is left out); `- ` items are facts that are made or checked.  `STEPS` and `FACTS` list all
that can be said.  Every letter must be told: one that nobody expected fails the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import formataddr
from pathlib import Path
from typing import Any
from uuid import UUID

from mailbot import announcing, fleet, operator
from mailbot.errors import MailServerUnavailable
from mailbot.model import Letter, OutboundMail, Person
from mailbot.ports import Folder
from provisioner.addressing import Bridge, read_range
from provisioner.api import VmSpec
from provisioner.fake_machine import FakeStep, Faults
from tests.live_moves import with_one_pool
from tests.world import ADMINS, PEOPLE, World, key_of, kind_of, request_words
from tests.writing import bounce, forwarded, mail, out_of_office, read_letter, reply, words_of

SUBJECT = "Persistent Virtual Machine Creation"
ADDRESSES = {
    **{person.login: (person.name, person.email) for person in PEOPLE},
    **{admin.login: (admin.name, admin.address) for admin in ADMINS},
    "mallory": ("Mallory", "mallory@elsewhere.example"),
}
_TICK = timedelta(seconds=30)
"""How late the bot looks at what is due."""
_STILL = 10**6
"""So often that it is for good."""


@dataclass
class Part:
    """One heading of a conversation with what stands under it."""

    line: int
    title: str
    words: str | None = None
    facts: list[str] = field(default_factory=list)


def read_conversation(file: Path) -> list[Part]:
    """The steps of a file, in order."""
    parts: list[Part] = []
    fence: list[str] | None = None
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            if fence is not None:
                parts[-1].words = "\n".join(fence)
            fence = [] if fence is None else None
        elif fence is not None:
            fence.append(line)
        elif line.startswith("### "):
            parts.append(Part(number, line[4:].strip()))
        elif line.startswith("- ") and parts:
            parts[-1].facts.append(line[2:].strip())
    assert parts, f"{file}: no step"
    assert fence is None, f"{file}: a fence is not closed"
    return parts


class Player:
    """Plays the steps of one conversation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.world.once()
        self._told = 0
        self._untold: list[OutboundMail] = []
        self._last_mail = b""
        self._behind: list[bytes] = []

    def play(self, file: Path) -> None:
        for part in read_conversation(file):
            try:
                self._part(part)
            except AssertionError as error:
                raise AssertionError(f"{file.name}, line {part.line}, “{part.title}”: {error}") from None
        self._nothing_untold()

    def _part(self, part: Part) -> None:
        found = _first(STEPS, part.title)
        assert found or part.facts, "no such step, and no facts under it"
        if found:
            act, groups = found
            if act is not Player.letter:
                self._nothing_untold()
            act(self, part.words or "", **groups)
            self._collect()
        for fact in part.facts:
            told = _first(FACTS, fact.rstrip("."))
            assert told, f"no such fact: {fact}"
            told[0](self, **told[1])
            self._collect()

    def _collect(self) -> None:
        letters = self.world.letters
        self._untold += letters[self._told :]
        self._told = len(letters)

    def _nothing_untold(self) -> None:
        untold = [f"{kind_of(one).value} to {one.envelope_to}:\n{words_of(one)}" for one in self._untold]
        assert not untold, "these letters were not told:\n" + "\n".join(untold)

    # mails

    def _arrives(self, raw: bytes) -> None:
        self._last_mail = raw
        self.world.inbox.deliver(raw)
        for behind in self._behind:
            self.world.inbox.deliver(behind)
        self._behind = []
        self.world.once()

    def behind(self, name: str) -> None:
        """A good request comes together with the next mail, right behind it."""
        who = formataddr(ADDRESSES[name])
        self._behind.append(mail(who, SUBJECT, request_words(name), self.world.now))

    def writes(self, words: str, name: str, address: str | None, form: str | None, times: str | None) -> None:
        for _ in range(int(times or 1)):
            self._writes(words, name, address, form)

    def _writes(self, words: str, name: str, address: str | None, form: str | None) -> None:
        headers, body = _headers(words)
        subject = headers.pop("Subject", SUBJECT)
        kept = {key.replace("-", "_"): value for key, value in headers.items()}
        sender = formataddr((ADDRESSES[name][0], address or ADDRESSES[name][1]))
        self._arrives(mail(sender, subject, body, self.world.now, html=form is not None, **kept))

    def receives(self, words: str, charset: str | None, mib: str | None) -> None:
        raw = words.replace("\n", "\r\n").encode("latin-1" if charset else "utf-8")
        self._arrives(raw + b"padding " * (int(mib) * 131072) if mib else raw)

    def answers(self, words: str, name: str, letter: str | None, whose: str | None, address: str | None) -> None:
        got = self._letter_of(whose or name, letter)
        if whose:
            got = forwarded(got, ADDRESSES[whose][1], ADDRESSES[name][1], self.world.now)
        sender = formataddr((ADDRESSES[name][0], address or ADDRESSES[name][1]))
        self._arrives(reply(got, sender, words, self.world.now))

    def away(self, words: str, name: str) -> None:
        got = self._letter_of(name, None)
        self._arrives(out_of_office(got, formataddr(ADDRESSES[name]), self.world.now, words or "I am away."))

    def bounces(self, words: str, letter: str, name: str, delayed: str | None) -> None:
        got = self._letter_of(name, letter)
        self._arrives(bounce(got, self.world.now, "4.4.1" if delayed else "5.1.1"))

    def again(self, words: str, changed: str | None) -> None:
        raw = self._last_mail
        self.world.arrives(b"Received: by mx2.example.org\r\n" + raw if changed else raw)

    def _letter_of(self, name: str, letter: str | None) -> OutboundMail:
        address = ADDRESSES[name][1]
        letters = [one for one in self.world.letters if one.envelope_to == address]
        letters = [one for one in letters if letter is None or kind_of(one) is Letter(letter)]
        assert letters, f"{name} has no letter {letter or ''}"
        return letters[-1]

    def later(self, words: str, number: str, unit: str) -> None:
        count = 1 if number.lower() in {"a", "an", "one"} else int(number)
        if unit == "hour":  # the bot runs: what takes hours is looked at in them, not once at their end
            for _ in range(count * 6):
                self.world.later(minutes=10)
        else:
            self.world.later(**{f"{unit}s": count})

    def until(self, words: str, day: str) -> None:
        """The bot works on, and acts whenever something is due, until noon (UTC) of that day."""
        end = datetime.fromisoformat(f"{day}T12:00+00:00")
        for _ in range(500):
            due = self.world.bot.context.store.next_due()
            if due is None or due + _TICK > end:
                break
            self.world.clock.set(max(self.world.now, due + _TICK))
            self.world.once()
        self.world.clock.set(end)
        self.world.once()

    def off(self, words: str, day: str) -> None:
        """Nobody runs the bot until noon of that day; then it does what is due."""
        self.world.clock.set(datetime.fromisoformat(f"{day}T12:00+00:00"))
        self.world.restart()
        self.world.once()

    # letters

    def letter(self, words: str, to: str, kind: str, times: str | None) -> None:
        names = [admin.login for admin in self.world.admins] if to == "the admins" else [to]
        for name in names * int(times or 1):
            address = ADDRESSES[name][1] if name in ADDRESSES else name
            got = next((one for one in self._untold if one.envelope_to == address and kind_of(one).value == kind), None)
            assert got is not None, f"no {kind} to {address} but {[_named(one) for one in self._untold]}"
            self._untold.remove(got)
            _assert_says(got, words)

    # what is made true

    def directory(self, how: str) -> None:
        self.world.directory.down = how == "is down"

    def mail_server(self, how: str) -> None:
        self._break(
            self.world.postman.faults.planned, how, lambda: self.world.postman.faults.plan("send", times=_STILL)
        )

    def mailbox(self, how: str) -> None:
        error = MailServerUnavailable("the mailbox is away")
        planned = self.world.inbox.faults
        self._break(planned.planned, how, lambda: planned.plan("position", error, times=_STILL))

    @staticmethod
    def _break(planned: list[object], how: str, plan: Callable[[], None]) -> None:
        planned.clear()
        if how == "is gone":
            plan()

    def recipient(self, how: str, name: str, code: str | None, answer: str | None) -> None:
        address = ADDRESSES[name][1]
        if how == "takes":
            self.world.postman.accept(address)
        else:
            self.world.postman.refuse(address, int(code or 550), answer or "")

    def account(self, name: str, how: str) -> None:
        person = next(person for person in PEOPLE if person.login == name)
        keys = () if how == "has no SSH key" else (key_of(name),)
        self.world.directory.put(replace(person, locked=how == "is locked", ssh_keys=keys))
        if how == "is gone":
            self.world.directory.remove(name)

    def login(self, name: str, login: str, address: str | None) -> None:
        """The same person by the directory's id, with another login, perhaps another address too."""
        person = self._in_the_directory(name)
        self.world.directory.remove(name)
        moved = replace(person, email=address, aliases=()) if address else person
        self.world.directory.put(replace(moved, login=login))

    def successor(self, name: str) -> None:
        """Somebody else, by the directory's id, with the login and the address."""
        person = next(person for person in PEOPLE if person.login == name)
        self.world.directory.put(replace(person, name="Alex Newcomer", id="memory:somebody else"))

    def _in_the_directory(self, name: str) -> Person:
        person = self.world.directory.by_login(name)
        assert person is not None
        return person

    def poisoned(self, name: str) -> None:
        """The directory's answer about that person breaks what reads it, which no port promises to."""
        person = next(person for person in PEOPLE if person.login == name)
        no_words: Any = None
        broken = replace(person, ssh_keys=(key_of(name), no_words))
        self.world.directory.put(broken)

    def no_admin(self, name: str) -> None:
        self.world.admins = tuple(admin for admin in self.world.admins if admin.login != name)
        self.world.restart()

    def restarted(self) -> None:
        self.world.restart()

    def site(self, name: str, how: str) -> None:
        at, permanent = how.partition(" at ")[2], how.startswith("fails for good")
        self.world.sites[name].faults = {
            "works": Faults(),
            "does not answer": Faults(unreachable=True),
            "has no room": Faults(full=True),
            "never shows a machine": Faults(never_ready=True),
            "has guests without an agent": Faults(agentless=True),
            "has an alice-vm of somebody else": Faults(foreign=frozenset({"alice-vm"})),
        }.get(how) or Faults(fail_at=frozenset({FakeStep(at)}), permanent=permanent)

    def disappears(self, name: str, site: str, disk: str | None) -> None:
        """Somebody deletes the machine by hand, where it is; only its disk stays, if that does."""
        kept = self.world.sites[site].machines()
        for found in [one for one in kept.values() if one.name == name]:
            found.defined = found.running = found.seed = False
            found.address, found.disk = None, disk is None

    def made_by_others(self, name: str, site: str, owner: str, number: str, until: str) -> None:
        """A machine with our mark that no ticket knows: of a database that is no more, say."""
        spec = VmSpec(
            name, f"{site}.testbed.example", UUID(int=7), owner, number, (key_of(owner).rsplit(" ", 1)[0],), date.fromisoformat(until)
        )  # fmt: skip
        self.world.sites[site].ensure(spec)

    def machine(self, names: str, until: str) -> None:
        """Requests, approvals and builds, of which nothing is told."""
        for name in names.replace(" and ", ", ").split(", "):
            who = formataddr(ADDRESSES[name])
            self.world.inbox.deliver(mail(who, SUBJECT, request_words(name, until=until), self.world.now))
            self.world.once()
            number = len(self.world.bot.context.store.tickets())
            operator.approve(self.world.bot.context, number, ADMINS[0].login)
            self.world.once()
            self.world.later(minutes=1)
            assert self.world.ticket(number).state.value == "active"
        self._told, self._untold = len(self.world.letters), []

    def rule(self, section: str, name: str, value: str) -> None:
        """Another value of one rule of the site, from now on."""
        rules = self.world.rules
        changed = replace(getattr(rules, section), **{name: int(value) if value.isdigit() else value})
        self.world.rules = replace(rules, **{section: changed})
        self.world.restart()

    def languages(self, codes: str) -> None:
        """In which languages the site reads commands, and so may write letters, from now on."""
        rules = self.world.rules
        self.world.rules = replace(rules, service=replace(rules.service, languages=tuple(codes.split(", "))))
        self.world.restart()

    def at_the_command_line(self, name: str, verb: str, number: str, reason: str | None) -> None:
        context = self.world.bot.context
        match verb:
            case "holds":
                operator.hold(context, int(number), name, reason or "")
            case "lets go of":
                operator.unhold(context, int(number), name)
            case "approves":
                operator.approve(context, int(number), name)
            case "ends":
                operator.end(context, int(number), name, reason or "")
            case "stops":
                operator.stop(context, int(number), name, reason or "")
            case "denies":
                operator.deny(context, int(number), name, reason or "")
            case _:
                operator.retry(context, int(number), name)
        self.world.once()

    def give(self, name: str, number: str, login: str, reason: str) -> None:
        operator.change_owner(self.world.bot.context, int(number), name, login, reason)
        self.world.once()

    def announce(self, name: str, site: str | None, subject: str, text: str) -> None:
        announcing.announce(self.world.bot.context, subject, text, name, (site,) if site else ())
        self.world.once()

    def moves(self, name: str, number: str, to: str, day: str) -> None:
        hosts = self.world.sites.keys()
        fleet.move(self.world.bot.context, int(number), to, date.fromisoformat(day), name, neighbours=hosts)
        self.world.once()

    def calls_off(self, name: str, number: str) -> None:
        fleet.cancel_move(self.world.bot.context, int(number), name)
        self.world.once()

    def bridge(self, site: str) -> None:
        """Addresses of the documentation's (RFC 5737, RFC 3849), others at each site."""
        net, six = {"north": ("192.0.2", "2001:db8:1"), "south": ("198.51.100", "2001:db8:2")}[site]
        ranges = (
            read_range(f"{net}.1/24", f"{net}.10-{net}.10", 4), read_range(f"{six}::1/64", f"{six}::10-{six}::10", 6)
        )  # fmt: skip
        bridges = {**self.world.bot.context.bridges, site: Bridge("br0", ranges)}
        self.world.bot = replace(self.world.bot, context=replace(self.world.bot.context, bridges=bridges))

    def share(self) -> None:
        with_one_pool(self.world, ("north", "south"))

    def moved(self, name: str, site: str, left: str) -> None:
        there, behind = (self.world.machines().get(f"{name}@{one}") for one in (site, left))
        assert there is not None
        assert there.running, f"{name} does not run at {site}"
        assert behind is not None
        assert (behind.disk, behind.defined) == (True, False), f"{left} has more or less of {name} than its disk"

    def shorten(self, name: str, number: str, until: str, reason: str) -> None:
        operator.shorten(self.world.bot.context, int(number), name, date.fromisoformat(until), reason)
        self.world.once()

    def pause(self, name: str, verb: str) -> None:
        context = self.world.bot.context
        operator.pause(context, name, "a move") if verb == "pauses" else operator.resume(context, name)
        self.world.once()

    # what is checked

    def request(self, number: str, state: str) -> None:
        found = self.world.ticket(int(number)).state.value
        assert found == state, f"request #{number} is {found}"

    def no_request(self) -> None:
        assert not self.world.bot.context.store.tickets()

    def holds(self, folder: str, number: str) -> None:
        inbox = self.world.inbox
        found = {
            "inbox": inbox.inbox,
            "handled folder": lambda: inbox.folder(Folder.HANDLED),
            "quarantine": lambda: inbox.folder(Folder.QUARANTINE),
        }[folder]()
        wanted = 0 if number == "no" else 1 if number in {"a", "one"} else int(number)
        assert len(found) == wanted, f"the {folder} holds {len(found)}"

    def runs(self, name: str, site: str) -> None:
        machines = self.world.machines()
        assert list(machines) == [f"{name}@{site}"], f"there are {sorted(machines)}"
        assert machines[f"{name}@{site}"].running

    def stands(self, name: str, how: str, site: str) -> None:
        machine = self.world.machines().get(f"{name}@{site}")
        assert machine is not None, f"there are {sorted(self.world.machines())}"
        found = (
            "is stopped" if machine.defined and not machine.running else "runs" if machine.running else "is a kept disk"
        )
        assert found == how, f"{name} {found}"

    def no_machine(self) -> None:
        assert not self.world.machines()

    def disk(self, number: str, gib: str, until: str) -> None:
        ticket = self.world.ticket(int(number))
        assert (ticket.disk_gib, ticket.end_date.isoformat()) == (int(gib), until)

    def bounced(self, letter: str, how: str) -> None:
        proofs = self.world.bot.context.store.accepted(1)
        assert [proof.bounce_permanent for proof in proofs if proof.letter == letter] == [how == "came back"]


_LETTERS = "|".join(Letter)
_NAMES = "|".join(ADDRESSES)
STEPS: dict[str, Callable[..., None]] = {
    rf"(?P<name>{_NAMES}) writes(?: from (?P<address>\S+))?(?P<form> in HTML)?(?:, (?P<times>\d+) times)?": Player.writes,
    r"support gets a mail(?P<charset> in Latin-1)?(?: of (?P<mib>\d+) MiB)?": Player.receives,
    rf"(?P<name>{_NAMES}) answers(?: (?:(?P<whose>{_NAMES})'s )?(?P<letter>{_LETTERS}))?(?: from (?P<address>\S+))?": (
        Player.answers
    ),
    rf"(?P<name>{_NAMES}) is out of office": Player.away,
    rf"(?P<letter>{_LETTERS}) to (?P<name>{_NAMES}) (?:bounces|is (?P<delayed>delayed))": Player.bounces,
    r"the same mail arrives again(?P<changed> by another way)?": Player.again,
    r"(?P<number>an?|one|\d+) (?P<unit>second|minute|hour|day|week)s? later": Player.later,
    r"it is (?P<day>\d{4}-\d\d-\d\d)": Player.until,
    r"nobody runs the bot until (?P<day>\d{4}-\d\d-\d\d)": Player.off,
    rf"support (?:writes to|answers) (?P<to>the admins|{_NAMES}|\S+@\S+): (?P<kind>{_LETTERS})(?:, (?P<times>\d+) times)?": Player.letter,
}
FACTS: dict[str, Callable[..., None]] = {
    rf"a good request of (?P<name>{_NAMES}) comes right behind the next mail": Player.behind,
    r"the directory (?P<how>is down|answers)": Player.directory,
    r"the mail server (?P<how>is gone|answers)": Player.mail_server,
    r"the mailbox (?P<how>is gone|answers)": Player.mailbox,
    rf"the mail server (?P<how>takes|refuses) letters to (?P<name>{_NAMES})(?: with (?P<code>\d+) (?P<answer>.*))?": (
        Player.recipient
    ),
    rf"the account of (?P<name>{_NAMES}) (?P<how>is locked|is active|is gone|has no SSH key)": Player.account,
    rf"(?P<name>{_NAMES}) has the login (?P<login>\S+?)(?: and the address (?P<address>\S+))? in the directory": Player.login,
    rf"somebody else has the login (?P<name>{_NAMES}) in the directory": Player.successor,
    rf"reading the account of (?P<name>{_NAMES}) breaks": Player.poisoned,
    rf"(?P<name>{_NAMES}) is no admin any more": Player.no_admin,
    r"the bot is started again": Player.restarted,
    r"the site (?P<name>north|south) (?P<how>works|does not answer|has no room|never shows a machine"
    r"|has guests without an agent|has an alice-vm of somebody else"
    r"|fails(?: for good)? at [\w-]+)": Player.site,
    rf"(?P<names>(?:{_NAMES})(?:(?:, | and )(?:{_NAMES}))*) (?:has a|have) machines? until (?P<until>\S+)": Player.machine,
    r"(?P<section>lease|policy|letters)\.(?P<name>\w+) is (?P<value>\w+)": Player.rule,
    r"commands in (?P<codes>\w\w(?:, \w\w)*) are read": Player.languages,
    rf"(?P<name>{_NAMES}) (?P<verb>pauses|resumes) the bot at the command line": Player.pause,
    r"(?P<name>[\w-]+) (?P<how>is stopped|is a kept disk) at (?P<site>north|south)": Player.stands,
    rf"(?P<name>{_NAMES}) (?P<verb>approves|denies|retries|holds|lets go of|ends|stops) #(?P<number>\d+) at the command line(?:: (?P<reason>.*))?": (
        Player.at_the_command_line
    ),
    rf"(?P<name>{_NAMES}) gives #(?P<number>\d+) to (?P<login>\w+) at the command line: (?P<reason>.*)": Player.give,
    rf"(?P<name>{_NAMES}) announces(?: at (?P<site>north|south))? “(?P<subject>[^”]*)” at the command line: (?P<text>.*)": Player.announce,
    rf"(?P<name>{_NAMES}) moves #(?P<number>\d+) to (?P<to>north|south) on (?P<day>\S+) at the command line": Player.moves,
    rf"(?P<name>{_NAMES}) calls off the move of #(?P<number>\d+) at the command line": Player.calls_off,
    r"(?P<name>[\w-]+) runs at (?P<site>north|south), and its disk is at (?P<left>north|south)": Player.moved,
    rf"(?P<name>{_NAMES}) shortens #(?P<number>\d+) to (?P<until>\S+) at the command line: (?P<reason>.*)": Player.shorten,
    r"(?P<name>[\w-]+) disappears from (?P<site>north|south)(?P<disk> with its disk)?": Player.disappears,
    rf"there is a (?P<name>[\w-]+) at (?P<site>north|south) that no ticket knows, of (?P<owner>{_NAMES}), marked #(?P<number>\d+), until (?P<until>\S+)": (
        Player.made_by_others
    ),
    r"machines at (?P<site>north|south) hang on a bridge with IPv4 and IPv6": Player.bridge,
    r"north and south have one pool and one bridge, and machines can go from one to the other while they run": Player.share,
    r"request #(?P<number>\d+) is (?P<state>\w+)": Player.request,
    r"request #(?P<number>\d+) has (?P<gib>\d+) GiB and ends on (?P<until>\S+)": Player.disk,
    r"there is no request": Player.no_request,
    r"the (?P<folder>inbox|handled folder|quarantine) holds (?P<number>no|a|one|\d+) mails?": Player.holds,
    r"(?P<name>[\w-]+) runs at (?P<site>north|south)": Player.runs,
    r"there is no machine": Player.no_machine,
    rf"(?P<letter>{_LETTERS}) (?P<how>came back|is late)": Player.bounced,
}


def _first(
    table: dict[str, Callable[..., None]], words: str
) -> tuple[Callable[..., None], dict[str, str | None]] | None:
    for pattern, act in table.items():
        if match := re.fullmatch(pattern, words):
            return act, match.groupdict()
    return None


def _headers(words: str) -> tuple[dict[str, str], str]:
    """Header lines on top of a mail's words, where there are any; a request's own lines are none."""
    head, blank, body = words.partition("\n\n")
    lines = [re.fullmatch(r"([A-Z][\w-]*): (.*)", line) for line in head.split("\n")]
    if not blank or not all(lines):
        return {}, words
    return {line.group(1): line.group(2) for line in lines if line}, body


def _assert_says(letter: OutboundMail, words: str) -> None:
    headers, body = _headers(words)
    read = read_letter(letter)
    for name, value in headers.items():
        assert str(read[name]) == value, f"{name}: {read[name]}"
    text, at = " ".join(words_of(letter).replace("│", " ").split()), 0
    for line in body.split("\n"):
        wanted = " ".join(line.split())
        if wanted in {"", "…"}:
            continue
        found = text.find(wanted, at)
        assert found >= 0, f"“{wanted}” is not (or not there) in:\n{words_of(letter)}"
        at = found + len(wanted)


def _named(letter: OutboundMail) -> str:
    return f"{kind_of(letter).value} to {letter.envelope_to}"
