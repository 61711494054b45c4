"""Whole lives in any order: people, time, outages, bounces, closures; the laws hold at every step (`tests.lives.Life`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailbot.lifecycle.moves import MOVES
from mailbot.model import (
    FINAL,
    Action,
    Approved,
    BuildFailed,
    Built,
    Denied,
    EffectFailed,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    Letter,
    MachineAsked,
    Proceeded,
    Refusal,
    ReinstallAsked,
    Reinstalled,
    ReinstallWanted,
    ReleaseAsked,
    Released,
    Restored,
    Retried,
    TicketState,
    Unheld,
    Withdrawn,
)
from mailbot.rules import LeaseRules, PolicyRules, Rules, ServiceRules
from tests.lives import BY_ADMIN, BY_OWNER, DAY, LOGIN, NOTICE, READY_AT, Life

S = TicketState
ZONES = ("Europe/Paris", "UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu")
ADDRESSES = ("a.martin@lab.example.org", "alice@example.org", "")
HOURS = st.one_of(st.integers(0, 48), st.integers(0, 24 * 90))


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    warn_days = draw(st.sampled_from([(60, 30, 7, 1), (30, 7), (14, 7, 3, 1), (7,)]))
    return Rules(
        service=ServiceRules(timezone=draw(st.sampled_from(ZONES))),
        policy=PolicyRules(auto_extend_days=draw(st.sampled_from([0, 30, 400]))),
        lease=LeaseRules(
            warn_days=warn_days,
            notice_days=draw(st.integers(1, warn_days[0])),
            grace_days=draw(st.integers(1, 60)),
            keep_disk_days=draw(st.integers(0, 60)),
            quiet_weekends=draw(st.booleans()),
        ),
    )


class Lives(RuleBasedStateMachine):
    """Any order of what can happen to a machine."""

    life: Life

    @initialize(
        rules=rules(),
        days=st.integers(0, 730),
        closed=st.one_of(st.none(), st.tuples(st.integers(0, 700), st.integers(0, 60))),
        wake_minutes=st.integers(0, 90),
        mail_minutes=st.integers(0, 90),
    )
    def is_ready(
        self, rules: Rules, days: int, closed: tuple[int, int] | None, wake_minutes: int, mail_minutes: int
    ) -> None:
        first = READY_AT.date() + timedelta(days=closed[0] if closed else 0)
        self.life = Life(
            READY_AT.date() + timedelta(days=days),
            rules,
            closed=((first, first + timedelta(days=closed[1])),) if closed else (),
            wake_delay=timedelta(minutes=wake_minutes),
            mail_delay=timedelta(minutes=mail_minutes),
        )

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.life.pass_until(self.life.now + timedelta(hours=hours))

    @rule(days=st.integers(0, 800))
    def the_bot_is_off(self, days: int) -> None:
        self.life.pass_until(self.life.now + days * DAY, awake=False)
        self.life.wake()

    @rule(hours=st.integers(1, 24 * 40))
    def the_clock_jumps_back(self, hours: int) -> None:
        self.life.now -= timedelta(hours=hours)

    @rule(warn_days=st.sampled_from([(60, 30, 7, 1), (30, 7), (14, 7, 3, 1), (7,)]))
    def the_site_warns_by_another_plan(self, warn_days: tuple[int, ...]) -> None:
        lease, self.life.replanned = self.life.rules.lease, True
        notice_days = min(lease.notice_days, warn_days[0])
        self.life.rules = replace(self.life.rules, lease=replace(lease, warn_days=warn_days, notice_days=notice_days))
        if self.life.ticket.state is S.ACTIVE:
            self.life.ticket = replace(self.life.ticket, due_at=self.life.now)

    @rule()
    def the_mail_server_comes_or_goes(self) -> None:
        self.life.mail_works = not self.life.mail_works
        self.life.post()

    @precondition(lambda self: self._may_come_back())
    @rule(other=st.sampled_from(ADDRESSES))
    def the_newest_notice_comes_back(self, other: str) -> None:
        """Once: a second report about a letter that came back for good is put away (`turns.bounces`)."""
        self.life.comes_back(other)

    def _may_come_back(self) -> bool:
        notices = [one for one in self.life.accepted if one.letter in NOTICE]
        return bool(notices) and notices[-1].bounced_at is None

    @rule(days=st.integers(-10, 800), automatic=st.booleans())
    def the_owner_asks_for_more_time(self, days: int, automatic: bool) -> None:
        self._maybe(ExtensionAsked(BY_OWNER, self._today() + timedelta(days=days), automatic=automatic))

    @rule(days=st.one_of(st.none(), st.integers(0, 600)))
    def an_admin_grants_it(self, days: int | None) -> None:
        self._maybe(Approved(BY_ADMIN, None if days is None else self._today() + timedelta(days=days)))

    @rule(
        event=st.sampled_from(
            [
                Denied(BY_ADMIN, "no room"),
                Withdrawn(BY_OWNER),
                ReleaseAsked(BY_OWNER),
                Released(BY_OWNER),
                Kept(BY_OWNER),
                Restored(BY_OWNER),
                Held("a demonstration", BY_ADMIN),
                Unheld(BY_ADMIN),
                Proceeded(BY_ADMIN),
                MachineAsked(BY_OWNER, Action.RESTART),
                ReinstallAsked(BY_OWNER),
                ReinstallWanted(BY_OWNER),
                Reinstalled(LOGIN),
                EffectFailed("stop", "the site does not answer"),
                Built(LOGIN),
                BuildFailed("no disk", 3, ("north",)),
                Retried(BY_ADMIN),
            ]
        )
    )
    def something_else_happens(self, event: Event) -> None:
        self._maybe(event)

    def _maybe(self, event: Event) -> None:
        before = self.life.ticket
        step = self.life.happens(event)
        if isinstance(step, Refusal):
            assert step.why
            assert self.life.ticket == before, "what is refused changes nothing"

    def _today(self) -> date:
        return self.life.now.date()

    @invariant()
    def only_legal_moves(self) -> None:
        if not hasattr(self, "life"):
            return
        states = [S.APPROVED, *(state for _, state in self.life.moves)]
        for before, after in pairwise(states):
            assert any(after in allowed for allowed in MOVES[before].values()), f"{before} to {after}"
        assert not set(states[:-1]) & FINAL

    @invariant()
    def a_disk_was_announced_before_it_went(self) -> None:
        if hasattr(self, "life") and self.life.ticket.state is S.REMOVED:
            assert self.life.told(Letter.VM_ARCHIVED)

    def teardown(self) -> None:
        """In the end everything comes to rest: with a mail server, and nobody who asks, the machine goes."""
        if not hasattr(self, "life"):
            return
        life = self.life
        life.mail_works = True
        life.post()
        self._maybe(Built(LOGIN))
        self._maybe(Unheld(BY_ADMIN))
        life.pass_until(max(life.now, READY_AT) + 2000 * DAY)
        assert life.ticket.state in {S.REMOVED, S.FAILED}, f"it never ends: {life.ticket.state}, {life.steps[-3:]}"


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


WISHES = st.sampled_from(["extend", "withdraw", "release", "keep", "bounce", "nothing"])


@given(
    wishes=st.lists(WISHES, min_size=1, max_size=12),
    refuses=st.booleans(),
    every=st.integers(1, 9),
    max_delay=st.integers(1, 90),
)
@settings(max_examples=60, deadline=None)
def test_no_owner_keeps_a_machine_that_admins_do_not_grant(
    wishes: list[str], refuses: bool, every: int, max_delay: int
) -> None:
    """Whatever an owner does, again and again, the machine is stopped within the longest delay, a question, and notice."""
    lease = LeaseRules(max_delay_days=max_delay)
    life = Life(READY_AT.date() + 100 * DAY, Rules(lease=lease))
    latest = READY_AT + (101 + max_delay + 2 * lease.lapse_days + 4 * lease.notice_days + 3) * DAY
    for wish in cycle(wishes):
        life.pass_until(life.now + every * DAY)
        if life.ticket.state is not S.ACTIVE:
            break
        if any(one.letter is Letter.ADMIN_UNPROVEN for _, one in life.letters) and life.ticket.asked_end_date is None:
            life.happens(Proceeded(BY_ADMIN))
        _does(life, wish)
        if refuses and life.ticket.asked_end_date is not None:
            life.happens(Denied(BY_ADMIN, "no"))
        assert life.now < latest + every * DAY, f"it lives on: {life.steps[-4:]}"


WISHES_BACK = st.sampled_from(["give back", "restore", "restore longer", "extend", "withdraw", "bounce", "nothing"])


@given(
    wishes=st.lists(WISHES_BACK, min_size=1, max_size=12),
    refuses=st.booleans(),
    every=st.integers(1, 9),
    days=st.integers(2, 90),
    outages=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_no_owner_is_given_a_day_that_no_admin_agreed_to(
    wishes: list[str], refuses: bool, every: int, days: int, outages: bool
) -> None:
    """However often a machine is given back and wanted back: what its end goes beyond the agreed day is counted, and counts once."""
    lease, agreed = LeaseRules(), READY_AT.date() + days * DAY
    life = Life(agreed, Rules(lease=lease))
    most = (lease.max_delay_days + lease.lapse_days + 2 * lease.notice_days) * DAY
    for wish in cycle(wishes):
        life.pass_until(life.now + every * DAY, awake=not outages)
        life.wake()
        if life.ticket.state in FINAL or life.now > READY_AT + 400 * DAY:
            break
        if life.ticket.delayed_days > lease.max_delay_days and life.ticket.asked_end_date is None:
            life.happens(Proceeded(BY_ADMIN))
        _does(life, wish)
        if life.ticket.state is S.APPROVED:
            assert life.ticket.end_date <= agreed, life.steps[-4:]
            life.happens(Built(LOGIN))
        if refuses and life.ticket.asked_end_date is not None:
            life.happens(Denied(BY_ADMIN, "no"))
        assert outages or life.ticket.end_date <= agreed + (life.ticket.delayed_days + 1) * DAY, life.steps[-4:]
        assert outages or life.ticket.state is not S.ACTIVE or life.now.date() <= agreed + most, life.steps[-4:]


def _does(life: Life, wish: str) -> None:
    match wish:
        case "give back":
            life.happens(ReleaseAsked(BY_OWNER))
            life.happens(Released(BY_OWNER))
        case "restore":
            life.happens(Restored(BY_OWNER))
        case "restore longer":
            life.happens(Restored(BY_OWNER, life.now.date() + 300 * DAY))
        case "extend":
            life.happens(ExtensionAsked(BY_OWNER, life.now.date() + 300 * DAY))
        case "withdraw":
            life.happens(Withdrawn(BY_OWNER))
        case "release":
            life.happens(ReleaseAsked(BY_OWNER))
        case "keep":
            life.happens(Kept(BY_OWNER))
        case "bounce" if any(one.letter in NOTICE and not one.bounced_at for one in life.accepted):
            life.comes_back()
        case _:
            pass
