"""A connection to an LDAP server: a child process (`ldap_child`) that can be killed at any time."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from pathlib import Path
from select import select
from time import monotonic
from typing import Any, Final

from mailbot.adapters.pipes import child, opened
from mailbot.adapters.transport import Secret, Security
from mailbot.errors import DirectoryUnavailable, MailServerUnavailable
from parsers.frozen import frozen
from parsers.translatable import NOTHING, as_one, say, words_of

_SYSTEM_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024


@frozen
class LdapServer:
    """Where the server is and how we log in; anonymously where `bind_dn` is empty.  `ca_file` None: the system's authorities."""

    host: str
    port: int
    security: Security
    bind_dn: str = ""
    password: Secret | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 10

    def told(self) -> dict[str, Any]:
        """What the child must know.  Raises DirectoryUnavailable where the password cannot be had."""
        return {
            "url": f"{'ldaps' if self.security is Security.TLS else 'ldap'}://{_bracketed(self.host)}:{self.port}",
            "starttls": self.security is Security.STARTTLS,
            "ca_file": str(self.ca_file or _SYSTEM_AUTHORITIES),
            "bind_dn": self.bind_dn,
            "password": self._password(),
            "seconds": self.timeout_seconds + 5,
        }

    def _password(self) -> str:
        try:
            password = self.password() if self.password is not None else ""
        except MailServerUnavailable as error:
            raise DirectoryUnavailable(words_of(error)) from None
        if self.bind_dn and not password:
            # RFC 4513 section 5.1.2: a server takes a name without a password for an anonymous login that succeeds.
            msg = say("There is no password for {login}.", login=self.bind_dn)
            raise DirectoryUnavailable(msg)
        return password


@frozen
class Question:
    """One search; `any_of` are pairs of attribute and value, of which one must match; `most` entries are given."""

    base: str
    filters: tuple[str, ...]
    attributes: tuple[str, ...]
    any_of: tuple[tuple[str, str], ...] = ()
    scope: str = "tree"
    most: int = 2
    pages: bool = False


@frozen
class Entry:
    """One entry; attribute names in lower case."""

    dn: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, attribute: str) -> tuple[str, ...]:
        return self.values.get(attribute.lower(), ())


@frozen
class Found:
    """What a search gave; `more` where there was more than was asked for (then `entries` may be empty)."""

    entries: tuple[Entry, ...]
    more: bool = False


class ConnectionLost(DirectoryUnavailable):
    """The server cannot be reached, or has ended the connection."""


class NoAnswer(DirectoryUnavailable):
    """The server did not answer in time."""


class LdapConnection:
    """One child with one connection.  Not thread-safe.  After any error it is of no use any more: close it."""

    def __init__(self, server: LdapServer, attributes: Iterable[str]) -> None:
        """Start the child; it connects with the first question.  `attributes` are all that will ever be asked for.  Raises DirectoryUnavailable."""
        self._server = server
        unique = {name.lower(): name for name in attributes}
        told = server.told() | {"attributes": list(unique.values())}
        try:
            self._child = child(
                "mailbot.adapters.directory.ldap_child",
                environment=_environment(),
                start_new_session=True,  # Ctrl-C is for the bot
            )
        except OSError as error:
            msg = say("The process that talks LDAP cannot be started: {error}", error=str(error.strerror))
            raise DirectoryUnavailable(msg) from error
        self._buffer = bytearray()
        with contextlib.suppress(OSError):  # a child that is gone already is found out by the first question
            self._write(told)

    @property
    def child_pid(self) -> int:
        """The process id of the child, living or not."""
        return self._child.pid

    def ask(self, question: Question, deadline: float) -> Found:
        """One search, answered until `deadline` (monotonic).  Raises DirectoryUnavailable, also as ConnectionLost and NoAnswer."""
        try:
            self._write(asdict(question))
            answer = json.loads(self._line(deadline))
        except (OSError, EOFError):
            msg = say("The connection to {host} is lost.", host=self._server.host)
            raise ConnectionLost(msg) from None
        if "error" in answer:
            raise self._error(answer["about"], answer["error"])
        entries = (
            Entry(one["dn"], {name: tuple(values) for name, values in one["values"].items()})
            for one in answer["entries"]
        )
        return Found(tuple(entries), answer["more"])

    def close(self) -> None:
        """End the child; may run twice."""
        self._child.kill()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._child.wait()

    def _error(self, about: str, words: str) -> DirectoryUnavailable:
        host = f"{self._server.host}:{self._server.port}"
        if about == "connection":
            tls = self._server.security is not Security.PLAIN
            # libldap's words are the same for a server that is off and for a certificate that is wrong.
            hint = say("Is its certificate valid for {host} and from a trusted authority?", host=self._server.host)
            return ConnectionLost(
                as_one(say("{host} cannot be reached: {error}.", host=host, error=words), hint if tls else NOTHING)
            )
        if about == "login":
            login = self._server.bind_dn or say("an anonymous reader")
            refused = say("{host} refuses the login of {login}: {error}", host=host, login=login, error=words)
            return DirectoryUnavailable(refused)
        return DirectoryUnavailable(say("{host} cannot answer: {error}", host=host, error=words))

    def _write(self, message: Mapping[str, Any]) -> None:
        # Far below what a pipe holds (pipe(7): 64 KiB): never blocks, even where the child hangs.
        opened(self._child.stdin).write(json.dumps(message).encode() + b"\n")

    def _line(self, deadline: float) -> bytes:
        pipe = opened(self._child.stdout)
        while (end := self._buffer.find(b"\n")) < 0:
            readable, _, _ = select([pipe], [], [], max(0.0, deadline - monotonic()))
            if not readable:
                msg = (
                    f"{self._server.host}:{self._server.port} did not answer within {self._server.timeout_seconds:g} s"
                )
                raise NoAnswer(msg)
            piece = os.read(pipe.fileno(), 1024 * 1024)
            if not piece or len(self._buffer) > _MAX_ANSWER_BYTES:
                raise EOFError
            self._buffer += piece
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


def _environment() -> dict[str, str]:
    """Ours without its secrets; neither ldap.conf nor LDAPTLS_REQCERT may loosen what is verified (ldap.conf(5))."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAILBOT_", "LDAP"))}
    return {**ours, "LDAPNOINIT": "1"}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
