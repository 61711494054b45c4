"""The worlds in which the inbox suite runs: what a test may do to a mailbox, besides asking the port."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from imapclient import IMAPClient

from contrib.demo.mailserver import Dovecot
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.transport import Security
from mailbot.model import MailKey
from mailbot.ports import Folder, Inbox
from tests.wire import Proxy

MAX_BYTES = 100_000
USERS = {f"user{number}": f"secret-{number}" for number in range(80)}
_numbers = itertools.count()


class WakeableInbox(Inbox, Protocol):
    """What the daemon needs beyond the port."""

    def wake(self) -> None: ...


class InboxWorld(Protocol):
    inbox: WakeableInbox

    def deliver(self, raw: bytes) -> None: ...
    def deliver_as_of(self, raw: bytes, moment: datetime) -> None:
        """A mail that came at that moment, whatever its Date header names."""

    def expunge(self, key: MailKey) -> None: ...
    def recreate(self) -> None:
        """The folder gets another UIDVALIDITY; the mails stay."""

    def break_after(self, mails: int) -> None:
        """The connection breaks, once, when about so many more mails of 1,000 bytes have been read."""

    def in_inbox(self) -> list[bytes]: ...
    def on_shelf(self, folder: Folder) -> list[bytes]: ...


class FakeWorld:
    """MemoryInbox or SpoolInbox."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self.inbox: MemoryInbox = inbox
        self.expunge = inbox.expunge
        self.recreate = inbox.recreate
        self.in_inbox = inbox.inbox
        self.on_shelf = inbox.folder

    def deliver(self, raw: bytes) -> None:
        self.inbox.deliver(raw)

    def deliver_as_of(self, raw: bytes, moment: datetime) -> None:
        self.inbox.deliver(raw, moment)

    def break_after(self, mails: int) -> None:
        self.inbox.faults.plan("fetch", after=mails)


class DovecotWorld:
    """A user of a real Dovecot; the connection goes through a proxy that can break it."""

    def __init__(self, dovecot: Dovecot, proxy: Proxy) -> None:
        self.dovecot = dovecot
        self.proxy = proxy
        self.user = f"user{next(_numbers)}"
        self.settings = ImapSettings(
            "127.0.0.1",
            self.user,
            lambda: USERS[self.user],
            port=proxy.port,
            security=Security.PLAIN,
            max_bytes=MAX_BYTES,
            read_seconds=20,
        )
        self.inbox = ImapInbox(self.settings)

    def deliver_as_of(self, raw: bytes, moment: datetime) -> None:
        with IMAPClient("127.0.0.1", self.dovecot.imap_port, ssl=False) as client:
            client.login(self.user, USERS[self.user])
            client.append("INBOX", raw, msg_time=moment)

    def deliver(self, raw: bytes) -> None:
        self.dovecot.deliver(self.user, raw)

    def expunge(self, key: MailKey) -> None:
        with self.somebody() as client:
            client.select_folder("INBOX")
            client.delete_messages([key.uid])
            client.uid_expunge([key.uid])

    def recreate(self) -> None:
        # As after a restore from backup: the mails are there, what Dovecot knew of them is not.
        # dovecot-uidvalidity stays, or the new value could be the old one within the same second.
        self.inbox.close()
        for path in self._maildir().glob("dovecot*"):
            if not path.name.startswith("dovecot-uidvalidity"):
                path.unlink()

    def break_after(self, mails: int) -> None:
        self.proxy.cut_after = mails * 1000

    def in_inbox(self) -> list[bytes]:
        return self.dovecot.mailbox(self.user)

    def on_shelf(self, folder: Folder) -> list[bytes]:
        return self.dovecot.mailbox(self.user, f"mailbot/{folder.value}")

    @contextmanager
    def somebody(self) -> Iterator[IMAPClient]:
        """Another client of the same mailbox: a person."""
        with IMAPClient("127.0.0.1", self.dovecot.imap_port, ssl=False, timeout=20) as client:
            client.login(self.user, USERS[self.user])
            yield client

    def _maildir(self) -> Path:
        return self.dovecot.base / "mail" / self.user
