"""Every name of a machine, derived from its host name and machine id: same machine, same names, on any day.

The machine id is random and kept by whoever asks for the machine, before anything is built.  Nothing here
is random and nothing is stored: a process that was killed finds its half-built machine again by computing
the names once more, and no other machine, of no other time, has them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from parsers.translatable import say

_NAMESPACE: Final = UUID("6f1d4c0a-5d3e-5f0b-9a53-3d7b0c2e9a41")
"""Namespace of the machine ids of version 0.1.  Changing it would orphan every machine that was built then."""

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.ASCII)
_LABEL_MAX: Final = 63
_DOMAIN_MAX: Final = 253
_DISK: Final = re.compile(
    r"mailbot-[a-z0-9-]+-(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?:qcow2|seed\.img)"
)

_BASE: Final = re.compile(r"mailbot-base-(?P<label>[a-z0-9-]+)-(?P<moment>[0-9]{14})-[0-9a-f]{12}\.qcow2", re.ASCII)

BASE_PREFIX: Final = "mailbot-base-"
"""Base images in a pool have names that begin with this."""


class NameProblem(ValueError):
    """A name that cannot be a host name; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class MachineNames:
    """All that one machine is called.

    `host` is its host and domain name (RFC 1123 label), `fqdn` where it is reached, `uuid` the domain's
    UUID, `mac` its network card's address, `disk` and `seed` its volumes in the pool.
    """

    host: str
    fqdn: str
    uuid: UUID
    mac: str
    disk: str
    seed: str


def machine_names(host: str, dns_domain: str, machine_id: UUID) -> MachineNames:
    """Give every name of a machine; the volumes carry the machine id, so that a kept disk of an earlier machine
    of the same host name is never taken for it.  Raises `NameProblem`."""
    stem = f"mailbot-{check_label(host)}-{machine_id}"
    return MachineNames(host, f"{host}.{dns_domain}", machine_id, _mac(machine_id), f"{stem}.qcow2", f"{stem}.seed.img")


_NOT_IN_A_HOST_NAME: Final = str.maketrans("._", "--")


def host_part(login: str) -> str:
    """Give a login as a host name can have it: in lower case, with a hyphen for each dot and underscore.  Other logins may give the same."""
    return login.lower().translate(_NOT_IN_A_HOST_NAME)


def machine_name(username: str, pattern: str = "{username}-vm") -> str:
    """Give the host name of a user's machine, e.g. `alice-vm`, or `jean-dupont-vm` for jean.dupont.  Raises `NameProblem`."""
    return check_label(pattern.replace("{username}", host_part(username)))


def legacy_machine_id(site: str, username: str, reference: str) -> UUID:
    """Give the id that version 0.1 gave to the machine of a ticket at a site: a UUID of version 5.

    Machines that were built then go on under it; for a new machine it must not be used, since the same
    number may be given to another ticket after a restored backup.  The parts are joined by NUL, which none of them can contain, so that no two triples meet.
    """
    if "\0" in site + username + reference:
        raise NameProblem(say("A name contains a NUL character."))
    return uuid5(_NAMESPACE, f"{site}\0{username}\0{reference}")


def _mac(machine_id: UUID) -> str:
    """Give the MAC address of a machine: QEMU's prefix 52:54:00 and 24 bits of a hash of its id."""
    tail = hashlib.sha256(machine_id.bytes).digest()[:3]
    return ":".join(f"{octet:02x}" for octet in b"\x52\x54\x00" + tail)


def volume_owner(volume: str) -> UUID | None:
    """Give the UUID of the machine that a volume belongs to, or None where it is not one of ours."""
    found = _DISK.fullmatch(volume)
    return UUID(found["uuid"]) if found else None


def disk_owner(volume: str) -> UUID | None:
    """Give the UUID of the machine that a volume is the disk of (not the seed), or None."""
    return volume_owner(volume) if volume.endswith(".qcow2") else None


def image_volume(label: str, built: datetime, sha512: str) -> str:
    """Give the name of a base image in the pool: label (`debian-trixie`), moment of building and checksum.

    Names of one label sort by age.
    """
    moment = built.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    return f"{BASE_PREFIX}{check_label(label)}-{moment}-{sha512[:12]}.qcow2"


def image_marker(volume: str) -> str:
    """Give the name of the small volume that says that a base image was uploaded whole."""
    return f"{volume}.complete"


def image_label(volume: str) -> str | None:
    """Give the label of a base image from its volume's name, or None where it is not a base image of ours."""
    found = _BASE.fullmatch(volume)
    return found["label"] if found else None


def whole_images(volumes: Iterable[str]) -> tuple[str, ...]:
    """Choose the base images that were uploaded whole."""
    there = frozenset(volumes)
    return tuple(sorted(one for one in there if image_label(one) and image_marker(one) in there))


def newest_image(volumes: Iterable[str], label: str = "") -> str | None:
    """Choose the newest base image among volume names, of one label or of any."""
    fit = [
        (found["moment"], volume)
        for volume in volumes
        if (found := _BASE.fullmatch(volume)) and label in ("", found["label"])
    ]
    return max(fit)[1] if fit else None


def check_label(label: str) -> str:
    """Give the label back where it is a host name by RFC 1123 section 2.1 in lower case.

    Raises `NameProblem` with the characters that do not belong, shown as code points where they are
    not plain ASCII, so that a look-alike letter can be seen.
    """
    if not label:
        raise NameProblem(say("The name is empty."))
    if len(label) > _LABEL_MAX:
        raise NameProblem(
            say("The name is {number} characters long; at most {most} are allowed.", number=len(label), most=_LABEL_MAX)
        )
    if _LABEL.fullmatch(label):
        return label
    odd = sorted({character for character in label if not re.fullmatch(r"[a-z0-9-]", character, re.ASCII)})
    if odd:
        raise NameProblem(
            say(
                "The name contains {odd}; only a-z, 0-9 and the hyphen are allowed in a host name.",
                odd=", ".join(map(_shown, odd)),
            )
        )
    raise NameProblem(say("The name begins or ends with a hyphen."))


def check_domain(domain: str) -> str:
    """Give the domain back where every label of it is a host name.  Raises `NameProblem`."""
    if len(domain) > _DOMAIN_MAX:
        raise NameProblem(
            say(
                "The domain is {number} characters long; at most {most} are allowed.",
                number=len(domain),
                most=_DOMAIN_MAX,
            )
        )
    for label in domain.split("."):
        check_label(label)
    return domain


def _shown(character: str) -> str:
    if character.isascii() and character.isprintable() and character != " ":
        return f"'{character}'"
    return f"U+{ord(character):04X}"
