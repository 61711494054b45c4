"""What the IMAP and the SMTP adapter have in common: how a connection is protected, and where its secret comes from."""

from __future__ import annotations

import random
import shlex
import ssl
import subprocess  # a command that the site has configured, without a shell
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from mailbot.config.checks import is_loopback
from mailbot.errors import ConfigurationError, MailServerUnavailable
from parsers.translatable import say

Secret: TypeAlias = Callable[[], str]
"""Gives a password or an OAuth2 access token; asked at each login, so that a renewed one is used at once.  Raises MailServerUnavailable."""


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    """TLS from the first byte (RFC 8314)."""
    STARTTLS = "starttls"
    """The connection is upgraded before anything else is said; refused where the server does not offer it."""
    PLAIN = "plain"
    """Not protected at all: only to a server on this machine."""


class Auth(StrEnum):
    """How we log in."""

    PASSWORD = "password"  # noqa: S105 -- the name of a method
    OAUTH2 = "oauth2"
    """XOAUTH2 with a bearer token."""
    NONE = "none"
    """No login (SMTP through a relay that knows this machine)."""


def check_security(section: str, host: str, security: Security) -> None:
    """Raise ConfigurationError where the connection would carry secrets unprotected over a network."""
    if security is Security.PLAIN and not is_loopback(host):
        problem = (
            f'{section}.security: "plain" is possible only to a server on this machine (localhost), '
            f'not to {host}; use "tls" or "starttls"'
        )
        raise ConfigurationError((problem,))


def tls_context(section: str, ca_file: Path | None) -> ssl.SSLContext:
    """The context that verifies the certificate and the host name, against `ca_file` or the system's authorities."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError((f"{section}.ca_file: {ca_file} cannot be used: {error}",)) from error


def secret_from_file(path: Path) -> Secret:
    """The first line of a file, read anew each time."""

    def read() -> str:
        try:
            line = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise MailServerUnavailable(
                say("The secret in {path} cannot be read: {error}", path=str(path), error=type(error).__name__)
            ) from None
        if not line:
            raise MailServerUnavailable(say("The secret in {path} is empty.", path=str(path)))
        return line

    return read


def secret_from_command(argv: Sequence[str], timeout_seconds: float = 30) -> Secret:
    """The first line that a command prints (for example a helper that renews a token), run anew each time, without a shell."""

    def run() -> str:
        name = shlex.quote(argv[0])
        try:
            done = subprocess.run(  # noqa: S603 -- configured by the site, no shell
                list(argv),
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            # Not chained: the exception would carry what the command printed so far.
            raise MailServerUnavailable(
                say("{name} gave no secret within {seconds} seconds.", name=name, seconds=f"{timeout_seconds:g}")
            ) from None
        except OSError as error:
            raise MailServerUnavailable(
                say("{name} cannot be run: {error}", name=name, error=str(error.strerror))
            ) from None
        line = done.stdout.partition("\n")[0].rstrip("\r")
        if done.returncode != 0 or not line:
            raise MailServerUnavailable(
                say("{name} gave no secret (exit status {status}).", name=name, status=done.returncode)
            )
        return line

    return run


def reconnect_delays(first_seconds: float = 2, most_seconds: float = 300) -> Iterator[float]:
    """Seconds to wait before each new try: doubled each time up to a limit, each drawn between half and all of it.

    The jitter keeps clients that lost the same server from coming back all at once.
    """
    delay = first_seconds
    while True:
        yield random.uniform(delay / 2, delay)  # noqa: S311 -- no secret
        delay = min(delay * 2, most_seconds)
