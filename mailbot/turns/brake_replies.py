"""An admin's answer to the letter of a brake, on machines or on letters: it speaks of no ticket, and one word lets go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailbot import tokens
from mailbot.letters.troubles import AdminBrakeStays, Held
from mailbot.model import Admin, Purpose, Refusal, Turn, Verdict
from mailbot.tokens import Reference
from mailbot.trust import Risk
from mailbot.turns import brake, letter_brake, repetition
from mailbot.turns.context import TurnContext
from mailbot.turns.evidence import Look, lack_of, proven
from mailbot.turns.judgement import Judgement, answered
from parsers.translatable import Translatable, as_one, say
from parsers.values import Command, Mail, Unclear, Verb

_ANOTHER_WORD = say(
    "Only the word “{proceed}” releases what is held back; any other answer changes nothing.",
    proceed=say("proceed"),
)


def number_of(context: TurnContext, references: tuple[Reference, ...], admin: Admin) -> int:
    """The number of the brake whose letter this admin answers, 0 for none; its token is bound to ticket 0."""
    return next(
        (
            reference.version
            for reference in references
            if reference.ticket_id == 0
            and reference.purpose is Purpose.DECIDE
            and tokens.verify(context.letters.keys, reference, admin.address)
            and not tokens.expired(reference, context.came(), context.clock.now(), context.letters.expiry_days)
        ),
        0,
    )


@dataclass(frozen=True, slots=True)
class BrakeReply:
    """One answer to the letter of a brake: who writes, and which brake the letter spoke of."""

    context: TurnContext
    mail: Mail
    admin: Admin
    number: int
    now: datetime

    def judged(self, said: Command | Unclear, look: Look) -> Judgement:
        """Let go at the one word that does, where the mail proves enough; anything else is answered with what was read and what is accepted."""
        if isinstance(said, Unclear):
            return self._stays(said.words, as_one(said.why, _ANOTHER_WORD))
        if said.verb is not Verb.PROCEED:
            return self._stays(said.line, _ANOTHER_WORD)
        lack = lack_of(self.context, proven(self.admin, look), Risk.APPROVE_LARGE)
        released = Refusal(lack) if lack else self._released()
        if isinstance(released, Refusal):
            return self._stays(said.line, released.why)
        return Judgement(Verdict.HANDLED, f"brake {self.number} released by {self.admin.address}", released)

    def _released(self) -> Turn | Refusal:
        """Lets go the brake that has that number, of whichever kind it is."""
        of_letters = letter_brake.current(self.context)
        if of_letters is not None and of_letters.number == self.number:
            return letter_brake.release(self.context, self.number, self.admin.address)
        return brake.release(self.context, self.number, self.admin.address)

    def _standing(self) -> Held | None:
        """What the brake of that number holds; None where it was released, or pulled again under another number."""
        brakes = ((Held.MACHINES, brake.current(self.context)), (Held.LETTERS, letter_brake.current(self.context)))
        for what, one in brakes:
            if one is not None and one.number == self.number and not one.released_by:
                return what
        return None

    def _stays(self, words: str, why: Translatable) -> Judgement:
        """Nothing is let go, and the admin reads why; the same words twice are answered once (`repetition`)."""
        note = f"the brake stays as it is: {why}"

        def answer() -> Judgement:
            held = self._standing()
            number = self.number if held else None
            told = AdminBrakeStays(words=words, why=why, held=held, brake=number, subject=self.mail.subject)
            return answered(self.context, self.mail, self.admin, told, self.now, note=note)

        return repetition.answered_once(self.context, self.mail, 0, self.now, note=note, answer=answer)
