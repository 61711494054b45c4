"""The head of an overlay, held against what QEMU's own tool makes and reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from provisioner import qcow2


def made(folder: Path, base: Path) -> Path:
    overlay = folder / "overlay.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", str(base), "1M")
    qemu_img("create", "-q", "-f", "qcow2", "-b", str(base), "-F", "qcow2", str(overlay))
    return overlay


def qemu_img(*arguments: str) -> str:
    return subprocess.run(["qemu-img", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["b", "as-long-as.qcow2", "a-much-longer-name-than-it-had-before.qcow2"])
def test_qemu_reads_the_new_backing_file(tmp_path: Path, name: str) -> None:
    overlay = made(tmp_path, tmp_path / "base-of.qcow2")
    other = tmp_path / name
    (tmp_path / "base-of.qcow2").rename(other)
    whole = overlay.read_bytes()
    head, rest = whole[: qcow2.HEAD], whole[qcow2.HEAD :]
    assert qcow2.backing_file(head) == str(tmp_path / "base-of.qcow2")
    changed = qcow2.on(head, str(other))
    assert len(changed) == len(head)
    overlay.write_bytes(changed + rest)
    told = json.loads(qemu_img("info", "--output=json", "--backing-chain", str(overlay)))
    assert told[0]["backing-filename"] == str(other)
    assert told[1]["filename"] == str(other)
    assert "No errors" in qemu_img("check", str(overlay))


def test_what_is_no_overlay_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base.qcow2"
    made(tmp_path, base)
    for head in (b"", b"QFI\xfb", bytes(qcow2.HEAD), base.read_bytes()[: qcow2.HEAD]):
        with pytest.raises(qcow2.NoOverlay):
            qcow2.on(head, "/elsewhere")


def test_a_name_without_room_is_refused(tmp_path: Path) -> None:
    head = made(tmp_path, tmp_path / "base.qcow2").read_bytes()[: qcow2.HEAD]
    with pytest.raises(qcow2.NoOverlay, match="no room"):
        qcow2.on(head, "/" + "a" * 2000)
