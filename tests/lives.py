"""One machine's life without a database: the real decisions, a clock, a mail server and a hypervisor that obeys.

`Life` keeps the laws about notice itself, with its own arithmetic: a step that breaks one fails the test at once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.model import (
    FINAL,
    Accepted,
    Action,
    Actor,
    Built,
    DiskDeleted,
    Effect,
    Event,
    Letter,
    Login,
    OwnerSeen,
    OwnerState,
    Refusal,
    Retired,
    Returned,
    Role,
    Step,
    Ticket,
    TicketState,
    TimePassed,
)
from mailbot.rules import Rules
from mailbot.timetable import today
from mailbot.turns.outdated import is_void
from tests.world import ADMINS, ALICE, CAROL

S = TicketState
DAY = timedelta(days=1)
READY_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday."""
LOGIN = Login("alice-vm.north.example", "192.0.2.10", (), ())
NOTICE = frozenset({Letter.WARNING, Letter.DATE_MOVED, Letter.VM_STOPPED, Letter.GRACE_HALF, Letter.REMOVAL_NEAR})
WAKING = frozenset({S.ACTIVE, S.EXPIRED, S.PENDING, S.UNCONFIRMED})
OWNER = OwnerSeen(OwnerState.ACTIVE, "memory:alice", "alice", ALICE.name, ALICE.email, 1)
BY_OWNER = Actor(Role.OWNER, ALICE.email)
BY_ADMIN = Actor(Role.ADMIN, CAROL.address)


class Life:
    """A machine that is ready at `READY_AT`; `pass_until` lets the clock work, `happens` lets people."""

    def __init__(
        self,
        end_date: date,
        rules: Rules | None = None,
        *,
        closed: tuple[tuple[date, date], ...] = (),
        wake_delay: timedelta = timedelta(seconds=30),
        mail_delay: timedelta = timedelta(seconds=5),
    ) -> None:
        self.rules = rules or Rules()
        self.closed = closed
        self.wake_delay = wake_delay
        self.mail_delay = mail_delay
        self.mail_works = True
        self.replanned = False
        """Whether the site has changed its plan of warnings: one that was written may be one that the plan in force lacks."""
        self.now = READY_AT
        self.accepted: list[Accepted] = []
        self.waiting: list[Effect] = []
        self.letters: list[tuple[datetime, Effect]] = []
        """What a server took."""
        self.steps: list[tuple[datetime, str]] = []
        self.moves: list[tuple[datetime, TicketState]] = []
        self._keys: set[str] = set()
        self._of: dict[datetime, list[str]] = defaultdict(list)
        """Keys by the lease, or the end, that they speak of, in the order of their writing."""
        self._stages: dict[tuple[object, ...], int] = {}
        self.begins(end_date)

    def begins(self, end_date: date) -> None:
        """A machine that was approved is ready."""
        self.ticket = Ticket(
            1, S.APPROVED, "alice", "Alice Martin", ALICE.email, "A web server.", end_date, 8, "<1@example.org>", "VM",
            READY_AT, READY_AT, site="north",
        )  # fmt: skip
        self.happens(Built(LOGIN))

    # what happens

    def happens(self, event: Event) -> Step | Refusal:
        """One event now, with all that follows at once."""
        before = self.ticket
        step = decide(before, event, self.about())
        if isinstance(step, Refusal):
            return step
        self._obeys_the_laws(before, event, step)
        self.ticket = replace(step.ticket, revision=before.revision + 1)
        if step.summary:
            self.steps.append((self.now, step.summary))
        if step.ticket.state is not before.state:
            self.moves.append((self.now, step.ticket.state))
        self.waiting = [one for one in self.waiting if not one.key.startswith(tuple(step.cancel) or ("\0",))]
        for effect in step.effects:
            if effect.key not in self._keys:
                self._keys.add(effect.key)
                self._of[_since(self.ticket)].append(effect.key)
                self._effect(effect)
        self.post()
        return step

    def _effect(self, effect: Effect) -> None:
        match effect.action:
            case Action.LETTER:
                self.waiting.append(effect)
            case Action.RETIRE:
                self.happens(Retired())
            case Action.DELETE_DISK:
                self.happens(DiskDeleted())
            case _:
                pass

    def post(self) -> None:
        """Hand over what waits, where a mail server takes it."""
        if not self.mail_works:
            return
        for effect in self.waiting:
            if is_void(effect.notice, self.ticket):
                continue
            self._is_new(effect)
            at = self.now + self.mail_delay
            name = effect.letter.value if effect.letter else ""
            proof = Accepted(name, effect.key, effect.to, f"<{effect.key}>", at, "250 Ok", notice=effect.notice)
            self.accepted.append(proof)
            self.letters.append((at, effect))
        self.waiting = []

    def comes_back(self, other: str = "", letter: Accepted | None = None) -> Step | Refusal:
        """The newest notice comes back for good, or that one."""
        newest = letter or next(one for one in reversed(self.accepted) if Letter(one.letter) in NOTICE)
        index = self.accepted.index(newest)
        one = self.accepted[index] = replace(self.accepted[index], bounced_at=self.now, bounce_permanent=True)
        return self.happens(Returned(one.to, True, "5.1.1 no such user", one.letter, other))

    def pass_until(self, moment: datetime, *, awake: bool = True) -> None:
        """The clock runs; where the bot is awake it acts whenever the ticket is due."""
        for _ in range(2000):
            due = self.ticket.due_at
            if not awake or due is None or max(due + self.wake_delay, self.now) > moment:
                self.now = max(moment, self.now)
                return
            self.now = max(due + self.wake_delay, self.now)
            self.wake()
        raise AssertionError(f"the ticket is due without end at {self.now}: {self.steps[-3:]}")

    def wake(self) -> None:
        self.post()
        if self.ticket.due_at is not None and self.ticket.due_at <= self.now:
            assert not isinstance(self.happens(TimePassed()), Refusal), "due, and nothing may happen: due for ever"

    def about(self) -> Circumstances:
        return Circumstances(
            self.now, self.rules, ADMINS, accepted=tuple(self.accepted), closed=self.closed, owner=OWNER
        )

    # what is seen

    def told(self, *kinds: Letter) -> list[datetime]:
        """When letters of these kinds reached the owner's mail server."""
        return [at for at, effect in self.letters if effect.letter in kinds]

    def last(self, kind: Letter) -> Effect:
        return next(effect for _, effect in reversed(self.letters) if effect.letter is kind)

    def moved_to(self, state: TicketState) -> datetime:
        """When it came to that state, the last time."""
        return next(at for at, found in reversed(self.moves) if found is state)

    # the laws

    def _obeys_the_laws(self, before: Ticket, event: Event, step: Step) -> None:
        after = step.ticket
        assert before.state not in FINAL, "a final state was left"
        kept = after.state is S.ARCHIVED and after.keep_until is not None
        assert after.due_at is not None or not (after.state in WAKING or kept), f"nothing wakes it: {step.summary}"
        notices = [one for one in step.effects if one.letter in NOTICE]
        destructive = {one.action for one in step.effects} & {Action.STOP, Action.RETIRE, Action.DELETE_DISK}
        assert len(notices) <= 1, "two notices in one step"
        assert not (destructive and any(one.letter in {Letter.WARNING, Letter.DATE_MOVED} for one in notices))
        # What a build that was given up left behind is nobody's machine: no brake counts it, and no notice is due.
        is_a_machine = before.state is not S.FAILED
        if isinstance(event, TimePassed):
            assert bool(destructive and is_a_machine) == step.destructive, "the brake would not see it"
            if destructive:
                if is_a_machine:
                    self._has_notice(before)
                assert not before.held, "it was held"
                assert not before.frozen, "the clock was frozen"
                assert not self.about().closed_on(_day(self.now, self.rules)), "the site was closed"
        else:
            assert not step.destructive, "the brake counts only what the clock does"
        if notices and notices[0].letter is Letter.WARNING:
            self._warned_once(after)

    def _warned_once(self, after: Ticket) -> None:
        """A stage of a lease's end date is written once; again only where its letter came back or was cancelled."""
        lease_now = (after.lease_from, after.end_date, after.warned_by)
        assert after.stage >= self._stages.get(lease_now, 0), "a stage was gone back to"
        self._stages[lease_now] = after.stage

    def _is_new(self, effect: Effect) -> None:
        """A warning about an end date reaches an address once, unless it came back."""
        if effect.key.startswith("warning:"):
            stage = effect.key.rsplit(":", 2)[0]
            same = [one for one in self.accepted if one.key.rsplit(":", 2)[0] == stage and one.to == effect.to]
            assert all(one.bounced_at for one in same), f"warned twice: {stage}"

    def _has_notice(self, ticket: Ticket) -> None:
        """The law, computed anew: the first proof as old as the notice, the last a day old; none of them came back."""
        begun = {
            S.ACTIVE: (Letter.WARNING, Letter.DATE_MOVED),
            S.EXPIRED: (Letter.VM_STOPPED, Letter.GRACE_HALF, Letter.REMOVAL_NEAR),
            S.ARCHIVED: (Letter.VM_ARCHIVED, Letter.EXTENSION_DENIED, Letter.EXTENSION_LAPSED),
        }[ticket.state]
        since = _since(ticket)
        proofs = sorted(
            one.accepted_at
            for one in self.accepted
            if one.letter in {kind.value for kind in begun}
            and one.notice is not None
            and one.key in self._of[since]
            and not one.bounced_at
        )
        assert proofs, f"{ticket.state} ended without any notice"
        newest = next(
            one for one in reversed(self._of[since]) if one.split(":")[0] in {"warning", "removal", "archive"}
        )
        unplanned = self.replanned and ticket.state is S.ACTIVE
        assert unplanned or any(one.key == newest and not one.bounced_at for one in self.accepted), (
            f"the last is not proven: {newest}"
        )
        assert self.now - proofs[-1] >= DAY, f"the last notice is only {self.now - proofs[-1]} old"
        assert self.now - proofs[0] >= self._least(ticket), f"the first notice is only {self.now - proofs[0]} old"

    def _least(self, ticket: Ticket) -> timedelta:
        notice = timedelta(days=self.rules.lease.notice_days)
        if ticket.state is S.ACTIVE:
            lasted = self.now - (ticket.lease_from or READY_AT)
            return notice if lasted > 2 * notice else DAY
        return min(notice, timedelta(days=self.rules.lease.grace_days) / 2) if ticket.state is S.EXPIRED else DAY


def _since(ticket: Ticket) -> datetime:
    return (ticket.lease_from if ticket.state is S.ACTIVE else ticket.ended_at) or READY_AT


def _day(moment: datetime, rules: Rules) -> date:
    return today(moment, rules.service.timezone)


__all__ = ["BY_ADMIN", "BY_OWNER", "DAY", "NOTICE", "READY_AT", "Life"]
