"""What is in the base image: packages, settings and files, as values; `images` does the building.

The aim is a small Debian that boots fast under emulation and that an owner may keep for years: the
distribution's own kernel, set up by a small unit of our own (`first_boot`), nothing that only a laptop or another
cloud would need.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provisioner.first_boot import LATER_UNITS, SCRIPTS, UNITS

LABEL: Final = "mailbot-root"
"""Label of the root file system; the kernel finds it by this name whatever the disk is called."""

PACKAGES: Final = (
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "zstd",
    "systemd-sysv",
    "systemd-resolved",
    "systemd-timesyncd",
    "dbus",
    "udev",
    "fdisk",
    "qemu-guest-agent",
    "openssh-server",
    "e2fsprogs",
    "iproute2",
    "iputils-ping",
    "procps",
    "kmod",
    "ca-certificates",
    "locales",
    "less",
    "nano",
)
"""Installed besides the essential packages and apt; without Recommends."""

MASKED_UNITS: Final = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "man-db.timer",
    "systemd-pstore.service",
    "getty@tty1.service",
    "getty-static.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount",
    "modprobe@configfs.service",
    "modprobe@drm.service",
    "modprobe@fuse.service",
    "modprobe@efi_pstore.service",
)
"""Work that costs an emulated guest time at boot or at night; an owner unmasks what is wanted."""

_DRIVERS: Final = ("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_rng", "virtio_console", "virtio_net", "ext4")

FILES: Final[dict[str, str]] = {
    "etc/initramfs-tools/conf.d/mailbot": "MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\n",
    "etc/initramfs-tools/modules": "".join(f"{driver}\n" for driver in _DRIVERS),
    "etc/kernel-img.conf": "do_symlinks = yes\nlink_in_boot = no\n",
    "etc/fstab": f"LABEL={LABEL} / ext4 defaults,discard,errors=remount-ro 0 1\n",
    "etc/hostname": "debian\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/systemd/network/10-mailbot.network": (
        "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseDomains=yes\n"
    ),
    **SCRIPTS,
    **UNITS,
    "boot/grub/grub.cfg": (
        "# No menu and no generator: /vmlinuz and /initrd.img always point to the newest kernel.\n"
        "serial --unit=0 --speed=115200\n"
        "terminal_output serial console\n"
        "set timeout=0\n"
        f"linux /vmlinuz root=LABEL={LABEL} ro quiet console=tty0 console=ttyS1,115200\n"
        "initrd /initrd.img\n"
        "boot\n"
    ),
}
"""Files that are laid over the root before the packages are installed, by path."""

DPKG_OPTIONS: Final = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*/*",
    "force-confold",
)

FINISH: Final = f"""\
set -eu
systemctl enable systemd-networkd systemd-resolved ssh serial-getty@ttyS0 mailbot-network mailbot-set-up mailbot-later mailbot-grow >/dev/null 2>&1
(cd /etc/systemd/system/sysinit.target.wants && rm -f {" ".join(LATER_UNITS)})
systemctl mask {" ".join(MASKED_UNITS)} >/dev/null 2>&1
passwd --lock root >/dev/null
rm -f /etc/ssh/ssh_host_* /etc/dpkg/dpkg.cfg.d/99mmdebstrap /vmlinuz.old /initrd.img.old
rm -rf /usr/share/doc-base /var/cache/debconf/*-old /var/lib/dpkg/*-old
: > /etc/machine-id
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
"""
"""Runs in the new root as its last step."""

EARLY_GRUB: Final = f"search --no-floppy --label {LABEL} --set=root\nset prefix=($root)/boot/grub\n"
"""What GRUB for EFI begins with: firmware counts disks as it likes, so the root file system is looked for by its label."""

GRUB_MODULES: Final = (
    "part_msdos",
    "ext2",
    "normal",
    "linux",
    "configfile",
    "serial",
    "terminal",
    "search",
    "test",
    "echo",
    "ls",
    "cat",
    "reboot",
    "halt",
)
GRUB_FOR: Final = {"i386-pc": ("biosdisk", *GRUB_MODULES), "x86_64-efi": ("search_label", *GRUB_MODULES)}
"""GRUB's modules by the platform that it starts from: an image starts by BIOS and by EFI."""


class RecipeProblem(ValueError):
    """An image cannot be built from what this machine has; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what an image contains, but the moment of its building.

    `suite` is Debian's code name, `sources` the apt sources in the deb822 style, `root_mib` the size of
    the root file system before it grows on a machine's disk.
    """

    suite: str
    sources: str
    packages: tuple[str, ...] = PACKAGES
    root_mib: int = 2043

    @property
    def label(self) -> str:
        return f"debian-{self.suite}"

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with every setting of the image."""
        parts = [
            self.suite,
            self.sources,
            self.packages,
            self.root_mib,
            FILES,
            DPKG_OPTIONS,
            FINISH,
            GRUB_FOR,
            EARLY_GRUB,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def host_recipe(suite: str = "", etc: Path = Path("/etc")) -> Recipe:
    """Give the recipe for a suite from this machine's apt sources.

    Without `suite` it is the machine's own release.  The image keeps these sources: its owner updates it
    from where the operator does.  Raises `RecipeProblem`.
    """
    suite = suite or own_suite(etc)
    stanzas = [stanza for stanza in _all_stanzas(etc / "apt") if _fits(stanza, suite)]
    if not any(suite in stanza.get("suites", "").split() for stanza in stanzas):
        raise RecipeProblem(
            f"The apt sources of this machine do not have Debian {suite}; add it to /etc/apt/sources.list.d, "
            "choose another suite, or take a ready image with `mailbot image add`."
        )
    return Recipe(suite, "\n".join(_written(stanza, suite) for stanza in stanzas))


def own_suite(etc: Path = Path("/etc")) -> str:
    """Give the code name of this machine's Debian release.  Raises `RecipeProblem`."""
    found = re.search(r"^VERSION_CODENAME=\"?([a-z]+)\"?$", _read(etc / "os-release"), re.MULTILINE)
    if not found:
        raise RecipeProblem("This machine does not say which Debian release it is; name one with --suite.")
    return found[1]


def _all_stanzas(apt: Path) -> list[dict[str, str]]:
    """Read every apt source of the machine, one-line style or deb822 (sources.list(5)), keys in lower case."""
    parts = apt / "sources.list.d"
    stanzas: list[dict[str, str]] = []
    for path in (apt / "sources.list", *sorted(parts.glob("*.list"))):
        stanzas += [stanza for line in _read(path).splitlines() if (stanza := _one_line(line))]
    for path in sorted(parts.glob("*.sources")):
        stanzas += [_deb822(block) for block in re.split(r"\n[ \t]*\n", _read(path)) if block.strip()]
    return stanzas


def _one_line(line: str) -> dict[str, str] | None:
    found = re.match(
        r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)", line
    )
    if not found:
        return None
    stanza = {"types": "deb", "uris": found["uri"], "suites": found["suite"], "components": found["components"].strip()}
    for option in (found["options"] or "").split():
        key, _, value = option.partition("=")
        stanza[{"arch": "architectures"}.get(key.lower(), key.lower())] = value.replace(",", " ")
    return stanza


def _deb822(block: str) -> dict[str, str]:
    stanza: dict[str, str] = {}
    key = ""
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            stanza[key] = f"{stanza.get(key, '')}\n {line.strip()}"
            continue
        key, _, value = line.partition(":")
        key = key.strip().lower()
        stanza[key] = value.strip()
    return stanza


def _fits(stanza: dict[str, str], suite: str) -> bool:
    """Say whether a source is Debian's own for the suite: right suite, `main`, switched on."""
    return (
        "deb" in stanza.get("types", "").split()
        and "main" in stanza.get("components", "").split()
        and stanza.get("enabled", "yes").lower() not in ("no", "false", "0")
        and bool(_suites(stanza, suite))
    )


def _suites(stanza: dict[str, str], suite: str) -> list[str]:
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    return [one for one in stanza.get("suites", "").split() if one in wanted]


def _written(stanza: dict[str, str], suite: str) -> str:
    lines = ["Types: deb", f"URIs: {stanza['uris']}", f"Suites: {' '.join(_suites(stanza, suite))}", "Components: main"]
    if "signed-by" in stanza:
        lines.append(f"Signed-By: {stanza['signed-by']}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
