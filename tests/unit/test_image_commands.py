"""`mailbot image list`: what is where, as a table and as JSON, also where a site does not answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailbot import cli
from mailbot.cli import images
from mailbot.config import SiteSection
from parsers.translatable import say
from provisioner.api import SiteUnreachable

CONFIG = """
[mailbox]
host = "localhost"
security = "plain"
username = "support@example.org"
password = "x"

[smtp]
host = "localhost"
security = "plain"
from_address = "support@example.org"

[tokens]
keys = ["kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"]

[[admins]]
login = "carol"
name = "Carol"
address = "carol@example.org"

[[sites]]
name = "main"
dns_domain = "main.testbed.example"

[[sites]]
name = "north"
dns_domain = "north.testbed.example"
uri = "qemu+ssh://north.example.org/system"
"""


class Stand:
    """What `image list` asks of a site."""

    def __init__(self, section: SiteSection) -> None:
        self.name = section.name
        self.closed = False

    def health(self) -> SimpleNamespace:
        if self.name == "north":
            raise SiteUnreachable(say("The site {site} does not answer.", site=self.name))
        return SimpleNamespace(image="debian-trixie-2")

    def image_uses(self) -> dict[str, int]:
        return {"debian-trixie-2": 0, "debian-trixie-1": 3}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    monkeypatch.setattr(images, "make_site", Stand)
    return str(path)


def test_each_image_is_a_row_with_the_disks_on_it(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-c", config, "image", "list"]) == os.EX_UNAVAILABLE
    told = capsys.readouterr()
    rows = [line.split() for line in told.out.splitlines() if line.startswith("main")]
    assert rows == [["main", "debian-trixie-1", "3"], ["main", "debian-trixie-2", "0", "new", "machines"]]
    assert "north: The site north does not answer." in told.err


def test_as_json_each_image_is_one_object(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-c", config, "image", "list", "--site", "main", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"site": "main", "image": "debian-trixie-1", "disks": 3, "for_new_machines": False},
        {"site": "main", "image": "debian-trixie-2", "disks": 0, "for_new_machines": True},
    ]
