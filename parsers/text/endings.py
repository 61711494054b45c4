"""What stands below a writer's own words: signatures, closings, and the footers of programs and companies.

One set of tables for replies and requests.  `without_signature` cuts what a program marked or put
there; `Ending` says what else a line or a paragraph can be, for readers that must judge all own words.
"""

from __future__ import annotations

import re

from parsers.text.boilerplate import speaks_of_the_matter
from parsers.text.folding import fold
from parsers.text.tables import alternatives, later, whole_words
from parsers.values import Address

_DELIMITER = re.compile(r"\s*(?:[-_=]{3,}|[*~]{5,})\s*")
_MARKS_OF_AN_END = frozenset("-_=*~")
_MOBILE = later(
    r"\s*[-*_(\[]{0,3}(?:(?:sent|written|typed|posted|get|download|envoye|ecrit|telechargez|obtenez|obtenir|von mein|gesendet"
    r"|enviado|enviada|inviato|verzonden|verstuurd|skickat|sendt|wyslano|wyslane|wysłano|wysłane|outlook fur|diese nachricht wurde|holen sie sich"
    r"|laden sie|obtener|obtenga|descargar|scarica|ottieni|lahetetty|отправлено|надіслано|发自|從我的|从我的|發自|iphone|tap na|odeslano"
    r"|skickat) ?"
    r"(?:(?:from|via|with|using|on|by|de|depuis|avec|a partir|mit|von|aus|desde|da|do|dal|con|vanaf|met|fran|fra|z|из|с|від|en|i|em)\b"
    r"|.{0,20}(?:iphone|ipad|android|samsung|blackberry|mobile|outlook|handy|smartphone|galaxy|huawei|xiaomi)).{0,100}"
    r"|von meine[mr] .{2,60} (?:gesendet|gesandt|verschickt).{0,20}|发自我的.{0,40}|iphoneから送信|나의 .{1,30}에서 보냄"
    r"|(?:please )?(?:excuse|forgive|pardon) (?:the |my |any )?(?:brevity|typos|spelling)\b.{0,60}|typed (?:with|on) .{2,40}"
    r"|.{0,30}outlook (?:for|pour|fur|para|per|voor) (?:ios|android|mac).{0,60}|mit (?:freundlichen gru.en )?von meine[mr] .{2,60}"
    r"|\(?(?:sent )?from my (?:phone|mobile|iphone|ipad|tablet)\)?|provenance ?: .{2,40}|powered by .{2,40}|(?:this (?:e-?mail|message) was )?sent with .{2,60}|envoye (?:de|depuis|avec) .{2,60})\s*"
)
#: "Sent from the wrong account", "sent by accident": no footer.
_REGRETS = whole_words("""
    wrong | mistake | mistaken | accident | accidentally | error | too early | too soon | doubt | doubts | without | instead | if | unless | but | not | only | erreur | trop tot | mauvais* | versehen* | falsch* | zu fruh | error |
    equivocad* | por error | sbagliat* | per errore | verkeerd* | per ongeluk
""")
#: Closings that are put together: `have a great weekend`, `très belle journée à vous`, `mit kollegialen Grüßen`.
_MADE_CLOSINGS = (
    r"(?:have |enjoy )(?:a |an |your |the )?(?:very )?(?:nice|great|good|lovely|wonderful|pleasant|excellent)? ?(?:rest of your )?(?:day|evening|afternoon|weekend|week|time)(?: ahead)?"
    r"|(?:tres )?(?:bon|bonne|belle|excellente?|agreable) (?:fin de |debut de |reste de )?(?:journee|soiree|semaine|apres-midi|week-end|weekend|reception|continuation|lecture)(?: a (?:vous|toi|tous|toutes))?"
    r"|(?:avec )?(?:mes |nos |toutes mes )?(?:plus )?(?:meilleure?s?|sinceres?|cordiales?|amicales?|respectueuses?) (?:salutations|pensees|sentiments|amities)"
    r"|(?:mit )?(?:vielen |den )?(?:best|freundlich|herzlich|lieb|schon|sonnig|kollegial|akademisch)(?:en|em|e|er) (?:dank und )?(?:gruss(?:en|e)?)(?: (?:aus|von) \w{2,20})?"
    r"|(?:einen )?schon(?:en|es) (?:tag|abend|feierabend|wochenende)(?: noch)?"
    r"|(?:un )?(?:car[oi]|cordial[ei]?|affettuos[oi]|distint[oi]|afectuos[oa]s?) (?:salut[oi]|saludos?)"
    r"|(?:warm|kind|best|many|with|my|the) (?:\w+ )?(?:regards|wishes|greetings)"
    r"|happy (?:monday|tuesday|wednesday|thursday|friday|weekend|holidays)|(?:um |un )?saludo cordial|(?:com os )?melhores cumprimentos"
    r"|(?:on behalf of|au nom de|im namen|for|pour) (?:the |our |the whole |l'|des |der |des )?(?:[\w'-]{2,20} ){0,2}(?:team|admins?|administrators?|support|group|equipe|staff)"
    r"|(?:the|your|our|ihr|euer|dein|votre|notre) (?:[\w'-]{2,20}[ -]){0,2}(?:team|admins?|administrators?|helpdesk|equipe|staff)|l'equipe(?: [\w'-]{2,20}){0,2}"
)
#: `Best regards from Grenoble`
_PLACE = re.compile(r" (?:from|aus|desde|depuis|da|uit|fran|fra|z) [\w'-]{2,20}(?: [\w'-]{2,20})?(?=$|[,.!])")
#: Between two closings of one line.
_CLOSING_JOINT = re.compile(r"(?:and|&|und|et|y|e|u\.|,|-|/)\s+")
_CLOSINGS = later(
    rf"""(?:{
        alternatives('''
    regards | best regards | kind regards | warm regards | warmest regards | with regards | best | best wishes | all the best | all best |
    cheers | sincerely | yours | sincerely yours | yours sincerely | yours truly | yours faithfully | many thanks | thanks | thank you |
    thanks in advance | thank you in advance | thanks again | thanks and regards | thanks & regards | with best regards |
    with kind regards | thanks a lot | thx | br | kr | cordialement | bien cordialement | tres cordialement | cordialement votre |
    bien a vous | bien a toi | amicalement | salutations | sinceres salutations | meilleures salutations | salutations distinguees | sincerement |
    cdlt | cdt | bonne journee | bonne soiree | bon week-end | merci | merci d'avance | merci beaucoup | avec mes remerciements |
    mit freundlichen grussen | freundliche grusse | viele grusse | beste grusse | liebe grusse | herzliche grusse | schone grusse |
    mit besten grussen | mit lieben grussen | beste grusse aus * | viele grusse aus * | kind rgds | rgds | mfg | vg | lg | bg | mbg | grusse |
    gruss | danke | vielen dank | besten dank | danke im voraus | saludos | un saludo | un saludo cordial | saludos cordiales | cordiales saludos | un cordial saludo |
    un abrazo | atentamente | atte | gracias | muchas gracias | gracias de antemano | cordiali saluti | saluti | un saluto | distinti saluti |
    cari saluti | grazie | grazie mille | tanti saluti | a presto | buona giornata | met vriendelijke groet | met vriendelijke groeten | groeten | groet |
    vriendelijke groet | mvg | bedankt | med vanlig halsning | med vanliga halsningar | vanliga halsningar | halsningar | halsning | mvh | tack |
    med venlig hilsen | venlig hilsen | hilsen | vennlig hilsen | med vennlig hilsen | tak | takk | pozdrawiam | z powazaniem | dziekuje |
    atenciosamente | abracos | obrigado | obrigada | cumprimentos | с уважением | спасибо | з повагою | terveisin | ystavallisin terveisin |
    kiitos | s pozdravem | s pozdravom | udvozlettel | koszonettel | saygilarimla | tesekkurler | cu stima | lep pozdrav | 此致 | 敬具 | 谢谢 | 以上 |
    よろしくお願いいたします | よろしくお願いします | v/r | b/r | respectfully | take care | warmly | ta | amities | respectueusement | a bientot | a+ |
    herzlichst | bis bald | bis dann | bis spater | hasta luego | hasta pronto | cordialmente | quedo a su disposicion | que tenga un buen dia |
    buon lavoro | buon weekend | buon fine settimana | in fede
''')
    }|{_MADE_CLOSINGS})(?!\w)"""
)
_LONGEST_CLOSING = 60
_MAX_SIGNATURE_LINES = 24
_MAX_SIGNATURE_LINE = 100
_POSTSCRIPT = re.compile(r"\s{0,8}(?i:p\.? ?s\.?)\s?[:.,–-]\s?\S|\s{0,8}P\.?S\.? \S")
_MAX_CLOSING_LINES = 8
_MOST_BOX_LINES = 12
_FOOTER = re.compile(r"\s*_{30,}\s*")

_CONTACT = later(
    r"(?:(?:(?:tel|phone|telephone|telefon|telefono|mobile|mobil|mob|cell|fax|office|buro|bureau|room|raum|salle|web|url|site|e-?mail|mail|courriel|skype|teams|matrix|signal|"
    r"orcid|linkedin|twitter|mastodon|address|adresse|postal|gsm|port|handy|work|direct|desk|t|m|p|f|e|w|a)\s?[.:)]{1,2}|(?:tel|phone|telephone|telefon|mobile|fax)\s)\s{0,3}\S.{0,100}"
    r"|[+(]?[\d(][\d\s().\/-]{5,24}(?:\s?(?:ext|x)\.?\s?\d{1,6})?"
    r"|(?:https?:|www\.)\S{1,300}|<?(?:mailto:)?[\w.+-]{1,64}@[\w.-]{3,200}>?(?:\s?<mailto:[^<>]{1,200}>)?"
    r"|\(?(?:pronouns?|pronoms?)\s?: ?.{2,30}|\(?(?:she|he|they|elle|il|iel|sie|er)/(?:her|hers|him|his|them|theirs|elle|lui|iel|el|ihr|ihm)(?:/\w{2,8})?\)?|\((?:elle|il|iel|she|he|they)\)"
    r"|\[(?:image|cid|logo|photo|bild|immagine|imagen)[^\[\]]{0,120}\](?:<[^<>]{1,300}>)?|<(?:https?|cid):[^<>]{1,400}>|\[https?://[^\[\]\s]{1,300}\]"
    r"|[\w .,'-]{2,60}<(?:mailto|tel|https?):[^<>]{1,300}>|[\w .,'-]{2,60}<[\w.+-]{1,64}@[\w.-]{3,200}>|[\w.+-]{1,64}@[\w.-]{3,200}<mailto:[^<>]{1,200}>)"
)
_DECORATIVE = re.compile(r"[\W_]{1,200}")
_PARTICLES = frozenset(
    [
        "de",
        "di",
        "da",
        "del",
        "della",
        "der",
        "den",
        "du",
        "des",
        "la",
        "le",
        "von",
        "van",
        "vom",
        "zu",
        "zur",
        "ter",
        "ten",
        "bin",
        "ibn",
        "al",
        "el",
        "dr",
        "prof",
        "mr",
        "mrs",
        "ms",
        "m.",
        "st",
        "y",
        "e",
        "i",
        "jr",
        "sr",
    ]
)
_NAME_WORD = re.compile(r"(?:[^\W\d_][\w'’.-]{0,30}|[^\W\d_]\.)", re.UNICODE)
_NAME_PIECE = re.compile(r"[^\W\d_]+")
_BEYOND_A_NAME = re.compile(r"[^\w\s,.*'’~–—-]|\d")
_LONGEST_NAME = 60
#: `no room -- Carol`, `no room / Carol`, `no room (Carol)`
_SIGNED_BEHIND = re.compile(r"\s+(?:[-–—~/]{1,3} ?|\()([^\W\d_][\w .'’-]{1,40}?)\)?$")
_NAME_SIGNS = re.compile(r"[-–—~/*_\s]{0,6}(?:(?:[iI]\. ?[AV]\.|p\. ?p\.|ppa\.) )?(.{2,60}?)[\s,.~*_]{0,3}")


def is_closing(line: str) -> bool:
    """`Best regards,`, `Danke und Gruß`, `Merci, Carol`: a closing or two, alone or with a name behind it."""
    typed = " ".join(line.strip(" \t*_-–—~,.!;:。！、").split())
    words = " ".join(fold(typed).split())
    if not 0 < len(words) <= _LONGEST_CLOSING:
        return False
    at = _closing_end(words)
    joint = _CLOSING_JOINT.match(words, at + 1) if at else None
    if joint:
        at = _closing_end(words, joint.end()) or at
    if not at:
        return False
    place = _PLACE.match(words, at)
    at = place.end() if place else at
    rest = " ".join(typed.split()[len(words[:at].split()) :])
    return not words[at:].strip(" ,.!-") or (is_name(rest) and len(rest.split()) <= 3)


def _closing_end(words: str, start: int = 0) -> int:
    """Where the closing that begins there ends; 0 where none begins."""
    found = _CLOSINGS.match(words, start)
    return found.end() if found else 0


def is_name(line: str) -> bool:
    """`Carol`, `- Carol`, `Dr. Carol A. van der Admin`: one to five capitalised words and nothing else."""
    found = _NAME_SIGNS.fullmatch(line.strip())
    if found is None:
        return False
    tokens = found.group(1).strip(" ,").replace(",", " ").split()
    names = [token for token in tokens if fold(token) not in _PARTICLES]
    return (
        0 < len(names) <= 4
        and len(tokens) <= 6
        and all(_NAME_WORD.fullmatch(token) and (token[0].isupper() or not token[0].islower()) for token in names)
    )


def names_of(writer: Address) -> frozenset[str]:
    """The words in plain letters that a writer's address and the name beside it consist of."""
    return frozenset(_NAME_PIECE.findall(fold(f"{writer.name} {writer.address.partition('@')[0]}")))


def without_own_name(text: str, writer: Address) -> str:
    """The text without the writer's own name below its words, written as it may be: `carol`, `c. smith`."""
    above, _, last = text.rstrip().rpartition("\n")
    signed = _SIGNED_BEHIND.search(last[-_LONGEST_NAME:])
    if signed and len(last) > len(signed.group()) and _is_own(signed.group(1), writer):
        return text.rstrip()[: -len(signed.group())]
    return above if above.strip() and len(last) <= _LONGEST_NAME and _is_own(last, writer) else text


def _is_own(typed: str, writer: Address) -> bool:
    names, words = names_of(writer), _NAME_PIECE.findall(fold(typed))
    owned = all(word in names or (len(word) == 1 and word in {name[0] for name in names}) for word in words)
    return not _BEYOND_A_NAME.search(typed) and owned and any(word in names for word in words)


def is_contact(line: str) -> bool:
    """A phone number, an address of the web or of mail, the place of a picture, or a line of marks only."""
    stripped = line.strip().strip("*_|•·- \t")
    if not stripped or _DECORATIVE.fullmatch(line.strip()):
        return True
    pieces = [
        piece
        for piece in re.split(r"\s+[|•·]\s+|\s{3,}|,\s+(?=(?i:tel|phone|fax|mobile))", stripped[:300])
        if piece.strip()
    ]
    return all(_CONTACT.fullmatch(fold(piece.strip())) for piece in pieces)


def is_mobile_footer(line: str) -> bool:
    """`Sent from my iPhone` and its like."""
    folded = fold(line) if len(line) <= 160 else ""
    return bool(_MOBILE.fullmatch(folded)) and not (speaks_of_the_matter(folded) or _REGRETS.search(folded))


def is_postscript(line: str) -> bool:
    """`P.S. …`: what is said below the end is said all the same."""
    return bool(_POSTSCRIPT.match(line.lstrip(" -–—*•(")))


def without_signature(lines: list[str]) -> list[str]:
    """The lines before a signature or a footer; none where nothing else was written.

    "Best regards" and a name are the writer's own words and stay, and so does a postscript below.
    """
    for at, line in enumerate(lines):
        if _ends_words(lines, at, line):
            return lines if _has_postscript(lines[at:]) else lines[:at]
    return lines


def _has_postscript(lines: list[str]) -> bool:
    return any(_POSTSCRIPT.match(line) for line in lines[:_MAX_SIGNATURE_LINES])


def without_closing(lines: list[str]) -> list[str]:
    """The lines before "Best regards" and what little follows it."""
    for at, line in enumerate(lines):
        if is_closing(line) and _short_rest(lines, at + 1, _MAX_CLOSING_LINES):
            return lines[:at]
    return lines


def _ends_words(lines: list[str], at: int, line: str) -> bool:
    stripped = line.strip()
    if not stripped or len(line) > 160:
        return False
    if stripped in ("--", "—", "––") or is_mobile_footer(line):
        return True
    if stripped[0] not in _MARKS_OF_AN_END:
        return False  # most lines
    if _FOOTER.fullmatch(line):
        return True
    above = any(before.strip() for before in lines[:at])  # a line of dashes above all words is a banner's
    ends = above and bool(_DELIMITER.fullmatch(line)) and not _frames_a_box(lines, at)
    return ends and _short_rest(lines, at + 1, _MAX_SIGNATURE_LINES)


def _frames_a_box(lines: list[str], at: int) -> bool:
    """A line of marks above all words with its twin a few lines below, or that twin: a gateway's banner, no signature."""
    rules = [number for number, line in enumerate(lines[:_MOST_BOX_LINES]) if _DELIMITER.fullmatch(line)]
    if len(rules) < 2 or at not in rules[:2] or any(line.strip() for line in lines[: rules[0]]):
        return False
    return any(line.strip() for line in lines[rules[1] + 1 :])


def _short_rest(lines: list[str], start: int, limit: int) -> bool:
    count = 0
    for number in range(start, len(lines)):  # stops early: a text of dashes only must not cost its square
        if lines[number].strip():
            count += 1
            if count > limit or len(lines[number]) > _MAX_SIGNATURE_LINE:
                return False
    return True
