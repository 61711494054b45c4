"""The warnings that mail gateways write above a mail, told from what a person says there about senders and mails.

The words alone prove nothing: "the sender is not verified" can be a gateway's and an admin's.  So a banner is known by its
shape: a fixed phrase of a known gateway; a label, a frame or a bare tag; advice about links and attachments; or a sentence
that says of *this* mail that it came from outside.  What speaks of persons, of what somebody did, or of the request was typed.
"""

from __future__ import annotations

import re

from parsers.text.boilerplate import speaks_of_the_matter
from parsers.text.folding import fold
from parsers.text.tables import alternatives, later, whole_words

_MOST_BANNERS = 4
_LONGEST_BANNER = 900
_MOST_BANNER_LINES = 10
#: A shorter line was not wrapped.
_WRAPPED_FROM = 50

#: Where a mail comes from, in the words of gateways.
_OUTSIDE = """
    external | externally | externe | externes | extern | externen | externer | externo | externa | externt | esterno | esterna | outside | outsider |
    exterieur | exterieure | ausserhalb | fuera de | dall'esterno | all'esterno | extarna | ekstern | eksternt | utanfor | buiten |
    zewnetrzn* | z zewnatrz | externi | vnejsi | dis kaynak* | kurulus dısından | kurum dısından | dısarıdan | szervezeten kivul* | kulso | organisaation ulkopuol* | ulkoinen | 外部 | внешн* |
    ne fait pas partie | gehort nicht zu | no pertenece a | non fa parte | non appartiene | spoza | non-university | non-company | non-corporate | the internet |
    von extern | de l'exterieur | depuis l'exterieur | personal email address
"""
_FROM_OUTSIDE = whole_words(_OUTSIDE)
#: What they doubt; people doubt the same, so these count only behind a label, beside advice, or as a gateway puts it.
_DOUBTED = whole_words("""
    first time sender | unknown sender | unfamiliar sender | unusual sender | untrusted sender | untrusted | unverified | not been verified | could not be verified |
    not verified | spoof* | impersonat* | phishing | suspicious | could not verify | couldn't verify | unable to verify | could not be validated | not authenticated
""")
_AS_GATEWAYS_DOUBT = later(
    r"(?:could not|couldn't|unable to|cannot|can't) verify (?:the identity|that|this|the sender)|identity of (?:the|this) sender"
    r"|this (?:e-?mail|message|sender)\b.{0,60}\b(?:could not be (?:verified|validated)|has not been verified|hasn't authenticated|(?:might|may) be (?:spoof|impersonat|a phish))"
    r"|sender of this (?:e-?mail|message) (?:could not be|has not been) verified"
)
#: A gateway's advice; it goes on with a banner, and is one together with a word about the mail.
_ADVICE = whole_words("""
    please be careful | be careful | be cautious | exercise caution | use caution | take care | caution | make sure you trust | unless you trust | unless you know | unless you recognise |
    unless you recognize | if you trust | verify the sender | before opening | before taking any action | before taking any actions | before you open | before you click | do not open | don't open | only open |
    think twice | do not click | never click | report suspicious | mark safe | report it as phishing | block sender | enter your password |
    soyez prudent | soyez vigilant | n'ouvrez | ne cliquez | sans etre sur | bitte prufen sie | offnen sie | bevor sie anhange | nicht offnen | keine anhange | no abra | no haga clic | tenga cuidado |
    non aprire | non cliccare | prestare attenzione | wees voorzichtig | nao clique | nao abra | klicka inte | klik ikke
""")
#: A gateway speaks of senders and links, never of itself, of somebody, or to somebody.
_PERSONAL = whole_words("""
    i | i'm | i've | i'd | i'll | me | my | mine | he | she | him | his | her | hers | we agreed | who | whose | check with | ask | talk to | better | should | colleague |
    by us | to us | for us | with us | by our | ours | we know | we have | we did | we do | we don't | we are | we were | we trust | we met | we think | we will | we'll | we need | we want | we got |
    we only | we never | we still | we also | we use | we had | we've | no access | so that | because |
    je | j'ai | moi | mon | ma | mes | il | elle | nous avons | par nous | par nos | nos soins | ich | mir | mich | mein | meine | er | ihm | von uns | bei uns | yo | mi | el me | io | mio | mia | da noi | por nosotros
""")
#: Whom and what people mean when they say "external": a gateway knows senders, organisations and addresses only.
_OF_PEOPLE = whole_words("""
    partner* | student* | postdoc* | phd | group | lab | laboratory | visitor* | guest* | professor* | collaborator* | collaboration | researcher* | engineer* | intern | interns | friend* | team |
    member* | colleagues | boss | supervisor | supplier* | server | servers | service | mail system | charter | test | meeting | visit | about |
    collegue* | partenaire* | etudiant* | stagiaire* | doctorant* | laboratoire | equipe | groupe | invite* | chercheu* | charte | kolleg* | gast | gaste | arbeitsgruppe | gruppe | praktikant* |
    doktorand* | forscher* | dienstleister | colega* | estudiante* | socio | grupo | laboratorio | invitad* | collega | colleghi | collaborator* | student* | gruppo | ospite
""")
_CJK = re.compile(
    r"(?:外部|組織外|社外|组织外).{0,12}(?:邮件|郵件|发件人|寄件|メール|送信者)|(?:邮件|郵件|メール).{0,8}(?:外部|組織外|社外|组织外)"
)
_MAIL = """
    e-mail | email | e-mails | emails | mail | mails | message | messages | sender | senders | courriel | courriels | mel | expediteur | nachricht | absender | correo | mensaje | remitente |
    messaggio | mittente | posta | bericht | afzender | mensagem | remetente | meddelande | mejl | avsandare | melding | besked | afsender | wiadomosc | nadawca | zprava | odesilatel | e-posta |
    gonderen | 邮件 | 郵件 | メール | письмо | сообщение | отправител*
"""
_HOUSES = """
    organi?ation | organisation | organization | university | company | institution | organisme | universite | etablissement | unternehmen | universitat | organizacion | universidad |
    organizzazione | universita | organisatie | organizacao
"""
_ABOUT_MAIL = whole_words(
    f"{_MAIL} | {_HOUSES} | link | links | liens | enlaces | anhange | adjuntos | allegati | attachment | attachments | pieces jointes"
)
#: `this message`, `this is an external e-mail`: what is said is said of the mail in which it stands.
_OF_THIS_MAIL = later(
    r"(?<!\w)(?:this|ce|cet|cette|diese[rs]?|este|esta|questo|questa|dit|deze|detta|det har|den har|denne|dette|ta|tato|ten|tento|bu|это)"
    rf"(?:\s+[\w'-]{{1,14}}){{0,3}}?\s+(?:{alternatives(_MAIL)})(?!\w)"
)
#: What is left of a bare tag, `External e-mail`, `Sent from outside the university`: these and nothing else.
_OF_A_TAG = whole_words(
    f"{_OUTSIDE} | {_MAIL} | {_HOUSES} | from | sent | of | to | the | our | your | an | a | de | l | le | la | a l | un | une | die | der | von | del | al"
)
_LABELS = (
    r"\[?(?:ext|external|externe?[rsn]?|externo|esterno|extern|outside)\]?|caution|warning|attention|achtung|vorsicht|warnung|avertissement"
    r"|attenzione|atencion|atencao|precaucion|aviso|let op|waarschuwing|varning|advarsel|uwaga|внимание|увага|upozorneni|figyelem|dikkat|huomio|προσοχη|注意|警告|(?:ironscales|sophos|mimecast|proofpoint|barracuda|darktrace|trustwave|fortimail)(?=\s?:)|cuidado|notice|hinweis|obs|corre[io]o? externo|mail externe|external (?:e-?mail|mail|message|sender)"
)
_LABELLED = later(rf"(?:[\W_]{{0,8}}(?:{_LABELS})[\W_]{{0,8}}){{1,3}}")
#: A label before words, with the sign that sets it off; "Attention, …" begins a sentence.
_LABEL = later(rf"[\W_]{{0,8}}(?:{_LABELS})\s?[:!\]*⚠–-]")
_FRAMED = re.compile(r"[*#=~_|<-]{2,}.{3,}[*#=~_|>-]{2,}|\[.{3,}\]")
#: Each of these says alone that a gateway speaks.
_SURELY = whole_words("""
    you don't often get email from | you don't often get e-mail from | you do not often get email from |
    some people who received this message don't often get email from | learn why this is important | learnaboutsenderidentification |
    vous n'obtenez pas souvent d'e-mails | vous ne recevez pas souvent de courriers | vous ne recevez pas souvent d'e-mails |
    decouvrez pourquoi cela est important | sie erhalten nicht haufig e-mails von | sie erhalten nicht oft e-mails von |
    weitere informationen, warum dies wichtig ist | erfahren sie, warum dies wichtig ist | no suele recibir correo |
    no suele recibir correos electronicos | por que esto es importante | non si ricevono spesso messaggi di posta |
    in genere non si ricevono | informazioni sul perche e importante | zjqcmqryfpfptbannerstart | zjqcmqryfpfptbannerend |
    think before you click | do not click links or open attachments | do not click on links | do not click any links |
    ne cliquez pas | klicken sie nicht | keine links | no haga clic | non cliccare | klik niet |
    be careful with this message | be cautious with this message | vous n'obtenez pas souvent d'e-mail | powered by mimecast |
    this message needs your attention | has been scanned by | was scanned by | report this email | pourquoi est-ce important | descubra por que |
    you don't usually receive emails from | scopri perche |
    sie erhalten nicht oft eine e-mail von | erfahren sie, warum das wichtig ist | u ontvangt niet vaak e-mail | je ontvangt niet vaak e-mail | over waarom dit belangrijk is | ontdek waarom dit belangrijk is |
    nao costuma receber emails | nao costuma receber e-mails | nao recebe frequentemente | saiba por que isso e importante | du far inte e-post ofta fran | du far inte ofta e-post fran | las om varfor det har ar viktigt | las mer om varfor det har ar viktigt |
    du far ikke ofte mail fra | du far ikke ofte mails fra | hvorfor dette er vigtigt | du mottar ikke ofte e-post fra | du far ikke ofte e-post fra | hvorfor dette er viktig | nie otrzymujesz czesto | dowiedz sie, dlaczego jest to wazne |
    et saa usein sahkopostia | miksi tama on tarkeaa | nedostavate casto | proc je to dulezite | nem gyakran kap | вы не часто получаете | вы нечасто получаете | почему это важно | sık e-posta almıyorsunuz | bunun neden onemli oldugunu |
    fraud detection checks | may not be who they appear to be | first time you received an email from | first time you have received an email from | have not previously corresponded with | has deemed this file to be safe | dangerous content by mailscanner | believed to be clean |
    this sender has not been verified | report suspicious | report phishing
""")
_MARKER = re.compile(r"zjqcmqryfpfptbanner(?:start|end)|[-_=*#~+|\s]{3,}|\[cid:[^\]]{1,80}\]")
_ADDRESS = re.compile(r"\S{1,80}@\S{1,200}")


def without_banners(lines: list[str], commanding: re.Pattern[str], own: tuple[str, ...] = ()) -> list[str]:
    """The lines without the gateway's words at their top; `own` are the site's banners, as its gateway writes them.

    A banner is one paragraph, or the first lines of one where no empty line ends it.  What matches
    `commanding` is never taken for one.
    """
    for _ in range(_MOST_BANNERS):
        while lines and not lines[0].strip():
            lines = lines[1:]
        length = _banner_length(lines, commanding, own)
        if not length:
            break
        lines = lines[length:]
    return lines


def is_banner(paragraph: str, own: tuple[str, ...] = ()) -> bool:
    """True where these words are a gateway's warning about the mail, in any of the known languages."""
    folded = " ".join(fold(paragraph[:_LONGEST_BANNER]).split())
    if not folded or len(paragraph) > _LONGEST_BANNER:
        return False
    if any(folded == " ".join(fold(banner).split()) for banner in own):
        return True
    if _MARKER.fullmatch(folded) or _LABELLED.fullmatch(folded):
        return True
    if speaks_of_the_matter(folded) or _is_personal(folded):
        return False
    return bool(_SURELY.search(folded)) or ("?" not in folded and _has_the_shape(folded))


def _has_the_shape(folded: str) -> bool:
    """Whether words about outside or doubt stand as only gateways put them."""
    if _CJK.search(folded):
        return True
    outside, advised = bool(_FROM_OUTSIDE.search(folded)), bool(_ADVICE.search(folded))
    if not (outside or _DOUBTED.search(folded)) or not _ABOUT_MAIL.search(folded):
        return False
    if advised:
        return True
    if _OF_PEOPLE.search(folded):
        return False
    if _LABEL.match(folded) or _FRAMED.fullmatch(folded) or _AS_GATEWAYS_DOUBT.search(folded):
        return True
    return outside and (bool(_OF_THIS_MAIL.search(folded)) or not any(map(str.isalnum, _OF_A_TAG.sub(" ", folded))))


def _is_personal(folded: str) -> bool:
    """Whether what is no fixed phrase of a gateway and no address speaks as people do."""
    return bool(_PERSONAL.search(_SURELY.sub(" ", _ADDRESS.sub(" ", folded))))


def _goes_on(line: str) -> bool:
    """Whether a line below a banner is advice of the same gateway."""
    folded = fold(line)
    if speaks_of_the_matter(folded) or _is_personal(folded) or "?" in folded:
        return False
    return bool(
        _SURELY.search(folded) or (_ADVICE.search(folded) and (_ABOUT_MAIL.search(folded) or len(folded.split()) <= 4))
    )


def _banner_length(lines: list[str], commanding: re.Pattern[str], own: tuple[str, ...]) -> int:
    """How many of the first lines are one banner, with the advice that follows it; 0 where there is none."""
    paragraph = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    paragraph = min(paragraph, _MOST_BANNER_LINES)
    for length in range(1, paragraph + 1):
        if commanding.search(fold(lines[length - 1])):
            return 0
        if is_banner("\n".join(lines[:length]), own) and (
            length == paragraph or commanding.match(fold(lines[length])) or _is_complete(lines, length, own)
        ):
            while length < paragraph and _goes_on(lines[length]) and not commanding.search(fold(lines[length])):
                length += 1  # noqa: PLW2901 - the banner is longer than it seemed
            return length
    return 0


def _is_complete(lines: list[str], length: int, own: tuple[str, ...]) -> bool:
    """Whether a banner ends here although no empty line follows: after a sentence, or as a short line of its own."""
    last, following = lines[length - 1].strip(), lines[length].strip()
    if last.endswith((".", "!", "]", ")", ">", "*", "-", "=", "_", "。")):
        return True
    return len(last) < _WRAPPED_FROM and not following[:1].islower() and (is_banner(last, own) or length > 1)
