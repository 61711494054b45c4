"""Subjects: the marks that replies, forwards, lists and gateways put before one, in many languages."""

from __future__ import annotations

import re

_LONGEST = 300
_MOST_MARKS = 8


def _table(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split("|"))


_REPLY = _table("""
    re | aw | antw | antwort | sv | vs | rép | rep | réf | rif | r | odp | ynt | yan | vá | res | bls | atb | απ | отв |
    回复 | 回覆 | 答复 | 답장 | 返信 | תשובה | رد
""")
_FORWARD = _table("""
    fw | fwd | tr | wg | rv | enc | doorst | i | vl | pd | pf | vb | ilt | fs | továbbítás | πρθ | пересл | 转发 | 轉寄 | 전달 | 転送 | הועבר
""")
#: Words that gateways and lists put before a colon or between stars.
_TAG_WORDS = _table(
    "external | externe | extern | externo | esterno | ext | spam | bulk | suspected spam | junk | list | caution"
)

_COLON = r"\s?(?:\[\d{1,4}\]|\(\d{1,4}\)|\^\d{1,3}|\d{1,2})?\s?[:：]"
_TAG = (
    r"\[[^\[\]]{1,60}\]|\(ext(?:ern[a-z]{0,2})?\)|\*{1,5}\s?(?:" + "|".join(_TAG_WORDS) + r")\s?\*{1,5}|"
    r"(?:" + "|".join(_TAG_WORDS) + r")\s?[:：]|[-_]{2,5}\s?(?:" + "|".join(_TAG_WORDS) + r")\s?[-_]{2,5}"
)


def _marks(words: tuple[str, ...]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")" + _COLON


_TAGS = re.compile(rf"\s{{0,5}}(?:{_TAG})\s{{0,5}}", re.IGNORECASE)
_REPLY_MARK = re.compile(rf"\s{{0,5}}{_marks(_REPLY)}\s{{0,5}}", re.IGNORECASE)
_FORWARD_MARK = re.compile(rf"\s{{0,5}}{_marks(_FORWARD)}\s{{0,5}}", re.IGNORECASE)


def without_tags(subject: str) -> str:
    """The subject without the tags in front of it (`[list]`, `EXTERNAL:`, `*** SPAM ***`); reply marks stay."""
    return _without(subject[:_LONGEST], (_TAGS,))


def bare(subject: str) -> str:
    """The subject without tags, reply and forward marks in front of it."""
    return _without(subject[:_LONGEST], (_TAGS, _REPLY_MARK, _FORWARD_MARK))


def is_reply(subject: str) -> bool:
    """True where the outermost mark says that a mail answers another."""
    return bool(_REPLY_MARK.match(without_tags(subject)))


def is_forward(subject: str) -> bool:
    """True where the outermost mark says that a mail is passed on."""
    return bool(_FORWARD_MARK.match(without_tags(subject)))


def is_marked(subject: str) -> bool:
    """True where a mail answers or passes on another, by its subject."""
    return is_reply(subject) or is_forward(subject)


def _without(subject: str, marks: tuple[re.Pattern[str], ...]) -> str:
    for _ in range(_MOST_MARKS):
        found = next((hit for mark in marks if (hit := mark.match(subject))), None)
        if found is None:
            break
        subject = subject[found.end() :]
    return subject.strip()
