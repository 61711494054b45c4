"""The LDAP directory where things go wrong, and what only LDAP has: many servers' ways to say the same."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.directory.ldap import MOST_ADMINS, LdapDirectory
from mailbot.adapters.directory.ldap_connection import ConnectionLost, LdapServer, NoAnswer
from mailbot.adapters.directory.ldap_people import LdapLayout
from mailbot.adapters.transport import Security, secret_from_file
from mailbot.config import DirectorySection, load
from mailbot.contexts import make_directory
from mailbot.errors import DirectoryUnavailable
from provisioner.ssh_keys import parse_all
from tests import slapd
from tests.slapd import GROUPS, PEOPLE, SUFFIX, Slapd, person, private_slapd
from tests.world import START

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "mailbot" / "examples" / "config.example.toml"
LAYOUT = LdapLayout(PEOPLE, aliases=("mailAlternateAddress",))


@pytest.fixture(scope="module")
def running() -> Iterator[Slapd]:
    with private_slapd() as server:
        server.put(*person("alice", mailAlternateAddress=["a.martin@lab.example.org"]))
        yield server


@pytest.fixture
def server(running: Slapd) -> Iterator[Slapd]:
    """The server with alice; what a test puts there is taken away again."""
    with running.cleaned():
        yield running


def settings(server: Slapd, **changes: Any) -> LdapServer:
    usual = LdapServer(
        host=server.host,
        port=server.port,
        security=Security.STARTTLS,
        bind_dn=slapd.READER_DN,
        password=lambda: slapd.PASSWORD,
        ca_file=server.ca_file,
        timeout_seconds=30,
    )
    return replace(usual, **changes)


@contextmanager
def asking(server: LdapServer, layout: LdapLayout = LAYOUT, **options: Any) -> Iterator[LdapDirectory]:
    directory = LdapDirectory(server, layout, lambda: NOW, **{"cache_seconds": 0, **options})
    try:
        yield directory
    finally:
        directory.close()


def children() -> list[int]:
    """The processes of this one's that talk LDAP."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if "ldap_child" in line]


# reaching the server


@pytest.mark.parametrize("security", Security)
def test_a_person_is_found_over_every_kind_of_connection(server: Slapd, security: Security) -> None:
    port = server.tls_port if security is Security.TLS else server.port
    with asking(settings(server, security=security, port=port)) as directory:
        assert directory.by_login("alice")


def test_without_a_bind_dn_the_directory_is_asked_anonymously(server: Slapd) -> None:
    with asking(settings(server, bind_dn="", password=None)) as directory:
        assert directory.by_login("alice")


def test_a_wrong_password_is_told_and_not_shown(server: Slapd) -> None:
    with (
        asking(settings(server, password=lambda: "hunter2")) as directory,
        pytest.raises(DirectoryUnavailable, match=r"refuses the login of cn=mailbot,ou=services.*: Invalid") as caught,
    ):
        directory.by_login("alice")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_password_never_becomes_an_anonymous_login(server: Slapd, tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_text(content)
    for secret in (secret_from_file(file), lambda: ""):
        said = "There is no password for|The secret in .* is empty"
        with asking(settings(server, password=secret)) as directory, pytest.raises(DirectoryUnavailable, match=said):
            directory.by_login("alice")


def test_a_password_that_changed_is_used_at_the_next_login(server: Slapd, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong\n")
    with asking(settings(server, password=secret_from_file(file))) as directory:
        with pytest.raises(DirectoryUnavailable):
            directory.by_login("alice")
        file.write_text(f"{slapd.PASSWORD}\n")
        assert directory.by_login("alice")


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("wrong", [{"ca_file": None}, {"ca_file": Path("/nowhere.pem")}, {"host": "localhost"}])
def test_a_certificate_that_is_wrong_is_refused(server: Slapd, security: Security, wrong: dict[str, Any]) -> None:
    port = server.tls_port if security is Security.TLS else server.port
    here = settings(server, security=security, port=port, **wrong)
    with asking(here) as directory, pytest.raises(ConnectionLost, match="Is its certificate valid for"):
        directory.by_login("alice")


def test_the_environment_cannot_loosen_what_is_verified(server: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDAPTLS_REQCERT", "never")
    monkeypatch.setenv("LDAPTLS_CACERT", str(server.ca_file))
    with asking(settings(server, ca_file=None)) as directory, pytest.raises(ConnectionLost):
        directory.by_login("alice")


def test_no_secret_is_seen_in_the_process_list(server: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILBOT_SMTP__PASSWORD", "hunter2")
    with asking(settings(server)) as directory:
        assert directory.by_login("alice")
        (child,) = children()
        seen = [Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert b"ldap_child" in seen[0]
    assert b"LDAPNOINIT=1" in seen[1]
    for secret in (b"hunter2", slapd.PASSWORD.encode()):
        assert secret not in seen[0] + seen[1]


def test_a_server_that_offers_no_starttls_is_told_nothing() -> None:
    with private_slapd(tls=False) as server:
        server.put(*person("alice"))
        with asking(settings(server)) as directory, pytest.raises(DirectoryUnavailable):
            directory.by_login("alice")
        with asking(settings(server, security=Security.PLAIN)) as directory:
            assert directory.by_login("alice")


# servers that are down, silent, or have forgotten us


@pytest.mark.parametrize("security", Security)
def test_a_server_that_never_answers_is_given_up_and_left_alone_for_a_while(security: Security) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = LdapServer("127.0.0.1", silent.getsockname()[1], security, timeout_seconds=1)
        with asking(here) as directory:
            with pytest.raises(NoAnswer, match="did not answer within 1 s"):
                directory.by_login("alice")
            with pytest.raises(DirectoryUnavailable, match="asked again in a moment"):
                directory.by_address("alice@example.org")
        assert connections(silent) == 1
    assert children() == []


def connections(listener: socket.socket) -> int:
    """How many have come so far."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_server_that_falls_silent_is_found_again_when_it_speaks(server: Slapd) -> None:
    with asking(settings(server, timeout_seconds=5), pause_seconds=0) as directory:
        assert directory.by_login("alice")
        server.hang()
        try:
            with pytest.raises(NoAnswer):
                directory.by_login("alice")
        finally:
            server.go_on()
    with asking(settings(server), pause_seconds=0) as directory:
        assert directory.by_login("alice")


def test_a_server_that_is_down_is_named(server: Slapd) -> None:
    server.stop()
    try:
        said = rf"127\.0\.0\.1:{server.port} cannot be reached"
        with asking(settings(server)) as directory, pytest.raises(ConnectionLost, match=said) as caught:
            directory.by_login("alice")
        assert not caught.value.permanent
    finally:
        server.start()


def test_a_connection_that_was_lost_while_idle_is_replaced_unnoticed(server: Slapd) -> None:
    with asking(settings(server)) as directory:
        assert directory.by_login("alice")
        server.stop()
        server.start()
        assert directory.by_login("alice")


def test_a_child_that_was_killed_is_replaced_unnoticed(server: Slapd) -> None:
    with asking(settings(server)) as directory:
        assert directory.by_login("alice")
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        assert directory.by_login("alice")


PARENT = """
import sys, time
from pathlib import Path
from mailbot.adapters.directory.ldap_connection import LdapConnection, LdapServer
from mailbot.adapters.transport import Security
connection = LdapConnection(LdapServer("127.0.0.1", int(sys.argv[1]), Security.PLAIN), ["uid"])
print(connection.child_pid, flush=True)
time.sleep(60)
"""


def test_a_child_ends_when_the_bot_is_killed(server: Slapd) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(server.port)], stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        child = Path("/proc") / bot.stdout.readline().strip()
        assert child.exists()
        bot.kill()
    until = time.monotonic() + 30
    while child.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not child.exists()


# who is asked for


HOSTILE = [
    "*",
    "*)(uid=*",
    "alice)(|(uid=*",
    "alice*",
    "alice\x00",
    "alice\\",
    "\\61lice",  # an escaped a
    "alice)(objectClass=*",
    "alice ",
    " alice",
    "ａｌｉｃｅ",
    "alice\n",
    "alice@example.org",
    "(uid=alice)",
    "x" * 100_000,
]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_login_or_address_finds_nobody(server: Slapd, word: str) -> None:
    with asking(settings(server)) as directory:
        assert directory.by_login(word) is None
        assert directory.by_address(f"{word}@example.org") is None
        assert directory.by_address(f"alice@{word}") is None
        assert directory.by_address(f"alice@example.org{word}") is None


def test_odd_characters_in_an_address_are_no_more_than_that(server: Slapd) -> None:
    odd = "o'hara*(lab)\\@example.org"
    server.put(*person("ohara", mail=[odd]))
    with asking(settings(server)) as directory:
        found = directory.by_address(odd.upper())
        assert found is not None
        assert found.login == "ohara"
        assert directory.by_address("o'hara*@example.org") is None


def test_an_entry_without_an_address_is_nobody(server: Slapd) -> None:
    server.put(*person("dora", mail=[], mailAlternateAddress=["dora@example.org"]))
    server.put(*person("emil", mail=["not an address"]))
    with asking(settings(server)) as directory:
        assert directory.by_login("dora") is None
        assert directory.by_address("dora@example.org") is None
        assert directory.by_login("emil") is None


def test_letters_go_to_the_first_of_several_addresses(server: Slapd) -> None:
    mails = ["Fay@Example.org", "fay@lab.example.org", "bad address"]
    server.put(
        *person("fay", mail=mails, mailAlternateAddress=["f@example.org", "fay@lab.example.org", "FAY@example.org"])
    )
    with asking(settings(server)) as directory:
        fay = directory.by_address("f@example.org")
        assert fay is not None
        assert fay.email == "fay@example.org"
        assert fay.aliases == ("fay@lab.example.org", "f@example.org")


def test_of_several_logins_the_one_in_the_name_of_the_entry_counts(server: Slapd) -> None:
    server.put(*person("gus", uid=["gus", "gustav"]))
    server.put(*person("hal", dn=f"cn=Hal,{PEOPLE}", cn=["Hal"], uid=["hal", "henry"]))
    with asking(settings(server)) as directory:
        assert directory.by_login("gus")
        assert directory.by_login("gustav") is None
        assert directory.by_login("hal") is None
        assert directory.by_login("henry") is None


def test_two_entries_with_one_login_or_address_are_not_guessed_between(server: Slapd) -> None:
    server.put(*person("ida", dn=f"cn=Ida One,{PEOPLE}", cn=["Ida One"], mail=["ida@example.org"]))
    server.put(*person("ida", dn=f"cn=Ida Two,{PEOPLE}", cn=["Ida Two"], mail=["IDA@example.org"]))
    with asking(settings(server)) as directory:
        with pytest.raises(DirectoryUnavailable, match="More than one entry has the login ida: cn=Ida One"):
            directory.by_login("ida")
        with pytest.raises(DirectoryUnavailable, match=r"More than one entry has the address ida@example\.org"):
            directory.by_address("ida@example.org")
        assert [*directory.people().oddities()] == [
            "more than one entry has the login ida",
            "more than one entry has the address ida@example.org",
        ]


@pytest.mark.parametrize(
    "lock",
    [
        {"nsAccountLock": ["TRUE"]},
        {"nsAccountLock": ["true"]},
        {"pwdAccountLockedTime": ["000001010000Z"]},
        {"shadowExpire": ["1"]},
        {"employeeType": ["retired"]},
    ],
    ids=str,
)
def test_a_locked_account_is_known_and_locked(server: Slapd, lock: dict[str, list[str]]) -> None:
    server.put(*person("jan", **lock))
    server.put(*person("TRUE"))
    server.put(*person("kim", shadowExpire=["-1"], nsAccountLock=["false"], employeeType=["student"]))
    layout = replace(LAYOUT, locked_filter="(|(employeeType=retired)(employeeType=guest))")
    with asking(settings(server), layout) as directory:
        assert directory.by_login("TRUE") is not None  # a name, no truth value
        jan, kim = directory.by_login("jan"), directory.by_address("kim@example.org")
        assert jan is not None
        assert jan.locked
        assert kim is not None
        assert not kim.locked


def test_attributes_may_have_other_names(server: Slapd) -> None:
    server.put(*person("liv", employeeNumber=["u4711"], displayName=["Liv  L."], description=["ssh-ed25519 AAAA liv"]))
    layout = replace(LAYOUT, login="employeeNumber", name="displayName", keys="description")
    with asking(settings(server), layout) as directory:
        liv = directory.by_login("u4711")
        assert liv is not None
        assert (liv.name, liv.ssh_keys) == ("Liv L.", ("ssh-ed25519 AAAA liv",))
        assert directory.by_login("liv") is None


def test_who_does_not_match_the_filter_of_users_is_nobody(server: Slapd) -> None:
    server.put(*person("mia", employeeType=["robot"]))
    layout = replace(LAYOUT, user_filter="(&(objectClass=posixAccount)(!(employeeType=robot)))")
    with asking(settings(server), layout) as directory:
        assert directory.by_login("mia") is None
        assert directory.by_login("alice")


# directories that are not what they should be


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (replace(LAYOUT, base=f"ou=gone,{SUFFIX}"), "Nobody can be seen below ou=gone"),
        (replace(LAYOUT, base=f"ou=secret,{SUFFIX}"), "Nobody can be seen below ou=secret"),
        (replace(LAYOUT, user_filter="(objectClass=nonsense)"), "Nobody can be seen below ou=people"),
        (replace(LAYOUT, user_filter="(objectClass=)(x"), "cannot answer: Bad search filter"),
        (replace(LAYOUT, base="nonsense"), "cannot answer: Invalid DN syntax"),
    ],
    ids=["no such base", "a base that may not be read", "a filter for nobody", "a broken filter", "a broken base"],
)
def test_a_directory_that_shows_nobody_refuses_nobody(server: Slapd, layout: LdapLayout, said: str) -> None:
    with asking(settings(server), layout) as directory, pytest.raises(DirectoryUnavailable, match=said):
        directory.by_login("alice")


def test_referrals_are_not_followed(server: Slapd) -> None:
    elsewhere = {"objectClass": ["referral", "extensibleObject"], "ref": ["ldap://127.0.0.1:9/dc=elsewhere"]}
    server.put(f"ou=far,{PEOPLE}", {**elsewhere, "ou": ["far"]})
    server.put(f"ou=away,{SUFFIX}", {**elsewhere, "ou": ["away"]})
    with asking(settings(server)) as directory:
        assert directory.by_login("alice")
        assert directory.by_login("nobody") is None
    away = replace(LAYOUT, base=f"ou=away,{SUFFIX}")
    with asking(settings(server), away) as directory, pytest.raises(DirectoryUnavailable):
        directory.by_login("alice")


def test_a_huge_directory_is_read_in_pages_and_a_huge_answer_is_not_taken() -> None:
    shared = ["everybody@example.org"]
    many = dict(person(f"user{number:04}", mailAlternateAddress=shared) for number in range(1200))
    with private_slapd(size_limit="size.soft=300 size.hard=300 size.prtotal=unlimited") as server:
        server.stop()
        server.load(many)
        server.start()
        with asking(settings(server)) as directory:
            seen = directory.people()
            assert (len(seen.people), seen.more) == (1200, False)
            assert directory.people(most=700).more
            assert len(directory.people(most=700).people) == 700
            assert directory.by_login("user1199")
            assert directory.by_login("nobody") is None
            with pytest.raises(DirectoryUnavailable, match="More than one entry has the address everybody"):
                directory.by_address("everybody@example.org")


def test_a_limit_of_the_server_is_told_and_what_came_before_it_counts() -> None:
    many = dict(person(f"user{number:04}") for number in range(700))
    with private_slapd(size_limit="600") as server:
        server.stop()
        server.load(many)
        server.start()
        with asking(settings(server)) as directory:
            seen = directory.people()
            assert seen.more
            assert len(seen.people) >= 500
            assert directory.by_login("user0699")


# the group of admins


def group(server: Slapd, name: str, **members: list[str]) -> LdapLayout:
    kind = (
        "posixGroup"
        if "memberUid" in members
        else "groupOfUniqueNames"
        if "uniqueMember" in members
        else "groupOfNames"
    )
    more = {"gidNumber": ["20000"]} if kind == "posixGroup" else {}
    server.put(f"cn={name},{GROUPS}", {"objectClass": [kind], "cn": [name], **more, **members})
    return replace(LAYOUT, admin_group=f"cn={name},{GROUPS}")


@pytest.mark.parametrize("attribute", ["member", "uniqueMember", "memberUid"])
def test_the_members_of_the_group_are_admins_but_those_who_are_locked_or_gone(server: Slapd, attribute: str) -> None:
    server.put(*person("nia"))
    server.put(*person("otto", nsAccountLock=["true"]))
    logins = ["alice", "nia", "otto", "gone"]
    inner = [f"cn=inner,{GROUPS}"] if attribute != "memberUid" else []
    members = logins if attribute == "memberUid" else [*(f"uid={login},{PEOPLE}" for login in logins), *inner]
    with asking(settings(server), group(server, "admins", **{attribute: members})) as directory:
        assert sorted((admin.login, admin.address) for admin in directory.admins()) == [
            ("alice", "alice@example.org"),
            ("nia", "nia@example.org"),
        ]


def test_a_group_that_is_not_there_is_no_empty_one(server: Slapd) -> None:
    layout = replace(LAYOUT, admin_group=f"cn=nobody-made-it,{GROUPS}")
    with asking(settings(server), layout) as directory, pytest.raises(DirectoryUnavailable, match="is not there"):
        directory.admins()


def test_a_group_of_everybody_is_taken_for_a_mistake(server: Slapd) -> None:
    layout = group(server, "everybody", memberUid=[f"user{number}" for number in range(MOST_ADMINS + 1)])
    with (
        asking(settings(server), layout) as directory,
        pytest.raises(DirectoryUnavailable, match="taken for a mistake"),
    ):
        directory.admins()


# remembering


def test_people_are_remembered_and_their_absence_is_not(server: Slapd) -> None:
    with asking(settings(server), cache_seconds=600) as directory:
        alice = directory.by_login("alice")
        assert directory.by_login("pia") is None
        server.put(*person("pia"))
        assert directory.by_login("pia")

        server.stop()
        try:
            assert directory.by_login("alice") == alice
            with pytest.raises(DirectoryUnavailable):
                directory.by_login("quinn")
        finally:
            server.start()


def test_no_more_than_a_set_number_of_people_is_remembered(server: Slapd) -> None:
    server.put(*person("pia"))
    server.put(*person("rob"))
    with asking(settings(server), cache_seconds=600, most_remembered=2) as directory:
        for login in ("alice", "pia", "rob"):
            assert directory.by_login(login)
        server.stop()
        try:
            assert directory.by_login("pia")
            assert directory.by_login("rob")
            with pytest.raises(DirectoryUnavailable):
                directory.by_login("alice")
        finally:
            server.start()


def test_what_is_remembered_is_forgotten_in_time(server: Slapd) -> None:
    with asking(settings(server), cache_seconds=0.01) as directory:
        assert directory.by_login("alice")
        time.sleep(0.02)
        server.put(*person("alice", nsAccountLock=["true"]))
        found = directory.by_login("alice")
        assert found is not None
        assert found.locked


def test_nothing_goes_on_after_the_directory_was_closed(server: Slapd) -> None:
    with asking(settings(server)) as directory:
        assert directory.by_login("alice")
        assert len(children()) == 1
    assert children() == []


# the documentation


def blocks(language: str) -> list[str]:
    """The code blocks of docs/directory.md in one language."""
    text = (Path(__file__).parents[2] / "docs" / "directory.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_example_of_the_documentation_works(server: Slapd, tmp_path: Path) -> None:
    values: dict[str, list[str]] = {}
    for line in blocks("ldif")[0].splitlines():
        name, _, value = line.partition(": ")
        values.setdefault(name, []).append(value)
    (dn,) = values.pop("dn")
    server.put(dn, values)
    group(server, "vm-admins", member=[dn])
    config = tmp_path / "config.toml"
    config.write_text((EXAMPLE.read_text()).replace("[directory]", blocks("toml")[0]))
    section = load(config, {}).directory
    (tmp_path / "password").write_text(slapd.PASSWORD)
    here = {"host": server.host, "port": server.port, "ca_file": server.ca_file, "password_file": tmp_path / "password"}
    directory = make_directory(replace(section, **here), MemoryClock(START))
    try:
        alice = directory.by_address("a.martin@lab.testbed.example")
        assert alice is not None
        assert (alice.login, alice.name, alice.email) == ("alice", "Alice Martin", "alice@testbed.example")
        assert parse_all(alice.ssh_keys)[1] == ()
        assert [admin.login for admin in directory.admins()] == ["alice"]
    finally:
        directory.close()


def test_the_command_of_the_documentation_is_accepted(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text((EXAMPLE.read_text()).replace("[directory]", blocks("toml")[1]))
    assert load(config, {}).directory.keys_command == ("/usr/local/bin/keys-of", "{login}")


def test_the_documentation_names_every_lock_and_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "directory.md").read_text(encoding="utf-8")
    for name in (*LAYOUT.locked, "krbPrincipalExpiration", "userAccountControl"):
        assert f"| `{name}` (" in text
    for name in ("user_filter", "login_attribute", "id_attribute", "name_attribute", "mail_attribute", "key_attribute"):
        assert f"| `{name}` | `{getattr(DirectorySection(), name)}` |" in text
