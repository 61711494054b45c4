"""Devices that are overwritten with zeros before they are deleted, which takes as long as writing them.

The next volume at the same place, another owner's, would show what is left there.  A file's blocks are cleared by its
file system; only volumes that are devices need this.
"""

from __future__ import annotations

import threading

from parsers.translatable import say
from provisioner.api import ProvisionerError, SiteSettings
from provisioner.libvirt_driver.connection import Connection, explained
from provisioner.libvirt_driver.storage import Storage


class Overwriting:
    """What one host's devices are overwritten by: a thread and a connection each, so that the host's other work goes on."""

    def __init__(self, settings: SiteSettings) -> None:
        self._settings = settings
        self._running: dict[str, _Overwriting] = {}

    def deleted(self, storage: Storage, name: str) -> bool:
        """Whether a volume is gone; one that is a device is being overwritten until then.  Raises ProvisionerError where that failed.

        Where this process ends meanwhile, the volume is still there, and whoever asks again begins anew.
        """
        if not storage.block:
            storage.delete(name)
            return True
        running = self._running.get(name)
        if running is not None and running.is_alive():
            return False
        self._running.pop(name, None)
        if running is not None and running.error is not None:
            raise running.error
        if storage.find(name) is None:
            return True
        self._running[name] = _Overwriting(self._settings, name)
        return False


class _Overwriting:
    def __init__(self, settings: SiteSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self.error: ProvisionerError | None = None
        # A daemon thread: a host that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"overwrite-{name}", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it is under way."""
        return self._thread.is_alive()

    def _run(self) -> None:
        connection = Connection(self._settings)
        try:
            conn = connection.get()
            with explained(connection, self._settings.name, say("delete {name}", name=self._name)):
                Storage(conn, self._settings).delete(self._name)
        except ProvisionerError as error:
            self.error = error
        finally:
            connection.drop()
