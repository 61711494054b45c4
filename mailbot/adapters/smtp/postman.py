"""Letters to an SMTP server (RFC 5321), by smtplib; the envelope is pipelined (RFC 2920) where the server can."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from mailbot.adapters.logins import LoginGate
from mailbot.adapters.smtp.envelope import envelope, transparent
from mailbot.adapters.smtp.wire import Wire
from mailbot.adapters.transport import Auth, Secret, Security, check_security, tls_context
from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.model import OutboundMail
from parsers.translatable import say, words_of

_WIRE_ERRORS: Final = (OSError, smtplib.SMTPException, ValueError)
# Answers that speak of the session, not of the letter: shutting down (421), out of order (503), and authentication
# wanted or refused (RFC 4954 section 6).  A letter must never be given up for them.
_SESSION_CODES: Final = frozenset({-1, 421, 503})
_LOGIN_CODES: Final = frozenset({530, 534, 535, 538})
# The sender is the same for every letter: a server that does not take it refuses us, not the letter; but its size (552)
# and its parameters (555) are the letter's own.
_OWN_OF_MAIL: Final = frozenset({552, 555})

T = TypeVar("T")
_Steps: TypeAlias = Generator[None, bool, T]
"""Stops wherever the server has not answered yet, until it is sent whether it may wait for that."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Which server takes our letters.

    `password` gives the password or, with `auth` oauth2, the access token; it is asked at every login.
    `helo` is the name we give ourselves, by default this machine's, or an address literal where that has no dot.
    """

    host: str
    username: str = ""
    password: Secret | None = field(default=None, repr=False)
    port: int = 465
    security: Security = Security.TLS
    auth: Auth = Auth.PASSWORD
    ca_file: Path | None = None
    helo: str = ""
    timeout_seconds: float = 60
    final_seconds: float = 300
    """For the answer to the final dot, where giving up early means sending twice (RFC 5321 section 4.5.3.2.6)."""

    gate: LoginGate = field(default_factory=LoginGate, repr=False, compare=False)
    """Shared by all connections that are made from this value."""

    def __post_init__(self) -> None:
        check_security("smtp", self.host, self.security)


class _ConnectionLost(Exception):
    """The connection ended.  `sent` is False where the letter's text had not been handed over: nobody can have it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class SmtpHandover:
    """`Handover` of a letter to a real server."""

    def __init__(self, steps: _Steps[str]) -> None:
        self._steps = steps
        self._answer = ""
        self._error: Exception | None = None
        self._take(partial(next, steps))

    def go_on(self) -> bool:
        """See `Handover.go_on`."""
        if not self._is_over():
            self._take(partial(self._steps.send, False))
        return self._is_over()

    def answer(self) -> str:
        """See `Handover.answer`."""
        while not self._is_over():
            self._take(partial(self._steps.send, True))
        if self._error is not None:
            raise self._error
        return self._answer

    def _is_over(self) -> bool:
        return bool(self._answer) or self._error is not None

    def _take(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StopIteration as over:
            self._answer = over.value
        except Exception as error:  # noqa: BLE001 - it is told to whoever asks for the answer
            self._error = error
        except BaseException:
            self._error = MailServerUnavailable("the conversation was broken off")
            raise


class SmtpPostman:
    """`Postman` on a real server: one connection for as long as the server keeps it.  One thread owns it."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None
        self._wire: Wire | None = None
        """The session of `_smtp` once it is open and logged in."""
        self._unheard = False
        """Whether a letter was begun that has not come to its end."""

    def send(self, letter: OutboundMail) -> str:
        """See `Postman.send`."""
        return self.begin(letter).answer()

    def begin(self, letter: OutboundMail) -> SmtpHandover:
        """See `EarlyPostman.begin`.  A connection that the server has closed between two letters is made anew, once."""
        if self._unheard:  # an answer that nobody waited for would be taken for the next one's
            self._drop()
        return SmtpHandover(self._steps(letter))

    def check(self) -> str:
        """Connect and log in, or NOOP where that is done; gives the server's answer.  Raises MailServerUnavailable."""
        try:
            wire = self._wire or self._connect()
            with self._lost(sent=False):
                wire.send(b"NOOP\r\n")
                heard = wire.answer(self._settings.timeout_seconds)
                if heard is None:
                    raise TimeoutError
            return _words(*heard)
        except _ConnectionLost as lost:
            raise self._unavailable(lost.reason) from lost

    def close(self) -> None:
        smtp, self._smtp, self._wire, self._unheard = self._smtp, None, None, False
        if smtp is None:
            return
        with suppress(*_WIRE_ERRORS):
            if smtp.sock is not None:
                smtp.sock.settimeout(5)
            smtp.quit()
        with suppress(*_WIRE_ERRORS):
            smtp.close()

    # one letter

    def _steps(self, letter: OutboundMail) -> _Steps[str]:
        kept = self._wire is not None
        try:
            return (yield from self._handed_over(letter))
        except _ConnectionLost as lost:
            if lost.sent or not kept:
                raise self._unavailable(lost.reason) from lost
        try:
            return (yield from self._handed_over(letter))
        except _ConnectionLost as lost:
            raise self._unavailable(lost.reason) from lost

    def _handed_over(self, letter: OutboundMail) -> _Steps[str]:
        wire = self._wire or self._connect()
        data = transparent(letter.data)
        commands = envelope(wire.smtp, letter, data)
        self._unheard = True
        with self._lost(sent=False):
            refusal = self._refusal((yield from self._envelope_answers(wire, commands)))
            if refusal is not None:
                yield from self._reset(wire)
                raise refusal
        with self._lost(sent=True):
            wire.send(data + b".\r\n")
            code, answer = yield from _heard(wire, self._settings.final_seconds)
        self._unheard = False
        if code in _SESSION_CODES:
            self._drop()
            raise self._unavailable(_words(code, answer))
        if not 200 <= code < 300:
            raise LetterRefused(code, _text(answer))
        return _words(code, answer)

    def _envelope_answers(self, wire: Wire, commands: tuple[bytes, bytes]) -> _Steps[list[tuple[int, bytes]]]:
        """What the server says to MAIL, RCPT and DATA."""
        heard = partial(_heard, wire, self._settings.timeout_seconds)
        lines, answers = [b"%s\r\n" % line for line in (*commands, b"DATA")], []
        if wire.smtp.has_extn("pipelining"):
            wire.send(b"".join(lines))
            for _ in lines:
                answers += [(yield from heard())]
            if answers[2][0] == 354 and (answers[0][0] >= 400 or answers[1][0] >= 400):
                # RFC 2920 section 3.1: the text is wanted though nobody is to get it; end it at once.
                wire.send(b".\r\n")
                yield from heard()
            return answers
        for line in lines:
            wire.send(line)
            answers += [(yield from heard())]
            if answers[-1][0] >= 400:
                break
        return answers

    def _refusal(self, answers: list[tuple[int, bytes]]) -> LetterRefused | None:
        """None when the server waits for the text."""
        for position, (code, answer) in enumerate(answers):
            if code in _SESSION_CODES:
                self._drop()
                raise _ConnectionLost(_words(code, answer), sent=False)
            if code in _LOGIN_CODES or (position == 0 and code >= 500 and code not in _OWN_OF_MAIL):
                self._drop()
                raise self._unavailable(_words(code, answer), permanent=True)
            if not 200 <= code < 400:
                return LetterRefused(code, _text(answer))
        return None

    def _reset(self, wire: Wire) -> _Steps[None]:
        """Forget the envelope; a server that cannot do that is left."""
        with suppress(*_WIRE_ERRORS):
            wire.send(b"RSET\r\n")
            if (yield from _heard(wire, self._settings.timeout_seconds))[0] == 250:
                self._unheard = False
                return
        self._drop()

    # the connection

    def _connect(self) -> Wire:
        settings = self._settings
        secret = settings.password() if settings.password and settings.auth is not Auth.NONE else ""
        if secret:
            settings.gate.check(secret)
        context = None if settings.security is Security.PLAIN else tls_context("smtp", settings.ca_file)
        try:
            self._smtp = smtp = self._open(context)
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.security is Security.STARTTLS and context is not None:
                smtp.ehlo_or_helo_if_needed()
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if secret:
                self._log_in(smtp, secret)
        except ssl.SSLCertVerificationError as error:
            self._drop()
            raise self._unavailable(
                say("its certificate is not accepted: {error}", error=error.verify_message), permanent=True
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            self._drop()
            raise self._unavailable(str(error), permanent=True) from error
        except _WIRE_ERRORS as error:
            self._drop()
            raise self._unavailable(_reason(error)) from error
        self._wire = Wire(smtp)
        return self._wire

    def _open(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        settings = self._settings
        helo = settings.helo or socket.gethostname()
        # smtplib would ask the DNS for our name, without a time limit.
        helo = helo if "." in helo or helo.startswith("[") else "[127.0.0.1]"
        if settings.security is Security.TLS and context is not None:
            return smtplib.SMTP_SSL(
                settings.host, settings.port, local_hostname=helo, timeout=settings.timeout_seconds, context=context
            )
        return smtplib.SMTP(settings.host, settings.port, local_hostname=helo, timeout=settings.timeout_seconds)

    def _log_in(self, smtp: smtplib.SMTP, secret: str) -> None:
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        username = self._settings.username
        if self._settings.auth is Auth.OAUTH2:
            code, answer = _auth(smtp, "XOAUTH2", f"user={username}\1auth=Bearer {secret}\1\1")
        elif "PLAIN" in offered:
            code, answer = _auth(smtp, "PLAIN", f"\0{username}\0{secret}")
        else:
            try:
                code, answer = smtp.login(username, secret)
            except smtplib.SMTPAuthenticationError as error:
                code, answer = error.smtp_code, _octets(error.smtp_error)
        if code == 235:
            self._settings.gate.accepted()
            return
        what = say("token") if self._settings.auth is Auth.OAUTH2 else say("password")
        self._drop()
        refusal = self._unavailable(
            say(
                "it does not accept the {what} of {login}: {said}", what=what, login=username, said=_words(code, answer)
            ),
            permanent=code >= 500,
        )
        if refusal.permanent:
            self._settings.gate.refused(secret, words_of(refusal))
        raise refusal

    @contextmanager
    def _lost(self, *, sent: bool) -> Iterator[None]:
        try:
            yield
        except _WIRE_ERRORS as error:
            self._drop()
            raise _ConnectionLost(_reason(error), sent=sent) from error

    def _drop(self) -> None:
        smtp, self._smtp, self._wire, self._unheard = self._smtp, None, None, False
        if smtp is not None:
            with suppress(*_WIRE_ERRORS):
                smtp.close()

    def _unavailable(self, reason: str, *, permanent: bool = False) -> MailServerUnavailable:
        settings = self._settings
        return MailServerUnavailable(
            say("SMTP server {host}:{port}: {reason}", host=settings.host, port=settings.port, reason=reason),
            permanent=permanent,
        )


def _heard(wire: Wire, seconds: float) -> _Steps[tuple[int, bytes]]:
    """The server's next answer, for which it may take so long."""
    waits = False
    while (answer := wire.answer(seconds if waits else 0)) is None:
        if waits:
            raise TimeoutError
        waits = yield
    return answer


def _auth(smtp: smtplib.SMTP, mechanism: str, initial: str) -> tuple[int, bytes]:
    """AUTH with an initial response (RFC 4954); a further challenge is the server's way to explain, and ends with an empty line."""
    code, answer = smtp.docmd("AUTH", f"{mechanism} {base64.b64encode(initial.encode()).decode('ascii')}")
    if code == 334:
        code, answer = smtp.docmd("")
    return code, answer


def _octets(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode()


def _text(answer: bytes) -> str:
    return " ".join(answer.decode("utf-8", "replace").split())


def _words(code: int, answer: bytes) -> str:
    return f"{code} {_text(answer)}" if code != -1 else "the connection was closed"


def _reason(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, _octets(error.smtp_error))
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
