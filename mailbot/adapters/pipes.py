"""Children of ours, and the pipes to and from them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import IO


def child(
    module: str,
    *words: str,
    environment: Mapping[str, str],
    stderr: int | None = subprocess.DEVNULL,
    start_new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """One of our modules run by our own interpreter, with a pipe to it and one from it.  Raises OSError.

    It finds what we find, and imports nothing from the folder that we were started in.
    """
    return subprocess.Popen(  # noqa: S603 - no word of it is a stranger's
        [sys.executable, "-P", "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        bufsize=0,
        start_new_session=start_new_session,
        env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def opened(stream: IO[bytes] | None) -> IO[bytes]:
    """One end of a pipe that was asked for when the child was started; `Popen` types it as one that may be missing."""
    if stream is None:
        raise ValueError("no pipe was asked for")
    return stream
