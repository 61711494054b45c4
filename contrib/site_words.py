"""`templates_email/site-words.json`: every paragraph of a letter that shows words of the site, by language."""

from __future__ import annotations

import json
import re

from mailbot.letters.compose import compose
from mailbot.letters.languages import language, languages
from mailbot.letters.samples import samples
from mailbot.letters.settings import LetterSettings
from mailbot.letters.trying import SHOWING_THE_SITE, text_of
from mailbot.rules import Rules, ServiceRules
from mailbot.tokens import TokenKeys

_SHOWN = {"name": "Qname", "contact": "qcontact", "login_hint": "qhint", "support": "qsupport@q.example"}
_SITE = LetterSettings(
    support_address=_SHOWN["support"],
    message_id_domain="q.example",
    keys=TokenKeys((b"a key for these paragraphs only, 1",)),
    rules=Rules(
        service=ServiceRules(
            name=_SHOWN["name"],
            contact=_SHOWN["contact"],
            login_hint=_SHOWN["login_hint"],
            terms=(),
            languages=languages(),
        )
    ),
)


def written() -> str:
    """The file, as JSON."""
    usual = ServiceRules()
    told = {
        code: {
            "contact": language(code).value(usual.contact),
            "login_hint": language(code).value(usual.login_hint),
            "paragraphs": _paragraphs(code),
        }
        for code in languages()
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _paragraphs(code: str) -> list[str]:
    """Each once, whatever its numbers and codes."""
    found: dict[str, str] = {}
    for sample in samples(SHOWING_THE_SITE):
        letter = compose(sample.spoken(code).item, sample.ticket, _SITE, sample.now)
        for block in re.split(r"\n\n|\n(?=- )", text_of(letter.data).replace("\r\n", "\n")):
            words = re.sub(r"[ \n]+", " ", block).strip(" ")
            if any(shown.lower() in words.lower() for shown in _SHOWN.values()):
                found.setdefault(re.sub(r"code \S+|\d+", "", words), _with_names(words))
    return sorted(found.values())


def _with_names(words: str) -> str:
    for name, shown in _SHOWN.items():
        words = words.replace(shown, f"{{{name}}}").replace(shown.capitalize(), f"{{{name}}}")
    return words
