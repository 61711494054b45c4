"""Base images on this machine: built with mmdebstrap or taken from a file, verified, kept in a cache.

Nothing here knows libvirt; `libvirt_driver` uploads what comes out of here into a site's pool.
The disk is put together without mounting anything: mke2fs fills the file system from a directory, and
GRUB's first two stages are written where their own defaults expect them, and GRUB for EFI where firmware looks on a disk
that it has never seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from provisioner import naming
from provisioner.first_boot import SCRIPTS
from provisioner.image_recipe import DPKG_OPTIONS, EARLY_GRUB, FILES, FINISH, GRUB_FOR, LABEL, Recipe

Progress = Callable[[str, float | None], None]
"""Told `(step, fraction)`: what is being done, and how much of it from 0 to 1, or None where that is unknown."""

CACHE: Final = Path("/var/cache/mailbot")
_SECTOR: Final = 512
_FIRST_MIB: Final = 1
"""Where the first partition begins, that of EFI; before it is GRUB's core for BIOS."""
_EFI_MIB: Final = 4
"""The system partition of EFI.  It lies before the root file system, which grows to the end of a machine's disk."""
_ROOT_MIB: Final = _FIRST_MIB + _EFI_MIB
_CHUNK: Final = 1 << 20
_GRUB: Final = Path("/usr/lib/grub")
_TOOLS: Final = ("mmdebstrap", "mke2fs", "qemu-img", "grub-mkimage", "mkfs.fat", "mmd", "mcopy")
_MMDEBSTRAP_STEPS: Final = (
    ("running apt-get update", "Reading the package lists", 0.02),
    ("downloading packages with apt", "Downloading the base system", 0.05),
    ("installing essential packages", "Installing the base system", 0.2),
    ("downloading remaining packages", "Downloading kernel and services", 0.3),
    ("installing remaining packages", "Installing kernel and services", 0.45),
    ("cleaning package lists", "Cleaning up", 0.8),
)


class ImageProblem(Exception):
    """An image could not be built or is not what it should be; the message is for an operator."""


@dataclass(frozen=True, slots=True)
class LocalImage:
    """A verified qcow2 file on this machine, ready to be registered at a site.

    `label` names what it is (`debian-bookworm`), `built` when (aware UTC), `sha512` its content in
    hexadecimal, `virtual_mib` the size of the disk inside.
    """

    path: Path
    label: str
    built: datetime
    sha512: str
    virtual_mib: int

    @property
    def volume(self) -> str:
        """The name of its volume in a pool."""
        return naming.image_volume(self.label, self.built, self.sha512)


@contextmanager
def as_kept(image: LocalImage, *, raw: bool) -> Iterator[tuple[Path, str]]:
    """The file that goes to a pool and its SHA-512: the image itself, or a raw one of the same content, for as long as it is needed."""
    if not raw:
        yield image.path, image.sha512
        return
    with tempfile.TemporaryDirectory(dir=image.path.parent, prefix=".raw-") as folder:
        path = Path(folder) / "image.raw"
        _run(["qemu-img", "convert", "-O", "raw", str(image.path), str(path)])
        yield path, sha512_of(path)


def no_progress(_step: str, _fraction: float | None) -> None:
    """Tell nobody."""


def build_image(
    recipe: Recipe, cache: Path = CACHE, progress: Progress = no_progress, *, rebuild: bool = False
) -> LocalImage:
    """Give the image of a recipe: from the cache where it is there and intact, else built now.

    Needs root, mmdebstrap, mke2fs, qemu-img, mkfs.fat, mtools and GRUB's files for PC BIOS and EFI.  A build that is killed
    leaves nothing in the cache.  Raises `ImageProblem`.
    """
    if not rebuild and (kept := cached_image(recipe, cache)):
        progress("The image is already built", 1.0)
        return kept
    _check_tools()
    with _turn(cache, progress):
        # Whoever had the turn before may have built it.
        kept = None if rebuild else cached_image(recipe, cache)
        return kept or _build(recipe, cache, progress)


@contextmanager
def _turn(cache: Path, progress: Progress) -> Iterator[None]:
    """Let one process at a time build, and clear away what a killed one left."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another build", None)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in cache.glob("build-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        yield


def _build(recipe: Recipe, cache: Path, progress: Progress) -> LocalImage:
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as work:
        root = _debootstrap(recipe, Path(work), progress)
        progress("Writing the disk", 0.82)
        raw = _assemble(recipe, root, Path(work))
        progress("Compressing the disk", 0.88)
        disk = Path(work) / "disk.qcow2"
        _run(["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", str(raw), str(disk)])
        progress("Checking the image", 0.97)
        image = _inspected(disk, recipe.label, datetime.now(UTC))
        return _keep(image, recipe, cache, progress)


def cached_image(recipe: Recipe, cache: Path = CACHE) -> LocalImage | None:
    """Give the image of exactly this recipe where the cache has it and its checksum is right."""
    note = cache / f"{recipe.label}-{recipe.digest}.json"
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        image = LocalImage(
            cache / kept["file"],
            kept["label"],
            datetime.fromisoformat(kept["built"]),
            kept["sha512"],
            int(kept["virtual_mib"]),
        )
        return image if sha512_of(image.path) == image.sha512 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def add_image(path: Path, sha512: str, label: str, work: Path, progress: Progress = no_progress) -> LocalImage:
    """Verify a ready image against its published SHA-512 and give it as a qcow2 in `work`.

    Refused are other checksums, damaged images, and images that refer to further files (a backing or
    data file), which could reach into the host.  A raw image is converted.  Raises `ImageProblem`.
    """
    wanted = sha512.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{128}", wanted):
        raise ImageProblem("The SHA-512 must be 128 hexadecimal digits.")
    progress("Checking the checksum", 0.1)
    try:
        found = sha512_of(path)
    except OSError as error:
        raise ImageProblem(f"{path} cannot be read: {error.strerror}.") from None
    if found != wanted:
        raise ImageProblem(f"{path} has the SHA-512 {found}, which is not the one that was given. It was not added.")
    progress("Checking the image", 0.5)
    disk = work / "disk.qcow2"
    kind = _described(path)["format"]
    if kind == "qcow2":
        shutil.copyfile(path, disk)
    else:
        _run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(path), str(disk)])
    built = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    progress("The image is in order", 1.0)
    return _inspected(disk, naming.check_label(label), built)


def sha512_of(path: Path) -> str:
    """Give a file's SHA-512 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()


def _check_tools() -> None:
    missing = [tool for tool in _TOOLS if not _which(tool)]
    if missing:
        raise ImageProblem(f"Missing: {', '.join(missing)}. Install what contrib/debian-packages.txt lists.")
    if not (_GRUB / "i386-pc/boot.img").exists():
        raise ImageProblem("GRUB's files for PC BIOS are missing; install the Debian package grub-pc-bin.")
    if not (_GRUB / "x86_64-efi").exists():
        raise ImageProblem("GRUB's files for EFI are missing; install the Debian package grub-efi-amd64-bin.")
    if os.geteuid() != 0:
        raise ImageProblem("Building an image needs root; a ready one can be taken with `mailbot image add`.")


def _which(tool: str) -> str | None:
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _debootstrap(recipe: Recipe, work: Path, progress: Progress) -> Path:
    """Make the root directory; the overlay goes in before the kernel, whose installation reads it."""
    root, overlay, sources = work / "root", work / "overlay.tar", work / "debian.sources"
    finish = work / "finish.sh"
    sources.write_text(recipe.sources, encoding="utf-8")
    finish.write_text(FINISH, encoding="utf-8")
    _write_overlay(overlay)
    # In a mount namespace of its own, so that what it mounts for the packages' scripts is gone with it, however it ends.
    command = ["unshare", "--mount", "--propagation", "private"]
    command += [_which("mmdebstrap") or "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(recipe.packages)}", '--aptopt=Acquire::Languages "none"']
    command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    command += [
        f"--essential-hook=tar-in {shlex.quote(str(overlay))} /",
        f'--customize-hook=chroot "$1" sh < {shlex.quote(str(finish))}',
    ]
    command += [recipe.suite, str(root), str(sources)]
    _run_followed(command, progress)
    return root


def _write_overlay(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name, text in sorted(FILES.items()):
            data = text.encode("utf-8")
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode = len(data), 0o755 if name in SCRIPTS else 0o644
            archive.addfile(entry, BytesIO(data))


def _assemble(recipe: Recipe, root: Path, work: Path) -> Path:
    """Put boot sector, GRUB for BIOS and for EFI, and the file system into one raw disk; gives its path."""
    raw = work / "disk.raw"
    with raw.open("wb") as disk:
        disk.truncate((_ROOT_MIB + recipe.root_mib) << 20)
    # GRUB of Debian 12 cannot read these two features; a full inode table makes the first boot quieter.
    features = ["-O", "^metadata_csum_seed,^orphan_file"]
    layout = ["-E", f"offset={_ROOT_MIB << 20},lazy_itable_init=0"]
    filesystem = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", LABEL, "-m", "1", "-d", str(root)]
    _run([*filesystem, *features, *layout, str(raw), f"{recipe.root_mib}M"])
    core = _grub("i386-pc", work / "core.img", "-p", "(hd0,msdos1)/boot/grub")
    _write_boot(raw, (_GRUB / "i386-pc/boot.img").read_bytes(), core.read_bytes(), recipe)
    with raw.open("r+b") as disk:
        disk.seek(_FIRST_MIB << 20)
        disk.write(_efi_system(work).read_bytes())
    return raw


def _grub(platform: str, path: Path, *options: str) -> Path:
    where = ["-d", str(_GRUB / platform), "-o", str(path)]
    _run(["grub-mkimage", "-O", platform, *where, *options, *GRUB_FOR[platform]])
    return path


def _efi_system(work: Path) -> Path:
    """Make the file system that firmware starts from without having been told of it (UEFI specification, section 3.5.1.1)."""
    early, path = work / "early.cfg", work / "efi.img"
    early.write_text(EARLY_GRUB, encoding="ascii")
    core = _grub("x86_64-efi", work / "BOOTX64.EFI", "-c", str(early), "-p", "/boot/grub")
    _run(["mkfs.fat", "--invariant", "-n", "EFI", "-C", str(path), str(_EFI_MIB << 10)])
    _run(["mmd", "-i", str(path), "::EFI", "::EFI/BOOT"])
    _run(["mcopy", "-i", str(path), str(core), "::EFI/BOOT/BOOTX64.EFI"])
    return path


def _write_boot(raw: Path, boot: bytes, core: bytes, recipe: Recipe) -> None:
    """Write the master boot record and GRUB's core behind it.

    boot.img loads the core from sector 1 unless told otherwise, and the core's first sector knows its own
    length from grub-mkimage and goes on at sector 2: laid out like this, nothing needs patching (GRUB's
    boot/i386/pc/boot.S, diskboot.S).  The partition table has one bootable Linux partition, and behind it in the table, before
    it on the disk, the system partition of EFI (UEFI specification, section 5.2.2).
    """
    if len(core) > (_FIRST_MIB << 20) - _SECTOR:
        raise ImageProblem("GRUB's core does not fit before the first partition.")
    root = _partition(0x80, 0x83, _ROOT_MIB, recipe.root_mib)
    efi = _partition(0, 0xEF, _FIRST_MIB, _EFI_MIB)
    signature = bytes.fromhex(recipe.digest)[:4]
    record = boot[:440] + signature + b"\0\0" + root + efi + bytes(32) + b"\x55\xaa"
    with raw.open("r+b") as disk:
        disk.write(record)
        disk.write(core)


def _partition(status: int, kind: int, first_mib: int, size_mib: int) -> bytes:
    everywhere = b"\xfe\xff\xff"
    sectors = (1 << 20) // _SECTOR
    return struct.pack("<B3sB3sII", status, everywhere, kind, everywhere, first_mib * sectors, size_mib * sectors)


def _inspected(disk: Path, label: str, built: datetime) -> LocalImage:
    """Let qemu-img check the image and describe it; refuse what is damaged or refers to other files."""
    about = _described(disk)
    if about["format"] != "qcow2":
        raise ImageProblem(f"{disk.name} is not a qcow2 image but {about['format']}.")
    _run(["qemu-img", "check", "-q", "-f", "qcow2", str(disk)])
    return LocalImage(disk, label, built.replace(microsecond=0), sha512_of(disk), int(about["virtual-size"]) >> 20)


def _described(path: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_run(["qemu-img", "info", "--output=json", str(path)]))
    if about["format"] not in ("qcow2", "raw"):
        raise ImageProblem(f"{path.name} is a {about['format']} image; qcow2 or raw is needed.")
    further = about.get("format-specific", {}).get("data", {})
    if "backing-filename" in about or "data-file" in further:
        raise ImageProblem(f"{path.name} refers to another file; such an image is not taken.")
    return about


def _keep(image: LocalImage, recipe: Recipe, cache: Path, progress: Progress) -> LocalImage:
    """Move a finished image into the cache: first the file, then the note that makes it count."""
    kept = cache / f"{recipe.label}-{recipe.digest}.qcow2"
    image.path.replace(kept)
    final = LocalImage(kept, image.label, image.built, image.sha512, image.virtual_mib)
    note = asdict(final) | {"file": kept.name, "built": final.built.isoformat()}
    del note["path"]
    part = kept.with_suffix(".json.part")
    part.write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    part.replace(kept.with_suffix(".json"))
    progress("The image is built", 1.0)
    return final


def _run(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603  (a fixed program and paths of our own)
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=_environment()
    )
    if done.returncode:
        raise ImageProblem(f"{command[0]} failed: {_last_words(done.stderr or done.stdout)}")
    return done.stdout


def _run_followed(command: list[str], progress: Progress) -> None:
    """Run mmdebstrap and translate its log lines into progress."""
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603  (a fixed program and paths of our own)
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=_environment(),
        start_new_session=True,
    ) as process:
        try:
            for line in process.stderr or ():
                lines.append(line)
                for words, step, fraction in _MMDEBSTRAP_STEPS:
                    if words in line:
                        progress(step, fraction)
        except BaseException:
            # All of it at once: what its children would go on to write lies in a directory that is removed next.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise ImageProblem(f"mmdebstrap failed: {_last_words(''.join(lines))}")


def _environment() -> dict[str, str]:
    """Give the environment of the tools: as ours, with the administrator's directories and plain messages."""
    return os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def _last_words(output: str) -> str:
    return " / ".join(output.strip().splitlines()[-4:]) or "it said nothing"
