"""What is remembered of a mail whose token others have seen: beside whatever else comes of the mail."""

from __future__ import annotations

import pytest

from mailbot import tokens
from mailbot.model import Purpose, Turn, Verdict
from mailbot.tokens import Reference
from mailbot.turns.judgement import Judgement
from mailbot.turns.repetition import remember_copies, went_to_others
from parsers.values import Mail
from tests.world import ALICE, BOB, World
from tests.writing import SUPPORT, mail


@pytest.fixture
def reference(world: World) -> Reference:
    return tokens.reference(world.settings.keys, 1, 1, ALICE.email, Purpose.OWN, day=tokens.day_of(world.now))


def sent(world: World, *copies: str) -> Mail:
    raw = mail(ALICE.email, "Re: your machine", "status", world.now, Cc=", ".join(copies))
    read = world.bot.reader.begin(raw, world.now)().mail
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("copies", "others"),
    [
        ((), False),
        ((BOB.email,), True),
        ((ALICE.email, SUPPORT.upper(), SUPPORT.replace("@", "+12.1.o.x@")), False),
        ((BOB.email, SUPPORT), True),
    ],
)
@pytest.mark.parametrize("turn", [True, False])
def test_a_token_that_went_to_others_is_remembered_with_whatever_else_comes_of_the_mail(
    world: World, reference: Reference, copies: tuple[str, ...], others: bool, turn: bool
) -> None:
    context = world.bot.context
    judged = Judgement(Verdict.HANDLED, "asked", Turn(now=world.now, notes={"another": "note"}) if turn else None)
    after = remember_copies(context, sent(world, *copies), reference, judged, world.now)
    assert (after == judged) is not others
    if after.turn is not None:
        assert after.turn.notes.get("another") == ("note" if turn else None)
        context.store.commit(after.turn)
    assert went_to_others(context, reference) is others
    if others:
        assert remember_copies(context, sent(world, *copies), reference, judged, world.now) == judged, "once is enough"
