"""A mail server in memory, held to the same contract suite as the real one."""

from __future__ import annotations

from collections.abc import Callable

from mailbot.adapters.faults import Faults
from mailbot.errors import LetterRefused
from mailbot.model import OutboundMail


class MemoryPostman:
    """`Postman` without a server: keeps what it was given.

    `faults.plan("send", …)` fails before a letter is taken, `faults.plan("answer", …)` after: the letter
    is on its way and the answer is lost.  `refuse` is what a server says about one address.
    `on_sent` is called with each letter that was taken, for example to deliver it into a `MemoryInbox`.
    """

    def __init__(self, on_sent: Callable[[OutboundMail], None] | None = None) -> None:
        self.faults = Faults()
        self._on_sent = on_sent
        self._letters: list[OutboundMail] = []
        self._refusals: dict[str, tuple[int, str]] = {}

    def send(self, letter: OutboundMail) -> str:
        self.faults.check("send")
        refusal = self._refusals.get(letter.envelope_to.lower())
        if refusal is not None:
            raise LetterRefused(*refusal)
        number = self._keep(letter)
        if self._on_sent is not None:
            self._on_sent(letter)
        self.faults.check("answer")
        return f"250 2.0.0 Ok: queued as {number:06X}"

    def close(self) -> None:
        """Nothing to end."""

    def refuse(self, address: str, code: int = 550, answer: str = "5.1.1 no such user") -> None:
        """From now on the server answers this to letters for that address."""
        self._refusals[address.lower()] = (code, answer)

    def accept(self, address: str) -> None:
        """Take a refusal back."""
        self._refusals.pop(address.lower(), None)

    @property
    def letters(self) -> list[OutboundMail]:
        """What the server has taken, in order."""
        return list(self._letters)

    def _keep(self, letter: OutboundMail) -> int:
        self._letters.append(letter)
        return len(self._letters)
