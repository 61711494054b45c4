"""What a writer's own words around a command do to it: limit it, take it back, or nothing.

Everything that a person wrote counts, below the command and below the quote too.  Closings, names, contacts and
disclaimers are nobody's second thought; of courtesies only the courteous part is taken away, and what is then left is
judged.  A sentence that says something neutral blocks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from parsers.reply.harmless import is_harmless, is_signature, is_yes
from parsers.text.boilerplate import is_disclaimer
from parsers.text.endings import is_closing, is_contact, is_mobile_footer, is_postscript
from parsers.text.folding import fold
from parsers.text.tables import beginning, later, whole_words
from parsers.values import Verb

# What these set going is not asked about again: beside them only words that are known to be harmless may stand.
_STRICT = frozenset({Verb.APPROVE, Verb.PROCEED, Verb.ADOPT, Verb.REBUILD, Verb.FORGET})
EXPLAINED = frozenset({Verb.EXTEND, Verb.RESTORE})
"""Words behind which their sender may say why."""
# What cannot be taken back, or is asked only once: beside these a question, or another time, is asked about.
_CAREFUL = frozenset({Verb.RELEASE, Verb.WITHDRAW, Verb.CONFIRM, Verb.REINSTALL})
_LATER = later(
    r"\b(?:in|dans|en|tra|fra) (?:\d{1,4}|an?|one|two|three|some|une?|deux|trois|quelques|eine[mnr]?|zwei|drei|einigen|una?|dos|due|tres|tre) "
    r"(?:hours?|days?|weeks?|months?|years?|heures?|jours?|semaines?|mois|ans?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?|dias?|semanas?|mes(?:es)?|giorn[io]|settiman[ae]|mes[ei])\b"
    r"|\b(?:on|by|next|this|from) (?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\b|\btonight\b"
)
# Who gives something back says why: that it is not needed any more limits nothing.
_GIVING_BACK = frozenset({Verb.RELEASE, Verb.WITHDRAW})
_NOT_NEEDED = later(
    r"\b(?:(?:i|we) )?(?:do not|don't|no longer|won't|will not|n'ai plus|n'avons plus|n'en ai plus) (?:need|use|want|besoin)\b[^.;,]{0,40}"
    r"|\b(?:is|are) (?:not|no longer) (?:needed|used|required|necessary)\b[^.;,]{0,30}|\bplus besoin\b[^.;,]{0,30}"
)
# Who asks for more time says why: that something is not finished limits nothing.
_NOT_FINISHED = later(
    r"(?:\b(?:is|are|was|were|has|have|had|did|does|could|can|will|be)(?: not|n't)|\bcannot|\b(?:not|never)|\bn'(?:est|a|ont|etait)(?: toujours)? pas(?: encore)?|\bne sont(?: toujours)? pas(?: encore)?)"
    r" (?:yet |been |be |fully |quite |completely |able to |encore |ete )*"
    r"(?:finish\w*|done|complet\w*|over|ready|arrived?|publish\w*|accept\w*|submit\w*|moved?|migrat\w*|process\w*|analy\w*|stable|available|termin\w*|fini\w*|pret\w*|publie\w*)\b[^.;,]{0,40}"
)
# A reason that calls itself one may speak of times, amounts and what is not: only a condition in it counts, and taking back.
_BEGINS_REASON = beginning("""
    because | reason | due to | since | parce que | parce qu' | puisque | motif | raison | weil | grund | porque | motivo | perche
""")
_CONDITIONS = whole_words("""
    if | unless | only | provided | providing | assuming | as long as | so long as | on condition | on the condition | conditional* | subject to | contingent | instead |
    si | sauf | a moins | a condition | sous reserve | sous condition | pourvu | seulement | uniquement | plutot |
    wenn | falls | sofern | solange | vorausgesetzt | nur | stattdessen | salvo | siempre que | solo | soltanto | invece
""")
_SENTENCE_END = re.compile(r"(?<=[.!?;…])\s+")
_LONGEST = 3_000
_OWN_CODE = re.compile(r"\S{0,40}\s*#?\d{0,9}[\s,]*code \d{1,12}-[a-z2-7]{4}-[a-z2-7]{4}.*", re.IGNORECASE)

# Courtesies that hold a word which would otherwise limit something; what else the sentence says still counts.
_ASKING = (
    r"(?:tell|let (?:me|us)|ask|write|contact|call|reply|drop|ping|e-?mail|mail|shout|feel free to (?:ask|contact|write|call|reply|mail|e-?mail|ping|reach|get|drop|come|send|open|raise)|(?:don't|do not|never) hesitate"
    r"|get in touch|come|say|speak|reach out|raise|open|send|happy to help|i'm here|i am here|we are here|here to help)"
)
#: Who is there instead; what else follows a note of absence is judged.
_STAND_IN = (
    r"(?:,? (?:and |so |but |et |und |mais |aber )?(?:my colleagues? |mon collegue |mein kollege )?\w{2,20}(?: \w{2,20})? (?:will|can|is going to|is there|takes over|stands in|pourra|peut|sera|kann|wird|vertritt)"
    r"\b(?: (?:help|be there|be here|answer|take over|cover|replace|stand in|look after|take care|respond|reply|aider|repondre|la|helfen|antworten|mich)\b)?[^.;,]{0,30})?"
)
_COURTESIES = tuple(
    later(pattern)
    for pattern in (
        # "but ask her for the number" is no courtesy: it is a task for whoever reads the answer, and nobody does.
        r"\bbut (?:do |please )?(?:come (?:and (?:see|say|visit|have)|by|over)|say (?:hello|hi)|ask (?:me |us )?(?:if|when|whenever) (?:you|anything|something|there|any|things))\b[^.;]{0,80}",
        rf"\b(?:if|should|when|whenever|in case) (?:you|anything|something|it (?:does not|doesn't|fails|breaks)|there(?:'s| is| are)|any|of|questions|problems)\b[^.;]{{0,80}}?"
        rf"[ ,]+(?:please |just |simply |then |do )*{_ASKING}\b[^.;]{{0,80}}",
        rf"\b(?:please |just |simply )*{_ASKING}\b[^.;]{{0,60}}\b(?:if|when|whenever|once|should|in case) "
        r"(?:you|anything|something|there|it (?:is (?:up|ready|done|there|running|built|finished)|works|runs|fails|breaks|does|has)|any|things|the machine|the vm)\b[^.;]{0,80}",
        r"\b(?:please )?(?:don't|do not|never) forget (?:to (?!reduce|limit|lower|cut|set|change|shorten|use|give|put|remove|ask|check|make|adjust|correct)|the |your |about )[^.;,]{0,80}|\bde rien\b",
        r"\bsi (?:tienes|tiene|tienen|hay) [^.;]{0,60}\b(?:dime|digame|avisa\w*|pregunta\w*|escrib\w*|contact\w*|llama\w*)\b[^.;]{0,60}",
        r"\b(?:please )?(?:don't|do not|never) hesitate\b[^.;,]{0,80}",
        r"\b(?:do )?not hesitate\b[^.;,]{0,80}",
        r"\b(?:(?:i|we) (?:have|see|had) )?(?:no|not a|not any|without any|never a) (?:problem|problems|worry|worries|objection|objections|issue|issues|hurry|rush|need to (?:reply|answer|thank)"
        r"|comments?|remarks?|complaints?|further questions|questions|concern|concerns|trouble)\b(?:(?! if\b| when\b| once\b| as long\b| provided\b| unless\b| until\b)[^.;,]){0,30}",
        r"\b(?:don't|do not) (?:worry|mention it|need to (?:reply|answer|thank))\b[^.;,]{0,30}",
        r"\b(?:nothing|not much) (?:else |more )?(?:to add|from (?:me|my side)|against (?:it|that|this))\b",
        r"\bwhy not\b|\bnot bad\b|\bcan't wait\b|\bcannot wait\b|\bas soon as possible\b|\bif possible\b|\bno doubt\b|\bno time\b",
        r"\bbut (?:do )?(?:welcome|thanks|enjoy|have fun|good luck)\b[^.;]{0,80}",
        r"\b(?:look|looks|looked|looking) after\b",
        r"^\W*(?:(?:any|for) (?:further |more |other )?questions?|(?:if|when) in doubt)\b[ ,:?]{1,3}(?:please |just |simply )*(?:ask|tell|write to|mail|contact)(?: me| us)?(?=[\s.!,]*$)",
        r"\b(?:see|talk to|speak to|meet|call) (?:you|u)\b[^.;,]{0,60}",
        rf"\bi(?:'m| am|'ll be| will be)\b[^.;,]{{0,30}}\b(?:out of (?:the )?office|in the office|away|on (?:vacation|holidays?|leave)|travell?ing|back)\b[^.;,]{{0,80}}{_STAND_IN}",
        rf"\b(?:out of (?:the )?office|away|on (?:vacation|holidays?|leave)|back(?: in the office)?) (?:on|from|until|till|next|this)\b[^.;,]{{0,60}}{_STAND_IN}",
        rf"\bje (?:suis|serai)\b[^.;,]{{0,30}}\b(?:absente?|en conges?|en vacances|de retour)\b[^.;,]{{0,80}}{_STAND_IN}",
        rf"\bich (?:bin|werde)\b[^.;,]{{0,40}}\b(?:im urlaub|nicht (?:da|im buro|im hause)|verreist|unterwegs|zuruck)\b[^.;,]{{0,60}}{_STAND_IN}",
        r"\b(?:thanks|thank you|thx)(?: \w{1,12}){0,3} for (?:waiting|holding on|stopping by|not giving up)\b|\bmerci (?:d'avoir attendu|de votre attente)\b|\bdanke furs warten\b",
        r"\buntil (?:then|next time|soon)\b",
        r"\b(?:sorry|apologies|my apologies|i apologise|i apologize|excuse me|pardon)(?: (?:for|about) (?:the|my|any|a|this|being|not|all|answering|replying|writing|disturbing|bothering)\b[^.;,]{0,60}"
        r"| (?:the|my) (?:delay|late\b|long)[^.;,]{0,40}|,? i (?:missed|overlooked|forgot)(?: (?:to (?:answer|reply|write)|(?:about )?(?:this|that|it|you|her|your|the|her)(?: (?:e-?mails?|mails?|messages?|requests?|tickets?|letters?|one|reminders?|question))?))?(?=[\s.!,]*$)"
        r"|,? i (?:was (?:away|out|on|busy|ill|sick|late|in|at)|am late)\b[^.;,]{0,40})",
        r"\b(?:pour moi|de ma part|from my side|fur mich|para mi|per me)\b",
        r"\b(?:accept|with) (?:my|our) (?:sincere |deepest )?apolog(?:y|ies)\b[^.;]{0,60}",
        r"\b(?:ne pas|n'hesite[zr]?(?: pas)?|n'hesitez pas|pas) hesite[rz]?\b[^.;,]{0,80}|\bn'hesite[zr]? (?:pas|surtout pas)\b[^.;,]{0,80}",
        r"\b(?:pas|aucun|aucune|sans|plus) (?:de |d'|l'ombre d'un )?(?:souci|soucis|probleme|problemes|quoi|objection|objections|question|questions|inquietude)\b",
        r"\ben cas de (?:besoin|questions?|problemes?|soucis?|difficultes?),? (?:merci de )?(?:ecrivez|contactez|appelez|dites|prevenez|ecrire|contacter|appeler)(?:[- ](?:moi|nous|le))?(?:[- ]moi)?(?=[\s!.]*$)",
        r"\b(?:si|en cas de) (?:besoin|question|questions|probleme|problemes|soucis?|difficultes?|(?:vous avez|tu as|il y a)[^.;,]{0,60})",
        r"\b(?:desole|desolee|pardon|excuses) (?:pour|du|de)\b[^.;,]{0,60}|\brien a (?:signaler|ajouter|redire)\b|^\W*a (?:demain|lundi|mardi|mercredi|jeudi|vendredi|la semaine prochaine)[\s!.]*$",
        r"\bs'il (?:vous|te) plait\b",
        r"\bkein(?:e)? (?:problem|probleme|einwande|fragen|ursache|eile)\b|\b(?:bei|falls|wenn) (?:fragen|problemen|du fragen|sie fragen|noch fragen)\b[^.;]{0,60}",
        r"\b(?:sorry|entschuldigung|entschuldigen sie|entschuldige) (?:fur|wegen) (?:die|der|meine|meiner) (?:spate|verspat|wartezeit|verzogerung)[^.;,]{0,40}|\bgeen bezwaar\b|\bnessuna obiezione\b",
        r"\bsin (?:problema|problemas|objecion|objeciones)\b|\bno hay (?:problema|de que)\b|\bnessun problema\b|\bnon esita\w*\b[^.;,]{0,60}|\bno dud[ae]\w*\b[^.;,]{0,60}",
    )
)

# What a courtesy may not hold: "feel free to ask" is one, "feel free to refuse", "ask her first" and "sorry for the confusion" are not.
_DECIDES = whole_words("""
    first | before | refus* | deny | denied | denies | reject* | declin* | approv* | disagree* | budget | grant | contract | sign | signs | signed | confusion | mixup | mix-up | mix up |
    the mistake | my mistake | this mistake | the error | my error | d'abord | contrat | l'erreur | mon erreur | cette erreur | la confusion | plutot | erst | zuerst | ablehn* |
    entscheid* | vertrag | den fehler | verwechslung | den irrtum | primero | el error | la confusion | rifiut* | rechaz* | deci* | l'errore
""")
# Nor these, unless they are an offer to the requester: "if you need more disk, tell us".
_MEASURES = whole_words("""
    disk | disc | ram | memory | cpu | cpus | core | cores | gb | gib | size | sizes | small | smaller | large | larger | big | bigger | huge | less | fewer | lower | shrink | reduce* | shorten* | shorter | half |
    limit | limits | discuss* | too | disque | taille | petit | petite | plus petit | moins | reduire | moitie | discuter | trop | klein* | weniger | halb* | menos | mitad | pequen* | meno | meta | piccol*
""")
_TO_THE_REQUESTER = re.compile(
    r"\b(?:if|should|when|whenever|in case) you\b|\byou (?:need|want|have|are)\b|\b(?:si|en cas) (?:vous|tu)\b.{0,40}\bplus\b"
)

# Takes back what was said, whatever that was.
_RETRACTS = whole_words("""
    oops | whoops | ooops | ups | oups | ignore | ignored | disregard | discard | forget it | forget that | forget this | forget about | cancel |
    cancelled | canceled | revert | undo | retract | revoke | scratch that | strike that | take that back | take it back | take this back |
    take back | joke | joking | kidding | i keep it | i'll keep it | i will keep it | want to keep it | je garde | je la garde | je le garde | blague | ich behalte | never mind | nevermind | mistake | mistaken | by accident | accidentally | in error | error | wrong | mixed him | mixed her | mixed them | mixed it |
    mixed up | confused | correction | edit: | update: | actually | on second thought | on second thoughts | second thought | second thoughts |
    on reflection | changed my mind | change my mind | was meant for | i meant | meant for | meant to | meant the | let me think | let me check | let me ask | let me talk | hold on | hold off |
    hold this | hold it | en fait | finalement | je me suis tromp* | trompe | erreur | oubliez | oublie ca | annule | annulez | annuler | rectification |
    mauvais ticket | mauvaise demande | mauvais message | ignorer | ignorez | irrtum | versehen | versehentlich | falsch | falsche | falscher |
    falsches | vergiss | vergessen sie | ignorieren | stornieren | zuruckgezogen | nehme das zuruck | doch nicht | equivocado | equivoque | error mio |
    ignorar | ignora | ignore esto | anular | cancelar | sbagliato | sbagliata | errore | annulla | annullare | ignorate
""")
# Says when, until when, how much, whether or by whom: what was approved is not what is wanted.
_LIMITS = whole_words("""
    if | unless | until | till | when | whenever | once | or is | or should | or would | or rather | oder ist | oder doch | ou est-ce | as soon as | as long as | so long as | while | after | afterwards | before | beforehand |
    provided | providing | assuming | given that | on condition | on the condition | conditional* | subject to | pending | depend | depends | depending |
    contingent | except | apart from | only | but | however | though | although | first | firstly | wait | waits | waiting | hold | stop | stopped | pause | postpone | postponed |
    later | tomorrow | next week | next month | next year | not | never | none | nothing | nobody | without | cannot | can't | don't | doesn't | didn't | won't | isn't |
    aren't | shouldn't | wouldn't | couldn't | limit | limits | limited | limiting | max | maximum | at most | no more than | no longer | no longer than | up to | reduce | reduced |
    reduces | lower | less | fewer | smaller | shorten | shortened | shorter | restrict | restricted | instead | rather | discuss | reconsider | re-check | expiration date | expiration | expires |
    expiry | end date | deadline | disk | disc | no | nope | nah | sorry | change | changed | changing | adjust | amend | correct the | correct it |
    si | sauf | a moins | a moins que | jusqu'au | jusqu'a | jusqu'en | jusque | quand | lorsque | des que | tant que | apres | avant | a condition | sous reserve |
    sous condition | pourvu | en attente | en attendant | seulement | uniquement | mais | cependant | toutefois | pas | ne | non | jamais | rien | aucun | aucune | sans | attends | attendez |
    attendre | arrete | arretez | arreter | plus tard | demain | d'abord | au prealable | limite | limiter | au plus | au maximum | reduire | reduit | reduise | diminuer | modifier |
    changer | corriger | plutot | discuter | discutons | reflechir | verifier | desole | desolee | disque |
    wenn | falls | sofern | bis | erst | nachdem | bevor | sobald | solange | nur | aber | jedoch | nicht | kein | keine | nie | ohne | warte | warten | warten sie | spater | vorausgesetzt |
    unter der bedingung | vorbehaltlich | unter vorbehalt | vorlaufig | befristet | testweise | probeweise | bedingt | teilweise | eingeschrankt | nach rucksprache | nach absprache | temporarily | temporary | partially | partly |
    provisoirement | temporairement | partiellement | temporalmente | parcialmente | temporaneamente | ausser | maximal | hochstens | stattdessen | zuerst | leider |
    hasta | cuando | despues | antes | solo | pero | nunca | espera | esperar | salvo | excepto | siempre que | en lugar | primero |
    fino | quando | dopo | prima | soltanto | aspetta | aspettare | eccetto | invece | mai | senza
""")
_QUANTITY = later(
    r"\b\d{1,6}\s?(?:gb|gib|gio|go|tb|tib|mb|mib|cpus?|vcpus?|cores?|g)\b|\b(?:19|20)\d\d-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./-]\d{1,2}[./-](?:\d\d|\d{4})\b"
    r"|\b(?:for|pour|fur|por|per) (?:\d{1,4}|one|two|three|four|five|six|nine|twelve|a|un|une|deux|trois|six|douze|ein|eine|zwei|drei)? ?"
    r"(?:days?|weeks?|months?|years?|jours?|semaines?|mois|ans?|tage?n?|wochen?|monate?n?|jahre?n?)\b"
    r"|\bend of (?:\w+)\b|\bby (?:end|the end|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*"
)
_OPPOSITES = {
    True: whole_words("""
    deny | denied | denying | i deny | reject | rejected | refuse | refused | refusing | decline | declined | refusee | rejete | rejetee | je refuse |
    ablehnen | abgelehnt | lehne ab | rechazo | rechazado | rechazada | rifiuto | rifiutato | rifiutata | rifiutare | denegado | denegada
"""),
    False: whole_words("""
    i approve | i approved | approve it | approve this | i accept | i accept it | j'approuve | j'accepte | genehmigt | ich genehmige | aprobado | approvato
"""),
}
_ONLY_APPROVES = re.compile(r"[\W_]{0,9}(?:approve|approved|accepted|granted|approuve|approuvee|accepte)[\W_]{0,9}")
_NEGATION = re.compile(r"n't\b|\bn'(?=\w)")
# A denial is explained with all of these; only at the start of a sentence do they speak of the denial itself.
_DENIAL_RETRACTED = later(
    r"[\W_]{0,9}(?:p\.?s\.?[\W_]+)?(?:oh|hmm?|ah|uh|um|no|sorry|and|but|please|just|mince|non|ach|nein|wait|hold on)?[\W_]{0,5}(?:please[\W_]{1,3})?(?:oops|whoops|oups|ups|wait\b(?! (?:for|until|till|a few|some|another|one))|hold on|hang on|actually|edit\b|update\b|correction"
    r"|scratch that|strike that|never ?mind|ignore\b|disregard|(?:do not|don't) (?:deny|refuse|reject|decline)|forget (?:it|that|this|about)|cancel (?:that|this|my)|i take (?:that|it|this) back|on second thoughts?|on reflection"
    r"|(?:this|that|it) was (?:the wrong|a mistake|an error|meant|not meant)|wrong (?:ticket|mail|e-?mail|message|request|person|button|one|window)|my mistake|i (?:mixed|confused|meant|was wrong)|i changed my mind"
    r"|en fait|je me suis tromp|erreur de|mauvais(?:e)? (?:ticket|demande|message)|ignorez|oubliez|annulez|irrtum|versehen|falsche[rs]? (?:ticket|mail|anfrage)|vergiss|doch nicht)"
)


#: Pictographs that refuse or doubt; all others are decoration.
_REFUSING = re.compile("[👎❌⛔🚫🛑✋🙅❎✖✗✘🤚😡👿❓❔🤔⏳⌛⏸🤷]")


def refuses_by_sign(line: str) -> bool:
    """Whether a pictograph in a line says no, or that somebody doubts."""
    return not line.isascii() and bool(_REFUSING.search(line))


def standing_against(verb: Verb, rest: list[str]) -> str:
    """The first sentence of the rest that limits the command or takes it back; "" where none does."""
    for paragraph in _paragraphs(rest):
        sentence = _against(verb, paragraph)
        if sentence:
            return sentence[:200]
    return ""


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """The lines between empty ones, without what cannot mean anything; each line is typed as it was."""
    kept: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            kept.append(line.strip())
        elif kept:
            yield kept
            kept = []


def _against(verb: Verb, paragraph: list[str]) -> str:
    words = " ".join(paragraph)[:_LONGEST]
    if _DENIAL_RETRACTED.match(fold(words)):
        return words
    if is_disclaimer(words):
        return ""
    spoken = [line for line in paragraph if not _says_nothing(line)]
    strict = verb in _STRICT and not (spoken and is_signature(spoken))
    reason = verb in EXPLAINED and bool(spoken and _BEGINS_REASON.match(fold(spoken[0]).lstrip(" -–—*(\"'")))
    # A short line is a sentence of its own, also where no full stop ends it; a long one goes on in the next.
    for sentence in (piece for line in _unwrapped(spoken) for piece in _SENTENCE_END.split(line)):
        if verb is not Verb.DENY and refuses_by_sign(sentence):
            return sentence
        left = _without_courtesy(fold(sentence))
        if verb in _GIVING_BACK:
            left = _NOT_NEEDED.sub(" ", left)
        if verb in EXPLAINED:
            left = _NOT_FINISHED.sub(" ", left)
        if (_denied if verb is Verb.DENY else _conditional if reason else _limited)(left):
            return sentence
        if verb in _CAREFUL and ("?" in sentence or _LATER.search(left)):
            return sentence
        if strict and not (is_harmless(left) or is_harmless(sentence)):
            return sentence
    return ""


def _says_nothing(line: str) -> bool:
    if is_postscript(line) or refuses_by_sign(line):
        return False
    if is_contact(line):  # `Office: until Monday` only looks like one
        return "://" in line or "@" in line or not _speaks_against(fold(line))
    return is_yes(line) or is_closing(line) or is_mobile_footer(line) or bool(_OWN_CODE.fullmatch(line))


_WRAPPED_FROM = 55


def _unwrapped(lines: list[str]) -> list[str]:
    joined: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on:
            joined[-1] = f"{joined[-1]} {line}"
        else:
            joined.append(line)
        goes_on = len(line) >= _WRAPPED_FROM
    return joined


def _without_courtesy(words: str) -> str:
    for courtesy in _COURTESIES:
        words = courtesy.sub(_unless_it_decides, words)
    return words


def _unless_it_decides(courtesy: re.Match[str]) -> str:
    words = courtesy.group()
    if _DECIDES.search(words):
        return words
    return " " if _TO_THE_REQUESTER.search(words) or not _MEASURES.search(words) else words


def _limited(words: str) -> bool:
    return _speaks_against(words) or bool(_QUANTITY.search(words) or _NEGATION.search(words))


def _speaks_against(words: str) -> bool:
    return bool(_RETRACTS.search(words) or _LIMITS.search(words) or _OPPOSITES[True].search(words))


def _conditional(words: str) -> bool:
    """A reason for more time is given with dates and with what is not: only conditions, the opposite and taking back count."""
    return bool(_RETRACTS.search(words) or _CONDITIONS.search(words) or _OPPOSITES[True].search(words))


def _denied(words: str) -> bool:
    """A denial is explained with limits and conditions: only taking it back, or the opposite decision, counts."""
    return bool(_DENIAL_RETRACTED.match(words) or _ONLY_APPROVES.fullmatch(words) or _OPPOSITES[False].search(words))
