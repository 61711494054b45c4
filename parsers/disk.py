"""A wish for more disk, in a user's own words.

The rule.  An amount (GB, GiB, Go, TB, ...) is a wish only in one of these cases, within one sentence:

1. a word of asking stands right before it ("I need 40 GB", "il me faudrait environ 40 Go") and it is not
   an amount of something other than disk ("I need 40 GB of memory");
2. a word of asking and a word for disk stand close to it ("40 GB of disk space are needed");
3. it follows a label for disk ("extra disk: 40 GB, because ...").

An amount per time ("40 GB a day"), of memory or network, in a sentence that says that none is needed,
or not above what every VM has, is no wish.  What is mentioned and not taken for a wish is noted, so that
an admin sees it.  "40 GB more", "40 GB extra", "another 40 GB" come on top of what every VM has; any other
amount is the whole size.  GB and GiB are not told apart, a TB is 1024.  Several amounts, a range, and a
wish without an amount are asked back.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from parsers.date_tokens import fold

LONGEST_REASON = 300
_LONGEST_TEXT = 20_000

_AMOUNT = re.compile(
    r"(?<![\w.,])(?P<low>[0-9]{1,6}\s{0,2}(?:-|–|to|à|or|ou)\s{0,2})?(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,2})?)"
    r"[\s-]{0,2}(?P<unit>(?i:gib|gb|gbytes?|gigabytes?|gigs?|giga|go|gigaoctets?|tib|tb|terabytes?|teraoctets?)|To|G|T)"
    r"(?![\w/])(?!\s{0,2}(?:/|[0-9]))"
)
_SENTENCE_END = re.compile(
    r"(?<!approx)(?<!e\.g)(?<!i\.e)(?<!env)(?<!etc)[.!?;](?=\s)|\n\s{0,9}\n|\n(?=\s{0,9}[-*•–]\s)|\n(?=[^\n:]{2,40}:)"
)
_WORD = re.compile(r"[^\W_]+")

_ASKING = frozenset(
    """need needs needed require requires required requiring want wants wish like request requesting requested ask asking
    please get have grant allocate provide increase enlarge extend extra additional more larger bigger least
    besoin necessite necessaire necessaires voudrais voudrions souhaite souhaitons souhaiterais demande demandons
    faut faudrait faudra aimerais supplementaire supplementaires avoir minimum""".split()
)
_DIRECTLY_ASKING = _ASKING - {"have", "get", "like", "please", "extend", "least", "minimum", "more", "avoir", "provide"}
_DISK = frozenset(
    """disk disks disc storage space volume drive harddisk hdd ssd filesystem partition disque disques stockage espace
    capacite""".split()
)
_FILLERS = frozenset(
    """about around approximately approx roughly at least a an the extra additional another further some up to of total
    de d environ au moins quelque quelques jusqu a un une would have disk space storage disque espace please be s with
    gib more""".split()
)
_TOP_UP = frozenset({"extra", "additional", "another", "further", "more", "supplementaire", "supplementaires"})
_NOT_DISK = frozenset(
    """ram memory memoire vram swap cache traffic trafic bandwidth ethernet network reseau data donnees dataset datasets
    logs log images files fichiers emails mails messages packets records""".split()
)
_NEVER_DISK = frozenset("ram memory memoire vram swap cache traffic trafic bandwidth ethernet network reseau".split())
_RATE = frozenset("per a an each every par chaque the".split())
_TIMES = frozenset(
    "second seconds sec s minute hour hours day night week month year jour nuit heure semaine mois an daily".split()
)
_NONE_NEEDED = re.compile(
    r"\b(?:not|n't|no|without|dont)\s+(?:any\s+)?(?:need|require|want|extra|additional|more|further)\b"
    r"|\b(?:pas|aucun|sans)\s+(?:besoin|de\s+disque|d'espace|d\s+espace|disque|espace)|n't\s+need"
)
_BECAUSE = re.compile(
    r"\b(?:because|since|as|for|to|so that|in order|due|car|parce que|pour|afin|puisque|en raison)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DiskReading:
    """What a text asks of the disk: `gib` in all with the `reason` in the user's words, or neither.

    `problem` is a sentence for the user and `found` the words it is about; `notes` are for the admins.
    """

    gib: int | None = None
    reason: str | None = None
    problem: str = ""
    found: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Amount:
    gib: int
    words: str
    sentence: str
    wish: bool
    on_top: bool = False
    is_range: bool = False
    is_total: bool = False


def read_disk(text: str, default_gib: int, *, labelled: bool = False) -> DiskReading:
    """The disk that a text asks for; `labelled` where the text stood after a label for disk.  Never raises."""
    text = text[:_LONGEST_TEXT]
    sentences = [s for s in (" ".join(s.split()) for s in _SENTENCE_END.split(text)) if s]
    amounts = [amount for sentence in sentences for amount in _amounts(sentence, default_gib, labelled=labelled)]
    wishes = [amount for amount in amounts if amount.wish]
    if not wishes:
        return _no_amount(sentences, amounts)
    totals = [wish for wish in wishes if wish.is_total] or wishes
    sizes = {wish.gib for wish in totals}
    if len(sizes) > 1 or any(wish.is_range for wish in totals):
        found = " and ".join(dict.fromkeys(wish.words for wish in totals))
        return DiskReading(problem=f"Several amounts of disk are named. {_ALLOWED}", found=found)
    wish = totals[0]
    note = f'"{wish.words}" was read as {wish.gib} GB of disk in all'
    if wish.on_top:
        note += f", {default_gib} GB that every VM has and the rest on top"
    return DiskReading(wish.gib, _reason(wish, sentences), notes=(note, *_mentioned(amounts)))


_ALLOWED = "Please write one size for the whole disk and why, for example: I need 20 GB of disk because the test data take 12 GB."


def _no_amount(sentences: list[str], amounts: list[_Amount]) -> DiskReading:
    for sentence in sentences:
        words = _WORD.findall(fold(sentence))
        near = any(
            word in _DISK
            and set(words[max(0, i - 2) : i]) & {"extra", "more", "additional", "larger", "bigger"}
            or (word in _DISK and set(words[i + 1 : i + 2]) & {"supplementaire", "supplementaires"})
            for i, word in enumerate(words)
        )
        if near and set(words) & _ASKING and not _NONE_NEEDED.search(fold(sentence)) and not amounts:
            return DiskReading(problem=f"More disk is asked for, but not how much. {_ALLOWED}", found=sentence)
    return DiskReading(notes=_mentioned(amounts))


def _mentioned(amounts: list[_Amount]) -> tuple[str, ...]:
    shown = dict.fromkeys(amount.words for amount in amounts if not amount.wish)
    return tuple(f'"{words}" was not read as a wish for disk' for words in list(shown)[:3])


def _amounts(sentence: str, default_gib: int, *, labelled: bool) -> list[_Amount]:
    return [_judged(hit, sentence, default_gib, labelled=labelled) for hit in _AMOUNT.finditer(sentence)]


def _judged(hit: re.Match[str], sentence: str, default_gib: int, *, labelled: bool) -> _Amount:
    before = _WORD.findall(fold(sentence[: hit.start()]))[-14:]
    after = _WORD.findall(fold(sentence[hit.end() :]))[:10]
    number = float(hit["number"].replace(",", "."))
    size = math.ceil(number * 1024) if hit["unit"][0] in "tT" else math.ceil(number)
    on_top = bool(set(before[-1:]) & _TOP_UP) or _tops_up(after)
    wish = not _NONE_NEEDED.search(fold(sentence)) and not _is_of_something_else(after) and not _is_rate(after)
    wish = wish and (
        labelled or _after_disk_label(before, sentence) or _directly_asked(before, after) or _asked_near(before, after)
    )
    gib = size + default_gib if on_top else size
    is_total = "total" in before[-3:] + after[:3]
    words = " ".join(sentence[max(0, hit.start() - 25) : hit.end() + 25].split())
    return _Amount(gib, words, sentence, wish and gib > default_gib, on_top, bool(hit["low"]), is_total)


def _tops_up(after: list[str]) -> bool:
    if after[:1] and after[0] in _TOP_UP:
        return True
    return after[:2] in (["en", "plus"], ["de", "plus"], ["on", "top"]) or (
        len(after) > 1 and after[0] in {"of", "de", "d"} and after[1] in {"extra", "additional"}
    )


def _is_of_something_else(after: list[str]) -> bool:
    return any(word in _NEVER_DISK for word in after[:3])


def _is_rate(after: list[str]) -> bool:
    """40 GB per day, 40 GB of data a day."""
    return any(
        word == "daily" or (word in _RATE and after[i + 1 : i + 2] and after[i + 1] in _TIMES)
        for i, word in enumerate(after[:6])
    )


def _after_disk_label(before: list[str], sentence: str) -> bool:
    head = sentence.partition(":")[0]
    words = _WORD.findall(fold(head))
    return ":" in sentence and 0 < len(words) <= 5 and bool(set(words) & _DISK) and len(before) <= len(words) + 3


def _directly_asked(before: list[str], after: list[str]) -> bool:
    """A word of asking, then nothing but fillers, then the amount, which is not one of data."""
    position = len(before) - 1
    while position >= 0 and before[position] in _FILLERS and before[position] not in _DIRECTLY_ASKING:
        position -= 1
    if position < 0 or before[position] not in _DIRECTLY_ASKING:
        return False
    return not (after[:1] and after[0] in {"of", "de", "d"} and set(after[1:3]) & _NOT_DISK)


def _asked_near(before: list[str], after: list[str]) -> bool:
    """A word for disk within eight words of the amount, and a word of asking within six of that."""
    words = [*before, "", *after]
    amount = len(before)
    disks = [i for i, word in enumerate(words) if word in _DISK and abs(i - amount) <= 8]
    asks = [i for i, word in enumerate(words) if word in _ASKING]
    return any(abs(ask - disk) <= 6 for disk in disks for ask in asks)


def _reason(wish: _Amount, sentences: list[str]) -> str:
    """The sentence of the wish, and the next one where the first gives no reason."""
    at = sentences.index(wish.sentence)
    reason = wish.sentence
    if not _BECAUSE.search(wish.sentence) and at + 1 < len(sentences):
        reason = f"{reason}. {sentences[at + 1]}"
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
