"""Mail that came back: what came back, to whom it did not go, and whether trying again could help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from parsers.mail.headers import Fields, fields_of, message_ids, normal_address
from parsers.mail.mime import ascii_text, children
from parsers.text import subjects
from parsers.text.folding import fold, one_line, phrases
from parsers.values import Mail

_DAEMON = re.compile(
    r"(?:mailer-?daemon|mail-?d(?:ae|ea)mon|mailerdaemon|mail-?delivery|mdaemon|bounces?|mailsystem|e500_smtp_mail_service)\b"
)
_POSTMASTER = re.compile(
    r"(?:post_?master|mail-?master|no-?reply|do-?not-?reply|system|administrator|root|mail|notification)\b"
)
_DAEMON_NAMES = phrases("""
    mail delivery s | mailer-daemon | mailer daemon | mail delivery | mail administrator | delivery subsystem |
    postmaster | system administrator | internet mail delivery | microsoft outlook | systeme de messagerie |
    mail-system | systemadministrator
""")
_SUBJECTS = phrases("""
    undeliver | delivery failure | delivery failed | failure notice | returned mail | mail delivery fail |
    delivery status | delivery notification | delivery report | message delivery has failed | mail failure |
    mail error | mail system error | could not be delivered | couldn't be delivered | not delivered |
    returned to sender | rejected mail | delivery problem | delivery has failed | nondeliver | non-deliver |
    non deliver | unable to deliver | error sending your mail | delayed mail | warning: message |
    warning: could not send | message delayed | delivery delay | delivery attempts | message status | ndn: |
    unzustellbar | zustellung fehlgeschlagen | non remis | non remise | echec de la remise | échec d'envoi |
    non délivré | non distribué | no se puede entregar | no entregado | mancato recapito | impossibile recapitare |
    onbestelbaar | niet bezorgd | não entregue | nie mozna dostarczyc | niedostarczaln | сообщение не доставлено |
    не доставлено | недоставленное | olevererbart | kan inte levereras | メールエラー | 配信不能 | 配送できません | 退信 | 投递失败 | 系统退信
    | postmaster notify | aws notification | permanent error | mail returned | non recapit | viruses detected | virus in mail | virus alert | virus ( | considered unsolicited | message you sent blocked | message you sent |
    nachricht nicht | nicht zustellbar | impossible de remettre | impossible de delivrer | fehler bei der zustellung | no se pudo entregar | impossibile recapitare | email delivery failure | rejected: |
    kan ikke leveres | kunne ikke leveres | olevererbart | onbestelbaar | niedostarczalne | ei voitu toimittaa | не доставлено | недоставлен | 配信不能 | 无法送达 | nedorucitel | kezbesithetetlen |
    teslim edileme | nao foi possivel entregar | non recapitabile | non remis |
    message rejected | blocked: | mailbox full | quota exceeded
""")
_WORDS = phrases("""
    did not reach some | was blocked by | virus detector | contained a virus | recapitat | nicht zugestellt |
    awaits moderator |
    could not be delivered | couldn't be delivered | was not delivered | wasn't able to deliver | unable to deliver
    | not delivered to | permanent fatal errors | permanent error | delivery to the following | failed permanently |
    undeliverable | delivery failed | failed recipients | did not reach the following | user unknown | unknown user
    | mailbox unavailable | no such user | over quota | mailbox exceeds | mailbox is full | message headers follow |
    transcript of session | has not yet been delivered | delivery has failed | requested action not taken |
    error delivering your mail | has been delayed | had delivery problems | not listed in | returned mail |
    mail delivery software | created automatically by mail | non remis | n'a pas pu etre | konnte nicht zugestellt |
    no pudo entregarse | не может быть доставлено | не доставлено | 配信できません | 次のあて先 | 送信先のメールアドレス |
    error message below | notificationtype | addresses that were | trouble delivering | message could not be |
    address rejected | recipient rejected | smtp error | 550  | 5.1.1 | unsent message follows |
    original message follows | copy of the message | the following address | following recipient
""")
_DELAY_WORDS = phrases("""
    delayed | delay) | not yet been delivered | still being retried | will be retried | will continue to |
    warning only | warning message only | (warning | warning: message | warning: could not send | continue trying |
    keep trying | attempts to deliver the message will continue
""")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"(?:^|[\s:(\[#])([45])\d\d[\s:\-)#]")
_BRACKETED = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,200})>")
_LONE_ADDRESS = re.compile(
    r"(?m)^[ \t*#>-]{0,12}([A-Za-z0-9._%+/=-]{1,64}@[A-Za-z0-9.-]{1,200})[ \t:]{0,4}(?:\(|$|on |failed)"
)
_ORIGINAL_ID = re.compile(r"(?im)^[ \t>]{0,4}message-id:[ \t]{0,4}\n?[ \t>]{0,4}(<[^<>\s]{1,500}>)")
_PERMANENT_WORDS = phrases("""
    permanent | user unknown | unknown user | no such user | giving up | given up | does not exist | fatal error |
    invalid recipient
""")
_MAX_RECIPIENTS = 200
_HARD, _SOFT = "5", "4"
_EXPIRED = frozenset({"4.4.7", "5.4.7"})
_LONGEST_TEXT = 6_000
_REPORT_TYPES = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
    }
    | {"message/global-disposition-notification"}
)
ENCLOSED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers"}
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a bounce says: Message-ID of our letter, addresses, permanent or not (None unknown), in its own words."""

    message_id: str | None
    recipients: tuple[str, ...]
    permanent: bool | None
    delayed: bool
    diagnostic: str


def report_parts(message: Message) -> frozenset[str]:
    """The machine-readable report types at the root or directly below it."""
    kinds = {message.get_content_type()}
    if message.get_content_maintype() == "multipart":
        kinds.update(part.get_content_type() for part in children(message))
    return frozenset(kinds & _REPORT_TYPES)


def delivery_report(message: Message, text: str) -> Report:
    """Read the fields of message/delivery-status (RFC 3464 section 2), the words only for what they leave out."""
    rows: list[Fields] = []
    for part in [message, *children(message)]:
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            rows += [fields_of(block) for block in children(part)[:_MAX_RECIPIENTS]]
            if not part.is_multipart():
                rows.append(_loose_fields(ascii_text(part)))
    failed, actions, statuses, diagnostic = _read_rows(rows)
    words = _from_words(text)
    permanent = words.permanent
    # RFC 3464 section 2.3.3: "failed" is final, whatever the class of the status says; a queue that gives up says 4.x too.
    # x.4.7 (delivery time expired) is final as well: OpenSMTPD says "delayed" beside it when it gives up.
    given_up = "failed" in actions or bool(statuses & _EXPIRED)
    if given_up or any(status.startswith(_HARD) for status in statuses):
        permanent = True
    elif statuses:
        permanent = False
    delayed = not given_up and "delayed" in actions and actions <= {"delayed", "relayed", "expanded", "delivered"}
    return Report(
        message_id=original_message_id(message, text),
        recipients=failed or words.recipients,
        permanent=False if delayed else permanent,
        delayed=delayed or (not actions and words.delayed),
        diagnostic=diagnostic or words.diagnostic or _below_the_address(text, failed),
    )


def _below_the_address(text: str, addresses: tuple[str, ...]) -> str:
    """What a mail system writes in the lines under an address that it could not reach (Exim gives no Diagnostic-Code)."""
    lines = text[:_LONGEST_TEXT].split("\n")
    for number, line in enumerate(lines):
        if line.strip().strip("<>:").lower() in addresses:
            below = [following.strip() for following in lines[number + 1 : number + 4]]
            said = below[: below.index("")] if "" in below else below
            return one_line(" ".join(said), 300)
    return ""


def _loose_fields(text: str) -> Fields:
    rows = (line.partition(":") for line in text.splitlines()[:200] if ":" in line)
    return Fields(tuple((name.strip().lower(), value.strip()) for name, _, value in rows))


def _read_rows(rows: list[Fields]) -> tuple[tuple[str, ...], set[str], set[str], str]:
    failed: dict[str, None] = {}
    actions: set[str] = set()
    statuses: set[str] = set()
    diagnostic = ""
    for row in rows[:_MAX_RECIPIENTS]:
        recipient = row.get("original-recipient") or row.get("final-recipient")
        address = normal_address(recipient.rpartition(";")[2].strip().strip("<>"))
        action = row.get("action").partition(" ")[0].strip().lower()
        if address and action not in ("delivered", "relayed", "expanded"):
            failed[address] = None
        if action:
            actions.add(action)
        statuses.update(_STATUS.findall(row.get("status")))
        diagnostic = diagnostic or row.get("diagnostic-code")
    return tuple(failed), actions, statuses, one_line(diagnostic, 300)


def words_report(message: Message, mail: Mail, failed: str = "") -> Report:
    """Read a bounce that has no machine-readable part."""
    words = _from_words(f"{mail.subject}\n{mail.text}")
    listed = tuple(address for text in failed.split(",") if (address := normal_address(text.strip(" <>"))))
    message_id = original_message_id(message, mail.text) or next(iter(mail.references), None)
    return Report(message_id, listed or words.recipients, words.permanent, words.delayed, words.diagnostic)


def _from_words(text: str) -> Report:
    """Guess from the first lines of a free-form bounce; the returned mail below them is not searched."""
    top = text[:_LONGEST_TEXT]
    for divider in ("\nReceived: from", "\nReturn-Path:", "\nReceived: by"):
        top = top.partition(divider)[0]
    lower = fold(top)
    found = [*_BRACKETED.findall(top), *_LONE_ADDRESS.findall(top)]
    recipients = tuple(dict.fromkeys(address for text in found if (address := normal_address(text))))
    delayed = any(word in lower for word in _DELAY_WORDS) and not any(word in lower for word in _PERMANENT_WORDS)
    line = next((line for line in top.splitlines() if _STATUS.search(line) or _CODE.search(line)), "")
    return Report(
        None,
        recipients[:20],
        None if not top else _permanence(top, lower, delayed=delayed),
        delayed,
        one_line(line, 300),
    )


def _permanence(top: str, lower: str, *, delayed: bool) -> bool | None:
    classes = [status[0] for status in (*_STATUS.findall(top), *_CODE.findall(top))]
    if delayed:
        return False
    if _HARD in classes or any(word in lower for word in _PERMANENT_WORDS):
        return True
    return False if _SOFT in classes else None


def original_message_id(message: Message, text: str) -> str | None:
    """The Message-ID of the letter that came back: from the enclosed mail or headers, else from the words."""
    for part in children(message):
        if part.get_content_type() not in ENCLOSED:
            continue
        for inner in children(part):
            found = message_ids(fields_of(inner).get_all("message-id"))
            if found:
                return found[0]
        hit = _ORIGINAL_ID.search(ascii_text(part)) if not part.is_multipart() else None
        if hit:
            return hit.group(1)
    hit = _ORIGINAL_ID.search(text[:65536])
    return hit.group(1) if hit else None


def looks_like_bounce(fields: Fields, mail: Mail) -> bool:
    """True for a mail returned by a mail system, standard or not, in any language.

    A person who forwards or quotes a bounce has a name, a return path and `Fwd:` or `Re:` in the
    subject; a mail system has not.
    """
    local = mail.sender.address.partition("@")[0].lower()
    name = fold(mail.sender.name)
    subject = fold(mail.subject)
    daemon = bool(_DAEMON.match(local)) or any(part in name for part in _DAEMON_NAMES[:6])
    null_path = any(value.strip() in ("<>", "") for value in fields.get_all("return-path"))
    answered = subjects.is_marked(mail.subject)
    by_subject = not answered and any(part in subject for part in _SUBJECTS)
    if daemon:
        return True
    machine = bool(_POSTMASTER.match(local)) or any(part in name for part in _DAEMON_NAMES)
    machine = machine or null_path
    if not machine and not by_subject:
        return False  # whatever its words are: nearly every mail
    words = fold(mail.text[:4000])
    hits = sum(1 for part in _WORDS if part in words)
    by_words = hits >= 2 or (hits == 1 and not mail.references)
    return (machine and by_words) or (by_subject and (hits > 0 or machine))
