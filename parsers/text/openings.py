"""How people begin: greetings, known by their shape and a few words, so that a new name needs no new entry."""

from __future__ import annotations

import re

from parsers.text.folding import fold, phrases
from parsers.text.tables import beginning

_MOST_GREETING_WORDS = 8
_MOST_NAMES = 5

_GREETINGS = beginning("""
    hi | hello | hey | hiya | dear | howdy | yo | good morning | good afternoon | good evening | good day | g'day | gday |
    greetings | morning | afternoon | evening | to whom it may concern | bonjour | bonsoir | salut | coucou | cher | chere | chers |
    cheres | madame | monsieur | mesdames | messieurs | mme | hallo | moin | moinsen | servus | gruess gott | gruss gott | gruss dich | gruss euch | buna ziua | buna | guten tag |
    guten morgen | guten abend | grezi | gruezi | lieber | liebe | sehr geehrte | sehr geehrter | hi zusammen | hola | buenos dias |
    buenas tardes | buenas noches | buenas | estimado | estimada | estimados | estimadas | querido | querida | ciao | buongiorno |
    buonasera | salve | gentile | gentili | caro | cara | cari | egregio | spettabile | ola | bom dia | boa tarde | boa noite | prezado |
    prezada | caro colega | beste | geachte | goedemorgen | goedemiddag | dag | hoi | hej | hejsan | god morgon | kaere | kjaere |
    hei | moi | tere | labas | sveiki | ahoj | dobry den | czesc | dzien dobry | witam | szia | kedves | dragi | zdravo | pozdrav |
    merhaba | selam | здравствуйте | добрый день | привет | доброе утро | вітаю | γεια | καλημερα | שלום | مرحبا | 你好 | 您好 | こんにちは |
    お世話になっております | 안녕하세요
""")
_JOINTS = frozenset(
    phrases(
        "and | & | et | und | y | e | en | og | och | all | team | the | of | les | de | a | tous | everyone | colleagues | both | -"
    )
)
_EVERYBODY = frozenset({"all", "team", "tous", "everyone", "colleagues"})
_NAME = re.compile(r"[^\W\d_][\w'’.-]*", re.UNICODE)


def is_greeting(line: str) -> bool:
    """`Hi Bob,`, `Alice,`, `Dear colleagues of the support team,`: known words, or names before a comma; one line."""
    bare = line.strip(" \t*_\"'“”«»")
    tokens = bare.rstrip(" ,.!:-–—").replace(",", " ").split()
    if not tokens or len(tokens) > _MOST_GREETING_WORDS or "?" in bare:
        return False
    folded = fold(bare)
    known = _GREETINGS.match(folded)
    if known:
        rest = folded[known.end() :].strip(" ,.!:-")
        return len(rest.split()) <= _MOST_GREETING_WORDS - 1 and (not rest or bare[-1] in ",!:-–—" or len(tokens) <= 4)
    if bare[:1] == "@":
        return len(tokens) <= _MOST_NAMES and _are_names([token.removeprefix("@") for token in tokens])
    spoken_to = bare[-1:] in (",", "，") or bare.endswith((" -", " –", " —"))
    return spoken_to and len(tokens) <= _MOST_NAMES and _are_names(tokens)


def _are_names(tokens: list[str]) -> bool:
    names = [token for token in tokens if fold(token) not in _JOINTS]
    everybody = any(fold(token) in _EVERYBODY for token in tokens)
    return (bool(names) or everybody) and all(_NAME.fullmatch(token) and token[0].isupper() for token in names)
