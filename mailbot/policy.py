"""What may be asked: the site's limits applied to a request, a decision or an extension.  Pure.

Every refusal is a `Problem`: what was read, what would be accepted.  All of them at once, never the
first only.  What needs the directory (is there such a user, are they locked, have they a key) is
judged by `person_problems`, everything else also by `mailbot explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from mailbot.model import OwnerSeen, OwnerState, Person, Ticket, TicketState
from mailbot.rules import PolicyRules, Rules
from mailbot.timetable import latest_end, today
from parsers.request.labels import Part
from parsers.translatable import Translatable, as_one, say, say_day
from parsers.values import Problem, ReadingRules, Request
from provisioner.api import VmSpec
from provisioner.naming import NameProblem, legacy_machine_id, machine_name

SSH_KEY = "ssh_key"
"""The field of a problem with the directory's keys; the others are those of `parsers.labels.Part`."""

FIELD_WORDS = {
    Part.USERNAME.value: say("username"),
    Part.USAGE.value: say("intended usage"),
    Part.DATE.value: say("expiration date"),
    Part.DISK.value: say("disk"),
    Part.WHOLE.value: say("request"),
    SSH_KEY: say("SSH key"),
}
"""How fields are called in letters."""


def in_words(field: str) -> Translatable:
    """A problem's field as a person reads it."""
    return FIELD_WORDS[field]


def refusal(found: Iterable[Problem]) -> Translatable:
    """Problems of a decision as one text for whoever decides; "" where there are none."""
    pattern = say("{Field}: {found}. Needed: {allowed}.")
    return as_one(*(pattern.given(field=in_words(p.field), found=p.found, allowed=p.allowed) for p in found))


def problems(request: Request, rules: Rules, now: datetime) -> tuple[Problem, ...]:
    """Every problem of a request that can be seen without the directory: what reading found, then what policy refuses."""
    fields = request.fields
    seen = {problem.field for problem in request.problems}
    found: list[Problem] = list(request.problems)
    if fields.username and Part.USERNAME not in seen:
        found.extend(_name_problems(fields.username))
    if fields.expiration_date and Part.DATE not in seen:
        found.extend(end_date_problems(fields.expiration_date, rules, now))
    if fields.disk_gib is not None and Part.DISK not in seen:
        found.extend(disk_problems(fields.disk_gib, rules.policy))
    return tuple(found)


def _name_problems(username: str) -> tuple[Problem, ...]:
    try:
        machine_name(username)
    except NameProblem:
        allowed = say("a login of letters, digits, hyphens, dots and underscores, for example alice")
        return (Problem(Part.USERNAME.value, None, Translatable(username), allowed),)
    return ()


def reading_rules(
    rules: Rules, now: datetime, *, own_addresses: frozenset[str] = frozenset(), message_id_domain: str = ""
) -> ReadingRules:
    """What the parsers must know of the site at `now`: made here for the daemon and for whatever explains what it does.

    `own_addresses` are the bot's (lower-case), `message_id_domain` is what stands right of the @ in its Message-IDs.
    """
    service = rules.service
    return ReadingRules(
        now=now,
        timezone=ZoneInfo(service.timezone),
        languages=service.languages,
        date_order=service.date_order,
        request_subject=service.request_subject,
        own_addresses=own_addresses,
        own_message_id_domain=message_id_domain,
        default_disk_gib=rules.policy.disk_gib,
        relays=rules.trust.relays,
        banners=service.banners,
    )


def for_reading(rules: Rules) -> Callable[[Request, ReadingRules], tuple[Problem, ...]]:
    """`problems` in the form that `mailbot.explain` takes."""
    return lambda request, reading: problems(request, rules, reading.now)


def end_date_problems(day: date, rules: Rules, now: datetime) -> tuple[Problem, ...]:
    """An end date must lie in the future, and at most `max_years` ahead."""
    first, last = today(now, rules.service.timezone), latest_end(now, rules.service.timezone, rules.policy.max_years)
    if first < day <= last:
        return ()
    years = rules.policy.max_years
    if day <= first:
        example = last.isoformat()
        allowed = say("a date in the future, at the latest {last}, for example {example}", last=last, example=example)
    else:
        allowed = say(
            "at most {years} years ahead, that is {last} at the latest; it can be extended later",
            years=years,
            last=last,
        )
    return (Problem(Part.DATE.value, None, say_day(day), allowed),)


def is_agreed(ticket: Ticket, rules: Rules, now: datetime) -> bool:
    """Whether the last day that people agreed on lies ahead: until then a removed machine comes back without an admin."""
    return not end_date_problems(ticket.agreed_end, rules, now)


def last_day(ticket: Ticket) -> date:
    """The last day that something later is asked or granted against: the present one, or, for a removed machine, the agreed one."""
    return ticket.agreed_end if ticket.state is TicketState.ARCHIVED else ticket.end_date


def disk_problems(disk_gib: int, policy: PolicyRules) -> tuple[Problem, ...]:
    """A disk is at least the usual size (smaller is not offered) and at most the limit."""
    if policy.disk_gib <= disk_gib <= policy.max_disk_gib:
        return ()
    return (
        Problem(
            Part.DISK.value,
            None,
            say("{number} GiB", number=disk_gib),
            say(
                "a disk of {usual} GiB (the usual size) up to {most} GiB",
                usual=policy.disk_gib,
                most=policy.max_disk_gib,
            ),
        ),
    )


def person_problems(person: Person, usable_keys: tuple[str, ...], key_refusals: tuple[str, ...]) -> tuple[Problem, ...]:
    """What the directory's entry makes impossible: a locked account, or no SSH key that can be installed."""
    found: list[Problem] = []
    if person.locked:
        found.append(
            Problem(
                Part.USERNAME.value,
                None,
                Translatable(person.login),
                say("an account that is active; this one is locked, please ask the admins"),
            )
        )
    if not usable_keys:
        none_found = say("no usable SSH key is stored for {login}", login=person.login)
        if key_refusals:
            none_found = say("no usable SSH key is stored for {login} ({reasons})", login=person.login)
            none_found = none_found.given(reasons=as_one(*key_refusals))
        found.append(
            Problem(
                SSH_KEY,
                None,
                none_found,
                say("one OpenSSH public key in your account, for example made with: ssh-keygen -t ed25519"),
            )
        )
    return tuple(found)


def checks(ticket: Ticket, owner: OwnerSeen | None, rules: Rules, now: datetime) -> list[Translatable]:
    """What was checked for the question that is put to admins now, and how each check went: a sentence each.

    `owner` is how the directory has the owner at this moment, None where it did not say.
    """
    keys = () if owner is None else (_keys_in_words(owner),)
    return [_owner_in_words(ticket, owner), _end_in_words(ticket, rules, now), *keys, _disk_in_words(ticket, rules)]


def _owner_in_words(ticket: Ticket, owner: OwnerSeen | None) -> Translatable:
    if owner is None:
        return say("The directory could not be asked about {login} when this was written.", login=ticket.login)
    match owner.state:
        case OwnerState.ACTIVE | OwnerState.KEYLESS:
            return say("{login} is an active account and has no other machine.", login=owner.login)
        case OwnerState.LOCKED:
            return say("The account {login} is locked.", login=owner.login)
        case OwnerState.GONE:
            return say("The account {login} is no longer in the directory.", login=owner.login)
        case OwnerState.SUCCEEDED:
            return say(
                "{owner} is no longer in the directory, and the login {login} belongs to someone else.",
                owner=ticket.name,
                login=owner.login,
            )
        case OwnerState.NAMESAKE:
            return say(
                "{login} is an active account and has no other machine; the login {before} now belongs to someone else.",
                login=owner.login,
                before=ticket.username,
            )
        case _:
            assert_never(owner.state)


def _end_in_words(ticket: Ticket, rules: Rules, now: datetime) -> Translatable:
    day, years = ticket.asked_end_date or ticket.end_date, rules.policy.max_years
    if end_date_problems(day, rules, now):
        return say("The end date {day} can no longer be granted.", day=day)
    return say("The end date is at most {years} years ahead.", years=years)


def _keys_in_words(owner: OwnerSeen) -> Translatable:
    if owner.usable_keys:
        return say("The directory has at least one usable SSH key for this person.")
    return say("The directory has no usable SSH key for this person.")


def _disk_in_words(ticket: Ticket, rules: Rules) -> Translatable:
    policy = rules.policy
    if ticket.disk_gib <= policy.disk_gib:
        return say("The disk has the usual size, {usual} GiB.", usual=policy.disk_gib)
    return say(
        "More disk than usual is requested: {size} GiB instead of {usual} GiB (limit {most} GiB).",
        size=ticket.disk_gib,
        usual=policy.disk_gib,
        most=policy.max_disk_gib,
    )


def vm_spec(
    ticket: Ticket,
    site: str,
    dns_domain: str,
    keys: tuple[str, ...],
    policy: PolicyRules,
    *,
    addresses: tuple[str, ...] = (),
) -> VmSpec:
    """What will be built for a ticket at a site: the only way from a request to a machine."""
    reference = str(ticket.id)
    return VmSpec(
        name=machine_name(ticket.username),
        dns_domain=dns_domain,
        machine_id=ticket.machine_id or legacy_machine_id(site, ticket.username, reference),
        owner=ticket.login,
        reference=reference,
        ssh_keys=keys,
        expires_on=ticket.end_date,
        vcpus=policy.vcpus,
        memory_mib=policy.memory_mib,
        disk_gib=ticket.disk_gib,
        restored=ticket.lease_from is not None,
        addresses=addresses,
    )
