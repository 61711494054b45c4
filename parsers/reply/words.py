"""The words of the reply grammar, English and French: the one table from which reading and documentation come.

All words are in plain letters (lower case, no accents, straight apostrophes).
"""

from __future__ import annotations

from dataclasses import dataclass

from parsers.text.folding import phrases
from parsers.values import Verb


@dataclass(frozen=True, slots=True)
class Rule:
    """How one verb is written: its phrases (the first is the one we teach), what may follow, what it does."""

    verb: Verb
    english: tuple[str, ...]
    french: tuple[str, ...]
    form: str
    does: str
    options: frozenset[str] = frozenset()


UNTIL, DISK, PERIOD, REASON = "until", "disk", "period", "reason"

RULES: tuple[Rule, ...] = (
    Rule(
        Verb.APPROVE,
        phrases("""
    approve | approved | i approve | i approve it | approving | accept | accepted | i accept | request approved |
    approve it | approve this | approve the request | approve this request | approve request | granted |
    this is approved | it is approved | it's approved | the request is approved | is approved | this request is approved |
    your request is approved | the request has been approved | this request has been approved | your request has been approved | has been approved |
    i hereby approve | hereby approved | i approve your request | approve your request | i do approve | i accept it | i accept this request |
    accept it | accept this | accept the request | ok for me | okay for me | ok from me | okay from me | ok from my side | fine by me | fine with me
"""),
        phrases("""
    approuve | approuvee | j'approuve | approuver | accepte | acceptee | j'accepte | accepter | accorde | accordee |
    demande approuvee | demande acceptee | c'est approuve | j'approuve la demande | approuve la demande |
    je l'approuve | valide | validee | je valide | je valide la demande | demande validee | c'est valide | valider | ok pour moi | c'est ok pour moi |
    d'accord pour moi | c'est bon pour moi | bon pour moi | bon pour accord | accord donne
"""),
        "approve [until DATE] [disk N]",
        "An administrator agrees to a request, or to an extension; with another end date or disk size (GiB) where one is given.",
        frozenset({UNTIL, DISK}),
    ),
    Rule(
        Verb.DENY,
        phrases("""
    deny | denied | i deny | deny it | deny this | deny the request | deny this request | deny request | reject |
    rejected | i reject | reject it | reject the request | reject this request | refuse | refused | i refuse |
    decline | declined | i decline | request denied | request rejected | this is denied | it is denied
"""),
        phrases("""
    refusee | je refuse | refuser | rejete | rejetee | je rejette | rejeter | demande refusee | demande rejetee |
    c'est refuse | je refuse la demande | refuse la demande | rejette
"""),
        "deny REASON",
        "An administrator refuses a request or an extension; the requester reads the reason.",
        frozenset({REASON}),
    ),
    Rule(
        Verb.RETRY,
        ("retry", "retry it", "try again", "please retry", "retry the build", "build again"),
        ("reessayer", "reessaye", "reessayez", "reessayer la construction", "recommencer"),
        "retry",
        "An administrator has a machine that could not be built tried again.",
    ),
    Rule(
        Verb.EXTEND,
        phrases("""
    extend | extend it | extend my vm | extend the vm | extend this vm | please extend | renew | prolong | extension
"""),
        phrases("""
    prolonger | prolonge | prolongez | prolongation | prolonger ma vm | prolonger la vm | renouveler | etendre |
    reconduire
"""),
        "extend until DATE | extend for PERIOD",
        "The owner asks to keep the VM longer.",
        frozenset({UNTIL, PERIOD}),
    ),
    Rule(
        Verb.RELEASE,
        ("release", "release it", "release my vm", "release the vm", "release this vm", "i release my vm"),
        phrases("""
    liberer | libere | liberer ma vm | liberer la vm | rendre | rendre ma vm | rendre la vm | je libere ma vm |
    je rends ma vm
"""),
        "release",
        "The owner gives the VM back before its end date; mailbot asks to confirm.",
    ),
    Rule(
        Verb.WITHDRAW,
        phrases("""
    withdraw | withdrawn | i withdraw | i withdraw my request | withdraw my request | withdraw request |
    withdraw the request | cancel my request | cancel the request | cancel request
"""),
        (
            "retirer",
            "retirer ma demande",
            "je retire ma demande",
            "annuler ma demande",
            "annuler la demande",
            "j'annule ma demande",
        ),
        "withdraw",
        "The requester takes a request back that is not yet decided.",
    ),
    Rule(
        Verb.KEEP,
        ("keep", "keep it", "keep my vm", "keep the vm", "keep this vm", "please keep it"),
        ("garder", "garder ma vm", "garder la vm", "conserver", "conserver ma vm", "conserver la vm", "je garde ma vm"),
        "keep",
        "The owner takes a release back.",
    ),
    Rule(
        Verb.RESTORE,
        ("restore", "restore it", "restore my vm", "restore the vm", "restore this vm"),
        ("restaurer", "restaurer ma vm", "restaurer la vm", "retablir", "retablir ma vm", "retablir la vm"),
        "restore",
        "The owner asks for a removed VM back while its disk is still kept.",
    ),
    Rule(
        Verb.CONFIRM,
        ("confirm", "confirmed", "i confirm", "i confirm it", "confirm it", "confirm this", "confirm my request"),
        ("confirmer", "confirme", "confirmee", "je confirme", "je le confirme", "je confirme ma demande"),
        "confirm",
        "Answers a letter that asks whether a request or a release is really yours.",
    ),
    Rule(
        Verb.PROCEED,
        ("proceed", "please proceed", "go ahead", "you may proceed"),
        ("poursuivre", "poursuivez", "proceder", "procedez", "continuer", "allez-y"),
        "proceed",
        "An administrator lets stops and removals go on that were held back.",
    ),
    Rule(Verb.STATUS, ("status", "state"), ("statut", "etat"), "status", "Asks how a request or a VM stands."),
    Rule(Verb.HELP, ("help", "help me"), ("aide", "a l'aide", "au secours"), "help", "Asks for this list."),
)

# A sentence around a verb is built from parts: who, the verb, what; or what, is, the participle.
_WHO = ("", "i ", "we ", "i hereby ", "we hereby ", "i do ", "i have ")
_THINGS = ("request", "vm", "machine", "virtual machine", "extension", "application", "server")
_WHOSE = ("the", "this", "that", "your", "my", "his", "her", "their")
_WHAT = (
    *("", " it", " this", " that", " this one", " request"),
    *(f" {whose} {what}" for whose in _WHOSE for what in _THINGS),
)
_QUI = ("", "j'", "je ", "nous ")
_CHOSES = ("demande", "vm", "machine", "prolongation", "requete")
_QUOI = ("", *(f" {whose} {what}" for whose in ("la", "cette", "ta", "ma", "sa", "votre") for what in _CHOSES))
_PASSIVE = (" is", " has been")
_ENGLISH = {
    Verb.APPROVE: ("approve accept approved accepted", "approved accepted granted"),
    Verb.DENY: ("deny reject refuse decline denied rejected refused declined", "denied rejected refused declined"),
    Verb.EXTEND: ("extend renew prolong", ""),
    Verb.RELEASE: ("release", "released"),
    Verb.WITHDRAW: ("withdraw withdrawn", "withdrawn"),
    Verb.KEEP: ("keep", ""),
    Verb.RESTORE: ("restore", ""),
    Verb.CONFIRM: ("confirm confirmed", "confirmed"),
}
_FRENCH = {
    Verb.APPROVE: "approuve approuvons accepte acceptons valide validons accorde accordons",
    Verb.DENY: "refuse refusons rejette rejetons",
    Verb.EXTEND: "prolonge prolonger renouvelle renouveler",
    Verb.RELEASE: "libere liberer rends rendre",
    Verb.WITHDRAW: "retire retirer annule annuler",
    Verb.KEEP: "garde garder conserve conserver",
    Verb.RESTORE: "restaure restaurer",
    Verb.CONFIRM: "confirme confirmons",
}
#: "Annule" or "rends" alone say too little of what they are about.
_NEVER_ALONE = frozenset({"annule", "annuler", "j'annule", "je annule", "rends", "j'rends", "je rends"})


def every_form(rule: Rule) -> frozenset[str]:
    """Everything that is read as this verb: what is listed, and the sentences that are built from parts."""
    listed = {*rule.english, *rule.french}
    active, participles = _ENGLISH.get(rule.verb, ("", ""))
    listed.update(f"{who}{verb}{what}" for verb in active.split() for who in _WHO for what in _WHAT)
    listed.update(
        f"{what.strip()}{is_} {done}" for done in participles.split() for what in _WHAT if what for is_ in _PASSIVE
    )
    for verb in _FRENCH.get(rule.verb, "").split():
        listed.update(f"{who}{verb}{what}" for who in _QUI for what in _QUOI)
    return frozenset(listed - (_NEVER_ALONE - {*rule.english, *rule.french}))


UNTIL_WORDS = phrases("""
    until | till | til | up to | jusqu'au | jusqu'a | jusqu'en | jusque | au | to
""")
PERIOD_WORDS = phrases("""
    for another | for | by | pour encore | pour | de | pendant | d' | another | encore
""")
DISK_WORDS = phrases("""
    disk size | disk | disc | disque | with disk | avec disque | with a disk of | avec un disque de | disk of |
    disque de
""")
DISK_UNITS = ("gib", "gb", "gio", "go", "g", "gigabytes", "gigaoctets")
REASON_WORDS = phrases("""
    because | since | as | reason | for the reason that | parce que | parce qu' | car | motif | raison | because of
    | due to
""")

#: What people put around a command; nothing else may stand beside it on its line.
BEFORE = phrases("""
    ok | okay | okey | yes | yep | yeah | sure | fine | great | perfect | alright | all right | please | kindly | so
    | then | hi | hello | hey | dear all | oui | d'accord | parfait | bien sur | tres bien | merci de |
    veuillez | bonjour | salut | s'il vous plait | s'il te plait | svp | stp | no problem | no objection |
    looks good | lgtm | of course | pas de probleme
""")
BEFORE_DENY_ONLY = phrases("""
    no | non | sorry | desole | desolee | unfortunately | malheureusement | i'm sorry | i am sorry | je suis desole
""")
AFTER = phrases("""
    thanks | thank you | thanks a lot | thanks all | thank you very much | many thanks | thx | thanx | ty | please |
    cheers | regards | best regards | kind regards | best | merci | merci beaucoup | merci d'avance | svp | stp |
    s'il vous plait | s'il te plait | cordialement | bien cordialement | bonne journee | have a nice day |
    have a good day | have fun | enjoy | from my side | for me | on my side | by me | pour moi | de mon cote |
    no problem | welcome | go ahead | please go ahead | go for it | you can go ahead | feel free | ok | okay | great | good luck | thanks in advance | a+
""")
GREETINGS = frozenset(
    phrases("""
    hi | hello | hey | dear | good morning | good afternoon | good evening | greetings | hi all | hello all |
    hi there | hiya | bonjour | bonsoir | salut | coucou | cher | chere | chers | madame | monsieur |
    madame, monsieur | bonjour a tous
""")
)
