"""The sections of the configuration with their defaults; the text under each field is its documentation.

`docs/configuration.md` and `mailbot/examples/config.example.toml` are generated from this file and from
`mailbot/rules.py`: nothing about a setting is written in a second place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from mailbot.config.fields import Port, Text, example, optional
from mailbot.config.secret import Secret
from mailbot.config.sites import SiteSection
from mailbot.config.zones import ZoneSection
from mailbot.limits import Ge, Le
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
from parsers.frozen import frozen

SSSD_KEYS = ("/usr/bin/sss_ssh_authorizedkeys", "{login}")
"""What SSSD gives to sshd as AuthorizedKeysCommand (sss_ssh_authorizedkeys(1)); Debian's package sssd-common."""

Security = Literal["tls", "starttls", "plain"]


class DatabaseUrl(Secret):
    """A database URL whose password is never shown."""

    def shown(self) -> str:
        return re.sub(r"(?<=://)([^:/@]*):[^@]*@", r"\1:**********@", self.get_secret_value())


@frozen
class MailboxSection:
    """The mailbox that is shared with people, read over IMAP."""

    host: Text = example("imap.example.org")
    """The IMAP server."""
    username: Text = example("support@example.org")
    """The account."""
    security: Security = "tls"
    """`tls` from the first byte, `starttls`, or `plain`, which is possible only to this machine."""
    port: Port | None = optional(993)
    """By default 993 with `tls`, else 143."""
    password: Secret | None = optional("better in a credential or in password_file")
    """The account's password. One of `password`, `password_file`, `oauth2` and `oauth2_token_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/mailbox.password")
    """A file with the password in its first line, read again at each login."""
    oauth2_token_file: Path | None = optional("/run/mailbot/oauth2.token")
    """A file with an OAuth2 access token (XOAUTH2) that another program renews, read again at each login."""
    oauth2: bool = False
    """Log in by XOAUTH2 with tokens from the endpoint in `[oauth2]` instead of a password."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    folder: Text = "INBOX"
    """Where mail arrives. Messages that are not for mailbot stay here, unread."""
    handled_folder: Text = "mailbot/handled"
    """Where handled messages go; `/` separates levels, whatever the server uses."""
    quarantine_folder: Text = "mailbot/quarantine"
    """Where messages go that could not be read; admins get a message about each."""
    poll_seconds: Annotated[int, Ge(1), Le(3600)] = 60
    """How often to look for new mail and for anything that is due, even if the server announces new mail itself."""
    idle: bool = True
    """Let the server announce new mail at once (IDLE), if it can."""

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.security == "tls" else 143)


@frozen
class SmtpSection:
    """The server that sends mailbot's letters."""

    host: Text = example("smtp.example.org")
    """The mail server."""
    from_address: Text = example("support@example.org")
    """The address that letters come from and replies go to: the shared mailbox."""
    from_name: str = ""
    """The name beside that address; by default the service's name."""
    security: Security = "tls"
    """`tls` from the first byte, `starttls`, or `plain`, which is possible only to this machine."""
    port: Port | None = optional(465)
    """By default 465 with `tls`, 587 with `starttls`, 25 with `plain`."""
    username: str = ""
    """The account; leave it empty if the server needs no login."""
    password: Secret | None = optional("better in a credential or in password_file")
    """The account's password. With a `username`, one of `password`, `password_file`, `oauth2` and
    `oauth2_token_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/smtp.password")
    """A file with the password in its first line, read again at each login."""
    oauth2_token_file: Path | None = optional("/run/mailbot/oauth2.token")
    """A file with an OAuth2 access token (XOAUTH2) that another program renews, read again at each login."""
    oauth2: bool = False
    """Log in by XOAUTH2 with tokens from the endpoint in `[oauth2]` instead of a password."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    helo: str = ""
    """The name for HELO; by default this machine's name."""
    message_id_domain: str = ""
    """Right-hand side of mailbot's Message-IDs, used by nothing else; by default `mailbot.` and the domain of
    `from_address`. It needs no DNS entry. After a change, open questions can no longer be answered."""
    plus_addressing: bool = False
    """Whether mail to `support+anything@…` reaches the mailbox. Then replies are recognised even from clients that
    drop the References header."""
    templates: Path = Path("/etc/mailbot/templates")
    """A folder with templates that replace mailbot's own of the same name, such as `vm-ready.txt.j2`. `mailbot check`
    tries them with every letter."""

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or {"tls": 465, "starttls": 587, "plain": 25}[self.security]

    @property
    def message_ids(self) -> str:
        """The right-hand side of our Message-IDs."""
        return self.message_id_domain.lower() or f"mailbot.{self.from_address.rpartition('@')[2].lower()}"


@frozen
class OAuth2Section:
    """Where access tokens come from, for `oauth2 = true` under `[mailbox]` and `[smtp]`; see
    `docs/how-to/providers.md` for Microsoft 365 and Gmail."""

    token_url: str = ""
    """The token endpoint, such as `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`."""
    client_id: str = ""
    """The name under which mailbot is registered there."""
    client_secret: Secret | None = optional("better in a credential or in client_secret_file")
    """mailbot's own secret, if it has one."""
    client_secret_file: Path | None = optional("/etc/mailbot/oauth2.secret")
    """A file with that secret in its first line, read again for each token."""
    refresh_token_file: Path | None = optional("/var/lib/mailbot/oauth2.refresh-token")
    """A file with a refresh token for one account. A new token is written there, so the service must own the file.
    Without it, mailbot uses its own permissions (client credentials)."""
    scope: str = ""
    """What the token is for, such as `https://outlook.office365.com/.default`."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""


@frozen
class DatabaseSection:
    """Where data is stored."""

    url: DatabaseUrl = DatabaseUrl("sqlite:////var/lib/mailbot/mailbot.db")
    """`sqlite:////absolute/file`, or `postgresql://user:password@host/name`, with which several daemons can share the
    work."""


@frozen
class DirectorySection:
    """Who the users are: names, addresses, SSH keys, and who is locked."""

    kind: Literal["file", "ldap"] = "file"
    """`file`: a TOML file of people, read again when it changes; `ldap`: a server, see `docs/directory.md`."""
    path: Path = Path("/etc/mailbot/users.toml")
    """With `file`: the file; `mailbot examples users.example.toml` shows its format."""
    host: str = ""
    """With `ldap`: the server, by the name in its certificate. All settings up to `admin_group` are for `ldap`."""
    security: Security = "starttls"
    """`starttls`, `tls` from the first byte (LDAPS), or `plain`, which is possible only to this machine."""
    port: Port | None = optional(389)
    """By default 636 with `tls`, else 389."""
    ca_file: Path | None = optional("/etc/ssl/certs/our-own-ca.pem")
    """Authorities to trust instead of the system's."""
    bind_dn: str = ""
    """The entry to log in as; by default anonymous."""
    password: Secret | None = optional("better in a credential or in password_file")
    """Its password. With a `bind_dn`, one of `password` and `password_file` is needed."""
    password_file: Path | None = optional("/etc/mailbot/directory.password")
    """A file with the password in its first line, read again at each login."""
    base: str = ""
    """The DN to search for people, such as `ou=people,dc=example,dc=org`."""
    user_filter: Text = "(objectClass=posixAccount)"
    """What an entry must match to be a user."""
    login_attribute: Text = "uid"
    """The login, found without its capitals too."""
    id_attribute: Text = "entryUUID"
    """An id that the server never changes and never reuses; `docs/directory.md` names others, such as `uidNumber`."""
    name_attribute: Text = "cn"
    """The name in letters."""
    mail_attribute: Text = "mail"
    """The addresses: letters go to the first value, and mail is accepted from all of them."""
    alias_attributes: tuple[Text, ...] = ()
    """More addresses that mail is accepted from, such as `mailAlternateAddress`."""
    key_attribute: Text = "sshPublicKey"
    """SSH keys, one per value."""
    locked_attributes: tuple[Text, ...] = ("pwdAccountLockedTime", "nsAccountLock", "shadowExpire")
    """Attributes that show that an account is locked; `docs/directory.md` explains how each is read."""
    language_attribute: Text = "preferredLanguage"
    """The language of letters to a person whose own words do not show one (RFC 2798)."""
    locked_filter: str = ""
    """Accounts that match this filter are locked as well."""
    admin_group: str = ""
    """The DN of a group (`member`, `uniqueMember` or `memberUid`) whose members may decide like those under `[[admins]]`."""
    timeout_seconds: Annotated[int, Ge(1), Le(60)] = 10
    """How long one query may take, also by `keys_command`; after that, messages wait and it is tried again later."""
    cache_seconds: Annotated[int, Ge(0), Le(3600)] = 60
    """How long an answer of the server or of `keys_command` may be reused; 0: not at all."""
    keys_command: tuple[Text, ...] = ()
    """A program with arguments that prints a user's SSH keys, one per line, instead of those in the directory, such as
    `["/usr/local/bin/keys-of", "{login}"]`; `["sssd"]` asks SSSD. No shell is used."""

    @property
    def keys_program(self) -> tuple[str, ...]:
        """The program of `keys_command` with its arguments, a preset put in full; empty where there is none."""
        return SSSD_KEYS if self.keys_command == ("sssd",) else self.keys_command

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or (636 if self.security == "tls" else 389)


@frozen
class AdminSection:
    """Who may decide. One `[[admins]]` each; questions go to all of them, the first valid answer wins."""

    login: Text = example("root")
    """A short name, as written in histories and after `--as`."""
    name: Text = example("Testbed administrator")
    """The name in letters."""
    address: Text = example("admin@example.org")
    """Where questions go, and where answers must come from."""
    language: str = ""
    """The language of letters to them; by default the service's."""


@frozen
class ImageSection:
    """The base image that `mailbot image build` makes."""

    suite: str = ""
    """Debian's code name, such as `trixie`; by default that of the machine that builds."""
    cache: Path = Path("/var/cache/mailbot")
    """Where built images are kept."""


@frozen
class TokensSection:
    """The keys that sign what a reply must carry (anyone who has one can forge answers), and those that encrypt stored messages."""

    keys: tuple[Secret, ...] = ()
    """Keys of at least 32 characters: the first one signs, and all are accepted, so that a key can be replaced while
    questions are open. A credential or `key_file` is better."""
    key_file: Path | None = optional("/etc/mailbot/tokens.keys")
    """A file with one key per line. One of `keys` and `key_file` is needed; `mailbot init` creates such a file."""
    seal_key_file: Path | None = optional("/etc/mailbot/seal.keys")
    """A file with one key per line (at least 32 characters): the first one encrypts people's messages, and all can
    decrypt them. Without it, the token keys are used and must be kept as long; `mailbot db reseal` encrypts what
    is stored with the first key. `mailbot init` makes such a file."""
    expiry_days: PositiveDays = 90
    """How long a letter can be answered; after that, its token is worthless. A reminder has a new one."""


@frozen
class MetricsSection:
    """Metrics for Prometheus."""

    port: Annotated[int, Ge(0), Le(65535)] = 0
    """The port to serve them on; 0: none."""
    address: Text = "127.0.0.1"
    """The address to listen on."""
    textfile: Path | None = optional("/var/lib/prometheus/node-exporter/mailbot.prom")
    """The file that `mailbot once` writes them to, for node_exporter's textfile collector."""


@frozen
class LogSection:
    """The log, on standard error; `docs/log.md` lists every line."""

    format: Literal["console", "json"] = "console"
    """`console` for people, `json` for programs."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines to write."""


@frozen(kw_only=True)
class Config:
    """Everything a site can set; frozen, complete and checked."""

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
