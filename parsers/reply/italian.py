"""Italian commands: how people write each of them.  Read where the site's `languages` have "it"."""

from __future__ import annotations

from parsers.reply.language import Language
from parsers.text.folding import phrases
from parsers.values import Verb

ITALIAN = Language(
    code="it",
    name="Italian",
    listed={
        Verb.APPROVE: phrases("""
            approvare | approvo | approvato | approvata | lo approvo | la approvo | approvo la richiesta |
            approvo questa richiesta | richiesta approvata | accetto | accettato | accettata | accetto la richiesta |
            autorizzato | autorizzata | autorizzo
        """),
        Verb.DENY: phrases("""
            rifiutare | rifiuto | rifiutato | rifiutata | rifiuto la richiesta | richiesta rifiutata | respingere |
            respingo | respinto | respinta | richiesta respinta | negato | negata
        """),
        Verb.RETRY: phrases("riprovare | riprova"),
        Verb.EXTEND: phrases("""
            prorogare | proroga | prolungare | prolunga | estendere | rinnovare | prolungare la mia vm |
            prorogare la mia vm | estendere la mia vm
        """),
        Verb.RELEASE: phrases(
            "rilasciare | rilasciare la mia vm | rilascio la mia vm | liberare la mia vm | restituire la mia vm"
        ),
        Verb.WITHDRAW: phrases(
            "ritirare | ritirare la mia richiesta | ritiro la mia richiesta | annullare la mia richiesta"
        ),
        Verb.KEEP: phrases("conservare | conservare la mia vm | mantenere | mantenere la mia vm | tengo la mia vm"),
        Verb.START: phrases("avviare | avviare la mia vm | avvia la mia vm | accendere la mia vm"),
        Verb.RESTART: phrases("riavviare | riavviare la mia vm | riavvia la mia vm"),
        Verb.CONSOLE: phrases("mostrare la console | inviare la console | la console"),
        Verb.REKEY: phrases("reinstallare le mie chiavi | installare le mie chiavi"),
        Verb.REINSTALL: phrases("reinstallare | reinstallare la mia vm | reinstalla la mia vm"),
        Verb.RESTORE: phrases("ripristinare | ripristinare la mia vm | recuperare la mia vm"),
        Verb.CONFIRM: phrases(
            "confermare | confermo | confermato | confermata | lo confermo | confermo la mia richiesta"
        ),
        Verb.PROCEED: phrases("procedere | proseguire | continuare"),
        Verb.ADOPT: phrases("adottare | adottare la vm"),
        Verb.REBUILD: phrases("ricostruire | ricostruire la vm"),
        Verb.FORGET: phrases("dimenticare | dimenticare la vm"),
        Verb.STATUS: phrases("stato"),
        Verb.HELP: phrases("aiuto"),
    },
    until=phrases("fino al | fino a | fino | sino al"),
    period=phrases("per altri | per altre | per | di altri | di altre | di"),
    disk=phrases("disco | disco di | con disco | con disco di | con un disco di"),
    disk_units=(),
    reason=phrases("perche | poiche | motivo | ragione | a causa di"),
    before=phrases("va bene | d'accordo | certo | perfetto | per favore | ciao | buongiorno | certamente"),
    before_denial=phrases("mi dispiace | purtroppo | spiacente"),
    after=phrases("""
        grazie | grazie mille | molte grazie | per favore | saluti | cordiali saluti | da parte mia | per me | prego
    """),
    yes=frozenset(
        phrases("approvo | approvato | approvata | accetto | accettato | accettata | autorizzato | autorizzata")
    ),
    no=frozenset(phrases("rifiutato | rifiutata | respinto | respinta | negato | negata")),
    units={
        **dict.fromkeys(("giorno", "giorni"), "days"),
        **dict.fromkeys(("settimana", "settimane"), "weeks"),
        **dict.fromkeys(("mese", "mesi"), "months"),
        **dict.fromkeys(("anno", "anni"), "years"),
        "un": "1",
        "una": "1",
        "due": "2",
        "tre": "3",
        "quattro": "4",
        "sei": "6",
        "dodici": "12",
    },
)
