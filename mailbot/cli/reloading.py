"""What SIGHUP does to `mailbot run`: a bot made from the configuration as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbot import journal, wiring
from mailbot.cli.site import Settings
from mailbot.config import load
from mailbot.errors import MailbotError

if TYPE_CHECKING:
    from mailbot.adapters.sites.apart import HostsProcess
    from mailbot.config import Config
    from mailbot.wiring import Bot


class Reloading:
    """Makes the bot that goes on.  What belongs to the process itself (the database, the port of the figures, the process that speaks with hosts) stays as it is.

    Credentials are read again as well; but systemd gives a service those of its start.
    """

    def __init__(self, settings: Settings, hosts: HostsProcess | None = None) -> None:
        self._settings = settings
        self._first = settings.config
        self._hosts = hosts

    def __call__(self, bot: Bot) -> Bot | None:
        """The new bot, on the database of the one before; None, and a line in the log, where it cannot be made."""
        path = self._settings.path
        try:
            config = load(path)
            after = wiring.build(
                config, self._settings.clock, bot.notify_socket, store=bot.context.store, hosts=self._hosts
            )
        except MailbotError as error:
            journal.config_refused(file=str(path), why=str(error))
            return None
        journal.configure(config.log.format, config.log.level)
        journal.config_reloaded(file=str(path), kept=", ".join(kept(self._first, config)))
        return after


def kept(first: Config, now: Config) -> list[str]:
    """The settings that were changed and need a restart."""
    changed = {
        "database.url": first.database != now.database,
        "metrics.address": first.metrics.address != now.metrics.address,
        "metrics.port": first.metrics.port != now.metrics.port,
    }
    return [name for name, is_changed in changed.items() if is_changed]
