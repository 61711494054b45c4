"""The configuration: every way to get it wrong is told to the person who wrote it, and secrets are never shown."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from mailbot.config import Config, as_toml, default_path, load, load_rules, reference, token_keys
from mailbot.errors import ConfigurationError
from mailbot.rules import Rules

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "mailbot" / "examples" / "config.example.toml"
BROKEN = sorted((ROOT / "fixtures" / "config").glob("*.toml"))

GOOD = """
[mailbox]
host = "imap.example.org"
username = "support@example.org"
{mailbox}

[smtp]
host = "smtp.example.org"
from_address = "support@example.org"

[tokens]
key_file = "tokens.keys"

[[admins]]
login = "root"
name = "Testbed administrator"
address = "admin@example.org"

[[sites]]
name = "main"
dns_domain = "main.testbed.example"
"""


def written(directory: Path, text: str = "", mailbox: str = 'password_file = "mailbox.password"') -> Path:
    path = directory / "config.toml"
    path.write_text(GOOD.format(mailbox=mailbox) + text)
    return path


@pytest.mark.parametrize("path", BROKEN, ids=[path.stem for path in BROKEN])
def test_a_broken_file_gives_exactly_the_error_beside_it(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, {})
    assert str(caught.value) + "\n" == path.with_suffix(".error").read_text()


def test_every_broken_file_has_its_error_and_every_error_its_file() -> None:
    assert BROKEN
    assert {path.with_suffix(".error") for path in BROKEN} == set((ROOT / "fixtures" / "config").glob("*.error"))


def test_the_example_file_is_in_step_with_the_code() -> None:
    assert EXAMPLE.read_text() == reference.example_file(), "run `make docs`"


def test_the_reference_is_in_step_with_the_code() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == reference.reference(), "run `make docs`"


def test_the_example_shows_the_defaults_behind_its_hashes(tmp_path: Path) -> None:
    told_otherwise = {
        "textfile",
        "port",
        "password",
        "oauth2_token_file",
        "ca_file",
        "password_file",
        "openpgp_home",
        "uri",
        "client_secret",
        "client_secret_file",
        "refresh_token_file",
        "seal_key_file",
    }
    lines = [
        re.sub(r"^#(?=\w+ = )", "", line) if line[1:].partition(" ")[0] not in told_otherwise else line
        for line in re.sub(r"(?ms)^#\[\[sites\.hosts\]\].*?^(?=\[)", "", EXAMPLE.read_text()).splitlines()
    ]
    everything = tmp_path / "config.toml"
    everything.write_text("\n".join(lines))
    assert "max_years = 2  # 1 to 20" in lines
    assert as_toml(load(everything, {})) == as_toml(load(EXAMPLE, {}))


def test_what_is_printed_loads_back_to_the_same_configuration(tmp_path: Path) -> None:
    config = load(written(tmp_path), {})
    printed = tmp_path / "printed.toml"
    printed.write_text(as_toml(config))
    assert load(printed, {}) == config


def test_secrets_are_masked_wherever_the_configuration_is_shown(tmp_path: Path) -> None:
    more = '[database]\nurl = "postgresql://mailbot:hunter2@db.example.org/mailbot"\n'
    key = "hunter2-0123456789012345678901234567890123456789"
    path = written(tmp_path, more, 'password = "hunter2"')
    path.write_text(path.read_text().replace('key_file = "tokens.keys"', f'keys = ["{key}"]'))
    config = load(path, {})
    shown = as_toml(config) + repr(config) + str(config) + repr(config.mailbox) + str(config.database)
    assert "hunter2" not in shown
    assert config.mailbox.password is not None
    assert config.mailbox.password.get_secret_value() == "hunter2"
    assert "postgresql://mailbot:**********@db.example.org/mailbot" in as_toml(config)


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


def test_the_environment_wins_over_the_file_and_credentials_over_neither(tmp_path: Path, credentials: Path) -> None:
    path = written(tmp_path, mailbox='password = "file"\nfolder = "from file"')
    for name in ("mailbox.password", "mailbox.folder", "mailbox.handled_folder", "other.thing"):
        (credentials / name).write_text("credential\n")
    config = load(path, {"CREDENTIALS_DIRECTORY": str(credentials), "MAILBOT_MAILBOX__PASSWORD": "environment"})
    assert config.mailbox.password is not None
    assert config.mailbox.password.get_secret_value() == "environment"
    assert config.mailbox.folder == "from file"
    assert config.mailbox.handled_folder == "credential"


def test_a_credential_never_takes_the_place_of_a_file_that_the_configuration_names(
    tmp_path: Path, credentials: Path
) -> None:
    for name in ("mailbox.password", "tokens.keys"):
        (credentials / name).write_text("a" * 40)
    config = load(written(tmp_path), {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert config.mailbox.password is None
    assert config.mailbox.password_file == tmp_path / "mailbox.password"
    assert config.tokens.key_file == tmp_path / "tokens.keys"


def test_credentials_fill_what_the_configuration_leaves_open(tmp_path: Path, credentials: Path) -> None:
    path = written(tmp_path)
    text = path.read_text().replace('password_file = "mailbox.password"', "").replace('key_file = "tokens.keys"', "")
    path.write_text(text)
    (credentials / "mailbox.password").write_text("credential\n")
    (credentials / "tokens.keys").write_text("a" * 40 + "\n" + "b" * 40 + "\n")
    config = load(path, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert config.mailbox.password is not None
    assert config.mailbox.password.get_secret_value() == "credential"
    assert token_keys(config) == (b"a" * 40, b"b" * 40)


def test_a_mail_server_without_a_login_stays_without_one(tmp_path: Path, credentials: Path) -> None:
    (credentials / "smtp.password").write_text("credential\n")
    (credentials / "directory.password").write_text("credential\n")
    config = load(written(tmp_path), {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert config.smtp.username == ""
    assert config.smtp.password is None
    assert config.directory.password is None


def test_numbers_and_lists_can_come_from_the_environment(tmp_path: Path) -> None:
    environment = {"MAILBOT_POLICY__MAX_YEARS": "3", "MAILBOT_LEASE__WARN_DAYS": "[40, 8]", "MAILBOT_CONFIG": "x"}
    config = load(written(tmp_path), environment)
    assert config.policy.max_years == 3
    assert config.lease.warn_days == (40, 8)


def test_an_unknown_key_in_the_environment_is_refused_and_the_environment_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path), {"MAILBOT_POLICY__MAX_YAERS": "3"})
    assert caught.value.problems == ("environment: policy.max_yaers: unknown key (did you mean max_years?)",)


def test_relative_paths_start_at_the_directory_of_the_file(tmp_path: Path) -> None:
    assert load(written(tmp_path), {}).mailbox.password_file == tmp_path / "mailbox.password"


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="`mailbot init` writes one"):
        load(tmp_path / "config.toml", {})


def test_the_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config = load(written(tmp_path), {})
    with pytest.raises(Exception, match="frozen"):
        config.log = config.log  # type: ignore[misc]


def test_the_rules_are_the_sections_of_the_same_names(tmp_path: Path) -> None:
    path = written(tmp_path, "[policy]\nmax_years = 5\n")
    assert load(path, {}).rules == load_rules(path, {})
    assert load_rules(path, {}).policy.max_years == 5
    assert load(written(tmp_path), {}).rules == Rules()


def test_rules_can_be_read_from_a_file_that_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[service]\ntimezone = "Asia/Tokyo"\n')
    assert load_rules(path, {}).service.timezone == "Asia/Tokyo"
    path.write_text('[service]\ntimezone = "Asia/Tokio"\n')
    with pytest.raises(ConfigurationError, match="did you mean Asia/Tokyo"):
        load_rules(path, {})


def test_the_file_is_the_one_that_the_environment_names() -> None:
    assert default_path({}) == Path("/etc/mailbot/config.toml")
    assert default_path({"MAILBOT_CONFIG": "/srv/bot.toml"}) == Path("/srv/bot.toml")


def test_ports_and_message_ids_follow_from_other_settings(tmp_path: Path) -> None:
    config = load(written(tmp_path, mailbox='password_file = "x"\nsecurity = "starttls"'), {})
    assert (config.mailbox.port_number, config.smtp.port_number) == (143, 465)
    assert config.smtp.message_ids == "mailbot.example.org"


def test_every_setting_is_documented_and_in_the_example() -> None:
    example = tomllib.loads(re.sub(r"^#(?=\w+ = |\[\[)", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    for name, owner, several in reference.sections():
        above, _, below = name.rpartition(".")
        inside = example[above][0] if above else example
        shown = inside[below][0] if several else inside[below]
        assert list(shown) == reference.names(owner)
        assert set(reference.documentation(owner)) == set(reference.names(owner)), name
    assert set(example) == set(reference.names(Config))


def test_token_keys_are_read_from_their_file_and_never_shown_when_they_are_wrong(tmp_path: Path) -> None:
    config = load(written(tmp_path), {})
    with pytest.raises(ConfigurationError, match=r"tokens\.key_file: .* cannot be read"):
        token_keys(config)
    (tmp_path / "tokens.keys").write_text("a" * 40 + "\n" + "b" * 40 + "\n")
    assert token_keys(config) == (b"a" * 40, b"b" * 40)
    (tmp_path / "tokens.keys").write_text("hunter2\n")
    with pytest.raises(ConfigurationError, match="shorter than 32") as caught:
        token_keys(config)
    assert "hunter2" not in str(caught.value)


def test_a_site_of_several_hosts_is_a_place_to_build_for_each(tmp_path: Path) -> None:
    hosts = """
uri = "qemu+ssh://one/system"
pool = "vms"
closed = ["2027-05-14"]

[[sites.hosts]]
name = "second"
uri = "qemu+ssh://two/system"

[[sites.hosts]]
name = "third"
uri = "qemu+tls://three/system"
pool = "fast"
max_machines = 4
"""
    config = load(written(tmp_path, hosts), {})
    first, second, third = config.hosts
    assert (first.name, first.uri, first.pool) == ("main", "qemu+ssh://one/system", "vms")
    assert (second.name, second.uri, second.pool) == ("main/second", "qemu+ssh://two/system", "vms")
    assert (third.name, third.uri, third.pool, third.max_machines) == (
        "main/third",
        "qemu+tls://three/system",
        "fast",
        4,
    )
    assert {host.dns_domain for host in config.hosts} == {config.sites[0].dns_domain}
    assert {host.closures for host in config.hosts} == {config.sites[0].closures}
    printed = tmp_path / "printed.toml"
    printed.write_text(as_toml(config).replace("**********", "x" * 32))
    assert load(printed, {}).hosts == config.hosts


def test_a_site_without_hosts_is_this_machine_and_one_with_hosts_is_only_those(tmp_path: Path) -> None:
    assert [host.uri for host in load(written(tmp_path), {}).hosts] == ["qemu:///system"]
    far = '[[sites.hosts]]\nname = "far"\nuri = "qemu+ssh://far/system"\n'
    assert [(host.name, host.uri) for host in load(written(tmp_path, far), {}).hosts] == [
        ("main/far", "qemu+ssh://far/system")
    ]


def test_closures_of_a_site_are_periods_or_single_days(tmp_path: Path) -> None:
    config = load(written(tmp_path, 'closed = ["2026-12-20/2027-01-04", "2027-05-14"]'), {})
    assert config.sites[0].closures == (
        (date(2026, 12, 20), date(2027, 1, 4)),
        (date(2027, 5, 14), date(2027, 5, 14)),
    )


def test_sssd_is_asked_by_its_own_program(tmp_path: Path) -> None:
    path = written(tmp_path, '[directory]\nkeys_command = ["sssd"]\n')
    assert load(path, {}).directory.keys_program == ("/usr/bin/sss_ssh_authorizedkeys", "{login}")
