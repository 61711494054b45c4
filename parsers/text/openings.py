"""What stands above a writer's own words: greetings, and the banners of mail gateways.

Both are known by their shape and a few words, so that a new name or gateway needs no new entry.
"""

from __future__ import annotations

import re

from parsers.text.boilerplate import speaks_of_the_matter
from parsers.text.folding import fold, phrases
from parsers.text.tables import beginning, whole_words

_MOST_BANNERS = 4
_LONGEST_BANNER = 900
_MOST_BANNER_LINES = 10
#: A shorter line was not wrapped.
_WRAPPED_FROM = 50
_MOST_GREETING_WORDS = 8
_MOST_NAMES = 5

_GREETINGS = beginning("""
    hi | hello | hey | hiya | dear | howdy | yo | good morning | good afternoon | good evening | good day | g'day | gday |
    greetings | morning | afternoon | evening | to whom it may concern | bonjour | bonsoir | salut | coucou | cher | chere | chers |
    cheres | madame | monsieur | mesdames | messieurs | mme | hallo | moin | moinsen | servus | gruess gott | gruss gott | guten tag |
    guten morgen | guten abend | grezi | gruezi | lieber | liebe | sehr geehrte | sehr geehrter | hi zusammen | hola | buenos dias |
    buenas tardes | buenas noches | buenas | estimado | estimada | estimados | estimadas | querido | querida | ciao | buongiorno |
    buonasera | salve | gentile | gentili | caro | cara | cari | egregio | spettabile | ola | bom dia | boa tarde | boa noite | prezado |
    prezada | caro colega | beste | geachte | goedemorgen | goedemiddag | dag | hoi | hej | hejsan | god morgon | kaere | kjaere |
    hei | moi | tere | labas | sveiki | ahoj | dobry den | czesc | dzien dobry | witam | szia | kedves | dragi | zdravo | pozdrav |
    merhaba | selam | здравствуйте | добрый день | привет | доброе утро | вітаю | γεια | καλημερα | שלום | مرحبا | 你好 | 您好 | こんにちは |
    お世話になっております | 안녕하세요
""")
_JOINTS = frozenset(
    phrases(
        "and | & | et | und | y | e | en | og | och | all | team | the | of | les | de | a | tous | everyone | colleagues | both | -"
    )
)
_EVERYBODY = frozenset({"all", "team", "tous", "everyone", "colleagues"})
_NAME = re.compile(r"[^\W\d_][\w'’.-]*", re.UNICODE)

# One word of each column in the same lines makes a banner of them.
_FROM_OUTSIDE = whole_words("""
    external | externally | externe | externes | extern | externen | externer | externo | externa | esterno | esterna | outside | outsider |
    exterieur | exterieure | ausserhalb | fuera de | dall'esterno | all'esterno | extarna | ekstern | eksternt | utanfor | buiten |
    zewnetrzn* | externi | vnejsi | dis kaynak* | 外部 | внешн* | first time sender | unknown sender | unfamiliar sender |
    untrusted | unverified | not been verified | could not be verified | not verified | spoof* | impersonat* | phishing | suspicious |
    ne fait pas partie | gehort nicht zu | no pertenece a | non fa parte | non appartiene | spoza | non-university | non-company | non-corporate | the internet |
    von extern | de l'exterieur | depuis l'exterieur | unusual sender | untrusted sender | personal email address
""")
#: A gateway's advice; it goes on with a banner, and is one together with a word about the mail.
_ADVICE = whole_words("""
    please be careful | be careful | be cautious | exercise caution | use caution | take care | caution | make sure you trust | unless you trust | unless you know | unless you recognise |
    unless you recognize | if you trust | verify the sender | before opening | before taking any action | before taking any actions | before you open | do not open | don't open | only open | report suspicious | mark safe |
    soyez prudent | soyez vigilant | n'ouvrez | ne cliquez | sans etre sur | bitte prufen sie | offnen sie | bevor sie anhange | nicht offnen | keine anhange | no abra | no haga clic | tenga cuidado |
    non aprire | non cliccare | prestare attenzione | wees voorzichtig
""")
#: A gateway speaks of senders and links, never of itself, of somebody, or to somebody.
_PERSONAL = whole_words("""
    i | i'm | i've | i'd | i'll | me | my | mine | he | she | him | his | her | hers | we agreed | who | whose | check with | ask | talk to | better | should | colleague |
    je | j'ai | moi | mon | ma | mes | il | elle | ich | mir | mich | mein | meine | er | ihm | yo | mi | el me | io | mio | mia
""")
_CJK = re.compile(
    r"(?:外部|組織外|社外|组织外).{0,12}(?:邮件|郵件|发件人|寄件|メール|送信者)|(?:邮件|郵件|メール).{0,8}(?:外部|組織外|社外|组织外)"
)
_ABOUT_MAIL = whole_words("""
    e-mail | email | e-mails | emails | mail | mails | message | messages | sender | senders | organi?ation | organisation | organization |
    university | company | institution | courriel | courriels | mel | expediteur | organisme | universite | nachricht | absender |
    organisation | unternehmen | universitat | correo | mensaje | remitente | organizacion | universidad | messaggio | mittente |
    organizzazione | universita | posta | bericht | afzender | organisatie | mensagem | remetente | organizacao | meddelande | avsandare |
    melding | afsender | wiadomosc | nadawca | zprava | odesilatel | e-posta | gonderen | 邮件 | 郵件 | メール | письмо | отправител* | link | links |
    liens | enlaces | anhange | adjuntos | allegati | attachment | attachments | pieces jointes
""")
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
    this sender has not been verified | report suspicious | report phishing
""")
_LABELLED = re.compile(
    r"(?:[\W_]{0,8}(?:\[?(?:ext|external|externe?[rsn]?|externo|esterno|extern|outside)\]?|caution|warning|attention|achtung|warnung|avertissement"
    r"|attenzione|atencion|precaucion|aviso|let op|waarschuwing|varning|advarsel|uwaga|cuidado|notice|hinweis|corre[io]o? externo|mail externe)[\W_]{0,8}){1,3}"
)
_MARKER = re.compile(r"zjqcmqryfpfptbanner(?:start|end)|[-_=*#~+|\s]{3,}|\[cid:[^\]]{1,80}\]")


def is_greeting(line: str) -> bool:
    """`Hi Bob,`, `Alice,`, `Dear colleagues of the support team,`: known words, or names before a comma; one line."""
    bare = line.strip(" \t*_\"'“”«»")
    tokens = bare.rstrip(" ,.!:-–—").replace(",", " ").split()
    if not tokens or len(tokens) > _MOST_GREETING_WORDS or "?" in bare:
        return False
    folded = fold(bare)
    known = _GREETINGS.match(folded)
    if known:
        rest = folded[known.end() :].strip(" ,.!:-")
        return len(rest.split()) <= _MOST_GREETING_WORDS - 1 and (not rest or bare[-1] in ",!:-–—" or len(tokens) <= 4)
    if bare[:1] == "@":
        return len(tokens) <= _MOST_NAMES and _are_names([token.removeprefix("@") for token in tokens])
    spoken_to = bare[-1:] in (",", "，") or bare.endswith((" -", " –", " —"))
    return spoken_to and len(tokens) <= _MOST_NAMES and _are_names(tokens)


def _are_names(tokens: list[str]) -> bool:
    names = [token for token in tokens if fold(token) not in _JOINTS]
    everybody = any(fold(token) in _EVERYBODY for token in tokens)
    return (bool(names) or everybody) and all(_NAME.fullmatch(token) and token[0].isupper() for token in names)


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
    if speaks_of_the_matter(folded):
        return False
    if _SURELY.search(folded):
        return True
    return not _is_typed(folded) and (
        bool(_FROM_OUTSIDE.search(folded) and _ABOUT_MAIL.search(folded)) or bool(_CJK.search(folded))
    )


def _is_typed(folded: str) -> bool:
    return "?" in folded or bool(_PERSONAL.search(folded))


def _goes_on(line: str) -> bool:
    """Whether a line below a banner is advice of the same gateway."""
    folded = fold(line)
    if speaks_of_the_matter(folded) or _is_typed(folded):
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
