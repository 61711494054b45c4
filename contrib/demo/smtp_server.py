"""An SMTP server on loopback that says what a test wants it to say, and hands over what it takes."""

# ruff: noqa: N802 - aiosmtpd finds its handlers by these names

from __future__ import annotations

import base64
import contextlib
import logging
import secrets
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from contrib.demo.loopback import free_ports


class SmtpServer:
    """A small SMTP server on 127.0.0.1: STARTTLS and AUTH offered, PIPELINING unless `pipelining` is unset, one `deliver` call per recipient.

    `trouble` may be set to `trouble(command, argument) -> answer or None`: an answer such as
    `"450 4.2.0 later"` is given instead of the usual one; `"421 …"` also ends the connection.  The command
    `ANSWER` comes after a letter was delivered: then whatever is given, the client gets no answer.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        deliver: Callable[[str, str, bytes], None],
        certificate: tuple[Path, Path] | None = None,
        *,
        implicit_tls: bool = False,
        auth_required: bool = False,
    ) -> None:
        self.port = free_ports(1)[0]
        self.pipelining = True
        self.trouble: Callable[[str, str], str | None] = lambda _command, _argument: None
        self.sessions = 0
        self._users = dict(users)
        self.deliver = deliver
        self._lock = threading.Lock()
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        smtp_arguments: dict[str, Any] = {
            "hostname": "mx.testbed.example",
            "ident": "testbed mail",
            "authenticator": self._authenticate,
            "auth_require_tls": False,
            "auth_required": auth_required,
            "tls_context": None if implicit_tls else context,
            "enable_SMTPUTF8": True,
            "data_size_limit": 200_000_000,
        }
        server = self
        offers_tls = implicit_tls

        class Running(Controller):
            def factory(self) -> SMTP:
                with server._lock:
                    server.sessions += 1
                return _Session(server, **smtp_arguments)

        self._controller = Running(
            self, hostname="127.0.0.1", port=self.port, ssl_context=context if offers_tls else None, ready_timeout=30
        )

    def start(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own use of a deprecated attribute
        self._controller.start()
        self.sessions = 0  # the controller has tried the port itself

    def stop(self) -> None:
        with contextlib.suppress(AssertionError):  # not running
            self._controller.stop()

    def _authenticate(self, _server: SMTP, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if mechanism == "XOAUTH2":
            user, token = data
            return AuthResult(success=self._users.get(user) == token, handled=False)
        if isinstance(data, LoginPassword):
            known = self._users.get(data.login.decode("utf-8", "replace").partition("@")[0])
            return AuthResult(success=known is not None and known.encode() == data.password, handled=False)
        return AuthResult(success=False, handled=False)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        answer = self.trouble("DATA", "")
        if answer is not None:
            return answer
        for recipient in envelope.rcpt_tos:
            with self._lock:
                self.deliver(sender, recipient, raw)
        answer = self.trouble("ANSWER", "")
        if answer is not None and server.transport is not None:
            server.transport.close()
            return answer
        return f"250 2.0.0 Ok: queued as {secrets.token_hex(4).upper()}"


class _Session(SMTP):
    """One connection, with the troubles that its server is told to make."""

    def __init__(self, owner: SmtpServer, *, auth_required: bool, **arguments: Any) -> None:
        self._owner = owner
        super().__init__(owner, **arguments)
        self._auth_required = (
            auth_required  # set late: without TLS required as well it would warn, but this is loopback
        )

    async def auth_XOAUTH2(self, _server: SMTP, args: list[str]) -> AuthResult:
        text = base64.b64decode(args[1]).decode("utf-8", "replace") if len(args) > 1 else ""
        user, _, token = text.removeprefix("user=").partition("\1auth=Bearer ")
        result = self._owner._authenticate(self, self.session, self.envelope, "XOAUTH2", (user, token.rstrip("\1")))
        if not result.success:
            await self.push("334 " + base64.b64encode(b'{"status":"401"}').decode())
            await self._reader.readline()
        return AuthResult(success=result.success, handled=False)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if not await self._troubled("MAIL", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if not await self._troubled("RCPT", arg):
            await super().smtp_RCPT(arg)

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._troubled("EHLO", hostname):
            await super().smtp_EHLO(hostname)

    async def _troubled(self, command: str, argument: str | None) -> bool:
        answer = self._owner.trouble(command, argument or "")
        if answer is None:
            return False
        await self.push(answer)
        if answer.startswith("421") and self.transport is not None:
            self.transport.close()
        return True
