"""The lines with which mail clients begin an older mail, in many languages.

Every test looks at one line (or a few joined) of bounded length, by substring and by patterns
without nested repetition, so that the time grows linearly with the mail.
"""

from __future__ import annotations

import re

from parsers.remembering import remembered
from parsers.text.folding import fold, phrases

MAX_INTRO_CHARACTERS = 500
MAX_INTRO_LINES = 4

# "wrote", as plain letters (no accents, lower case).
_WROTE = phrases("""
    wrote | writes | pisze | pise | a ecrit | ecrivait | ecrit | schrieb | schreibt | geschrieben | escribio | ha scritto | scrisse |
    scritto | schreef | geschreven | skrev | escreveu | napisał | napisal | napisał(a) | пишет | писал | написал |
    написав | написа | kirjoitti | yazdı | yazdi | 写道 | 寫道 | のメール | 書きました | のメッセージ | 작성 | napsal | napisao |
    napisala | irta | εγραψε | skrifaði | skrifadi | a scris | kirjutas | rakste | parase | va escriure | escriviu |
    idatzi du | escribiu | כתב | đã viết | da viet | menulis | เขียน | كتب
""")

_AROUND_INTRO = " \t*_"
_INTRO_ENDS = (":", "：", "---", "写道", "wrote", "...", ">")
_INTRO_SIGNS = (*_INTRO_ENDS, ",")
_INTRO_STARTS = tuple(
    f"{start} "
    for start in phrases("""
    on | le | am | el | il | op | den | em | w dniu | dne | dnia | pa | v | во | в | la | στις | vào | pada | at | a(z) |
    on: | in message | in article | excerpts from | de la part de | quoting | citando | zitat von | il giorno | data | 於 | 在 | ---- | -- | pe | su
""")
)

# These say "wrote" only beside a date: people also use them of rules and of colleagues.
_SAID = phrases("said | says | a dit | dit | sagte | dijo | ha detto | disse")
# Beside a date they introduce an older mail, wherever in the line they stand.
_OF_A_MAIL = phrases("said the following | 's message of | de la part de")
_QUOTING = phrases(
    "quoting | zitat von | citando | citation de | citat | cytowanie | citerar | quote from | message de"
)

_DATE = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\d{4}年|"
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\b"
)
#: Without a colon: old Gmail, alot, mutt in French.
_BARE_INTRO = re.compile(
    r"\d{4}-\d\d-\d\d \d{1,2}:\d\d (?:GMT|UTC)[+-]\d\d:\d\d [^.!?<>@]{1,80}|Quoting [^.!?]{2,80} \(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?\)"
    r"|[^\W\d_][^.!?:;,\d]{1,60}, le \d{1,2}[/.]\d{1,2}[/.]\d{4},? (?:à )?\d{1,2}[:h]\d\d"
)
#: What goes on with a day or a verb on the next line: `"Alice" <alice@example.org> hat am`.
_MAILBOX_AND_JOINT = re.compile(
    r"[^<>]{0,80}<[^<>\s]{1,120}@[^<>\s]{1,120}>,?(?: (?:hat|hat am|am|on|le|el|il|wrote|wrote on|schrieb|schrieb am|a écrit le))?"
)
#: `"Alice" <alice@example.org> – 26. November 2026 09:30`: who and when, without any verb.
_WHO_AND_WHEN = re.compile(
    r"[^<>]{0,80}<[^<>\s]{1,120}@[^<>\s]{1,120}>\s{1,3}[-–—]\s{1,3}[^<>.!?]{0,12}\d[^<>!?]{4,40}\d\d(?: ?[ap]\.?m\.?)?",
    re.IGNORECASE,
)
#: Notes: who, when and the first words in one line.
_NOTES = re.compile(r"[^<>\n]{2,60}? ?---\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4} \d{1,2}[:.]\d\d[^-\n]{0,12}---.{0,200}")
_MAILBOX_LINE = re.compile(r"[^<>\n:]{0,80}<[^<>\s]{1,120}@[^<>\s]{1,120}>")
_MOMENT_LINE = re.compile(
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},? \d{1,2}[:.]\d\d(?::\d\d)?(?: ?[ap]\.?m\.?)?", re.IGNORECASE
)
_MAILBOX_ALONE = re.compile(r"<[^<>\s]{1,120}@[^<>\s]{1,120}>\s?:?")
_MAILBOX = re.compile(
    r"<[^<>\s]{1,120}@[^<>\s]{1,120}>|\[mailto:[^\[\]\s]{1,200}\]|\([^()\s]{1,120}@[^()\s]{1,120}\)|[^\s<>]{1,64}@[^\s<>]{3,120}"
)

_LEADING_DATE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\d{4}\. \d{1,2}\. \d{1,2}\.|\d{4}(?:年|ᄂ\u1167\u11ab)|\d{1,2}\.? \w{3,12}\.? (?:19|20)\d\d\b|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\b,? .{0,12}\d|(?:пн|вт|ср|чт|пт|сб|вс), ?\d"
)
_LEADING_MAILBOX = re.compile(r"(?:\"[^\"<>]{1,80}\"|[^\W\d_][^<>\"]{0,80}?) ?<[^<>\s]{1,120}@[^<>\s]{1,120}>")

# The words between the dashes of a divider, as plain letters.
_DIVIDER_WORDS = phrases("""
    original message | original e-mail | original email | original appointment | forwarded message | forwarded by |
    message d'origine | message original | mail original | message transfere | message reexpedie | e-mail original |
    courriel original | ursprungliche nachricht | ursprungliche mail | originalnachricht | weitergeleitete nachricht
    | original-nachricht | mensaje original | mensaje reenviado | messaggio originale | messaggio inoltrato |
    oorspronkelijk bericht | oorspronkelijke bericht | doorgestuurd bericht | origineel bericht | mensagem original
    | mensagem encaminhada | mensagem reencaminhada | oprindelig meddelelse | ursprungligt meddelande |
    videresendt meddelelse | opprinnelig melding | videresendt melding | vidarebefordrat meddelande |
    original meddelande | oprindelig besked | alkuperainen viesti | alkuperainen sanoma | valitetty viesti |
    oryginalna wiadomosc | wiadomosc oryginalna | wiadomosc przekazana | przekazana wiadomosc | puvodni zprava |
    puvodni e-mail | preposlana zprava | povodna sprava | eredeti uzenet | tovabbitott uzenet | mesaj original |
    orijinal mesaj | iletilen mesaj | исходное сообщение | пересылаемое сообщение | пересланное сообщение |
    оригинальное сообщение | оригiнальне повiдомлення | вихідне повідомлення | переслане повідомлення |
    αρχικο μηνυμα | προωθημενο μηνυμα | 原始邮件 | 原始郵件 | 转发邮件 | 转发的邮件 | 邮件原件 | 转发信息 | 元のメッセージ | 転送メッセージ | 원본 메시지 |
    원본 메일 | 전달된 메시지 | 전달 메시지 | ההודעה המקורית | הודעה שהועברה | الرسالة الأصلية | reply message | urspr. nachricht |
    reply above this line | write above this line | repondre au-dessus de cette ligne | reply above |
    please reply above | type your reply above | antworten sie uber dieser zeile | izvorna poruka |
    izvirno sporocilo | originalna poruka | thư gốc | tin nhan goc | pesan asli | ข้อความต้นฉบับ
""")
_FORWARD_WORDS = phrases("""
    forward | transfer | reexped | weitergeleitet | reenviad | inoltrat | doorgestuurd | encaminhad | reencaminhad |
    videresendt | vidarebefordrat | valitett | przekazan | preposlan | tovabbitott | iletilen | пересыла | переслан | προωθ |
    转发 | 転送 | 전달
""")
_DECORATED = ("--", "==", "__", "##", "~~", "**", "- ", "> ", "—-", "——")
_DIVIDER_PREFIXES = phrases("""
    begin forwarded message | debut du message reexpedie | debut du message transfere | anfang der weitergeleiteten
    | inicio del mensaje reenviado | inizio messaggio inoltrato | begin doorgestuurd bericht | inicio da mensagem |
    vidarebefordrat brev | videresendt meddelelse | message du : | > message du  | reply to message | message from |
    reply above this line | ##- please type your reply above | start der weitergeleiteten | edelleenlähetetty viesti
""")
# Labels of quoted headers: which field of the older mail the label stands for.
_LABELS: dict[str, str] = {
    fold(label): role
    for role, labels in {
        "from": phrases("""
    from | de | von | da | van | från | fra | od | от | от кого | від | lähettäjä | gönderen | kimden | 发件人 | 寄件者 |
    差出人 | šalje | no | từ | 보낸 사람 | 보낸사람 | feladó | expéditeur | remitente | mittente | afzender | από | מאת | absender | odesílatel |
    odesilatel | nadawca | saatja | nuo | kuo | de la | expeditor | من | x-from | 送信者 | 从
"""),
        "date": phrases("""
    date | sent | datum | gesendet | envoyé | envoye le | envoyé le | fecha | enviado | enviado el | data | enviada
    | enviada em | enviado em | inviato | inviata | verzonden | skickat | sendt | dato | wysłano | wyslane |
    отправлено | дата | надіслано | lähetetty | päivämäärä | gönderildi | tarih | gönderme tarihi | 发送时间 | 日期 | 寄件日期
    | 送信日時 | 日時 | 보낸 날짜 | 날짜 | elküldve | dátum | odesláno | poslano | received | date d'envoi | trimis | expediat |
    στάλθηκε | ημερομηνία | נשלח | fecha de envío | datum/uhrzeit | 时间 | 發送時間 | 发送日期 | изпратено | išsiųsta | nosūtīts | enviat | đã gửi | odoslané | saadetud | dátum odoslania
"""),
        "to": phrases("""
    to | à | a | an | para | aan | till | til | do | кому | vastaanottaja | kime | alıcı | 收件人 | 收件者 | 宛先 | 받는 사람 |
    받는사람 | címzett | komu | pour | destinataire | empfänger | προς | אל | către | per | إلى | до | prima | kam | per a | đến | za | adressaat
"""),
        "cc": phrases("""
    cc | kopie | kopia | kopi | copie | copie à | copia | kopio | bilgi | 抄送 | 副本 | 참조 | копия | másolat | ccn
"""),
        "subject": phrases("""
    subject | objet | sujet | betreff | asunto | assunto | oggetto | onderwerp | ämne | emne | temat | тема | aihe |
    konu | 主题 | 主旨 | 件名 | 제목 | tárgy | předmět | predmet | subiect | θέμα | נושא | الموضوع | teema | tema | tēma | относно | chủ đề | zadeva
"""),
        "other": phrases("""
    reply-to | répondre à | antwort an | importance | priorité | attachments | pièces jointes | anlagen |
    organization | organisation | sent by | message-id | newsgroups | bcc | wichtigkeit | bijlagen | belang |
    categories | resent-from
"""),
    }.items()
    for label in labels
}
_LABEL = re.compile(r"[\s*_|\u200e]{0,6}([^\s:：*][^:：*\n]{0,22}?)[\s*_]{0,3}[:：][\s*_]{0,3}(?:\s|$|\S)")


def depth(line: str) -> int:
    """How many `>` (or `|` of old clients) stand before the words of a line."""
    count = 0
    for character in line[:80]:
        if character == ">":
            count += 1
        elif character not in " \t":
            break
    return count


#: One of these stands at an end of every divider.
_DIVIDER_BEGINS, _DIVIDER_ENDS = (
    frozenset("-=_#~>—\u2010\u2011\u2012\u2212"),
    frozenset("-=_:：\u2010\u2011\u2012\u2212"),
)
_HYPHENS = str.maketrans("\u2010\u2011\u2012\u2212", "----")


def is_divider(line: str) -> bool:
    """`-----Original Message-----` and its like, in any client's decoration."""
    stripped = line.strip(" \t*")
    if not stripped or (stripped[0] not in _DIVIDER_BEGINS and stripped[-1] not in _DIVIDER_ENDS):
        return False  # most lines
    stripped = stripped.translate(_HYPHENS)
    if stripped.startswith(">>> ") and stripped.endswith(">>>"):  # GroupWise: `>>> Alice 23.11.2026 10:12 >>>`
        return len(stripped) <= MAX_INTRO_CHARACTERS
    if not 4 <= len(stripped) <= 120:
        return False
    bare = stripped.strip("-_=~#*> \t:：.")
    if not bare:
        return False
    decorated = stripped.startswith(_DECORATED) or stripped.endswith(_DECORATED[:3])
    words = fold(bare)
    if words.startswith(_DIVIDER_PREFIXES) and stripped.endswith((":", "-", "：")):
        return True
    if decorated and any(word in words for word in _DIVIDER_WORDS):
        return True
    return decorated and stripped.startswith("--") and bool(wrote(words)) and stripped.endswith("-")


def is_forward_divider(line: str) -> bool:
    """A divider that says that the mail below was passed on, not answered."""
    words = fold(line)
    return any(word in words for word in _FORWARD_WORDS) and is_divider(line)


def wrote(words: str) -> bool:
    """True where a text in plain letters holds the word "wrote" of some language."""
    return any(word in words for word in _WROTE)


def may_be_of_intro(line: str) -> bool:
    """False for a line without which `is_intro` says the same of its neighbours: no introduction ends with it, or shows in it."""
    bare = line.strip(_AROUND_INTRO)
    return bool(line) and (
        not bare or bare.endswith(_INTRO_SIGNS) or ", le" in bare or "Quoting" in bare or bare[:4].isdigit()
    )


@remembered(longest=200, most=256)  # a mail's lines are asked about with and without what stands around them
def is_intro(line: str) -> bool:
    """`On Monday, Alice wrote:` in any language; `line` may be several lines joined by spaces."""
    stripped = line.strip(_AROUND_INTRO)
    if not 6 <= len(stripped) <= MAX_INTRO_CHARACTERS:
        return False
    bare = stripped[:4].isdigit() or stripped.startswith("Quoting ") or ", le " in stripped  # most lines are none
    if bare and _BARE_INTRO.fullmatch(stripped):
        return True
    if not stripped.endswith(_INTRO_ENDS):
        return False
    ends_in_colon = stripped.endswith((":", "："))
    words = fold(stripped)
    dated, mailbox = bool(_DATE.search(words)), bool(_MAILBOX.search(stripped))
    verb = wrote(words[-120:]) or wrote(words[:40]) or (dated and _says(words))
    if not ends_in_colon:
        return bool(dated and (verb or (mailbox and words[:4].isdigit())))
    if verb:
        return dated or mailbox or words.startswith(_INTRO_STARTS) or len(words) <= 60
    return mailbox and (dated or words.startswith(_QUOTING))


def _says(words: str) -> bool:
    return words.rstrip(" :").endswith(_SAID) or any(phrase in words for phrase in _OF_A_MAIL)


def is_dated(line: str) -> bool:
    """Whether a line names a day or an hour."""
    return bool(_DATE.search(fold(line)))


def begins_intro(line: str) -> bool:
    """True where an introduction can begin with this line: `On Monday, 23 …`, `"Alice" <alice@example.org>`, `23.11.2026 …`."""
    stripped = line.strip(' \t*_-"')
    words = fold(stripped)
    if words.startswith(_INTRO_STARTS):
        return bool(_DATE.search(words)) or any(c.isdigit() for c in words)
    return bool(_LEADING_DATE.match(words)) or bool(_LEADING_MAILBOX.match(line.strip(" \t*_-")))


def may_say_who_and_when(line: str) -> bool:
    """False for most lines: without one of these signs `lines_of_who_and_when` finds nothing."""
    return ">" in line or "---" in line


def lines_of_who_and_when(line: str, following: str) -> int:
    """How many lines are a mailbox and a moment, and no more: with quoted words next, in Notes, or with the moment below it."""
    if _NOTES.fullmatch(line):
        return 1
    if depth(following):
        return int(bool(_WHO_AND_WHEN.fullmatch(line.strip())))
    return 2 if _MAILBOX_LINE.fullmatch(line.strip()) and _MOMENT_LINE.fullmatch(following.strip()) else 0


def is_mailbox_alone(line: str) -> bool:
    """True for an address and a colon: the rest of an introduction that was whole already."""
    return bool(_MAILBOX_ALONE.fullmatch(line.strip()))


def names_who(line: str) -> bool:
    """Whether a line is a mailbox and at most a word that joins it to a day: never an answer."""
    return bool(_MAILBOX_AND_JOINT.fullmatch(line.strip(" \t*_")))


def continues_intro(line: str) -> bool:
    """True for what can only be the rest of a wrapped introduction: `wrote:`, `<alice@example.org> wrote:`."""
    words = fold(line.strip(" \t*_"))
    return (
        words[:1] in "<(['"
        or words[:1].isdigit()
        or words.startswith(_WROTE)
        or (words[:1].islower() and len(words) < 8)
    )


def label_role(line: str) -> str | None:
    """Which header field a line quotes (`Von: …`, `*Sent:* …`), None where it quotes none."""
    if ":" not in line and "：" not in line:
        return None
    found = _LABEL.match(line[:120].lstrip("> "))
    return _LABELS.get(fold(found.group(1).strip())) if found else None
