"""French commands: how people write each of them."""

from __future__ import annotations

from functools import cache

from parsers.reply.language import Language, Sentences
from parsers.text.folding import phrases
from parsers.values import Verb

# A sentence around a verb is built from parts: who, the verb, what.
_QUI = ("", "j'", "je ", "nous ")
_CHOSES = ("demande", "vm", "machine", "prolongation", "requete")
_QUOI = ("", *(f" {whose} {what}" for whose in ("la", "cette", "ta", "ma", "sa", "votre") for what in _CHOSES))
_ACTIVE = {
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


@cache
def _sentences(verb: Verb) -> tuple[Sentences, ...]:
    says = frozenset(f"{who}{word}" for word in _ACTIVE.get(verb, "").split() for who in _QUI)
    return Sentences(says - _NEVER_ALONE, frozenset(_QUOI)), Sentences(says & _NEVER_ALONE, frozenset(_QUOI[1:]))


_LISTED = {
    Verb.APPROVE: phrases("""
        approuve | approuvee | j'approuve | approuver | accepte | acceptee | j'accepte | accepter | accorde |
        accordee | demande approuvee | demande acceptee | c'est approuve | j'approuve la demande |
        approuve la demande | je l'approuve | valide | validee | je valide | je valide la demande |
        demande validee | c'est valide | valider | ok pour moi | c'est ok pour moi | d'accord pour moi |
        c'est bon pour moi | bon pour moi | bon pour accord | accord donne
    """),
    Verb.DENY: phrases("""
        refusee | je refuse | refuser | rejete | rejetee | je rejette | rejeter | demande refusee |
        demande rejetee | c'est refuse | je refuse la demande | refuse la demande | rejette
    """),
    Verb.RETRY: phrases("""
        reessayer | reessaye | reessayez | reessayer la construction | recommencer
    """),
    Verb.EXTEND: phrases("""
        prolonger | prolonge | prolongez | prolongation | prolonger ma vm | prolonger la vm | renouveler |
        etendre | reconduire
    """),
    Verb.RELEASE: phrases("""
        rendre | rendre ma vm | rendre la vm | liberer | libere | liberer ma vm | liberer la vm |
        je libere ma vm | je rends ma vm
    """),
    Verb.WITHDRAW: phrases("""
        retirer | retirer ma demande | je retire ma demande | annuler ma demande | annuler la demande |
        j'annule ma demande
    """),
    Verb.KEEP: phrases("""
        garder | garder ma vm | garder la vm | conserver | conserver ma vm | conserver la vm | je garde ma vm
    """),
    Verb.START: phrases("demarrer | demarrer ma vm | demarrer la vm | allumer ma vm"),
    Verb.RESTART: phrases("redemarrer | redemarrer ma vm | redemarrer la vm | relancer ma vm"),
    Verb.CONSOLE: phrases("console | montrer la console | envoyer la console | la console"),
    Verb.REKEY: phrases("reinstaller mes cles | installer mes cles | remettre mes cles | remettre mes cles ssh"),
    Verb.REINSTALL: phrases("reinstaller | reinstaller ma vm | reinstaller la vm"),
    Verb.RESTORE: phrases("""
        restaurer | restaurer ma vm | restaurer la vm | retablir | retablir ma vm | retablir la vm
    """),
    Verb.CONFIRM: phrases("""
        confirmer | confirme | confirmee | je confirme | je le confirme | je confirme ma demande
    """),
    Verb.PROCEED: phrases("""
        poursuivre | poursuivez | proceder | procedez | continuer | allez-y
    """),
    Verb.ADOPT: phrases("adopter | adoptez | adopter la vm | adopter la machine"),
    Verb.REBUILD: phrases("reconstruire | reconstruisez | reconstruire la vm | reconstruire la machine"),
    Verb.FORGET: phrases("oublier | oubliez | oublier la vm | oublier la machine"),
    Verb.STATUS: phrases("""
        statut | etat
    """),
    Verb.HELP: phrases("""
        aide | a l'aide | au secours
    """),
}

FRENCH = Language(
    code="fr",
    name="French",
    listed=_LISTED,
    sentences=_sentences,
    until=phrases("""
        jusqu'au | jusqu'a | jusqu'en | jusque | au
    """),
    period=phrases("""
        pour encore | pour | de | pendant | d' | encore
    """),
    disk=phrases("""
        disque | avec disque | avec un disque de | disque de
    """),
    disk_units=phrases("""
        gio | go | gigaoctets
    """),
    reason=phrases("""
        parce que | parce qu' | car | motif | raison
    """),
    before=phrases("""
        oui | d'accord | ok pour moi | ok pour nous | entendu | c'est bon pour moi | parfait | bien sur | tres bien | merci de | veuillez | bonjour | salut |
        s'il vous plait | s'il te plait | svp | stp | pas de probleme
    """),
    before_denial=phrases("""
        non | desole | desolee | malheureusement | je suis desole
    """),
    after=phrases("""
        merci | merci beaucoup | merci d'avance | svp | stp | s'il vous plait | s'il te plait | cordialement |
        bien cordialement | bonne journee | pour moi | de mon cote | a+
    """),
    yes=frozenset(
        phrases("""
        accepte | approuve | approuvee | j'approuve
    """)
    ),
    no=frozenset(
        phrases("""
        refusee | rejete | rejetee
    """)
    ),
)
