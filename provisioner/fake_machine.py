"""What a fake site has and does: its machines, the steps that change them, and what is to go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class FakeStep(StrEnum):
    """The steps that change a hypervisor, in the order in which `ensure` and then `retire` take them."""

    RESERVE = "reserve"
    CREATE_DISK = "create-disk"
    CREATE_SEED = "create-seed"
    DEFINE = "define"
    START = "start"
    STOP = "stop"
    POWER_OFF = "power-off"
    UNDEFINE = "undefine"
    DELETE_SEED = "delete-seed"
    RELEASE = "release"
    DELETE_DISK = "delete-disk"
    RECEIVE = "receive"
    HALT = "halt"
    GO_ON_THERE = "go-on-there"
    RESUME = "resume"
    LET_GO = "let-go"
    MAKE_COPY = "make-copy"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong.

    `fail_at` and `crash_at` hold steps *before* which the call fails, or after which the process is
    killed with SIGKILL; `fail_times` bounds the failures (None: always) and `permanent` is passed on.
    `hang_seconds` delays every call.  `polls_until_ready` is how many looks a boot needs, and
    `never_ready` keeps it booting.  `deaf` guests ignore the request to stop, `agentless` ones have no guest agent, all
    print the lines of `console`.  `foreign` names domains
    that belong to somebody else.
    """

    fail_at: frozenset[FakeStep] = frozenset()
    fail_times: int | None = None
    permanent: bool = False
    crash_at: frozenset[FakeStep] = frozenset()
    hang_seconds: float = 0.0
    unreachable: bool = False
    full: bool = False
    foreign: frozenset[str] = frozenset()
    polls_until_ready: int = 1
    never_ready: bool = False
    deaf: bool = False
    agentless: bool = False
    console: tuple[str, ...] = ("Debian GNU/Linux 13", "login:")


NO_FAULTS = Faults()


@dataclass(slots=True)
class FakeMachine:
    """What the fake hypervisor keeps of one machine; every part can be there without the others."""

    name: str
    reference: str = ""
    owner: str = ""
    expires: str = ""
    address: str | None = None
    disk: bool = False
    disk_gib: int = 0
    content: str = ""
    """What is on the disk: where and how it was made, for a test to tell one from another."""
    seed: bool = False
    defined: bool = False
    running: bool = False
    halted: bool = False
    """A migration stopped it, or has not finished bringing it."""
    memory_mib: int = 0
    polls: int = 0
    fingerprints: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.address or self.disk or self.seed or self.defined)
