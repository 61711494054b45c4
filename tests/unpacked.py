"""A Debian package below a folder of the tests' own: never installed, so that nothing that is installed changes.

apt gives and checks it, with everything it needs that this machine lacks; what the machine has is used from where it lies.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

_CACHE = Path(f"/var/tmp/mailbot-test-packages-{os.geteuid()}")
"""Of this user alone; other users run what is in it."""


class PackageProblem(RuntimeError):
    """A package cannot be had; the message says what to do."""


def unpacked(package: str) -> Path:
    """The root below which a Debian package lies, with what it needs and this machine lacks.  Raises PackageProblem."""
    _CACHE.mkdir(exist_ok=True)
    if _CACHE.stat().st_uid != os.geteuid():
        raise PackageProblem(f"{_CACHE} belongs to somebody else")
    apt = _apt()
    wanted = _install(apt, "--print-uris", package)
    if wanted.returncode:  # no lists, or stale ones: fetched aside, where they change nothing for anybody
        apt = _apt(lists=_CACHE / "lists")
        _run([*apt, "update"])
        wanted = _install(apt, "--print-uris", package)
    if wanted.returncode:
        raise PackageProblem(f"apt gives no {package}, which these tests need from a Debian mirror:\n{wanted.stderr}")
    root = _CACHE / f"{package}-{hashlib.sha256(wanted.stdout.encode()).hexdigest()[:16]}"
    if not root.exists():
        _unpack(apt, package, root)
    return root


def _apt(lists: Path | None = None) -> list[str]:
    """apt-get that asks for no lock and writes nothing of the system's: what else runs on the machine is not held up."""
    options = ["Debug::NoLocking=1", "APT::Sandbox::User=root", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
    if lists is not None:
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        options.append(f"Dir::State::lists={lists}")
    return ["apt-get", "-qq", "-y", *(word for option in options for word in ("-o", option))]


def _install(apt: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return _run([*apt, "install", "--no-install-recommends", *words])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def _unpack(apt: list[str], package: str, root: Path) -> None:
    """Fetch and unpack aside, then rename: neither a run that was ended nor one beside this leaves half of it under the name."""
    with tempfile.TemporaryDirectory(dir=_CACHE) as aside:
        archives, tree = Path(aside) / "archives", Path(aside) / "tree"
        (archives / "partial").mkdir(parents=True)
        fetched = _install([*apt, "-o", f"Dir::Cache::archives={archives}"], "--download-only", package)
        if fetched.returncode:
            raise PackageProblem(f"apt cannot fetch {package}:\n{fetched.stderr}")
        for archive in sorted(archives.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", str(archive), str(tree)], check=True)
        with suppress(OSError):
            tree.rename(root)
    if not root.exists():
        raise PackageProblem(f"{package} cannot be unpacked to {root}")


def libraries(root: Path) -> dict[str, str]:
    """The environment in which programs below the root find their libraries."""
    folders = sorted({str(path.parent) for path in root.rglob("*.so*")})
    return {"LD_LIBRARY_PATH": ":".join(folders), "PATH": "/usr/bin:/bin"}
