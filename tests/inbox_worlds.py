"""The worlds in which the inbox suite runs: what a test may do to a mailbox, besides asking the port."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from imapclient import IMAPClient

from contrib.demo.mailserver import Dovecot
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.transport import Security
from mailbot.model import MailKey
from mailbot.ports import Folder, Inbox
from tests.imap_servers import Courier, Cyrus
from tests.wire import Proxy

MAX_BYTES = 100_000
USERS = {f"user{number}": f"secret-{number}" for number in range(300)}
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


class ServerWorld(ABC):
    """A user of a real server; the connection goes through a proxy that can break it."""

    def __init__(self, port: int, proxy: Proxy) -> None:
        self.port = port
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

    def close(self) -> None:
        self.inbox.close()

    def deliver_as_of(self, raw: bytes, moment: datetime) -> None:
        with self.somebody() as client:
            client.append("INBOX", raw, msg_time=moment)

    @abstractmethod
    def deliver(self, raw: bytes) -> None: ...

    @abstractmethod
    def recreate(self) -> None: ...

    def expunge(self, key: MailKey) -> None:
        with self.somebody() as client:
            client.select_folder("INBOX")
            client.delete_messages([key.uid])
            client.uid_expunge([key.uid])

    def break_after(self, mails: int) -> None:
        self.proxy.cut_after = mails * 1000

    def in_inbox(self) -> list[bytes]:
        return self.lying("INBOX")

    def on_shelf(self, folder: Folder) -> list[bytes]:
        return self.lying(f"INBOX.mailbot.{folder.value}")

    def lying(self, folder: str) -> list[bytes]:
        """The mails in a folder, in the order of their numbers, as another client sees them."""
        with self.somebody() as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [found[uid][b"BODY[]"] for uid in sorted(found)]

    @contextmanager
    def somebody(self, login: str = "", password: str = "") -> Iterator[IMAPClient]:
        """Another client of the same mailbox: a person, or the one who is named."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20) as client:
            client.login(login or self.user, password or USERS[self.user])
            yield client


class DovecotWorld(ServerWorld):
    def __init__(self, dovecot: Dovecot, proxy: Proxy) -> None:
        self.dovecot = dovecot
        super().__init__(dovecot.imap_port, proxy)

    def deliver(self, raw: bytes) -> None:
        self.dovecot.deliver(self.user, raw)

    def recreate(self) -> None:
        # As after a restore from backup: the mails are there, what Dovecot knew of them is not.
        # dovecot-uidvalidity stays, or the new value could be the old one within the same second.
        self.inbox.close()
        for path in (self.dovecot.base / "mail" / self.user).glob("dovecot*"):
            if not path.name.startswith("dovecot-uidvalidity"):
                path.unlink()

    def in_inbox(self) -> list[bytes]:
        return self.dovecot.mailbox(self.user)

    def on_shelf(self, folder: Folder) -> list[bytes]:
        return self.dovecot.mailbox(self.user, f"mailbot/{folder.value}")


class CourierWorld(ServerWorld):
    """No MOVE; folders lie side by side below INBOX, with a dot between their names."""

    def __init__(self, courier: Courier, proxy: Proxy) -> None:
        self.courier = courier
        super().__init__(courier.port, proxy)

    def deliver(self, raw: bytes) -> None:
        self.courier.deliver(self.user, raw)

    def recreate(self) -> None:
        self.inbox.close()
        self.courier.restore(self.user)


class CyrusWorld(ServerWorld):
    """Mails lie in a database of its own, so that they come and go by IMAP."""

    def __init__(self, cyrus: Cyrus, proxy: Proxy) -> None:
        self.cyrus = cyrus
        self._delivering: IMAPClient | None = None
        super().__init__(cyrus.port, proxy)

    def deliver(self, raw: bytes) -> None:
        """By one connection for all mails: the server takes a tenth of a second for each new one."""
        if self._delivering is None:
            self._delivering = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20)
            self._delivering.login(self.user, USERS[self.user])
        self._delivering.append("INBOX", raw)

    def close(self) -> None:
        super().close()
        client, self._delivering = self._delivering, None
        if client is not None:
            client.logout()

    def recreate(self) -> None:
        """Only an administrator removes an inbox; the new one counts from the second in which it is made."""
        mails, before = self.in_inbox(), self._uidvalidity()
        self.close()
        while self._uidvalidity() == before:
            with self.somebody(*self.cyrus.admin) as admin:
                admin.setacl(f"user.{self.user}", self.cyrus.admin[0], "lrswipkxtecda")
                admin.delete_folder(f"user.{self.user}")
                admin.create_folder(f"user.{self.user}")
        for raw in mails:
            self.deliver(raw)

    def _uidvalidity(self) -> int:
        with self.somebody() as client:
            return int(client.folder_status("INBOX", ["UIDVALIDITY"])[b"UIDVALIDITY"])
