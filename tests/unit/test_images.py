from __future__ import annotations

import os
import re
import struct
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from provisioner import images
from provisioner.first_boot import SCRIPTS, UNITS
from provisioner.image_recipe import FILES, FINISH, PACKAGES, Recipe, RecipeProblem, host_recipe, own_suite
from provisioner.images import ImageProblem, add_image, cached_image, sha512_of
from tests.clock import wall

SOURCES = "Types: deb\nURIs: https://mirror.example/debian\nSuites: trixie\nComponents: main\n"
RECIPE = Recipe("trixie", SOURCES)


def qcow2(path: Path, *options: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), "8M"], check=True)
    return path


def etc(folder: Path, **files: str) -> Path:
    """A machine's /etc with these apt sources."""
    parts = folder / "apt/sources.list.d"
    parts.mkdir(parents=True)
    (folder / "os-release").write_text("ID=debian\nVERSION_CODENAME=trixie\n")
    for name, text in files.items():
        path = folder / "apt/sources.list" if name == "main" else parts / name.replace("_", ".")
        path.write_text(text)
    return folder


def test_the_machines_own_release_and_sources_are_taken(tmp_path: Path) -> None:
    recipe = host_recipe(
        etc=etc(
            tmp_path,
            debian_sources=(
                "# a comment\nTypes: deb deb-src\nURIs: https://mirror.example/debian\nSuites: trixie trixie-updates sid\n"
                "Components: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
                "Types: deb\nURIs: https://mirror.example/security\nSuites: trixie-security\nComponents: main\n"
            ),
        )
    )
    assert recipe.suite == "trixie"
    assert "Suites: trixie trixie-updates\n" in recipe.sources
    assert "Suites: trixie-security\n" in recipe.sources
    assert "sid" not in recipe.sources
    assert "deb-src" not in recipe.sources
    assert "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" in recipe.sources


def test_one_line_sources_are_understood_with_their_options(tmp_path: Path) -> None:
    place = etc(
        tmp_path,
        main="deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian trixie main # ours\n#deb http://x trixie main\n",
    )
    recipe = host_recipe(etc=place)
    assert (
        "URIs: https://mirror.example/debian\nSuites: trixie\nComponents: main\nSigned-By: /k.gpg\n" in recipe.sources
    )


def test_sources_of_others_or_switched_off_are_left_out(tmp_path: Path) -> None:
    place = etc(
        tmp_path,
        main="deb https://mirror.example/debian trixie main\n",
        other_list="deb https://apt.other.example stable main\ndeb https://apt.example trixie-tools main\n",
        off_sources="Enabled: no\nTypes: deb\nURIs: https://off.example\nSuites: trixie\nComponents: main\n",
    )
    assert host_recipe(etc=place).sources.count("URIs:") == 1


def test_a_suite_that_the_machine_does_not_have_is_refused_with_advice(tmp_path: Path) -> None:
    place = etc(tmp_path, main="deb https://mirror.example/debian trixie main\n")
    with pytest.raises(RecipeProblem, match="bookworm"):
        host_recipe("bookworm", place)


def test_a_machine_that_is_no_debian_is_told_to_name_a_suite(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text("ID=other\n")
    with pytest.raises(RecipeProblem, match="suite"):
        own_suite(tmp_path)


def test_every_setting_of_a_recipe_changes_its_digest() -> None:
    others = [
        Recipe("sid", SOURCES),
        Recipe("trixie", ""),
        Recipe("trixie", SOURCES, ("x",)),
        Recipe("trixie", SOURCES, root_mib=9),
    ]
    assert len({one.digest for one in [RECIPE, *others]}) == 5
    assert Recipe("trixie", SOURCES).digest == RECIPE.digest


def test_the_image_has_what_the_driver_needs_and_no_host_keys() -> None:
    assert {"linux-image-cloud-amd64", "fdisk", "openssh-server", "qemu-guest-agent"} <= set(PACKAGES)
    assert not [name for name in FILES if "ssh_host" in name]
    enabled = next(line for line in FINISH.splitlines() if line.startswith("systemctl enable")).split()
    for unit, text in UNITS.items():
        started = Path(unit).stem in enabled or f"start {Path(unit).name}" in "".join(SCRIPTS.values())
        assert started, unit
        command = re.search(r"^ExecStart=/(\S+)", text, re.MULTILINE)
        assert command is not None
        assert command[1] in {*SCRIPTS, "usr/bin/systemctl"}


def test_the_images_scripts_are_executable_and_nothing_else_of_it(tmp_path: Path) -> None:
    images._write_overlay(tmp_path / "overlay.tar")
    with tarfile.open(tmp_path / "overlay.tar") as archive:
        modes = {entry.name.removeprefix("./"): entry.mode for entry in archive}
    assert {name for name, mode in modes.items() if mode & 0o111} == set(SCRIPTS)
    assert modes.keys() == FILES.keys()


def test_a_build_that_is_broken_off_leaves_no_mount_and_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In place of mmdebstrap: mounts into the new root as it does, and is killed before it can clear that away.
    tools = tmp_path / "bin"
    tools.mkdir()
    tool = tools / "mmdebstrap"
    tool.write_text(
        "#!/bin/sh\ntrap '' TERM INT\nfor last; do root=$before before=$last; done\nmkdir -p $root/proc\n"
        "mount -t tmpfs none $root/proc\necho I: running apt-get update >&2\nkill -STOP $$\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def break_off(step: str, _part: float | None) -> None:
        if step == "Reading the package lists":
            mounted = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(tmp_path) in line]
            assert mounted == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        images.build_image(RECIPE, tmp_path / "cache", break_off)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert list((tmp_path / "cache").glob("build-*")) == []


def test_the_boot_sector_has_one_bootable_partition_behind_grub_and_that_of_efi(tmp_path: Path) -> None:
    raw = tmp_path / "disk.raw"
    raw.write_bytes(bytes(4096))
    boot = bytes(range(256)) * 2
    images._write_boot(raw, boot, b"core" * 300, Recipe("trixie", SOURCES, root_mib=100))
    disk = raw.read_bytes()
    assert disk[:440] == boot[:440]
    assert disk[510:512] == b"\x55\xaa"
    root, efi = (struct.unpack("<B3xB3xII", disk[begin : begin + 16]) for begin in (446, 462))
    assert root == (0x80, 0x83, 5 * 2048, 100 * 2048)
    assert efi == (0, 0xEF, 2048, 4 * 2048), "before the one that grows"
    assert disk[478:510] == bytes(32)
    assert disk[512 : 512 + 1200] == b"core" * 300


def test_a_core_that_would_reach_into_the_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageProblem, match="fit"):
        images._write_boot(tmp_path / "x", bytes(512), bytes(2048 * 512), RECIPE)


def test_an_image_with_the_published_checksum_is_added(tmp_path: Path) -> None:
    path = qcow2(tmp_path / "debian.qcow2")
    work = tmp_path / "work"
    work.mkdir()
    image = add_image(path, sha512_of(path).upper() + "\n", "debian-12", work)
    assert (image.label, image.virtual_mib, image.sha512) == ("debian-12", 8, sha512_of(path))
    assert image.path.parent == work
    assert image.volume.startswith("mailbot-base-debian-12-")


def test_a_raw_image_is_converted(tmp_path: Path) -> None:
    raw = tmp_path / "debian.raw"
    raw.write_bytes(bytes(1 << 20))
    work = tmp_path / "work"
    work.mkdir()
    image = add_image(raw, sha512_of(raw), "debian", work)
    assert image.path.read_bytes()[:4] == b"QFI\xfb"
    assert image.sha512 == sha512_of(image.path) != sha512_of(raw)


@pytest.mark.parametrize("wrong", ["", "abc", "g" * 128, "0" * 128])
def test_an_image_with_another_checksum_is_refused(tmp_path: Path, wrong: str) -> None:
    path = qcow2(tmp_path / "debian.qcow2")
    with pytest.raises(ImageProblem, match="SHA-512"):
        add_image(path, wrong, "debian", tmp_path)
    assert not (tmp_path / "disk.qcow2").exists()


def test_an_image_that_refers_to_another_file_is_refused(tmp_path: Path) -> None:
    base = qcow2(tmp_path / "base.qcow2")
    over = qcow2(tmp_path / "over.qcow2", "-b", str(base), "-F", "qcow2")
    with pytest.raises(ImageProblem, match="another file"):
        add_image(over, sha512_of(over), "debian", tmp_path)


def test_an_image_with_its_data_elsewhere_is_refused(tmp_path: Path) -> None:
    path = qcow2(tmp_path / "split.qcow2", "-o", f"data_file={tmp_path}/data.raw")
    with pytest.raises(ImageProblem, match="another file"):
        add_image(path, sha512_of(path), "debian", tmp_path)


def test_a_damaged_image_is_refused(tmp_path: Path) -> None:
    path = qcow2(tmp_path / "debian.qcow2")
    data = bytearray(path.read_bytes())
    data[40:48] = b"\xff" * 8  # the place of the first table
    path.write_bytes(data)
    with pytest.raises(ImageProblem):
        add_image(path, sha512_of(path), "debian", tmp_path)


def test_an_image_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ImageProblem, match="cannot be read"):
        add_image(tmp_path / "none", "0" * 128, "debian", tmp_path)


def test_a_cached_image_counts_only_while_it_is_intact(tmp_path: Path) -> None:
    assert cached_image(RECIPE, tmp_path) is None
    built = images._inspected(qcow2(tmp_path / "new.qcow2"), RECIPE.label, wall())
    kept = images._keep(built, RECIPE, tmp_path, images.no_progress)
    assert cached_image(RECIPE, tmp_path) == kept
    assert images.build_image(RECIPE, tmp_path) == kept
    with kept.path.open("ab") as file:
        file.write(b"more")
    assert cached_image(RECIPE, tmp_path) is None


def test_a_note_that_is_not_whole_is_no_image(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"file": "x", "label": "y"}'):
        (tmp_path / f"{RECIPE.label}-{RECIPE.digest}.json").write_text(text)
        assert cached_image(RECIPE, tmp_path) is None


def test_one_process_builds_at_a_time_and_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "build-abandoned").mkdir()
    inside: list[str] = []
    waited: list[str] = []

    def second() -> None:
        with images._turn(tmp_path, lambda step, _part: waited.append(step)):
            inside.append("second")

    with images._turn(tmp_path, images.no_progress):
        assert not (tmp_path / "build-abandoned").exists()
        other = threading.Thread(target=second)
        other.start()
        while not waited:
            assert other.is_alive()
        inside.append("first")
    other.join()
    assert inside == ["first", "second"]
    assert waited == ["Waiting for another build"]
