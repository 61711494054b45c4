"""Short notes of machines without any mark, by a closed grammar: every sentence is one that such notes consist of.

Where `absence` looks at how a note begins, this looks at all of it: one sentence that no machine writes (a question, a wish, a
word about a machine, anything that is in no table) makes it a person's.
"""

from __future__ import annotations

import re

from parsers.mail.absence import waits
from parsers.text.boilerplate import is_disclaimer
from parsers.text.endings import is_closing, is_contact, is_mobile_footer, is_name
from parsers.text.folding import fold, phrases
from parsers.text.openings import is_greeting
from parsers.text.tables import whole_words

_SHORTEST, _LONGEST = 25, 1_500
_MOST_SENTENCES = 14
_FEWEST_SIGNS = 2
#: "Bob is on vacation" says who cannot be asked.
_OF_SOMEBODY = re.compile(
    r"(?!(?:I|We|My|Our|The|This|Your|Je|Nous|Mon|Notre|Le|La|Ce|Cette|Votre|Ich|Wir|Mein|Unser|Das|Die|Der|Ihre?|Office|Institute|Bureau|B\u00fcro|Institut)\b)[A-Z\u00c0-\u00de]\w{1,20}(?: [A-Z\u00c0-\u00de]\w{1,20})? (?:is|was|has|will|ist|war|hat|est|a|sera|e|es|esta|\u00e8)\b"
)
_SENTENCE_END = re.compile(
    r"(?<=[^\d\W])[.!:;…]+(?=\s|$)|(?<=\d)\.(?=\s+[A-ZÀ-Þ])|\n\s*\n|(?<=[^\d\W][.!])\s+|[.!:;]$", re.MULTILINE
)
_MAIL = r"(?:e-?mails?|mails?|messages?|requests?|enquir(?:y|ies)|inquir(?:y|ies)|courriels?|mel|demandes?|nachricht(?:en)?|anfragen?|mensajes?|correos?|solicitud(?:es)?|messaggi?o?|richiest[ae]|bericht(?:en)?|mailtjes?)"
_YOUR = r"(?:your|votre|ton|ihre?|deine|su|tu|il (?:suo|tuo|vostro)|la (?:sua|tua|vostra)|uw|je|jouw)"
_HOUSE = r"(?:office|institute|department|lab|laboratory|university|school|company|secretariat|library|bureaux?|laboratoire|institut|universite|secretariat|accueil|buro|sekretariat|universitat|oficina|laboratorio|ufficio|istituto|segreteria|kantoor|instituut)"
_ADDRESS = r"(?:address|mailbox|inbox|account|adresse|boite(?: \w+)?|messagerie|postfach|e-?mail-?adresse|direccion|buzon|indirizzo|casella|adres|postbus)"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
#: Each of these is what a note is for; what a person says with the same words stands beside something else.
_TELLS = re.compile(
    "|".join(
        (
            rf"\b{_HOUSE}\b.{{0,30}}\b(?:closed|ferme(?:e|s|es)?|geschlossen|cerrad[oa]|chius[oa]|gesloten)\b|\bwe are closed\b|\bnous sommes fermes\b",
            r"\b(?:some|a few days|a day) (?:time )?off\b|\b(?:annual|sick|medical|parental|maternity|paternity|family|study) leave\b|\bon (?:leave|vacation|holidays?|sabbatical)\b|\bout of (?:the |my )?office\b|\booo\b",
            r"\baway (?:from (?:my )?(?:e-?mail|mail|desk|office)|until|till|on business)\b|\btravelling abroad\b|\bback (?:in the office )?on\b|\breturn(?:ing)? (?:to (?:work|the office) )?on\b",
            rf"\bin the office only\b|\bonly in the office\b|\bnot in the office\b|\bmy working (?:days|hours)\b|\bi (?:only )?work (?:only )?(?:on |from )?{_DAY}|\bdo not work on {_DAY}|\bwork part[- ]time\b",
            rf"\bno longer use this\b|\b{_ADDRESS} (?:is|was|has been|will be) (?:no longer|not (?:monitored|read|checked|active|used|in use|attended)|closed|deactivated|discontinued|unattended|unmonitored)\b|\b{_ADDRESS} has changed\b|\b(?:my|our) new (?:e-?mail |mail )?address\b|\bi (?:have )?moved to\b",
            rf"\b{_YOUR} {_MAIL} (?:has|have) been (?:received|forwarded|redirected|passed|queued|logged)\b|\b{_YOUR} {_MAIL} (?:was|is being|will be) (?:received|forwarded|redirected|passed|handled|dealt|processed)\b|\b(?:i|we) (?:have )?received {_YOUR} {_MAIL}\b",
            rf"\b(?:high|large) (?:volume|number|amount) of {_MAIL}\b|\ba lot of {_MAIL}\b|\bcheck (?:my )?{_MAIL} (?:only )?(?:once|twice|infrequently|irregularly|sporadically|rarely)\b",
            rf"\bmon absence\b|\ben conges?\b|\bje suis absente?\b|\barret maladie\b|\bmon retour\b|\bne travaille pas (?:le|les|ce)\b|\b{_ADDRESS} (?:n'est plus|a change)\b|\bma nouvelle adresse\b",
            rf"\b{_YOUR} {_MAIL} a (?:bien )?ete (?:recue?|transmise?|enregistree?|prise? en compte)\b|\b(?:nous avons|j'ai) bien recu {_YOUR} {_MAIL}\b",
            r"\burlaub\w*|\bkrank(?:heitsbedingt)?\b|\belternzeit\b|\bdienstreise\b|\b(?:bin|sind)\b.{0,60}\bnicht (?:im buro|im haus\w?|erreichbar|am platz|da)\b|\babwesen\w+|\bwieder (?:da|erreichbar|im buro|im haus|im dienst|zuruck|fur sie da|fur dich da)\b|\bwieder fur (?:sie|dich|euch) da\b",
            rf"\barbeite nur\b|\bin teilzeit\b|\b{_ADDRESS} (?:wird|ist) nicht mehr\b|\bmeine neue (?:e-?mail-?)?adresse\b|\b{_YOUR} {_MAIL} (?:ist|wurde|wird)\b.{{0,30}}\b(?:eingegangen|weitergeleitet|bearbeitet|gelesen)\b|\bhaben {_YOUR} {_MAIL} erhalten\b",
            rf"\b(?:de vacaciones|de permiso|de baja|fuera de (?:la )?oficina|mi regreso|mi ausencia)\b|\b{_ADDRESS} (?:ya )?no (?:se|esta)\b|\b(?:hemos|he) recibido {_YOUR} {_MAIL}\b|\b{_YOUR} {_MAIL} ha sido\b|^vuelvo el\b",
            rf"\b(?:in ferie|fuori (?:ufficio|sede)|in malattia|in trasferta|mio rientro|mia assenza)\b|\brientrero\b|\b{_ADDRESS} non (?:e|viene)\b|\babbiamo ricevuto {_YOUR} {_MAIL}\b|\b{_YOUR} {_MAIL} e stat[oa]\b",
            rf"\b(?:afwezig\w*|met (?:vakantie|verlof|zwangerschapsverlof)|op vakantie|niet op kantoor|niet bereikbaar)\b|\bwerk niet op\b|\bben er weer\b|\b{_ADDRESS} (?:wordt|is) niet (?:meer|langer)\b|\bhebben {_YOUR} {_MAIL} (?:goed )?ontvangen\b|\b{_YOUR} {_MAIL} is (?:ontvangen|doorgestuurd)\b",
        )
    )
)
#: Without one of these none of them is there.
_HINTS = phrases("""
    closed | ferme | geschlossen | cerrad | chius | gesloten | off | leave | on vacation | on holiday | sabbatical | office | ooo | away | abroad | back | return | working | work | no longer | address | mailbox | inbox |
    account | received | forwarded | redirected | passed | queued | logged | handled | dealt | processed | volume | number of | amount of | a lot of | check | absence | conge | absent | arret | retour | travaille | adresse | boite | messagerie | recu |
    transmis | enregistre | prise | urlaub | krank | elternzeit | dienstreise | nicht | abwesen | wieder | teilzeit | arbeite | postfach | eingegangen | weitergeleitet | bearbeitet | gelesen | erhalten | vacaciones | permiso | de baja |
    fuera | regreso | ausencia | direccion | buzon | recibido | ha sido | vuelvo | ferie | fuori | malattia | trasferta | rientro | assenza | rientrero | indirizzo | casella | ricevuto | stato | stata | afwezig | vakantie | verlof | kantoor |
    bereikbaar | werk | er weer | adres | ontvangen | doorgestuurd
""")
#: What stands beside it: who helps instead, when an answer comes, that the mail was read by nobody.
_BESIDE = whole_words("""
    contact | write to | write me | reach me | reached | reach out | call | text me | urgent | urgently | emergency | emergencies | reply | replies | respond | response | responses | responding | answer | get back to you | back to you | return | in the meantime |
    wish you | souhait* | wunsch* | limited | intermittent* | sporadic* | delayed | delay | direct * | thank you for | thanks for | access to e-mail | access to email | access to my | no access | forwarded | read | do not reply | automatic* | patience | cover for me | replaces me | stands in | instead |
    contactez | contacter | ecrivez | ecrire | repond* | urgence | urgent | urgente | remplace | joindre | consulte | lirai | transfere* | acces | merci de votre | merci pour | revenons | reviendr* | delais | patience |
    kontakt* | wenden | antwort* | beantwort* | dringend* | melde* | vertritt | vertret* | zugriff | weitergeleitet | gelesen | rufen | notfall | notfallen | kurze | zuruck |
    contact* | respond* | contest* | urgente | urgentes | escrib* | acceso | gracias por | leer* | rispond* | contatt* | urgenza | urgenze | accesso | scriv* | grazie per | spoed | dringend* | neem | antwoord* | beantwoord* | bereik* | vervang* | bedankt voor | opnemen
""")
_NO_MACHINE_WRITES = whole_words("""
    vm | vms | machine | machines | maschine | maquina | macchina | disk | disc | disque | cpu | ssh | port | firewall | debian | extend* | extension | approve* | deny | denied | reject* | release | withdraw | confirm* | restart | reboot |
    prolong* | approuv* | refus* | liber* | verlanger* | genehmig* | abgelehnt | prorrog* | aprob* | login | log in | so i | so we | so please | so the | therefore | decid* | refus* | support | supports | sign | signed | missed | needed | cannot | can't | donc | deshalb | also | update it | update my | question | question: | but | however | mais | aber | pero | ma
""")


def is_robots_note(words: str) -> bool:
    """Whether all of a short text, as typed, is what machines write for people who are away or about a mail that came in."""
    if not _SHORTEST < len(words) < _LONGEST or "?" in words:
        return False
    folded = " ".join(fold(words).split())
    if not any(hint in folded for hint in _HINTS):
        return False  # most mails
    sentences = [" ".join(piece.split()) for piece in _SENTENCE_END.split(words)]
    sentences = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    if len(sentences) > _MOST_SENTENCES or _NO_MACHINE_WRITES.search(folded) or waits(folded):
        return False
    told = [_tells(sentence) for sentence in sentences]
    beside = [bool(_BESIDE.search(fold(sentence))) for sentence in sentences]
    if not any(told) or sum(told) + sum(beside) < _FEWEST_SIGNS:
        return False  # "I will be back on Monday." alone is a person's as well
    return all(
        tells or helps or _goes_with_it(sentence)
        for tells, helps, sentence in zip(told, beside, sentences, strict=True)
    )


def _tells(sentence: str) -> bool:
    return bool(_TELLS.search(fold(sentence))) and not _OF_SOMEBODY.match(sentence)


def _goes_with_it(sentence: str) -> bool:
    return (
        is_greeting(f"{sentence},")
        or is_closing(sentence)
        or is_name(sentence)
        or is_contact(sentence)
        or is_mobile_footer(sentence)
        or is_disclaimer(sentence)
    )
