"""Letters to an SMTP server (RFC 5321), by smtplib; the envelope is pipelined (RFC 2920) where the server can."""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from mailbot.adapters.logins import LoginGate
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
# Exactly one address without anything that could end the command or its argument.
_ADDRESS: Final = re.compile(r"[^\s<>\x00-\x20\x7f]+@[^\s<>@\x00-\x20\x7f]+")


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


class SmtpPostman:
    """`Postman` on a real server: one connection for as long as the server keeps it.  One thread owns it."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None
        self._unheard = False
        """Whether the server has a letter whose answer was not read."""

    def send(self, letter: OutboundMail) -> str:
        """See `Postman.send`."""
        return self.begin(letter)()

    def begin(self, letter: OutboundMail, meanwhile: Callable[[], None] = lambda: None) -> Callable[[], str]:
        """See `EarlyPostman.begin`.  A connection that the server has closed between two letters is made anew, once."""
        if self._unheard:  # an answer that nobody waited for would be taken for the next one's
            self._drop()
        kept = self._smtp is not None
        try:
            return self._handed_over(letter, meanwhile)
        except _ConnectionLost as lost:
            if lost.sent or not kept:
                raise self._unavailable(lost.reason) from lost
        try:
            return self._handed_over(letter, meanwhile)
        except _ConnectionLost as lost:
            raise self._unavailable(lost.reason) from lost

    def check(self) -> str:
        """Connect and log in, or NOOP where that is done; gives the server's answer.  Raises MailServerUnavailable."""
        try:
            smtp = self._smtp or self._connect()
            with self._lost(sent=False):
                code, answer = smtp.noop()
            return _words(code, answer)
        except _ConnectionLost as lost:
            raise self._unavailable(lost.reason) from lost

    def close(self) -> None:
        smtp, self._smtp, self._unheard = self._smtp, None, False
        if smtp is None:
            return
        with suppress(*_WIRE_ERRORS):
            if smtp.sock is not None:
                smtp.sock.settimeout(5)
            smtp.quit()
        with suppress(*_WIRE_ERRORS):
            smtp.close()

    # one letter

    def _handed_over(self, letter: OutboundMail, meanwhile: Callable[[], None]) -> Callable[[], str]:
        smtp = self._smtp or self._connect()
        data = _transparent(letter.data)
        envelope = _envelope(smtp, letter, data)
        with self._lost(sent=False):
            refusal = self._open_envelope(smtp, envelope, meanwhile)
            if refusal is not None:
                self._reset(smtp)
                raise refusal
        with self._lost(sent=True):
            _patience(smtp, self._settings.final_seconds)
            smtp.send(data + b".\r\n")
        self._unheard = True
        return partial(self._answer, smtp)

    def _answer(self, smtp: smtplib.SMTP) -> str:
        """What the server says to the final dot."""
        self._unheard = False
        try:
            with self._lost(sent=True):
                code, answer = smtp.getreply()
                _patience(smtp, self._settings.timeout_seconds)
        except _ConnectionLost as lost:
            raise self._unavailable(lost.reason) from lost
        if code in _SESSION_CODES:
            self._drop()
            raise self._unavailable(_words(code, answer))
        if not 200 <= code < 300:
            raise LetterRefused(code, _text(answer))
        return _words(code, answer)

    def _open_envelope(
        self, smtp: smtplib.SMTP, commands: tuple[str, str], meanwhile: Callable[[], None]
    ) -> LetterRefused | None:
        """MAIL, RCPT and DATA; None when the server waits for the text."""

        def answer() -> tuple[int, bytes]:
            meanwhile()
            return smtp.getreply()

        lines = [*commands, "DATA"]
        if smtp.has_extn("pipelining"):
            smtp.send("".join(f"{line}\r\n" for line in lines))
            answers = [answer() for _ in lines]
            if answers[2][0] == 354 and (answers[0][0] >= 400 or answers[1][0] >= 400):
                # RFC 2920 section 3.1: the text is wanted though nobody is to get it; end it at once.
                smtp.send(b".\r\n")
                smtp.getreply()
        else:
            answers = []
            for line in lines:
                smtp.putcmd(line)
                answers.append(answer())
                if answers[-1][0] >= 400:
                    break
        return self._refusal(answers)

    def _refusal(self, answers: list[tuple[int, bytes]]) -> LetterRefused | None:
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

    def _reset(self, smtp: smtplib.SMTP) -> None:
        """Forget the envelope; a server that cannot do that is left."""
        with suppress(*_WIRE_ERRORS):
            if smtp.rset()[0] == 250:
                return
        self._drop()

    # the connection

    def _connect(self) -> smtplib.SMTP:
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
        return smtp

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
        smtp, self._smtp, self._unheard = self._smtp, None, False
        if smtp is not None:
            with suppress(*_WIRE_ERRORS):
                smtp.close()

    def _unavailable(self, reason: str, *, permanent: bool = False) -> MailServerUnavailable:
        settings = self._settings
        return MailServerUnavailable(
            say("SMTP server {host}:{port}: {reason}", host=settings.host, port=settings.port, reason=reason),
            permanent=permanent,
        )


def _envelope(smtp: smtplib.SMTP, letter: OutboundMail, data: bytes) -> tuple[str, str]:
    """MAIL and RCPT with the parameters that this letter needs and this server knows.  Raises LetterRefused."""
    sender, recipient = _mailbox(letter.envelope_from), _mailbox(letter.envelope_to)
    if not recipient:
        raise LetterRefused(553, "5.1.3 the letter has no recipient")
    head = data.partition(b"\r\n\r\n")[0]
    parameters = [f"SIZE={len(data)}"] if smtp.has_extn("size") else []
    if not data.isascii() and smtp.has_extn("8bitmime"):
        parameters.append("BODY=8BITMIME")
    if not (sender.isascii() and recipient.isascii() and head.isascii()):
        if not smtp.has_extn("smtputf8"):
            raise LetterRefused(550, "5.6.7 the server does not take addresses or headers beyond ASCII (SMTPUTF8)")
        smtp.command_encoding = "utf-8"
        parameters.append("SMTPUTF8")
    return " ".join([f"MAIL FROM:<{sender}>", *parameters]), f"RCPT TO:<{recipient}>"


def _mailbox(address: str) -> str:
    """An address that is safe in a command, its domain in ASCII (RFC 5891); empty for the null reverse-path."""
    if not address:
        return ""
    if not _ADDRESS.fullmatch(address):
        raise LetterRefused(553, "5.1.3 the address cannot be used in an envelope")
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise LetterRefused(553, "5.1.3 the domain of the address cannot exist") from None


def _transparent(data: bytes) -> bytes:
    """The text as it goes over the wire: every line ends in CRLF, a leading dot is doubled (RFC 5321 section 4.5.2).

    Bare CR and LF are made whole, so that no server can take something inside the text for its end.
    """
    lines = b"\r\n".join(data.splitlines()).replace(b"\r\n.", b"\r\n..")
    return b"." * lines.startswith(b".") + lines + b"\r\n"


def _auth(smtp: smtplib.SMTP, mechanism: str, initial: str) -> tuple[int, bytes]:
    """AUTH with an initial response (RFC 4954); a further challenge is the server's way to explain, and ends with an empty line."""
    code, answer = smtp.docmd("AUTH", f"{mechanism} {base64.b64encode(initial.encode()).decode('ascii')}")
    if code == 334:
        code, answer = smtp.docmd("")
    return code, answer


def _patience(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


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
