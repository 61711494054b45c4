"""The letters from a request to a running machine, and the answers to replies."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.letters.kinds import (
    ADMIN_SUBJECT,
    CALENDAR,
    NOTES,
    PURPOSE,
    SNAPSHOT,
    SUBJECT,
    WHO,
    Audience,
    LetterKind,
    Thread,
)
from mailbot.model import Letter, Purpose

_QUESTION = {
    "question": "str: `request` or `extension`",
    "person": "{login, name, address}: who asks",
    "checks": "[str]: what policy checked, sentences (`policy.checks`)",
    "sites": "[{site, free_memory_mib, free_disk_gib, machines, as_of: moment, problems: [str]}]: where there is room",
    "lapses_at": "moment: when the question lapses without an answer",
}
_QUESTION_OPTIONAL = {
    **SNAPSHOT,
    **NOTES,
    "asked_end_date": "day: the later end date asked for (question `extension`; else the ticket's)",
    "sender": "str: address the request came from, where it is not the registered one",
    "evidence": "str: how the sender was recognised, one sentence",
}

OWNER_LETTERS: Mapping[Letter, LetterKind] = {
    Letter.REQUEST_PROBLEMS: LetterKind(
        Audience.SENDER,
        "a request cannot be taken as it is: every problem at once, and the template filled in",
        thread=Thread.ANSWER,
        facts={
            "problems": "[{field, line: int or None, found, allowed}]",
            "fields": "{username, intended_usage, expiration_date: str}: as understood or as written, '' where unknown",
        },
        optional={**SUBJECT, **NOTES},
        needs_ticket=False,
    ),
    Letter.UNKNOWN_SENDER: LetterKind(
        Audience.SENDER,
        "a request or command comes from an address that is not registered (at most one a day)",
        thread=Thread.ANSWER,
        optional=SUBJECT,
        needs_ticket=False,
    ),
    Letter.CONFIRM_REQUEST: LetterKind(
        Audience.OWNER,
        "a request in the owner's name comes from a sender who is not proven",
        Purpose.CONFIRM,
        thread=Thread.NONE,
        subject="[{service} #{number}] Please confirm your VM request",
        facts={"lapses_at": "moment: when the request is forgotten without an answer"},
        optional={"claimed_from": "str: address that the mail claimed to come from", **SNAPSHOT},
    ),
    Letter.REQUEST_RECEIVED: LetterKind(
        Audience.OWNER,
        "a request is complete and waits for an admin",
        Purpose.OWN,
        facts={"lapses_at": "moment: when the request lapses without a decision"},
        optional={**SNAPSHOT, **NOTES},
    ),
    Letter.REQUEST_APPROVED: LetterKind(
        Audience.OWNER,
        "an admin approved the request; the machine is being built",
        Purpose.OWN,
        facts=WHO,
        optional={**SNAPSHOT, "changed": "[str]: what the admin changed, sentences"},
    ),
    Letter.REQUEST_DENIED: LetterKind(
        Audience.OWNER,
        "an admin denied the request",
        facts={**WHO, "reason": "str: the admin's words"},
    ),
    Letter.REQUEST_LAPSED: LetterKind(
        Audience.OWNER,
        "no admin decided in time",
        facts={"days": "int: how many days the request waited"},
    ),
    Letter.REQUEST_WITHDRAWN: LetterKind(Audience.OWNER, "the owner took the request back"),
    Letter.VM_READY: LetterKind(
        Audience.OWNER,
        "the machine answers and has shown its keys",
        Purpose.OWN,
        facts={
            "fqdn": "str: full host name",
            "address": "str: IPv4 address",
            "host_keys": "[str]: public key lines `ssh-ed25519 AAAA…`",
            "host_key_fingerprints": "[str]: `SHA256:…`, same order",
        },
        optional={
            **SNAPSHOT,
            "stop_at": "moment: when the machine is stopped without an extension (else the end of the end date)",
            "first_warning_on": "day: when the first warning is sent",
            **CALENDAR,
            "restored": "bool: built again from the kept disk",
        },
    ),
}

ADMIN_LETTERS: Mapping[Letter, LetterKind] = {
    Letter.ADMIN_DECISION: LetterKind(
        Audience.ADMIN,
        "a request (or an extension) waits for a decision",
        Purpose.DECIDE,
        Thread.ADMINS,
        ADMIN_SUBJECT,
        facts=_QUESTION,
        optional=_QUESTION_OPTIONAL,
    ),
    Letter.ADMIN_REMINDER: LetterKind(
        Audience.ADMIN,
        "nobody has decided for some days",
        Purpose.DECIDE,
        Thread.ADMINS,
        ADMIN_SUBJECT,
        facts={**_QUESTION, "asked_at": "moment: when the question was asked first"},
        optional=_QUESTION_OPTIONAL,
    ),
    Letter.ADMIN_DECIDED: LetterKind(
        Audience.ADMIN,
        "somebody decided: every admin is told",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={
            "decision": "str: `approved`, `denied` or `withdrawn`",
            "question": "str: `request` or `extension`",
            "by": "str: name of who decided",
            "at": "moment: when",
        },
        optional={**SNAPSHOT, "reason": "str: the words of a denial", "changed": "[str]: what the admin changed"},
    ),
    Letter.ADMIN_ALREADY_DECIDED: LetterKind(
        Audience.ADMIN,
        "an admin answers a question that is decided already",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={"words": "str: the admin's answer as read", "outcome": "str: one sentence: who decided what, when"},
    ),
    Letter.ADMIN_LAPSED: LetterKind(
        Audience.ADMIN,
        "a question lapsed without an answer",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={"question": "str: `request` or `extension`", "days": "int: how many days it waited"},
    ),
    Letter.ADMIN_BUILD_FAILED: LetterKind(
        Audience.ADMIN,
        "a machine could not be built",
        Purpose.DECIDE,
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={"why": "str: the error", "attempts": "int: how often it was tried"},
        optional={"sites": "[str]: where it was tried"},
    ),
    Letter.ADMIN_MACHINE_TROUBLE: LetterKind(
        Audience.ADMIN,
        "stopping, starting or removing a machine failed",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={"effect": "str: `stop`, `start`, `retire`, `delete-disk`", "why": "str: the error"},
        optional={"again_at": "moment: when it is tried again"},
    ),
    Letter.ADMIN_MAIL_TROUBLE: LetterKind(
        Audience.ADMIN,
        "a mail could not be read or handled and lies in quarantine",
        thread=Thread.NONE,
        subject="[{service}] A mail could not be handled",
        facts={"why": "str: why", "folder": "str: where the mail lies now"},
        optional={"sender": "str", "subject": "str", "message_id": "str", "received_at": "moment"},
        needs_ticket=False,
    ),
    Letter.ADMIN_TICKET_TROUBLE: LetterKind(
        Audience.ADMIN,
        "a ticket's turn raised an error and was put off",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={"error": "str: the error"},
        optional={"again_at": "moment: when it is tried again"},
    ),
    Letter.ADMIN_BLIND: LetterKind(
        Audience.ADMIN,
        "something that the bot needs (mailbox, directory, clock, mail server, site) has failed for an hour, or works again",
        thread=Thread.NONE,
        subject="[{service}] mailbot cannot see",
        facts={
            "what": "str: what failed",
            "since": "moment: since when",
            "why": "str: the error",
            "back": "bool: it works again",
            "meanwhile": "str: what holds until it works again",
        },
        needs_ticket=False,
    ),
}

ANSWERS: Mapping[Letter, LetterKind] = {
    Letter.UNCLEAR_REPLY: LetterKind(
        Audience.SENDER,
        "a reply is not clearly one known command; nothing was changed",
        None,
        Thread.ANSWER,
        facts={"words": "str: the words as read", "why": "str: why they are unclear", **PURPOSE},
        optional=SUBJECT,
    ),
    Letter.COMMAND_REFUSED: LetterKind(
        Audience.SENDER,
        "a command is clear, but not possible now or not allowed; nothing was changed",
        None,
        Thread.ANSWER,
        facts={"words": "str: the command as read", "why": "str: why not, a sentence", **PURPOSE},
        optional=SUBJECT,
    ),
    Letter.HELP: LetterKind(
        Audience.SENDER,
        "somebody answered with the word help",
        None,
        Thread.ANSWER,
        facts={**PURPOSE},
        optional=SUBJECT,
    ),
    Letter.STATUS: LetterKind(
        Audience.SENDER,
        "somebody answered with the word status",
        None,
        Thread.ANSWER,
        facts={"state": "str: how things stand, a sentence", **PURPOSE},
        optional={
            **SUBJECT,
            "dates": "[{when: day or moment, what: str}]: what happens when",
            "fqdn": "str: full host name",
            "address": "str: IPv4 address",
            "machine": "str: what the hypervisor says of the machine now",
        },
    ),
}
