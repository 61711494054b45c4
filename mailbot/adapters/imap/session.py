"""A logged-in IMAP session: settings, TLS, login, folder names, and what went wrong in words."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError

from mailbot.adapters.logins import LoginGate
from mailbot.adapters.transport import Auth, Secret, Security, check_security, tls_context
from mailbot.errors import MailServerUnavailable
from parsers.translatable import Translatable, say

Client: TypeAlias = Any
"""An `imapclient.IMAPClient`, which has no type stubs."""

# What imapclient lets through when a server breaks off or answers nonsense.
WIRE_ERRORS: Final = (imaplib.IMAP4.error, OSError, EOFError, ValueError, LookupError, TypeError)

# RFC 5530: the server says itself that trying again can help.
# The words are those of servers without codes: Gmail and Exchange throttle, Courier and Cyrus count connections.
_PASSING: Final = re.compile(
    r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\b|temporar|throttl|too many|maximum number|rate limit|not connected"
    r"|try again|later\b|\bbusy\b|bandwidth|simultaneous",
    re.IGNORECASE,
)
_OVER_QUOTA: Final = re.compile(r"\[OVERQUOTA\b|quota", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Where the shared mailbox is.

    `password` gives the password or, with `auth` oauth2, the access token; it is asked at every login.
    `folder`, `handled_folder` and `quarantine_folder` are written with `/` between levels whatever the
    server uses, without the server's prefix.  Mails above `max_bytes` are not fetched.
    """

    host: str
    username: str
    password: Secret = field(repr=False)
    port: int = 993
    security: Security = Security.TLS
    auth: Auth = Auth.PASSWORD
    folder: str = "INBOX"
    handled_folder: str = "mailbot/handled"
    quarantine_folder: str = "mailbot/quarantine"
    max_bytes: int = 26_214_400
    idle: bool = True
    ca_file: Path | None = None
    connect_seconds: float = 15
    read_seconds: float = 60
    idle_refresh_seconds: float = 540
    """IDLE is issued anew that often; RFC 2177 allows 29 minutes, address translators often less than ten."""

    gate: LoginGate = field(default_factory=LoginGate, repr=False, compare=False)
    """Shared by all connections that are made from this value."""

    def __post_init__(self) -> None:
        check_security("imap", self.host, self.security)


def is_passing(text: str) -> bool:
    """True where a server's NO says that it may be different later."""
    return bool(_PASSING.search(text))


def is_over_quota(text: str) -> bool:
    """True where a server's NO says that the mailbox is full."""
    return bool(_OVER_QUOTA.search(text))


def said(error: BaseException) -> Translatable:
    """What a server said, or an error is, in one line without the library's decoration."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return say("its certificate is not accepted: {error}", error=error.verify_message)
    if isinstance(error, TimeoutError):
        return say("no answer in time")
    if isinstance(error, OSError) and error.strerror:
        return Translatable(error.strerror)
    text = str(error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else error)
    text = re.sub(r"^b(['\"])(.*)\1$", r"\2", text)
    return Translatable(" ".join(text.split()) or type(error).__name__)


@contextmanager
def wire_errors(settings: ImapSettings) -> Iterator[None]:
    """Turn everything that can go wrong on the wire into MailServerUnavailable."""
    try:
        yield
    except WIRE_ERRORS as error:
        # A wrong certificate stays wrong until somebody acts.
        permanent = isinstance(error, ssl.SSLCertVerificationError | CapabilityError)
        message = say("IMAP server {host}:{port}: {reason}", host=settings.host, port=settings.port, reason=said(error))
        raise MailServerUnavailable(message, permanent=permanent) from error


def open_session(settings: ImapSettings) -> Client:
    """Connect, protect the connection and log in.  Raises MailServerUnavailable, permanent where a person must act."""
    secret = settings.password()
    settings.gate.check(secret)
    with wire_errors(settings):
        context = None if settings.security is Security.PLAIN else tls_context("imap", settings.ca_file)
        client = IMAPClient(
            settings.host,
            settings.port,
            ssl=settings.security is Security.TLS,
            ssl_context=context,
            timeout=SocketTimeout(connect=settings.connect_seconds, read=settings.read_seconds),
        )
        client._imap.debug = 0  # else imaplib writes out every answer, mails and all, for a log that nobody keeps
        client.normalise_times = False  # moments with the offset that the server names, not the naive ones of this host
        try:
            client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if settings.security is Security.STARTTLS:
                client.starttls(context)
            _log_in(client, settings, secret)
            settings.gate.accepted()
        except BaseException:
            hang_up(client)
            raise
    return client


def _log_in(client: Client, settings: ImapSettings, secret: str) -> None:
    try:
        if settings.auth is Auth.OAUTH2:
            # A refused token is answered with a challenge that wants an empty line (not the token again) before the NO.
            answers = [f"user={settings.username}\1auth=Bearer {secret}\1\1".encode()]
            client.sasl_login("XOAUTH2", lambda _challenge: answers.pop() if answers else b"")
        elif client.has_capability("AUTH=PLAIN"):
            plain = f"\0{settings.username}\0{secret}".encode()  # RFC 4616: UTF-8, which LOGIN cannot carry
            client.sasl_login("PLAIN", lambda _challenge: plain)
        else:
            client.login(settings.username, secret)
    except LoginError as error:
        if isinstance(error.__context__, imaplib.IMAP4.abort):  # not an answer: the connection broke
            raise error.__context__ from None
        reason = said(error)
        what = say("token") if settings.auth is Auth.OAUTH2 else say("password")
        refusal = say("IMAP server {host} does not accept the {what} of {login}: {said}", host=settings.host, what=what)
        message = refusal.given(login=settings.username, said=reason)
        if not is_passing(reason):
            settings.gate.refused(secret, message)
        # Not chained: no exception that has seen the secret goes further.
        raise MailServerUnavailable(message, permanent=not is_passing(reason)) from None


def hang_up(client: Client) -> None:
    """Close the socket without a word."""
    with suppress(*WIRE_ERRORS, AttributeError):
        client.shutdown()


def log_out(client: Client) -> None:
    """Say LOGOUT, waiting a few seconds for the answer at most; never raises."""
    with suppress(*WIRE_ERRORS, AttributeError):
        client.socket().settimeout(5)
        client.logout()
        return
    hang_up(client)


@dataclass(frozen=True, slots=True)
class FolderNames:
    """How this server writes folder names: what stands before personal folders, and between levels.

    `others` are the prefixes of other users' and shared folders, which stand beside the personal ones.
    """

    prefix: str
    delimiter: str
    others: tuple[str, ...] = ()

    def on_server(self, name: str) -> str:
        """`mailbot/handled` as the server has it, for example `INBOX.mailbot.handled` (RFC 2342)."""
        if name.upper() == "INBOX":
            return "INBOX"
        path = name.replace("/", self.delimiter) if self.delimiter else name
        return path if path.startswith((self.prefix, *self.others)) else self.prefix + path

    def parents(self, path: str) -> list[str]:
        """The folders that a folder lies in, outermost first, as the server has them."""
        if not self.delimiter:
            return []
        own = self.prefix.rstrip(self.delimiter)
        levels = path.split(self.delimiter)
        parents = [self.delimiter.join(levels[:count]) for count in range(1, len(levels))]
        return [
            parent for parent in parents if parent and parent != own and f"{parent}{self.delimiter}" not in self.others
        ]


def folder_names(client: Client) -> FolderNames:
    """Ask by NAMESPACE, or by LIST "" "" where the server does not know that."""
    if client.has_capability("NAMESPACE"):
        spaces = client.namespace()
        if spaces.personal:
            prefix, delimiter = spaces.personal[0]
            others = tuple(one[0] for one in (*(spaces.other or ()), *(spaces.shared or ())) if one[0])
            return FolderNames(prefix, delimiter or "", others)
    for _flags, delimiter, _name in client.list_folders("", ""):
        return FolderNames("", delimiter.decode("ascii") if delimiter else "")
    return FolderNames("", "/")


def ensure_folder(client: Client, name: str, names: FolderNames) -> None:
    """Create and subscribe a folder that is not there, after those that it lies in; may run twice, also beside another client."""
    if client.folder_exists(name):
        return
    for parent in names.parents(name):  # some servers make them by themselves, some refuse the child
        if not client.folder_exists(parent):
            with suppress(imaplib.IMAP4.error):
                client.create_folder(parent)
    try:
        client.create_folder(name)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        if not client.folder_exists(name):
            raise
    with suppress(imaplib.IMAP4.error):  # some servers subscribe nothing; the folder is there all the same
        client.subscribe_folder(name)
