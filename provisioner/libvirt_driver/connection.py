"""One connection to one libvirt host: opened within a time limit, kept alive, reopened when it broke.

libvirt's errors are told apart by their numbers (virterror.h), never by their text.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import libvirt

from parsers.translatable import Translatable, say
from provisioner.api import OutOfRoom, ProvisionerError, SiteSettings, SiteUnreachable

_KEEPALIVE_SECONDS: Final = 5
_KEEPALIVE_MISSES: Final = 4

_CONNECTION_CODES: Final = frozenset(
    {
        libvirt.VIR_ERR_NO_CONNECT,
        libvirt.VIR_ERR_INVALID_CONN,
        libvirt.VIR_ERR_RPC,
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_CANCELLED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
        libvirt.VIR_ERR_SSH,
        libvirt.VIR_ERR_LIBSSH,
        libvirt.VIR_ERR_NO_SERVER,
    }
)
_TRANSPORT: Final = frozenset({libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE})
_PERMANENT_CODES: Final = frozenset(
    {
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_XML_ERROR,
        libvirt.VIR_ERR_XML_DETAIL,
        libvirt.VIR_ERR_XML_INVALID_SCHEMA,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_OPERATION_DENIED,
        libvirt.VIR_ERR_ACCESS_DENIED,
    }
)
_ROOM_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM})

_loop_lock = threading.Lock()
_loop_processes: set[int] = set()


class Connection:
    """Gives a living `virConnect`, the same one for as long as it lives."""

    def __init__(self, settings: SiteSettings) -> None:
        self._settings = settings
        self._open: libvirt.virConnect | None = None
        self._hung: threading.Thread | None = None

    def get(self) -> libvirt.virConnect:
        """Give the connection, opened anew where it broke.  Raises `SiteUnreachable`."""
        if self._open is not None and not _alive(self._open):
            self.drop()
        if self._open is None:
            self._open = self._opened()
        return self._open

    @property
    def is_remote(self) -> bool:
        """Whether the host is another machine than this one (its URI names one)."""
        return bool(urlsplit(self._settings.uri).hostname)

    @property
    def current(self) -> libvirt.virConnect | None:
        """The connection that is open now, alive or not."""
        return self._open

    def drop(self) -> None:
        """Forget the connection; the next `get` opens another."""
        conn, self._open = self._open, None
        if conn is not None:
            _close(conn)

    def _opened(self) -> libvirt.virConnect:
        """Open in a helper thread: neither ssh nor a hung daemon gives libvirt.open a time limit.

        A thread that hangs there cannot be ended.  While one does, the host is asked by a process, which can be,
        and only when that was answered by another thread: a hung host costs one thread, however often it is tried.
        """
        _start_event_loop()
        seconds = self._settings.connect_timeout.total_seconds()
        no_answer = self._unreachable(say("no answer within {seconds} seconds", seconds=f"{seconds:g}"))
        if self._hung is not None and self._hung.is_alive() and not _answers(self._settings.uri, seconds):
            raise no_answer
        attempt = _Attempt(self._settings)
        found = attempt.result(seconds)
        if found is None:
            self._hung = attempt.thread
            raise no_answer
        if isinstance(found, libvirt.libvirtError):
            raise self._unreachable(_text(found)) from found
        with suppress(libvirt.libvirtError):
            # A driver inside this process (test:///) has no wire to keep alive.
            found.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_MISSES)
        return found

    def _unreachable(self, why: str) -> SiteUnreachable:
        return SiteUnreachable(
            say(
                "The site {site} ({uri}) does not answer: {why}.",
                site=self._settings.name,
                uri=self._settings.uri,
                why=why,
            ),
            begun=False,
        )


class _Attempt:
    """One call of libvirt.open in a thread of its own; a connection that comes too late is closed again."""

    def __init__(self, settings: SiteSettings) -> None:
        self._uri = settings.uri
        self._turn = threading.Lock()
        self._given_up = False
        self._found: libvirt.virConnect | libvirt.libvirtError | None = None
        self.thread = threading.Thread(target=self._open, name=f"libvirt-open-{settings.name}", daemon=True)
        self.thread.start()

    def result(self, seconds: float) -> libvirt.virConnect | libvirt.libvirtError | None:
        """Give what the call gave; None where it has not come back in time."""
        self.thread.join(seconds)
        with self._turn:
            self._given_up = self._found is None
            return self._found

    def _open(self) -> None:
        found: libvirt.virConnect | libvirt.libvirtError
        try:
            found = libvirt.open(self._uri)
        except libvirt.libvirtError as error:
            found = error
        with self._turn:
            self._found = found
            late = self._given_up
        if late and not isinstance(found, libvirt.libvirtError):
            _close(found)


_ASK: Final = (
    "import libvirt, sys; libvirt.registerErrorHandler(lambda *_: None, None); libvirt.open(sys.argv[1]).close()"
)


def _answers(uri: str, seconds: float) -> bool:
    """Open and close a connection in a process, which is killed, its ssh with it, when it takes too long."""
    asking = subprocess.Popen(  # noqa: S603  (this interpreter, and an argument that no shell reads)
        [sys.executable, "-c", _ASK, uri],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return asking.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(asking.pid, signal.SIGKILL)
        asking.wait()


@contextmanager
def explained(connection: Connection, site: str, doing: Translatable) -> Iterator[None]:
    """Turn libvirt's errors into the provisioner's, worded around `doing` (`start alice-vm`)."""
    try:
        yield
    except libvirt.libvirtError as error:
        worded = translate(error, site, doing)
        if isinstance(worded, SiteUnreachable):
            connection.drop()
        raise worded from error


def translate(error: libvirt.libvirtError, site: str, doing: Translatable) -> ProvisionerError:
    """Choose the provisioner's error for one of libvirt's."""
    code = error.get_error_code()
    said = say("{error} (libvirt error {code})", error=_text(error), code=code)
    if code in _CONNECTION_CODES or error.get_error_domain() in _TRANSPORT:
        broke = say("The connection to the site {site} broke while trying to {doing}: {said}.", site=site, doing=doing)
        return SiteUnreachable(broke.given(said=said))
    message = say("The site {site} could not {doing}: {said}.", site=site, doing=doing, said=said)
    # virReportSystemError keeps errno in int1.
    if code == libvirt.VIR_ERR_NO_MEMORY or (code == libvirt.VIR_ERR_SYSTEM_ERROR and error.get_int1() in _ROOM_ERRNOS):
        return OutOfRoom(message)
    return ProvisionerError(message, permanent=code in _PERMANENT_CODES, other_site_may_help=True)


@contextmanager
def absent_is_fine(*codes: int) -> Iterator[None]:
    """Let the errors of these codes pass: what was to be removed or found is not there."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() not in codes:
            raise


def _text(error: libvirt.libvirtError) -> str:
    """What libvirt says, in one line; of what ssh wrote on its way the last one: warnings and a frame of @ come before it."""
    lines = [line for line in (error.get_error_message() or "no reason given").strip().splitlines() if line.strip()]
    return lines[-1 if error.get_error_domain() in _TRANSPORT else 0].strip().rstrip(".")


def _alive(conn: libvirt.virConnect) -> bool:
    try:
        return bool(conn.isAlive())
    except libvirt.libvirtError:
        return False


def _close(conn: libvirt.virConnect) -> None:
    with suppress(libvirt.libvirtError):
        conn.close()


def _start_event_loop() -> None:
    """Run libvirt's event loop in a thread, once per process: keepalive and streams need it (virEventRunDefaultImpl)."""
    with _loop_lock:
        if os.getpid() in _loop_processes:
            return
        # libvirt prints every error to stderr unless told what else to do with it.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run_loop, name="libvirt-events", daemon=True).start()
        _loop_processes.add(os.getpid())


def _run_loop() -> None:
    while True:
        with suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()
