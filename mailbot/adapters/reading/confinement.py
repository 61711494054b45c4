"""What the reading child gives up before it sees a mail: files, network, rights, memory and time.

Each layer is taken where the kernel or a library of the machine gives it, and what was had is reported (`mailbot doctor`
shows it).  None of them needs root, and a layer that cannot be had never keeps mail from being read.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
from enum import StrEnum

_PR_SET_NO_NEW_PRIVS = 38

# landlock(7).  The numbers of these system calls are the same on every architecture.
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1
#: How many rights over files each version of the interface knows; a version not listed knows at least those of the last.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LAST_FILE_RIGHTS = 16
_NETWORK_SINCE = 4
_NETWORK_RIGHTS = 0b11

# seccomp_init(3), seccomp_rule_add(3)
_LIBSECCOMP = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
#: All that a process needs which has its pipe open and only computes.  No open, socket, execve, fork, kill or ptrace.
_SYSTEM_CALLS = (
    *("read", "write", "recvfrom", "sendto", "close", "poll", "ppoll", "select", "pselect6"),
    *("mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "brk", "futex", "futex_time64", "rseq"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "restart_syscall", "setitimer"),
    *("clock_gettime", "clock_gettime64", "gettimeofday", "getrandom", "getrusage", "getpid", "gettid"),
    *("exit", "exit_group"),
)


class Layer(StrEnum):
    """One thing that a hostile mail cannot do, even where it has taken the child over."""

    NO_NEW_PRIVILEGES = "no new privileges"
    NO_FILES = "no files (Landlock)"
    NO_SYSTEM_CALLS = "no files, network or processes (seccomp)"
    MEMORY = "bounded memory"
    TIME = "bounded processor time"


def leave_files() -> list[Layer]:
    """Give up privileges to come, and files.  Everything must be imported before."""
    libc = _libc()
    layers = []
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        layers.append(Layer.NO_NEW_PRIVILEGES)
        if _landlock(libc):
            layers.append(Layer.NO_FILES)
    return layers


def limit_process(memory_bytes: int, processor_seconds: int) -> list[Layer]:
    """Bound what this process may ever use.

    The limit on the processor time of a single mail is a timer (`bound_time`): finer, and reset for each mail.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds))
    return [Layer.MEMORY, Layer.TIME]


def bound_time(seconds: float) -> None:
    """From now on so much processor time; then SIGPROF ends the process wherever it is.  0 takes the bound away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def seccomp() -> ctypes.CDLL | None:
    """libseccomp, which nearly every Debian system has, None where it is not; to be loaded while there are files."""
    try:
        return ctypes.CDLL(_LIBSECCOMP)
    except OSError:
        return None


def leave_system_calls(library: ctypes.CDLL | None) -> list[Layer]:
    """From now on only computing, and the connections that are open; nothing is given up without the library."""
    if library is None:
        return []
    library.seccomp_init.restype = ctypes.c_void_p
    address = library.seccomp_init(ctypes.c_uint32(_REFUSE))
    if not address:
        return []
    context = ctypes.c_void_p(address)
    try:
        for name in _SYSTEM_CALLS:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:  # negative: this architecture has no such call
                library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0)
        return [Layer.NO_SYSTEM_CALLS] if library.seccomp_load(context) == 0 else []
    finally:
        library.seccomp_release(context)


def volunteer_for_the_end() -> None:
    """Let the kernel end this process, not the daemon, when memory is short; may fail, and nothing depends on it."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("900")
    except OSError:
        return


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


def _landlock(libc: ctypes.CDLL) -> bool:
    """A ruleset without a single rule: every right that it handles is gone."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return False
    files = (1 << _FILE_RIGHTS.get(version, _LAST_FILE_RIGHTS)) - 1
    attributes = _RulesetAttributes(files, _NETWORK_RIGHTS if version >= _NETWORK_SINCE else 0)
    size = ctypes.sizeof(attributes) if version >= _NETWORK_SINCE else ctypes.sizeof(ctypes.c_uint64)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        return bool(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)
