#!/usr/bin/python3
"""LVM's commands as far as libvirt's logical pools call them, where the kernel has no device mapper: pieces of one file, as loop devices.

Called by the names of LVM's commands (`lvcreate`, `lvs`, …), as links to this file, beside which lie `disk`, `volumes.json` and the name of the `group`.
Like LVM it takes the first free extents, and leaves in them what was there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
VOLUMES, DISK, LOG = HOME / "volumes.json", HOME / "disk", HOME / "calls"
EXTENT = 4 << 20
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "b": 1}


def main() -> int:
    """Do what the command of that name does; unknown ones fail, as they do without LVM."""
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    with LOG.open("a") as log:
        print(name, *words, file=log)
    volumes = json.loads(VOLUMES.read_text()) if VOLUMES.exists() else {}
    if name == "lvcreate":
        create(volumes, words)
    elif name == "lvremove":
        remove(volumes, words[-1])
    elif name == "lvs":
        wanted = words[-1].partition("/")[2]
        for one, (start, size, _device) in sorted(volumes.items()):
            if not wanted or one == wanted:
                print(f"  {one}##uuid-{one}#{DISK}({start // EXTENT})#linear#1#{size}#{EXTENT}#{size}#-wi-a-----")
    elif name == "vgs":
        whole = DISK.stat().st_size
        print(f"  {whole}:{whole - sum(size for _, size, _ in volumes.values())}")
    elif name == "pvs":
        print(f"  {DISK} {(HOME / 'group').read_text()}")
    elif name not in {"vgchange", "vgscan", "lvchange"}:
        return 1
    return 0


def create(volumes: dict[str, tuple[int, int, str]], words: list[str]) -> None:
    """`lvcreate --name NAME -L 1024K GROUP --yes`: like LVM it clears the first 4 KiB (`--zero`), and no more."""
    name, said, group = words[words.index("--name") + 1], words[words.index("-L") + 1], words[4]
    size = int(said[:-1]) * _UNITS[said[-1].lower()]
    size = -(-size // EXTENT) * EXTENT
    start = 0
    for other, length, _ in sorted(volumes.values()):
        if start + size <= other:
            break
        start = other + length
    if start + size > DISK.stat().st_size:
        sys.exit("Volume group has insufficient free space")
    device = subprocess.run(
        ["losetup", "--find", "--show", "--offset", str(start), "--sizelimit", str(size), DISK],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with open(device, "r+b") as opened:
        opened.write(bytes(4096))
    Path(f"/dev/{group}/{name}").symlink_to(device)
    save({**volumes, name: (start, size, device)})


def remove(volumes: dict[str, tuple[int, int, str]], path: str) -> None:
    """`lvremove -f /dev/GROUP/NAME`."""
    _start, _size, device = volumes.pop(Path(path).name)
    subprocess.run(["losetup", "--detach", device], check=True)
    Path(path).unlink()
    save(volumes)


def save(volumes: dict[str, tuple[int, int, str]]) -> None:
    """Keep them, whole or not at all."""
    part = VOLUMES.with_suffix(".part")
    part.write_text(json.dumps(volumes))
    os.replace(part, VOLUMES)


if __name__ == "__main__":
    sys.exit(main())
