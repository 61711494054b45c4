"""Ten simulated years of a fleet: is anybody warned twice or not at all, is anything taken away without full notice?

Run from the checkout: `python -m bench.ten_years` (`--years 10`, `--machines 2000`, `--seed 1`).
A place in the fleet always has a machine: when one has run its course, another person's request follows.
Nothing is stopped or removed around New Year.  The bot is off now and then (hours, days, weeks, once two months), letters come back, owners ask
for more time, give their machines back, and want them back, within the agreed time and beyond it.  And the bot is blind now and then: for hours,
days or weeks the mailbox is not read, the directory is away or the clock has jumped, while letters go out all the same.  Admins answer after a day.
`audit` looks only at what was sent and done, and works the dates out for itself: it shares no code with the
rules that it checks.
"""

from __future__ import annotations

import argparse
import random
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from mailbot.model import FINAL, Action, Admin, Effect, Letter, Ticket, TicketState
from mailbot.rules import LeaseRules, Rules
from mailbot.simulate import Blindness, Entry, Future, House, Member, Outage, Scenario, What, simulate

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MAIL_DELAY = timedelta(minutes=2)
ON_TIME = timedelta(minutes=10)
"""What comes later than this needs a cause."""
NOTICE = 7 * DAY
EARLY = DAY + 2 * HOUR
"""A letter so much before its time is early, not another one."""
WARNED = (60, 30, 7, 1)
"""The default rules, said once more."""
WARNINGS = (Letter.WARNING, Letter.DATE_MOVED)
ANNOUNCEMENTS = (Letter.VM_STOPPED, Letter.GRACE_HALF, Letter.REMOVAL_NEAR)
_DESTRUCTIVE = (Action.STOP, Action.RETIRE, Action.DELETE_DISK)
LONGEST_DELAY = 60 * DAY
"""Of an end that admins agreed to, until they are asked whether the next step may come (the default rules)."""
A_QUESTION = 14 * DAY
LONGEST_BEYOND = LONGEST_DELAY + A_QUESTION + 2 * NOTICE + 3 * DAY
"""A machine that runs for longer after the agreed day has no end; time in which the bot could do nothing is not counted."""
_GRANTED = {Letter.EXTENSION_GRANTED.value, Letter.VM_RESTORED.value}
_TAKES_AWAY = {Action.RETIRE.value: {"machine"}, Action.DELETE_DISK.value: {"machine", "disk"}}
ZONE = ZoneInfo("Europe/Paris")
ADMINS = (Admin("carol", "Carol Admin", "carol@testbed.example"),)


def fleet(machines: int, years: float, dice: random.Random) -> list[Member]:
    """Requests that were just approved, each to be built at its own moment; about `machines` of them live at a time."""
    end = START + years * 365 * DAY
    found: list[Member] = []
    for _place in range(machines):
        at = START + dice.random() * 365 * DAY
        while at < end:
            lease = dice.choice((14, 30, 60, 90, 180, 365, 540, 730))
            found.append(_request(len(found) + 1, at, (at + lease * DAY).date(), dice))
            at += lease * 1.5 * DAY + 50 * DAY
    return found


def _request(number: int, at: datetime, end_date: date, dice: random.Random) -> Member:
    login = f"user{number}"
    addresses = (f"{login}@example.org", f"{login}@lab.example.org")[: dice.choice((1, 1, 2))]
    ticket = Ticket(
        id=number,
        state=TicketState.APPROVED,
        username=login,
        name=login,
        email=addresses[0],
        intended_usage="a simulation",
        end_date=end_date,
        disk_gib=8,
        thread="",
        subject="",
        opened_at=at,
        changed_at=at,
        site="north",
    )
    return Member(ticket, waiting=(Effect(Action.BUILD, "build", not_before=at),), addresses=addresses)


def outages(years: float, dice: random.Random) -> tuple[Outage, ...]:
    """A year has ten outages of hours, four of days, one of weeks; once the bot is off for two months."""
    days = years * 365

    def one(shortest: float, longest: float) -> Outage:
        since = START + dice.random() * days * DAY
        return Outage(since, since + dice.uniform(shortest, longest) * DAY)

    some = [one(0.05, 0.8) for _ in range(round(10 * years))]
    some += [one(1, 5) for _ in range(round(4 * years))]
    some += [one(7, 30) for _ in range(round(years))]
    some += [one(62, 62.5) for _ in range(round(years / 10))]
    merged: list[Outage] = []
    for outage in sorted(some, key=lambda outage: outage.since):
        if merged and outage.since <= merged[-1].until:
            merged[-1] = Outage(merged[-1].since, max(merged[-1].until, outage.until))
        else:
            merged.append(outage)
    return tuple(merged)


BLIND = ("the mailbox cannot be read", "the directory is away", "the clock has jumped")


def blindness(years: float, dice: random.Random) -> tuple[Blindness, ...]:
    """A year has twelve times of hours, six of days and one of weeks in which the bot runs and cannot see."""
    spans = [(0.05, 0.8)] * round(12 * years) + [(1, 5)] * round(6 * years) + [(7, 30)] * round(years)
    begun = [(START + dice.random() * years * 365 * DAY, dice.uniform(*span) * DAY) for span in spans]
    return tuple(Blindness(since, since + length, dice.choice(BLIND)) for since, length in begun)


@dataclass
class Verdict:
    """What an audit found; every finding names its ticket and moment."""

    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    without_notice: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    on_closed_days: list[str] = field(default_factory=list)
    while_blind: list[str] = field(default_factory=list)
    decisions_lost: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    endless: list[str] = field(default_factory=list)
    not_agreed: list[str] = field(default_factory=list)
    late: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not any(self.findings())

    def findings(self) -> tuple[list[str], ...]:
        """Everything that must be empty."""
        return (
            self.skipped, self.doubled, self.without_notice, self.unexplained, self.on_closed_days, self.while_blind,
            self.decisions_lost, self.orphans, self.endless, self.not_agreed,
        )  # fmt: skip


def audit(
    entries: Sequence[Entry],
    outages: Sequence[Outage],
    closed: Sequence[tuple[date, date]] = (),
    blind: Sequence[Blindness] = (),
    until: datetime | None = None,
) -> Verdict:
    """Every ticket's diary against the promises made to its owner; `until` is when the diaries end."""
    verdict = Verdict()
    by_ticket: dict[int, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.at):
        by_ticket.setdefault(entry.ticket, []).append(entry)
        verdict.counts[entry.name] += 1
    for number, diary in by_ticket.items():
        if number:
            _Audit(number, diary, outages, verdict, closed).all()
            _unseen(number, diary, blind, verdict)
            _decisions(number, diary, verdict)
            _orphans(number, diary, verdict)
            _endless(number, diary, _Idle(outages, closed, blind), until or diary[-1].at, verdict)
    return verdict


def _orphans(number: int, diary: Sequence[Entry], verdict: Verdict) -> None:
    """What stands at the hypervisor has a ticket that is not over, and a ticket has one machine."""
    there: set[str] = set()
    for entry in diary:
        if entry.what is What.ACTION and entry.name == Action.BUILD.value:
            if "machine" in there:
                verdict.orphans.append(f"#{number} was built twice, at {entry.at}")
            there = {"machine", "disk"}
        elif entry.what is What.ACTION:
            there -= _TAKES_AWAY.get(entry.name, set())
    last = diary[-1]
    if last.state in FINAL and there:
        verdict.orphans.append(
            f"#{number} is {last.state} since {last.at} and has left its {' and '.join(sorted(there))}"
        )


@dataclass(frozen=True, slots=True)
class _Idle:
    """When nothing could be stopped: the bot was off or blind, or the days were closed."""

    outages: Sequence[Outage]
    closed: Sequence[tuple[date, date]]
    blind: Sequence[Blindness]

    def between(self, since: datetime, until: datetime) -> timedelta:
        """How much of that time, counted generously: what overlaps counts twice."""
        spans = [(one.since, one.until) for one in (*self.outages, *self.blind)]
        spans += [(_midnight(first), _midnight(last + DAY)) for first, last in self.closed]
        return sum((max(min(until, end) - max(since, start), timedelta(0)) for start, end in spans), timedelta(0))


def _endless(number: int, diary: Sequence[Entry], idle: _Idle, until: datetime, verdict: Verdict) -> None:
    """No machine runs on and on after the last day that an admin agreed to."""
    agreed, runs, said_yes = diary[0].end_date, False, [entry.at for entry in diary if _is_a_yes(entry)]
    for entry in (*diary, replace(diary[-1], at=until, what=What.MOVE, name="the end")):
        if runs and agreed is not None:
            beyond = entry.at - _midnight(agreed + DAY)
            if beyond > LONGEST_BEYOND and beyond - idle.between(_midnight(agreed + DAY), entry.at) > LONGEST_BEYOND:
                verdict.endless.append(f"#{number} was to end on {agreed} and runs at {entry.at}")
                return
        if entry.name == Letter.EXTENSION_GRANTED.value or (
            entry.name == Letter.VM_RESTORED.value and any(at <= entry.at <= at + HOUR for at in said_yes)
        ):
            agreed = entry.end_date
        if entry.name == Letter.VM_RESTORED.value and (entry.end_date or date.max) > (agreed or date.min):
            verdict.not_agreed.append(f"#{number} came back at {entry.at} until {entry.end_date}, agreed was {agreed}")
        if entry.what is What.ACTION:
            runs = entry.name in {Action.BUILD.value, Action.START.value} or (
                runs and entry.name not in {Action.STOP.value, Action.RETIRE.value}
            )


def _unseen(number: int, diary: Sequence[Entry], blind: Sequence[Blindness], verdict: Verdict) -> None:
    """Nothing that cannot be taken back, and no lapse, while an answer may lie unread."""
    final = {*(action.value for action in _DESTRUCTIVE), Letter.EXTENSION_LAPSED.value}
    for entry in diary:
        if entry.name in final and any(one.since <= entry.at < one.until for one in blind):
            verdict.while_blind.append(f"#{number} {entry.name} at {entry.at}")


TO_NAME_ANOTHER = 3 * DAY
"""Whoever said yes for a day that is over reads that, and has two days more to name another one: nobody here does."""


def _is_a_yes(entry: Entry) -> bool:
    return entry.what is What.MAIL and entry.name == "Approved" and not entry.note.startswith("refused")


def _decisions(number: int, diary: Sequence[Entry], verdict: Verdict) -> None:
    """Admins answer every question after a day: none lapses, and every yes reaches its owner, unless its day is over when it is read."""
    granted = [entry.at for entry in diary if entry.name in _GRANTED]
    too_late = [
        entry.at for entry in diary if entry.name == "Approved" and entry.note.startswith("refused: Expiration")
    ]
    verdict.counts["a yes too late for the day asked for"] += len(too_late)
    for entry in diary:
        said_yes = _is_a_yes(entry)
        if entry.name == Letter.EXTENSION_LAPSED.value and not any(
            at <= entry.at <= at + TO_NAME_ANOTHER for at in too_late
        ):
            verdict.decisions_lost.append(f"#{number} lapsed at {entry.at}")
        if said_yes and not any(entry.at <= at <= entry.at + HOUR for at in granted):
            verdict.decisions_lost.append(f"#{number} approved at {entry.at}")


@dataclass
class _Audit:
    number: int
    diary: Sequence[Entry]
    outages: Sequence[Outage]
    verdict: Verdict
    closed: Sequence[tuple[date, date]]

    def all(self) -> None:
        for index, entry in enumerate(self.diary):
            before = self.diary[:index]
            if entry.what is not What.ACTION:
                continue
            day = entry.at.astimezone(ZONE).date()
            if entry.name == Action.RETIRE.value and _is_given_back(before):
                continue  # its owner has said so twice
            if entry.name in _DESTRUCTIVE and any(first <= day <= last for first, last in self.closed):
                self.verdict.on_closed_days.append(f"#{self.number} {entry.name} at {entry.at}")
            if entry.name == Action.STOP.value:
                begun = _latest(before, Letter.VM_READY, Letter.EXTENSION_GRANTED)
                share = min(1.0, (_end_of(entry) - begun) / (90 * DAY))
                told = [one for one in _letters(before, *WARNINGS) if one.at >= begun]
                self._noticed(entry, before, told, min(NOTICE, 60 * DAY * share - HOUR))
                self._nothing_skipped(entry, begun, share, [one.at for one in told], before)
            elif entry.name == Action.RETIRE.value:
                stopped = _latest(before, Action.BUILD, Action.STOP)
                told = [one for one in _letters(before, *ANNOUNCEMENTS) if one.at >= stopped]
                self._noticed(entry, before, told, NOTICE)
            elif entry.name == Action.DELETE_DISK.value:
                gone = _latest(before, Action.RETIRE)
                self._noticed(
                    entry, before, [one for one in _letters(before, Letter.VM_ARCHIVED) if one.at >= gone], DAY
                )
        self._nothing_doubled()
        self._lateness()

    def _noticed(self, action: Entry, before: Sequence[Entry], told: Sequence[Entry], notice: timedelta) -> None:
        """The first letter that arrived is `notice` old, the last a day."""
        back = {(entry.key, entry.to) for entry in before if entry.name == "bounce"}
        arrived = [entry.at for entry in told if (entry.key, entry.to) not in back]
        if not arrived or arrived[0] > action.at - notice or arrived[-1] > action.at - DAY:
            self.verdict.without_notice.append(f"#{self.number} {action.name} at {action.at}: {arrived}")

    def _nothing_skipped(
        self, stop: Entry, begun: datetime, share: float, told: Sequence[datetime], before: Sequence[Entry]
    ) -> None:
        """After each planned warning, and before the next, a letter went out; or something explains why it came later."""
        end = _end_of(stop)
        planned = [end - max(days * share * DAY, DAY) for days in WARNED]
        # Of those in a short lease that come less than a day after the one before, one is enough.
        apart = [at for before_it, at in pairwise([begun, *planned]) if at - before_it >= DAY]
        for at, following in pairwise([*apart, stop.at]):
            bound = stop.at if self._explains(at, begun, stop, before) else min(following - 3 * HOUR, stop.at)
            if at >= begun and not any(at - EARLY <= moment < bound for moment in told):
                self.verdict.skipped.append(f"#{self.number} warning of {at}, stopped {stop.at}: {told}")

    def _explains(self, at: datetime, begun: datetime, stop: Entry, before: Sequence[Entry]) -> bool:
        """The bot was off then, the question of an extension was open, or the date moved later."""
        if self._off(at):
            return True
        moved = any(one.name == Letter.DATE_MOVED.value and one.at >= at for one in before)
        asked = any(one.name == "ExtensionAsked" and begun <= one.at <= stop.at for one in before)
        return moved or asked

    def _off(self, at: datetime) -> bool:
        index = bisect_right(self.outages, at, key=lambda outage: outage.since) - 1
        return index >= 0 and at < self.outages[index].until

    def _nothing_doubled(self) -> None:
        """The same warning never goes twice to an address, nor two within half a day."""
        warnings = [entry for entry in self.diary if entry.name == Letter.WARNING.value and entry.what is What.LETTER]
        for one, two in pairwise(warnings):
            if one.to == two.to and (one.key == two.key or two.at - one.at < 12 * HOUR):
                self.verdict.doubled.append(f"#{self.number} {one.key} at {one.at}, {two.key} at {two.at}")

    def _lateness(self) -> None:
        for entry in self.diary:
            delay = entry.at - entry.planned if entry.planned else timedelta(0)
            moved = entry.name == Letter.DATE_MOVED.value
            if delay <= ON_TIME and not moved:
                continue
            cause = _kind_of_cause(entry.late) if entry.late else self._returned_late(entry)
            self.verdict.late[cause or "unexplained"] += 1
            if not cause:
                self.verdict.unexplained.append(f"#{self.number} {entry.name} at {entry.at}, planned {entry.planned}")

    def _returned_late(self, late: Entry) -> str:
        """A machine that is built again after the moment of a warning is warned once it is there."""
        built = (one.at for one in self.diary if one.name == Action.BUILD.value)
        planned = late.planned or late.at
        return "the machine was not there" if any(planned < at <= late.at <= at + ON_TIME for at in built) else ""


def _end_of(stop: Entry) -> datetime:
    """The end of the lease's last day, in the site's zone."""
    return _midnight((stop.end_date or date.min) + DAY)


def _midnight(day: date) -> datetime:
    """When a day begins, in the site's zone."""
    return datetime.combine(day, datetime.min.time(), tzinfo=ZONE).astimezone(UTC)


def _letters(before: Sequence[Entry], *kinds: Letter) -> list[Entry]:
    """Letters of these kinds, in order."""
    return [entry for entry in before if entry.what is What.LETTER and entry.name in kinds]


def _is_given_back(before: Sequence[Entry]) -> bool:
    """Whether the last thing that happened to the machine was its owner's own word."""
    words = [entry for entry in before if entry.name == "Released" and not entry.note.startswith("refused")]
    acted = [entry.at for entry in before if entry.what is What.ACTION]
    return bool(words) and words[-1].at >= acted[-1]


def _latest(before: Sequence[Entry], *names: Letter | Action) -> datetime:
    """When the last of these happened."""
    return max(entry.at for entry in before if entry.name in names)


def _kind_of_cause(late: str) -> str:
    for word in (*BLIND, "the bot was off", "came back", "the brake", "held", "closed days", "question"):
        if word in late:
            return word
    return late


def closures(years: float) -> tuple[tuple[date, date], ...]:
    """Two weeks around every New Year."""
    first = START.year
    return tuple((date(year, 12, 21), date(year + 1, 1, 3)) for year in range(first, first + int(years) + 1))


def played(years: float, machines: int, seed: int, brake: int | None = None) -> tuple[Future, Verdict, int]:
    """So many years of so many machines; the future, what the audit says, and how many tickets took part.

    `brake` is how many may go in one tick; None: what the default rules say.
    """
    dice = random.Random(seed)
    members = fleet(machines, years, dice)
    off, blind = outages(years, dice), blindness(years, dice)
    scenario = Scenario(
        START + years * 365 * DAY,
        outages=off,
        blindness=blind,
        bounce_share=0.02,
        extend_share=0.12,
        release_share=0.08,
        restore_share=0.3,
        seed=seed,
        mail_delay=MAIL_DELAY,
    )
    lease = LeaseRules() if brake is None else LeaseRules(brake_machines=brake, brake_percent=0)
    future = simulate(members, scenario, START, House(Rules(lease=lease), ADMINS, {"north": closures(years)}))
    return future, audit(future.entries, off, closures(years), blind, scenario.until), len(members)


def told(verdict: Verdict) -> Iterator[str]:
    """The figures, line by line."""
    wanted = (
        "warning",
        "stop",
        "retire",
        "delete-disk",
        "ExtensionAsked",
        "extension-granted",
        "Released",
        "Restored",
        "vm-restored",
        "bounce",
        "date-moved",
        "admin-brake",
        "a yes too late for the day asked for",
    )
    yield ", ".join(f"{name} {verdict.counts[name]:,}" for name in wanted)
    yield f"warnings skipped {len(verdict.skipped)}, doubled {len(verdict.doubled)}"
    yield f"stopped, removed or deleted without full notice {len(verdict.without_notice)}"
    causes = ", ".join(f"{cause}: {many:,}" for cause, many in verdict.late.most_common())
    yield f"late stages {sum(verdict.late.values()):,}, of which unexplained {len(verdict.unexplained)} ({causes})"
    yield f"stopped, removed or deleted on closed days {len(verdict.on_closed_days)}"
    yield f"stopped, removed, deleted or lapsed while blind {len(verdict.while_blind)}, decisions lost {len(verdict.decisions_lost)}"
    yield f"left behind at a hypervisor without a living ticket {len(verdict.orphans)}, leases without an end {len(verdict.endless)}, days that nobody agreed to {len(verdict.not_agreed)}"
    for finding in verdict.findings():
        yield from finding[:5]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--machines", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brake", type=int, help="how many machines may go in one tick, whatever the share")
    wanted = parser.parse_args()
    begun = time.perf_counter()
    future, verdict, tickets = played(wanted.years, wanted.machines, wanted.seed, wanted.brake)
    seconds = time.perf_counter() - begun
    print(
        f"{wanted.years:g} years, {wanted.machines:,} machines at a time, {tickets:,} tickets, {len(future.entries):,} entries, {seconds:.0f} s"
    )
    print("\n".join(told(verdict)))
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
