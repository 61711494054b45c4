"""In which language words are written, told by the small words that every sentence has."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from parsers.text.folding import fold, word_set

_SMALL_WORDS = {
    "en": word_set(
        "the a an of and for to is are with that this it will be on we our my your you i in from as at by not have has need"
        " please would could should which about because what when"
    ),
    "fr": word_set(
        "le la les un une des du et pour est sont avec que qui ce cette il elle sera nous notre nos mon ma mes votre vos vous je"
        " dans sur par au aux pas ai avons besoin merci bonjour afin ou de d l j n qu ne se sa ses son leur plus comme"
    ),
    "de": word_set(
        "der die das ein eine einen und fur ist sind mit dass wir unser unsere mein meine ihr ihre ich im auf von zu den dem des"
        " nicht haben brauche brauchen bitte wird werden auch um aus bei wie"
    ),
    "es": word_set(
        "el los las un una unos y para es son con que este esta nosotros nuestro nuestra mi mis su sus yo en por al del no tengo"
        " necesito necesitamos gracias se lo como mas o de la"
    ),
    "it": word_set(
        "il lo gli un una uno e per sono con che questo questa noi nostro nostra mio mia suo sua io nel nella dal della dei delle"
        " non ho abbiamo bisogno grazie si di al da come piu o la le"
    ),
}
#: The languages that each of the words belongs to: a text is looked through once, not once a language.
_LANGUAGES = {
    word: tuple(code for code, words in _SMALL_WORDS.items() if word in words)
    for word in frozenset().union(*_SMALL_WORDS.values())
}
_WORD = re.compile(r"[a-z]+")
_LONGEST_TEXT = 5_000
_LEAST_WORDS = 3
_CLEARLY_MORE = 2


@lru_cache(maxsize=4)  # the words of one mail, asked for at several steps of reading it
def language_of(text: str) -> str:
    """The code of the language that a text is clearly written in, "" where it is not clear."""
    found = dict.fromkeys(_SMALL_WORDS, 0)
    for word, count in Counter(_WORD.findall(fold(text[:_LONGEST_TEXT]))).items():
        for code in _LANGUAGES.get(word, ()):
            found[code] += count
    (best, most), (_, second) = sorted(found.items(), key=lambda one: -one[1])[:2]
    return best if most >= _LEAST_WORDS and most >= second + _CLEARLY_MORE else ""
