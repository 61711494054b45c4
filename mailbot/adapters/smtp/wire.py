"""What is said and heard in an SMTP session once it is open (RFC 5321 section 4.2), with or without waiting."""

from __future__ import annotations

import select
import smtplib
import ssl
from time import monotonic
from typing import Final

_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_MOST_OCTETS: Final = 64 * 1024
"""No answer is longer: a reply line has at most 512 octets (RFC 5321 section 4.5.3.1.5), and servers write a few of them."""


class Wire:
    """The socket of a session that smtplib has opened, without a time limit of its own: smtplib is given one where it is used again."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        if smtp.sock is None:
            raise AssertionError("the session is open")
        self.smtp = smtp
        self._socket = smtp.sock
        self._socket.settimeout(0)
        self._unsaid = b""
        self._heard = b""

    def send(self, octets: bytes) -> None:
        """Hand over what the kernel takes now; the rest follows when an answer is asked for.  Raises OSError."""
        self._unsaid += octets
        try:
            while self._unsaid:
                self._unsaid = self._unsaid[self._socket.send(self._unsaid) :]
        except _NOT_NOW:
            return

    def answer(self, seconds: float) -> tuple[int, bytes] | None:
        """Code (-1 where there is none) and text of the next answer; None where it did not come within so many seconds.

        Raises OSError, SMTPException.
        """
        until = monotonic() + seconds if seconds else 0.0
        while (whole := self._whole()) is None:
            if self._unsaid:
                self.send(b"")
            try:
                octets = self._socket.recv(4096)
            except _NOT_NOW:
                left = until - monotonic() if seconds else 0.0
                if left <= 0:
                    return None
                self._wait(left)
                continue
            if not octets:
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            self._heard += octets
        return whole

    def _wait(self, seconds: float) -> None:
        """Until the server says something, or takes what is not said yet."""
        ready = select.poll()
        ready.register(self._socket, select.POLLIN | select.POLLOUT if self._unsaid else select.POLLIN)
        ready.poll(seconds * 1000)

    def _whole(self) -> tuple[int, bytes] | None:
        """The first whole answer of what was heard: lines up to the first one that does not go on (`250-`)."""
        if len(self._heard) > _MOST_OCTETS:
            raise smtplib.SMTPException("the answer is too long")
        texts, rest = [], self._heard
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            texts.append(line[4:].strip())
            if line[3:4] != b"-" or not line[:3].isdigit():
                self._heard = rest
                return int(line[:3]) if line[:3].isdigit() else -1, b"\n".join(texts)
        return None
