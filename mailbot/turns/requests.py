"""A request mail: to a ticket, or to one answer with everything that is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailbot import policy, trust
from mailbot.letters.requests import Filled, RequestProblems
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.ownership import as_asker
from mailbot.lifecycle.request import opened
from mailbot.lifecycle.steps import STATE_WORDS
from mailbot.model import Actor, Person, Requested, Role, Ticket
from mailbot.trust import Checked, Evidence, Proof, Risk
from mailbot.turns import owners
from mailbot.turns.context import TurnContext, usable_keys
from mailbot.turns.evidence import Look, nothing
from mailbot.turns.judgement import Judgement, answered, answered_stranger, happened, to_correct, withheld
from mailbot.turns.second_requests import judge_second
from parsers.request.form import answers
from parsers.request.labels import Part
from parsers.translatable import Translatable, say
from parsers.values import Mail, Problem, ReadingRules, Request
from provisioner.naming import machine_name


def judge_request(context: TurnContext, mail: Mail, request: Request, now: datetime, look: Look = nothing) -> Judgement:
    """What a filled-in template leads to.

    1. Who wrote, and who is it for?  Both come from the directory.
    2. A sender whom nobody knows learns nothing: one neutral line a day, unless the request is
       complete and for somebody known; then that person is asked to confirm it.
    3. Every problem at once, to the registered address of whoever wrote.
    4. No problem: a ticket, PENDING where the sender is proven, else UNCONFIRMED.
    """
    sender = context.directory.by_address(mail.sender.address)
    person = context.directory.by_login(request.fields.username) if request.fields.username else None
    problems = list(policy.problems(request, context.rules, now))
    if person is None and request.fields.username and not any(p.field == Part.USERNAME for p in problems):
        problems.append(_unknown_login(request.fields.username, sender))
    if person is None:
        closed = context.closed()
    else:
        taken, closed = context.place_of(person)
        own = taken is not None and owners.is_owner(context, person, taken)
        if taken is not None and own and sender == person and not problems:
            evidence = _evidence(mail, sender, look)
            second = judge_second(context, mail, request, taken, person=person, evidence=evidence)
            if second is not None:
                return second
        problems.extend(_personal(person, sender, _place_taken(taken, own=own)))
    problems.extend(_service_closed(closed))
    if problems:
        if sender is None:
            note = "a request with problems from an unknown address"
            return answered_stranger(context, mail, now, note, request.language)
        proven = not trust.missing(Risk.OPEN, _evidence(mail, sender, look), context.rules.trust)
        return explained(context, mail, sender, now, request=replace(request, problems=tuple(problems)), proven=proven)
    if person is None:
        raise AssertionError("without a person there is a problem above")
    return _opened(context, mail, request, person, now=now, look=look)


def _unknown_login(login: str, sender: Person | None) -> Problem:
    own = say("your own login")
    if sender:
        own = say("your own login; the login that belongs to your address is {login}", login=sender.login)
    return Problem(Part.USERNAME.value, None, Translatable(login), own)


def _personal(person: Person, sender: Person | None, taken: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What stands in the way in the person's own account; nobody else reads more than that something does."""
    keys, refusals = usable_keys(person)
    found = (*policy.person_problems(person, keys, refusals), *taken)
    if not found or (sender is not None and sender.login == person.login):
        return found
    return (_unknown_login(person.login, sender),)


def _service_closed(words: str) -> tuple[Problem, ...]:
    """What stands in the way of every new request: an admin has closed the service, and says in these words until when or why."""
    if not words:
        return ()
    return (Problem(Part.WHOLE.value, None, say("a new request"), say("none at the moment: {words}", words=words)),)


def _place_taken(ticket: Ticket | None, *, own: bool) -> tuple[Problem, ...]:
    """One machine a person, and one a name: that of somebody who had the login before keeps it."""
    if ticket is None:
        return ()
    if not own:
        found = say("there is already a machine {machine}, which is not yours", machine=machine_name(ticket.username))
        return (Problem(Part.WHOLE.value, None, found, say("a name that is free: please ask the admins")),)
    found = say(
        "there is already one for {login} (#{ticket}): {state}",
        login=ticket.login,
        ticket=ticket.id,
        state=STATE_WORDS[ticket.state],
    )
    allowed = say(
        "one machine per user: reply to the messages about that one instead (with this form, to change the request), or withdraw it first"
    )
    return (Problem(Part.WHOLE.value, None, found, allowed),)


def explained(
    context: TurnContext,
    mail: Mail,
    sender: Person,
    now: datetime,
    *,
    request: Request,
    proven: bool = True,
) -> Judgement:
    """One answer with every problem of a request, and the template filled in as far as it was understood."""
    problems = request.problems
    return answered(
        context,
        mail,
        sender,
        RequestProblems(
            problems=tuple(to_correct(one) for one in problems),
            fields=_filled(request, sender, context.reading(now)),
            notes=request.notes,
            subject=mail.subject,
        ),
        now,
        proven=proven,
        note=f"a request with {len(problems)} problem{'' if len(problems) == 1 else 's'}",
        language=request.language,
    )


def _filled(request: Request, sender: Person, rules: ReadingRules) -> Filled:
    """The form as far as it is certain: what was read without a problem, and the login of whoever wrote for one that was not."""
    known = answers(request.fields, frozenset(problem.field for problem in request.problems), rules)
    return Filled(
        username=known[Part.USERNAME] or sender.login,
        intended_usage=known[Part.USAGE],
        expiration_date=known[Part.DATE],
        disk=known.get(Part.DISK),
    )


def _evidence(mail: Mail, person: Person, look: Look) -> Evidence:
    """What the mail proves about being that person's; names are asked only where it may be."""
    if mail.sender.address.lower() not in person.addresses:
        return Evidence(mail.sender.address, frozenset())
    return Evidence(mail.sender.address, frozenset({Proof.REGISTERED})).with_checked(look())


def _most_unproven(context: TurnContext, evidence: Evidence, checked: Checked) -> int:
    """How many questions a day may be asked for mails in somebody's name; forged ones must not use up what is kept for the owner's own.

    A mail that failed our border's check is most likely forged; the owner's own may come from a provider that proves nothing.
    """
    limits = context.rules.answers
    maybe_the_owners = Proof.REGISTERED in evidence.proofs and not checked.failed
    return limits.unproven_per_day + (limits.unproven_reserve if maybe_the_owners else 0)


def _opened(
    context: TurnContext, mail: Mail, request: Request, person: Person, *, now: datetime, look: Look
) -> Judgement:
    evidence = _evidence(mail, person, look).for_risk(Risk.OPEN, context.rules.trust)
    proven = not trust.missing(Risk.OPEN, evidence, context.rules.trust)
    if not proven and context.store.answers_today(person.email, now) >= _most_unproven(context, evidence, look()):
        return withheld(mail, person.email, "a request in the name of somebody who was asked often enough today")
    fields = request.fields
    policy_rules = context.rules.policy
    step = opened(
        person,
        fields.intended_usage or "",
        fields.expiration_date or now.date(),
        fields.disk_gib or policy_rules.disk_gib,
        fields.disk_reason or "",
        thread=mail.message_id or "",
        subject=mail.subject,
        proven=proven,
        claimed_from=mail.sender.address,
        notes=request.notes,
        evidence=trust.in_words(evidence),
        language=request.language,
        circumstances=Circumstances(
            now,
            context.rules,
            context.all_admins(),
            sites=context.room(),
            owner=as_asker(person, len(usable_keys(person)[0])),
        ),
    )
    actor = Actor(Role.OWNER, mail.sender.address, mail.sha256, mail.message_id or "", evidence.as_facts())
    return happened(Requested(actor), None, step, now)
