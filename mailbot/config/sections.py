"""The sections of the configuration with their defaults; the text under each field is its documentation.

`docs/configuration.md` and `mailbot/examples/config.example.toml` are generated from this file and from
`mailbot/rules.py`: nothing about a setting is written in a second place.
"""

# ruff: noqa: RUF009 - `example` and `optional` give dataclass fields, `DatabaseUrl` a frozen value

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Secret, SecretStr

from mailbot.config.fields import STRICT, Port, Text, example, optional
from mailbot.config.sites import SiteSection
from mailbot.config.zones import ZoneSection
from mailbot.rules import (
    AnswerRules,
    LeaseRules,
    LetterRules,
    PolicyRules,
    PositiveDays,
    RetentionRules,
    Rules,
    ServiceRules,
    TrustRules,
)

SSSD_KEYS = ("/usr/bin/sss_ssh_authorizedkeys", "{login}")
"""What SSSD gives to sshd as AuthorizedKeysCommand (sss_ssh_authorizedkeys(1)); Debian's package sssd-common."""

Security = Literal["tls", "starttls", "plain"]


class DatabaseUrl(Secret[str]):
    """A database URL whose password is never shown."""

    def _display(self) -> str:
        return re.sub(r"(?<=://)([^:/@]*):[^@]*@", r"\1:**********@", self.get_secret_value())


@dataclass(frozen=True, slots=True)
class MailboxSection:
    """The mailbox that is shared with people, read over IMAP."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    host: Text = example("imap.example.org")
    """The IMAP server."""
    username: Text = example("support@example.org")
    """The account."""
    security: Security = "tls"
    """`tls` from the first byte, `starttls`, or `plain`, which is possible only to this machine."""
    port: Port | None = optional(993)
    """By default 993 with `tls`, else 143."""
    password: SecretStr | None = optional("better in a credential or in password_file")
    """The account's password. One of `password`, `password_file`, `oauth2` and `oauth2_token_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/mailbox.password")
    """A file with the password in its first line, read again at each login."""
    oauth2_token_file: Path | None = optional("/run/mailbot/oauth2.token")
    """A file with an OAuth2 access token that something else keeps fresh (XOAUTH2), read again at each login."""
    oauth2: bool = False
    """Log in by XOAUTH2 with tokens that the endpoint of `[oauth2]` gives, in place of a password."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    folder: Text = "INBOX"
    """Where mail arrives. What is not for the bot stays here, unread."""
    handled_folder: Text = "mailbot/handled"
    """Where mail goes that the bot has acted upon; `/` stands between levels, whatever the server uses."""
    quarantine_folder: Text = "mailbot/quarantine"
    """Where mail goes that could not be read; admins get a message about each."""
    poll_seconds: Annotated[int, Ge(1), Le(3600)] = 60
    """How often to look for mail and for anything that is due, also where the server tells of new mail by itself."""
    idle: bool = True
    """Let the server tell of new mail at once (IDLE), where it can."""

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.security == "tls" else 143)


@dataclass(frozen=True, slots=True)
class SmtpSection:
    """The server that takes our letters, and how they are signed."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    host: Text = example("smtp.example.org")
    """The mail server."""
    from_address: Text = example("support@example.org")
    """The address that letters come from and answers go to: that of the shared mailbox."""
    from_name: str = ""
    """The name beside that address; by default the service's name."""
    security: Security = "tls"
    """`tls` from the first byte, `starttls`, or `plain`, which is possible only to this machine."""
    port: Port | None = optional(465)
    """By default 465 with `tls`, 587 with `starttls`, 25 with `plain`."""
    username: str = ""
    """The account; empty where the server takes our letters without a login."""
    password: SecretStr | None = optional("better in a credential or in password_file")
    """The account's password. With a `username`, one of `password`, `password_file`, `oauth2` and
    `oauth2_token_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/smtp.password")
    """A file with the password in its first line, read again at each login."""
    oauth2_token_file: Path | None = optional("/run/mailbot/oauth2.token")
    """A file with an OAuth2 access token that something else keeps fresh (XOAUTH2), read again at each login."""
    oauth2: bool = False
    """Log in by XOAUTH2 with tokens that the endpoint of `[oauth2]` gives, in place of a password."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    helo: str = ""
    """The name we give ourselves; by default this machine's."""
    message_id_domain: str = ""
    """Right-hand side of our Message-IDs, used by nothing else; by default `mailbot.` and the domain of `from_address`. It
    needs no DNS entry. A change orphans open questions."""
    plus_addressing: bool = False
    """Whether mail to `support+anything@…` reaches the mailbox. Then answers find their ticket even from clients that
    drop the References header."""
    templates: Path = Path("/etc/mailbot/templates")
    """A folder whose templates replace those of the program that have the same name, for example `vm-ready.txt.j2`.
    `mailbot check` writes every letter with them."""

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or {"tls": 465, "starttls": 587, "plain": 25}[self.security]

    @property
    def message_ids(self) -> str:
        """The right-hand side of our Message-IDs."""
        return self.message_id_domain.lower() or f"mailbot.{self.from_address.rpartition('@')[2].lower()}"


@dataclass(frozen=True, slots=True)
class OAuth2Section:
    """Where access tokens come from, for `oauth2 = true` under `[mailbox]` and `[smtp]`; `docs/how-to/providers.md` has what
    Microsoft 365 and Gmail want."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    token_url: str = ""
    """The token endpoint, such as `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`."""
    client_id: str = ""
    """The name under which this program is registered there."""
    client_secret: SecretStr | None = optional("better in a credential or in client_secret_file")
    """The program's own secret, where it has one."""
    client_secret_file: Path | None = optional("/etc/mailbot/oauth2.secret")
    """A file with that secret in its first line, read again for each token."""
    refresh_token_file: Path | None = optional("/var/lib/mailbot/oauth2.refresh-token")
    """A file with a refresh token, which acts for one account. When the endpoint gives a new one it is written there, so the
    service must own the file. Without, the program asks with its own rights (client credentials)."""
    scope: str = ""
    """What the token is for, such as `https://outlook.office365.com/.default`."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class DatabaseSection:
    """Where the bot remembers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    url: DatabaseUrl = DatabaseUrl("sqlite:////var/lib/mailbot/mailbot.db")
    """`sqlite:////absolute/file`, or `postgresql://user:password@host/name`, with which several daemons can share the
    work."""


@dataclass(frozen=True, slots=True)
class DirectorySection:
    """Who the users are: names, addresses, SSH keys, and who is locked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    kind: Literal["file", "ldap"] = "file"
    """`file`: a TOML file of people, read again whenever it changes; `ldap`: a server, see `docs/directory.md`."""
    path: Path = Path("/etc/mailbot/users.toml")
    """With `file`: the file; `mailbot examples users.example.toml` shows its form."""
    host: str = ""
    """With `ldap`: the server, by the name that its certificate has. All settings up to `admin_group` are for `ldap`."""
    security: Security = "starttls"
    """`starttls`, `tls` from the first byte (LDAPS), or `plain`, which is possible only to this machine."""
    port: Port | None = optional(389)
    """By default 636 with `tls`, else 389."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    bind_dn: str = ""
    """The entry that we log in as; empty: anonymously."""
    password: SecretStr | None = optional("better in a credential or in password_file")
    """Its password. With a `bind_dn`, one of `password` and `password_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/directory.password")
    """A file with the password in its first line, read again at each login."""
    base: str = ""
    """The DN below which people are looked for, such as `ou=people,dc=example,dc=org`."""
    user_filter: Text = "(objectClass=posixAccount)"
    """What an entry must match to be a user."""
    login_attribute: Text = "uid"
    """The login, compared exactly."""
    id_attribute: Text = "entryUUID"
    """What the server never changes about a person, nor gives to another: `docs/directory.md` names others, such as `uidNumber`."""
    name_attribute: Text = "cn"
    """The name in letters."""
    mail_attribute: Text = "mail"
    """The addresses: letters go to the first value, mail may come from each."""
    alias_attributes: tuple[Text, ...] = ()
    """Further addresses that mail may come from, such as `mailAlternateAddress`."""
    key_attribute: Text = "sshPublicKey"
    """SSH keys, one a value."""
    locked_attributes: tuple[Text, ...] = ("pwdAccountLockedTime", "nsAccountLock", "shadowExpire")
    """Attributes that can say that an account is locked; `docs/directory.md` tells how each is read."""
    language_attribute: Text = "preferredLanguage"
    """The language of letters to somebody who has not written in one (RFC 2798)."""
    locked_filter: str = ""
    """Accounts that match this filter are locked as well."""
    admin_group: str = ""
    """The DN of a group (`member`, `uniqueMember` or `memberUid`) whose members may decide like those under `[[admins]]`."""
    timeout_seconds: Annotated[int, Ge(1), Le(60)] = 10
    """How long one question may take, also to `keys_command`; then mail waits and it is asked again later."""
    cache_seconds: Annotated[int, Ge(0), Le(3600)] = 60
    """How long an answer about a user of the server, or of `keys_command`, may be used again; 0: not at all."""
    keys_command: tuple[Text, ...] = ()
    """A program and its arguments that print a user's SSH keys, one a line, in place of those of the directory, such as
    `["/usr/local/bin/keys-of", "{login}"]`; `["sssd"]` asks SSSD. No shell is used."""

    @property
    def keys_program(self) -> tuple[str, ...]:
        """The program of `keys_command` with its arguments, a preset put in full; empty where there is none."""
        return SSSD_KEYS if self.keys_command == ("sssd",) else self.keys_command

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or (636 if self.security == "tls" else 389)


@dataclass(frozen=True, slots=True)
class AdminSection:
    """Who may decide. One `[[admins]]` each; questions go to all of them, the first valid answer wins."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    login: Text = example("root")
    """A short name, as written in histories and after `--as`."""
    name: Text = example("Testbed administrator")
    """The name in letters."""
    address: Text = example("admin@example.org")
    """Where questions go, and where answers must come from."""
    language: str = ""
    """In which language letters to them are; empty: that of the service."""


@dataclass(frozen=True, slots=True)
class ImageSection:
    """The base image that `mailbot image build` makes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    suite: str = ""
    """Debian's code name, such as `trixie`; empty: that of the machine that builds."""
    cache: Path = Path("/var/cache/mailbot")
    """Where built images are kept."""


@dataclass(frozen=True, slots=True)
class TokensSection:
    """The keys that sign what a reply must carry (anyone who has one can forge answers), and those of stored mails."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    keys: tuple[SecretStr, ...] = ()
    """Keys of at least 32 characters: the first signs, all are accepted, so that a key can be replaced without breaking
    open questions. Better in a credential or in `key_file`."""
    key_file: Path | None = optional("/etc/mailbot/tokens.keys")
    """A file with one key a line. One of `keys` and `key_file` is needed; `mailbot init` makes such a file."""
    seal_key_file: Path | None = optional("/etc/mailbot/seal.keys")
    """A file with one key a line (at least 32 characters): with the first the mails that people wrote are encrypted, with all
    of them they are read. Without it the token keys do that, and have to be kept for as long; `mailbot db reseal` encrypts what
    is stored with the first key. `mailbot init` makes such a file."""
    expiry_days: PositiveDays = 90
    """So long after it was written a letter can be answered; later its token is worth nothing. A reminder has a new one."""


@dataclass(frozen=True, slots=True)
class MetricsSection:
    """Figures for Prometheus."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    port: Annotated[int, Ge(0), Le(65535)] = 0
    """Where they are served; 0: nowhere."""
    address: Text = "127.0.0.1"
    """The address that is listened on."""
    textfile: Path | None = optional("/var/lib/prometheus/node-exporter/mailbot.prom")
    """Where `mailbot once` writes them, for node_exporter's textfile collector; nowhere without it."""


@dataclass(frozen=True, slots=True)
class LogSection:
    """What the bot tells of its work, on standard error; `docs/log.md` lists every line."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    format: Literal["console", "json"] = "console"
    """`console` for eyes, `json` for machines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines to write."""


class Config(BaseModel):
    """Everything a site can set; frozen, complete and checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: ServiceRules = ServiceRules()
    policy: PolicyRules = PolicyRules()
    lease: LeaseRules = LeaseRules()
    answers: AnswerRules = AnswerRules()
    letters: LetterRules = LetterRules()
    retention: RetentionRules = RetentionRules()
    trust: TrustRules = TrustRules()
    mailbox: MailboxSection
    smtp: SmtpSection
    oauth2: OAuth2Section = OAuth2Section()
    database: DatabaseSection = DatabaseSection()
    directory: DirectorySection = DirectorySection()
    admins: tuple[AdminSection, ...] = ()
    sites: tuple[SiteSection, ...] = ()
    zones: tuple[ZoneSection, ...] = ()
    image: ImageSection = ImageSection()
    tokens: TokensSection = TokensSection()
    metrics: MetricsSection = MetricsSection()
    log: LogSection = LogSection()

    @property
    def hosts(self) -> tuple[SiteSection, ...]:
        """Every host of every site, see `SiteSection.each_host`: what machines are placed on, each with a worker of its own."""
        return tuple(host for site in self.sites for host in site.each_host)

    @property
    def rules(self) -> Rules:
        """The site's rules, as the pure modules want them."""
        return Rules(self.service, self.policy, self.lease, self.answers, self.trust, self.letters, self.retention)
