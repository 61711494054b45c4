"""Where a person's words end and a signature, a closing or a footer begins."""

from __future__ import annotations

import re

from parsers.text.folding import fold, phrases

_DELIMITER = re.compile(r"\s*(?:[-_=]{3,}|[*~]{5,})\s*")
_MOBILE = re.compile(
    r"\s*[-*_(\[]{0,3}(?:(?:sent|written|typed|posted|get|download|envoye|ecrit|telechargez|obtenez|obtenir|von mein|gesendet"
    r"|enviado|enviada|inviato|verzonden|verstuurd|skickat|sendt|sent|wyslano|wyslane|outlook fur|diese nachricht wurde"
    r"|lahetetty|отправлено|надіслано|发自|從我的|从我的|發自|iphone|tap na|odeslano|skickat) ?"
    r"(?:(?:from|via|with|using|on|by|de|depuis|avec|a partir|mit|von|aus|desde|da|do|dal|con|vanaf|met|fran|fra|z|из|с|від|en|i|em)\b"
    r"|.{0,20}(?:iphone|ipad|android|samsung|blackberry|mobile|outlook|handy|smartphone|galaxy|huawei|xiaomi)).{0,100}"
    r"|von meinem .{2,60} gesendet.{0,20}|发自我的.{0,40}|iphoneから送信|나의 .{1,30}에서 보냄|.{0,30}outlook (?:for|pour|fur|para|per|voor) (?:ios|android).{0,60}"
    r"|mit (?:freundlichen gru.en )?von meinem .{2,60})\s*"
)
_CLOSINGS = phrases("""
    regards | best regards | kind regards | warm regards | best | best wishes | all the best | cheers | sincerely |
    yours | sincerely yours | yours sincerely | yours truly | yours faithfully | many thanks | with best regards |
    with kind regards | cordialement | bien cordialement | bien à vous | bien a toi | amicalement | salutations |
    sincères salutations | br | meilleures salutations | cdlt | cdt | bonne journée | très cordialement |
    mit freundlichen grüßen | kind rgds | rgds | viele grüße | beste grüße | liebe grüße | freundliche grüße | mfg |
    vg | lg | grüße | gruß | saludos | un saludo | saludos cordiales | atentamente | cordiali saluti | saluti |
    distinti saluti | met vriendelijke groet | groeten | groet | met vriendelijke groeten | mvg |
    med vänlig hälsning | med vänliga hälsningar | hälsningar | mvh | med venlig hilsen | venlig hilsen | hilsen |
    vennlig hilsen | med vennlig hilsen | pozdrawiam | z poważaniem | atenciosamente | abraços | с уважением |
    з повагою | terveisin | ystävällisin terveisin | s pozdravem | üdvözlettel | saygılarımla | 此致 | 敬具
""")
_MAX_SIGNATURE_LINES = 24
_MAX_SIGNATURE_LINE = 100
_MAX_CLOSING_LINES = 8
_FOOTER = re.compile(r"\s*_{30,}\s*")


def _is_closing(line: str) -> bool:
    words = fold(line.strip().rstrip(",.!;:- "))
    return 0 < len(words) <= 40 and words in _CLOSINGS


def is_mobile_footer(line: str) -> bool:
    """`Sent from my iPhone` and its like."""
    return len(line) <= 160 and bool(_MOBILE.fullmatch(fold(line)))


def without_signature(lines: list[str]) -> list[str]:
    """The lines before a signature or a footer; none where nothing else was written.

    "Best regards" and a name are the writer's own words and stay.
    """
    for at, line in enumerate(lines):
        if _ends_words(lines, at, line):
            return lines[:at]
    return lines


def without_closing(lines: list[str]) -> list[str]:
    """The lines before "Best regards" and what little follows it."""
    for at, line in enumerate(lines):
        if _is_closing(line) and _short_rest(lines, at + 1, _MAX_CLOSING_LINES):
            return lines[:at]
    return lines


def _ends_words(lines: list[str], at: int, line: str) -> bool:
    stripped = line.strip()
    if not stripped or len(line) > 160:
        return False
    if stripped in ("--", "—", "––") or is_mobile_footer(line) or _FOOTER.fullmatch(line):
        return True
    return bool(_DELIMITER.fullmatch(line)) and _short_rest(lines, at + 1, _MAX_SIGNATURE_LINES)


def _short_rest(lines: list[str], start: int, limit: int) -> bool:
    count = 0
    for number in range(start, len(lines)):  # stops early: a text of dashes only must not cost its square
        if lines[number].strip():
            count += 1
            if count > limit or len(lines[number]) > _MAX_SIGNATURE_LINE:
                return False
    return True
