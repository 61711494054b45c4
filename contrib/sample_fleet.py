"""A small fleet with a lively year ahead: the picture and the table of `docs/simulate.md`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mailbot.cli.forecast import Format, told
from mailbot.cli.timeline import Picture
from mailbot.model import Admin, Letter, Ticket, TicketState
from mailbot.rules import Rules
from mailbot.simulate import Bounce, Extension, House, Member, Outage, Scenario, simulate

NOW = datetime(2027, 1, 11, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ADMINS = (Admin("carol", "Carol Admin", "carol@testbed.example"),)


def _member(number: int, username: str, end: date, begun: timedelta = 40 * DAY) -> Member:
    since = NOW - begun
    ticket = Ticket(
        id=number,
        state=TicketState.ACTIVE,
        username=username,
        name=username.title(),
        email=f"{username}@example.org",
        intended_usage="A web server for the results of our campaign.",
        end_date=end,
        disk_gib=8,
        thread="",
        subject="",
        opened_at=since,
        changed_at=since,
        lease_from=since,
        due_at=NOW,
        site="north",
    )
    return Member(ticket, addresses=(ticket.email, f"{username}@lab.example.org"))


FLEET = (
    _member(1, "alice", date(2027, 3, 31)),
    _member(2, "bob", date(2027, 3, 19)),
    _member(3, "carla", date(2027, 5, 31)),
    _member(4, "dan", date(2027, 2, 28), begun=20 * DAY),
    _member(5, "emma", date(2027, 8, 31)),
)
SCENARIO = Scenario(
    datetime(2027, 12, 1, tzinfo=UTC),
    outages=(Outage(datetime(2027, 4, 20, tzinfo=UTC), datetime(2027, 5, 10, tzinfo=UTC)),),
    extensions=(Extension(2, datetime(2027, 3, 13, 12, tzinfo=UTC), date(2027, 7, 31)),),
    bounces=(Bounce(5, Letter.WARNING),),
    mail_delay=timedelta(minutes=1),
)


def one_life() -> str:
    """The table of the first ticket's future."""
    lines = _told(FLEET[:1], Format.TABLE).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


def timeline() -> str:
    """The picture of the fleet's future."""
    return _told(FLEET, Format.SVG)


def _told(members: tuple[Member, ...], form: Format) -> str:
    rules = Rules()
    scenario = SCENARIO if len(members) > 1 else Scenario(SCENARIO.until, mail_delay=SCENARIO.mail_delay)
    future = simulate(members, scenario, NOW, House(rules, ADMINS))
    tickets = [member.ticket for member in members]
    title = f"{len(tickets)} machines, from {NOW:%Y-%m-%d}"
    picture = Picture(tickets, future.entries, scenario.outages, NOW, scenario.until, rules.service.timezone, title)
    return told(form, picture, future.tickets)
