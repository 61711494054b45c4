"""`mailbot init`: from five answers to a configuration that works."""

from __future__ import annotations

import grp
import os
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from mailbot.adapters.transport import Security, secret_from_file
from mailbot.cli.as_service import SERVICE
from mailbot.cli.output import complain, say
from mailbot.config import DEFAULT_PATH, load
from mailbot.config.printing import literal
from mailbot.errors import MailbotError


class AlreadyThere(MailbotError):
    """A file exists that would be written over."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server: where it is, and how the connection is protected; port 0 for the usual one."""

    host: str
    security: Security = Security.TLS
    port: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """What one must know; empty or None where it was not said."""

    address: str = ""
    imap: Server | None = None
    smtp: Server | None = None
    username: str = ""
    password_file: Path | None = None
    password: str = ""
    admin: str = ""
    domain: str = ""
    libvirt: str = "qemu:///system"
    timezone: str = ""
    check_dkim: bool | None = None
    authserv_id: str = ""

    @property
    def proof_is_said(self) -> bool:
        """Whether it was said how senders are proven, if at all."""
        return self.check_dkim is not None or bool(self.authserv_id)


def write(answers: Answers, path: Path, *, force: bool = False) -> None:
    """Write the configuration, its secrets and a first directory of users beside it, and say what comes next.

    Nothing is written where the answers do not make a good configuration.  A token key that exists is
    kept even with `force`: a new one would make every open question unanswerable.  Raises AlreadyThere,
    ConfigurationError.
    """
    answers = _with_password_at_hand(answers)
    text = _config(answers) + _own_database(path)
    _check(text)
    refuse_to_write_over(path, force=force)
    folder = path.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    if answers.password:
        _put(folder / "mailbox.password", answers.password + "\n", over=True)
    for name in ("tokens.keys", "seal.keys"):
        _put(folder / name, secrets.token_urlsafe(32) + "\n", over=False)
    _put(folder / "users.toml", _USERS, over=False, secret=False)
    _put(path, text, over=True, secret=False)
    if not answers.check_dkim and not answers.authserv_id:
        complain("warning nothing will detect a forged sender: `mailbot doctor` says what that means and what helps")
    _say_what_comes_next(path)


def refuse_to_write_over(path: Path, *, force: bool) -> None:
    """Raises AlreadyThere."""
    if path.exists() and not force:
        raise AlreadyThere(f"{path} exists already; --force writes over it")


def _with_password_at_hand(answers: Answers) -> Answers:
    """Where root sets up a service, a copy of the password: the file that was named may be for root's eyes only."""
    if answers.password_file is None or os.geteuid() != 0 or service_group() is None:
        return answers
    password = secret_from_file(answers.password_file)()
    return replace(answers, password_file=None, password=password)


def _check(text: str) -> None:
    """Raise ConfigurationError where the text is not a good configuration."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "config.toml"
        trial.write_text(text, encoding="utf-8")
        load(trial, {})


def _put(path: Path, text: str, *, over: bool, secret: bool = True) -> None:
    """Write a file, whole or not at all.  A secret is read by its owner alone, and, where root writes it, by the service."""
    if path.exists() and not over:
        complain(f"kept    {path}")
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            group = service_group() if secret and os.geteuid() == 0 else None
            if group is not None:
                os.fchown(file.fileno(), 0, group)
            os.fchmod(file.fileno(), (0o600 if group is None else 0o640) if secret else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    complain(f"written {path}")


def service_group() -> int | None:
    """The group of the service's user: it reads what root writes for it, and cannot change it.  None where there is none yet."""
    try:
        return grp.getgrnam(SERVICE).gr_gid
    except KeyError:
        return None


def _config(answers: Answers) -> str:
    username = literal(answers.username or answers.address)
    password_file = literal(answers.password_file.absolute() if answers.password_file else "mailbox.password")
    login = answers.admin.partition("@")[0].lower()
    imap = answers.imap or Server("")
    return f"""# Written by `mailbot init`. docs/configuration.md describes every setting; what is not here has its default.

[service]
timezone = {literal(answers.timezone or "UTC")}

[mailbox]
{_server(imap)}
username = {username}
password_file = {password_file}

[smtp]
{_server(answers.smtp or Server(imap.host))}
username = {username}
password_file = {password_file}
from_address = {literal(answers.address)}

[trust]
authserv_id = {literal(answers.authserv_id)}
check_dkim = {literal(bool(answers.check_dkim))}

[directory]
path = "users.toml"

[tokens]
key_file = "tokens.keys"
seal_key_file = "seal.keys"

[[admins]]
login = {literal(login)}
name = {literal(login)}
address = {literal(answers.admin)}

[[sites]]
name = "main"
dns_domain = {literal(answers.domain)}
uri = {literal(answers.libvirt)}
"""


def _own_database(path: Path) -> str:
    """For `mailbot@NAME`, which reads /etc/mailbot/NAME/config.toml: the database in the folder that its unit makes."""
    folder = path.absolute().parent
    if folder.parent != DEFAULT_PATH.parent:
        return ""
    return f'\n[database]\nurl = "sqlite:////var/lib/mailbot/{folder.name}/mailbot.db"\n'


def _server(server: Server) -> str:
    lines = [f"host = {literal(server.host)}", f"security = {literal(server.security.value)}"]
    return "\n".join([*lines, f"port = {server.port}"] if server.port else lines)


_USERS = """# The users that may have a machine: one [[person]] each. The file is read again whenever it changes.
#
# [[person]]
# login = "alice"
# name = "Alice"
# mail = "alice@example.org"
# ssh_keys = ["ssh-ed25519 AAAA… alice@laptop"]
"""


def _say_what_comes_next(path: Path) -> None:
    program = "mailbot" if path.absolute() == DEFAULT_PATH else f"mailbot -c {path}"
    say(f"Now list your users in {path.absolute().parent / 'users.toml'}, then:")
    say(f"  {program} db upgrade    # create the database")
    say(f"  {program} image build   # build the Debian image and copy it to the hypervisor")
    say(f"  {program} doctor        # check that everything works; then start it: {program} run")
