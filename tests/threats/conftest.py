"""A site whose mail server says whether mails are genuine, with a request of alice's that waits for an admin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.model import TicketState
from mailbot.rules import Rules, TrustRules
from tests.threats.site import OURS, genuine
from tests.world import ALICE, World, request_words
from tests.writing import mail


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    request = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now)
    world.arrives(genuine(request, ALICE.email))
    assert world.ticket().state is TicketState.PENDING
    yield world
    world.close()
