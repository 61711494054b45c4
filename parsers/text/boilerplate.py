"""What companies, lists and gateways put below or above every mail, told from what a person says with the same words.

One word proves nothing: "confidential" stands in a disclaimer, and in "the data are confidential, so at most 8 GB".  Either a
whole phrase shows it, or a word together with a second one that speaks of the mail itself; and what speaks of requests,
machines, sizes, days or persons was typed by somebody.
"""

from __future__ import annotations

import re

from parsers.text.folding import fold
from parsers.text.tables import later, whole_words

_LONGEST = 3_000

#: What only the writer of an answer speaks about: boilerplate knows nothing of machines, days and decisions.
_OF_THE_MATTER = whole_words("""
    vm | vms | machine | machines | disk | disks | disc | gb | gib | tb | gigabyte* | cpu | cpus | ram | ticket | tickets | approve | approves | approved | approval | deny | denied |
    build | built | install* | budget | quota | until | till | maximum | at most | wait | waits | hold | stop | later | tomorrow | instead | objects | audit |
    he | she | him | her | project | projects | contract | payment | missing | unclear | not signed | signed by | not checked | is required | are required | is needed | needed: |
    nothing happens | do not act | see the message | see my |
    has to sign | have to sign | must sign | must be clarified | next week | next month | next year | and no more |
    jusqu'au | jusqu'a | jusque | attendre | attends | attendez | d'abord | disque | machine virtuelle | approuve* | refuse | plus tard | demain |
    maschine | maschinen | warte | warten | erst | zuerst | platte | genehmig* | ablehn* | spater | morgen | hasta | espera | esperar | disco | maquina | primero |
    aprob* | manana | aspetta | aspettare | fino al | fino a | macchina | approv* | domani
""")
_QUANTITY = re.compile(
    r"\b\d{1,6}\s?(?:gb|gib|go|tb|tib|mb|mib|cpus?|vcpus?|cores?|days?|weeks?|months?|jours?|mois|tage?n?|wochen?|monate?n?)\b"
)

#: Each of these says alone that a company or a list speaks.
_SURELY_DISCLAIMS = whole_words("""
    confidentiality notice | intended recipient | intended recipients | named addressee | intended only for | intended solely for | solely for the use | for the sole use |
    received in error | received this in error | received it in error | received this e-mail in error | received this email in error | received this message in error | in error, please |
    not the intended | not accept orders | legally binding | registered office | registered in england | registered in | registered number | company number | vat number | registered charity | views expressed |
    opinions expressed | views of the author | scanned for viruses | checked for viruses | virus-free | free of viruses | antivirus | consider the environment | before printing | do not print |
    don't print | print this | think before you print | save paper | carbon footprint | eco-friendly | outside your working hours | outside of your working hours | do not feel obliged | don't feel obliged |
    not feel obliged | no need to reply outside | may not be your working | may not be yours | i work part-time | i work part time | i work flexibly | my working days are | my normal working | my usual working | my working pattern | mes jours de travail | meine arbeitszeiten | mis horas de trabajo | be green | digital signiert | read by third parties | follow us on | book a meeting with me | book time with me | schedule a meeting with me | working from home today |
    do not expect an answer outside | do not expect a reply outside | don't expect a reply outside | ich arbeite in teilzeit | ich arbeite teilzeit | je travaille a temps partiel | trabajo a tiempo parcial | keep it on the screen | an equal opportunity | privacy notice | privacy policy |
    privacy statement | unsubscribe | manage your subscription | list archive | to post to this | you received this message because | you are receiving this |
    digitally signed | this email is signed | pgp key | pgp fingerprint | gpg fingerprint | key fingerprint | a l'attention exclusive | recu par erreur | recu ce message par erreur |
    recu ce courriel par erreur | avertir l'expediteur | imprimer ce | n'imprimez | avant d'imprimer | decline toute responsabilite | aucune responsabilite | siege social : | au capital de | rcs | siret |
    tva intracommunautaire | droit a la deconnexion | ne vous sentez pas oblige | se desabonner | liste de diffusion | logiciel antivirus | bestimmten empfanger | beabsichtigte empfanger | richtige adressat |
    richtiger adressat | irrtumlich erhalten | versehentlich erhalten | nicht der richtige | ausdrucken | ausdruck dieser | handelsregister | registergericht | amtsgericht | hrb | ust-id | ust-idnr | umsatzsteuer |
    sitz der gesellschaft | vorsitzender des aufsichtsrats | haftungsausschluss | abbestellen | virenfrei | antes de imprimir | aviso legal | recibido por error | libre de virus | prima di stampare | partita iva |
    sede legale | tutela della privacy | ricevuto per errore | priva di virus | 機密 | 保密
""")
_DISCLAIMING = whole_words("""
    confidential | confidentiality | privileged | recipient | addressee | addressees | unauthorised | unauthorized | liability | liable | responsibility | disclosure | no contract |
    charity | viruses | virus | disclaimer | monitored | working hours | office hours | opening hours | working days | office is closed | offices are closed | office will be closed | offices will be closed | i work monday | i work tuesday |
    twice a day | data protection | gdpr | privacy | mailing list | encrypted with | public key | confidentiel | confidentielle | confidentiels | confidentielles |
    destinataire | destinataires | par erreur | ecologique | environnement | impression | avertissement | responsabilite | bureaux fermes | nos bureaux | bureaux seront fermes | buro geschlossen | horaires de travail | donnees personnelles | rgpd |
    vertraulich | vertrauliche | vertraulichkeit | adressat | irrtumlich | versehentlich | umwelt | geschaftsfuhrer | geschaftsfuhrung | datenschutz | haftung | burozeiten | mailingliste | dsgvo |
    confidencial | destinatario | destinatarios | destinatari | por error | medio ambiente | proteccion de datos | responsabilidad | riservato | riservata | riservate | riservatezza | per errore | ambiente |
    protezione dei dati | responsabilita | d.lgs | vertrouwelijk | geadresseerde | konfidentiell | fortrolig | poufne | конфиденциальн*
""")
#: The second word: the mail itself, what is in it, who gets it, or a company and its register.
_OF_THE_MAIL = later(
    r"https?:|www\.|\b(?:e-?mails?|messages?|communications?|attachments?|transmission|information|the sender|notify|respond|reply|replies|ltd|limited|inc|gmbh|registered|urgent|"
    r"courriels?|mel|pieces? jointes?|informations?|expediteur|avertir|courrier|nachrichten?|anhange?|absender|empfanger|informationen|correos?|mensajes?|adjuntos?|informacion|remitente|solicitud|"
    r"messaggi|messaggio|allegat[io]|informazioni|mittente|posta|bericht|afzender|meddelande|melding|wiadomosc|"
    r"closed (?:on|between|from)|fermes (?:le|du|entre|les)|письмо|сообщение)\b"
)
#: The word as a heading, with nothing behind it, or with what such texts go on with.
_SHOUTED = re.compile(
    r"[\W_]{0,6}(?:confidential(?:ity)?|confidentiel|vertraulich|confidencial|riservato|disclaimer)"
    r"(?:[\W_]{0,4}\Z|[\W_]{1,4}(?:if|this|the|ce|si|diese|wenn|falls|este|questo)\b)"
)


def speaks_of_the_matter(folded: str) -> bool:
    """Whether words in plain letters are about a request, a machine, a size or a day: a person typed them."""
    return bool(_OF_THE_MATTER.search(folded) or _QUANTITY.search(folded))


def is_disclaimer(paragraph: str) -> bool:
    """True for what companies and lists put below mails: confidentiality, liability, register, hours, paper."""
    folded = " ".join(fold(paragraph[:_LONGEST]).split())
    if speaks_of_the_matter(folded):
        return False
    if _SURELY_DISCLAIMS.search(folded) or _SHOUTED.match(folded):
        return True
    return bool(_DISCLAIMING.search(folded) and _OF_THE_MAIL.search(folded))
