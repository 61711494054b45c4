"""German commands: how people write each of them.  Read where the site's `languages` have "de"."""

from __future__ import annotations

from parsers.reply.language import Language
from parsers.text.folding import phrases
from parsers.values import Verb

GERMAN = Language(
    code="de",
    name="German",
    listed={
        Verb.APPROVE: phrases("""
            genehmigen | genehmigt | ich genehmige | ich genehmige es | ich genehmige das | ich genehmige den antrag |
            ich genehmige die anfrage | antrag genehmigt | anfrage genehmigt | hiermit genehmigt |
            hiermit genehmige ich den antrag | der antrag ist genehmigt | die anfrage ist genehmigt | ist genehmigt |
            ich bin einverstanden | einverstanden | bewilligt | ich bewillige | ich stimme zu | zugestimmt
        """),
        Verb.DENY: phrases("""
            ablehnen | abgelehnt | ich lehne ab | ich lehne es ab | ich lehne das ab | ich lehne den antrag ab |
            ich lehne die anfrage ab | antrag abgelehnt | anfrage abgelehnt | der antrag ist abgelehnt |
            die anfrage ist abgelehnt | ist abgelehnt
        """),
        Verb.RETRY: phrases("erneut versuchen | noch einmal versuchen | nochmal versuchen | wiederholen"),
        Verb.EXTEND: phrases("""
            verlangern | verlangere | bitte verlangern | verlangerung | meine vm verlangern | die vm verlangern |
            meine maschine verlangern | vm verlangern
        """),
        Verb.RELEASE: phrases("""
            zuruckgeben | meine vm zuruckgeben | die vm zuruckgeben | ich gebe meine vm zuruck |
            freigeben | ich gebe meine vm frei | ich gebe die vm frei | meine vm freigeben | die vm freigeben
        """),
        Verb.WITHDRAW: phrases("""
            zuruckziehen | antrag zuruckziehen | anfrage zuruckziehen | meinen antrag zuruckziehen |
            meine anfrage zuruckziehen | ich ziehe meinen antrag zuruck | ich ziehe meine anfrage zuruck
        """),
        Verb.KEEP: phrases(
            "behalten | meine vm behalten | die vm behalten | ich behalte meine vm | ich behalte die vm"
        ),
        Verb.START: phrases("starten | meine vm starten | die vm starten | einschalten | meine vm einschalten"),
        Verb.RESTART: phrases("neu starten | neustarten | meine vm neu starten | die vm neu starten"),
        Verb.CONSOLE: phrases("konsole | konsole zeigen | konsole schicken"),
        Verb.REKEY: phrases("schlussel erneuern | meine schlussel erneuern | schlussel neu einspielen"),
        Verb.REINSTALL: phrases("neu installieren | meine vm neu installieren | die vm neu installieren"),
        Verb.RESTORE: phrases("wiederherstellen | meine vm wiederherstellen | die vm wiederherstellen"),
        Verb.CONFIRM: phrases("""
            bestatigen | bestatigt | ich bestatige | ich bestatige das | ich bestatige meine anfrage |
            ich bestatige meinen antrag
        """),
        Verb.PROCEED: phrases("fortfahren | bitte fortfahren | weitermachen"),
        Verb.ADOPT: phrases("ubernehmen | die vm ubernehmen"),
        Verb.REBUILD: phrases("neu bauen | die vm neu bauen"),
        Verb.FORGET: phrases("vergessen | die vm vergessen"),
        Verb.STATUS: phrases("stand | zustand"),
        Verb.HELP: phrases("hilfe"),
    },
    until=phrases("bis zum | bis"),
    period=phrases("um weitere | um noch | um | fur weitere | fur | noch"),
    disk=phrases("festplatte | platte | mit festplatte | mit einer festplatte von | mit platte"),
    disk_units=(),
    reason=phrases("weil | da | grund | denn | wegen"),
    before=phrases("""
        ja | gut | gerne | bitte | in ordnung | klar | naturlich | alles klar | hallo | guten tag | kein problem | prima
    """),
    before_denial=phrases("nein | leider | tut mir leid | es tut mir leid"),
    after=phrases("""
        danke | vielen dank | danke schon | besten dank | bitte | gruss | grusse | viele grusse | beste grusse |
        liebe grusse | mit freundlichen grussen | mfg | von mir aus | meinerseits | in ordnung
    """),
    yes=frozenset(phrases("genehmigt | genehmige | genehmigen | einverstanden | bewilligt")),
    no=frozenset(phrases("abgelehnt | ablehnen")),
    units={
        **dict.fromkeys(("tag", "tage", "tagen"), "days"),
        **dict.fromkeys(("woche", "wochen"), "weeks"),
        **dict.fromkeys(("monat", "monate", "monaten"), "months"),
        **dict.fromkeys(("jahr", "jahre", "jahren"), "years"),
        "ein": "1",
        "eine": "1",
        "einen": "1",
        "zwei": "2",
        "drei": "3",
        "vier": "4",
        "sechs": "6",
        "zwolf": "12",
    },
)
