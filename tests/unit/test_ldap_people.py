"""From LDAP entries to people: logins, addresses, and every way to say that an account is locked."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.adapters.directory.ldap_child import written
from mailbot.adapters.directory.ldap_connection import Entry
from mailbot.adapters.directory.ldap_people import LdapLayout, is_locked, login_of, person_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TODAY = 20780  # days since 1970


def entry(dn: str = "uid=alice,ou=people,dc=example,dc=org", **values: list[str]) -> Entry:
    usual = {"uid": ["alice"], "cn": ["Alice"], "mail": ["alice@example.org"]}
    return Entry(dn, {name.lower(): tuple(texts) for name, texts in {**usual, **values}.items()})


@pytest.mark.parametrize(
    ("attribute", "value", "locked"),
    [
        ("nsAccountLock", "TRUE", True),
        ("nsAccountLock", "true", True),
        ("nsAccountLock", "FALSE", False),
        ("nsAccountLock", "", False),
        ("loginDisabled", "TRUE", True),
        ("loginDisabled", "0", False),
        ("somethingOfTheSite", "yes", True),
        ("somethingOfTheSite", "no", False),
        ("pwdAccountLockedTime", "000001010000Z", True),
        ("pwdAccountLockedTime", "20261122120000Z", True),
        ("shadowExpire", "-1", False),
        ("shadowExpire", "0", True),
        ("shadowExpire", str(TODAY - 1), True),
        ("shadowExpire", str(TODAY), True),
        ("shadowExpire", str(TODAY + 1), False),
        ("shadowExpire", "soon", True),
        ("krbPrincipalExpiration", "20261122000000Z", True),
        ("krbPrincipalExpiration", "20271122000000Z", False),
        ("krbPrincipalExpiration", "never", True),
        ("userAccountControl", "512", False),
        ("userAccountControl", "514", True),
        ("userAccountControl", "?", True),
    ],
)
def test_every_kind_of_lock_is_read_in_its_own_way(attribute: str, value: str, locked: bool) -> None:
    assert is_locked(entry(**{attribute: [value]}), [attribute.upper()], NOW) is locked


def test_a_lock_that_is_not_asked_for_is_none() -> None:
    assert not is_locked(entry(nsAccountLock=["TRUE"]), ["shadowExpire"], NOW)


@pytest.mark.parametrize(
    ("dn", "uid", "login"),
    [
        ("uid=alice,dc=x", ["alice"], "alice"),
        ("cn=Alice,dc=x", ["alice"], "alice"),
        ("uid=alice,dc=x", ["alice", "ali"], "alice"),
        ("UID=alice+cn=Alice,dc=x", ["alice", "ali"], "alice"),
        ("cn=alice,dc=x", ["alice", "ali"], ""),
        ("uid=else,dc=x", ["alice", "ali"], ""),
        ("uid=alice,dc=x", [], ""),
        ("uid=alice,dc=x", ["alice martin"], ""),
        ("uid=alice,dc=x", ["аlice"], ""),
        ("uid=alice,dc=x", [" alice"], ""),
    ],
)
def test_an_entry_has_one_login_or_none(dn: str, uid: list[str], login: str) -> None:
    assert login_of(entry(dn, uid=uid), "uid") == login


def test_a_name_is_one_line_and_without_a_name_the_login_is_used() -> None:
    alice = person_of(entry(cn=["Alice\r\nBcc: everybody@example.org"]), LdapLayout("dc=x"), NOW)
    assert alice is not None
    assert alice.name == "Alice Bcc: everybody@example.org"
    nameless = person_of(entry(cn=[" "]), LdapLayout("dc=x"), NOW)
    assert nameless is not None
    assert nameless.name == "alice"


@pytest.mark.parametrize(
    "mail", ["", "alice", "a b@example.org", "alice@example.org, b@example.org", "älice@example.org"]
)
def test_what_is_no_address_is_none(mail: str) -> None:
    assert person_of(entry(mail=[mail]), LdapLayout("dc=x"), NOW) is None


def test_keys_are_kept_as_they_are_but_for_the_space_around_them() -> None:
    alice = person_of(entry(sshPublicKey=["ssh-ed25519 AAAA alice\n", " "]), LdapLayout("dc=x"), NOW)
    assert alice is not None
    assert alice.ssh_keys == ("ssh-ed25519 AAAA alice",)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_no_value_ever_leaves_its_place_in_a_filter(value: str) -> None:
    text = written(["(objectClass=person)"], [("uid", value)])
    inside = re.fullmatch(r"\(&\(objectClass=person\)\(\|\(uid=(.*)\)\)\)", text)
    assert inside
    assert not re.search(r"[()*]|\\(?![0-9A-F]{2})", inside[1])
    assert re.sub(r"\\([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), inside[1]) == value


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("fr", "fr"),
        ("fr-FR, en;q=0.8", "fr"),
        ("FR_fr", "fr"),
        (" de;q=1", "de"),
        ("", ""),
        ("français", ""),
        ("*", ""),
    ],
)
def test_the_language_is_the_first_of_those_that_are_preferred(value: str, language: str) -> None:
    found = person_of(entry(preferredLanguage=[value]), LdapLayout(base="dc=example,dc=org"), NOW)
    assert found is not None
    assert found.language == language
