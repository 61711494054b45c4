"""From LDAP entries to people: which attribute means what, and who counts as locked.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mailbot.adapters.directory.ldap_connection import Entry
from mailbot.model import Person

LOGIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
"""What can be a login.  Anything else is nobody's, and the server is not asked."""

ADDRESS: Final = re.compile(r"[!-~]{1,64}@[A-Za-z0-9.-]{1,253}")
"""What can be a registered address (ASCII: `mail` is an IA5 string, RFC 4524 section 2.16)."""

ID: Final = re.compile(r"[!-~]{1,200}")
"""What can be an id: a UUID (RFC 4530) or a number (RFC 2307), for example.  Bytes that are no text are none."""

_LANGUAGE: Final = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_;, ]|$)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DISABLED: Final = 0x2  # ADS_UF_ACCOUNTDISABLE of userAccountControl


@dataclass(frozen=True, slots=True)
class LdapLayout:
    """Where people stand and what their attributes are called."""

    base: str
    user_filter: str = "(objectClass=posixAccount)"
    login: str = "uid"
    id: str = "entryUUID"
    name: str = "cn"
    mail: str = "mail"
    aliases: tuple[str, ...] = ()
    keys: str = "sshPublicKey"
    locked: tuple[str, ...] = ("pwdAccountLockedTime", "nsAccountLock", "shadowExpire")
    locked_filter: str = ""
    admin_group: str = ""
    language: str = "preferredLanguage"

    @property
    def attributes(self) -> tuple[str, ...]:
        """All that is asked for; by name, since locks are often operational attributes."""
        return (self.login, self.id, self.name, self.mail, *self.aliases, self.keys, *self.locked, self.language)

    @property
    def kind(self) -> str:
        """What ids begin with: those that another attribute gave are others."""
        return f"{self.id.lower()}:"

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.mail, *self.aliases)


def person_of(entry: Entry, layout: LdapLayout, now: datetime) -> Person | None:
    """The person of an entry; None where it has no login of its own or no address that letters could go to.

    The first value of the mail attribute is the address of letters, the others are aliases.
    """
    login = login_of(entry, layout.login)
    mails = _addresses(entry, (layout.mail,))
    if not login or not mails:
        return None
    aliases = (address for address in _addresses(entry, layout.addresses) if address != mails[0])
    names = [" ".join(name.split()) for name in entry.of(layout.name) if name.strip()]
    return Person(
        login=login,
        name=names[0] if names else login,
        email=mails[0],
        aliases=tuple(aliases),
        ssh_keys=tuple(key.strip() for key in entry.of(layout.keys) if key.strip()),
        locked=is_locked(entry, layout.locked, now),
        id=id_of(entry, layout),
        language=preferred(entry.of(layout.language)),
    )


def id_of(entry: Entry, layout: LdapLayout) -> str:
    """What never changes about the entry; "" where it shows none, or more than one."""
    values = entry.of(layout.id)
    return f"{layout.kind}{values[0]}" if len(values) == 1 and ID.fullmatch(values[0]) else ""


def preferred(values: Sequence[str]) -> str:
    """The language of `preferredLanguage` (RFC 2798: like Accept-Language, `fr-FR, en;q=0.8`), its first; "" for none."""
    found = _LANGUAGE.match(values[0]) if values else None
    return found[1].lower() if found else ""


def login_of(entry: Entry, attribute: str) -> str:
    """The one login of an entry; of several the one in its name (RFC 4514), empty where that does not tell."""
    values = entry.of(attribute)
    if len(values) == 1:
        return values[0] if LOGIN.fullmatch(values[0]) else ""
    name, _, value = re.split(r"[,+]", entry.dn, maxsplit=1)[0].partition("=")
    own = name.strip().lower() == attribute.lower() and value in values and LOGIN.fullmatch(value)
    return value if own else ""


def _addresses(entry: Entry, attributes: Sequence[str]) -> list[str]:
    """All addresses in lower case, in the server's order, without doubles and without what is none."""
    values = (value.strip() for attribute in attributes for value in entry.of(attribute))
    return list(dict.fromkeys(value.lower() for value in values if ADDRESS.fullmatch(value)))


def is_locked(entry: Entry, attributes: Sequence[str], now: datetime) -> bool:
    """True where one of the attributes says so, each in its own way."""
    return any(_LOCKS.get(name.lower(), _true)(value, now) for name in attributes for value in entry.of(name))


def _set(_value: str, _now: datetime) -> bool:
    """pwdAccountLockedTime: it is there only while the account is locked (draft-behera-ldap-password-policy)."""
    return True


def _true(value: str, _now: datetime) -> bool:
    """nsAccountLock, loginDisabled and unknown attributes: anything but a word for no."""
    return value.strip().lower() not in {"", "false", "no", "0"}


def _expired(value: str, now: datetime) -> bool:
    """shadowExpire: days since 1970 after which nobody logs in; negative for never (shadow(5)).  What is no number locks."""
    try:
        days = int(value)
    except ValueError:
        return True
    return 0 <= days <= (now - _EPOCH).days


def _past(value: str, now: datetime) -> bool:
    """krbPrincipalExpiration: a moment such as 20270331120000Z.  What is none locks."""
    try:
        return datetime.strptime(value, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC) <= now
    except ValueError:
        return True


def _disabled(value: str, _now: datetime) -> bool:
    """userAccountControl: a number of which one bit says that the account is disabled.  What is no number locks."""
    try:
        return bool(int(value) & _DISABLED)
    except ValueError:
        return True


_LOCKS: Final[Mapping[str, Callable[[str, datetime], bool]]] = {
    "pwdaccountlockedtime": _set,
    "shadowexpire": _expired,
    "krbprincipalexpiration": _past,
    "useraccountcontrol": _disabled,
}
