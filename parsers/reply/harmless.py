"""What may stand beside a decision without a second look: wishes, names, signatures, and words to the requester.

A decision is a closed grammar: what is neither known to limit it nor known to be harmless is asked back,
so that a second thought in words, or in a language, that no table has does not build a machine.
"""

from __future__ import annotations

import re

from parsers.text.endings import is_name
from parsers.text.folding import fold
from parsers.text.openings import is_greeting
from parsers.text.tables import alternatives, beginning, later, whole_words

_LONGEST_SIGNATURE_LINE = 60
_BESIDE_A_NAME = re.compile(r"\s*[,|•·(\[]|\s+[-–—/]\s+")
_EMPHASIS = re.compile(r"\s*[*_]+\s*")
_ENDS_SENTENCE = re.compile(r"[.!?…]\s*$")
#: "Pour Bob", "See Bob": a word that nobody is called by, written like a name.
_NO_NAME = beginning(
    "for | pour | fur | para | per | see | voir | siehe | with | avec | mit | via | tell | ask | after | before | under | sans"
)
#: French thanks beforehand, for what is yet to be done.
_ASKS_TO = re.compile(r"(?:merci|priere) de (?:bien vouloir )?(?:ne pas )?(?!votre|notre)\w{2,20}(?:er|ir|re)\b")
#: Who the requester is: the one kind of plain statement on which no decision hangs.
_WHO_SHE_IS = later(
    r"[\w'-]{1,30} (?:works?|worked|collaborates?|belongs?|studies|stud(?:y|ied)|is (?:one of|from|part of|in|with|my|our|working)|are (?:one of|from|part of|in|with|our)"
    r"|knows? \w{2,20}(?: well)?$|am (?:her|his|their|\w{2,20}'s) (?:supervisor|advisor|adviser|boss|colleague|group leader|pi)|is an? (?:\w+ )?(?:student|colleague|member|postdoc|researcher|engineer|intern|partner|friend|guest)|travaille|fait partie|est (?:un|une|mon|ma|notre|dans)"
    r"|arbeitet|gehort|ist (?:ein|eine|mein|meine|unser|unsere|in)|trabaja|es (?:mi|un|una|nuestro|nuestra)|lavora|e (?:un|una|nostro|nostra))\b.{0,120}"
)
#: `C`, `C.A.`, `xx Carol`: how people who know each other sign.
_INITIALS = re.compile(r"[-–—/~]?\s?(?:x{1,3} )?(?:[A-ZÀ-Þ]\.?){1,3}|[-–—/~]?\s?x{1,3} [A-ZÀ-Þ][\w'’-]{1,20}")
_CLAUSE = re.compile(r"[,:;]\s|\s[-–—]\s")
#: Spanish and Italian; without its accent either is the "if" of another language.
_YES = frozenset({"sí", "sì", "+1"})
#: Times and limits of languages that write no spaces: what else is short and has them is a name.
_UNSPACED_OPEN = later(
    rf"[月日年天周週期只到不等前后後先再但若如まで]|{alternatives('だめ | 아니 | 안돼')}|(?<!\w)(?:لا|לא)(?!\w)"
)
#: `Alice: welcome aboard!`
_SPOKEN_TO = re.compile(r"@?[A-ZÀ-Þ][^\W\d_]{1,20}\s?:\s+(?=\S)")
_EDGES = " \t.,!;:-()*_'\""
#: A name in small letters, or a slip of the keyboard; the tables above hold the single words that say no.
_LONE_WORD = later("[^\\W\\d_\u0e00-\uffff]{2,20}")
#: "Moment!", "Well…", "Quatsch.": nobody signs so; the writer's own name was taken away before.
_TRAILS_OFF = re.compile(r"(?:!|\.\.|…|(?<=[^\W\d_][^\W\d_][^\W\d_])\.)\s*$")
_JOINTS = re.compile(
    r"(?:(?:but|and|so|also|by the way|btw|ps|p\.s\.|fyi|note|anyway|et|au fait|und|ubrigens|y|por cierto|e)\b[\s,:.]{0,3})+"
)

# Words that begin a courtesy, a wish, or an absence note.  None is followed by what a decision hangs on: limits are looked for first.
_WISHES = beginning("""
    thanks | thank you | many thanks | thx | ty | cheers | have a * | have fun | have a | enjoy | good luck | good work | good job | great | nice | lovely | perfect |
    excellent | cool | wonderful | congrat* | welcome | you are welcome | you're welcome | happy * | glad | pleased | my pleasure | with pleasure |
    looking forward | hope this helps | hope that helps | take care | see you | talk to you | talk soon | keep up | all the best | best of luck | best wishes | kind regards |
    regards | as discussed | as agreed | as promised | as usual | as always | for your information |
    please mind the | mind the | don't forget | do not forget | feel free | let us know how | let me know how |
    tell us how | keep us posted | keep me posted | i am on vacation | i'm on vacation | i am on holiday* | i'm on holiday* | i am on leave | i'm on leave | i am on annual leave | i'm on annual leave | i am on parental leave | i'm on parental leave |
    i am on the road | i'm on the road | i am on a train | i'm on a train | i am on the train | i'm on the train | i am on my way | i'm on my way | i am on my phone | i'm on my phone | i am on a trip | i'm on a trip | i am on duty | i'm on duty |
    i am away | i'm away | i am out of office | i'm out of office | i am out of the office | i'm out of the office | i am out of town | i'm out of town | sorry for | apologies for | cc * | cc: * | hi | hello | dear | happy to |
    merci | avec plaisir | bon courage | bonne chance | bonne continuation | bonne reception | bonne journee | bonne soiree | bonnes vacances | bon week-end | bon weekend | bonne semaine | bonne fin |
    avec mes excuses | avec toutes mes excuses | mes excuses pour | bonnes fetes | bonnes fetes de | beau projet | c'est un beau projet | c'est un bon projet | joli projet | projet interessant | tres bonne demande | bonne demande |
    hope it helps | fantastic | bon travail | bonne reussite | bon vent | je suis ravi* | gutes gelingen | alles gut | mucho exito | buen trabajo | succes | veel plezier | veel succes | lycka till | held og lykke | lykke til |
    bravo | super | parfait | tres bien | bien recu | a bientot | a plus | a+ | ++ | bonne idee | tres bonne idee | au plaisir | bienvenue | felicitations | de rien | je vous en prie | je t'en prie | comme convenu | comme discute | pour info |
    tout est bon | pensez a | n'oubliez pas | cordialement | danke | vielen dank | viel erfolg | viel spass | viel gluck | gerne | gern geschehen | alles gute | schones wochenende |
    schonen tag | schonen abend | schone grusse | viele grusse | wie besprochen | wie vereinbart | willkommen | super | prima | perfekt | bis bald | bis dann |
    very nice | good idea | great idea | nice idea | sounds great | sounds nice | sounds like a nice | sounds like a great | sounds like a good | please read the | sounds interesting | this sounds interesting | good to see | nice to see | great to see | glad to see | i hope | hope you | hope all | keep it up | well done | nice work | nice one | stay safe | merry christmas |
    happy new year | season's greetings | sent in a hurry | tres beau | tres belle | joyeuses fetes | joyeux noel | bonne annee | frohe | guten start | guten rutsch | tot ziens | prettig weekend | fijn weekend | fijne dag |
    trevlig helg | god helg | god weekend | ha en * | hyvaa | miłego | milego | udanego | hezky | pekny | in bocca al lupo | feliz | buen finde |
    gracias | muchas gracias | buena suerte | mucha suerte | suerte | buen dia | buen fin de semana | bienvenid* | felicidades | de nada | con gusto | saludos | como acordado |
    grazie | buon lavoro | buona fortuna | buona giornata | buon fine settimana | benvenut* | complimenti | prego | volentieri | come d'accordo | saluti
""")
_AGREEMENTS = beginning("""
    please note | please remember | please keep in mind | please be aware | remember to |
    go ahead | please go ahead | please proceed | please build it | you can build it | go for it | looks good to me | looks good | look* fine | all good | all set | fine with me | fine by me | lgtm | no problem |
    i agree | i fully agree | agreed | fully agreed | fully agree | makes sense | it makes sense | that makes sense | this makes sense | i'm fine with this | i'm fine with it | i am fine with this | i am fine with it |
    i'm happy with this | i'm happy with it | i am happy with this | i am happy with it | all fine | everything is fine | everything looks fine | everything looks good | everything is clear | all clear |
    reasonable request | a reasonable request | clear request | sounds reasonable | seems reasonable | seems fine | very useful | useful | good to go | you're all set | you are all set | ready when you are | i like it | i like the project | i like this | we support | supported by | je suis d'accord | entierement d'accord | tout a fait d'accord | c'est clair | tout est clair | je soutiens | je connais bien | einverstanden | bin einverstanden | geht klar | von mir aus gerne | klingt gut | klingt sinnvoll | ich unterstutze das | de acuerdo | d'accordo |
    sounds good | sounds fine | of course | absolutely | definitely | certainly | i fully support | i support | fully supported | i'm happy to support | i am happy to support | bien sur | absolument |
    c'est parfait | c'est bon | tout va bien | naturlich | selbstverstandlich | alles klar | passt | por supuesto | claro | certo | sure | done | ok | okay | yes | yep | tout est bon | parfait | perfect | perfekt
""")
_DOING = beginning("go ahead | please go ahead | please proceed | please build it | you can build it | go for it")
_AS_ASKED = later(
    r"(?:please|now|then|right away|immediately|and build (?:it|this|the (?:vm|machine))|with (?:it|this|that|the build|the installation)|as (?:asked|requested|planned|it is|is))(?:,? (?:please|thanks|now|\w{2,20}))?"
)
_TO_THE_READER = whole_words("""
    you | your | yours | yourself | u | vous | votre | vos | tu | ton | ta | tes | te | toi | sie | ihr | ihre | ihrem | ihnen | du bist | du hast | du kannst | du wirst | du musst | du brauchst | du darfst | du magst | hast du | bist du | kannst du | wirst du | dein | deine | dir | dich |
    usted | ustedes | tuyo | tuo | tua | vi
""")
# Words on which a decision may hang although none of them limits it by itself.
_OPEN = whole_words("""
    should | must | would | could | might | may | shall | has to | have to | had to | need | needs | needed | want | wants | like to | supposed | expected to | promise | promises | agree | agrees |
    agreed | agreement | confirm | confirms | confirmed | sign | signs | signed | approval | approve | approves | decide | decides | decision | disagree* | object | objects |
    maybe | perhaps | probably | possibly | presumably | tentative* | provisional* | preliminar* | hopefully | think | guess | suppose | believe | doubt | unsure | principle | roughly |
    use | give | gave | set | make | build | move | switch | try | keep to | just | exactly | enough | half | too | more | another | other | different | second | test | testing | trial | joke | kidding |
    ask | asks | talk | check | see with | clarify | verify | review | start | starts | starting | begin | beginning | from | next | then | soon | still | yet | already | by mistake | tbd | tba | tbc | n/a | nak | nack | veto | wip | draft | entwurf | brouillon | borrador | bozza | probe | essai | ping | moment | momento | attimo | err | uh | ehm | minute | stopp | halt | quatsch | scherz | scherzo | naja | na ja | morgen | ungepruft | zum testen | espere | olvid* | aspett* | wacht | te groot | verkeerd | geweigerd | grapje | broma | blague | unsinn | mist | bof | mouais | meh | whatever | sigh | grr | argh | lol | haha | hihi | jk | nay | njet | nyet | nem | hayır | duplicate | double | doublon | j'hesite |
    incomplete | strange | weird | odd | unclear | vague | missing | locked | small | tiny | slow | share | shared | pay | pays | paid | warned | delete | opinion | responsible | last one | on your own | is over | are over |
    exception | exceptionally | reluctant* | grudging* | hesitant* | exceptionnellement | ausnahmsweise | ungern | widerwillig | incomplet | incomplete | bizarre | unvollstandig | seltsam | unklar | bad | pressed | sent | scrap |
    was for | were for | left | leaves | leaving | gone | shrink | thinking of |
    januar | februar | marz | mai | juni | juli | oktober | dezember | montag | dienstag | mittwoch | donnerstag | freitag | samstag | sonntag |
    lundi | mardi | mercredi | jeudi | vendredi | samedi | dimanche | ete | hiver | printemps | automne | rentree |
    enero | febrero | marzo | abril | mayo | junio | julio | agosto | septiembre | octubre | noviembre | diciembre | lunes | martes | miercoles | jueves | viernes | verano | otono |
    gennaio | febbraio | aprile | maggio | giugno | luglio | settembre | ottobre | dicembre | lunedi | martedi | mercoledi | giovedi | venerdi | autunno |
    for now | for the moment | for the time being | pour l'instant | pour le moment | vorerst | furs erste | einstweilen | por ahora | per ora | january | february | march | april | june | july | august | september | october | november | december | monday | tuesday | wednesday | thursday | friday | saturday | sunday |
    let me | let us | get back | hm | hmm | hmmm | nee | nei | nej | nie | nao | ne | ei | hayir | yok | нет | ні | οχι | 不 | いいえ |
    week | weeks | month | months | year | years | days | summer | winter | spring | autumn | christmas | easter |
    doit | doivent | devrait | faut | faudrait | voudrais | veut | veux | accord | confirmer | valider | retire | peut-etre | probablement | je pense | je crois | trop | moins | autre | demander | voir avec | seul | moitie |
    janvier | fevrier | mars | avril | juin | juillet | aout | septembre | octobre | novembre | decembre | semaine | semaines | mois | ans |
    muss | mussen | soll | sollte | sollen | darf | vielleicht | wahrscheinlich | zustimmen | genehmigung | nein | fragen sie | andere | anderer | anderes | zu gross | zu viel | halb | monat | monate | woche | wochen | jahr |
    debe | deberia | tiene que | quizas | tal vez | otro | otra | demasiado | mitad | mes | meses | semana | deve | dovrebbe | forse | altro | altra | troppo | meta | mese | mesi | settimana
""")

#: What somebody else has still to do, or may: "I hope that Bob agrees" is more than a wish.
_HANGS = whole_words("""
    agree | agrees | decide | decides | must | has to | have to | need to | needs to | should | sign | signs | object | objects | check | checks | confirm | confirms | approve | approves | verify | verifies | ask | asks |
    demander | demandez | attendre | attendez | verifier | valider | decide qui | doit | doivent | signe | entscheidet | entscheiden | muss | mussen | unterschreibt | debe | deve
""")


def is_signature(paragraph: list[str]) -> bool:
    """A name, with at most short lines below it that are no sentences: title, group, house."""
    first, *below = (_EMPHASIS.sub(" | ", line).strip(" |") for line in paragraph)
    if not _may_be_a_name(_BESIDE_A_NAME.split(first)[0]) or "?" in first or _TRAILS_OFF.search(first):
        return False
    if _OPEN.search(fold(first)) or _UNSPACED_OPEN.search(fold(first)):
        return False
    return all(
        len(line) <= _LONGEST_SIGNATURE_LINE and not _ENDS_SENTENCE.search(line) and not _OPEN.search(fold(line))
        for line in below
    )


def is_yes(line: str) -> bool:
    """`+1`, `Sí`: a yes whose plain letters would be something else."""
    return line.strip(_EDGES).casefold() in _YES


def is_harmless(sentence: str) -> bool:
    """True for a wish, a greeting, a name, or words to the requester on which nothing can hang.

    `sentence` is as typed; what limits or takes back was looked for before.
    """
    words = fold(sentence).strip(_EDGES)
    words = _JOINTS.sub("", words, count=1) if _JOINTS.match(words) else words
    if not any(c.isalpha() for c in words):
        return not any(c.isdigit() for c in words)
    spoken_to = _SPOKEN_TO.match(sentence.strip())
    if spoken_to and not _OPEN.search(fold(spoken_to.group())):
        return is_harmless(sentence.strip()[spoken_to.end() :])
    if "?" in sentence:
        return False
    said = _a_wish(words)
    if said is not None:
        return said
    if is_greeting(sentence):
        return True
    if _is_open(words):
        return False
    if _may_be_a_name(sentence) or _INITIALS.fullmatch(sentence.strip()) or _TO_THE_READER.search(words):
        return True
    return bool((_LONE_WORD.fullmatch(words) and not _is_said_alone(sentence)) or _WHO_SHE_IS.fullmatch(words))


def _is_said_alone(typed: str) -> bool:
    """Whether a word is a sentence; behind the comma of a courtesy that was taken away it is whom that spoke to."""
    return bool(_TRAILS_OFF.search(typed)) and typed.strip()[:1].isalnum()


def _may_be_a_name(typed: str) -> bool:
    return is_name(typed) and not _TRAILS_OFF.search(typed) and not _NO_NAME.match(fold(typed))


def _a_wish(words: str) -> bool | None:
    """Whether a wish or an agreement is no more than that; None where the words begin with neither."""
    agreed = _AGREEMENTS.match(words)
    if agreed:  # "go ahead" says nothing new, "go ahead in January" does
        rest = words[agreed.end() :].strip(_EDGES)
        bare = not _is_open(rest) if not _DOING.match(words) else bool(_AS_ASKED.fullmatch(rest))
        return not rest or bare or is_harmless(rest)
    wish = _WISHES.match(words)
    if wish and _ASKS_TO.match(words):
        return False
    if wish:  # what a comma sets off is a clause of its own: "happy to help, from Monday on"
        clause = _CLAUSE.search(words, wish.end())
        if _HANGS.search(words, wish.end(), clause.start() if clause else len(words)):
            return False  # "happy for Bob to decide"
        more = words[clause.end() :] if clause else ""
        return not _is_open(more) or is_harmless(more)
    return None


def _is_open(words: str) -> bool:
    return bool(_OPEN.search(words) or _UNSPACED_OPEN.search(words)) or any(c.isdigit() for c in words)
