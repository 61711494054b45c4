"""Servers that say OK and mean less, or NO and mean "not now": nothing is passed over, and nothing stops the line.

The server is a script with just enough of IMAP; each test changes what it says to one command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.imap.session import FolderNames, hang_up, is_passing, open_session
from mailbot.adapters.transport import Security
from mailbot.errors import MailServerUnavailable
from mailbot.model import MailKey
from mailbot.ports import Folder
from tests.wire import Script

Odd = Callable[[bytes, list[int]], bytes | None]
"""From a command and the UIDs that it names: the untagged answer, or a line that begins with NO; None for the usual one."""


def raw(uid: int) -> bytes:
    return b"Subject: mail %d\r\n\r\nwords\r\n" % uid


class Little:
    """A mailbox of three mails on a server without UIDPLUS and MOVE."""

    def __init__(self, odd: Odd) -> None:
        self.odd = odd
        self.folders = {"INBOX"}

    def __call__(self, line: bytes) -> bytes:
        tag, _, command = line.partition(b" ")
        word = command.removeprefix(b"UID ").split(b" ")[0]
        uids = self._uids(command)
        said = self.odd(command, uids)
        if said is None:
            usual: dict[bytes, Callable[[bytes, list[int]], bytes]] = {
                b"CAPABILITY": lambda _c, _u: b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NAMESPACE IDLE\r\n",
                b"NAMESPACE": lambda _c, _u: b'* NAMESPACE (("" "/")) (("user/" "/")) (("shared/" "/"))\r\n',
                b"SELECT": lambda _c, _u: (
                    b"* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\n"
                ),
                b"SEARCH": lambda _c, u: b"* SEARCH" + b"".join(b" %d" % uid for uid in u) + b"\r\n",
                b"FETCH": self._fetch,
                b"LIST": self._list,
                b"CREATE": self._create,
            }
            said = usual.get(word, lambda _c, _u: b"")(command, uids)
        if said.startswith((b"NO", b"BAD")):
            return tag + b" " + said
        return said + tag + b" OK done\r\n"

    @staticmethod
    def _uids(command: bytes) -> list[int]:
        found = re.search(rb"(?:FETCH|SEARCH \(?UID|SEARCH UID|COPY) ([0-9,:*]+)", command)
        if not found:
            return []
        if b"*" in found.group(1):
            return list(range(int(found.group(1).partition(b":")[0]), 4))
        return [int(uid) for one in found.group(1).split(b",") for uid in _span(one)]

    @staticmethod
    def _fetch(command: bytes, uids: list[int]) -> bytes:
        return b"".join(fetched(command, uid) for uid in uids)

    def _list(self, command: bytes, _uids: list[int]) -> bytes:
        name = command.split(b'"')[-2].decode()
        return f'* LIST () "/" "{name}"\r\n'.encode() if name in self.folders else b""

    def _create(self, command: bytes, _uids: list[int]) -> bytes:
        name = command.split(b'"')[-2].decode() if b'"' in command else command.split(b" ")[1].decode()
        parent = name.rpartition("/")[0]
        if parent and parent not in self.folders:
            return b"NO parent does not exist\r\n"
        self.folders.add(name)
        return b""


def _span(one: bytes) -> range:
    low, _, high = one.partition(b":")
    return range(int(low), int(high or low) + 1)


def fetched(command: bytes, uid: int) -> bytes:
    if b"RFC822.SIZE" in command:
        return b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(raw(uid)))
    if b"HEADER" in command:
        head = raw(uid).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return b"* %d FETCH (UID %d BODY[HEADER]<0> {%d}\r\n%s)\r\n" % (uid, uid, len(head), head)
    return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, uid, len(raw(uid)), raw(uid))


@contextmanager
def served(odd: Odd = lambda _command, _uids: None) -> Iterator[tuple[ImapInbox, Little]]:
    little = Little(odd)
    with Script(b"* OK ready\r\n", little) as server:
        settings = ImapSettings("127.0.0.1", "support", lambda: "secret", port=server.port, security=Security.PLAIN)
        inbox = ImapInbox(settings)
        yield inbox, little
        inbox.close()


def test_the_script_is_a_mailbox() -> None:
    with served() as (inbox, _):
        assert [one.raw for one in inbox.fetch(None)] == [raw(1), raw(2), raw(3)]


@pytest.mark.parametrize("item", [b"RFC822.SIZE", b"BODY.PEEK[]"])
def test_a_mail_that_an_ok_answer_left_out_is_asked_for_again(item: bytes) -> None:
    asked: list[list[int]] = []

    def odd(command: bytes, uids: list[int]) -> bytes | None:
        if item not in command:
            return None
        asked.append(uids)
        return b"".join(fetched(command, uid) for uid in uids if uid != 2 or len(asked) > 1)

    with served(odd) as (inbox, _):
        assert [one.raw for one in inbox.fetch(None)] == [raw(1), raw(2), raw(3)]


def test_a_mail_that_is_always_left_out_comes_as_refused() -> None:
    def odd(command: bytes, uids: list[int]) -> bytes | None:
        return b"".join(fetched(command, uid) for uid in uids if uid != 2) if b"BODY.PEEK[" in command else None

    with served(odd) as (inbox, _):
        first, second, third = inbox.fetch(None)

    assert (first.refused, third.refused) == ("", "")
    assert second.raw is None
    assert "leaves it out" in second.refused


def test_a_refusal_of_one_mail_comes_with_what_the_server_said_and_hides_no_other() -> None:
    def odd(command: bytes, uids: list[int]) -> bytes | None:
        return b"NO message is damaged\r\n" if b"BODY.PEEK[]" in command and 2 in uids else None

    with served(odd) as (inbox, _):
        mails = list(inbox.fetch(None))

    assert [one.raw for one in mails] == [raw(1), None, raw(3)]
    assert "message is damaged" in mails[1].refused
    assert mails[1].header.startswith(b"Subject: mail 2")


@pytest.mark.parametrize(
    "words",
    [
        *(
            "[SERVERBUG] internal error",
            "[OVERQUOTA] Account exceeded command or bandwidth limits",
            "User is not connected",
        ),
        *("[LIMIT] throttled", "Too many simultaneous connections", "Server is busy, try again later"),
    ],
)
def test_a_server_that_cannot_just_now_passes_over_no_mail(words: str) -> None:
    def odd(command: bytes, uids: list[int]) -> bytes | None:
        return f"NO {words}\r\n".encode() if b"BODY.PEEK[]" in command else None

    with served(odd) as (inbox, _), pytest.raises(MailServerUnavailable) as caught:
        list(inbox.fetch(None))

    assert not caught.value.permanent


@pytest.mark.parametrize(
    "words", ["[LIMIT] Too many connections", "Maximum number of connections from user+IP exceeded", "[SERVERBUG] x"]
)
def test_too_many_connections_are_no_wrong_password(words: str) -> None:
    with (
        served(lambda command, _: f"NO {words}\r\n".encode() if b"AUTHENTICATE" in command else None) as (inbox, _),
        pytest.raises(MailServerUnavailable) as caught,
    ):
        inbox.position()

    assert not caught.value.permanent
    assert not is_passing("[AUTHENTICATIONFAILED] invalid credentials")


def test_a_folder_without_uidvalidity_is_refused_in_words() -> None:
    with (
        served(lambda command, _: b"* 3 EXISTS\r\n" if command.startswith(b"SELECT") else None) as (inbox, _),
        pytest.raises(MailServerUnavailable, match="no UIDVALIDITY for INBOX") as caught,
    ):
        inbox.position()

    assert caught.value.permanent


def test_parents_of_a_folder_are_made_first() -> None:
    with served() as (inbox, little):
        inbox.file_away([MailKey("support", "INBOX", 7, 1)], Folder.HANDLED)

    assert {"mailbot", "mailbot/handled"} <= little.folders


def test_a_full_mailbox_without_move_is_told_in_words_and_not_as_a_passing_trouble() -> None:
    with (
        served(lambda command, _: b"NO [OVERQUOTA] quota exceeded\r\n" if b"COPY" in command else None) as (inbox, _),
        pytest.raises(MailServerUnavailable, match="over its quota") as caught,
    ):
        inbox.file_away([MailKey("support", "INBOX", 7, 1)], Folder.HANDLED)

    assert caught.value.permanent


def test_idle_that_is_refused_is_said_and_polling_goes_on() -> None:
    with served(lambda command, _: b"NO not today\r\n" if command == b"IDLE" else None) as (inbox, _):
        with pytest.raises(MailServerUnavailable, match="not today"):
            inbox.wait(5)
        assert len(list(inbox.fetch(None))) == 3


def test_folders_of_other_users_and_shared_ones_get_no_prefix_of_ours() -> None:
    names = FolderNames("INBOX.", ".", ("user.", "shared."))

    assert [names.on_server(name) for name in ("INBOX", "bot/done", "user/support", "shared/box/in")] == [
        *("INBOX", "INBOX.bot.done", "user.support", "shared.box.in")
    ]
    assert names.parents("INBOX.bot.done") == ["INBOX.bot"]
    assert names.parents("user.support.bot") == ["user.support"]


def test_imaplib_writes_no_answer_out_for_a_log_that_nobody_keeps() -> None:
    with Script(b"* OK ready\r\n", Little(lambda _command, _uids: None)) as server:
        client = open_session(
            ImapSettings("127.0.0.1", "support", lambda: "secret", port=server.port, security=Security.PLAIN)
        )
        assert client._imap.debug == 0
        hang_up(client)
