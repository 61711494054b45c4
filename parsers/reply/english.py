"""English commands: how people write each of them."""

from __future__ import annotations

from functools import cache

from parsers.reply.language import Language, Sentences
from parsers.text.folding import phrases
from parsers.values import Verb

# A sentence around a verb is built from parts: who, the verb, what; or what, is, the participle.
_WHO = ("", "i ", "we ", "i hereby ", "we hereby ", "i do ", "i have ")
_THINGS = ("request", "vm", "machine", "virtual machine", "extension", "application", "server")
_WHOSE = ("the", "this", "that", "your", "my", "his", "her", "their")
_WHAT = (
    *("", " it", " this", " that", " this one", " request"),
    *(f" {whose} {what}" for whose in _WHOSE for what in _THINGS),
)
_PASSIVE = (" is", " has been")
_ACTIVE = {
    Verb.APPROVE: "approve accept approved accepted",
    Verb.DENY: "deny reject refuse decline denied rejected refused declined",
    Verb.EXTEND: "extend renew prolong",
    Verb.RELEASE: "release",
    Verb.WITHDRAW: "withdraw withdrawn",
    Verb.KEEP: "keep",
    Verb.RESTORE: "restore",
    Verb.CONFIRM: "confirm confirmed",
    Verb.START: "start",
    Verb.RESTART: "restart reboot",
    Verb.REINSTALL: "reinstall",
}
_PARTICIPLES = {
    Verb.APPROVE: "approved accepted granted",
    Verb.DENY: "denied rejected refused declined",
    Verb.RELEASE: "released",
    Verb.WITHDRAW: "withdrawn",
    Verb.CONFIRM: "confirmed",
}


#: Who refuses unwillingly; nobody approves so.
_OBLIGED = ("i must ", "i have to ", "i need to ", "we must ", "we have to ")


#: How an owner asks; a decision is never only wished for.
_LIKING = ("would like to", "want to", "wish to", "need to")
_ASKING = ("could you", "can you", "would you", "could you please", "can you please", "would you please")
_WISHES = (*(f"{who} {like}" for who in ("i", "we") for like in _LIKING), "i'd like to", "we'd like to", *_ASKING)
_WISHING = tuple(f"{words} " for words in _WISHES)
_WISHED_FOR = frozenset({Verb.EXTEND, Verb.RELEASE, Verb.WITHDRAW, Verb.KEEP, Verb.START, Verb.RESTART, Verb.RESTORE})


@cache
def _sentences(verb: Verb) -> tuple[Sentences, ...]:
    who_says = (*_WHO, *_OBLIGED) if verb is Verb.DENY else (*_WHO, *_WISHING) if verb in _WISHED_FOR else _WHO
    says = frozenset(f"{who}{word}" for word in _ACTIVE.get(verb, "").split() for who in who_says)
    done = frozenset(f"{is_} {word}" for word in _PARTICIPLES.get(verb, "").split() for is_ in _PASSIVE)
    return Sentences(says, frozenset(_WHAT)), Sentences(frozenset(what.strip() for what in _WHAT[1:]), done)


_LISTED = {
    Verb.APPROVE: phrases("""
        approve | approved | i approve | i approve it | approving | accept | accepted | i accept |
        request approved | approve it | approve this | approve the request | approve this request |
        approve request | granted | this is approved | it is approved | it's approved |
        the request is approved | is approved | this request is approved | your request is approved |
        the request has been approved | this request has been approved | your request has been approved |
        has been approved | i hereby approve | hereby approved | i approve your request |
        approve your request | i do approve | i accept it | i accept this request | accept it | accept this |
        accept the request | ok for me | okay for me | ok from me | okay from me | ok from my side |
        fine by me | fine with me | consider it approved |
        consider this approved | approval granted | approval given | i am approving this | i am approving it |
        i'm approving this | i'm approving it
    """),
    Verb.DENY: phrases("""
        deny | denied | i deny | deny it | deny this | deny the request | deny this request | deny request |
        reject | rejected | i reject | reject it | reject the request | reject this request | refuse |
        refused | i refuse | decline | declined | i decline | request denied | request rejected |
        this is denied | it is denied
    """),
    Verb.RETRY: phrases("""
        retry | retry it | try again | please retry | retry the build | build again
    """),
    Verb.EXTEND: phrases("""
        extend | extend it | extend my vm | extend the vm | extend this vm | please extend | renew | prolong |
        extension
    """),
    Verb.RELEASE: phrases("""
        release | release it | release my vm | release the vm | release this vm | i release my vm
    """),
    Verb.WITHDRAW: phrases("""
        withdraw | withdrawn | i withdraw | i withdraw my request | withdraw my request | withdraw request |
        withdraw the request | cancel my request | cancel the request | cancel request
    """),
    Verb.KEEP: phrases("""
        keep | keep it | keep my vm | keep the vm | keep this vm | please keep it
    """),
    Verb.START: phrases("""
        start | start it | start my vm | start the vm | start this vm | please start my vm | switch on my vm | switch it on
    """),
    Verb.RESTART: phrases("""
        restart | restart it | restart my vm | restart the vm | restart this vm | reboot | reboot it | reboot my vm |
        reboot the vm | please restart my vm | please reboot my vm
    """),
    Verb.CONSOLE: phrases("""
        console | show console | show the console | send me the console | console log | console output
    """),
    Verb.REKEY: phrases("""
        rekey | rekey it | rekey my vm | rekey the vm | rekey this vm | install my keys | install my ssh keys |
        reinstall my keys
    """),
    Verb.REINSTALL: phrases("""
        reinstall | reinstall it | reinstall my vm | reinstall the vm | reinstall this vm
    """),
    Verb.RESTORE: phrases("""
        restore | restore it | restore my vm | restore the vm | restore this vm
    """),
    Verb.CONFIRM: phrases("""
        confirm | confirmed | i confirm | i confirm it | confirm it | confirm this | confirm my request
    """),
    Verb.PROCEED: phrases("""
        proceed | please proceed | go ahead | you may proceed
    """),
    Verb.ADOPT: phrases("""
        adopt | adopt it | adopt this vm | adopt the vm | adopt the machine
    """),
    Verb.REBUILD: phrases("""
        rebuild | rebuild it | rebuild this vm | rebuild the vm | rebuild the machine
    """),
    Verb.FORGET: phrases("""
        forget | forget it | forget this vm | forget the vm | forget the machine
    """),
    Verb.STATUS: phrases("""
        status | state
    """),
    Verb.HELP: phrases("""
        help | help me
    """),
}

ENGLISH = Language(
    code="en",
    name="English",
    listed=_LISTED,
    sentences=_sentences,
    until=phrases("""
        until | till | til | up to | to
    """),
    period=phrases("""
        for another | for | by | another
    """),
    disk=phrases("""
        disk size | disk | disc | with disk | with a disk of | disk of
    """),
    disk_units=phrases("""
        gib | gb | g | gigabytes
    """),
    reason=phrases("""
        because | since | as | reason | for the reason that | because of | due to
    """),
    before=phrases("""
        ok | okay | okey | yes | yep | yeah | sure | fine | great | perfect | alright | all right | please |
        kindly | so | then | hi | hello | hey | dear all | no problem | no objection | looks good | lgtm |
        of course |
        go ahead | decision | my decision | +1 | ok for me | okay for me | ok from my side | fine with me | fine by me |
        good for me | looks good to me | looks fine
    """),
    before_denial=phrases("""
        no | sorry | unfortunately | i'm sorry | i am sorry
    """),
    after=phrases("""
        thanks | thank you | thanks a lot | thanks all | thank you very much | many thanks | thx | thanx | ty |
        please | cheers | regards | best regards | kind regards | best | have a nice day | have a good day |
        have fun | enjoy | from my side | for me | on my side | by me | no problem | welcome | go ahead |
        please go ahead | go for it | you can go ahead | feel free | ok | okay | great | good luck |
        thanks in advance | thanks for everything | thank you for everything | many thanks for everything |
        sure | of course | +1
    """),
    yes=frozenset(
        phrases("""
        accept | accepted | approve | approved | approving | granted
    """)
    ),
    no=frozenset(
        phrases("""
        decline | declined | denied | deny | denying | refuse | refused | refusing | reject | rejected
    """)
    ),
)
