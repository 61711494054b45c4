"""How a machine made from our own image sets itself up: from the same seed disk, without cloud-init.

On an emulated machine cloud-init is half of the boot.  Our image has shell scripts instead, which read one
file of lines (`machine`, `host`, `fqdn`, `key`; on a bridge `mac`, `address`, `gateway`, `nameserver` too) that lies on
the seed beside cloud-init's own; images of others go on reading those.
"""

from __future__ import annotations

from typing import Final

from provisioner.addressing import Bridge
from provisioner.announcement import LOOP
from provisioner.api import VmSpec

SEED_FILE: Final = "mailbot"
"""The file's name on the seed."""

_DONE: Final = "/var/lib/mailbot/machine"
"""Holds the machine's id once it is set up: from then on the machine is its owner's."""

_SET_UP: Final = f"""\
#!/bin/sh
# Sets the machine up from its seed at its first boot: names, root's keys, host keys.
set -eu
seed=/run/mailbot-seed
mkdir -p $seed
# Asked of the disks themselves: udev knows the label only seconds later.
mount -o ro "$(blkid -c /dev/null -o device -t LABEL=cidata /dev/vd? | head -n 1)" $seed
said() {{ sed -n "s/^$1 //p" $seed/{SEED_FILE}; }}
machine=$(said machine)
host=$(said host)
[ -n "$machine" ] && [ -n "$host" ]
echo "$host" >/etc/hostname
hostname "$host"
printf '127.0.1.1\\t%s %s\\n' "$(said fqdn)" "$host" >>/etc/hosts
mkdir -p -m 700 /root/.ssh
(umask 077 && said key >/root/.ssh/authorized_keys)
umount $seed
# RSA host keys take an emulated machine half a minute, and every living client knows these two.
for kind in ed25519 ecdsa; do
  rm -f /etc/ssh/ssh_host_${{kind}}_key*
  ssh-keygen -q -t $kind -N '' -C "root@$host" -f /etc/ssh/ssh_host_${{kind}}_key
done
mkdir -p {_DONE.rpartition("/")[0]}
echo "$machine" >{_DONE}
systemctl --no-block start mailbot-announce.service
"""

_NETWORK: Final = f"""\
#!/bin/sh
# Tells systemd-networkd the machine's addresses at every boot, as its seed has them: at another host they may be others.
# What the owner writes to /etc/systemd/network under the same name wins.
set -eu
disk=$(blkid -c /dev/null -o device -t LABEL=cidata /dev/vd? | head -n 1)
[ -n "$disk" ] || exit 0
seed=/run/mailbot-network
mkdir -p $seed /run/systemd/network
mount -o ro "$disk" $seed
said() {{ sed -n "s/^$1 //p" $seed/{SEED_FILE} 2>/dev/null; }}
if [ -n "$(said address)" ]; then
  {{
    printf '[Match]\\nMACAddress=%s\\n\\n[Network]\\nDHCP=no\\nIPv6AcceptRA=no\\n' "$(said mac)"
    said nameserver | sed 's/^/DNS=/'
    said fqdn | sed 's/^[^.]*\\./Domains=/'
    said address | sed 's/^/Address=/'
    said gateway | sed 's/^/\\n[Route]\\nGatewayOnLink=yes\\nGateway=/'
  }} >/run/systemd/network/05-mailbot.network
fi
umount $seed
"""

_ANNOUNCE: Final = f"""\
#!/bin/sh
# Shows host keys and root's keys on the serial console during the first boot, where the network cannot forge them.
mark=mailbot-$(cat {_DONE})
{LOOP}"""

_GROW: Final = """\
#!/bin/sh
# Lets the root file system fill a disk that was made larger.
set -eu
disk=$(cat /sys/class/block/vda/size)
start=$(cat /sys/class/block/vda1/start)
size=$(cat /sys/class/block/vda1/size)
if [ $((disk - start - size)) -gt 2048 ]; then
  # The table is written under a mounted file system, hence without asking the kernel to read all of it again.
  echo ', +' | sfdisk --quiet --no-reread --force -N 1 /dev/vda
  partx --update --nr 1 /dev/vda
fi
resize2fs /dev/vda1 2>/dev/null
"""

SCRIPTS: Final = {
    "usr/lib/mailbot/set-up": _SET_UP,
    "usr/lib/mailbot/announce": _ANNOUNCE,
    "usr/lib/mailbot/network": _NETWORK,
    "usr/lib/mailbot/grow": _GROW,
}
"""The image's scripts by path; they are executable there."""

LATER_UNITS: Final = ("systemd-resolved.service", "systemd-timesyncd.service")
"""Units that Debian orders before all of the system, and that an emulated machine would spend seconds on before SSH."""

UNITS: Final = {
    "etc/systemd/system/mailbot-set-up.service": f"""\
[Unit]
Description=Set the machine up from its seed
DefaultDependencies=no
ConditionPathExists=!{_DONE}
After=systemd-remount-fs.service
Before=ssh.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/mailbot/set-up

[Install]
WantedBy=sysinit.target
""",
    "etc/systemd/system/mailbot-network.service": """\
[Unit]
Description=Tell the machine the addresses that its seed has for it
DefaultDependencies=no
After=systemd-remount-fs.service
Before=systemd-networkd.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/mailbot/network

[Install]
WantedBy=sysinit.target
""",
    "etc/systemd/system/mailbot-announce.service": """\
[Unit]
Description=Show the machine's keys on its serial console
After=ssh.service

[Service]
Type=exec
Nice=5
ExecStart=/usr/lib/mailbot/announce
""",
    "etc/systemd/system/mailbot-later.service": f"""\
[Unit]
Description=Start what a login need not wait for
After=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/systemctl --no-block start {" ".join(LATER_UNITS)}

[Install]
WantedBy=multi-user.target
""",
    "etc/systemd/system/mailbot-grow.service": """\
[Unit]
Description=Let the root file system fill a disk that was made larger
After=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/lib/mailbot/grow

[Install]
WantedBy=multi-user.target
""",
}
"""The image's units by path."""


def seed_lines(spec: VmSpec, bridge: Bridge | None = None) -> bytes:
    """Give the seed's file for our own image.  Every value was checked (`spec_check`) and holds no line break."""
    lines = [f"machine {spec.machine_id}", f"host {spec.names.host}", f"fqdn {spec.names.fqdn}"]
    lines += [f"key {line}" for line in spec.ssh_keys]
    interfaces = () if bridge is None else bridge.interfaces(spec.addresses)
    if bridge is not None and interfaces:
        lines.append(f"mac {spec.names.mac}")
        lines += [f"address {one}" for one in interfaces]
        lines += [f"gateway {each.gateway.ip}" for each, _ in zip(bridge.ranges, interfaces, strict=False)]
        lines += [f"nameserver {one}" for one in bridge.name_servers]
    return "".join(f"{line}\n" for line in lines).encode("ascii")
