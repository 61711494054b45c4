"""`mailbot init` asks little, finds the servers, tries what it is told, and loses nothing by a typo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import typer

from mailbot.adapters.mail_servers import Service, candidates
from mailbot.adapters.transport import Security
from mailbot.cli.asking import Asking, Look, system_zone
from mailbot.cli.setup import Answers, Server, _own_database

Capture = pytest.CaptureFixture[str]


class Zone:
    """Name servers that know one domain."""

    def __init__(self, srv: dict[str, list[tuple[str, int]]] | None = None, mx: Sequence[str] = ()) -> None:
        self._srv, self._mx = srv or {}, mx

    def srv(self, name: str) -> Sequence[tuple[str, int]]:
        return self._srv.get(name, [])

    def mx(self, name: str) -> Sequence[str]:
        return self._mx if name == "example.org" else []


def hosts(service: Service, zone: Zone) -> list[tuple[str, int, Security]]:
    return [(one.host, one.port, one.security) for one in candidates(service, "example.org", zone)]


def test_what_a_domain_announces_comes_before_what_is_usual_and_nothing_comes_twice() -> None:
    zone = Zone({"_imaps._tcp.example.org": [("mail.example.org", 993), ("other.example.org", 10993)]})
    found = hosts(Service.IMAP, zone)
    assert found[:3] == [
        ("mail.example.org", 993, Security.TLS),
        ("other.example.org", 10993, Security.TLS),
        ("imap.example.org", 993, Security.TLS),
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("exchange", "imap", "smtp"),
    [
        ("aspmx.l.google.com", "imap.gmail.com", ("smtp.gmail.com", 465, Security.TLS)),
        (
            "example-org.mail.protection.outlook.com",
            "outlook.office365.com",
            ("smtp.office365.com", 587, Security.STARTTLS),
        ),
    ],
)
def test_a_domain_at_a_large_provider_is_known_by_who_takes_its_mail(
    exchange: str, imap: str, smtp: tuple[str, int, Security]
) -> None:
    assert hosts(Service.IMAP, Zone(mx=[exchange]))[0] == (imap, 993, Security.TLS)
    assert hosts(Service.SMTP, Zone(mx=[exchange]))[0] == smtp


def look(works: Iterable[str] = (), password: str = "right", signs: Iterable[str] = ()) -> Look:
    """A network on which these hosts answer, and one password is taken."""
    return Look(
        candidates=lambda service, domain: candidates(service, domain, Zone()),
        trouble=lambda server: "" if server.host in works else "there is no such host",
        log_in=lambda answers: "" if answers.password == password else "it does not accept the password",
        zone=lambda: "Europe/Berlin",
        publishes_dmarc=lambda domain: domain in signs,
    )


def script(*lines: str) -> Callable[[str], str]:
    """Somebody who gives these answers, one after the other, and then no more."""
    waiting = list(lines)

    def ask(_question: str) -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    return ask


def test_address_password_admin_and_domain_are_enough() -> None:
    ask = script("support@example.org", "admin@example.org", "main.testbed.example", "dkim")
    network = look(["imap.example.org", "smtp.example.org"])
    assert Asking(ask, script("right"), network).complete(Answers()) == Answers(
        address="support@example.org",
        imap=Server("imap.example.org", Security.TLS, 993),
        smtp=Server("smtp.example.org", Security.TLS, 465),
        password="right",
        admin="admin@example.org",
        domain="main.testbed.example",
        timezone="Europe/Berlin",
        check_dkim=True,
    )


@pytest.mark.parametrize(
    ("signs", "said", "dkim", "name"),
    [
        (["example.org"], "", True, ""),
        (["example.org"], "none", False, ""),
        ([], "dkim", True, ""),
        ([], "MX.example.org", False, "mx.example.org"),
    ],
)
def test_signatures_are_checked_by_default_where_the_admin_s_domain_says_that_it_signs(
    signs: list[str], said: str, dkim: bool, name: str
) -> None:
    ask = script("support@example.org", "admin@example.org", "m.example", said)
    answers = Asking(ask, script("right"), look(["imap.example.org", "smtp.example.org"], signs=signs)).complete(
        Answers()
    )
    assert (answers.check_dkim, answers.authserv_id) == (dkim, name)


def test_where_nobody_can_tell_what_suits_an_answer_is_needed(capsys: Capture) -> None:
    ask = script("support@example.org", "admin@example.org", "m.example", "", "none")
    Asking(ask, script("right"), look(["imap.example.org", "smtp.example.org"])).complete(Answers())
    assert "an answer is needed" in capsys.readouterr().err


def test_a_typo_is_asked_again_and_costs_nothing_else(capsys: Capture) -> None:
    ask = script(
        "support@", "support@example.org", "", "admin", "admin@example.org", "main_testbed", "m.example", "x y", "none"
    )
    answers = Asking(ask, script("wrong", "right"), look(["mail.example.org"])).complete(Answers())
    assert (answers.address, answers.password, answers.domain) == ("support@example.org", "right", "m.example")
    assert answers.imap == Server("mail.example.org", Security.TLS, 993)
    said = capsys.readouterr().err
    for words in ("support@", "an answer is needed", '"admin" is not', "main_testbed", "does not accept the password"):
        assert words in said


def test_a_server_that_is_away_today_is_taken_when_it_is_named_twice(capsys: Capture) -> None:
    ask = script("mx.example.net", "mx.example.net", "out.example.net", "a@example.org", "m.example", "none")
    answers = Asking(ask, script("right"), look(["out.example.net"])).complete(Answers(address="support@example.org"))
    assert answers.imap == Server("mx.example.net")
    assert answers.smtp == Server("out.example.net", Security.TLS, 465)
    assert "mx.example.net:993 (tls): there is no such host" in capsys.readouterr().err


def test_the_end_of_the_input_ends_it() -> None:
    with pytest.raises(typer.Abort):
        Asking(script("support@example.org"), script(), look(["example.org"])).complete(Answers())


@pytest.mark.parametrize(
    ("link", "zone"), [("/usr/share/zoneinfo/Europe/Paris", "Europe/Paris"), ("/usr/share/zoneinfo/UTC", "UTC")]
)
def test_the_time_zone_is_the_machine_s(link: str, zone: str, tmp_path: Path) -> None:
    (tmp_path / "localtime").symlink_to(link)
    assert system_zone(tmp_path / "localtime") == zone


def test_a_machine_without_a_named_zone_has_none(tmp_path: Path) -> None:
    assert system_zone(tmp_path / "localtime") == ""


def test_an_instance_has_a_database_of_its_own_and_the_only_service_the_usual_one() -> None:
    assert "/var/lib/mailbot/north/mailbot.db" in _own_database(Path("/etc/mailbot/north/config.toml"))
    assert _own_database(Path("/etc/mailbot/config.toml")) == ""
    assert _own_database(Path("/home/alice/mailbot/config.toml")) == ""
