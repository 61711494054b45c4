"""The systemd units that are made from `mailbot.service`: what shuts the service in stands in one place."""

from __future__ import annotations

import re
from pathlib import Path

UNIT = Path(__file__).resolve().parents[1] / "mailbot" / "examples" / "mailbot.service"


def several() -> str:
    """`mailbot@.service`: several services on one host, each with a configuration and a state of its own."""
    head = """# Several mailbots on one host, made from mailbot.service by `make docs`: systemctl enable --now mailbot@NAME
# reads /etc/mailbot/NAME/config.toml, in which [database] url names a database of its own, below /var/lib/mailbot/NAME.
"""
    text = _without_head(UNIT.read_text(encoding="utf-8"))
    text = text.replace("Description=mailbot:", "Description=mailbot %i:")
    text = text.replace("/etc/mailbot/config.toml", "/etc/mailbot/%i/config.toml")
    return head + text.replace("StateDirectory=mailbot\n", "StateDirectory=mailbot/%i\n")


_OF_A_DAEMON = (
    "ExecReload", "WatchdogSec", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec", "TimeoutStartSec",
    "# A database that is large", "# The configuration is read again", "# Fed only", "# These do not fix", "# The step at hand",
)  # fmt: skip
"""What begins the lines that a run of its own from time to time has no use for."""


def once() -> str:
    """`mailbot-once.service`: everything that is due now, for a timer."""
    head = """# Everything that is due now, in place of mailbot.service, made from it by `make docs`; mailbot-once.timer starts it.
"""
    text = _without_head(UNIT.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith(_OF_A_DAEMON)]
    text = "\n".join(lines).partition("\n[Install]")[0] + "\n"
    text = text.replace(
        "Type=notify", "Type=oneshot\n# What has to wait is tried again by the next run.\nSuccessExitStatus=75"
    )
    return head + text.replace("ExecStart=mailbot run", "ExecStart=mailbot once\nTimeoutStartSec=1h")


def report() -> str:
    """`mailbot-report.service`: the page for a browser, for a timer; beside the daemon, and without its network."""
    head = """# The page of `mailbot report`, made from mailbot.service by `make docs`; mailbot-report.timer starts it.
"""
    text = once().partition("\n")[2]
    text = text.replace("Description=mailbot: virtual machines by mail", "Description=mailbot: the page for a browser")
    text = text.replace("# What has to wait is tried again by the next run.\nSuccessExitStatus=75\n", "")
    text = text.replace("ExecStartPre=mailbot db upgrade\n", "")
    page = (
        "# A web server reads it there (group www-data): docs/how-to/report.md.\n"
        "ExecStart=mailbot report --html /var/lib/mailbot-report/index.html\nReadWritePaths=/var/lib/mailbot-report\n"
        "TimeoutStartSec=5min"
    )
    return head + text.replace("ExecStart=mailbot once\nTimeoutStartSec=1h", page)


def _without_head(text: str) -> str:
    """A unit without the comment that it begins with."""
    return re.sub(r"\A(?:#.*\n)+", "", text)
