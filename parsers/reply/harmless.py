"""What may stand beside a decision without a second look: wishes, names, signatures, and words to the requester.

A decision is a closed grammar: what is neither known to limit it nor known to be harmless is asked back,
so that a second thought in words, or in a language, that no table has does not build a machine.
"""

from __future__ import annotations

import re

from parsers.text.endings import is_name
from parsers.text.folding import fold
from parsers.text.openings import is_greeting
from parsers.text.tables import beginning, whole_words

_LONGEST_SIGNATURE_LINE = 60
_BESIDE_A_NAME = re.compile(r"\s*[,|•·(\[]|\s+[-–—/]\s+")
_ENDS_SENTENCE = re.compile(r"[.!?…]\s*$")
#: Who the requester is: the one kind of plain statement on which no decision hangs.
_WHO_SHE_IS = re.compile(
    r"[\w'-]{1,30} (?:works?|worked|collaborates?|belongs?|studies|stud(?:y|ied)|is (?:one of|from|part of|in|with|my|our|working)|are (?:one of|from|part of|in|with|our)"
    r"|is an? (?:\w+ )?(?:student|colleague|member|postdoc|researcher|engineer|intern|partner|friend|guest)|travaille|fait partie|est (?:un|une|mon|ma|notre|dans)"
    r"|arbeitet|gehort|ist (?:ein|eine|mein|meine|unser|unsere|in)|trabaja|es (?:mi|un|una|nuestro|nuestra)|lavora|e (?:un|una|nostro|nostra))\b.{0,120}"
)
#: A name in small letters, or a slip of the keyboard; the tables above hold the single words that say no.
_LONE_WORD = re.compile(r"[^\W\d_]{2,20}")
_JOINTS = re.compile(
    r"(?:(?:but|and|so|also|by the way|btw|ps|p\.s\.|fyi|note|anyway|et|au fait|und|ubrigens|y|por cierto|e)\b[\s,:.]{0,3})+"
)

# Words that begin a courtesy, a wish, or an absence note.  None is followed by what a decision hangs on: limits are looked for first.
_WISHES = beginning("""
    thanks | thank you | many thanks | thx | ty | cheers | have a * | have fun | have a | enjoy | good luck | good work | good job | great | nice | lovely | perfect |
    excellent | cool | wonderful | congrat* | welcome | you are welcome | you're welcome | happy * | glad | pleased | my pleasure | with pleasure | looks good | look* fine | all good | all set | go ahead | please go ahead | please proceed | please build it | you can build it | go for it |
    looking forward | hope this helps | hope that helps | take care | see you | talk to you | talk soon | keep up | all the best | best of luck | best wishes | kind regards |
    regards | as discussed | as agreed | as promised | as usual | as always | for your information | lgtm | fine with me | fine by me | no problem | sure | done | ok | okay | yes | yep |
    please note | please mind | please remember | please keep in mind | please be aware | remember to | mind the | don't forget | do not forget | feel free | let us know how | let me know how |
    tell us how | keep us posted | keep me posted | i am on * | i'm on * | i am away | i'm away | i am out of * | i'm out of * | sorry for | apologies for | cc * | hi | hello | dear | happy to |
    merci | avec plaisir | bon courage | bonne chance | bonne continuation | bonne reception | bonne journee | bonne soiree | bonnes vacances | bon week-end | bon weekend | bonne semaine | bonne fin |
    bravo | super | parfait | tres bien | bien recu | a bientot | a plus | a+ | ++ | bonne idee | tres bonne idee | au plaisir | bienvenue | felicitations | de rien | je vous en prie | je t'en prie | comme convenu | comme discute | pour info |
    tout est bon | pensez a | n'oubliez pas | cordialement | danke | vielen dank | viel erfolg | viel spass | viel gluck | gerne | gern geschehen | alles gute | schones wochenende |
    schonen tag | schonen abend | schone grusse | viele grusse | wie besprochen | wie vereinbart | willkommen | super | prima | perfekt | bitte | bis bald | bis dann |
    gracias | muchas gracias | buena suerte | mucha suerte | suerte | buen dia | buen fin de semana | bienvenid* | felicidades | de nada | con gusto | saludos | como acordado |
    grazie | buon lavoro | buona fortuna | buona giornata | buon fine settimana | benvenut* | complimenti | prego | volentieri | come d'accordo | saluti
""")
_TO_THE_READER = whole_words("""
    you | your | yours | yourself | u | vous | votre | vos | tu | ton | ta | tes | te | toi | sie | ihr | ihre | ihrem | ihnen | du | dein | deine | dir | dich |
    usted | ustedes | su | sus | tuyo | lei | suo | sua | tuo | tua | vi
""")
# Words on which a decision may hang although none of them limits it by itself.
_OPEN = whole_words("""
    should | must | would | could | might | may | shall | has to | have to | had to | need | needs | needed | want | wants | like to | supposed | expected to | promise | promises | agree | agrees |
    agreed | agreement | confirm | confirms | confirmed | sign | signs | signed | approval | approve | approves | decide | decides | decision | disagree* | object | objects |
    maybe | perhaps | probably | possibly | presumably | tentative* | provisional* | preliminar* | hopefully | think | guess | suppose | believe | doubt | unsure | principle | roughly |
    use | give | gave | set | make | build | move | switch | try | keep to | just | exactly | enough | half | too | more | another | other | different | second | test | testing | trial | joke | kidding |
    ask | asks | talk | check | see with | clarify | verify | review | start | starts | starting | begin | beginning | from | next | then | soon | still | yet | already | by mistake | tbd | tba | tbc | n/a | bad | pressed | sent | scrap |
    january | february | march | april | june | july | august | september | october | november | december | monday | tuesday | wednesday | thursday | friday | saturday | sunday |
    let me | let us | get back | hm | hmm | hmmm | nee | nei | nej | nie | nao | ne | ei | hayir | yok | нет | ні | οχι | 不 | いいえ |
    week | weeks | month | months | year | years | days | summer | winter | spring | autumn | christmas | easter |
    doit | doivent | devrait | faut | faudrait | voudrais | veut | veux | accord | confirmer | valider | retire | peut-etre | probablement | je pense | je crois | trop | moins | autre | demander | voir avec | seul | moitie |
    janvier | fevrier | mars | avril | juin | juillet | aout | septembre | octobre | novembre | decembre | semaine | semaines | mois | ans |
    muss | mussen | soll | sollte | sollen | darf | vielleicht | wahrscheinlich | zustimmen | genehmigung | nein | fragen sie | andere | anderer | anderes | zu gross | zu viel | halb | monat | monate | woche | wochen | jahr |
    debe | deberia | tiene que | quizas | tal vez | otro | otra | demasiado | mitad | mes | meses | semana | deve | dovrebbe | forse | altro | altra | troppo | meta | mese | mesi | settimana
""")


def is_signature(paragraph: list[str]) -> bool:
    """A name, with at most short lines below it that are no sentences: title, group, house."""
    first, *below = (line.strip("*_ ") for line in paragraph)
    if not is_name(_BESIDE_A_NAME.split(first)[0]) or _OPEN.search(fold(first)):
        return False
    return all(
        len(line) <= _LONGEST_SIGNATURE_LINE and not _ENDS_SENTENCE.search(line) and not _OPEN.search(fold(line))
        for line in below
    )


def is_harmless(sentence: str) -> bool:
    """True for a wish, a greeting, a name, or words to the requester on which nothing can hang.

    `sentence` is as typed; what limits or takes back was looked for before.
    """
    words = fold(sentence).strip(" \t.,!;:-()*_'\"")
    words = _JOINTS.sub("", words, count=1) if _JOINTS.match(words) else words
    if not any(c.isalpha() for c in words):
        return not any(c.isdigit() for c in words)
    if _WISHES.match(words) or is_greeting(sentence):
        return True
    if _OPEN.search(words) or "?" in sentence or any(c.isdigit() for c in words):
        return False
    if is_name(sentence) or _TO_THE_READER.search(words):
        return True
    return bool(_LONE_WORD.fullmatch(words) or _WHO_SHE_IS.fullmatch(words))
