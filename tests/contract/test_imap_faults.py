"""What can go wrong between the bot and an IMAP server, and servers that cannot do everything."""

from __future__ import annotations

import base64
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contrib.demo.loopback import make_certificate
from contrib.demo.mailserver import Dovecot
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.transport import Auth, Security, secret_from_command, secret_from_file
from mailbot.errors import ConfigurationError, MailServerUnavailable
from mailbot.model import MailKey
from mailbot.ports import Fetched, Folder
from tests.inbox_worlds import USERS, DovecotWorld
from tests.wire import Proxy, Script

GREETING = b"* OK ready\r\n"


def mail(number: int) -> bytes:
    return f"Subject: mail {number}\r\n\r\nwords {number}\r\n".encode()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mailbot-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def dovecot(home: Path) -> Iterator[Dovecot]:
    server = Dovecot(home / "dovecot", USERS, make_certificate(home))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def world(dovecot: Dovecot) -> Iterator[DovecotWorld]:
    with Proxy(dovecot.imap_port) as proxy:
        real = DovecotWorld(dovecot, proxy)
        yield real
        real.inbox.close()


def hide(*capabilities: bytes) -> Callable[[bytes], bytes]:
    """An edit for the proxy: the server seems not to know these."""

    def edit(piece: bytes) -> bytes:
        for capability in capabilities:
            piece = piece.replace(b" " + capability + b" ", b" ").replace(b" " + capability + b"]", b"]")
        return piece

    return edit


def failure(settings: ImapSettings) -> MailServerUnavailable:
    inbox = ImapInbox(settings)
    with pytest.raises(MailServerUnavailable) as caught:
        inbox.position()
    inbox.close()
    return caught.value


def local(port: int, **more: Any) -> ImapSettings:
    settings = ImapSettings("127.0.0.1", "support", lambda: "secret", port=port, security=Security.PLAIN)
    return replace(settings, **more)


# How the connection is protected, and who may use it


def test_tls_and_starttls_work_with_a_certificate_that_the_site_trusts(dovecot: Dovecot, home: Path) -> None:
    for security, port in ((Security.TLS, dovecot.imaps_port), (Security.STARTTLS, dovecot.imap_port)):
        settings = ImapSettings(
            "localhost",
            "user0",
            lambda: USERS["user0"],
            port=port,
            security=security,
            ca_file=home / "cert.pem",
        )
        inbox = ImapInbox(settings)
        assert inbox.position().account == "user0"
        inbox.close()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_that_nobody_vouches_for_is_refused_for_good(dovecot: Dovecot, security: Security) -> None:
    port = dovecot.imaps_port if security is Security.TLS else dovecot.imap_port
    asked: list[str] = []
    error = failure(local(port, host="localhost", security=security, password=lambda: asked.append("x") or "secret"))

    assert error.permanent
    assert "certificate is not accepted" in str(error)


def test_a_certificate_for_another_host_is_refused_for_good(home: Path) -> None:
    (home / "other").mkdir()
    certificate = make_certificate(home / "other", "mail.example.org", "192.0.2.1")
    server = Dovecot(home / "other" / "dovecot", {"support": "secret"}, certificate)
    try:
        server.start()
        error = failure(
            local(server.imaps_port, host="localhost", security=Security.TLS, ca_file=home / "other" / "cert.pem")
        )
    finally:
        server.stop()

    assert error.permanent
    assert "localhost" in str(error)


def test_a_server_without_starttls_gets_no_password() -> None:
    def answer(line: bytes) -> bytes:
        tag = line.partition(b" ")[0]
        return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n"

    with Script(GREETING, answer) as server:
        error = failure(local(server.port, security=Security.STARTTLS))
        assert error.permanent
        assert not [line for line in server.heard if b"LOGIN" in line or b"AUTHENTICATE" in line]


@pytest.mark.parametrize("host", ["imap.example.org", "192.0.2.1", "localhost.example.org"])
def test_an_unprotected_connection_to_another_machine_is_refused_in_the_settings(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"imap\.security"):
        ImapSettings(host, "support", lambda: "secret", security=Security.PLAIN)


def test_a_file_of_authorities_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    inbox = ImapInbox(local(1, security=Security.TLS, ca_file=tmp_path / "ca.pem"))
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        inbox.position()


def test_a_refused_password_is_not_tried_by_the_account_s_other_connection(dovecot: Dovecot) -> None:
    settings = local(dovecot.imap_port, username="user1", password=lambda: "not-the-secret")
    assert "not tried again" not in str(failure(settings))
    assert "not tried again for 1 min" in str(failure(settings))


def test_a_wrong_password_is_permanent_and_says_whose(dovecot: Dovecot) -> None:
    error = failure(local(dovecot.imap_port, username="user1", password=lambda: "not-the-secret"))

    assert error.permanent
    assert "does not accept the password of user1" in str(error)
    assert "not-the-secret" not in str(error)


def test_a_login_that_fails_for_a_passing_reason_is_not_permanent() -> None:
    def answer(line: bytes) -> bytes:
        tag, _, command = line.partition(b" ")
        if command.startswith(b"CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n"
        return tag + b" NO [UNAVAILABLE] Temporary authentication failure\r\n"

    with Script(GREETING, answer) as server:
        assert not failure(local(server.port)).permanent


def test_the_password_is_read_anew_at_each_login(dovecot: Dovecot, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("old\n")
    inbox = ImapInbox(local(dovecot.imap_port, username="user2", password=secret_from_file(secret)))
    with pytest.raises(MailServerUnavailable):
        inbox.position()

    secret.write_text(USERS["user2"] + "\n")

    assert inbox.position().account == "user2"
    inbox.close()


def test_a_secret_may_come_from_a_command_whose_output_is_never_shown() -> None:
    assert secret_from_command(["printf", "tok en\\nmore"])() == "tok en"
    for argv in (["sh", "-c", "echo s3cret; exit 3"], ["/nowhere/helper"], ["true"]):
        with pytest.raises(MailServerUnavailable) as caught:
            secret_from_command(argv)()
        assert "s3cret" not in str(caught.value).replace("echo s3cret", "")
    with pytest.raises(MailServerUnavailable, match=r"within 0\.1 s"):
        secret_from_command(["sleep", "60"], timeout_seconds=0.1)()


def oauth_server(token: str) -> Callable[[bytes], bytes]:
    """Just enough of a server to log in with XOAUTH2 and select a folder."""
    waiting: list[bytes] = []

    def answer(line: bytes) -> bytes:
        if waiting:
            tag = waiting[0]
            said = base64.b64decode(line)
            if not line:
                waiting.clear()
                return tag + b" NO [AUTHENTICATIONFAILED] token expired\r\n"
            if said == f"user=support\1auth=Bearer {token}\1\1".encode():
                waiting.clear()
                return tag + b" OK welcome\r\n"
            return b"+ " + base64.b64encode(b'{"status":"401"}') + b"\r\n"
        tag, _, command = line.partition(b" ")
        if command.startswith(b"AUTHENTICATE XOAUTH2"):
            waiting.append(tag)
            return b"+ \r\n"
        said = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n",
            b"LIST": b'* LIST (\\Noselect) "." ""\r\n',
            b"SELECT": b"* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n",
        }.get(command.split(b" ")[0], b"")
        return said + tag + b" OK done\r\n"

    return answer


def test_a_token_logs_in_by_xoauth2() -> None:
    with Script(GREETING, oauth_server("good-token")) as server:
        inbox = ImapInbox(local(server.port, auth=Auth.OAUTH2, password=lambda: "good-token"))
        assert inbox.position().uidvalidity == 7
        inbox.close()


def test_a_refused_token_is_permanent_and_is_sent_once() -> None:
    with Script(GREETING, oauth_server("good-token")) as server:
        error = failure(local(server.port, auth=Auth.OAUTH2, password=lambda: "old-token"))
        sent = [line for line in server.heard if b"old-token" in base64.b64decode(line + b"===", validate=False)]

    assert error.permanent
    assert "does not accept the token of support" in str(error)
    assert "old-token" not in str(error)
    assert len(sent) == 1


def test_neither_settings_nor_logs_show_a_secret(world: DovecotWorld, caplog: pytest.LogCaptureFixture) -> None:
    secret = USERS[world.user]
    caplog.set_level(logging.DEBUG)
    world.deliver(mail(1))
    list(world.inbox.fetch(None))
    failure(replace(world.settings, password=lambda: "wrong-password"))

    assert caplog.records
    for secret_form in (secret, "wrong-password"):
        encoded = base64.b64encode(f"\0{world.user}\0{secret_form}".encode()).decode()
        assert secret_form not in caplog.text
        assert encoded not in caplog.text
    assert secret not in repr(world.settings)


# Servers that fail


def test_a_server_that_is_not_there_is_unavailable_for_now() -> None:
    with Script(GREETING) as server:
        port = server.port
    error = failure(local(port))

    assert not error.permanent
    assert str(port) in str(error)


@pytest.mark.parametrize(
    "greeting",
    [b"* BYE too many connections\r\n", b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01 \xff\xfe\r\n"],
)
def test_a_server_that_greets_with_something_else_is_unavailable_for_now(greeting: bytes) -> None:
    with Script(greeting, lambda _line: None) as server:
        error = failure(local(server.port, connect_seconds=0.5, read_seconds=0.5))
    assert not error.permanent


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with Script(b"") as silent_at_once, Script(GREETING) as silent_later:
        for server in (silent_at_once, silent_later):
            error = failure(local(server.port, connect_seconds=0.3, read_seconds=0.3))
            assert "no answer in time" in str(error) or "timed out" in str(error)


def test_a_connection_that_breaks_anywhere_is_reported_and_made_anew(world: DovecotWorld) -> None:
    for number in range(3):
        world.deliver(mail(number))
    for cut in (1, 50, 200, 400, 700, 900, 1100, 1300):
        world.inbox.close()
        world.proxy.cut_after = cut
        with pytest.raises(MailServerUnavailable) as caught:
            list(world.inbox.fetch(None))
        assert not caught.value.permanent
        world.proxy.cut_after = None
        assert [one.raw for one in world.inbox.fetch(None)] == [mail(0), mail(1), mail(2)]


def test_a_break_while_waiting_is_reported(world: DovecotWorld) -> None:
    assert list(world.inbox.fetch(None)) == []
    world.proxy.cut_after = 600  # a few answers more

    def wait_again_and_again() -> None:
        for _ in range(100):
            world.inbox.wait(0.05)

    with pytest.raises(MailServerUnavailable):
        wait_again_and_again()
    assert world.inbox.wait(0.05) is False


def test_a_server_that_stops_is_unavailable_and_its_return_is_noticed(home: Path) -> None:
    server = Dovecot(home / "restarted", {"support": "secret"}, make_certificate(home))
    try:
        server.start()
        inbox = ImapInbox(local(server.imap_port))
        server.deliver("support", mail(1))
        (only,) = inbox.fetch(None)
        server.stop()
        with pytest.raises(MailServerUnavailable):
            list(inbox.fetch(None))
        with pytest.raises(MailServerUnavailable):
            inbox.file_away([only.key], Folder.HANDLED)
        server.start()
        inbox.file_away([only.key], Folder.HANDLED)
        assert server.mailbox("support", "mailbot/handled") == [mail(1)]
        inbox.close()
    finally:
        server.stop()


def test_a_mail_that_the_server_refuses_to_give_does_not_hide_the_others_for_long(world: DovecotWorld) -> None:
    for number in range(3):
        world.deliver(mail(number))
    keys = [one.key for one in world.inbox.fetch(None)]
    # The file of the second mail becomes unreadable: Dovecot answers NO, or breaks off, for it.
    (path,) = [
        path
        for path in (world.dovecot.base / "mail" / world.user).glob("*/*")
        if path.read_bytes() == b"Subject: mail 1\n\nwords 1\n"
    ]
    path.chmod(0)
    world.inbox.close()

    got: dict[MailKey, Fetched] = {}
    try:
        for _ in range(10):
            with suppress(MailServerUnavailable):
                after = max(got, key=lambda key: key.uid, default=None)
                for one in world.inbox.fetch(after):
                    got[one.key] = one
    finally:
        path.chmod(0o600)

    assert list(got) == keys
    assert [one.raw for one in got.values()] == [mail(0), None, mail(2)]
    assert got[keys[1]].header


# What people see of it


def test_reading_leaves_every_mail_unread_and_without_marks(world: DovecotWorld) -> None:
    world.deliver(mail(1))
    list(world.inbox.fetch(None))
    list(world.inbox.fetch(None))

    with world.somebody() as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search("UNSEEN")
        (flags,) = client.get_flags(client.search("ALL")).values()
    assert set(flags) <= {b"\\Recent"}


def test_a_filed_mail_keeps_the_marks_that_people_gave_it(world: DovecotWorld) -> None:
    world.deliver(mail(1))
    with world.somebody() as client:
        client.select_folder("INBOX")
        client.add_flags(client.search("ALL"), [b"\\Flagged"])
    world.inbox.file_away([one.key for one in world.inbox.fetch(None)], Folder.HANDLED)

    with world.somebody() as client:
        client.select_folder("mailbot/handled", readonly=True)
        (flags,) = client.get_flags(client.search("ALL")).values()
        subscribed = [name for _flags, _delimiter, name in client.list_sub_folders()]
    assert b"\\Flagged" in flags
    assert "mailbot/handled" in subscribed


def test_a_shelf_that_somebody_removed_is_made_again(world: DovecotWorld) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))
    first, second = (one.key for one in world.inbox.fetch(None))
    world.inbox.file_away([first], Folder.HANDLED)
    with world.somebody() as client:
        client.delete_folder("mailbot/handled")

    world.inbox.file_away([second], Folder.HANDLED)

    assert world.on_shelf(Folder.HANDLED) == [mail(2)]


def test_preparing_creates_both_folders_and_may_run_twice(world: DovecotWorld) -> None:
    world.inbox.prepare()
    world.inbox.close()
    world.inbox.prepare()

    with world.somebody() as client:
        assert client.folder_exists("mailbot/handled")
        assert client.folder_exists("mailbot/quarantine")


# Servers that cannot do everything


def test_without_move_mails_are_copied_and_only_they_are_expunged(world: DovecotWorld) -> None:
    world.proxy.edit = hide(b"MOVE")
    for number in range(3):
        world.deliver(mail(number))
    with world.somebody() as client:
        client.select_folder("INBOX")
        client.delete_messages([client.search("ALL")[0]])  # a person's mark, a person's to expunge
    keys = [one.key for one in world.inbox.fetch(None)]

    world.inbox.file_away(keys[1:2], Folder.HANDLED)

    assert world.on_shelf(Folder.HANDLED) == [mail(1)]
    assert world.in_inbox() == [mail(0), mail(2)]


def test_without_uidplus_mails_are_marked_and_nothing_is_expunged(world: DovecotWorld) -> None:
    world.proxy.edit = hide(b"MOVE", b"UIDPLUS")
    world.deliver(mail(1))
    world.inbox.file_away([one.key for one in world.inbox.fetch(None)], Folder.HANDLED)

    assert world.on_shelf(Folder.HANDLED) == [mail(1)]
    with world.somebody() as client:
        client.select_folder("INBOX", readonly=True)
        assert len(client.search("DELETED")) == 1


def test_without_idle_waiting_ends_at_once(world: DovecotWorld) -> None:
    world.proxy.edit = hide(b"IDLE")
    assert world.inbox.wait(600) is False


def test_without_namespace_folders_are_named_by_the_delimiter_of_list(world: DovecotWorld) -> None:
    world.proxy.edit = hide(b"NAMESPACE")
    world.deliver(mail(1))
    world.inbox.file_away([one.key for one in world.inbox.fetch(None)], Folder.QUARANTINE)
    assert world.on_shelf(Folder.QUARANTINE) == [mail(1)]


def test_folders_get_the_prefix_and_the_delimiter_of_the_server_and_any_letters(home: Path) -> None:
    server = Dovecot(
        home / "dotted", {"support": "secret"}, make_certificate(home), namespace="separator = .\n  prefix = INBOX."
    )
    try:
        server.start()
        inbox = ImapInbox(local(server.imap_port, handled_folder="bot/traité & fini"))
        server.deliver("support", mail(1))
        inbox.file_away([one.key for one in inbox.fetch(None)], Folder.HANDLED)
        inbox.close()
        assert server.mailbox("support", ".bot.trait&AOk- &- fini") == [mail(1)]
    finally:
        server.stop()


def test_a_large_mailbox_is_searched_in_parts(world: DovecotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailbot.adapters.imap.fetch._SEARCH_AT_ONCE", 3)
    for number in range(10):
        world.deliver(mail(number))
    fetched = list(world.inbox.fetch(None))

    assert [one.raw for one in fetched] == [mail(number) for number in range(10)]
    assert [one.raw for one in world.inbox.fetch(fetched[4].key)] == [mail(number) for number in range(5, 10)]
