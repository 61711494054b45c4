"""What becomes of a finding that an admin answers, by mail or at the command line: `rebuild`, `adopt` or `forget`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.commands import OF_FINDINGS
from mailbot.letters.troubles import AdminFindingAnswered
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.steps import STATE_WORDS
from mailbot.model import Actor, Admin, Ended, Event, RebuildAsked, Refusal, Role, Turn, Verdict
from mailbot.trust import Risk
from mailbot.turns import findings, repetition
from mailbot.turns.adopting import Told, adoption, ticket_of
from mailbot.turns.context import TurnContext, turn_of
from mailbot.turns.evidence import Look, lack_of, proven
from mailbot.turns.findings import Placed
from mailbot.turns.judgement import Judgement, answered
from parsers.translatable import Translatable, as_one, say
from parsers.values import Command, Mail, Unclear, Verb
from provisioner.naming import host_part

_GONE = say("The machine is no longer at its site.")
_ALL_GONE = say("The machine and its disk are no longer at their site.")
_WORDS = say(
    "Answer this message with “{rebuild}”, “{adopt}” or “{forget}” and the name of the machine.",
    rebuild=say("rebuild"),
    adopt=say("adopt"),
    forget=say("forget"),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What an answer leads to: the turn, and what to tell whoever answered."""

    turn: Turn
    said: Translatable


def chosen(open_: Sequence[Placed], verb: Verb, machine: str) -> Placed | Refusal:
    """The one finding that is meant; `machine` may be "" where there is only one that the word answers."""
    fitting = [one for one in open_ if verb in one.finding.answers and machine in {"", one.finding.machine}]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(f"{one.finding.machine} ({one.site})" for one in fitting)
        return Refusal(say("Please name the machine: {names}.", names=names))
    word = Translatable(f"{verb.value} {machine}".strip())
    return Refusal(say("There is no longer anything that “{word}” could answer.", word=word))


def done(context: TurnContext, placed: Placed, verb: Verb, by: Actor) -> Done | Refusal:
    """What follows from an answer to a finding.  Writes nothing.  Raises DirectoryUnavailable."""
    found, named = placed.finding, {"machine": placed.finding.machine, "site": placed.site}
    if verb is Verb.ADOPT:
        return _adopted(context, placed, by)
    if found.ticket is None:  # a machine that no ticket knows is not listed any more, and stays as it is
        turn = Turn(now=context.clock.now(), notes=findings.without(context.store, placed, forgotten=True))
        return Done(turn, say("{machine} at {site} stays as it is, and will no longer be listed.", **named))
    if verb is Verb.REBUILD:
        again = say("{machine} is being built again at {site}; its owner has been told.", **named)
        return _happened(context, placed, RebuildAsked(by, fresh=found.fresh), again)
    ended = say("the ticket of {machine} at {site} is closed; its owner has been told.", **named)
    return _happened(context, placed, Ended(by, _ALL_GONE if found.fresh else _GONE, found.fresh), ended)


def _happened(context: TurnContext, placed: Placed, event: Event, said: Translatable) -> Done | Refusal:
    ticket, now = context.store.ticket(placed.finding.ticket or 0), context.clock.now()
    if ticket is None:
        return Refusal(say("That ticket no longer exists."))
    step = decide(ticket, event, context.circumstances(now, ticket))
    if isinstance(step, Refusal):
        return step
    notes = findings.without(context.store, placed)
    return Done(replace(turn_of(event, ticket, step, now), notes=notes), said)


def _adopted(context: TurnContext, placed: Placed, by: Actor) -> Done | Refusal:
    found, mark = placed.finding, placed.finding.mark
    person = context.directory.by_login(mark.owner) if mark else None
    if mark is None or person is None:
        return Refusal(say("The directory does not know the owner of {machine}.", machine=found.machine))
    other = context.store.open_ticket_of(host_part(person.login), person.id)
    if other is not None:
        taken = say("There is already another one for {login} (#{ticket}): {state}.", login=other.login)
        return Refusal(taken.given(ticket=other.id, state=STATE_WORDS[other.state]))
    ticket = ticket_of(context, person, mark, Told())
    turn = adoption(context, placed.site, mark, ticket, by, notes=findings.without(context.store, placed))
    said = say("{machine} at {site} belongs to {login} again, who has been told.", login=person.login)
    return Done(turn, said.given(machine=found.machine, site=placed.site))


@dataclass(frozen=True, slots=True)
class FindingReply:
    """One answer to the letter about findings: who writes, and which letter."""

    context: TurnContext
    mail: Mail
    admin: Admin
    number: int
    now: datetime

    def judged(self, said: Command | Unclear, look: Look) -> Judgement:
        """Do what one of the words says about one finding, where the mail proves enough; anything else changes nothing and is answered."""
        if isinstance(said, Unclear):
            return self._nothing(said.words, as_one(said.why, _WORDS))
        if said.verb not in OF_FINDINGS:
            return self._nothing(said.line, _WORDS)
        placed = chosen(findings.of_letter(self.context.store, self.number), said.verb, said.machine)
        if isinstance(placed, Refusal):
            return self._nothing(said.line, placed.why)
        evidence = proven(self.admin, look).for_risk(Risk.APPROVE_LARGE, self.context.rules.trust)
        if lack := lack_of(self.context, evidence, Risk.APPROVE_LARGE):
            return self._nothing(said.line, lack)
        message_id = self.mail.message_id or ""
        actor = Actor(Role.ADMIN, self.admin.address, self.mail.sha256, message_id, evidence.as_facts())
        result = done(self.context, placed, said.verb, actor)
        if isinstance(result, Refusal):
            return self._nothing(said.line, result.why)
        note = f"finding answered by {self.admin.address}: {said.line}"
        answer = self._answer(said.line, result.said, note, done=True, without=placed)
        letters = answer.turn.effects if answer.turn else ()
        turn = replace(result.turn, effects=(*result.turn.effects, *letters))
        return Judgement(Verdict.HANDLED, note, turn)

    def _answer(
        self, words: str, said: Translatable, note: str, *, done: bool, without: Placed | None = None
    ) -> Judgement:
        rest = [one for one in findings.of_letter(self.context.store, self.number) if one != without]
        told: dict[str, Any] = {"letter": self.number, "findings": findings.listed(rest)} if rest else {}
        facts = AdminFindingAnswered(words=words, done=done, said=said, subject=self.mail.subject, **told)
        return answered(self.context, self.mail, self.admin, facts, self.now, note=note)

    def _nothing(self, words: str, why: Translatable) -> Judgement:
        """Nothing is done, and the admin reads why; the same words twice are answered once (`repetition`)."""
        note = f"the findings stay as they are: {why}"

        def answer() -> Judgement:
            return self._answer(words, why, note, done=False)

        return repetition.answered_once(self.context, self.mail, 0, self.now, note=note, answer=answer)
