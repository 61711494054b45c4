"""What a guest shows of itself on ways that the network cannot forge: guest agent and serial console.

Keys are only asked for while a machine is being built: afterwards its owner is root and can show whatever pleases.
"""

from __future__ import annotations

import base64
import json
import re
import time
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import libvirt
import libvirt_qemu

from parsers.translatable import say
from provisioner import ssh_keys
from provisioner.announcement import read_announcement
from provisioner.api import CONSOLE_LINES, ProvisionerError, VmSpec
from provisioner.domain_xml import CONSOLE_RING, CONSOLE_SIZE, Seen

_AGENT_SECONDS: Final = 2
_LONGEST_LINE: Final = 200
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,1000}(?:\x07|\x1b\\)?|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]"
)
_AGENT_READ: Final = 65536
_CONSOLE_KEPT: Final = 1 << 18
_WOULD_BLOCK: Final = -2
_SCAN_LOOKS: Final = 10
_SCAN_PAUSE_SECONDS: Final = 0.2

_HOST_KEYS: Final = ("/etc/ssh/ssh_host_ecdsa_key.pub", "/etc/ssh/ssh_host_ed25519_key.pub")
_AUTHORIZED: Final = "/root/.ssh/authorized_keys"


def seen_by_agent(domain: libvirt.virDomain, *, serving: bool = False) -> Seen | None:
    """Read host keys and root's keys through the guest agent; None where it does not answer or has none yet.

    With `serving` the guest is told to ask its own SSH server for its keys as well.
    """
    try:
        authorized = _read_file(domain, _AUTHORIZED)
        hosts = tuple(line for path in _HOST_KEYS if (line := _key_line(_read_file(domain, path))))
        serves = serving and not _scanned(domain).isdisjoint(hosts)
    except (libvirt.libvirtError, ValueError, KeyError, TypeError):
        # No agent, not yet started, no such file yet: all mean the same, ask again later.
        return None
    keys, _ = ssh_keys.parse_all(line for line in authorized.splitlines() if line.strip() and line[0] != "#")
    installed = tuple(key.fingerprint for key in keys)
    return Seen(hosts, installed, serves) if hosts and installed else None


def _scanned(domain: libvirt.virDomain) -> frozenset[str]:
    """Give the host keys that the guest's own SSH server showed to ssh-keyscan in the guest (guest-exec)."""
    arguments = ["-T", "1", "-t", "ed25519,ecdsa", "127.0.0.1"]
    started = _ask(domain, "guest-exec", path="/usr/bin/ssh-keyscan", arg=arguments, **{"capture-output": True})
    for _ in range(_SCAN_LOOKS):
        state = _ask(domain, "guest-exec-status", pid=started["pid"])
        if state["exited"]:
            said = base64.b64decode(state.get("out-data", "")).decode("ascii", errors="replace")
            return frozenset(" ".join(line.split()[1:3]) for line in said.splitlines() if line[:1] != "#")
        time.sleep(_SCAN_PAUSE_SECONDS)
    return frozenset()


def _key_line(text: str) -> str:
    """Cut a host key's file down to `<type> <base64>`; empty where it is none."""
    line = " ".join(text.split()[:2])
    return line if ssh_keys.is_host_key(line) else ""


def _read_file(domain: libvirt.virDomain, path: str) -> str:
    """Read the beginning of a file in the guest (QEMU guest agent: guest-file-open, -read, -close)."""
    handle = _ask(domain, "guest-file-open", path=path, mode="r")
    try:
        answer = _ask(domain, "guest-file-read", handle=handle, count=_AGENT_READ)
    finally:
        with suppress(libvirt.libvirtError):
            _ask(domain, "guest-file-close", handle=handle)
    return base64.b64decode(answer["buf-b64"]).decode("ascii", errors="replace")


def last_lines(domain: libvirt.virDomain) -> tuple[str, ...]:
    """Read what the machine wrote last to the serial port that QEMU keeps in a ring, and put it back for the next reader."""
    ring = {"device": CONSOLE_RING, "format": "base64"}
    said: str = _of_the_ring(domain, "ringbuf-read", **ring, size=CONSOLE_SIZE)
    if said:
        _of_the_ring(domain, "ringbuf-write", **ring, data=said)
    return shown_lines(base64.b64decode(said).decode("utf-8", errors="replace"))


def shown_lines(said: str) -> tuple[str, ...]:
    """The last lines of a console without its colours and jumps (ECMA-48), each as it stood when the next began."""
    plain = _ESCAPES.sub("", said).replace("\r\n", "\n")
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip()[:_LONGEST_LINE] for line in plain.split("\n")]
    return tuple([line for line in lines if line][-CONSOLE_LINES:])


def never_goes_on(domain: libvirt.virDomain) -> bool:
    """Whether QEMU has paused a guest that can only be started anew (query-status, `internal-error`): KVM could not run what it did.

    False where QEMU does not say.
    """
    with suppress(libvirt.libvirtError):
        said = _monitor(domain, "query-status")
        return "return" in said and said["return"]["status"] == "internal-error"
    return False


def _of_the_ring(domain: libvirt.virDomain, command: str, **arguments: Any) -> Any:
    answer = _monitor(domain, command, **arguments)
    if "error" in answer:
        lost = say("Nothing keeps the console of {name}: it was built before that was done.", name=domain.name())
        raise ProvisionerError(lost)
    return answer["return"]


def _monitor(domain: libvirt.virDomain, command: str, **arguments: Any) -> Any:
    """What QEMU's monitor answers (QMP): `return`, or `error`."""
    request = json.dumps({"execute": command, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuMonitorCommand(domain, request, 0))


def install_keys(domain: libvirt.virDomain, keys: tuple[str, ...], *, alone: bool) -> tuple[str, ...]:
    """Add keys to root's, or put them in their place, by the guest agent (guest-ssh-add-authorized-keys, `reset`); gives the
    fingerprints of all of them then."""
    try:
        _ask(domain, "guest-ssh-add-authorized-keys", username="root", keys=list(keys), reset=alone)
        authorized = _read_file(domain, _AUTHORIZED)
    except libvirt.libvirtError as error:
        said = str(error).strip().rstrip(".")
        failed = say("The guest agent of {name} did not do it: {said}.", name=domain.name(), said=said)
        raise ProvisionerError(failed) from error
    found, _ = ssh_keys.parse_all(line for line in authorized.splitlines() if line.strip() and line[0] != "#")
    return tuple(key.fingerprint for key in found)


def _ask(domain: libvirt.virDomain, command: str, **arguments: Any) -> Any:
    request = json.dumps({"execute": command, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuAgentCommand(domain, request, _AGENT_SECONDS, 0))["return"]


class Consoles:
    """Serial consoles of machines being built, kept open between looks so that nothing printed is missed."""

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[Any, bytearray]] = {}

    def seen(self, conn: libvirt.virConnect, domain: libvirt.virDomain, spec: VmSpec) -> Seen | None:
        """Read what came since the last look, without waiting, and find an announcement in it."""
        try:
            stream, kept = self._console(conn, domain, spec.machine_id)
            while isinstance(chunk := stream.recv(_CONSOLE_KEPT), bytes) and chunk:
                kept += chunk
                del kept[:-_CONSOLE_KEPT]
            if chunk != _WOULD_BLOCK:
                self.forget(spec.machine_id)  # the console has ended with its guest
        except libvirt.libvirtError:
            # Another reader holds the console, or the guest is going down.
            self.forget(spec.machine_id)
            return None
        return read_announcement(kept.decode("ascii", errors="replace").replace("\r", ""), spec)

    def _console(self, conn: libvirt.virConnect, domain: libvirt.virDomain, uuid: UUID) -> tuple[Any, bytearray]:
        if uuid not in self._open:
            stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
            domain.openConsole(None, stream, 0)
            self._open[uuid] = (stream, bytearray())
        return self._open[uuid]

    def forget(self, uuid: UUID) -> None:
        """Close a machine's console; nothing where it is not open."""
        stream, _ = self._open.pop(uuid, (None, None))
        if stream is not None:
            with suppress(libvirt.libvirtError):
                stream.abort()

    def forget_all(self) -> None:
        """Close every console."""
        for uuid in list(self._open):
            self.forget(uuid)
