"""The commands that a reply can give: what may follow each of them, and what it does.

How people write them is a table for each language: `parsers.reply.english` and its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

from parsers.values import Verb


@dataclass(frozen=True, slots=True)
class Rule:
    """One verb: how documents show it, what it does, and what may follow it."""

    verb: Verb
    form: str
    does: str
    options: frozenset[str] = frozenset()


UNTIL, DISK, PERIOD, REASON, WHY = "until", "disk", "period", "reason", "why"

RULES: tuple[Rule, ...] = (
    Rule(
        Verb.APPROVE,
        "approve [until DATE] [disk N]",
        "An admin approves a request or an extension; with another end date or disk size (GiB) if one is given.",
        frozenset({UNTIL, DISK}),
    ),
    Rule(
        Verb.DENY,
        "deny REASON",
        "An admin refuses a request or an extension; the requester reads the reason.",
        frozenset({REASON}),
    ),
    Rule(
        Verb.RETRY,
        "retry",
        "An admin has a machine built again after a failure.",
    ),
    Rule(
        Verb.EXTEND,
        "extend until DATE [because REASON] | extend for PERIOD [because REASON]",
        "The owner asks to keep the VM longer; the admins read the reason if they are asked.",
        frozenset({UNTIL, PERIOD, WHY}),
    ),
    Rule(
        Verb.RELEASE,
        "release",
        "The owner gives the VM back before its end date; mailbot asks to confirm.",
    ),
    Rule(
        Verb.WITHDRAW,
        "withdraw",
        "The requester withdraws a request that has not been decided yet.",
    ),
    Rule(
        Verb.KEEP,
        "keep",
        "The owner cancels a release.",
    ),
    Rule(
        Verb.START,
        "start",
        "The owner has a VM switched on.",
    ),
    Rule(
        Verb.RESTART,
        "restart",
        "The owner has the VM shut down (or switched off if it does not respond) and started again.",
    ),
    Rule(
        Verb.CONSOLE,
        "console",
        "The owner gets the last lines of the VM's console.",
    ),
    Rule(
        Verb.REKEY,
        "rekey",
        "The owner's current SSH keys in the directory can log in as root again; other keys stay.",
    ),
    Rule(
        Verb.REINSTALL,
        "reinstall",
        "The owner has the VM reinstalled on a new disk with the same name; mailbot asks to confirm.",
    ),
    Rule(
        Verb.RESTORE,
        "restore [until DATE] [because REASON]",
        "The owner asks to have a removed VM back while its disk is kept; the admins read the reason if they are asked.",
        frozenset({UNTIL, WHY}),
    ),
    Rule(
        Verb.CONFIRM,
        "confirm",
        "Answers a letter that asks whether a request or a release is really yours.",
    ),
    Rule(
        Verb.PROCEED,
        "proceed",
        "An admin allows stops and removals that were held back.",
    ),
    Rule(
        Verb.ADOPT,
        "adopt MACHINE",
        "An admin gives a VM that no ticket knows a ticket in its owner's name.",
    ),
    Rule(
        Verb.REBUILD,
        "rebuild MACHINE",
        "An admin has a VM that disappeared built again under its name.",
    ),
    Rule(
        Verb.FORGET,
        "forget MACHINE",
        "An admin closes the ticket of a VM that disappeared, or stops messages about one that no ticket knows.",
    ),
    Rule(
        Verb.STATUS,
        "status",
        "Asks for the status of a request or a VM.",
    ),
    Rule(
        Verb.HELP,
        "help",
        "Asks for this list.",
    ),
)
