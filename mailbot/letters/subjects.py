"""What the subject of a letter may say, from its facts and its ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mailbot.letters.announcements import Announcement
from mailbot.letters.extensions import ExtensionDenied, ExtensionGranted, ExtensionLapsed, ExtensionReceived
from mailbot.letters.kinds import LetterFacts, Snapshot
from mailbot.letters.languages import Language
from mailbot.letters.life import DateMoved, EndEarlier, EndWarning, GraceHalf, RemovalNear
from mailbot.letters.moving import VmMove, VmMoved
from mailbot.letters.questions import AdminDecided, AdminLapsed, AdminUnproven, Question
from mailbot.letters.troubles import WORK, AdminBlind, AdminBrake, AdminMachineTrouble, AdminOwner
from mailbot.model import OwnerState, Ticket, TicketState
from parsers.translatable import Translatable, say


def said(facts: LetterFacts, ticket: Ticket | None, language: Language) -> dict[str, str]:
    """What a subject may say."""
    words: dict[str, str] = {}
    if ticket is not None:
        words["short_day"] = language.short_day(last_day(facts, ticket))
    return words | _of_life(facts, language) | _of_moves(facts) | _of_trouble(facts, language)


def _of_life(facts: LetterFacts, language: Language) -> dict[str, str]:
    words: dict[str, str] = {}
    match facts:
        case AdminDecided(question=question, decision=decision):
            words |= {"question": _QUESTIONS[question], "decision": _DECISIONS[decision]}
        case AdminLapsed(question=question):
            words["question"] = _QUESTIONS[question]
        case ExtensionReceived(question=question):
            words["what"] = _RECEIVED[question]
        case ExtensionDenied(question=question):
            words["what"] = _DENIED[question]
        case ExtensionLapsed(question=question):
            words["what"] = _NOT_DECIDED[question]
        case Question(question=question, person=person, asked_end_date=asked):
            new = say("new VM for {login}", login=person.login)
            words["what"] = _ASKED[question].given(day=asked) if asked else new
        case EndWarning(days_left=days) | GraceHalf(days_left=days) | RemovalNear(days_left=days):
            words["days"] = language.count(days, "day")
        case Announcement(title=title):
            words["title"] = title
        case _:
            pass
    return words


def _of_moves(facts: LetterFacts) -> dict[str, str]:
    match facts:
        case VmMove(live=live):
            return {"what": say("will move to another host") if live else say("will be off for a while")}
        case VmMoved(live=live):
            return {"what": say("it kept running") if live else say("new address")}
        case _:
            return {}


def _of_trouble(facts: LetterFacts, language: Language) -> dict[str, str]:
    words: dict[str, str] = {}
    match facts:
        case AdminMachineTrouble(effect=effect):
            words["work"] = WORK[effect]
        case AdminBrake(tickets=tickets):
            words["count"] = language.count(len(tickets), "machine")
        case AdminBlind(what=what, back=back):
            words |= {"what": what, "works": say("works again") if back else say("does not work")}
        case AdminUnproven(state=state):
            words["what"] = _WITHOUT_NOTICE[state]
        case AdminOwner() as told:
            words["what"] = _what_of_the_owner(told)
        case _:
            pass
    return words


_QUESTIONS = {"request": say("request"), "extension": say("extension"), "restore": say("return")}
_RECEIVED = {"extension": say("extension requested"), "restore": say("return requested")}
_NOT_DECIDED = {"extension": say("extension not decided"), "restore": say("return not decided")}
_DENIED = {"extension": say("not extended"), "restore": say("stays removed")}
_ASKED = {
    "extension": say("extension until {day}"),
    "restore": say("return until {day}"),
}
_DECISIONS = {"approved": say("approved"), "denied": say("denied"), "withdrawn": say("withdrawn")}


_WITHOUT_NOTICE = {
    TicketState.ACTIVE: say("stop it without proven notice?"),
    TicketState.EXPIRED: say("remove it without proven notice?"),
    TicketState.ARCHIVED: say("delete its disk without proven notice?"),
}


def _what_of_the_owner(told: AdminOwner) -> Translatable:
    if told.renamed_from and told.owner is OwnerState.ACTIVE:
        return say("its owner has another login")
    return OWNER_IS[told.owner]


OWNER_IS: Mapping[OwnerState, Translatable] = {
    OwnerState.ACTIVE: say("its owner's account is back to normal"),
    OwnerState.LOCKED: say("its owner's account is locked"),
    OwnerState.KEYLESS: say("its owner has no SSH key"),
    OwnerState.GONE: say("its owner is no longer in the directory"),
    OwnerState.SUCCEEDED: say("its owner is no longer in the directory, and someone else has the login"),
    OwnerState.NAMESAKE: say("someone else has the login that it is named after"),
}
"""How the directory has a machine's owner, as a change of it is told."""


def last_day(facts: LetterFacts, ticket: Ticket) -> date:
    """The day that this letter is about, usually an end date: the one just granted, or as it was when the letter was decided."""
    match facts:
        case ExtensionGranted(until=day) | DateMoved(end_date=day) | EndEarlier(end_date=day):
            return day
        case VmMove(on=day):
            return day
        case Snapshot(end_date=told):
            return told or ticket.end_date
        case _:
            return ticket.end_date
