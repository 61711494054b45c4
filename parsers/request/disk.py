"""A wish for more disk, in a user's own words.

The rule.  An amount (GB, GiB, Go, TB, ...) is a wish only in one of these cases, within one sentence:

1. it follows a label for disk ("extra disk: 40 GB, because ...");
2. a word of asking stands right before it ("I need 40 GB", "il me faudrait environ 40 Go", "ich brauche 40 GB") or it "is needed",
   and it is not an amount of something other than disk ("I need 40 GB of data from the archive");
3. before it stands a word of asking, and close to both a word for disk ("I need disk space for 40 GB of data");
   this counts only where there is no amount of the first two kinds.

An amount per time ("40 GB a day"), of memory or network, in a sentence that says that none is needed,
in a clause that gives the reason ("because the data are 30 GB"), or not above what every VM has, is no wish.  What is mentioned and not taken for a wish is noted, so that
an admin sees it.  "40 GB more", "40 GB extra", "another 40 GB" come on top of what every VM has; any other
amount is the whole size.  GB and GiB are not told apart, a TB is 1024.  Several amounts, a range, and a
wish without an amount are asked back.  After a label, a bare number is in GB, and any other number without a unit is asked back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, islice, pairwise

from parsers.text.folding import fold, word_set
from parsers.translatable import NOTHING, Translatable, as_one, say

LONGEST_REASON = 300
_LONGEST_TEXT = 20_000
_MOST_AMOUNTS = 20
_NEARBY = 300

_AMOUNT = re.compile(
    r"(?<![\w.,])(?P<low>[0-9]{1,6}\s{0,2}(?:-|–|to|à|or|ou|bis|oder)\s{0,2})?(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,2})?)"
    r"[\s-]{0,2}(?P<unit>(?i:gib|gb|gbytes?|gigabytes?|gigs?|giga|go|gigaoctets?|tib|tb|terabytes?|teraoctets?)|To|G|T)"
    r"(?![\w/])(?!\s{0,2}(?:/|[0-9]))"
)
_BARE = re.compile(
    r"(?P<low>(?!))?(?:(?i:about|around|approx\.?|approximately|ca\.?|etwa|rund|environ|env\.|[~≈])\s?)?"
    r"(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,2})?)(?P<unit>)(?![^\W_]|\s{0,2}(?:[-–.,]|to|à|or|ou|bis|oder)?\s{0,2}[0-9]|\s{0,2}[%/*])"
)
_NUMBER_AND_UNIT = re.compile(r"[0-9][\s-]*[GgTt]")
_SENTENCE_END = re.compile(  # the class in front lets the engine pass over all other letters
    r"[.!?;\n](?:(?<=[.!?;])(?=\s)(?<!approx.)(?<!e\.g.)(?<!i\.e.)(?<!env.)(?<!etc.)(?<!\bca.)(?<!z\.B.)(?<!\bmind.)"
    r"|(?<=\n)(?:\s{0,9}\n|(?=\s{0,9}[-*•–]\s)|(?=[^\n:]{2,40}:)))"
)
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\b[0-9]+")

_ASKING = word_set(
    """need needs needed require requires required requiring want wants wish like request requesting requested ask asking
    please get have grant allocate provide increase enlarge extend extra additional more larger bigger least
    besoin necessite necessaire necessaires voudrais voudrions souhaite souhaitons souhaiterais demande demandons
    faut faudrait faudra aimerais supplementaire supplementaires avoir minimum
    brauche brauchen braucht brauchte brauchten benotige benotigen benotigt mochte mochten gern gerne wunsche wunschen
    beantrage beantragen bitte soll sollte mehr grossere grosseren zusatzlich zusatzliche zusatzlichen mindestens"""
)
_DIRECTLY_ASKING = _ASKING - word_set(
    "have get like please extend least minimum more avoir provide bitte soll sollte mehr mindestens"
)
_DISK = word_set(
    """disk disks disc storage space volume drive harddisk hdd ssd filesystem partition disque disques stockage espace
    capacite platte platten festplatte festplatten festplattenplatz festplattenspeicher plattenplatz speicher speicherplatz
    datentrager laufwerk"""
)
_OF_DISK = word_set("dis stor stock spa vol driv hdd ssd files partition capacite platte speicher daten lauf")
"""Each word for disk holds one of these."""
_FILLERS = word_set(
    """about around approximately approx roughly at least a an the extra additional another further some up to of total
    de d environ au moins quelque quelques jusqu a un une would have disk space storage disque espace please be s with
    gib more etwa ungefahr ca rund mindestens insgesamt bis zu ein eine einen der die das mit um von mehr weitere weiteren
    ich wir platte festplatte speicherplatz"""
)
_TOP_UP = word_set(
    """extra additional another further more supplementaire supplementaires mehr weitere weiteren zusatzlich zusatzliche
    zusatzlichen"""
)
_NOT_DISK = word_set(
    """ram memory memoire vram swap cache traffic trafic bandwidth ethernet network reseau data donnees dataset datasets
    logs log images files fichiers emails mails messages packets records"""
)
_NEVER_DISK = word_set(
    """ram memory memoire vram swap cache traffic trafic bandwidth ethernet network reseau arbeitsspeicher hauptspeicher
    netzwerk datenverkehr"""
)
_CONTENTS = word_set("daten datensatze messdaten dateien bilder protokolle mails nachrichten")
"""What an amount is one of without a word between, as German has it."""
_RATE = word_set("per a an each every par chaque the pro am jeden jede")
_TIMES = word_set(
    """second seconds sec s minute hour hours day night week month year jour nuit heure semaine mois an daily stunde tag nacht woche monat
    jahr taglich"""
)
_DAILY = frozenset({"daily", "taglich"})
_NONE_NEEDED = re.compile(
    r"\b(?:not|n't|no|without|dont)\s+(?:any\s+)?(?:need|require|want|extra|additional|more|further)\b"
    r"|\b(?:pas|aucun|sans)\s+(?:besoin|de\s+disque|d'espace|d\s+espace|disque|espace)|n't\s+need"
    r"|\b(?:kein\w*|ohne)\s+(?:zusatzlich\w*|weiter\w*|extra|mehr|grosser\w*|\w*platte\w*|speicherplatz)\b|\bnicht mehr als\b"
)
_CAUSE = re.compile(
    r"\b(?:because|since|as|car|parce que|puisque|comme|due to|weil|denn|wegen)\b|(?:^|,\s)da\b", re.IGNORECASE
)
_OF = {("of",), ("de",), ("d",)}
_ON_TOP = {("en", "plus"), ("de", "plus"), ("on", "top")}
_NEEDED = word_set(
    "needed required necessary necessaire necessaires requis notig benotigt gebraucht erforderlich notwendig"
)
_AUXILIARIES = (
    _DISK
    | _TOP_UP
    | word_set("are is be would will should sont est serait seraient sera seront of de d sind ist waren werden wurden")
)
_LONGEST_SHOWN = 80
_SAYING_NOTHING = (
    _DISK
    | _TOP_UP
    | word_set(
        "gb gib go tb tib to gigabyte gigabytes total in of please de en plus size taille insgesamt bitte grosse"
    )
)
_BECAUSE = re.compile(
    r"\b(?:because|since|as|for|to|so that|in order|due|car|parce que|pour|afin|puisque|en raison"
    r"|weil|denn|wegen|da|damit|für|um)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DiskReading:
    """What a text asks of the disk: `gib` in all with the `reason` in the user's words, None where none is given.

    `problem` is a sentence for the user and `found` the words it is about; `notes` are for the admins.
    """

    gib: int | None = None
    reason: str | None = None
    problem: Translatable = NOTHING
    found: str = ""
    notes: tuple[Translatable, ...] = ()


class _Strength(IntEnum):
    """How clearly an amount is a wish for disk."""

    NONE = 0
    NEAR = 1
    DIRECT = 2


@dataclass(frozen=True, slots=True)
class _Amount:
    gib: int
    words: str
    sentence: str
    strength: _Strength
    on_top: bool = False
    is_range: bool = False
    is_total: bool = False


def read_disk(text: str, default_gib: int, *, labelled: bool = False) -> DiskReading:
    """The disk that a text asks for; `labelled` where the text stood after a label for disk.  Never raises."""
    text = text[:_LONGEST_TEXT]
    if not labelled and not _may_speak_of_disk(text):
        return DiskReading()
    sentences = [s for s in (" ".join(s.split()).rstrip(".!;") for s in _SENTENCE_END.split(text)) if s]
    amounts = [amount for sentence in sentences for amount in _amounts(sentence, default_gib, labelled=labelled)]
    strongest = max((amount.strength for amount in amounts), default=_Strength.NONE)
    if strongest is _Strength.NONE:
        return _no_amount(sentences, amounts, labelled=labelled)
    wishes = [amount for amount in amounts if amount.strength is strongest]
    totals = [wish for wish in wishes if wish.is_total] or wishes
    sizes = {wish.gib for wish in totals}
    if len(sizes) > 1 or any(wish.is_range for wish in totals):
        found = " and ".join(dict.fromkeys(wish.words for wish in totals))
        return DiskReading(problem=as_one(say("Several disk sizes are given."), _ALLOWED), found=found)
    wish = totals[0]
    note = say('"{words}" was read as {size} GB of disk in total', words=wish.words, size=wish.gib)
    if wish.on_top:
        note = as_one(note, say("{usual} GB that every VM has and the rest on top", usual=default_gib), by=", ")
    reason = _reason(wish, sentences)
    if reason is None:
        note = as_one(note, say("no reason is given for it"), by="; ")
    return DiskReading(wish.gib, reason, notes=(note, *_mentioned(one for one in amounts if one not in wishes)))


def _may_speak_of_disk(text: str) -> bool:
    """Whether an amount or a word for disk may be there; in most texts neither is."""
    if _NUMBER_AND_UNIT.search(text):
        return True
    folded = fold(text)
    return any(part in folded for part in _OF_DISK)


_ALLOWED = say(
    "Please write one size for the whole disk and why, for example: I need 20 GB of disk because the test data take 12 GB."
)


def _no_amount(sentences: list[str], amounts: list[_Amount], *, labelled: bool) -> DiskReading:
    for sentence in [] if amounts else sentences:
        folded = fold(sentence)
        if labelled and _NUMBER.search(sentence) and not _NONE_NEEDED.search(folded):
            return DiskReading(
                problem=as_one(say("The size of the disk is not given in GB."), _ALLOWED), found=sentence
            )
        words = _WORD.findall(folded)
        if _names_more_disk(words) and set(words) & _ASKING and not _NONE_NEEDED.search(folded):
            problem = as_one(say("More disk is requested, but not how much."), _ALLOWED)
            return DiskReading(problem=problem, found=sentence)
    return DiskReading(notes=_mentioned(amounts))


def _names_more_disk(words: list[str]) -> bool:
    """Extra disk space, a larger disk, disque supplémentaire, mehr Speicherplatz."""
    before = word_set("extra more additional larger bigger mehr grossere grosseren zusatzliche zusatzlichen")
    after = word_set("supplementaire supplementaires")
    return any(
        word in _DISK and (set(words[max(0, i - 2) : i]) & before or set(words[i + 1 : i + 2]) & after)
        for i, word in enumerate(words)
    )


def _mentioned(amounts: Iterable[_Amount]) -> tuple[Translatable, ...]:
    shown = dict.fromkeys(amount.words for amount in amounts)
    return tuple(say('"{words}" was not read as a request for disk space', words=words) for words in list(shown)[:3])


def _amounts(sentence: str, default_gib: int, *, labelled: bool) -> list[_Amount]:
    folded = fold(sentence)
    none_needed = bool(_NONE_NEEDED.search(folded))
    amounts = []
    bare = [hit] if labelled and (hit := _bare(sentence)) else []
    for hit in chain(bare, islice(_AMOUNT.finditer(sentence), _MOST_AMOUNTS)):
        near = _Around.of(hit, sentence)
        number = float(hit["number"].replace(",", "."))
        size = math.ceil(number * 1024) if hit["unit"].startswith(("t", "T")) else math.ceil(number)
        gib = size + default_gib if near.tops_up() else size
        wanted = gib > default_gib and not none_needed and not near.is_of_something_else() and not near.is_reason
        strength = near.strength(labelled=labelled) if wanted else _Strength.NONE
        amounts.append(_Amount(gib, near.shown, sentence, strength, near.tops_up(), bool(hit["low"]), near.is_total()))
    return amounts


def _bare(sentence: str) -> re.Match[str] | None:
    """The number without a unit with which an answer begins ("20, because ..."); None where another word says of what."""
    hit = _BARE.match(sentence)
    rest = sentence[hit.end() :].lstrip() if hit else ""
    next_word = fold(rest).partition(" ")[0]
    return hit if not rest[:1].isalnum() or _BECAUSE.match(rest) or next_word in _TOP_UP else None


@dataclass(frozen=True, slots=True)
class _Around:
    """The folded words before and after an amount in its sentence, nearest last and first."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    after_colon: bool
    after_disk_label: bool
    is_reason: bool
    shown: str

    @classmethod
    def of(cls, hit: re.Match[str], sentence: str) -> _Around:
        """Look around one amount."""
        head, tail = sentence[max(0, hit.start() - _NEARBY) : hit.start()], sentence[hit.end() : hit.end() + _NEARBY]
        label = _WORD.findall(fold(head.partition(":")[0])) if ":" in head else []
        before = tuple(_WORD.findall(fold(head))[-14:])
        around = (" ".join(head.split()[-4:]), " ".join(tail.split()[:4]))
        spaces = (" " if head[-1:].isspace() else "", " " if tail[:1].isspace() else "")
        shown = f"{around[0]}{spaces[0]}{hit.group()}{spaces[1]}{around[1]}"
        return cls(
            before=before,
            after=tuple(_WORD.findall(fold(tail))[:10]),
            after_colon=head.rstrip().endswith(":"),
            after_disk_label=0 < len(label) <= 5 and bool(set(label) & _DISK) and len(before) <= len(label) + 3,
            is_reason=_in_a_reason(sentence, hit.start()),
            shown=shown if len(shown) <= _LONGEST_SHOWN else hit.group(),
        )

    def strength(self, *, labelled: bool) -> _Strength:
        """How clearly this amount is wished for."""
        if self.is_rate():
            return _Strength.NONE
        if labelled or self.after_disk_label or self.is_asked_directly() or self.is_needed():
            return _Strength.DIRECT
        return _Strength.NEAR if self.is_asked_near() else _Strength.NONE

    def tops_up(self) -> bool:
        """40 GB more, another 40 GB, 40 GB of extra disk."""
        if self.before[-1:] and self.before[-1] in _TOP_UP and not self.after_colon:
            return True
        if self.after[:1] and self.after[0] in _TOP_UP:
            return True
        return self.after[:2] in _ON_TOP or (self.after[:1] in _OF and self.after[1:2] in {("extra",), ("additional",)})

    def is_total(self) -> bool:
        """40 GB in total."""
        return bool({"total", "insgesamt"} & set(self.before[-3:] + self.after[:3]))

    def is_of_something_else(self) -> bool:
        """40 GB of memory."""
        return any(word in _NEVER_DISK for word in self.after[:3])

    def is_rate(self) -> bool:
        """40 GB per day, 40 GB of data a day."""
        return any(
            word in _DAILY or (word in _RATE and following in _TIMES)
            for word, following in pairwise((*self.after[:7], ""))
        )

    def is_asked_directly(self) -> bool:
        """A word of asking, then nothing but fillers, then the amount, which is not one of data."""
        asked = next((word for word in reversed(self.before) if word in _DIRECTLY_ASKING or word not in _FILLERS), "")
        return asked in _DIRECTLY_ASKING and not self._is_of_data()

    def is_needed(self) -> bool:
        """40 GB are needed, 40 GB of disk would be required, 40 Go seraient nécessaires."""
        between = next((word for word in self.after if word in _NEEDED or word not in _AUXILIARIES), "")
        return between in _NEEDED

    def is_asked_near(self) -> bool:
        """A word for disk within eight words of the amount, and before it a word of asking within six of that."""
        words = (*self.before, "", *self.after)
        amount = len(self.before)
        disks = [i for i, word in enumerate(words) if word in _DISK and abs(i - amount) <= 8]
        asks = [i for i, word in enumerate(self.before) if word in _ASKING]
        return any(abs(ask - disk) <= 6 for disk in disks for ask in asks)

    def _is_of_data(self) -> bool:
        data = self.after[1:3] if self.after[:1] in _OF else ()
        return bool(set(data) & _NOT_DISK or set(self.after[:1]) & _CONTENTS)


def _in_a_reason(sentence: str, at: int) -> bool:
    """Whether a place stands in a clause that gives the reason ("..., because the data are 30 GB")."""
    cause = _CAUSE.search(sentence)
    if cause is None or cause.start() > at:
        return False
    comma = sentence.find(",", cause.end())
    return not (cause.start() == 0 and 0 <= comma < at)


def _reason(wish: _Amount, sentences: list[str]) -> str | None:
    """The sentence of the wish, and the next one where the first gives no reason; None for a bare amount."""
    at = sentences.index(wish.sentence)
    reason = wish.sentence.lstrip("*-•– ")
    if not _BECAUSE.search(reason) and at + 1 < len(sentences):
        reason = f"{reason}. {sentences[at + 1]}"
    if all(word in _SAYING_NOTHING or word[0].isdigit() for word in _WORD.findall(fold(reason))):
        return None
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
