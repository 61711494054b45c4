"""The demonstration lies where its servers reach it, wherever the checkout lies."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from contrib.demo import play, stage
from contrib.demo.mailserver import MailServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def private_checkout() -> Iterator[Path]:
    """A copy of the demonstration's code in a folder that only its owner may enter, as homes of Debian 12 are."""
    home = Path(tempfile.mkdtemp(prefix="mailbot-home-", dir="/var/tmp"))  # made with mode 0700
    shutil.copytree(ROOT / "contrib", home / "contrib")
    try:
        yield home
    finally:
        shutil.rmtree(home)


def default_folder_as_played_from(checkout: Path) -> Path:
    code = "from contrib.demo import play; print(play.FOLDER)"
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_mail_is_read_in_a_demonstration_that_is_played_from_a_private_checkout(private_checkout: Path) -> None:
    folder = default_folder_as_played_from(private_checkout)
    try:
        with MailServer({"alice": "secret"}, home=folder / "mail") as server:
            server.dovecot.deliver("alice", b"Subject: hello\r\n\r\nhello\r\n")
            with IMAPClient(server.host, port=server.imap_port, ssl=False, timeout=30) as client:
                client.login("alice", "secret")
                assert client.select_folder("INBOX")[b"EXISTS"] == 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_two_checkouts_have_two_folders_and_neither_lies_in_its_checkout(private_checkout: Path) -> None:
    folders = {default_folder_as_played_from(private_checkout), stage.default_folder(ROOT)}
    assert len(folders) == 2
    assert not any(folder.is_relative_to(checkout) for folder in folders for checkout in (private_checkout, ROOT))


@pytest.mark.parametrize("by_sudo", [True, False])
def test_the_commands_to_look_around_are_whole_shell_commands(by_sudo: bool) -> None:
    there = stage.Stage(Path("/var/lib/a demonstration"), 143, 25)
    words = [shlex.split(command) for command in play.look_around(there, by_sudo=by_sudo)]
    assert [line[0] == "sudo" for line in words] == [by_sudo] * 3
    assert [line[-1] for line in words] == ["list", "1", str(there.log)]
