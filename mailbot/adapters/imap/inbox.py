"""The shared mailbox over IMAP (RFC 3501, MOVE, UIDPLUS, IDLE), by imapclient."""

from __future__ import annotations

import imaplib
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

from mailbot.adapters.imap.fetch import Sized, groups, headers, read_group, search_from, sizes
from mailbot.adapters.imap.session import (
    Client,
    FolderNames,
    ImapSettings,
    ensure_folder,
    folder_names,
    hang_up,
    is_over_quota,
    log_out,
    open_session,
    said,
    wire_errors,
)
from mailbot.errors import MailServerUnavailable
from mailbot.model import MailKey
from mailbot.ports import Fetched, Filed, Folder
from parsers.translatable import say

__all__ = ["ImapInbox", "ImapSettings"]

_SIZES_AT_ONCE: Final = 200
_HEADER_BYTES: Final = 16_384
_MOVES_AT_ONCE: Final = 200
_BREAKS_AT_MOST: Final = 3
"""So often may a connection break over one mail; then it is given up like one that the server refuses."""


@dataclass(frozen=True, slots=True)
class _Box:
    """The folder as SELECT described it."""

    uidvalidity: int
    uidnext: int
    exists: int


class ImapInbox:
    """`Inbox` on a real server.  One connection, made when it is needed; one thread owns it, only `wake` may come from others.

    After MailServerUnavailable the connection is gone and the next call makes a new one: when to call
    again is the caller's choice (see `transport.reconnect_delays`).
    """

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._box: _Box | None = None
        self._names: FolderNames | None = None
        self._folders: set[str] = set()
        self._breaks: dict[MailKey, int] = {}
        self._known: _Box | None = None
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        """See `Inbox.fetch`.  Mails that were expunged meanwhile are left out.

        A mail that the server has but does not give comes like one above the limit, with what header
        can be had (at least an empty line): it must neither stop the line nor be passed over in silence.
        """
        with self._session() as client:
            box = self._select(client)
            uids = self._wanted(client, box, after, also, since)
        remaining = iter(uids)
        while chunk := list(islice(remaining, _SIZES_AT_ONCE)):
            with self._session() as client:
                if not self._same(client, box):
                    return
                sized = sizes(client, chunk)
            alone = {key.uid for key in self._breaks}
            for group in groups(sized, self._settings.max_bytes, alone):
                yield from self._fetch_group(box, group)
        self._known = box

    def position(self) -> MailKey:
        with self._session() as client:
            return self._key(self._select(client), 0)

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        with self._session() as client:
            box = self._box or self._select(client)
            uids = sorted({key.uid for key in keys if self._key(box, key.uid) == key})
            target = self._folder_on(client, folder) if uids else ""
            for start in range(0, len(uids), _MOVES_AT_ONCE):
                self._move(client, uids[start : start + _MOVES_AT_ONCE], target)

    def filed(self, folder: Folder, since: date | None = None) -> Iterator[Filed]:
        with self._session() as client:
            self._select_folder(client, folder)
            uids = client.search(["ALL"] if since is None else ["SINCE", since])
        for start in range(0, len(uids), _SIZES_AT_ONCE):
            with self._session() as client:
                self._select_folder(client, folder)
                found = headers(client, uids[start : start + _SIZES_AT_ONCE], _HEADER_BYTES)
                self._box = None
            yield from (Filed(uid, header) for uid, header in found.items())

    def filed_mail(self, uid: int, folder: Folder) -> bytes | None:
        with self._session() as client:
            self._select_folder(client, folder)
            found = read_group(client, sizes(client, [uid]), self._settings.max_bytes)
            self._box = None
        return found[uid].raw if uid in found else None

    def bring_back(self, uids: Sequence[int], folder: Folder) -> None:
        with self._session() as client:
            self._select_folder(client, folder)
            inbox = self._names_on(client).on_server(self._settings.folder)
            for start in range(0, len(uids), _MOVES_AT_ONCE):
                self._move(client, uids[start : start + _MOVES_AT_ONCE], inbox)

    def _select_folder(self, client: Client, folder: Folder) -> None:
        """Have one of the bot's folders selected; whatever comes next selects the inbox again."""
        client.select_folder(self._folder_on(client, folder))
        self._box = None

    def wait(self, timeout_seconds: float) -> bool:
        """See `Inbox.wait`; `wake` ends it early, with False.

        True at once where mail came since the last complete fetch or the last wait: also for an inbox
        that only waits, no mail falls between two waits.
        """
        deadline = time.monotonic() + timeout_seconds
        if self._woken():
            return False
        with self._session() as client:
            if not (self._settings.idle and client.has_capability("IDLE")):
                return False
            # What arrived meanwhile may have been announced under another command: SELECT tells, and everything
            # after SELECT is announced under IDLE.
            box = self._select(client)
            before, self._known = self._known or box, box
            if box.uidvalidity != before.uidvalidity or box.uidnext > before.uidnext:
                return True
            while (left := deadline - time.monotonic()) > 0:
                came, woken = self._idle(client, min(left, self._settings.idle_refresh_seconds))
                if came and self._client is not None:
                    self._known = self._select(client)
                if came or woken:
                    return came
        return False

    def wake(self) -> None:
        """End a `wait` that runs now, or the next one at once; may be called from a signal handler or another thread."""
        with suppress(BlockingIOError):  # full: it is awake already
            self._wake_in.send(b"!")

    def prepare(self) -> None:
        """Create the folders that handled and unreadable mails go to; done by itself when first needed.  Raises MailServerUnavailable."""
        with self._session() as client:
            for folder in Folder:
                self._folder_on(client, folder)

    def close(self) -> None:
        client, self._client = self._client, None
        self._forget()
        if client is not None:
            log_out(client)

    # the connection

    @contextmanager
    def _session(self) -> Iterator[Client]:
        """A logged-in client; any error ends the connection, so that no half-read answer is ever taken for the next one."""
        try:
            if self._client is None:
                self._client = open_session(self._settings)
            with wire_errors(self._settings):
                yield self._client
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        self._forget()
        if client is not None:
            hang_up(client)

    def _forget(self) -> None:
        self._box, self._names = None, None
        self._folders.clear()

    def _names_on(self, client: Client) -> FolderNames:
        if self._names is None:
            self._names = folder_names(client)
        return self._names

    def _select(self, client: Client) -> _Box:
        name = self._names_on(client).on_server(self._settings.folder)
        answer: Mapping[bytes, Any] = client.select_folder(name)
        exists = int(answer[b"EXISTS"])
        if b"UIDVALIDITY" not in answer:
            raise MailServerUnavailable(
                say(
                    "IMAP server {host} gives no UIDVALIDITY for {folder}: without it nobody can tell which messages were"
                    " handled. Choose another folder or server (RFC 3501 section 2.3.1.1).",
                    host=self._settings.host,
                    folder=self._settings.folder,
                ),
                permanent=True,
            )
        if b"UIDNEXT" not in answer:  # Courier: without it, mail that came between two waits would not be noticed
            answer = {**answer, **client.folder_status(name, ["UIDNEXT"])}
        self._box = _Box(int(answer[b"UIDVALIDITY"]), int(answer.get(b"UIDNEXT", 0)), exists)
        return self._box

    def _same(self, client: Client, box: _Box) -> bool:
        """False where the folder was made anew since `box` was read (the connection may be a new one)."""
        return (self._box or self._select(client)).uidvalidity == box.uidvalidity

    def _key(self, box: _Box, uid: int) -> MailKey:
        return MailKey(self._settings.username, self._settings.folder, box.uidvalidity, uid)

    # fetching

    def _wanted(
        self, client: Client, box: _Box, after: MailKey | None, also: Sequence[MailKey], since: date | None
    ) -> list[int]:
        known = after is not None and self._key(box, after.uid) == after
        floor = after.uid if after is not None and known else 0
        day = None if known else since
        uids = set(search_from(client, floor + 1, exists=box.exists, uidnext=box.uidnext, since=day))
        again = [key.uid for key in also if self._key(box, key.uid) == key]
        return sorted(uids.union(again))

    def _fetch_group(self, box: _Box, group: Sequence[Sized]) -> Iterator[Fetched]:
        keys = [self._key(box, one.uid) for one in group]
        if self._breaks.get(keys[0], 0) >= _BREAKS_AT_MOST:
            self._breaks.pop(keys[0])  # tried again when it is asked for again
            why = "the server ends the connection when it is asked for it"
            yield Fetched(keys[0], None, group[0].size, b"\r\n", why, group[0].arrived)
            return
        try:
            with self._session() as client:
                if not self._same(client, box):
                    return
                found = read_group(client, group, self._settings.max_bytes)
        except MailServerUnavailable:
            # Some servers end the connection over one bad mail: from now on each of these is read alone.
            self._breaks |= {key: self._breaks.get(key, 0) + 1 for key in keys}
            raise
        for key, (uid, size, arrived) in zip(keys, group, strict=True):
            self._breaks.pop(key, None)
            if uid in found:
                one = found.pop(uid)
                yield Fetched(key, one.raw, size if one.raw is None else len(one.raw), one.header, one.refused, arrived)

    # moving

    def _folder_on(self, client: Client, folder: Folder) -> str:
        settings = self._settings
        wanted = settings.handled_folder if folder is Folder.HANDLED else settings.quarantine_folder
        name = self._names_on(client).on_server(wanted)
        if name not in self._folders:
            ensure_folder(client, name, self._names_on(client))
            self._folders.add(name)
        return name

    def _move(self, client: Client, uids: Sequence[int], folder: str) -> None:
        """One try; where the server says NO, a second one with what is there and a folder that is there."""
        try:
            self._move_once(client, uids, folder)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            ensure_folder(client, folder, self._names_on(client))
            alive = [uid for uid in client.search(["UID", ",".join(map(str, uids))]) if uid in set(uids)]
            if alive:
                self._move_or_say(client, alive, folder)

    def _move_or_say(self, client: Client, uids: Sequence[int], folder: str) -> None:
        try:
            self._move_once(client, uids, folder)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if not is_over_quota(said(error)):
                raise
            raise MailServerUnavailable(
                say(
                    "IMAP server {host}: the mailbox is over its quota, and a server without MOVE needs room to move messages:"
                    " {number} handled messages stay in {folder} until there is room ({error}).",
                    host=self._settings.host,
                    number=len(uids),
                    folder=self._settings.folder,
                    error=said(error),
                ),
                permanent=True,
            ) from error

    @staticmethod
    def _move_once(client: Client, uids: Sequence[int], folder: str) -> None:
        if client.has_capability("MOVE"):
            client.move(uids, folder)
            return
        client.copy(uids, folder)
        client.add_flags(uids, [b"\\Deleted"], silent=True)
        # Never a plain EXPUNGE: it would remove what people have marked.  Without UIDPLUS the mark has to do.
        if client.has_capability("UIDPLUS"):
            client.uid_expunge(uids)

    # waiting

    def _idle(self, client: Client, seconds: float) -> tuple[bool, bool]:
        """One IDLE: did mail come, were we woken?"""
        try:
            client.idle()
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if "Unexpected IDLE response: b'* " not in str(error):
                raise  # a tagged answer: NO or BAD, and whoever waits tries again later
            # Something was announced before the go-ahead; a new connection is the clean way to hear it.
            self._hang_up()
            return True, False
        mail, woken = self._listen(client, seconds)
        events = client.idle_check(timeout=0) if mail else []
        events += client.idle_done()[1]
        return any(len(event) > 1 and event[1] == b"EXISTS" for event in events), woken

    def _listen(self, client: Client, seconds: float) -> tuple[bool, bool]:
        """Sleep until the server speaks, `wake` is called or the time is over."""
        sock = client.socket()
        if getattr(sock, "pending", int)():  # decrypted already, the socket itself would stay silent
            return True, False
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(self._wake_out, selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(seconds)}
        return sock in ready, self._wake_out in ready and self._woken()

    def _woken(self) -> bool:
        with suppress(BlockingIOError):
            return bool(self._wake_out.recv(4096))
        return False
