"""Notes of absence without any mark: how the machines of people who are away begin, in many languages.

A person says the same with the same words.  So only the beginning counts, after a greeting and thanks for the mail; and who
asks something, or says what shall happen to a machine, is a person who waits for an answer.
"""

from __future__ import annotations

import re

from parsers.text.tables import alternatives, whole_words

_GREETING = (
    r"(?:(?:hi|hello|dear|good (?:morning|day|afternoon)|bonjour|madame|hallo|guten tag|sehr geehrte|liebe|hola|buenos dias|estimad[oa]s?|buongiorno|gentile|ciao"
    r"|beste|geachte|dag|hej|hei|ola|bom dia|dzien dobry|dobry den)\b[^.!]{0,50}?[.!,:] ?)?"
)
_THANKS = (
    r"(?:(?:many )?(?:thank you|thanks) (?:very much |so much )?for (?:your|the|getting in touch|contacting|writing|reaching out)[^.!,]{0,50}[.!,] ?"
    r"|merci (?:pour|de) (?:votre|ton) (?:message|e-?mail|courriel|mail)[^.!,]{0,30}[.!,] ?"
    r"|(?:vielen |herzlichen )?dank(?:e)? fur (?:ihre|deine|eure|die) (?:e-?mail|nachricht|mail|anfrage)[^.!,]{0,30}[.!,] ?"
    r"|gracias por (?:su|tu) (?:mensaje|correo)[^.!]{0,30}[.!] ?|grazie per (?:il|la|avermi)[^.!]{1,40}[.!] ?"
    r"|(?:hartelijk )?(?:bedankt|dank) voor (?:je|uw|jouw|het) (?:bericht|e-?mail|mail)[^.!,]{0,30}[.!,] ?"
    r"|(?:tack|tak|takk) for (?:ditt|din|dit|mejlet|mailen)[^.!,]{0,30}[.!,] ?|obrigad[oa] pel[oa][^.!,]{1,40}[.!,] ?)?"
)
_NOTE = (
    r"(?:attention ?: ?)?(?:sorry, |leider |malheureusement,? )?(?:please (?:note|be aware)(?: that)? |(?:this is |just )?to (?:let you know|inform you) that |veuillez noter que |bitte beachten sie,? dass |let op ?: ?"
    r"|this is an auto\w*[ -]?(?:message|note)[.:,!-]{1,2} ?)?"
)


#: Who is away, the same with the verb first, how they say where or how, and how many words may stand between.
_SENTENCES: tuple[tuple[str, str, str, int], ...] = (
    (
        "i am | i'm | we are | i will be | i'll be | am | this week i am | currently i am",
        "i am | i'm | i will be | we are",
        """
        out of office | out of the office | out of my office | out of town | out of the country | ooo | oof | away | on leave | on annual leave | on medical leave | on sick leave |
        on parental leave | on maternity leave | on paternity leave | on vacation | on holiday | on holidays | on sabbatical | on pto | absent | not in the office | not at my desk | not at work |
        not working today | not working this week | not working until | not available | not reachable | not reading my mail | not reading mail | travelling | traveling | unavailable | unreachable | off until | off till | off today | off tomorrow | off this week | off from | off for | on a field trip | out sick | off sick | off work |
        attending a | attending the | at a conference | at a workshop | on a business trip | on business travel | on a trip | on the road | in the field
        """,
        3,
    ),
    (
        "je suis | je serai | je me trouve | nous sommes | actuellement je suis",
        "je suis | je serai",
        """
        en conge | en conges | absent | absente | absent(e) | en vacances | hors du bureau | en deplacement | en mission | en arret | indisponible | injoignable | pas disponible |
        pas joignable | pas au bureau | en formation | en rtt | a la retraite | en retraite | sans acces a ma messagerie | en delegation
        """,
        3,
    ),
    (
        "ich bin | ich befinde mich | derzeit bin ich | momentan bin ich | zur zeit bin ich | zurzeit bin ich | aktuell bin ich | heute bin ich | bin | wir sind",
        "bin ich | sind wir",
        """
        nicht im hause | nicht im haus | nicht im buro | nicht da | nicht erreichbar | nicht am arbeitsplatz | nicht am platz | nicht im dienst | im urlaub | in urlaub | in elternzeit | im mutterschutz | abwesend |
        verreist | ausser haus | krank | krankgeschrieben | auf dienstreise | auf reisen | auf konferenz | auf einer konferenz | auf einer tagung | auf tagung | auf einer messe | auf fortbildung | auf einer fortbildung | auf schulung | wieder im buro | wieder erreichbar | wieder da | wieder fur sie da | wieder fur euch da | wieder im dienst
        """,
        8,
    ),
    (
        "estoy | me encuentro | estare | actualmente estoy | actualmente me encuentro | estaremos",
        "estare | estoy",
        "fuera de la oficina | fuera de oficina | fuera hasta | fuera del pais | fuera de la ciudad | ausente | de vacaciones | de baja | de viaje | de permiso | en una conferencia | sin acceso al correo",
        3,
    ),
    (
        "sono | saro | attualmente sono | al momento sono | sto",
        "sono | saro",
        """
        in ferie | assente | fuori ufficio | fuori sede | fuori dall'ufficio | fuori citta | fuori fino | in malattia | in viaggio | in missione | in maternita | in congedo | in trasferta | in vacanza
        """,
        3,
    ),
    (
        "ik ben | momenteel ben ik | op dit moment ben ik | wegens vakantie ben ik | ben | wij zijn",
        "ben ik | zijn wij",
        """
        afwezig | niet aanwezig | met vakantie | op vakantie | met verlof | met zwangerschapsverlof | met ouderschapsverlof | niet op kantoor | niet bereikbaar | ziek | op reis | op dienstreis | vrij | weer aanwezig
        """,
        5,
    ),
    (
        "jag ar | jeg er | jeg holder | jag har | eg er | olen | jag kommer att vara",
        "ar jag | er jeg | har jag",
        """
        borta | ferie | semester | ledig | pa semester | tjanstledig | foraldraledig | bortrest | ikke til stede | ikke pa kontoret | pa ferie | bortrejst | pa barsel | fraværende | lomalla | poissa | vapaalla | matkoilla
        """,
        4,
    ),
    (
        "estou | estarei | encontro-me | me encontro",
        "estou | estarei",
        "ausente | de ferias | em ferias | fora do escritorio | fora ate | de licenca | em viagem | de baixa",
        3,
    ),
    (
        "jestem | bede | jsem | budu | som | budem | я | сеичас я | меня | sem | bom",
        "bede | budu",
        """
        na urlopie | nieobecny | nieobecna | poza biurem | na zwolnieniu | na dovolene | mimo kancelar | nepritomen | nepritomna | nepritomny | в отпуске | нахожусь в отпуске | отсутствую | не будет в офисе | odsoten | odsotna
        """,
        4,
    ),
    ("je ne suis pas | je ne serai pas", "je ne suis pas | je ne serai pas", "au bureau | disponible | joignable", 1),
    ("ich habe", "habe ich", "urlaub | frei bis", 3),
    ("no estoy | no estare", "no estoy | no estare", "disponible | en la oficina", 2),
    ("non sono | non saro", "non sono | non saro", "in ufficio | disponibile | raggiungibile", 2),
)
#: Before a state without a verb, which follows at once: "currently the machine is unavailable" is about something else.
_AT_PRESENT = "currently | now | presently | actuellement | en ce moment | derzeit | momentan | zur zeit | zurzeit | actualmente | attualmente | momenteel"
_WORD = r"(?:[^\s!?]*[^\s.!?]|\d[\d.]*)"
_SAID = "|".join(
    rf"(?:{alternatives(who)}) (?:{_WORD} ){{0,{between}}}?(?:{alternatives(states)})(?!\w)"
    for who, _, states, between in _SENTENCES
)
#: Where a time or a cause stands first, the verb comes before the person: "Ab Montag bin ich …", "Tot 7 december ben ik …".
_LEAD = (
    r"(?:ab|bis|von|vom|heute|diese woche|in der zeit|aufgrund|wegen|until|from|today|this week|due to|durante|pendant|wahrend|zur zeit|zurzeit|derzeit|momentan|fino|dal|oggi|questa settimana|desde|hasta|hoy|esta semana|tot|van|vanaf|vandaag|deze week|wegens"
    r"|fran|fra|i dag|jusqu'au|du|en raison|a partir|pour cause)\b[^!?]{0,60}?[ ,]"
)
_TURNED = "|".join(
    rf"(?:{alternatives(who)}) (?:{_WORD} ){{0,5}}?(?:{alternatives(states)})(?!\w)" for _, who, states, _ in _SENTENCES
)
_CANNOT = r"(?:kann ich|je ne pourrai|je ne peux|kan ik) (?:\S+ ){0,6}?(?:nicht (?:be)?antworten|nicht lesen|repondre|niet (?:be)?antwoorden)\b"
_BARE = (
    rf"(?:{alternatives(_AT_PRESENT)}) (?:{alternatives(' | '.join(states for _, _, states, _ in _SENTENCES))})(?!\w)"
)
#: Who has gone for good.
_LEFT = (
    r"(?:i|we) (?:no longer|do not|don't) (?:work|worked) (?:at|for|with|in|here)\b|(?:i|we) (?:have left|left) (?:the )?(?:company|university|institute|lab|laboratory|team|group|\w+ university)\b"
    r"|i (?:have )?retired\b|my last (?:working )?day (?:at|in|with|was|is)\b"
    r"|je ne (?:travaille|suis) plus (?:a|au|chez|dans|pour|en)\b|j'ai quitte (?:le|la|l'|mes)|je n'appartiens plus"
    r"|ich arbeite nicht mehr (?:bei|fur|am|an|in|im)\b|ich bin nicht mehr (?:bei|am|an|fur|in) "
    r"|(?:yo )?ya no trabajo (?:en|para)\b|non lavoro piu (?:presso|per|in|a|al)\b|ik werk niet (?:meer|langer) (?:bij|voor|in|op)\b"
    rf"|ich habe (?:das|die|den) (?:{_WORD} ){{1,5}}verlassen\b"
)
_OTHERS = (
    r"(?:this|the|cette|diese|deze) (?:e-?mail[ -])?(?:address|mailbox|account|adresse|boite|adres) (?:is no longer|is not (?:monitored|read|active|in use)|n'est plus|wird nicht mehr|wordt niet (?:meer|langer))\b"
    r"|(?:ooo|out of office) (?:until|till|from|this|today)\b|(?:i am|i'm) (?:only )?in the office (?:only )?on \w+days?\b|je ne travaille pas (?:le|les) \w+di\b|ik werk niet op \w+dag|ik ben er weer op\b"
    r"|(?:le|la|notre|nos|l') ?(?:laboratoire|bureaux?|institut|secretariat|universite) (?:est|sera|seront|sont) fermee?s? (?:jusqu|du|le|pour|de|entre)"
    r"|(?:unser|unsere|das|die) (?:buro|institut|sekretariat|universitat|hochschule) (?:ist|bleibt) (?:\S+ ){1,6}geschlossen\b|l'ufficio (?:e|sara|restera) chius[oa] (?:fino|dal|per)|(?:ons|het) (?:kantoor|instituut) is gesloten (?:tot|van|op)"
    r"|(?:urlaubs|krankheits)bedingt (?:antworte|bin|melde)\b|wegens \w{3,20} ben ik (?:afwezig|niet)\b|rientrero (?:il|in|a)\b|vuelvo el \d"
    r"|(?:leider|heute|diese woche|wegen \w{3,20}|vom \S{2,12} bis (?:zum |einschliesslich )?\S{2,12}(?: \S{3,9})?) bin ich (?:\S+ ){0,4}(?:krank|nicht (?:erreichbar|im buro|im haus|da)|abwesend|im urlaub|wieder (?:da|erreichbar|im buro))\b|"
    r"(?:our|the) (?:\w+ )?(?:office|institute|department|lab|laboratory|university)s? (?:is|are|will be) closed(?= (?:until|till|from|on|for|between|this|today|due|during|through|over)\b|[.!]|$)|we are closed (?:until|till|from|on|for|between|over)\b|you have reached (?:my|the) (?:vacation|auto|out)"
    r"|(?:out of (?:the )?office|away|on vacation|on holiday|on leave) (?:until|till|from|through|this|next)\b|(?:i|we) (?:currently )?(?:have|only have) (?:only )?limited access to (?:my )?(?:e-?mail|mail)"
    r"|i work part[- ]time\b[^.!?]{0,60}\bnot (?:in|here|working)|absente? (?:du bureau|jusqu|du \d)|je ne suis pas (?:disponible|joignable|au bureau) (?:jusqu|avant|du|actuellement)|en conges? jusqu"
    r"|ich habe (?:\S+ ){0,3}keinen zugriff auf (?:meine )?(?:e-?mails?|mails?)|ich bin (?:\S+ ){0,3}unterwegs\b|bin weg\b|nicht im (?:dienst|buro|hause?) (?:bis|vom|am)"
    r"|do \S+ \S+ (?:sem|bom) odsotn|nepritomnost|szabadsagon vagyok|(?:\S+ ){0,4}(?:kadar|arasında|tarihine kadar) (?:yıllık )?izinde|βρισκομαι σε αδεια|ειμαι εκτος γραφειου|απουσιαζω"
    r"|(?:我|本人)?.{0,8}(?:休假|外出|不在办公室|出差)|(?:ただいま|現在|ただ今)?.{0,12}(?:不在|休暇)|휴가|부재중"
)
_STARTS = re.compile(
    _GREETING + _THANKS + _NOTE + f"(?P<note>{_LEAD}(?:{_TURNED}|{_CANNOT})|{_BARE}|{_LEFT}|{_OTHERS}|{_SAID})"
)
#: Who asks something waits for an answer, whatever they say of their holidays.
_ASKS = re.compile(
    r"(?:^|[.!,;:] |- )(?:so |but |and |et |mais |und |aber |y |pero |e |ma )?(?:please |bitte )?(?:can|could|would|will|may|how|when|what|which|where|who|why|should|shall|do|does|is it|is there|qui|que dois|quel|quelle|pourquoi|pouvez|pourriez|peux"
    r"|puis-je|est-ce|comment|quand|konnen|konnten|kann|wann|was|wo|puede|podria|como|quien|puo|potete|posso|chi|come|wer|welche|warum|wie)\b[^.!?]{3,160}\?"
    r"|\b(?:vm|machine|maschine|macchina|maquina|server|disk|disque|disco)\b[^.!?]{0,80}\?"
)
#: Nor does a machine say what shall happen to another one.
_WISHES = whole_words("""
    extend | extended | extension | prolong | renew | approve | approved | deny | denied | reject | rejected | release | withdraw | restart | reboot | postpone | keep it | keep my * | keep the * |
    prolonger | prolongez | garder | gardez | approuve* | refuse | refusez | liberer | redemarrer | verlangern | verlangere | verlangert | genehmig* | ablehnen | behalten | neu starten | prorrogar | ampliar |
    aprob* | prorogare | approv* | verlengen
""")


_PLEASE_DO = re.compile(
    r"\bplease (?:do )?(?:give|move|transfer|hand|delete|remove|stop|start|keep|leave|add|change|make|wait|hold|assign|shut|switch|turn)\b|\b(?:add|give|send|move|show|tell|help) (?:me|us|it|them)\b"
)
_GERMAN_WISH = re.compile(
    r"\bbitte (?:\w+ ){0,3}(?:warten|laufen|lassen|stoppen|loschen|behalten|entscheiden|genehmigen|anlassen)\b"
)
_MACHINE_IN_IT = re.compile(r"[^.!?]{0,80}\b(?:vms?|machine|maschine|maquina|macchina)\b")
#: What is away is the writer, no machine.
_OF_A_MACHINE = whole_words(
    "vm | vms | machine | maschine | server | host | serveur | maquina | macchina | servidor | that | dass | que | che | ssh | port"
)


def begins_absent(newest: str) -> bool:
    """Whether words in plain letters on one line are a note of absence by how they begin, and nothing that a person waits for."""
    found = _STARTS.match(newest)
    if found is None or _OF_A_MACHINE.search(found["note"]) or _MACHINE_IN_IT.match(newest, found.end()):
        return False
    return not waits(newest)


def waits(newest: str) -> bool:
    """Whether who wrote these words wants something of us: a person does, a machine does not."""
    return any(pattern.search(newest) for pattern in (_ASKS, _WISHES, _PLEASE_DO, _GERMAN_WISH))
