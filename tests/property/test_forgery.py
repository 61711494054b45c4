"""Nobody can forge a decision: of any mixture of sender, token, version, proof and state only the right one acts.

Each example begins with a mail that may act and changes some of what makes it so.  The oracle below
knows nothing of the code: it is the list of what must all be true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import parsers
from mailbot import tokens
from mailbot.model import Letter, Person, Purpose
from mailbot.rules import Rules, TrustRules
from mailbot.tokens import TokenKeys
from mailbot.turns.evidence import look_at
from mailbot.turns.replies import judge_reply
from parsers.values import Command, Mail, Unclear
from tests.world import ADMINS, ALICE, BOB, CAROL, DAVE, World, key_of, request_words
from tests.writing import SUPPORT, mail

EXAMPLES = 1500
GRACE = Person("grace", "Grace Hopeful", "grace@example.org", ssh_keys=(key_of("grace"),))
HEIDI = Person("heidi", "Heidi Happy", "heidi@example.org", ssh_keys=(key_of("heidi"),))
OURS = "mx.testbed.example"
WRONG_KEYS = TokenKeys((b"the key of somebody else, 32 byt",))
MALLORY = "mallory@elsewhere.example"
ADDRESSES = [CAROL.address, DAVE.address, ALICE.email, ALICE.aliases[0], BOB.email, GRACE.email, HEIDI.email, MALLORY]
WORDS = {
    "approve": "approve",
    "deny": "deny there is no room",
    "withdraw": "withdraw",
    "extend": "extend until 2027-06-30",
    "release": "release",
    "confirm": "confirm",
    "restore": "restore",
    "keep": "keep",
    "status": "status",
}
RESULTS = ["pass", "none", "fail", "theirs", "another domain", "below", "softfail"]


@dataclass(frozen=True)
class Attempt:
    """One mail: who writes, what it carries, and how it came."""

    sender: str
    ticket: int
    version: int
    purpose: Purpose
    recipient: str
    right_key: bool
    age_days: int
    carrier: str
    results: str
    word: str
    right_nonce: bool = True
    """The letter is of this ticket, not of one that had its number before a backup was restored."""


def _world(root: Path) -> World:
    """#1 waits for a decision, #2 was denied, #3 runs and waits for an extension, #4 waits for a confirmation, #5 runs."""
    rules = Rules(trust=TrustRules(authserv_id=OURS))
    world = World(root, rules=rules, people=(ALICE, BOB, GRACE, HEIDI))

    def writes(sender: str, words: str) -> None:
        world.arrives(_passed(sender) + mail(sender, "Persistent Virtual Machine Creation", words, world.now))

    def answers(letter: Letter, to: str, words: str) -> None:
        got = world.last(letter, to)
        world.arrives(
            _passed(to) + mail(to, "Re: it", words, world.now, In_Reply_To=got.message_id, References=got.message_id)
        )

    writes(ALICE.email, request_words("alice"))
    writes(BOB.email, request_words("bob"))
    answers(Letter.ADMIN_DECISION, CAROL.address, "deny try again")
    writes(BOB.email, request_words("bob"))
    answers(Letter.ADMIN_DECISION, CAROL.address, "approve")
    world.later(minutes=5)
    answers(Letter.VM_READY, BOB.email, "extend until 2027-05-31")
    writes(MALLORY, request_words("grace"))
    writes(HEIDI.email, request_words("heidi"))
    answers(Letter.ADMIN_DECISION, CAROL.address, "approve")
    world.later(minutes=5)
    states = [world.ticket(number).state for number in (1, 2, 3, 4, 5)]
    assert [one.value for one in states] == ["pending", "denied", "active", "unconfirmed", "active"]
    assert world.ticket(3).asked_end_date is not None
    return world


def _passed(sender: str) -> bytes:
    return f"Authentication-Results: {OURS}; dmarc=pass header.from={sender.partition('@')[2]}\r\n".encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = _world(tmp_path_factory.mktemp("forgery"))
    yield world
    world.close()


OWNERS = {1: ALICE, 2: BOB, 3: BOB, 4: GRACE, 5: HEIDI}
VERSIONS: dict[int, int] = {}
NONCES: dict[int, str] = {}
MAY = {
    (1, Purpose.DECIDE): {"approve", "deny"},
    (1, Purpose.OWN): {"withdraw"},
    (3, Purpose.DECIDE): {"approve", "deny"},
    (3, Purpose.OWN): {"withdraw", "release"},
    (4, Purpose.CONFIRM): {"confirm", "withdraw"},
    (5, Purpose.OWN): {"extend", "release"},
}
"""What changes a ticket of the world above."""


def should_act(attempt: Attempt) -> bool:
    """All of what must be true."""
    owner = OWNERS.get(attempt.ticket)
    deciding = attempt.purpose is Purpose.DECIDE
    if deciding:
        right_person = attempt.sender in {one.address for one in ADMINS} and attempt.recipient == attempt.sender
    else:
        right_person = owner is not None and {attempt.sender, attempt.recipient} <= owner.addresses
    by_code = attempt.carrier == "code"
    any_version = attempt.purpose is Purpose.OWN and not by_code
    return (
        attempt.word in MAY.get((attempt.ticket, attempt.purpose), ())
        and right_person
        and attempt.right_key
        and attempt.right_nonce
        and 0 <= attempt.age_days <= 90
        and attempt.carrier != "nothing"
        and (any_version or attempt.version == VERSIONS.get(attempt.ticket))
        and (not by_code or attempt.recipient not in ALICE.aliases)  # codes are for registered addresses
        and (attempt.word != "approve" or attempt.results == "pass")
        and (attempt.results != "fail" or attempt.word in {"release", "confirm"})  # the others are asked back
    )


def _raw(world: World, attempt: Attempt) -> bytes:
    keys = world.settings.keys if attempt.right_key else WRONG_KEYS
    day = tokens.day_of(world.now - timedelta(days=attempt.age_days))
    nonce = NONCES.get(attempt.ticket, "") if attempt.right_nonce else ""
    made = tokens.reference(
        keys, attempt.ticket, attempt.version, attempt.recipient, attempt.purpose, day=day, nonce=nonce
    )
    words, headers, to = WORDS[attempt.word], {}, SUPPORT
    match attempt.carrier:
        case "message-id":
            headers["References"] = tokens.message_id(keys, made, "a letter", world.settings.message_id_domain)
        case "reply-to":
            to = tokens.reply_address(SUPPORT, made, plus=True)
        case "code":
            words += f"\n\n> a robot wrote this, code {tokens.short_code(keys, made, attempt.recipient, nonce=nonce)}."
    raw = mail(attempt.sender, "Re: it", words, world.now, to=to, **headers)
    return _results(attempt) + raw


def _results(attempt: Attempt) -> bytes:
    domain = attempt.sender.partition("@")[2]
    passed = _passed(attempt.sender)
    return {
        "pass": passed,
        "none": b"",
        "fail": passed.replace(b"dmarc=pass", b"dmarc=fail"),
        "theirs": passed.replace(OURS.encode(), b"mx.elsewhere.example"),
        "another domain": passed.replace(domain.encode(), b"elsewhere.test"),
        "below": b"Received: from elsewhere.example by mx.testbed.example; Mon, 23 Nov 2026 09:00:00 +0000\r\n"
        + passed,
        "softfail": f"Authentication-Results: {OURS}; spf=pass smtp.mailfrom={domain}\r\n".encode(),
    }[attempt.results]


def _acts(world: World, attempt: Attempt) -> bool:
    """Whether the mail would change a ticket; nothing is committed, so that all attempts meet the same world."""
    context, now, raw = world.bot.context, world.now, _raw(world, attempt)
    reading = context.reading(now)
    read = parsers.read(raw, reading)
    assert isinstance(read, Mail)
    meaning = parsers.understand(read, reading).meaning
    if not isinstance(meaning, Command | Unclear):
        return False
    outcome = judge_reply(context, read, meaning, now, look_at(context, raw, read, now))
    return outcome.turn is not None and outcome.turn.ticket is not None


RIGHT = [
    Attempt(sender, number, 0, purpose, sender, True, 0, carrier, "pass", word)
    for (number, purpose), words in MAY.items()
    for word in sorted(words)
    for sender in ((CAROL.address, DAVE.address) if purpose is Purpose.DECIDE else (OWNERS[number].email,))
    for carrier in ("message-id", "reply-to", "code")
]
CHANGES = {
    "sender": st.sampled_from(ADDRESSES),
    "ticket": st.sampled_from([1, 2, 3, 4, 5, 6, 99_999]),
    "version": st.integers(-2, 2),
    "purpose": st.sampled_from([Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM]),
    "recipient": st.sampled_from(ADDRESSES),
    "right_key": st.booleans(),
    "right_nonce": st.booleans(),
    "age_days": st.sampled_from([-2, -1, 0, 30, 90, 91, 400]),
    "carrier": st.sampled_from(["message-id", "reply-to", "code", "nothing"]),
    "results": st.sampled_from(RESULTS),
    "word": st.sampled_from(sorted(WORDS)),
}


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, int]:
    """A right mail with one to four of its properties drawn anew; and by how much its version is off."""
    changed = draw(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4))
    attempt, off = draw(st.sampled_from(RIGHT)), 0
    for name in sorted(changed):
        value = draw(CHANGES[name])
        if name == "version":
            off = value
        else:
            attempt = replace(attempt, **{name: value})
    return attempt, off


@pytest.mark.parametrize("attempt", RIGHT, ids=lambda one: f"{one.ticket} {one.word} by {one.carrier} of {one.sender}")
def test_the_right_combination_acts(world: World, attempt: Attempt) -> None:
    VERSIONS.update({number: world.ticket(number).version for number in OWNERS})
    NONCES.update({number: world.ticket(number).nonce for number in OWNERS})
    assert _acts(world, replace(attempt, version=VERSIONS[attempt.ticket]))


def test_no_other_combination_acts(world: World) -> None:
    VERSIONS.update({number: world.ticket(number).version for number in OWNERS})
    NONCES.update({number: world.ticket(number).nonce for number in OWNERS})
    before = [world.ticket(number) for number in OWNERS]
    forged = acted = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(attempts())
    def try_all(drawn: tuple[Attempt, int]) -> None:
        nonlocal forged, acted
        attempt = replace(drawn[0], version=max(VERSIONS.get(drawn[0].ticket, 1) + drawn[1], 0))
        wanted = should_act(attempt)
        assert _acts(world, attempt) is wanted
        forged += not wanted
        acted += wanted

    try_all()
    print(f"forged or stale: {forged}, none of them accepted; right ones: {acted}, all of them accepted")
    assert forged >= 1000
    assert acted >= 20
    assert [world.ticket(number) for number in OWNERS] == before
