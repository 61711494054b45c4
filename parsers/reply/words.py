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
        "An administrator agrees to a request, or to an extension; with another end date or disk size (GiB) where one is given.",
        frozenset({UNTIL, DISK}),
    ),
    Rule(
        Verb.DENY,
        "deny REASON",
        "An administrator refuses a request or an extension; the requester reads the reason.",
        frozenset({REASON}),
    ),
    Rule(
        Verb.RETRY,
        "retry",
        "An administrator has a machine that could not be built tried again.",
    ),
    Rule(
        Verb.EXTEND,
        "extend until DATE [because REASON] | extend for PERIOD [because REASON]",
        "The owner asks to keep the VM longer; administrators who are asked read the reason.",
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
        "The requester takes a request back that is not yet decided.",
    ),
    Rule(
        Verb.KEEP,
        "keep",
        "The owner takes a release back.",
    ),
    Rule(
        Verb.START,
        "start",
        "The owner has a VM that is switched off started.",
    ),
    Rule(
        Verb.RESTART,
        "restart",
        "The owner has the VM shut down, or switched off where it does not listen, and started again.",
    ),
    Rule(
        Verb.CONSOLE,
        "console",
        "The owner is sent the last lines that the VM wrote to its console.",
    ),
    Rule(
        Verb.REKEY,
        "rekey",
        "The owner's SSH keys, as the directory has them now, are let in as root again; other keys stay.",
    ),
    Rule(
        Verb.REINSTALL,
        "reinstall",
        "The owner has the VM installed again on a fresh disk, under the same name; mailbot asks to confirm.",
    ),
    Rule(
        Verb.RESTORE,
        "restore [until DATE] [because REASON]",
        "The owner asks for a removed VM back while its disk is still kept; administrators who are asked read the reason.",
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
        "An administrator lets stops and removals go on that were held back.",
    ),
    Rule(
        Verb.ADOPT,
        "adopt MACHINE",
        "An administrator gives a VM that no ticket knows a ticket of its owner's.",
    ),
    Rule(
        Verb.REBUILD,
        "rebuild MACHINE",
        "An administrator has a VM that disappeared from its site built again under its name.",
    ),
    Rule(
        Verb.FORGET,
        "forget MACHINE",
        "An administrator ends what is left of a VM that disappeared, or stops messages about one that no ticket knows.",
    ),
    Rule(
        Verb.STATUS,
        "status",
        "Asks how a request or a VM stands.",
    ),
    Rule(
        Verb.HELP,
        "help",
        "Asks for this list.",
    ),
)
